"""What the terminal's lights may do next: a state machine that is told of every command before it is carried out.

Pure: time is an argument, and no device is touched. ``edge.hardware.safe_lights`` stands between it and the devices.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge.config.safety import (
    FLASH_CHANGE,
    FLASH_DARKER,
    FLASH_SECONDS,
    FLASHES,
    MOST_CHANGES,
    PLANNED_CHANGES,
    start_after,
)
from edge.errors import HardwareError
from edge.guidance.patterns import GUIDANCE_LIT, HALVES
from edge.hardware.ports import Pattern

# A camera is asked again after half a second without a frame; half a second more is a stall.
STALL_SECONDS: Final = 1.0
# Over which the lamp's duty is counted.
DUTY_SECONDS: Final = 60.0
# A backlight below this, set by a session, leaves people in the dark when it is forgotten.
_DARK: Final = 0.5

# Light of the screen's left and right half, as shares of white.
_SHARES: Final[Mapping[Pattern, tuple[float, float]]] = MappingProxyType(
    {Pattern.GUIDANCE: (GUIDANCE_LIT, GUIDANCE_LIT)} | {Pattern(chip.value): lit for chip, lit in HALVES.items()}
)


class UnsafeLight(HardwareError):  # noqa: N818 - the family has the suffix
    """A light that was not switched on, or was switched off, for the sake of the people before it."""


@dataclass(frozen=True, slots=True)
class LampCaps:
    """output: the most, relative. share: of any `DUTY_SECONDS` at full output, after which the lamp goes off."""

    output: float = 1.0
    share: float = 1.0


UNCAPPED: Final = LampCaps()


class Signal:
    """Relative luminance of one part of what a person sees, and when it went up or down as a flash does.

    Peaks and valleys are those of WCAG's general flash: a change counts if it is opposed to the one before, at least
    `FLASH_CHANGE`, and darker than `FLASH_DARKER` at one end.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque()
        # The last peak and valley. Nothing is known at first and after a failure: then any light is a change.
        self._high: float | None = None
        self._low: float | None = None
        self._rising: bool | None = None

    def move(self, luminance: float | None, now: float) -> None:
        """The part has this luminance from ``now`` on. None: nobody knows which."""
        if luminance is None or self._high is None or self._low is None:
            self.times.append(now)
            self._high = self._low = luminance
            self._rising = None
        elif self._rising is not False and self._is_flash(luminance, self._high):
            self.times.append(now)
            self._rising, self._low = False, luminance
        elif self._rising is not True and self._is_flash(self._low, luminance):
            self.times.append(now)
            self._rising, self._high = True, luminance
        else:
            if self._goes_on(luminance, self._low, self._high):
                # What began long ago ends now: windows that begin in between see a change too.
                if self.times:
                    self.times.pop()
                self.times.append(now)
            self._high, self._low = max(self._high, luminance), min(self._low, luminance)

    def _goes_on(self, luminance: float, low: float, high: float) -> bool:
        """Whether the last change is carried further."""
        if self._rising:
            return luminance > high and high < FLASH_DARKER
        return self._rising is False and luminance < low

    @staticmethod
    def _is_flash(darker: float, brighter: float) -> bool:
        # Less than rounding is a tenth too.
        return brighter - darker >= FLASH_CHANGE - 1e-9 and darker < FLASH_DARKER

    def with_more(self, *luminances: float | None) -> int:
        """How many changes there would be if these followed, each at once."""
        trial = copy(self)
        trial.times = deque(self.times)
        for luminance in luminances:
            trial.move(luminance, 0.0)
        return len(trial.times)

    def found(self, luminance: float) -> None:
        """What it is, as the device says, though nobody changed it."""
        if self.with_more(luminance) > len(self.times):
            self._high = self._low = luminance
            self._rising = None

    def lost(self) -> None:
        """Nobody knows what it is now."""
        self._high = self._low = self._rising = None


class DeadMan:
    """Whether light that somebody must mind may stay on. Seconds, of one clock."""

    def __init__(self, limit: float = STALL_SECONDS) -> None:
        self.limit = limit
        self._renewed_at = -math.inf

    def renew(self, now: float) -> None:
        """Somebody minds it."""
        self._renewed_at = now

    def expired(self, now: float) -> bool:
        """Nobody has for ``limit`` seconds."""
        return now - self._renewed_at >= self.limit


