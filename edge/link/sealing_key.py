"""The X25519 key that opens what is sealed to this terminal: its file, or a credential of systemd."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge.contracts.sealing import OpeningKey, SealError, SealingKey
from edge.errors import LinkError
from edge.link.files import write_atomically
from edge.link.key_source import credential, credential_content, private_content, unreadable

SEALING_KEY_FILE: Final = "sealing-key.pem"
SEALING_PUBLIC_KEY_FILE: Final = "sealing-key.pub.jwk"
SEALING_CREDENTIAL: Final = "livegate-sealing-key"


def device_opening_key(state_dir: Path, device: str, environment: Mapping[str, str] = os.environ) -> OpeningKey:
    """The key of this terminal: systemd's credential where the service has one, else the file in the state folder,
    made at the first start. Its public half lies beside it, to be enrolled.

    environment: where systemd names the folder of credentials. Raises LinkError.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = credential(SEALING_CREDENTIAL, environment)
        key = _file_key(state_dir / SEALING_KEY_FILE) if path is None else _credential_key(path)
        public, published = sealing_key_file(key.public, device), state_dir / SEALING_PUBLIC_KEY_FILE
        if not published.is_file() or published.read_bytes() != public:
            write_atomically(published, public, mode=0o644)
    except OSError as error:
        raise LinkError(
            f"cannot use the state folder {state_dir}: {error.strerror} ({error.filename})",
            remedy="give the daemon's user a writable state folder",
        ) from None
    return key


def sealing_key_file(key: SealingKey, device: str | None) -> bytes:
    """The public half as it is enrolled: a JWK, which names its device if it has one."""
    return json.dumps(key.jwk(device), indent=2).encode() + b"\n"


def private_opening_key(path: Path) -> OpeningKey:
    """The key of a PEM file that nobody else may read. Raises LinkError."""
    with unreadable(path):
        return OpeningKey.from_pem(private_content(path), f"the key {path}")


def _file_key(path: Path) -> OpeningKey:
    try:
        content = private_content(path)
    except FileNotFoundError:
        key = OpeningKey.generate()
        write_atomically(path, key.pem())
        return key
    return _opening(content, f"the key {path}", remedy="delete it, start again and enrol the new key")


def _credential_key(path: Path) -> OpeningKey:
    return _opening(credential_content(path), f"the credential {path}", remedy="encrypt the key anew (docs/verify.md)")


def _opening(content: bytes, name: str, *, remedy: str) -> OpeningKey:
    try:
        return OpeningKey.from_pem(content, name)
    except SealError as error:
        raise SealError(error.what, remedy=remedy) from None
