"""The backlight of a monitor by ddcutil: set for a session, and too slow to measure with.

Commands are carried out on a thread of their own, the newest one alone, since a monitor takes some hundred milliseconds
for each. That thread lives while there is something to do, and a program that ends waits for it.
"""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import Final

import structlog

from edge.errors import HardwareError
from edge.hardware.ddcutil import PROGRAM, Monitor
from edge.hardware.left_over import LeftOver
from edge.hardware.null import checked
from edge.hardware.ports import LightInterval

log = structlog.get_logger(__name__)

_AS_FOUND: Final = -1
# Seconds for what is left to do when the program ends.
_ENDING: Final = 10.0


class DdcBacklight:
    """Relative luminance is the share of the monitor's largest brightness.

    settle_seconds: from a command until the monitor gives the new luminance.
    runtime: folder of the file of the level found, as of ``SysfsBacklight``; None: no file is kept.
    Calls may come from several threads, and none waits for the monitor. What goes wrong is logged, and then ``level``
    is None.
    """

    def __init__(self, monitor: Monitor, *, settle_seconds: float, runtime: Path | None) -> None:
        """Waits for the monitor. Raises HardwareError where it gives no answer, or no file can be kept."""
        self._monitor = monitor
        self._settle_seconds = settle_seconds
        self._left_over = None if runtime is None else LeftOver(runtime, _parsed)
        if self._left_over is not None:
            self._left_over.check()
        told = monitor.read()
        self._most = told.most
        self._lock = threading.Condition()
        # All below in the monitor's steps. now: None where a command failed. wanted, doing: _AS_FOUND goes back.
        self._now: int | None = told.value
        self._found: int | None = None
        self._wanted: int | None = None
        self._doing: int | None = None
        # Threads that are started by what runs while the interpreter ends are not waited for.
        atexit.register(self.wait, _ENDING)

    @property
    def available(self) -> bool:
        return True

    @property
    def quick(self) -> bool:
        return False

    def level(self) -> float | None:
        """Of the newest command, whether or not it was carried out yet."""
        with self._lock:
            target = self._doing if self._wanted is None else self._wanted
            if target is None:
                value = self._now
            elif target == _AS_FOUND:
                value = self._now if self._found is None else self._found
            else:
                value = target
        return None if value is None else value / self._most

    def set_level(self, level: float, now: float) -> LightInterval:
        busy = self._command(round(checked(level) * self._most))
        return LightInterval(now, now + self._settle_seconds * (2 if busy else 1))

    def restore(self, now: float) -> None:
        self._command(_AS_FOUND)

    def wait(self, seconds: float) -> bool:
        """Until all was carried out, or failed; False where that takes longer."""
        with self._lock:
            return self._lock.wait_for(lambda: self._wanted is None and self._doing is None, seconds)

    def _command(self, target: int) -> bool:
        """Whether another one is being carried out."""
        with self._lock:
            busy = self._doing is not None
            if target == _AS_FOUND and self._found is None and not busy:
                # Nothing was changed, and nothing shall be any more.
                self._wanted = None
                return False
            self._wanted = target
            if busy:
                return True
            self._doing = target
        worker = threading.Thread(target=self._work, name="monitor")
        try:
            worker.start()
        except RuntimeError:
            # No more threads while the interpreter ends.
            self._work()
        return False

    def _work(self) -> None:
        while True:
            with self._lock:
                target, self._wanted = self._wanted, None
                self._doing = target
                if target is None:
                    self._lock.notify_all()
                    return
            try:
                self._carry_out(target)
            except HardwareError as error:
                log.error("the monitor's brightness could not be set", error=error.what, remedy=error.remedy)
                self._is_at(None)
            except Exception:
                # A fault of ours must not leave the thread's successors waiting.
                log.exception("the monitor's brightness could not be set")
                self._is_at(None)

    def _carry_out(self, target: int) -> None:
        """Raises HardwareError."""
        if target == _AS_FOUND:
            if self._found is not None:
                self._monitor.write(self._found)
                self._is_at(self._found)
                if self._left_over is not None:
                    self._left_over.forget()
                self._is_found(None)
            return
        if self._found is None:
            # Somebody may have changed it by hand since it was read last.
            self._is_found(self._keep(self._monitor.read().value))
        self._monitor.write(target)
        self._is_at(target)

    def _keep(self, value: int) -> int:
        """In the file. What is there of this monitor already is older: nobody has brought that back."""
        if self._left_over is None:
            return value
        earlier = self._left_over.read()
        if earlier is not None and earlier[0] == self._monitor.bus:
            return earlier[1]
        self._left_over.keep({"bus": self._monitor.bus, "brightness": value})
        return value

    def _is_at(self, value: int | None) -> None:
        with self._lock:
            self._now = value

    def _is_found(self, value: int | None) -> None:
        with self._lock:
            self._found = value


def restore_left_over(runtime: Path, *, program: str = PROGRAM) -> str | None:
    """As ``edge.hardware.sysfs_backlight.restore_left_over``, and waits for the monitor."""
    left_over = LeftOver(runtime, _parsed)
    found = left_over.read()
    if found is None:
        return None
    bus, brightness = found
    monitor = Monitor(bus, program=program)
    monitor.write(brightness)
    left_over.forget()
    return str(monitor)


def _parsed(kept: object) -> tuple[int, int] | None:
    """Bus and brightness; None unless a monitor could take them."""
    match kept:
        case {"bus": int(bus), "brightness": int(brightness)} if 0 <= bus < 256 and 0 <= brightness <= 0xFFFF:
            return bus, brightness
        case _:
            return None
