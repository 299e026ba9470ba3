"""A file that nobody else may read, such as a picture of a person."""

from __future__ import annotations

from pathlib import Path

from edge.errors import LinkError
from edge.link.files import write_atomically


def refuse_existing(path: Path, force: bool) -> None:
    """Before the work that ends in ``write``. Raises LinkError where something is there, or no folder for it."""
    if not force and (path.exists() or path.is_symlink()):
        raise LinkError(f"{path} is there already", remedy="name another file, or overwrite it by --force")
    if not path.absolute().parent.is_dir():
        raise LinkError(f"there is no folder {path.parent}", remedy="make it, or name another file")


def write(path: Path, content: bytes, *, force: bool) -> None:
    """Mode 0600, whole or not at all. Raises LinkError."""
    refuse_existing(path, force)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise LinkError(f"cannot write {path}: {error.strerror}", remedy="name a folder that can be written") from None
