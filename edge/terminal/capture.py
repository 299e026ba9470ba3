"""The capture process: a real camera in a child process that is killed when it hangs, its frames in shared memory.

Run as ``python -m edge.terminal.capture`` by ProcessCamera, never by hand: what it needs comes on standard input.
"""

from __future__ import annotations

import faulthandler
import fcntl
import json
import logging
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, Any

from edge.errors import ConfigError, HardwareError, InputError, LivegateError
from edge.frames.frame import Frame
from edge.frames.ring import RingReader, RingWriter, create_ring
from edge.hardware.ports import Camera, CameraTraits, EndOfSource
from edge.terminal.hygiene import give_back_pages_of_files, keep_heap_small, keep_memory_private
from edge.terminal.scrubbing import ScrubbedLines, scrubbed_text

# Not structlog: the child would load it, and rich with it, before its camera.
log = logging.getLogger(__name__)

MODULE = "edge.terminal.capture"
# How long the child's camera may wait for one frame before the child looks whether it shall end.
READ_SECONDS = 0.2
# How long the parent sleeps at most before it asks its clock again.
POLL_SECONDS = 0.25
# What SIGKILL may take. A process that hangs in the kernel takes longer, and nobody can end it.
KILL_SECONDS = 2.0

_LENGTH = struct.Struct("<I")
_FAMILIES: dict[str, type[LivegateError]] = {
    family.__name__: family for family in (HardwareError, InputError, ConfigError, LivegateError)
}


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """When a capture process counts as stalled, and how often it is replaced. Seconds.

    start: from the start of the process to an open camera.
    stall: without a frame while somebody waits for one.
    restarts: replacements within ``window`` before the camera is given up.
    close: for letting the camera go; then the process is killed.
    """

    start: float = 20.0
    stall: float = 3.0
    restarts: int = 3
    window: float = 60.0
    close: float = 3.0


class StallWatch:
    """Decides when a capture process has stalled and whether one more may be tried. Reads no clock."""

    def __init__(self, limits: CaptureLimits) -> None:
        self._limits = limits
        self._due = 0.0
        self._opened = False
        self._restarts: deque[float] = deque()

    def started(self, now: float) -> None:
        """A process was started."""
        self._opened = False
        self._due = now + self._limits.start

    def alive(self, now: float) -> None:
        """Its camera was opened, or gave a frame."""
        self._opened = True
        self._due = now + self._limits.stall

    def remaining(self, now: float) -> float:
        """Seconds until it counts as stalled; at 0 and below it does."""
        return self._due - now

    @property
    def complaint(self) -> str:
        """What a stalled process failed to do."""
        if self._opened:
            return f"the camera gave no frame for {self._limits.stall:g} s"
        return f"the camera did not open within {self._limits.start:g} s"

    def may_restart(self, now: float) -> bool:
        """Whether one more process may be tried; a yes is counted."""
        while self._restarts and now - self._restarts[0] > self._limits.window:
            self._restarts.popleft()
        if len(self._restarts) >= self._limits.restarts:
            return False
        self._restarts.append(now)
        return True


