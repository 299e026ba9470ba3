"""The light challenge, played on a simulated display to simulated people and to what is held up in their place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import ErrorCode, EvidenceOutcome, LivenessOperationMode
from edge.errors import HardwareError
from edge.evaluation.attacks.catalogue import named_case
from edge.evaluation.replay import policy_for
from edge.frames.display import DisplayGeometry
from edge.hardware.ports import Pattern
from edge.liveness.plans import draw_light_plan
from edge.session.light_challenge import LightChallenge
from edge.session.light_code import DisplayCode
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision
from tests.session.safe_terminal import Terminal
from tests.simulation.stages import stage

DISPLAY = DisplayGeometry(0.154, 0.086, 0.0, 0.06)
SEED = bytes(range(32))
SETTLING = 30


def play(unit, landmarks_of, *, seed=SEED, limit=200):
    """The answer, the patterns with the times at which they were told, and the challenge after its end."""
    told = []
    show = unit.screen.show_pattern

    def noted(pattern, now):
        told.append((now, pattern))
        return show(pattern, now)

    unit.screen.show_pattern = noted
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        for _ in range(SETTLING):
            frame = unit.camera.read(1.0)
            landmarks_of(frame)
        plan, display = draw_light_plan(seed, 1), unit.screen.geometry or DISPLAY
        challenge = LightChallenge(unit.camera, DisplayCode(unit.screen, display, plan), unit.clock.now())
        for _ in range(limit):
            frame = unit.camera.read(1.0)
            answer = challenge.saw(frame, landmarks_of(frame), unit.clock.now())
            if answer is not None:
                challenge.end(unit.clock.now())
                return answer, told, plan
    raise AssertionError("no answer")


@pytest.fixture
def grey(face_landmarks):
    """A grey wall in place of a face, and landmarks on it."""
    points = face_landmarks - np.append(face_landmarks[:, :2].mean(axis=0), 0)
    points = points * (60 / np.ptp(points[:, 0])) + np.array([80, 60, 0])
    return SimulatedTerminal([lambda: stage(lux=600)]), lambda frame: points.astype(np.float32)


def test_the_code_is_shown_as_drawn_and_then_guidance_again(grey):
    _, told, plan = play(*grey)
    assert [pattern.value for _, pattern in told[:-1]] == [chip.value for chip in plan.chips]
    assert told[-1][1] is Pattern.GUIDANCE


def test_no_step_is_shorter_than_planned_and_the_code_lasts_less_than_three_seconds(grey):
    _, told, plan = play(*grey)
    times = [when for when, _ in told]
    assert min(after - before for before, after in pairwise(times)) >= plan.chip_seconds - 1e-9
    assert times[-1] - times[0] < 3.0


def test_the_exposure_is_free_again(grey):
    unit, landmarks_of = grey
    freed = []
    unlock = unit.camera.unlock
    unit.camera.unlock = lambda: (freed.append(True), unlock())
    play(unit, landmarks_of)
    assert freed == [True]


def test_a_face_that_was_not_seen_proves_nothing(grey):
    answer, _, _ = play(grey[0], lambda frame: None)
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT
    assert "too little was seen" in answer.reason
    assert not answer.overwhelmed


def test_a_camera_that_does_not_hold_its_exposure_is_not_believed(grey):
    unit, landmarks_of = grey
    unit.camera.lock = lambda *_: None
    changing = iter(range(1000))
    read = unit.camera.read

    def brighter(timeout):
        unit.backlight.set_level(0.2 + 0.8 * (next(changing) // 3 % 2), unit.clock.now())
        return read(timeout)

    unit.camera.read = brighter
    answer, _, _ = play(unit, landmarks_of)
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT
    assert "does not hold its exposure" in answer.reason


def test_a_camera_that_cannot_lock_is_not_played_to(grey):
    unit, _ = grey

    def cannot(*_):
        raise HardwareError("no lock", remedy="none")

    unit.camera.lock = cannot
    with unit.camera, pytest.raises(HardwareError):
        LightChallenge(unit.camera, DisplayCode(unit.screen, DISPLAY, draw_light_plan(SEED, 1)), 0.0)


def test_a_session_that_breaks_off_leaves_no_dark_screen(models):
    unit = SimulatedTerminal([lambda: build(scene(600, PERSON), models)])
    shown = []
    show = unit.screen.show_pattern

    def failing(pattern, now):
        shown.append(pattern)
        if len(shown) == 3:
            raise ZeroDivisionError("a fault")
        return show(pattern, now)

    unit.screen.show_pattern = failing
    mode = LivenessOperationMode.PASSIVE_ACTIVE
    devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    runner = SessionRunner(devices, FaceVision(models), lambda: unit.clock)
    report = runner.run("0" * 32, policy_for(PRESETS[Preset.DOOR], mode), mode)
    assert report.attempts[-1].error.code is ErrorCode.GENERIC_FAILURE
    assert shown[-1] is Pattern.GUIDANCE


def played(terminal):
    """What a session did, in order: (seconds, "lock", "unlock", a phase or a pattern)."""
    done = []

    def noting(call, name=None):
        def noted(*given):
            done.append((terminal.unit.clock.now(), name or given[0].value))
            return call(*given)

        return noted

    unit = terminal.unit
    unit.camera.lock = noting(unit.camera.lock, "lock")
    unit.camera.unlock = noting(unit.camera.unlock, "unlock")
    unit.screen.show_pattern = noting(unit.screen.show_pattern)
    phases = []

    def tell(progress):
        # A phase is told of again as it goes on.
        if progress.phase not in phases[-1:]:
            phases.append(progress.phase)
            done.append((unit.clock.now(), progress.phase))

    terminal.run(on_progress=tell)
    return done


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_a_code_after_the_backlight_step_begins_at_once_and_is_answered_within_two_and_a_half_seconds(fps):
    done = played(Terminal(fps=fps))
    names = [name for _, name in done]
    asked = done[names.index("light_challenge")][0]
    answered = done[names.index("motion_challenge")][0]
    chips = [(when, name) for when, name in done if name in {"left", "right", "full", "black"}]
    assert len(chips) == 12
    assert chips[0][0] == asked
    assert answered - asked <= 2.5 + 1e-9
    assert answered - chips[-1][0] >= draw_light_plan(SEED, 1).chip_seconds


def test_the_exposure_is_held_through_the_backlight_step_and_the_code_and_free_after_both():
    names = [name for _, name in played(Terminal())]
    step, answered = names.index("measuring_light"), names.index("motion_challenge")
    assert [name for name in names[step - 1 : answered] if "lock" in name] == ["lock", "unlock"]
    assert names[answered - 2 : answered] == ["unlock", "guidance"]


def test_where_no_code_follows_the_backlight_step_the_exposure_is_free_again():
    names = [name for _, name in played(Terminal(lux=120.0))]
    assert "light_challenge" not in names
    assert [name for name in names[: names.index("passive")] if "lock" in name] == ["lock", "unlock"]


def test_a_screen_that_is_lost_at_the_first_step_ends_the_session_with_a_code():
    terminal = Terminal()

    def lost(pattern, now):
        raise HardwareError("the screen is gone", remedy="look at its cable")

    terminal.unit.screen.show_pattern = lost
    attempt = terminal.run().attempts[-1]
    assert attempt.error.code is ErrorCode.GENERIC_FAILURE
    assert "the screen is gone" in attempt.error.message


def scene(lux, subject):
    return Scene.model_validate(
        {
            "title": "a test",
            "presentation": {"label": "attack", "pai_species": "test"},
            "session": {"mode": "PassiveActive"},
            "expect": {"light_level": "bright"},
            "surroundings": {"ambient": {"lux": lux, "light": "daylight"}},
            "subjects": [subject],
        }
    )


def answered(models, lux, subject, seed=SEED):
    return answered_in(models, scene(lux, subject), seed)


def answered_in(models, wanted, seed=SEED):
    unit = SimulatedTerminal([lambda: build(wanted, models)])
    vision = FaceVision(models)

    def landmarks_of(frame):
        vision.see(frame, judge=False)
        return vision.landmarks

    return play(unit, landmarks_of, seed=seed)[0]


PERSON = {"kind": "person", "face": "openpeople:P002", "distance": 0.5}
PRINT = {"kind": "print", "photo": "openpeople:P001", "width": 0.29, "distance": 0.5}


@pytest.mark.parametrize("face", ["openpeople:P002", "openpeople:P004"])
def test_a_person_is_confirmed(models, face):
    answer = answered(models, 600, PERSON | {"face": face})
    assert answer.outcome is EvidenceOutcome.CONFIRMED, answer.reason


@pytest.mark.parametrize(
    "subject",
    [
        PRINT,
        {"kind": "bent_print", "photo": "openpeople:P004", "width": 0.29, "radius": 0.12, "distance": 0.45},
    ],
)
def test_sheets_are_vetoed_whatever_they_show(models, subject):
    answer = answered(models, 600, subject)
    assert answer.outcome is EvidenceOutcome.VETO, answer.reason


@pytest.mark.parametrize("yaw", [0, 15])
def test_a_screen_proves_nothing_whether_it_mirrors_the_display_or_not(models, yaw):
    screen = {"kind": "screen", "device": "tablet", "photo": "openpeople:P002", "luminance": 400, "distance": 0.4}
    answer = answered(models, 600, screen | {"yaw": yaw})
    assert answer.outcome is not EvidenceOutcome.CONFIRMED, answer.reason
    assert not answer.leans, answer.reason


@pytest.mark.parametrize("number", [216, 304])
def test_a_head_that_our_light_shows_weakly_is_not_taken_for_one_that_moves(models, number):
    answer = answered_in(models, named_case(f"bonafide/bright-600-led/{number}").scene)
    assert answer.margin > 0.4, answer.reason


def test_paper_that_mirrors_the_display_is_not_taken_for_a_head(models):
    answer = answered(models, 600, PRINT | {"finish": "glossy"})
    assert answer.outcome is not EvidenceOutcome.CONFIRMED, answer.reason


def test_in_the_sun_it_is_overwhelmed_and_nobody_is_accused(models):
    answers = [answered(models, 30000, PERSON, seed=bytes([number]) * 32) for number in range(3)]
    assert {answer.outcome for answer in answers} == {EvidenceOutcome.INSUFFICIENT}, answers
    # One in twenty follows the code by chance.
    assert sum(answer.overwhelmed for answer in answers) >= 2, answers
