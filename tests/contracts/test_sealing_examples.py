"""docs/examples/hpke.mjs, open_image.mjs and seal_reference.mjs, as an integrator runs them, beside our own sealing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.sealing import SUITE, OpeningKey, Purpose
from edge.contracts.session import SealedImage

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
SESSION, IMAGE = "a" * 32, "b" * 32
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 200

# RFC 9180, appendix A.2.1, its first message.
PUBLISHED = """
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { open, publicKey, seal } from 'EXAMPLES/hpke.mjs';
const hex = (text) => Buffer.from(text, 'hex');
const pair = (d, x) => {
  const key = { kty: 'OKP', crv: 'X25519', d: hex(d).toString('base64url'), x: hex(x).toString('base64url') };
  const privateKey = createPrivateKey({ key, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
};
const recipient = pair(
  '8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb',
  '4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a',
);
const enc = '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a';
const sender = pair('f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600', enc);
const info = Buffer.from('Ode on a Grecian Urn');
const aad = Buffer.from('Count-0');
const sealed = seal(recipient.publicKey, info, Buffer.from('Beauty is truth, truth beauty'), aad, sender);
console.log(sealed.toString('hex'));
console.log(open(recipient.privateKey, info, sealed, aad).toString());
"""


@pytest.fixture
def node(need_program, tmp_path):
    program = need_program("node", "nodejs")

    def run(script: Path, *arguments: object, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program, str(script), *map(str, arguments)],
            input=content,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def key(tmp_path):
    key = OpeningKey.generate()
    (tmp_path / "key.pem").write_bytes(key.pem())
    (tmp_path / "key.pub.jwk").write_text(json.dumps(key.public.jwk("gate-1")))
    return key


def message(key, **changes) -> bytes:
    sealed = key.public.seal(JPEG, Purpose.SESSION_IMAGE, "hq", "gate-1", SESSION, IMAGE)
    facts = {
        "session_id": SESSION,
        "attempt_id": 1,
        "session_image_id": IMAGE,
        "suite": SUITE,
        "key": key.public.kid,
        "sealed": to_base64url(sealed),
    }
    return SealedImage(**(facts | changes)).to_json()


def test_node_seals_and_opens_the_published_example(node, tmp_path):
    script = tmp_path / "published.mjs"
    script.write_text(PUBLISHED.replace("EXAMPLES", EXAMPLES.as_uri()))
    done = node(script)
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
        "Beauty is truth, truth beauty",
    ]


@pytest.mark.parametrize("by_file", [False, True])
def test_node_opens_a_session_image_and_says_what_the_decision_must_say(node, key, tmp_path, by_file):
    (tmp_path / "message.json").write_bytes(message(key))
    arguments = ("key.pem", "hq", "gate-1", *(["message.json"] if by_file else []))
    done = node(EXAMPLES / "open_image.mjs", *arguments, content=None if by_file else message(key))
    assert (done.returncode, done.stdout) == (0, JPEG)
    assert done.stderr.decode().startswith("sha256 ")


@pytest.mark.parametrize(
    ("changes", "device"),
    [
        ({"session_id": "c" * 32}, "gate-1"),
        ({"session_image_id": "c" * 32}, "gate-1"),
        ({"suite": "another"}, "gate-1"),
        ({"sealed": "A" * 64}, "gate-1"),
        ({"sealed": to_base64url(bytes(100))}, "gate-1"),
        ({}, "gate-2"),
    ],
)
def test_node_opens_nothing_that_was_sealed_for_something_else(node, key, changes, device):
    done = node(EXAMPLES / "open_image.mjs", "key.pem", "hq", device, content=message(key, **changes))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("refused: ")


@pytest.mark.parametrize(
    ("kind", "purpose"), [("image", Purpose.REFERENCE_IMAGE), ("template", Purpose.REFERENCE_TEMPLATE)]
)
def test_what_node_seals_the_terminal_opens(node, key, kind, purpose):
    done = node(EXAMPLES / "seal_reference.mjs", "key.pub.jwk", "hq", "gate-1", "k3Jv0mY1Qz6uXn8s", kind, content=JPEG)
    assert (done.returncode, done.stderr) == (0, b"")
    sealed = from_base64url(done.stdout.decode().strip())
    assert key.open(sealed, purpose, "hq", "gate-1", "k3Jv0mY1Qz6uXn8s") == JPEG


def test_node_seals_to_no_other_terminals_key_and_to_no_private_one(node, key, tmp_path):
    for change, device in (({}, "gate-2"), ({"d": "AAAA"}, "gate-1"), ({"x": to_base64url(bytes(32))}, "gate-1")):
        (tmp_path / "other.jwk").write_text(json.dumps(key.public.jwk("gate-1") | change))
        done = node(EXAMPLES / "seal_reference.mjs", "other.jwk", "hq", device, "12345678", "image", content=JPEG)
        assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("script", ["open_image.mjs", "seal_reference.mjs"])
def test_too_few_arguments_are_answered_with_how_it_is_used(node, script):
    done = node(EXAMPLES / script, "key.pem")
    assert done.returncode == 2
    assert b"usage" in done.stderr