class ProcessCamera(Camera):
    """A Camera whose driver runs in a child process of its own.

    factory: makes the camera; picklable, and importable in a fresh interpreter (a class or function of a module,
        or functools.partial of one). Called here once for the traits, and in each child.
    largest: width and height of the largest frame, pixels.
    raw: frames may carry raw values, for which the ring then has room.
    clock: monotonic seconds.

    ``read`` gives the newest frame and skips what was not read in time. A child that stalls or crashes is killed
    and replaced, which shows as a pause; ``sequence`` counts on. ``open`` and ``read`` raise HardwareError when
    ``limits`` allow no further child, and whatever the child's camera raises. Frames that were read stay as they
    are until ``close`` or ``wipe``, which blacken them. All calls come from one thread.
    """

    def __init__(
        self,
        factory: Callable[[], Camera],
        *,
        largest: tuple[int, int],
        raw: bool = False,
        limits: CaptureLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._traits = factory().traits
        self._factory = pickle.dumps(factory)
        self._largest = largest
        self._raw = raw
        self._limits = limits or CaptureLimits()
        self._clock = clock
        self._watch = StallWatch(self._limits)
        self._child: _Child | None = None
        self._opened = False
        self._proven = False
        self._ending: EndOfSource | LivegateError | None = None
        self._first_sequence = 0
        self._next_sequence = 0

    @property
    def traits(self) -> CameraTraits:
        return self._traits

    @property
    def pid(self) -> int | None:
        """Of the capture process, while there is one."""
        return self._child.pid if self._child is not None else None

    def open(self) -> None:
        if self._opened:
            raise HardwareError(
                f"{self._traits.name} is already open", remedy="close the camera before opening it again"
            )
        self._watch = StallWatch(self._limits)
        self._proven = False
        self._ending = None
        self._next_sequence = 0
        self._start()
        self._opened = True
        try:
            self._wait_until_open()
        except BaseException:
            self.close()
            raise

    def read(self, timeout: float) -> Frame | None:
        if not self._opened:
            raise HardwareError(f"{self._traits.name} is not open", remedy="open the camera before reading from it")
        until = self._clock() + timeout
        while True:
            # In this order: what the child published before it ended is not missed.
            ended = self._hear()
            frame = self._child.ring.read() if self._child is not None else None
            if frame is not None:
                self._watch.alive(self._clock())
                sequence = self._first_sequence + frame.sequence
                self._next_sequence = sequence + 1
                return replace(frame, sequence=sequence)
            self._judge(ended)
            if self._ending is not None:
                raise self._ending
            now = self._clock()
            if now >= until:
                return None
            if self._child is not None:
                self._child.wait(min(until - now, max(self._watch.remaining(now), 0.0), POLL_SECONDS))

    def wipe(self) -> None:
        """Overwrites every frame that waits or was read; capture goes on."""
        if self._child is not None and self._child.ring.wipe():
            self._watch.alive(self._clock())

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        """See Camera. A child that replaces this one begins automatic; the frames' metadata tell."""
        if not self._opened:
            raise HardwareError(f"{self._traits.name} is not open", remedy="open the camera before using it")
        if not self._traits.exposure_metadata:
            super().lock(flicker_period, longer)
        if self._ending is not None or self._child is None:
            raise HardwareError(f"{self._traits.name} is lost", remedy="read from it to be told why")
        self._child.order("lock", flicker_period=flicker_period, longer=longer)

    def unlock(self) -> None:
        if self._child is not None:
            self._child.order("unlock")

    def close(self) -> None:
        self._opened = False
        # Once raised, it refers to those who read, and they to the frame that they saw last.
        self._ending = None
        child, self._child = self._child, None
        if child is not None:
            child.end(self._limits.close)

    def _start(self) -> None:
        self._first_sequence = self._next_sequence
        self._watch.started(self._clock())
        self._child = _start_child(self._factory, self._largest, raw=self._raw)

    def _wait_until_open(self) -> None:
        while self._child is not None and not self._proven:
            self._child.wait(POLL_SECONDS)
            self._judge(self._hear())
            if self._ending is not None and not self._proven:
                raise self._ending

    def _hear(self) -> str | None:
        """Takes in what the child reports. How the child ended, if it has."""
        child = self._child
        if child is None:
            return None
        ended = child.ended()
        for report in child.reports():
            match report["kind"]:
                case "opened":
                    self._proven = True
                    self._watch.alive(self._clock())
                case "end":
                    self._ending = EndOfSource()
                case _:
                    self._ending = _rebuilt(report)
        return ended

    def _judge(self, ended: str | None) -> None:
        """Whether the child still works, when it has nothing more to give at this moment."""
        if self._ending is not None:
            return
        if ended is not None:
            self._replace(f"the capture process ended with {ended}")
        elif self._watch.remaining(self._clock()) <= 0:
            self._replace(self._watch.complaint)

    def _replace(self, trouble: str) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end(0.0)
        # A camera that never opened is reported at once: whoever opens it may try again.
        if self._proven and self._watch.may_restart(self._clock()):
            log.warning("%s: %s; the capture process is replaced", self._traits.name, trouble)
            try:
                self._start()
            except HardwareError as error:
                self._ending = error
            return
        tried = f", after {self._limits.restarts} restarts within {self._limits.window:g} s" if self._proven else ""
        self._ending = HardwareError(
            f"{self._traits.name}: {trouble}{tried}",
            remedy="check the camera's cable, its power and the system's log, then try again",
        )


class _Child:
    """One capture process, its ring and its reports."""

    def __init__(
        self, process: subprocess.Popen[bytes], lifeline: IO[bytes], ring: RingReader, reports: int, orders: int
    ) -> None:
        self._process = process
        self._lifeline = lifeline
        self._reports = reports
        self._orders = orders
        self._unread = b""
        self._poll = select.poll()
        for fd in (ring.fileno(), reports):
            self._poll.register(fd, select.POLLIN)
        self.ring = ring

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float) -> None:
        """For a frame, a report or the end of the process."""
        self._poll.poll(seconds * 1000)

    def ended(self) -> str | None:
        """How the process ended, if it has."""
        code = self._process.poll()
        if code is None:
            return None
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def order(self, kind: str, **content: object) -> None:
        """Followed before the next frame is read. One that hangs or has ended follows none."""
        with suppress(BlockingIOError, BrokenPipeError):
            _tell(self._orders, kind, **content)

    def reports(self) -> list[dict[str, Any]]:
        told, self._unread = _heard(self._reports, self._unread)
        return told

    def end(self, patience: float) -> None:
        """Lets the process close its camera for ``patience`` seconds, then kills it. Its memory is overwritten."""
        self.ring.stop()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                self._process.wait(KILL_SECONDS)
            except subprocess.TimeoutExpired:
                log.error("the capture process %d hangs in the kernel and cannot be ended", self.pid)
        self._lifeline.close()
        os.close(self._reports)
        os.close(self._orders)
        self.ring.close()


