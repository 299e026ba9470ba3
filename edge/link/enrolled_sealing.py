"""Enrolled X25519 public keys: to whom a session's picture may be sealed, and the terminal that opens references."""

from __future__ import annotations

from pathlib import Path

from edge.contracts.sealing import SealError, SealingKey, read_sealing_keys
from edge.link.options import read_file


def enrolled_sealing_key(path: Path, x: str, device: str) -> SealingKey | None:
    """The enrolled key whose JWK has this ``x``; None: there is none, or it is enrolled for other devices.

    Raises LinkError for a file that cannot be read, and for an ``x`` that is no key.
    """
    wanted = SealingKey.from_x(x).bytes
    for key, only_for in read_sealing_keys(read_file(path), str(path)):
        if key.bytes == wanted and only_for in {None, device}:
            return key
    return None


def terminal_sealing_key(path: Path, device: str) -> SealingKey:
    """The terminal's key, to which references are sealed: of a file with its JWK, or with several terminals'.

    Raises LinkError, also where every key there is enrolled for other devices.
    """
    for key, only_for in read_sealing_keys(read_file(path), str(path)):
        if only_for in {None, device}:
            return key
    raise SealError(f"{path} holds no key of {device!r}", remedy="carry sealing-key.pub.jwk of that terminal here")
