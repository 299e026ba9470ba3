#!/bin/sh
# Verifies a decision in a shell, with OpenSSL 3, mktemp and grep -o (GNU, BusyBox and BSD have them):
#
#     sh verify_decision.sh KEY.jwk [MESSAGE.json]
#
# KEY.jwk: one enrolled public key, as the terminal wrote it. MESSAGE.json: a payload of the topic `decision`, else
# standard input. Prints the signed decision. Exit code: 0 verified, 1 refused, 2 wrong usage.
#
# What is printed was signed by that terminal, at some time. Whether a door may open on it is asked afterwards: your
# own nonce, in time by your clock, capture live, enough assurance (docs/verification.md). The readable copy beside the
# signature is not looked at. No JSON is parsed: what is not written exactly as a terminal writes it is refused.
set -eu
LC_ALL=C
export LC_ALL

refuse() {
    printf 'refused: %s\n' "$*" >&2
    exit 1
}

# The one value of a text member that may stand anywhere in a file; nothing where there is none.
member() { # NAME FILE
    found=$(tr -d '\n\r' <"$2" | grep -o "\"$1\"[[:space:]]*:[[:space:]]*\"[A-Za-z0-9_.-]*\"" || true)
    [ "$(printf '%s\n' "$found" | grep -c .)" -le 1 ] || refuse "$2 has several of \"$1\""
    printf '%s' "$found" | sed 's/.*"\([A-Za-z0-9_.-]*\)"$/\1/'
}

encode() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# base64url, only where it encodes back to the same text.
decode() { # TEXT FILE
    padded=$(printf '%s' "$1" | tr -- '-_' '+/')
    while [ $((${#padded} % 4)) -ne 0 ]; do padded="$padded="; done
    printf '%s' "$padded" | openssl base64 -d -A >"$2" 2>/dev/null || refuse "a part is not base64url"
    [ "$(encode <"$2")" = "$1" ] || refuse "a part is not base64url"
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo 'usage: sh verify_decision.sh KEY.jwk [MESSAGE.json]' >&2
    exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cat -- "${2:--}" >"$folder/message"
[ "$(wc -c <"$folder/message")" -le 131072 ] || refuse 'the message is too large'

# The key: 12 bytes say that Ed25519 follows (RFC 8410), then its 32.
[ "$(member crv "$1")" = Ed25519 ] || refuse "$1 holds no Ed25519 key"
[ -z "$(member d "$1")" ] || refuse "$1 holds a private key"
x=$(member x "$1")
decode "$x" "$folder/x"
[ "$(wc -c <"$folder/x")" -eq 32 ] || refuse "$1 holds no Ed25519 key"
{
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    cat "$folder/x"
} >"$folder/key.der"
# RFC 7638: SHA-256 over the required members, by name.
kid=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | encode)
stated=$(member kid "$1")
[ -z "$stated" ] || [ "$stated" = "$kid" ] || refuse "$1: kid $stated is not the thumbprint of its key, $kid"

# The header must be these bytes: algorithm, this very key, type, and nothing else.
jws=$(member jws "$folder/message")
head=${jws%%.*}
rest=${jws#*.}
content=${rest%%.*}
signature=${rest#*.}
[ "$jws" = "$head.$content.$signature" ] || refuse 'the message has no JWS of three parts'
wanted=$(printf '{"alg":"EdDSA","kid":"%s","typ":"livegate-decision+json"}' "$kid" | encode)
[ "$head" = "$wanted" ] || refuse "the header is not that of a decision signed by $kid"

decode "$content" "$folder/decision"
decode "$signature" "$folder/signature"
printf '%s.%s' "$head" "$content" >"$folder/signed"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$folder/key.der" -rawin \
    -in "$folder/signed" -sigfile "$folder/signature" >/dev/null 2>&1 || refuse 'the signature does not fit'

# A key that names its device signs for that one alone. A terminal writes its name here, in this order.
device=$(member device "$1")
if [ -n "$device" ]; then
    case $(cat "$folder/decision") in
    '{"schemaVersion":"1.0","device":"'"$device"'",'*) ;;
    *) refuse "it is not a decision of $device" ;;
    esac
fi
cat "$folder/decision"
echo
