"""Where the device's key lies: a file, a credential of systemd, or whatever else can sign.

What signs needs ``edge.contracts.jws.Signer`` alone: a TPM or a secure element is a class of its own with ``kid``,
``public`` and ``sign``, handed to ``Identity.open``.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError

from edge.contracts.jws import KeySigner, OKPKey, Signer
from edge.errors import LinkError
from edge.link.files import write_atomically

KEY_FILE: Final = "device-key.pem"
NEXT_KEY_FILE: Final = "device-key.next.pem"
CREDENTIAL: Final = "livegate-device-key"
_LARGEST: Final = 16 * 1024


def device_signer(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Signer:
    """The key of this terminal: systemd's credential where the service has one, else the file in the state folder,
    made at the first start.

    environment: where systemd names the folder of credentials. Raises LinkError for a key that cannot be used,
    OSError for a folder.
    """
    path = credential(CREDENTIAL, environment)
    if path is None:
        return file_signer(state_dir / KEY_FILE)
    return _signer(
        credential_content(path), f"the credential {path}", remedy="encrypt the key anew (docs/verification.md)"
    )


def credential(name: str, environment: Mapping[str, str]) -> Path | None:
    """Where systemd put the service's credential of this name; None: it has none."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.exists() else None


def credential_content(path: Path) -> bytes:
    """What systemd decrypted into memory for this service alone; who may read it there is systemd's to say.

    Raises LinkError.
    """
    try:
        return path.read_bytes()[:_LARGEST]
    except OSError as error:
        raise LinkError(
            f"the credential {path} cannot be read: {error.strerror}", remedy="load it in the service's unit again"
        ) from None


def file_signer(path: Path) -> Signer:
    """A key in a PEM file that nobody else may read (0600); made where it is missing. Raises LinkError, OSError."""
    try:
        return read_key_file(path)
    except FileNotFoundError:
        key = OKPKey.generate_key("Ed25519")
        write_atomically(path, key.as_pem(private=True))
        return KeySigner(key)


def read_key_file(path: Path) -> KeySigner:
    """The key of a PEM file that nobody else may read. Raises LinkError, OSError, FileNotFoundError among them."""
    return _signer(
        private_content(path),
        f"the key {path}",
        remedy="restore it from a backup, or delete it, make a new one and enrol that",
    )


def private_content(path: Path) -> bytes:
    """Of a key's file, no link to one, that nobody else may read. Raises LinkError, OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        content = file.read(_LARGEST)
    if mode & 0o077:
        raise LinkError(
            f"the key {path} may be read or written by others (mode {mode:04o})",
            remedy=f"if nobody had access, chmod 600 {path}; otherwise delete it and enrol the new key",
        )
    return content


def private_key(path: Path) -> KeySigner:
    """``read_key_file`` with a LinkError for a file that is not there or cannot be opened too."""
    with unreadable(path):
        return read_key_file(path)


@contextlib.contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """An OSError of reading ``path`` becomes a LinkError."""
    try:
        yield
    except OSError as error:
        raise LinkError(f"cannot read {path}: {error.strerror}", remedy="correct the path or its permissions") from None


def _signer(content: bytes, name: str, *, remedy: str) -> KeySigner:
    try:
        key = OKPKey.import_key(content)
        usable = key.is_private and key.curve_name == "Ed25519"
    except (JoseError, ValueError, TypeError) as error:
        raise LinkError(f"{name} cannot be read: {error}", remedy=remedy) from None
    if not usable:
        raise LinkError(f"{name} is not an Ed25519 private key", remedy=remedy)
    return KeySigner(key)
