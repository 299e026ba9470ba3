import base64
import hashlib
import hmac
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from edge.contracts.decision import Decision
from edge.contracts.jws import (
    EnrolledKey,
    EnrolledKeys,
    OKPKey,
    SignatureError,
    public_jwk,
    read_decision,
    read_public_keys,
    read_unverified,
    sign,
    thumbprint,
    verify,
    write_decision,
)


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(header: dict, payload: bytes, key: OKPKey) -> str:
    """A JWS made without the code under test."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    return f"{signed}.{b64(key.private_key.sign(signed.encode()))}"


def header(key: OKPKey, **changes) -> dict:
    return {"alg": "EdDSA", "kid": thumbprint(key), "typ": "livegate-decision+json"} | changes


def test_a_decision_comes_back_as_it_was_signed(decision, key, keys):
    assert read_decision(write_decision(decision, key), keys) == decision


def test_the_signature_covers_the_exact_bytes_and_any_ed25519_verifies_it(decision, key):
    message = json.loads(write_decision(decision, key))
    head, body, signature = message["jws"].split(".")
    assert unb64(body) == decision.to_json()
    assert json.loads(unb64(head)) == header(key)
    key.public_key.verify(unb64(signature), f"{head}.{body}".encode())


def test_the_key_id_is_the_thumbprint_of_rfc_8037_appendix_a3():
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_fully_specified_algorithm_name_is_accepted_too(key, keys):
    assert verify(token(header(key, alg="Ed25519"), b"{}", key), keys) == b"{}"


def test_an_unsigned_token_is_refused(key, keys):
    unsigned = f"{b64(json.dumps(header(key, alg='none')).encode())}.{b64(b'{}')}."
    with pytest.raises(SignatureError, match="none"):
        verify(unsigned, keys)


def test_the_public_key_is_no_hmac_secret(key, keys):
    signed = f"{b64(json.dumps(header(key, alg='HS256')).encode())}.{b64(b'{}')}"
    for secret in (
        key.public_key.public_bytes_raw(),
        key.as_pem(private=False),
        json.dumps(public_jwk(key)).encode(),
    ):
        forged = f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"
        with pytest.raises(SignatureError, match="HS256"):
            verify(forged, keys)


@pytest.mark.parametrize("alg", ["ES256", "RS256", "Ed448", "", "eddsa"])
def test_another_algorithm_is_refused(alg, key, keys):
    with pytest.raises(SignatureError):
        verify(token(header(key, alg=alg), b"{}", key), keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"crit": ["exp"], "exp": 1},
        {"b64": False, "crit": ["b64"]},
        {"jwk": {"kty": "OKP"}},
        {"kid": 7},
        {"typ": None},
    ],
)
def test_a_header_that_this_contract_does_not_write_is_refused(changes, key, keys):
    with pytest.raises(SignatureError):
        verify(token(header(key, **changes), b"{}", key), keys)


def test_a_missing_key_id_is_refused(key, keys):
    bare = {name: value for name, value in header(key).items() if name != "kid"}
    with pytest.raises(SignatureError, match="header"):
        verify(token(bare, b"{}", key), keys)


def test_a_key_that_nobody_enrolled_is_refused(keys):
    stranger = OKPKey.generate_key("Ed25519")
    with pytest.raises(SignatureError, match="not enrolled"):
        verify(sign(b"{}", stranger), keys)


def test_a_stranger_under_an_enrolled_key_id_is_refused(key, keys):
    with pytest.raises(SignatureError, match="does not fit"):
        verify(token(header(key), b"{}", OKPKey.generate_key("Ed25519")), keys)


def test_a_key_speaks_only_for_the_device_it_is_enrolled_for(decision, key):
    other = EnrolledKeys([EnrolledKey(thumbprint(key), key, "gate-2")])
    with pytest.raises(SignatureError, match="'gate-2'"):
        read_decision(write_decision(decision, key), other)


def test_a_key_without_a_device_speaks_for_any(decision, key):
    bare = EnrolledKeys([EnrolledKey(thumbprint(key), key)])
    assert read_decision(write_decision(decision, key), bare) == decision


def test_a_readable_copy_that_says_something_else_is_refused(decision, key, keys):
    message = json.loads(write_decision(decision, key))
    message["decision"]["attempt"]["result"]["livenessDecision"] = "realface"
    with pytest.raises(SignatureError, match="readable copy differs"):
        read_decision(json.dumps(message).encode(), keys)


def test_the_unverified_view_shows_the_signed_bytes_not_the_readable_copy(decision, key):
    message = json.loads(write_decision(decision, key))
    message["decision"]["attempt"]["result"]["livenessDecision"] = "realface"
    assert read_unverified(json.dumps(message).encode()) == decision


def test_fields_of_a_newer_terminal_are_ignored(decision, key, keys):
    newer = json.loads(decision.to_json())
    newer["weather"] = "fine"
    newer["attempt"]["assurance"]["moon"] = 0.5
    jws = sign(json.dumps(newer).encode(), key)
    message = json.dumps({"decision": newer, "jws": jws, "more": 1}).encode()
    assert read_decision(message, keys) == decision


def test_another_schema_version_is_refused_by_name(decision, key, keys):
    newer = json.loads(decision.to_json()) | {"schemaVersion": "2.0"}
    message = json.dumps({"decision": newer, "jws": sign(json.dumps(newer).encode(), key)}).encode()
    with pytest.raises(SignatureError, match=r"2\.0"):
        read_decision(message, keys)


def test_a_signed_decision_that_breaks_the_contract_names_the_fields(decision, key, keys):
    broken = json.loads(decision.to_json()) | {"seq": 0, "sessionId": "x"}
    message = json.dumps({"decision": broken, "jws": sign(json.dumps(broken).encode(), key)}).encode()
    with pytest.raises(SignatureError, match=r"seq.*sessionId|sessionId.*seq"):
        read_decision(message, keys)


def test_an_oversize_message_is_refused_unread(keys):
    with pytest.raises(SignatureError, match="bytes"):
        read_decision(b" " * 200_000, keys)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"[]", b"null", b"{}", b'{"jws": 1, "decision": {}}', b'{"jws": "a.b.c", "decision": []}',
     b'{"jws": "a.b.c", "decision": {}}', b'{"jws": "\xc3\xa4", "decision": {}}', b"[" * 50_000],
)  # fmt: skip
def test_what_is_no_signed_decision_is_refused(payload, keys):
    with pytest.raises(SignatureError):
        read_decision(payload, keys)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_changed_byte_changes_the_decision(data, decision, key, keys):
    message = bytearray(write_decision(decision, key))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_decision(bytes(message), keys)
    except SignatureError:
        return
    assert read == decision


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=60),
    odd_header=st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9)),
)
def test_any_token_is_refused_in_plain_words(text, odd_header, keys):
    for hostile in (text, f"{b64(json.dumps(odd_header).encode())}.{b64(text.encode('utf-8', 'replace'))}.AA"):
        with pytest.raises(SignatureError) as refusal:
            verify(hostile, keys)
        assert refusal.value.remedy


def test_keys_are_read_from_a_jwk_a_set_and_pem(key):
    jwk = public_jwk(key, "gate-1")
    pem = key.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    other = public_jwk(OKPKey.generate_key("Ed25519"))
    used = {name: jwk[name] for name in ("kty", "crv", "x")} | {"alg": "EdDSA", "use": "sig"}
    for content, device in (
        (json.dumps(jwk).encode(), "gate-1"),
        (json.dumps({"keys": [other, jwk]}).encode(), "gate-1"),
        (json.dumps(used).encode(), None),
        (pem, None),
    ):
        read = read_public_keys(content, "keys.json")
        assert read[thumbprint(key)].device == device
        assert verify(sign(b"{}", key), read) == b"{}"


def test_a_private_key_is_refused_before_it_spreads(key):
    private = {name: str(value) for name, value in key.as_dict(private=True).items()}
    for content in (json.dumps(private).encode(), key.as_pem(private=True)):
        with pytest.raises(SignatureError, match="private key"):
            read_public_keys(content, "keys.json")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "neither PEM nor JSON"),
        (b"[]", "no key"),
        (b'{"keys": []}', "no key"),
        (b'{"keys": [1]}', "no key"),
        (b'{"keys": 1}', "no key"),
        (b"{}", "cannot be read"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": "AA"}', "cannot be read"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": 5}', "cannot be read"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_by_name(content, named):
    with pytest.raises(SignatureError, match=named) as refusal:
        read_public_keys(content, "keys.json")
    assert "keys.json" in str(refusal.value)


def test_keys_of_other_kinds_are_refused():
    agreement = OKPKey.generate_key("X25519", private=False).as_dict()
    elliptic = ECKey.generate_key("P-256", private=False)
    for content in (json.dumps(agreement).encode(), json.dumps(elliptic.as_dict()).encode(), elliptic.as_pem()):
        with pytest.raises(SignatureError):
            read_public_keys(content, "keys.json")


def test_a_key_id_that_is_not_the_thumbprint_is_refused(key):
    wrong = public_jwk(key) | {"kid": hashlib.sha256(b"").hexdigest()}
    with pytest.raises(SignatureError, match="thumbprint"):
        read_public_keys(json.dumps(wrong).encode(), "keys.json")


def test_a_device_that_is_not_text_is_refused(key):
    with pytest.raises(SignatureError, match="device"):
        read_public_keys(json.dumps(public_jwk(key) | {"device": 5}).encode(), "keys.json")


def test_a_back_end_verifies_without_the_devices_libraries():
    check = (
        "import sys, edge.contracts.jws\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'cv2', 'numpy', 'aiomqtt', 'paho', 'ai_edge_litert', 'structlog', 'ruamel', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_decision_model_itself_stays_strict(decision):
    with pytest.raises(ValueError, match="weather"):
        Decision.model_validate_json(json.dumps(json.loads(decision.to_json()) | {"weather": "fine"}))


def test_a_key_of_a_kind_that_nobody_knows_is_refused_by_name():
    # The object identifier after those of Ed25519 and its kin is nobody's (1.3.101.119).
    spki = base64.b64encode(bytes.fromhex("302a300506032b6577032100") + bytes(32))
    with pytest.raises(SignatureError, match="cannot be read"):
        read_public_keys(b"-----BEGIN PUBLIC KEY-----\n" + spki + b"\n-----END PUBLIC KEY-----\n", "keys.pem")
