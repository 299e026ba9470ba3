"""Signed decisions: compact JWS (RFC 7515) with Ed25519 over the exact bytes of a decision's JSON.

A back end needs this module, pydantic and joserfc; nothing of the device. Only what the signature covers is
ever returned: the readable copy beside it must say the same, or the message is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from edge.contracts.base import SCHEMA_VERSION
from edge.contracts.base64url import to_base64url
from edge.contracts.decision import Decision, SignedDecision
from edge.contracts.strict_json import read_json
from edge.errors import LinkError

ALGORITHM: Final = "EdDSA"
DECISION_TYPE: Final = "livegate-decision+json"
MAX_MESSAGE_BYTES: Final = SignedDecision.max_bytes
_JWK_MEMBERS: Final = ("kty", "crv", "x", "d")


class SignatureError(LinkError):
    """A signed message, or a key that should verify one, cannot be believed."""


@dataclass(frozen=True, slots=True)
class EnrolledKey:
    """A public key that an operator has put in place by hand.

    kid: RFC 7638 thumbprint. device: the only terminal that may sign with it; None where the file names none.
    """

    kid: str
    key: OKPKey
    device: str | None = None


class EnrolledKeys(Mapping[str, EnrolledKey]):
    """Public keys by ``kid``. Several terminals' keys may stand in one file."""

    def __init__(self, keys: Iterable[EnrolledKey]) -> None:
        self._keys = {key.kid: key for key in keys}

    def __getitem__(self, kid: str) -> EnrolledKey:
        return self._keys[kid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class Signer(Protocol):
    """An Ed25519 key that signs, wherever its private half lies. Called from any thread."""

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the public half."""

    @property
    def public(self) -> OKPKey:
        """The public half alone."""

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature (RFC 8032, PureEdDSA) over ``content``."""


class KeySigner:
    """A signer whose private key lies in this process's memory."""

    def __init__(self, key: OKPKey) -> None:
        """Raises ValueError for anything but an Ed25519 private key."""
        if key.curve_name != "Ed25519" or not key.is_private:
            raise ValueError("not an Ed25519 private key")
        self._key = key
        self.public: OKPKey = OKPKey.import_key(key.as_dict(private=False))
        self.kid: str = thumbprint(key)

    def sign(self, content: bytes) -> bytes:
        """See ``Signer``."""
        private: Any = self._key.private_key
        signature: bytes = private.sign(content)
        return signature


def thumbprint(key: OKPKey) -> str:
    """RFC 7638 thumbprint, SHA-256, base64url: the ``kid`` of every signature by this key."""
    return key.thumbprint()


def public_jwk(key: OKPKey, device: str | None = None) -> dict[str, str]:
    """The public half as a JWK (RFC 8037) with its ``kid``, and the device it belongs to where given."""
    members = {name: str(value) for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x"}}
    jwk = {**members, "kid": thumbprint(key)}
    return jwk if device is None else {**jwk, "device": device}


def read_public_keys(content: bytes, source: str) -> EnrolledKeys:
    """Public keys out of a JWK, a JWK Set or a PEM (SubjectPublicKeyInfo) file.

    A JWK may name its ``device``; it then verifies nobody else's decisions. ``source`` is named in errors.
    Raises SignatureError for anything but Ed25519 public keys, and for a ``kid`` that is not the thumbprint.
    """
    if content.lstrip().startswith(b"-----BEGIN"):
        return EnrolledKeys([_enrol(_import(content, source), None, source)])
    try:
        document = read_json(content)
    except ValueError as error:
        raise SignatureError(
            f"{source} is neither PEM nor JSON: {error}", remedy="give a JWK, a JWK Set or a PEM public key"
        ) from None
    members = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(members, list) or not members or not all(isinstance(jwk, dict) for jwk in members):
        raise SignatureError(f"{source} holds no key", remedy="give a JWK, a JWK Set or a PEM public key")
    return EnrolledKeys([_enrol(_import(jwk, source), jwk, source) for jwk in members])


def _import(value: bytes | dict[str, Any], source: str) -> OKPKey:
    # What else a JWK may say of its use (alg, use, key_ops) is not ours to demand.
    material: Any = value if isinstance(value, bytes) else {k: value[k] for k in _JWK_MEMBERS if k in value}
    try:
        key = OKPKey.import_key(material)
        curve, private = key.curve_name, key.is_private
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SignatureError(
            f"{source} holds a key that cannot be read: {error}",
            remedy="give Ed25519 public keys (kty OKP, crv Ed25519)",
        ) from None
    if curve != "Ed25519":
        raise SignatureError(f"{source} holds a key of curve {curve}", remedy="give Ed25519 public keys")
    if private:
        raise SignatureError(
            f"{source} holds a private key", remedy="enrol the public half; a private key never leaves its terminal"
        )
    return key


def _enrol(key: OKPKey, jwk: dict[str, Any] | None, source: str) -> EnrolledKey:
    kid = thumbprint(key)
    stated, device = (jwk.get("kid"), jwk.get("device")) if jwk else (None, None)
    if stated is not None and stated != kid:
        raise SignatureError(
            f"{source}: kid {stated!r} is not the key's thumbprint {kid}",
            remedy="copy the key from its terminal again",
        )
    if device is not None and not isinstance(device, str):
        raise SignatureError(f"{source}: device of key {kid} is not text", remedy="name one device id")
    return EnrolledKey(kid, key, device)


class _Ed25519Only(jws.JWSRegistry):
    """Both names of the one algorithm that counts here.

    RFC 9864 deprecates "EdDSA" since the name leaves the curve open; it is what most libraries verify, and the
    curve is fixed by the enrolled key, which is checked under either name.
    """

    def get_alg(self, name: str) -> Any:
        if name not in {ALGORITHM, "Ed25519"}:
            raise UnsupportedAlgorithmError(f"algorithm {name!r} is not accepted")
        return self.algorithms["Ed25519"]


_REGISTRY: Final = _Ed25519Only()


def sign(payload: bytes, key: OKPKey | Signer, *, typ: str = DECISION_TYPE) -> str:
    """Compact JWS of ``payload`` with an Ed25519 key; ``alg`` EdDSA, ``kid`` the key's thumbprint."""
    signer = KeySigner(key) if isinstance(key, OKPKey) else key
    # joserfc signs with keys that it holds; a secure element gives none away.
    header = json.dumps({"alg": ALGORITHM, "kid": signer.kid, "typ": typ}, separators=(",", ":")).encode()
    signed = f"{to_base64url(header)}.{to_base64url(payload)}"
    return f"{signed}.{to_base64url(signer.sign(signed.encode('ascii')))}"


def verify(token: str, keys: Mapping[str, EnrolledKey], *, typ: str = DECISION_TYPE) -> bytes:
    """The exact bytes that an enrolled key signed. Raises SignatureError."""
    return verify_by(token, keys, typ=typ)[0]


def verify_by(token: str, keys: Mapping[str, EnrolledKey], *, typ: str = DECISION_TYPE) -> tuple[bytes, EnrolledKey]:
    """The exact bytes that were signed, and the enrolled key that did. Raises SignatureError."""
    found = _extract(token)
    header = found.headers()
    # A header that this contract does not write could change what the signature means (crit, b64, jwk, x5u).
    if set(header) != {"alg", "kid", "typ"} or header["typ"] != typ or not isinstance(header["kid"], str):
        raise SignatureError(
            f"the signature's header is not that of a {typ}: {json.dumps(header)[:200]}",
            remedy="verify messages of this type only, as the terminal sent them",
        )
    enrolled = keys.get(header["kid"])
    if enrolled is None:
        raise SignatureError(
            f"signed by key {header['kid'][:64]!r}, which is not enrolled",
            remedy="enrol the terminal's public key by hand, or distrust the message",
        )
    try:
        good = jws.validate_compact(found, enrolled.key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise SignatureError(f"the signature cannot be checked: {error}", remedy="distrust the message") from None
    if not good:
        raise SignatureError(
            f"the signature of key {enrolled.kid} does not fit the content",
            remedy="distrust the message: it was altered",
        )
    return found.payload, enrolled


def _extract(token: str) -> jws.CompactSignature:
    try:
        return jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError, AttributeError) as error:
        raise SignatureError(
            f"not a compact JWS: {error}", remedy="pass the text of 'jws' as the terminal sent it"
        ) from None


def write_decision(decision: Decision, key: OKPKey | Signer) -> bytes:
    """Payload of the ``decision`` topic: the decision readable, and signed over its exact bytes."""
    return SignedDecision(decision=decision, jws=sign(decision.to_json(), key)).to_json()


def read_decision(payload: bytes, keys: Mapping[str, EnrolledKey]) -> Decision:
    """The decision that an enrolled key signed, out of a payload of the ``decision`` topic.

    Raises SignatureError when the message is malformed, the signature does not hold, the readable copy differs,
    or the key is enrolled for another device. Fields that this version does not know are ignored.
    Whether a door may open is the controller's to judge: its own outstanding nonce, freshness by its own
    clock, ``capture`` live, and enough assurance (edge.contracts.acceptance).
    """
    return read_decision_by(payload, keys)[0]


def read_decision_by(payload: bytes, keys: Mapping[str, EnrolledKey]) -> tuple[Decision, EnrolledKey]:
    """``read_decision``, and the enrolled key that signed. Raises SignatureError."""
    token, readable = _parts(payload)
    signed, enrolled = verify_by(token, keys)
    if _json(signed, "the signed decision") != readable:
        raise SignatureError(
            "the readable copy differs from the signed decision",
            remedy="distrust the message: it was altered",
        )
    decision = _decision(signed)
    if enrolled.device is not None and enrolled.device != decision.device:
        raise SignatureError(
            f"key {enrolled.kid} is enrolled for {enrolled.device!r} and signed for {decision.device!r}",
            remedy="distrust the message: one terminal speaks for another",
        )
    return decision, enrolled


def read_unverified(payload: bytes) -> Decision:
    """What the signed bytes say, unchecked: to look at, never to act on. Raises SignatureError."""
    token, _ = _parts(payload)
    return _decision(_extract(token).payload)


def _parts(payload: bytes) -> tuple[str, dict[str, Any]]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise SignatureError(
            f"a decision of {len(payload)} bytes; at most {MAX_MESSAGE_BYTES} are read",
            remedy="distrust the message",
        )
    message = _json(payload, "the message")
    token, readable = message.get("jws"), message.get("decision")
    if not isinstance(token, str) or not isinstance(readable, dict):
        raise SignatureError(
            "the message is not of the form {'decision': {...}, 'jws': '...'}",
            remedy="subscribe to 'decision' topics only",
        )
    return token, readable


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = read_json(content)
    except ValueError as error:
        raise SignatureError(f"{name} is not JSON: {error}", remedy="distrust the message") from None
    if not isinstance(document, dict):
        raise SignatureError(f"{name} is not a JSON object", remedy="distrust the message")
    return document


def _decision(signed: bytes) -> Decision:
    version = _json(signed, "the signed decision").get("schemaVersion")
    if version != SCHEMA_VERSION:
        raise SignatureError(
            f"schema version {str(version)[:32]!r}; this reader knows {SCHEMA_VERSION}",
            remedy="update the reader",
        )
    try:
        return Decision.model_validate_json(signed, extra="ignore", by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise SignatureError(f"the signed decision breaks the contract: {wrong}", remedy="update the reader") from None


__all__ = [
    "ALGORITHM",
    "DECISION_TYPE",
    "EnrolledKey",
    "EnrolledKeys",
    "KeySigner",
    "OKPKey",
    "SignatureError",
    "Signer",
    "public_jwk",
    "read_decision",
    "read_decision_by",
    "read_public_keys",
    "read_unverified",
    "sign",
    "thumbprint",
    "verify",
    "verify_by",
    "write_decision",
]