class Duty:
    """How long a lamp was on of late, in seconds at full output."""

    def __init__(self) -> None:
        self._since: deque[tuple[float, float]] = deque([(-math.inf, 0.0)])

    def set(self, output: float, now: float) -> None:
        """From ``now`` on."""
        self._since.append((now, output))

    def spent(self, now: float) -> float:
        """Within the `DUTY_SECONDS` before ``now``."""
        begin = now - DUTY_SECONDS
        while len(self._since) > 1 and self._since[1][0] <= begin:
            self._since.popleft()
        ends = [*(since for since, _ in self._since), now][1:]
        return sum(
            output * (end - max(since, begin)) for (since, output), end in zip(self._since, ends, strict=True) if output
        )

    def clock_set_back(self, seconds: float) -> None:
        """Times are ``seconds`` less from now on."""
        self._since = deque((since - seconds, output) for since, output in self._since)


class LightGuard:
    """Of one terminal. ``now``: seconds, of any clock; one that goes back makes all that is remembered recent."""

    def __init__(self, caps: LampCaps) -> None:
        self._caps = caps
        self._halves = (Signal(), Signal())
        self._lamp = Signal()
        self._lamp.found(0.0)
        self._dead_man = DeadMan()
        self._duty = Duty()
        self._rest: float | None = None
        # None: nobody has set it.
        self._level: float | None = None
        # None: nobody knows.
        self._pattern: Pattern | None = Pattern.GUIDANCE
        self._output = 0.0
        self._visible = False
        self.latest = 0.0
        self.tripped: str | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nobody has set the backlight since it was restored."""
        return self._level is None

    @property
    def guides(self) -> bool:
        """Whether the screen shows guidance, and not a pattern."""
        return self._pattern is Pattern.GUIDANCE

    @property
    def minded(self) -> bool:
        """Whether somebody must mind the lights as they are."""
        return self._output > 0 or not self.guides or (self._level is not None and self._level < _DARK)

    def found_at_rest(self, level: float | None) -> None:
        """The backlight's level before anybody sets it, as the device says; None: it does not know."""
        self._rest = level
        if self.guides and level is not None:
            for half in self._halves:
                half.found(level * GUIDANCE_LIT)

    def set_level(self, level: float, now: float) -> None:
        """Of the backlight. Raises UnsafeLight."""
        self._display(level, self._pattern, now, put_back=False)

    def restore(self, now: float) -> None:
        """Of the backlight: as it was found."""
        if not self.at_rest:
            self._display(None, self._pattern, now, put_back=True)

    def show(self, pattern: Pattern, now: float) -> None:
        """On the screen. Raises UnsafeLight."""
        self._display(self._level, pattern, now, put_back=False)

    def show_guidance_again(self, now: float) -> None:
        """On the screen, after the backlight was restored."""
        self._display(self._level, Pattern.GUIDANCE, now, put_back=True)

    def display_lost(self) -> None:
        """A command to backlight or screen failed."""
        self._pattern = None
        for half in self._halves:
            half.lost()

    def set_output(self, output: float, now: float, *, visible: bool) -> None:
        """Of the lamp. Raises UnsafeLight, and for 0 never."""
        self._moved_to(now)
        before = self.minded
        if output > 0:
            self.refuse_if_tripped()
            if output > self._caps.output:
                raise UnsafeLight(
                    f"an output of {output:g} is beyond this lamp's {self._caps.output:g}",
                    remedy="raise lights.illuminator.lamp.max_output, or ask for less",
                )
            if self._duty_spent(now):
                raise UnsafeLight(self._duty_told(), remedy="let it rest")
        self._visible = visible
        if visible:
            if output > 0:
                self._refuse_flashes(self._level, self._pattern, lamp=(output, 0.0))
            self._lamp.move(output, now)
        self._duty.set(output, now)
        self._output = output
        self._renew_where_new(before, now)

    def output_lost(self, before: float) -> None:
        """A command to the lamp failed; ``before`` it gave this output."""
        self._output = max(self._output, before)
        self._duty.set(self._output, self.latest)
        self._lamp.lost()

    def admit(self, steps: int, seconds: float, now: float) -> float:
        """From when on a plan may begin that changes visible light up to ``steps`` times, each at least ``seconds``
        after the one before. Raises UnsafeLight for one that would flash too often whenever it began.
        """
        self._moved_to(now)
        most = PLANNED_CHANGES - self._lamp_kept
        try:
            return max(
                start_after(sorted((*half.times, *self._lamp.times)), steps, seconds, now, most=most)
                for half in self._halves
            )
        except ValueError as error:
            raise UnsafeLight(f"the plan is refused: {error}", remedy="give each step more time") from None

    def renew(self, now: float) -> None:
        """The caller has made progress."""
        self._moved_to(now)
        self._dead_man.renew(now)

    def tick(self, now: float) -> bool:
        """Whether the lights must be put back now, and again at each tick until the caller has heard of it."""
        now = max(now, self.latest)
        if self.tripped is None:
            if self.minded and self._dead_man.expired(now):
                self.tripped = f"no frame came for {self._dead_man.limit:g} s"
            elif self._output > 0 and self._duty_spent(now):
                self.tripped = self._duty_told()
        return self.tripped is not None

    def heard(self) -> None:
        """The caller has put the lights back itself."""
        self.tripped = None

    def refuse_if_tripped(self) -> None:
        """Raises UnsafeLight until the caller has put the lights back."""
        if self.tripped is not None:
            raise UnsafeLight(f"the lights were switched off: {self.tripped}", remedy="begin the session anew")

    def _display(self, level: float | None, pattern: Pattern | None, now: float, *, put_back: bool) -> None:
        self._moved_to(now)
        if not put_back:
            self.refuse_if_tripped()
        before = self.minded
        if not put_back:
            self._refuse_flashes(level, pattern, lamp=(0.0,) if self._lamp_kept else ())
        lit = self._luminances(level, pattern)
        for half, light in zip(self._halves, lit, strict=True):
            half.move(light, now)
        self._level, self._pattern = level, pattern
        self._renew_where_new(before, now)

    def _luminances(self, level: float | None, pattern: Pattern | None) -> tuple[float | None, float | None]:
        """Of both halves. A display whose level nobody can set or tell is taken for a bright one."""
        if pattern is None:
            return None, None
        shown = level if level is not None else self._rest if self._rest is not None else 1.0
        left, right = _SHARES[pattern]
        return shown * left, shown * right

    def _refuse_flashes(self, level: float | None, pattern: Pattern | None, *, lamp: tuple[float, ...]) -> None:
        """Of a command that leads there: with it, and with putting all lights back after it, in the order of that."""
        steps = (self._luminances(*step) for step in ((level, pattern), (None, pattern), (None, Pattern.GUIDANCE)))
        changes = [half.with_more(*lights) for half, lights in zip(self._halves, zip(*steps, strict=True), strict=True)]
        if max(changes) + self._lamp.with_more(*lamp) > MOST_CHANGES:
            raise UnsafeLight(
                f"one more change of light could make more than {FLASHES} flashes in a second (WCAG 2.3.1)",
                remedy="give each step of light more time",
            )

    @property
    def _lamp_kept(self) -> int:
        return int(self._visible and self._output > 0)

    def _renew_where_new(self, before: bool, now: float) -> None:
        if self.minded and not before:
            self._dead_man.renew(now)

    def _duty_spent(self, now: float) -> bool:
        # All of it is never spent: the budget is that of a lamp that is always on.
        return self._caps.share < 1 and self._duty.spent(now) >= self._caps.share * DUTY_SECONDS

    def _duty_told(self) -> str:
        return f"the lamp was on for {self._caps.share:.0%} of a minute, its largest duty"

    def _moved_to(self, now: float) -> None:
        if now < self.latest:
            # Another clock: what is remembered may have been a moment ago.
            self._duty.clock_set_back(self.latest - now)
            self._dead_man.renew(now)
            for signal in (*self._halves, self._lamp):
                signal.times = deque(now for _ in signal.times)
        self.latest = now
        for signal in (*self._halves, self._lamp):
            while signal.times and signal.times[0] < now - FLASH_SECONDS:
                signal.times.popleft()
