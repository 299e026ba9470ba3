"""A small file of how a backlight was found, for as long as it is not so, from which it is put back after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import structlog

from edge.errors import HardwareError

log = structlog.get_logger(__name__)

LEFT_OVER_FILE: Final = "backlight.json"

Found = TypeVar("Found")


class LeftOver(Generic[Found]):
    """The file in ``folder``, which is made where it is missing.

    parse: what its JSON says; None for what makes no sense.
    """

    def __init__(self, folder: Path, parse: Callable[[object], Found | None]) -> None:
        self._folder = folder
        self._file = folder / LEFT_OVER_FILE
        self._parse = parse

    def check(self) -> None:
        """Raises HardwareError where no file could be kept."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / f"{LEFT_OVER_FILE}.probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise self._trouble(error) from error

    def keep(self, found: Mapping[str, Any]) -> None:
        """In one step: a reader sees all of it or what was before. Raises HardwareError."""
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(dict(found)), encoding="utf-8")
            fresh.replace(self._file)
        except OSError as error:
            raise self._trouble(error) from error

    def read(self) -> Found | None:
        """None for no file, and for one that makes no sense, which is removed. Raises HardwareError."""
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise HardwareError(f"{self._file} cannot be read: {error}", remedy="remove it") from error
        try:
            found = self._parse(json.loads(text))
        except ValueError:
            found = None
        if found is None:
            log.warning("what was kept of a backlight makes no sense and is forgotten", file=str(self._file))
            self.forget()
        return found

    def forget(self) -> None:
        """May be repeated."""
        self._file.unlink(missing_ok=True)

    def _trouble(self, error: OSError) -> HardwareError:
        return HardwareError(
            f"the level of the backlight cannot be kept in {self._folder}: {error.strerror}",
            remedy=(
                "make that folder the daemon's own, or name another in lights.backlight.runtime_directory (null: none)"
            ),
        )
