"""What of the system's files the daemon may write: its state, what a boot empties, and device nodes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import structlog

from edge.config.settings import Settings
from edge.terminal.landlock import Binding, LandlockUnavailableError, Writable, bind
from edge.terminal.reboot import REQUEST

log = structlog.get_logger(__name__)

# Cameras come and go, so their nodes cannot be named one by one. Backlight, LEDs and PWM are below the second.
NODES: Final = (Path("/dev"), Path("/sys/devices"))


def writable(settings: Settings) -> Writable:
    """By the site's settings."""
    runtime = _runtime_folder(settings)
    folders = (settings.state_directory, *(() if runtime is None else (runtime,)), REQUEST.parent)
    return Writable(tuple(dict.fromkeys(folders)), NODES)


def _runtime_folder(settings: Settings) -> Path | None:
    """None where the backlight keeps nothing in one."""
    folder: Path | None = getattr(settings.lights.backlight, "runtime_directory", None)
    return folder


def confine(settings: Settings) -> None:
    """For good; before there is a second thread. Where the system has no Landlock, the log says so."""
    for folder in filter(None, (settings.state_directory, _runtime_folder(settings))):
        # What is not there cannot be allowed. Those who use it tell what is wrong with it.
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        binding = bind(writable(settings))
    except LandlockUnavailableError as error:
        log.warning("files outside the state folder may be written to: no Landlock", reason=str(error))
        return
    # For libraries that need a file for a moment: lgpio makes a pipe.
    runtime = REQUEST.parent if os.access(REQUEST.parent, os.W_OK) else settings.state_directory
    os.environ["TMPDIR"] = str(runtime.absolute())
    if binding is Binding.OTHERWISE:
        log.warning(
            "the folders of an earlier configuration stay the only ones that may be written to",
            remedy="restart the service: `systemctl restart livegate`",
        )
