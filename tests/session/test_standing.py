"""Progress, countdown and preview on the screen and elsewhere, in sessions of the simulated terminal."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import LivenessDecision, LivenessOperationMode, Prompt
from edge.errors import HardwareError
from edge.guidance.page import NO_STANDING
from edge.hardware.null import NullScreen
from edge.hardware.ports import Pattern
from edge.liveness.state import Phase
from edge.session.runner import SessionRunner
from edge.session.standing import LEAST_SECONDS, PREVIEW_SECONDS
from tests.session.safe_terminal import Terminal
from tests.session.scripted import ScriptedCamera, ScriptedVision, frames
from tests.session.test_runner import run

LIGHT_IS_LOOKED_AT = {Phase.MEASURING_LIGHT.value, Phase.LIGHT_CHALLENGE.value}


class Drawn:
    """A session before a display, and what was asked of the screen, when, in which phase and under what pattern."""

    def __init__(self, **terminal):
        self.calls, self.told = [], []
        self.phase, self.pattern = "idle", Pattern.GUIDANCE
        self.terminal = Terminal(**terminal)
        screen, clock = self.terminal.unit.screen, self.terminal.unit.clock
        show_pattern = screen.show_pattern

        def patterned(pattern, now):
            self.pattern = pattern
            return show_pattern(pattern, now)

        def noting(name):
            return lambda value: self.calls.append((name, value, clock.now(), self.phase, self.pattern))

        screen.show_pattern = patterned
        screen.show_standing, screen.show_preview = noting("standing"), noting("preview")

    def run(self, **options):
        def tell(progress):
            self.phase = progress.phase
            self.told.append((self.terminal.unit.clock.now(), progress))

        return self.terminal.run(on_progress=tell, **options)

    def of(self, name):
        return [call[1:] for call in self.calls if call[0] == name]


@pytest.fixture(scope="module", params=[2000.0, 120.0], ids=["bright", "dim"])
def drawn(request):
    drawn = Drawn(lux=request.param)
    drawn.run()
    return drawn


def test_the_bar_fills_and_is_taken_away_at_the_end(drawn):
    shown = [standing for standing, *_ in drawn.of("standing")]
    assert shown[-1] == NO_STANDING
    filled = [standing.progress for standing in shown[:-1]]
    assert filled == sorted(filled)
    assert len(filled) > 1


def test_it_is_drawn_at_most_four_times_a_second_and_only_when_it_changed(drawn):
    shown = drawn.of("standing")
    assert all(after[0] != before[0] for before, after in itertools.pairwise(shown))
    bars = [now for standing, now, *_ in shown if standing != NO_STANDING]
    assert all(after - before >= LEAST_SECONDS - 1e-9 for before, after in itertools.pairwise(bars))


def test_nothing_is_drawn_while_the_light_is_looked_at_or_a_pattern_is_shown(drawn):
    # What is drawn at the begin of a phase is drawn before the phase is told.
    measuring = [call for call in drawn.calls if call[3] in LIGHT_IS_LOOKED_AT or call[4] is not Pattern.GUIDANCE]
    told = [n for n, (_, progress) in enumerate(drawn.told) if progress.phase in LIGHT_IS_LOOKED_AT]
    assert told
    over = drawn.told[told[-1] + 1][0]
    assert all(call[2] >= over for call in measuring)


def test_a_screen_elsewhere_hears_of_it_as_often_and_of_all_phases(drawn):
    told = [progress for _, progress in drawn.told]
    shares = [progress.standing.progress for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    for (before, last), (now, progress) in itertools.pairwise(drawn.told):
        new = progress.phase != last.phase or progress.prompt is not None
        assert new or now - before >= LEAST_SECONDS - 1e-9
        assert new or progress.standing != last.standing


def test_the_person_is_shown_five_times_a_second_while_finding_a_place_and_not_afterwards(drawn):
    previews = drawn.of("preview")
    assert [frame is None for frame, *_ in previews].count(True) == 1
    assert previews[-1][0] is None
    shown = [now for frame, now, *_ in previews if frame is not None]
    assert shown
    assert all(after - before >= PREVIEW_SECONDS - 1e-9 for before, after in itertools.pairwise(shown))
    measured = min(now for now, progress in drawn.told if progress.phase == Phase.MEASURING_LIGHT.value)
    assert previews[-1][1] <= measured


def test_before_the_light_changes_the_person_is_off_the_screen():
    drawn = Drawn()
    backlight, clock = drawn.terminal.unit.backlight, drawn.terminal.unit.clock
    set_level = backlight.set_level

    def noting(level, now):
        drawn.calls.append(("level", level, clock.now(), drawn.phase, drawn.pattern))
        return set_level(level, now)

    backlight.set_level = noting
    drawn.run()
    names = [(name, value) for name, value, *_ in drawn.calls]
    off = names.index(("preview", None))
    first_of_the_step = next(n for n, (name, _) in enumerate(names) if name == "level" and n > 1)
    assert off < first_of_the_step < names.index(("level", 0.0))


class Recording(NullScreen):
    def __init__(self):
        self.shown = []

    def show_prompt(self, prompt):
        self.shown.append(prompt)

    def show_standing(self, standing):
        self.shown.append(standing)

    def show_preview(self, frame):
        self.shown.append("preview" if frame is not None else "nobody")


def test_a_session_that_is_broken_off_takes_person_and_bar_away():
    screen = Recording()
    looked = iter(range(1000))
    run(
        ScriptedCamera(frames(60)),
        ScriptedVision(),
        screen=screen,
        cancelled=lambda: "given up" if next(looked) > 3 else None,
    )
    assert "preview" in screen.shown
    assert screen.shown[screen.shown.index("preview") :].count("nobody") == 1
    standings = [shown for shown in screen.shown if not isinstance(shown, Prompt | str)]
    assert standings[-1:] in ([], [NO_STANDING])


@pytest.mark.parametrize("call", ["show_standing", "show_preview"])
def test_a_screen_that_fails_beside_the_prompt_ends_the_session_with_a_code(call):
    def gone(_):
        raise HardwareError("the screen is gone", remedy="look at its cable")

    screen = Recording()
    setattr(screen, call, gone)
    report = run(ScriptedCamera(frames(60)), screen=screen)
    assert "the screen is gone" in report.attempts[-1].error.message


def test_the_decision_is_out_before_its_page_is_drawn():
    screen = Recording()
    run(
        ScriptedCamera(frames(60)),
        screen=screen,
        on_attempt=lambda attempt, last: screen.shown.append(attempt.result.liveness_decision),
    )
    assert screen.shown.index(LivenessDecision.REALFACE) < screen.shown.index(Prompt.ACCEPTED)


def test_the_last_seconds_are_counted_before_a_terminal_where_nobody_stands():
    drawn = Drawn()
    see = drawn.terminal.vision.see
    drawn.terminal.vision.see = lambda frame, *, judge=True: replace(
        see(frame, judge=judge), box=None, faces=0, track=0
    )
    drawn.terminal.floor = PRESETS[Preset.KIOSK].model_copy(update={"attempt_timeout_seconds": 12.0})
    drawn.run(mode=LivenessOperationMode.PASSIVE)
    counted = [standing.countdown for standing, *_ in drawn.of("standing") if standing.countdown is not None]
    assert counted == list(range(10, 0, -1))
    left = [progress.standing.countdown for _, progress in drawn.told if progress.standing.countdown is not None]
    assert sorted(set(left), reverse=True) == counted
    assert drawn.of("standing")[-1][0] == NO_STANDING


def test_between_sessions_nobody_is_asked_for_anything():
    terminal = Terminal()
    asked = []
    terminal.unit.screen.show_prompt = asked.append
    terminal.run()
    assert asked[-1] is not None
    terminal.runner.rest()
    assert asked[-1] is None
    assert isinstance(terminal.runner, SessionRunner)
