"""Devices of the kernel below /sys: which there are, and their attributes, each a file with one value."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from edge.errors import HardwareError

SYS: Final = Path("/sys")
# The kernel gives no attribute more than a page.
_PAGE: Final = 4096
PERMISSION_REMEDY: Final = (
    "install the udev rules systemd/60-livegate.rules, and put the daemon's user into their groups (docs/service.md)"
)


def devices(root: Path, *attributes: str) -> list[Path]:
    """The folders below a class's ``root`` in which one of these attributes is (globs), by name; links are followed.

    None where the kernel has no such class. Raises HardwareError where the class may not be read.
    """
    try:
        entries = sorted(root.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise told(root, error, "listed") from error
    return [entry for entry in entries if any(any(entry.glob(attribute)) for attribute in attributes)]


def chosen(found: Mapping[str, Path], name: str | None, *, what: str, root: Path, key: str) -> Path:
    """The device of that name, or the only one. Raises HardwareError, naming all that there are.

    what: names the kind of device. key: of the configuration, where the name stands.
    """
    names = ", ".join(sorted(found)) or "none"
    if name is not None and name not in found:
        raise HardwareError(
            f"no {what} {name!r} below {root}; there: {names}",
            remedy=f"correct {key}, or load the device's driver (dtoverlay)",
        )
    if name is not None:
        return found[name]
    if not found:
        raise HardwareError(
            f"no {what} below {root}", remedy="connect it and load its driver (dtoverlay), or set its driver to none"
        )
    if len(set(found.values())) > 1:
        raise HardwareError(f"more than one {what} below {root}: {names}", remedy=f"name one of them in {key}")
    return next(iter(found.values()))


def by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """For ``chosen``, of devices that are known by their folder alone."""
    return {folder.name: folder for folder in folders}


def read_text(file: Path) -> str:
    """An attribute without white space around it. Raises HardwareError."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = os.read(handle, _PAGE)
        finally:
            os.close(handle)
    except OSError as error:
        raise told(file, error, "read") from error
    return content.decode(errors="replace").strip()


def read_number(file: Path) -> float:
    """Raises HardwareError, also for what is no number."""
    text = read_text(file)
    try:
        return float(text)
    except ValueError:
        raise _strange(file, text, "a number") from None


def read_whole(file: Path, least: int = 0) -> int:
    """Raises HardwareError, also for what is no whole number from ``least`` on."""
    text = read_text(file)
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise _strange(file, text, f"a whole number from {least} on")
    return value


def write(file: Path, value: int | str) -> None:
    """Into an attribute that is there. Raises HardwareError."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            # In one call: the kernel takes each call for a whole value.
            os.write(handle, f"{value}\n".encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise told(file, error, "written") from error


def check_writable(file: Path) -> None:
    """Writes nothing. Raises HardwareError; where permission is missing, ``__cause__`` is a PermissionError."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CLOEXEC))
    except OSError as error:
        raise told(file, error, "written") from error


def told(file: Path, error: OSError, done: str) -> HardwareError:
    """The error in words; ``done`` says what could not be."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            remedy = PERMISSION_REMEDY
        case errno.EROFS:
            remedy = (
                "the service may not write below /sys: its unit needs ReadWritePaths=/sys/devices (docs/service.md)"
            )
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            remedy = "the device is gone: look at its cable, its dtoverlay and `dmesg`"
        case _:
            remedy = "look at `dmesg` for what the device's driver says"
    return HardwareError(f"{file} cannot be {done}: {error.strerror}", remedy=remedy)


def _strange(file: Path, text: str, wanted: str) -> HardwareError:
    return HardwareError(
        f"{file} holds {text[:40]!r}, not {wanted}", remedy="this device's driver is not one that is understood here"
    )
