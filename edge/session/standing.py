"""What the terminal's screen shows beside the prompt: how far the attempt has come, and who stands before it."""

from __future__ import annotations

import math
from typing import Final

import structlog

from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.guidance.page import NO_STANDING, Standing
from edge.hardware.ports import Screen
from edge.liveness.pace import Pace, follow
from edge.liveness.state import Phase, SessionState

log = structlog.get_logger(__name__)

# Of drawing, seconds: the session's thread draws, and nobody reads faster.
LEAST_SECONDS: Final = 0.25
PREVIEW_SECONDS: Final = 0.2
# Steps of the bar; less does not show.
STEPS: Final = 40
# While light is measured nothing is drawn for the bar's sake: what stands there stays.
_DRAWN: Final = frozenset({Phase.POSITIONING, Phase.PASSIVE, Phase.MOTION_CHALLENGE})
_MEASURED: Final = frozenset({Phase.MEASURING_LIGHT, Phase.LIGHT_CHALLENGE})


class StandingOnScreen:
    """Of one session. ``end`` must be called on every way out."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._pace = Pace()
        self._told: tuple[int, Standing] | None = None
        self._told_at = -math.inf
        self._shown, self._drawn_at = NO_STANDING, -math.inf
        self._previewed_at = -math.inf
        self._previewing = False

    @property
    def standing(self) -> Standing:
        """As it is now, whatever is drawn of it."""
        steps = math.floor(self._pace.progress * STEPS + 1e-9)
        return Standing(steps / STEPS, self._pace.seconds_left)

    def follow(self, state: SessionState, now: float, moved: float, *, news: bool) -> bool:
        """Whether a screen elsewhere should hear of it: with other ``news``, else at most every ``LEAST_SECONDS``.

        moved: as ``edge.liveness.pace.follow`` has it. Raises HardwareError when the screen is lost.
        """
        self._pace = follow(self._pace, state, now, moved)
        if state.phase is not Phase.POSITIONING:
            self.end_preview()
        if state.phase not in _DRAWN | _MEASURED:
            # Neither between two attempts nor under the result.
            self._draw(NO_STANDING)
        elif state.phase in _DRAWN and now - self._drawn_at >= LEAST_SECONDS:
            self._drawn_at = now
            self._draw(self.standing)
        told = state.attempt, self.standing
        if not news and (told == self._told or now - self._told_at < LEAST_SECONDS):
            return False
        self._told, self._told_at = told, now
        return True

    def saw(self, frame: Frame, state: SessionState, now: float) -> None:
        """Shows the person, at most every ``PREVIEW_SECONDS`` and while they find their place alone.

        Raises HardwareError when the screen is lost.
        """
        if state.phase is Phase.POSITIONING and now - self._previewed_at >= PREVIEW_SECONDS:
            self._previewed_at, self._previewing = now, True
            self._screen.show_preview(frame)

    def end_preview(self) -> None:
        """Before light is measured. Raises HardwareError when the screen is lost."""
        if self._previewing:
            self._previewing = False
            self._screen.show_preview(None)

    def end(self) -> None:
        """Nothing of the person stays. Never raises; may be repeated."""
        try:
            self.end_preview()
            self._draw(NO_STANDING)
        except HardwareError as error:
            log.warning("the screen is lost", error=str(error))

    def _draw(self, standing: Standing) -> None:
        if standing != self._shown:
            self._shown = standing
            self._screen.show_standing(standing)