def _start_child(factory: bytes, largest: tuple[int, int], *, raw: bool) -> _Child:
    """Raises HardwareError where there are no resources for it."""
    try:
        with ExitStack() as undo, ExitStack() as handed_over:
            ring, handle = create_ring(*largest, raw=raw)
            undo.callback(ring.close)
            handed_over.callback(handle.close)
            reports, report_to = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            undo.callback(os.close, reports)
            handed_over.callback(os.close, report_to)
            orders_from, orders = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            undo.callback(os.close, orders)
            handed_over.callback(os.close, orders_from)
            process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
                # -P: nothing is imported from the current folder, except where the parent does so too.
                [sys.executable, "-P", "-m", MODULE],
                bufsize=0,
                stdin=subprocess.PIPE,
                # Standard output may be somebody's JSON.
                stdout=2,
                pass_fds=(*handle.fds, report_to, orders_from),
                env={**os.environ, "PYTHONPATH": _import_path()},
                # Control-C is for the parent, which then closes the camera in order.
                start_new_session=True,
            )
            undo.pop_all()
    except OSError as error:
        raise HardwareError(
            f"the capture process cannot be started: {error}",
            remedy="check free memory, the limit of open files, and that this user may run this Python",
        ) from error
    if process.stdin is None:
        raise RuntimeError("the capture process was started without standard input")
    payload = pickle.dumps((handle, report_to, orders_from, factory))
    # If it has ended already, that is noticed like any other end.
    with suppress(BrokenPipeError):
        process.stdin.write(_LENGTH.pack(len(payload)) + payload)
    return _Child(process, process.stdin, ring, reports, orders)


@cache
def _import_path() -> str:
    # Once: pathlib interns each part of a path, and the interpreter keeps the place of each name that was interned,
    # also of those that are gone. After some hundred sessions its table would be laid out anew in twice the memory.
    return os.pathsep.join(str(Path(path).absolute()) for path in sys.path)


