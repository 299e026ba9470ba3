"""Small files that must be whole after a power cut."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge.errors import LinkError


def claim(folder: Path) -> int:
    """Makes the folder where it is missing and holds it for this process; closing the descriptor lets it go.

    Raises LinkError when it cannot be used, or another process holds it: two that share an outbox would publish
    each decision twice.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LinkError(
            f"cannot use the state folder {folder}: {error.strerror}",
            remedy="give the daemon's user a writable state folder",
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LinkError(
            f"another terminal runs on the state folder {folder}",
            remedy="stop it, or give each terminal its own state_directory",
        ) from None
    return handle


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Old content or new, never half: a sibling is written, synced and renamed, then the folder is synced."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            # The umask may have taken bits away that the caller wants.
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
