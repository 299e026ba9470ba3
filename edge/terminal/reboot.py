"""A reboot of the board, asked for by a daemon that may not reboot it: systemd's livegate-reboot.path sees the file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from edge.link.files import write_atomically
from edge.terminal.frame_watch import DAY, RebootLimits, held_back

log = structlog.get_logger(__name__)

# The unit livegate-reboot.path names it too.
REQUEST = Path("/run/livegate/reboot-request")
PATH_UNIT = "livegate-reboot.path"
# In the state folder, since a boot must not forget it.
RECORD_FILE = "reboots.json"
UNREADABLE = "the record {path} of earlier reboots cannot be used: delete it"


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Rebooter:
    """Asks for a reboot as often as ``limits`` allow, over all starts of the daemon and of the board."""

    def __init__(
        self,
        state_folder: Path,
        limits: RebootLimits,
        *,
        request: Path = REQUEST,
        wall_clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = _uptime,
    ) -> None:
        self._record = state_folder / RECORD_FILE
        self._limits = limits
        self._request = request
        self._wall_clock = wall_clock
        self._uptime = uptime

    def ask(self, reason: str) -> str:
        """What became of it, in words: it was asked for, or why it was not. Never raises."""
        now = self._wall_clock()
        try:
            past = self._past()
        except (OSError, ValueError):
            return f"no reboot: {UNREADABLE.format(path=self._record)}"
        hindrance = held_back(past, now, self._uptime(), self._limits)
        if hindrance is not None:
            return f"no reboot: {hindrance}"
        kept = [one for one in past if now - one < DAY]
        try:
            # Before it is asked for: one that nobody counted could come again and again.
            write_atomically(self._record, json.dumps([*kept, now]).encode())
            self._request.write_text(reason, "utf-8")
        except OSError as error:
            return f"no reboot: it cannot be asked for: {error.strerror}"
        log.error("a reboot of the board is asked for", reason=reason)
        return "a reboot is asked for"

    def withdraw(self) -> None:
        """Frames have come: whoever enables the unit later must not find the request. Never raises."""
        try:
            self._request.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a request to reboot could not be withdrawn", error=error.strerror)

    def _past(self) -> list[float]:
        try:
            content = self._record.read_bytes()
        except FileNotFoundError:
            return []
        past = json.loads(content)
        if not isinstance(past, list) or not all(type(one) in (int, float) for one in past):
            raise ValueError("not a list of times")
        return past


def reboot_unit_enabled(units: Path = Path("/etc/systemd/system")) -> bool:
    """Whether systemd watches for the request: whether the path unit is wanted by any target."""
    return any((folder / PATH_UNIT).is_symlink() for folder in sorted(units.glob("*.wants")))