def _rebuilt(report: dict[str, Any]) -> LivegateError:
    error = _FAMILIES[report["family"]](report["what"], remedy=report["remedy"])
    if report["denied"]:
        error.__cause__ = PermissionError(report["what"])
    return error


def main() -> None:
    """The child's side: opens the camera and publishes its frames until the parent stops it or ends."""
    # A stop of the whole service reaches this process as well; the parent closes the camera in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    # By which it logs, where a camera's library does not arrange otherwise.
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(ScrubbedLines())
    keep_memory_private()
    keep_heap_small()
    lifeline = sys.stdin.fileno()
    (length,) = _LENGTH.unpack(_read_exactly(lifeline, _LENGTH.size))
    handle, report_to, orders, factory = pickle.loads(_read_exactly(lifeline, length))  # noqa: S301 - from the parent
    _die_with(lifeline)
    for fd in (*handle.fds, report_to, orders):
        os.set_inheritable(fd, False)
    os.set_blocking(report_to, True)
    with RingWriter(handle) as ring:
        _capture(factory, ring, report_to, orders)


def _read_exactly(fd: int, size: int) -> bytes:
    content = b""
    while len(content) < size:
        chunk = os.read(fd, size - len(content))
        if not chunk:
            sys.exit("the capture process is started by Livegate, not by hand")
        content += chunk
    return content


def _die_with(lifeline: int) -> None:
    """The kernel kills this process when the parent's end of ``lifeline`` closes.

    PR_SET_PDEATHSIG would be about the parent's thread, which may end before the parent does, and a thread that waits
    here could not run while a driver holds the interpreter's lock.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    already = select.poll()
    already.register(lifeline, 0)
    if already.poll(0):
        sys.exit("the parent has ended")


def _tell(pipe: int, kind: str, **content: object) -> None:
    os.write(pipe, json.dumps({"kind": kind, **content}).encode() + b"\n")


def _heard(pipe: int, unread: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Whole lines that came through a pipe that does not block, and what began after them."""
    with suppress(BlockingIOError):
        while chunk := os.read(pipe, select.PIPE_BUF):
            unread += chunk
    *lines, unread = unread.split(b"\n")
    return [json.loads(line) for line in lines], unread


def _follow(camera: Camera, order: dict[str, Any]) -> None:
    match order:
        case {"kind": "lock", "flicker_period": flicker_period, "longer": longer}:
            try:
                camera.lock(flicker_period, longer)
            except HardwareError as error:
                # Whoever asked believes the frames alone, which will tell that nothing is held.
                log.warning("%s", error)
        case {"kind": "unlock"}:
            camera.unlock()


def _capture(factory: bytes, ring: RingWriter, report_to: int, orders: int) -> None:
    def report(kind: str, **content: object) -> None:
        _tell(report_to, kind, **content)

    def report_error(error: LivegateError) -> None:
        family = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _FAMILIES)
        denied = isinstance(error.__cause__, PermissionError)
        report("error", family=family, what=error.what, remedy=error.remedy, denied=denied)

    camera: Camera | None = None
    try:
        camera = pickle.loads(factory)()  # noqa: S301 - from the parent
        camera.open()
        report("opened")
        give_back_pages_of_files()
        unread = b""
        while not ring.closed:
            given, unread = _heard(orders, unread)
            for order in given:
                _follow(camera, order)
            frame = camera.read(READ_SECONDS)
            if frame is not None:
                ring.write(frame)
    except EndOfSource:
        report("end")
    except LivegateError as error:
        report_error(error)
    except Exception as error:
        sys.stderr.write(scrubbed_text(traceback.format_exc()))
        fault = HardwareError(
            scrubbed_text(f"the camera's driver failed: {type(error).__name__}: {error}"),
            remedy="the log has the details",
        )
        report_error(fault)
    finally:
        if camera is not None:
            camera.close()


if __name__ == "__main__":
    main()
