"""Sealing: what one key alone opens. HPKE (RFC 9180), base mode, with X25519, HKDF-SHA256 and ChaCha20-Poly1305.

What is sealed is bound to its purpose and to names such as the device and the command: opened for another purpose, or
by another name, it does not open. Nothing says who sealed it; where that counts, a signature beside it does.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.strict_json import read_json
from edge.errors import LinkError

SUITE: Final = "DHKEM(X25519,HKDF-SHA256),HKDF-SHA256,ChaCha20Poly1305"
KEY_BYTES: Final = 32
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealError(LinkError):
    """Something sealed does not open, or a key is none that can seal or open."""


class Purpose(StrEnum):
    """What is sealed."""

    REFERENCE_IMAGE = "reference-image"
    REFERENCE_TEMPLATE = "reference-template"
    SESSION_IMAGE = "session-image"


class SealingKey:
    """The public half: whoever has it can seal for its owner. ``kid``: RFC 7638 thumbprint."""

    def __init__(self, public: bytes) -> None:
        """public: the 32 bytes. Raises SealError for any other number of them, and for points of small order, which
        would make the same secret for everybody.
        """
        if len(public) != KEY_BYTES:
            raise SealError(f"an X25519 key has {KEY_BYTES} bytes, not {len(public)}", remedy="give x of its JWK")
        self._key = X25519PublicKey.from_public_bytes(public)
        try:
            X25519PrivateKey.generate().exchange(self._key)
        except ValueError:
            raise SealError(
                "this X25519 key is a point of small order, which keeps nothing secret",
                remedy="make a new pair with `livegate key sealing`",
            ) from None
        self.bytes: Final = public
        self.kid: Final = OKPKey.import_key({**self.jwk_members}).thumbprint()

    @classmethod
    def from_x(cls, x: str) -> SealingKey:
        """x: of a JWK, base64url. Raises SealError."""
        return cls(sealed_bytes(x))

    @property
    def jwk_members(self) -> dict[str, str]:
        """kty, crv and x of RFC 8037."""
        return {"kty": "OKP", "crv": "X25519", "x": to_base64url(self.bytes)}

    def jwk(self, device: str | None = None) -> dict[str, str]:
        """The JWK with its ``kid``, its use and the device it belongs to where given."""
        jwk = {**self.jwk_members, "kid": self.kid, "use": "enc"}
        return jwk if device is None else {**jwk, "device": device}

    def seal(self, content: bytes, purpose: Purpose, *names: str) -> bytes:
        """The encapsulated key and the ciphertext, ``SEALING_BYTES`` longer than ``content``."""
        return _SUITE.encrypt(content, self._key, _info(purpose, names))


class OpeningKey:
    """The private half."""

    def __init__(self, key: X25519PrivateKey) -> None:
        self._key = key
        self.public: Final = SealingKey(key.public_key().public_bytes_raw())

    @classmethod
    def from_pem(cls, content: bytes, source: str) -> OpeningKey:
        """Raises SealError for anything but an X25519 private key. source: named in errors."""
        try:
            key: Any = OKPKey.import_key(content)
            usable = key.is_private and key.curve_name == "X25519"
        except (JoseError, ValueError, TypeError) as error:
            raise SealError(f"{source} cannot be read: {error}", remedy=_MAKE_ONE) from None
        if not usable:
            raise SealError(f"{source} is no X25519 private key", remedy=_MAKE_ONE)
        return cls(key.private_key)

    @classmethod
    def generate(cls) -> OpeningKey:
        return cls(X25519PrivateKey.generate())

    def pem(self) -> bytes:
        """PKCS#8, not encrypted."""
        return bytes(OKPKey.import_key(self._key).as_pem(private=True))

    def open(self, sealed: bytes, purpose: Purpose, *names: str) -> bytes:
        """Raises SealError where it was sealed to another key, for another purpose or name, or was altered."""
        try:
            return _SUITE.decrypt(sealed, self._key, _info(purpose, names))
        except (InvalidTag, ValueError):
            raise SealError(
                f"it does not open: sealed to another key than {self.public.kid}, for another "
                f"{' or '.join(('purpose', *_NAMED[purpose]))}, or altered",
                remedy="seal it anew to the key that the terminal has now, for this very command",
            ) from None


_MAKE_ONE: Final = "make a pair with `livegate key sealing`"
_NAMED: Final = {
    Purpose.REFERENCE_IMAGE: ("site", "device", "command"),
    Purpose.REFERENCE_TEMPLATE: ("site", "device", "command"),
    Purpose.SESSION_IMAGE: ("site", "device", "session", "image"),
}


def _info(purpose: Purpose, names: tuple[str, ...]) -> bytes:
    """HPKE's ``info``: JSON, in which no two lists of names are written alike."""
    if len(names) != len(_NAMED[purpose]):
        raise ValueError(f"{purpose} is bound to {', '.join(_NAMED[purpose])}")
    return json.dumps(["livegate/v1", purpose.value, *names], separators=(",", ":")).encode()


def read_sealing_keys(content: bytes, source: str) -> list[tuple[SealingKey, str | None]]:
    """Each public key of a JWK or a JWK Set, with the device for which alone it was enrolled, if any.

    Raises SealError, for a single key that is wrong too. source: named in errors.
    """
    try:
        document = read_json(content)
    except ValueError as error:
        raise SealError(f"{source} is no JSON: {error}", remedy="give a JWK or a JWK Set") from None
    members = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(members, list) or not members:
        raise SealError(f"{source} holds no key", remedy="give a JWK or a JWK Set")
    return [_sealing_key(member, source) for member in members]


def _sealing_key(jwk: object, source: str) -> tuple[SealingKey, str | None]:
    if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "X25519":
        raise SealError(f"{source} holds no X25519 key", remedy="give a JWK (kty OKP, crv X25519)")
    if "d" in jwk:
        raise SealError(f"{source} holds a private key", remedy="give the public half; the other stays with its owner")
    x, device = jwk.get("x"), jwk.get("device")
    if not isinstance(x, str) or not (device is None or isinstance(device, str)):
        raise SealError(f"{source}: x and device are texts", remedy="copy the key from its owner again")
    try:
        key = SealingKey.from_x(x)
    except SealError as error:
        raise SealError(f"{source}: {error.what}", remedy=error.remedy) from None
    if jwk.get("kid", key.kid) != key.kid:
        raise SealError(
            f"{source}: kid {jwk['kid']!r} is not the key's thumbprint {key.kid}", remedy="copy the key again"
        )
    return key, device


def sealed_bytes(text: str) -> bytes:
    """The bytes of something sealed, or of a key, out of its base64url. Raises SealError."""
    try:
        return from_base64url(text)
    except ValueError:
        raise SealError("this is no base64url", remedy="encode it as RFC 4648, section 5, without padding") from None
