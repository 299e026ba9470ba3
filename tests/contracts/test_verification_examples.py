"""docs/examples/verify_decision.mjs and verify_decision.sh, as an integrator runs them, each on the same messages."""

from __future__ import annotations

import hmac
import json
import subprocess
from pathlib import Path

import pytest

from edge.contracts.jws import OKPKey, public_jwk, sign, thumbprint, write_decision
from tests.contracts.test_signed_decisions import b64, header, token, unb64

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.fixture(params=["node", "openssl"])
def verify(request, need_program, tmp_path):
    """Runs one of the two on a message and a file of keys."""
    if request.param == "node":
        command = [need_program("node", "nodejs"), str(EXAMPLES / "verify_decision.mjs")]
    else:
        need_program("openssl", "openssl")
        command = ["sh", str(EXAMPLES / "verify_decision.sh")]

    def run(message: bytes, enrolled: dict, *, by_file: bool = False) -> subprocess.CompletedProcess[bytes]:
        keys, file = tmp_path / "keys.jwk", tmp_path / "message.json"
        keys.write_text(json.dumps(enrolled, indent=2))
        file.write_bytes(message)
        return subprocess.run(
            [*command, str(keys), *([str(file)] if by_file else [])],
            input=None if by_file else message,
            capture_output=True,
            timeout=60,
            check=False,
        )

    run.program = request.param
    return run


@pytest.fixture
def jwk(key):
    return public_jwk(key, "gate-1")


def message(decision, jws) -> bytes:
    return json.dumps({"decision": json.loads(decision.to_json()), "jws": jws}).encode()


def refused(done, why):
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().startswith("refused: ")
    assert why in done.stderr.decode()


@pytest.mark.parametrize("by_file", [False, True])
def test_a_decision_of_an_enrolled_key_is_printed_as_it_was_signed(verify, decision, key, jwk, by_file):
    done = verify(write_decision(decision, key), jwk, by_file=by_file)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == decision.to_json() + b"\n"


def test_a_key_without_a_name_and_device_verifies_too(verify, decision, key, jwk):
    bare = {name: jwk[name] for name in ("kty", "crv", "x")}
    assert verify(write_decision(decision, key), bare).returncode == 0


def test_an_altered_payload_is_refused(verify, decision, key, jwk):
    head, body, signature = json.loads(write_decision(decision, key))["jws"].split(".")
    altered = unb64(body).replace(b"spoofface", b"realface ")
    changed = json.dumps({"decision": json.loads(altered), "jws": f"{head}.{b64(altered)}.{signature}"})
    refused(verify(changed.encode(), jwk), "signature does not fit")


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "eddsa", ""])
def test_another_algorithm_is_refused_before_anything_is_verified(verify, decision, key, jwk, alg):
    refused(verify(message(decision, token(header(key, alg=alg), decision.to_json(), key)), jwk), "")
    unsigned = f"{b64(json.dumps(header(key, alg=alg)).encode())}.{b64(decision.to_json())}."
    refused(verify(message(decision, unsigned), jwk), "")


def test_the_public_key_is_no_hmac_secret(verify, decision, key, jwk):
    signed = f"{b64(json.dumps(header(key, alg='HS256')).encode())}.{b64(decision.to_json())}"
    mac = hmac.digest(key.public_key.public_bytes_raw(), signed.encode(), "sha256")
    refused(verify(message(decision, f"{signed}.{b64(mac)}"), jwk), "alg" if verify.program == "node" else "header")


def test_another_key_is_refused_also_under_the_enrolled_ones_name(verify, decision, key, jwk):
    stranger = OKPKey.generate_key("Ed25519")
    refused(verify(write_decision(decision, stranger), jwk), "")
    forged = sign(decision.to_json(), stranger).split(".")
    forged[0] = sign(decision.to_json(), key).split(".")[0]
    refused(verify(message(decision, ".".join(forged)), jwk), "signature does not fit")


def test_a_wrong_key_id_is_refused_in_the_message_and_in_the_file(verify, decision, key, jwk):
    other = thumbprint(OKPKey.generate_key("Ed25519"))
    refused(verify(message(decision, token(header(key, kid=other), decision.to_json(), key)), jwk), "")
    refused(verify(write_decision(decision, key), jwk | {"kid": other}), "thumbprint")


@pytest.mark.parametrize("changes", [{"typ": "JWT"}, {"typ": "livegate-request+json"}, {"crit": ["exp"]}, {"jwk": {}}])
def test_another_header_is_refused(verify, decision, key, jwk, changes):
    refused(verify(message(decision, token(header(key, **changes), decision.to_json(), key)), jwk), "")


def test_a_key_speaks_for_its_own_device_alone(verify, decision, key):
    refused(verify(write_decision(decision, key), public_jwk(key, "gate-2")), "gate-2")


def test_a_private_key_and_one_of_another_kind_are_refused(verify, decision, key, jwk):
    private = {name: str(value) for name, value in key.as_dict(private=True).items()}
    refused(verify(write_decision(decision, key), private), "")
    refused(verify(write_decision(decision, key), jwk | {"crv": "X25519"}), "Ed25519")


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"\xff", b'{"jws": "a.b.c", "decision": {}}', b'{"jws": "", "decision": {}}', b" " * 200_000],
)
def test_what_is_no_decision_is_refused(verify, jwk, payload):
    refused(verify(payload, jwk), "")


def test_a_signature_that_is_written_in_another_way_is_refused(verify, decision, key, jwk):
    jws = json.loads(write_decision(decision, key))["jws"]
    refused(verify(message(decision, jws + "="), jwk), "")
    refused(verify(message(decision, jws + ".x"), jwk), "")
    # 64 bytes leave four bits of the last letter unused.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    refused(verify(message(decision, jws[:-1] + letters[letters.index(jws[-1]) + 1]), jwk), "base64url")


def test_node_finds_the_key_in_a_set_and_refuses_a_readable_copy_that_differs(decision, key, jwk, verify):
    both = {"keys": [public_jwk(OKPKey.generate_key("Ed25519"), "gate-2"), jwk]}
    copy = json.loads(write_decision(decision, key))
    copy["decision"]["attempt"]["result"]["livenessDecision"] = "realface"
    if verify.program == "node":
        assert verify(write_decision(decision, key), both).returncode == 0
        refused(verify(json.dumps(copy).encode(), jwk), "readable copy differs")
    else:
        refused(verify(write_decision(decision, key), both), "several")
        assert verify(json.dumps(copy).encode(), jwk).stdout == decision.to_json() + b"\n"
