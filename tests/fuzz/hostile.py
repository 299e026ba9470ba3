"""Writes tests/fuzz/corpus/: messages that are hostile in one way each, named for it. ``python -m tests.fuzz.hostile``

Folders are messages of the contract; ``any`` is for every topic, ``jws`` holds compact tokens in the place of a
decision's. What would be a valid command has an end at ``NOW`` plus ten seconds. Files are small; what must be large is
made by ``large``.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from edge.contracts.jws import OKPKey, public_jwk, sign, thumbprint

CORPUS: Final = Path(__file__).with_name("corpus")
NOW: Final = 1_700_000_000.0
# The published keys of RFC 8037, appendix A, and of RFC 8032, 7.1, test 2.
KEY: Final = OKPKey.import_key(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
)
OTHER_KEY: Final = OKPKey.import_key(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs",
        "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    }
)
DECISION: Final[dict[str, Any]] = {
    "schemaVersion": "1.0",
    "device": "gate-1",
    "site": "hq",
    "bootCount": 12,
    "seq": 3,
    "sessionId": "5d6e8f0a1b2c3d4e5f60718293a4b5c6",
    "livenessOperationMode": "Passive",
    "nonce": "Qm9vLW9ubHktZm9yLW9uZS1kb29y",
    "capture": "live",
    "issuedAt": NOW,
    "attempt": {
        "attemptId": 1,
        "attemptStatus": "Failed",
        "error": {"code": "NoFaceDetected", "message": "no face"},
        "lightLevel": "not_measured",
        "lightReason": "no light",
        "assurance": {"level": "none", "confirmed": [], "framesJudged": 0, "temporal": True},
        "durationSeconds": 1.0,
    },
    "lastAttempt": True,
    "provenance": {"models": {}, "config": "c" * 64, "policy": "door", "software": "0.1.0"},
}
PING: Final = f'"id":"command-0001","expiresAt":{NOW + 10}'
START: Final = f'{PING},"nonce":"Zm9yIG9uZSBkb29yIG9ubHk"'
TYPES: Final = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "one_as_a_fraction": "1.0",
    "negative": "-1",
    "two_to_the_63": "9223372036854775808",
    "infinite": "1e400",
    "text": '"x"',
    "a_list": "[]",
    "an_object": "{}",
}


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def small() -> dict[str, bytes]:
    """By path below the corpus."""
    return {
        **{f"any/{name}": content for name, content in _anywhere()},
        **{f"cmd.ping/{name}.json": content for name, content in _pings()},
        **{f"cmd.session.start/{name}.json": content for name, content in _starts()},
        **{f"config.desired/{name}.json": content for name, content in _desired()},
        **{f"decision/{name}.json": content for name, content in _decisions()},
        **{f"jws/{name}.jws": token.encode("utf-8", "surrogatepass") for name, token in (*_headers(), *_forms())},
    }


def large() -> dict[str, bytes]:
    """For every topic, like ``any``."""
    return {
        "a_hundred_thousand_numbers": b'{"requiredEvidence":[' + b"1," * 99_999 + b"1]}",
        "a_hundred_thousand_lists_in_each_other": b"[" * 100_000 + b"]" * 100_000,
        "ten_thousand_objects_in_each_other": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "a_very_long_text": b'{"id":"' + b"a" * 200_000 + b'"}',
        "a_very_long_name": b'{"' + b"a" * 200_000 + b'":1}',
        "nothing_but_blanks": b" " * 200_000,
        "a_number_of_fifteen_thousand_digits": b'{"expiresAt":' + b"9" * 15_000 + b"}",
        "four_thousand_unknown_fields": b"{" + b",".join(b'"f%d":1' % n for n in range(4000)) + b"}",
    }


def _anywhere() -> Iterator[tuple[str, bytes]]:
    yield "empty_object.json", b"{}"
    yield "half_an_object.json", b'{"id":'
    yield "a_list.json", b"[]"
    yield "null.json", b"null"
    yield "a_number.json", b"3"
    yield "a_text.json", b'"text"'
    yield "no_utf8.bin", b"\xff\xfe\x00\x80"
    yield "overlong_utf8.bin", b'{"id":"\xc0\xaf\xc0\xaf\xc0\xaf\xc0\xaf\xc0\xaf\xc0\xaf\xc0\xaf\xc0\xaf"}'
    yield "surrogate_as_utf8.bin", b'{"id":"\xed\xa0\x80aaaaaaaa"}'
    yield "nul_bytes.bin", bytes(64)
    yield "cbor.bin", bytes.fromhex("a262696468636f6d6d616e64696578706972657341741a6553f10a")
    yield "pickle.bin", pickle.dumps({"id": "command-0001", "expiresAt": NOW + 10}, protocol=4)
    yield "protobuf.bin", b"\x0a\x0ccommand-0001\x11" + bytes(8)
    yield "gzip_bomb.bin", gzip.compress(bytes(4_000_000), mtime=0)
    yield "zip_header.bin", b"PK\x03\x04" + bytes(26)
    yield "xml_entities.xml", b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    yield "yaml_alias.yaml", b"a: &a [1]\nb: *a\n"
    yield "nested_lists.json", b"[" * 5000
    yield "nested_objects.json", b'{"a":' * 900 + b"1" + b"}" * 900
    yield "nested_version.json", b'{"schemaVersion":' + b"[" * 600 + b"]" * 600 + b"}"
    yield "escapes_of_a_terminal.json", b'{"\\u001b[2J\\u001b]0;x\\u0007\\r\\nERROR":1}'
    yield "right_to_left.json", '{"\u202egnp.exe":1}'.encode()


def _framed(inner: str) -> Iterator[tuple[str, bytes]]:
    """Ways of not being JSON, or not UTF-8, of what would be valid."""
    whole = "{" + inner + "}"
    yield "byte_order_mark", b"\xef\xbb\xbf" + whole.encode()
    yield "utf_16", whole.encode("utf-16")
    yield "utf_16_without_mark", whole.encode("utf-16-be")
    yield "utf_32", whole.encode("utf-32")
    yield "two_documents", whole.encode() * 2
    yield "something_after_it", whole.encode() + b"\x00"
    yield "comment", f"{{{inner}/* x */}}".encode()
    yield "line_comment", f"{{{inner}// x\n}}".encode()
    yield "comma_at_the_end", f"{{{inner},}}".encode()
    yield "single_quotes", whole.replace('"', "'").encode()
    yield "names_without_quotes", whole.replace('"id"', "id").replace('"rev"', "rev").encode()
    yield "in_a_list", f"[{whole}]".encode()
    yield "as_a_text", json.dumps(whole).encode()
    yield "unknown_field", f'{{{inner},"unknown":1}}'.encode()
    yield "prototype", f'{{{inner},"__proto__":{{"admin":true}}}}'.encode()
    yield "empty_name", f'{{{inner},"":1}}'.encode()
    yield "python_name", f'{{{inner},"schema_version":"1.0"}}'.encode()
    yield "newer_schema", f'{{{inner},"schemaVersion":"1.1"}}'.encode()
    yield "schema_as_a_number", f'{{{inner},"schemaVersion":1.0}}'.encode()
    yield "schema_as_null", f'{{{inner},"schemaVersion":null}}'.encode()
    yield "tab_in_a_text", f'{{{inner},"a\tb":1}}'.encode()


def _pings() -> Iterator[tuple[str, bytes]]:
    yield from _framed(PING)
    for name, value in TYPES.items():
        yield f"id_is_{name}", f'{{"id":{value},"expiresAt":{NOW + 10}}}'.encode()
        yield f"expires_at_is_{name}", f'{{"id":"command-0001","expiresAt":{value}}}'.encode()
    ids = {
        "too_short": "1234567",
        "too_long": "a" * 65,
        "confusable": "c\u043emmand-0001",
        "fullwidth": "\uff43ommand-0001",
        "line_end": "command-0001\\n",
        "nul": "command-0001\\u0000",
        "lone_surrogate": "command-0001\\ud800",
        "slash": "../../../state",
        "wildcard": "command-0001+#",
        "sql": "a';DROP TABLE command;--",
        "format": "%s%s%n{0.__class__}",
    }
    for name, value in ids.items():
        yield f"id_{name}", f'{{"id":"{value}","expiresAt":{NOW + 10}}}'.encode()
    yield "id_twice", f'{{{PING},"id":"command-0002"}}'.encode()
    yield "id_twice_once_escaped", f'{{{PING},"\\u0069d":"command-0002"}}'.encode()
    yield "id_missing", f'{{"expiresAt":{NOW + 10}}}'.encode()
    for name, number in {
        "nan": "NaN",
        "infinity": "Infinity",
        "minus_infinity": "-Infinity",
        "hexadecimal": "0x6553F10A",
        "leading_plus": f"+{NOW}",
        "leading_zero": f"0{NOW}",
        "a_text": f'"{NOW + 10}"',
        "past": f"{NOW - 1}",
        "now": f"{NOW}",
        "far_ahead": "1e300",
        "milliseconds": f"{(NOW + 10) * 1000:.0f}",
    }.items():
        yield f"expiry_{name}", f'{{"id":"command-0001","expiresAt":{number}}}'.encode()


def _starts() -> Iterator[tuple[str, bytes]]:
    yield from _framed(START)
    fields = [
        "livenessOperationMode",
        "deviceCorrelationId",
        "userCorrelationId",
        "nonce",
        "authTokenTimeToLiveInSeconds",
        "numberOfClientAttemptsAllowed",
        "requiredEvidence",
        "padMargin",
        "alternative",
        "authorization",
    ]
    fitting = {
        ("nonce", "null"),
        ("deviceCorrelationId", "null"),
        ("userCorrelationId", "null"),
        ("userCorrelationId", "text"),
        ("requiredEvidence", "a_list"),
        ("padMargin", "null"),
        ("padMargin", "zero"),
        ("padMargin", "one_as_a_fraction"),
        ("alternative", "null"),
        ("authorization", "null"),
        ("authorization", "text"),
    }
    for field in fields:
        for name, value in TYPES.items():
            if (field, name) not in fitting:
                yield f"{field}_is_{name}", f'{{{PING},"{field}":{value}}}'.encode()
    odd = {
        "mode_in_lower_case": ("livenessOperationMode", '"passive"'),
        "mode_with_a_confusable": ("livenessOperationMode", '"P\u0430ssive"'),
        "nonce_too_short": ("nonce", '"short"'),
        "nonce_too_long": ("nonce", f'"{"a" * 129}"'),
        "nonce_with_padding": ("nonce", '"Zm9yIG9uZSBkb29yIG9ubA=="'),
        "nonce_with_a_line_end": ("nonce", '"Zm9yIG9uZSBkb29yIG9ubHk\\n"'),
        "correlation_with_braces_inside": ("deviceCorrelationId", '"8a1c1f5e-2f0c-\\u001b[2J"'),
        "four_attempts": ("numberOfClientAttemptsAllowed", "4"),
        "evidence_unknown": ("requiredEvidence", '["pad","faith"]'),
        "evidence_ten_thousand_times": ("requiredEvidence", "[" + ",".join(["1"] * 5000) + "]"),
        "negative_margin": ("padMargin", "-0.001"),
        "alternatives_two": ("alternative", '["without_flash","without_movement"]'),
        "authorization_with_blanks": ("authorization", '"a b.c"'),
    }
    for name, (field, value) in odd.items():
        yield name, f'{{{PING},"{field}":{value}}}'.encode()


def _desired() -> Iterator[tuple[str, bytes]]:
    yield from _framed('"rev":1')
    for name, value in TYPES.items():
        if name != "one_as_a_fraction":
            yield f"rev_is_{name}", f'{{"rev":{value}}}'.encode()
        yield f"service_is_{name}", f'{{"rev":1,"service":{value}}}'.encode()
        if name != "an_object":
            yield f"settings_is_{name}", f'{{"rev":1,"settings":{value}}}'.encode()
    yield "rev_beyond_what_a_double_holds", b'{"rev":9007199254740993}'
    yield "rev_twice", b'{"rev":1,"rev":2}'
    yield "rev_missing", b'{"settings":{}}'
    yield "reason_too_long", b'{"rev":1,"reason":"' + b"a" * 201 + b'"}'
    yield "settings_infinite", b'{"rev":1,"settings":{"a":1e400}}'
    yield "settings_nan", b'{"rev":1,"settings":{"a":NaN}}'
    yield "settings_of_four_thousand_digits", b'{"rev":1,"settings":{"a":' + b"9" * 4000 + b"}}"
    yield "settings_nested", b'{"rev":1,"settings":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}"
    yield "settings_name_twice_deep_inside", b'{"rev":1,"settings":{"a":{"b":{"c":1,"c":2}}}}'
    yield "settings_lone_surrogate", b'{"rev":1,"settings":{"a":"\\udfff"}}'


def _message(jws: Any, readable: Any = DECISION) -> bytes:
    return json.dumps({"decision": readable, "jws": jws}).encode()


def _signed(content: bytes, key: OKPKey = KEY, **header: Any) -> str:
    """A token that the code under test would not write."""
    head = {"alg": "EdDSA", "kid": thumbprint(key), "typ": "livegate-decision+json"} | header
    signed = f"{b64(json.dumps(head).encode())}.{b64(content)}"
    return f"{signed}.{b64(key.private_key.sign(signed.encode()))}"


def _decisions() -> Iterator[tuple[str, bytes]]:
    content = json.dumps(DECISION).encode()
    token = _signed(content)
    for name, value in TYPES.items():
        if name != "text":
            yield f"jws_is_{name}", b'{"decision":{},"jws":' + value.encode() + b"}"
        if name != "an_object":
            yield f"decision_is_{name}", b'{"decision":' + value.encode() + b',"jws":"' + token.encode() + b'"}'
    altered = json.loads(content)
    altered["seq"] = 4
    yield "readable_copy_altered", _message(token, altered)
    yield "readable_copy_with_more", _message(token, DECISION | {"more": 1})
    yield "readable_copy_with_less", _message(token, {k: v for k, v in DECISION.items() if k != "nonce"})
    yield "jws_twice", b'{"jws":"a.b.c",' + _message(token)[1:]
    for name, wrong in {
        "seq_zero": {"seq": 0},
        "seq_negative": {"seq": -(2**31)},
        "session_with_a_path": {"sessionId": "../../../../../../etc/passwd00000"},
        "newer_schema": {"schemaVersion": "2.0"},
        "without_attempt": {"attempt": None},
        "attempt_four": {"attempt": DECISION["attempt"] | {"attemptId": 4}},
        "another_device": {"device": "gate-2"},
        "confusable_device": {"device": "g\u0430te-1"},
    }.items():
        document = DECISION | wrong
        yield f"signed_{name}", _message(_signed(json.dumps(document).encode()), document)
    for name, text in {
        "nan": content.replace(b"1.0}", b"NaN}"),
        "infinite": content.replace(b"1700000000.0", b"1e400"),
        "a_name_twice": content[:-1] + b',"capture":"simulated"}',
        "byte_order_mark": b"\xef\xbb\xbf" + content,
        "utf_16": content.decode().encode("utf-16"),
        "no_object": b"[]",
        "nothing": b"",
        "nested": b'{"schemaVersion":' + b"[" * 500 + b"]" * 500 + b"}",
    }.items():
        yield f"signed_{name}", _message(_signed(text))


# No token verifies with KEY enrolled for gate-1 and OTHER_KEY for gate-2.
def _headers() -> Iterator[tuple[str, str]]:
    content = json.dumps(DECISION).encode()
    good = sign(content, KEY)
    _, body, signature = good.split(".")
    public = KEY.public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = KEY.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def unsigned(header: Any, end: str = signature) -> str:
        return f"{b64(json.dumps(header).encode())}.{body}.{end}"

    usual = {"alg": "EdDSA", "kid": thumbprint(KEY), "typ": "livegate-decision+json"}
    for alg in ("none", "None", "NONE", "", "HS256", "RS256", "ES256", "Ed448", "eddsa", "EdDSA\u0000"):
        yield f"alg_{b64(alg.encode()) or 'empty'}", unsigned(usual | {"alg": alg})
    yield "alg_none_without_signature", unsigned(usual | {"alg": "none"}, "")
    for name, alg in {"null": None, "a_list": ["EdDSA"], "an_object": {}, "a_number": 1}.items():
        yield f"alg_is_{name}", unsigned(usual | {"alg": alg})
        if alg is not None:
            yield f"kid_is_{name}", unsigned(usual | {"kid": alg})
    for name, secret in {"raw": public, "pem": pem, "jwk": json.dumps(public_jwk(KEY)).encode()}.items():
        start = f"{b64(json.dumps(usual | {'alg': 'HS256'}).encode())}.{body}"
        yield (
            f"hs256_with_the_public_key_as_secret_{name}",
            f"{start}.{b64(hmac.digest(secret, start.encode(), hashlib.sha256))}",
        )
    for name, more in {
        "crit_b64": {"crit": ["b64"], "b64": False},
        "b64_false": {"b64": False},
        "crit_unknown": {"crit": ["x"], "x": 1},
        "jku": {"jku": "https://example.org/keys"},
        "x5u": {"x5u": "https://example.org/chain"},
        "jwk_embedded": {"jwk": public_jwk(KEY)},
        "x5c": {"x5c": ["MIIB"]},
        "zip": {"zip": "DEF"},
        "another_type": {"typ": "JWT"},
        "upper_case_type": {"typ": "LIVEGATE-DECISION+JSON"},
        "requesters_type": {"typ": "livegate-authorization+json"},
        "unknown_member": {"x": [[[]]]},
    }.items():
        yield f"header_{name}", _signed(content, **more)
    yield "header_without_type", _signed(content, typ=None)
    yield (
        "header_twice_alg",
        f"{b64(b'{' + json.dumps(usual)[1:-1].encode() + b', ' + json.dumps(usual)[1:].encode())}.{body}.{signature}",
    )
    yield "header_no_json", f"{b64(b'{')}.{body}.{signature}"
    yield "header_a_list", f"{b64(b'[]')}.{body}.{signature}"
    yield "header_no_utf8", f"{b64(bytes([255, 254]))}.{body}.{signature}"
    yield "header_nested", f"{b64(b'[' * 3000)}.{body}.{signature}"
    yield "kid_of_another_device", _signed(content, kid=thumbprint(OTHER_KEY))
    yield "another_device_speaks", _signed(content, OTHER_KEY)
    yield "kid_a_path", unsigned(usual | {"kid": "../../../../dev/null"})
    yield "kid_sql", unsigned(usual | {"kid": "x' UNION SELECT 'key"})


def _forms() -> Iterator[tuple[str, str]]:
    content = json.dumps(DECISION).encode()
    good = sign(content, KEY)
    head, body, signature = good.split(".")
    yield "signature_missing", f"{head}.{body}."
    yield "signature_short", f"{head}.{body}.{signature[:-4]}"
    yield "signature_long", f"{good}AAAA"
    yield "signature_of_zeros", f"{head}.{body}.{b64(bytes(64))}"
    yield "signature_identity_point", f"{head}.{body}.{b64(bytes([1]) + bytes(63))}"
    # RFC 8032, 5.1.7: S must be below the group's order, or one signature has two forms.
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    yield (
        "signature_plus_the_order",
        f"{head}.{body}.{b64(raw[:32] + (int.from_bytes(raw[32:], 'little') + order).to_bytes(32, 'little'))}",
    )
    yield "trailing_dot", f"{good}."
    yield "trailing_dots", f"{good}.."
    yield "leading_dot", f".{good}"
    yield "two_parts", f"{head}.{body}"
    yield "only_dots", ".."
    yield "empty", ""
    yield "padding", f"{good}=="
    yield "padding_in_the_middle", f"{head}=.{body}=.{signature}"
    yield "line_end", f"{good}\n"
    yield "blank_inside", f"{head}.{body}.{signature[:20]} {signature[20:]}"
    yield "no_alphabet", f"{head}.{body}.{signature[:20]}!{signature[20:]}"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield "spare_bits_set", good[:-1] + alphabet[alphabet.index(good[-1]) | 1]
    plain = {"-": "+", "_": "/"}
    yield "plain_base64", f"{head}.{body}.{''.join(plain.get(c, c) for c in signature)}"
    yield "payload_encoded_again", f"{head}.{b64(json.dumps(DECISION, separators=(',', ':')).encode())}.{signature}"
    yield "payload_altered", f"{head}.{b64(content.replace(b'Failed', b'Succes'))}.{signature}"
    yield "payload_detached", f"{head}..{signature}"
    yield "json_serialisation", json.dumps({"payload": body, "protected": head, "signature": signature})
    yield "confusable_letter", good.replace("e", "\u0435", 1)
    yield "fullwidth_dots", good.replace(".", "\uff0e")
    yield "lone_surrogate", f"{good}\ud800"
    yield "nul", f"{head}\x00.{body}.{signature}"


def main() -> None:
    wanted = small()
    for path, content in wanted.items():
        file = CORPUS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for file in CORPUS.rglob("*"):
        if file.is_file() and file.relative_to(CORPUS).as_posix() not in wanted:
            file.unlink()
    sys.stdout.write(f"{len(wanted)} files, {sum(map(len, wanted.values()))} bytes\n")


if __name__ == "__main__":
    main()
