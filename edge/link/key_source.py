"""Where the device's key lies: a file, a credential of systemd, or whatever else can sign.

What signs needs ``edge.contracts.jws.Signer`` alone: a TPM or a secure element is a class of its own with ``kid``,
``public`` and ``sign``, handed to ``Identity.open``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
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
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    if credentials:
        path = Path(credentials) / CREDENTIAL
        if path.exists():
            return credential_signer(path)
    return file_signer(state_dir / KEY_FILE)


def credential_signer(path: Path) -> Signer:
    """A key that systemd decrypted into memory for this service alone; who may read it there is systemd's to say.

    Raises LinkError.
    """
    try:
        content = path.read_bytes()[:_LARGEST]
    except OSError as error:
        raise LinkError(
            f"the credential {path} cannot be read: {error.strerror}", remedy="load it in the service's unit again"
        ) from None
    return _signer(content, f"the credential {path}", remedy="encrypt the key anew (docs/verification.md)")


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
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        content = file.read(_LARGEST)
    if mode & 0o077:
        raise LinkError(
            f"the key {path} may be read or written by others (mode {mode:04o})",
            remedy=f"if nobody had access, chmod 600 {path}; otherwise delete it and enrol the new key",
        )
    return _signer(
        content,
        f"the key {path}",
        remedy="restore it from a backup, or delete it, make a new one and enrol that",
    )


def private_key(path: Path) -> KeySigner:
    """``read_key_file`` with a LinkError for a file that is not there or cannot be opened too."""
    try:
        return read_key_file(path)
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
