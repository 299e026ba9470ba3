"""What one key alone opens: round trips, whatever is changed, keys that keep nothing secret, a published example."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.sealing import (
    _SUITE,
    OpeningKey,
    Purpose,
    SealError,
    SealingKey,
    read_sealing_keys,
    sealed_bytes,
)
from edge.contracts.verification import SEALING_BYTES

KEY = OpeningKey.generate()
REFERENCE = ("hq", "gate-1", "k3Jv0mY1Qz6uXn8s")
IMAGE = ("hq", "gate-1", "a" * 32, "b" * 32)
NAMES = {
    Purpose.REFERENCE_IMAGE: REFERENCE,
    Purpose.REFERENCE_TEMPLATE: REFERENCE,
    Purpose.SESSION_IMAGE: IMAGE,
}
purposes = st.sampled_from(Purpose)

# The numbers below 2**256 that are points of small order on the curve or its twist, as of p = 2**255 - 19.
_P = 2**255 - 19
_ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
SMALL_ORDER = [
    (number + top).to_bytes(32, "little")
    for number in (0, 1, *_ORDER_8, _P - 1, _P, _P + 1)
    for top in (0, 2**255)  # which X25519 does not look at (RFC 7748, section 5)
]


@given(st.binary(max_size=4096), purposes)
def test_any_content_opens_as_it_was_sealed(content, purpose):
    sealed = KEY.public.seal(content, purpose, *NAMES[purpose])
    assert len(sealed) == len(content) + SEALING_BYTES
    assert KEY.open(sealed, purpose, *NAMES[purpose]) == content


@given(st.binary(max_size=64), purposes, st.data())
def test_whatever_byte_is_changed_it_does_not_open(content, purpose, data):
    sealed = bytearray(KEY.public.seal(content, purpose, *NAMES[purpose]))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealError, match="does not open"):
        KEY.open(bytes(sealed), purpose, *NAMES[purpose])


@given(st.binary(max_size=64), purposes, st.data())
def test_it_does_not_open_cut_short_or_with_more_behind_it(content, purpose, data):
    sealed = KEY.public.seal(content, purpose, *NAMES[purpose])
    changed = data.draw(
        st.one_of(
            st.integers(0, len(sealed) - 1).map(lambda end: sealed[:end]),
            st.binary(min_size=1, max_size=40).map(lambda more: sealed + more),
        )
    )
    with pytest.raises(SealError, match="does not open"):
        KEY.open(changed, purpose, *NAMES[purpose])


@given(purposes, st.data())
def test_it_opens_by_its_own_names_alone(purpose, data):
    names = list(NAMES[purpose])
    sealed = KEY.public.seal(b"x", purpose, *names)
    at = data.draw(st.integers(0, len(names) - 1))
    names[at] = data.draw(st.text(max_size=40).filter(lambda other: other != names[at]))
    with pytest.raises(SealError, match="does not open"):
        KEY.open(sealed, purpose, *names)


def test_names_that_read_alike_when_joined_are_told_apart():
    sealed = KEY.public.seal(b"x", Purpose.REFERENCE_IMAGE, "a", 'b","c', "d")
    with pytest.raises(SealError):
        KEY.open(sealed, Purpose.REFERENCE_IMAGE, 'a","b', "c", "d")


def test_it_opens_for_its_own_purpose_and_by_its_own_key_alone():
    sealed = KEY.public.seal(b"x", Purpose.REFERENCE_IMAGE, *REFERENCE)
    with pytest.raises(SealError, match="purpose"):
        KEY.open(sealed, Purpose.REFERENCE_TEMPLATE, *REFERENCE)
    with pytest.raises(SealError, match="another key"):
        OpeningKey.generate().open(sealed, Purpose.REFERENCE_IMAGE, *REFERENCE)


def test_the_same_content_is_never_sealed_alike_twice():
    assert len({KEY.public.seal(b"x", Purpose.SESSION_IMAGE, *IMAGE)[:32] for _ in range(20)}) == 20


@pytest.mark.parametrize("purpose", Purpose)
def test_a_name_too_few_is_a_mistake_of_the_program(purpose):
    with pytest.raises(ValueError, match="is bound to"):
        KEY.public.seal(b"", purpose, *NAMES[purpose][1:])


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_a_point_of_small_order_is_no_key_and_opens_nothing(point):
    with pytest.raises(SealError, match="small order"):
        SealingKey(point)
    with pytest.raises(SealError, match="does not open"):
        KEY.open(point + bytes(64), Purpose.SESSION_IMAGE, *IMAGE)


@given(st.binary(max_size=100).filter(lambda content: len(content) != 32))
def test_a_key_of_another_length_is_refused(content):
    with pytest.raises(SealError, match="32 bytes"):
        SealingKey(content)
    with pytest.raises(SealError, match="32 bytes"):
        SealingKey.from_x(to_base64url(content))


def test_an_example_of_rfc_9180_opens():
    """Appendix A.2.1. Its messages have associated data, which ours have not: from its key and nonce one without."""
    private = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    )
    enc = bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    key = bytes.fromhex("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91")
    nonce = bytes.fromhex("5c4d98150661b848853b547f")
    content = b"Beauty is truth, truth beauty"
    published = bytes.fromhex(
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    )
    assert ChaCha20Poly1305(key).encrypt(nonce, content, b"Count-0") == published
    sealed = enc + ChaCha20Poly1305(key).encrypt(nonce, content, None)
    assert _SUITE.decrypt(sealed, private, b"Ode on a Grecian Urn") == content


def test_a_pem_file_keeps_the_key():
    again = OpeningKey.from_pem(KEY.pem(), "key.pem")
    assert again.public.kid == KEY.public.kid
    assert again.open(KEY.public.seal(b"x", Purpose.SESSION_IMAGE, *IMAGE), Purpose.SESSION_IMAGE, *IMAGE) == b"x"


def pem(key, password=None):
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        pem(Ed25519PrivateKey.generate()),
        pem(X25519PrivateKey.generate(), b"secret"),
        X25519PrivateKey.generate()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        KEY.pem()[:60],
    ],
    ids=["empty", "text", "ed25519", "encrypted", "public", "cut"],
)
def test_what_is_no_private_key_of_x25519_is_refused_and_named(content):
    with pytest.raises(SealError, match=r"card\.pem"):
        OpeningKey.from_pem(content, "card.pem")


def test_a_public_jwk_is_read_with_its_device():
    ((key, device),) = read_sealing_keys(json.dumps(KEY.public.jwk("gate-1")).encode(), "gate-1.jwk")
    assert (key.bytes, key.kid, device) == (KEY.public.bytes, KEY.public.kid, "gate-1")
    assert read_sealing_keys(json.dumps(KEY.public.jwk_members).encode(), "bare.jwk")[0][1] is None
    assert KEY.public.jwk()["use"] == "enc"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kty": "EC"}, "no X25519 key"),
        ({"crv": "Ed25519"}, "no X25519 key"),
        ({"d": "AAAA"}, "private"),
        ({"x": 5}, "texts"),
        ({"x": "AAAA"}, "32 bytes"),
        ({"x": to_base64url(bytes(32))}, "small order"),
        ({"x": KEY.public.jwk_members["x"] + "="}, "base64url"),
        ({"device": ["gate-1"]}, "texts"),
        ({"kid": "another"}, "thumbprint"),
    ],
)
def test_a_jwk_that_is_wrong_is_refused_with_its_file(changes, words):
    with pytest.raises(SealError, match=words) as refused:
        read_sealing_keys(json.dumps(KEY.public.jwk("gate-1") | changes).encode(), "gate-1.jwk")
    assert "gate-1.jwk" in refused.value.what


@given(st.binary(max_size=100))
def test_base64url_comes_back(content):
    assert from_base64url(to_base64url(content)) == content


@pytest.mark.parametrize("text", ["A", "QQ==", "QR", "Q+_-", "/w", "Q Q", "QQ\n", "ä", "QQQQQ"])
def test_what_is_written_in_another_way_is_no_base64url(text):
    with pytest.raises(SealError, match="base64url"):
        sealed_bytes(text)
