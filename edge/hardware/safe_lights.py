"""The terminal's lights as a session may use them: every command passes the guard, below every caller.

The guard refuses what would break the limits of ``edge.config.safety`` before it is carried out, and puts the lights
back when the caller stalls. Putting lights back is never refused.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

import structlog

from edge.contracts.enums import LightBand, Prompt
from edge.frames.display import DisplayGeometry
from edge.frames.frame import Frame
from edge.frames.lamp import PointGeometry
from edge.guidance.page import Standing
from edge.hardware.light_guard import LampCaps, LightGuard
from edge.hardware.null import checked
from edge.hardware.ports import Backlight, Illuminator, LightInterval, Pattern, Screen

log = structlog.get_logger(__name__)

# How often the timer looks: a stalled light is off so much later than the guard's limit, at most.
TIMER_SECONDS: Final = 0.1

T = TypeVar("T")


class SafeLights:
    """Backlight, screen and illuminator behind one guard. All but the timer of ``minded`` belongs to one thread."""

    def __init__(self, backlight: Backlight, screen: Screen, illuminator: Illuminator, caps: LampCaps) -> None:
        self._backlight, self._screen, self._illuminator = backlight, screen, illuminator
        self._guard = LightGuard(caps)
        # Never held while a device is called: a driver that hangs must not keep the timer from switching off.
        self._lock = threading.Lock()
        # Whether a session runs.
        self.minding = False
        self._at_exit: Callable[[], None] | None = None
        self.backlight: Backlight = _SafeBacklight(self, backlight)
        self.screen: Screen = _SafeScreen(self, screen)
        self.illuminator: Illuminator = _SafeIlluminator(self, illuminator)

    @contextmanager
    def minded(self, clock: Callable[[], float] | None) -> Iterator[None]:
        """Around a session: the lamp is off at its begin, and all lights are put back at its end.

        clock: seconds, of the session's clock where that runs by itself: then a thread switches off when the session's
        own hangs, and backlight and illuminator must take calls from it. None: time stands where nobody moves it.
        """
        self._put_back_at_exit()
        self.minding = True
        stop = threading.Event()
        timer = threading.Thread(target=self._watch, args=(clock, stop), name="light timer", daemon=True)
        try:
            self._off(self._guard.latest)
            if clock is not None:
                timer.start()
            yield
        finally:
            stop.set()
            if timer.ident is not None:
                timer.join()
            self.put_back()
            self.minding = False

    def _put_back_at_exit(self) -> None:
        """If the interpreter ends in a session. Called in the first one, and thus carried out before what the devices
        asked for when they were made.
        """
        if self._at_exit is not None:
            return
        # Not in each session: the interpreter's list keeps the place of what it was told to forget.
        self._at_exit = partial(_put_back_minded, weakref.ref(self))
        atexit.register(self._at_exit)
        weakref.finalize(self, atexit.unregister, self._at_exit).atexit = False

    def admit(self, steps: int, seconds: float, now: float) -> float:
        """From when on a plan may begin that changes visible light up to ``steps`` times, each at least ``seconds``
        after the one before, so that it makes no flash too many with what was shown before it. Nothing is changed yet.

        Raises UnsafeLight for a plan that would flash too often whenever it began.
        """
        with self._lock:
            return self._guard.admit(steps, seconds, now)

    def renew(self, now: float) -> None:
        """A frame was read: the caller makes progress. Raises UnsafeLight where its lights were put back meanwhile."""
        self.tick(now)
        with self._lock:
            self._guard.refuse_if_tripped()
            self._guard.renew(now)

    def tick(self, now: float) -> None:
        """Time has passed without a frame."""
        if self._stalled(now):
            self._put_back(now)

    def put_back(self, now: float | None = None) -> None:
        """Lamp off, backlight as it was found, screen as for guidance. Never raises; may be repeated.

        now: seconds; None: the latest that was heard of.
        """
        self._put_back(self._guard.latest if now is None else now)
        with self._lock:
            self._guard.heard()

    def _put_back(self, now: float) -> None:
        self._off(now)
        _try("backlight", lambda: self.backlight.restore(now))
        if not self._guard.guides:
            _try("screen", lambda: self._show_guidance_again(now))

    def _off(self, now: float) -> None:
        _try("illuminator", lambda: self.illuminator.set_output(0.0, now))

    def _stalled(self, now: float) -> bool:
        with self._lock:
            before = self._guard.tripped
            stalled = self._guard.tick(now)
            if stalled and before is None:
                log.error("the lights are switched off", reason=self._guard.tripped)
            return stalled

    def _watch(self, clock: Callable[[], float], stop: threading.Event) -> None:
        """On the timer's thread. The screen is left alone: drawing belongs to one thread, and a pattern that stands
        still does not flash.
        """
        while not stop.wait(TIMER_SECONDS):
            moment = clock()
            if self._stalled(moment):
                self._off(moment)
                _try("backlight", lambda moment=moment: self.backlight.restore(moment))  # type: ignore[misc]

    def set_level(self, level: float, now: float) -> LightInterval:
        """As Backlight has it."""
        inner = self._backlight
        if inner.available:
            self._find_rest()
            with self._lock:
                self._guard.set_level(checked(level), now)
        return self._display(lambda: inner.set_level(level, now))

    def restore(self, now: float) -> None:
        """As Backlight has it."""
        if self._backlight.available:
            with self._lock:
                self._guard.restore(now)
        self._display(lambda: self._backlight.restore(now))

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        """As Screen has it."""
        if self._screen.available:
            self._find_rest()
            with self._lock:
                self._guard.show(pattern, now)
        return self._display(lambda: self._screen.show_pattern(pattern, now))

    def _find_rest(self) -> None:
        if self._guard.at_rest and self._backlight.available:
            level = self._backlight.level()
            with self._lock:
                self._guard.found_at_rest(level)

    def _show_guidance_again(self, now: float) -> None:
        if self._screen.available:
            with self._lock:
                self._guard.show_guidance_again(now)
        self._display(lambda: self._screen.show_pattern(Pattern.GUIDANCE, now))

    def set_output(self, output: float, now: float) -> LightInterval:
        """As Illuminator has it."""
        inner = self._illuminator
        if not inner.available:
            return inner.set_output(output, now)
        before = inner.output()
        with self._lock:
            self._guard.set_output(checked(output), now, visible=inner.band is LightBand.WHITE)
        try:
            return inner.set_output(output, now)
        except Exception:
            with self._lock:
                self._guard.output_lost(before)
            raise

    def close_lamp(self) -> None:
        """As Illuminator has it."""
        self._off(self._guard.latest)
        self._illuminator.close()

    def _display(self, command: Callable[[], T]) -> T:
        try:
            return command()
        except Exception:
            with self._lock:
                self._guard.display_lost()
            raise


def _put_back_minded(lights: weakref.ref[SafeLights]) -> None:
    minded = lights()
    if minded is not None and minded.minding:
        minded.put_back()


class _SafeBacklight:
    def __init__(self, lights: SafeLights, inner: Backlight) -> None:
        self._lights, self._inner = lights, inner

    @property
    def available(self) -> bool:
        return self._inner.available

    @property
    def quick(self) -> bool:
        return self._inner.quick

    def level(self) -> float | None:
        return self._inner.level()

    def set_level(self, level: float, now: float) -> LightInterval:
        return self._lights.set_level(level, now)

    def restore(self, now: float) -> None:
        self._lights.restore(now)


class _SafeScreen:
    def __init__(self, lights: SafeLights, inner: Screen) -> None:
        self._lights, self._inner = lights, inner

    @property
    def available(self) -> bool:
        return self._inner.available

    @property
    def geometry(self) -> DisplayGeometry | None:
        return self._inner.geometry

    def show_prompt(self, prompt: Prompt | None) -> None:
        self._inner.show_prompt(prompt)

    def show_standing(self, standing: Standing) -> None:
        # Of a page's light it changes less than what guidance is counted with: no flash.
        self._inner.show_standing(standing)

    def show_preview(self, frame: Frame | None) -> None:
        # As standing.
        self._inner.show_preview(frame)

    def show_name(self, name: str) -> None:
        # As standing.
        self._inner.show_name(name)

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        return self._lights.show_pattern(pattern, now)

    def close(self) -> None:
        self._inner.close()


class _SafeIlluminator:
    def __init__(self, lights: SafeLights, inner: Illuminator) -> None:
        self._lights, self._inner = lights, inner

    @property
    def available(self) -> bool:
        return self._inner.available

    @property
    def band(self) -> LightBand:
        return self._inner.band

    @property
    def geometry(self) -> PointGeometry | None:
        return self._inner.geometry

    def set_output(self, output: float, now: float) -> LightInterval:
        return self._lights.set_output(output, now)

    def output(self) -> float:
        return self._inner.output()

    def close(self) -> None:
        self._lights.close_lamp()


def _try(light: str, action: Callable[[], object]) -> None:
    try:
        action()
    except Exception:
        # Of whatever kind: the next light is put back all the same.
        log.exception("a light could not be put back", light=light)
