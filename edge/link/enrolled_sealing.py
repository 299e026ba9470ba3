"""Enrolled X25519 public keys: to whom a session's picture may be sealed, and the terminal that opens references."""

from __future__ import annotations

from pathlib import Path

from edge.contracts.sealing import SealError, SealingKey, sealing_key_of
from edge.contracts.strict_json import read_json
from edge.link.options import read_file


def read_sealing_keys(path: Path) -> list[tuple[SealingKey, str | None]]:
    """Each key of a JWK or JWK Set file, with the device for which alone it was enrolled, if any.

    Raises LinkError that names the file, for a single key that is wrong too.
    """
    try:
        document = read_json(read_file(path))
    except ValueError as error:
        raise SealError(f"{path} is no JSON: {error}", remedy="give a JWK or a JWK Set") from None
    members = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(members, list) or not members:
        raise SealError(f"{path} holds no key", remedy="give a JWK or a JWK Set")
    return [sealing_key_of(member, str(path)) for member in members]


def enrolled_sealing_key(path: Path, x: str, device: str) -> SealingKey | None:
    """The enrolled key whose JWK has this ``x``; None: there is none, or it is enrolled for other devices.

    Raises LinkError for a file that cannot be read, and for an ``x`` that is no key.
    """
    wanted = SealingKey.from_x(x).bytes
    for key, only_for in read_sealing_keys(path):
        if key.bytes == wanted and only_for in {None, device}:
            return key
    return None


def terminal_sealing_key(path: Path, device: str) -> SealingKey:
    """The terminal's key, to which references are sealed: of a file with its JWK, or with several terminals'.

    Raises LinkError, also where every key there is enrolled for other devices.
    """
    for key, only_for in read_sealing_keys(path):
        if only_for in {None, device}:
            return key
    raise SealError(f"{path} holds no key of {device!r}", remedy="carry sealing-key.pub.jwk of that terminal here")
