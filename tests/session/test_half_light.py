"""The display's halves in turns, after the backlight step, in dim light."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edge.contracts.enums import EvidenceOutcome, LightLevel
from edge.frames.display import DisplayGeometry
from edge.hardware.ports import Pattern
from edge.session import light_step
from edge.session.half_light import with_sway
from edge.session.light_step import LightStep
from edge.session.relief_answer import ReliefAnswer
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.hypotheses import Hypotheses, Scores
from edge.vision.relief import Relief
from tests.session.test_light_step import Face
from tests.simulation.stages import stage

SCORES = Scores(plane=-9.0, cylinder=-7.0, screen=-8.0, head=-1.0)
TURNS = [Pattern.LEFT, Pattern.RIGHT, Pattern.LEFT, Pattern.RIGHT, Pattern.GUIDANCE]


def terminal(**scene):
    """A grey wall half a metre before a camera in the middle of a display."""
    made = stage(**scene)
    placed = replace(made, display=replace(made.display, geometry=DisplayGeometry(0.154, 0.086, 0.0, 0.0)))
    return SimulatedTerminal([lambda: placed])


@pytest.fixture
def landmarks(face_landmarks):
    """On a grey wall, as wide as a face at half a metre."""
    points = face_landmarks - np.append(face_landmarks[:, :2].mean(axis=0), 0)
    return (points * (60 / np.ptp(points[:, 0])) + np.array([80, 60, 0])).astype(np.float32)


def play(unit, landmarks, *, limit=300, stop_at=None):
    """The answer, the patterns with the times at which they were told, the step after its end."""
    told = []
    show = unit.screen.show_pattern

    def noted(pattern, now):
        told.append((now, pattern))
        return show(pattern, now)

    unit.screen.show_pattern = noted
    answer = None
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        for _ in range(60):
            unit.camera.read(1.0)
        step = LightStep(unit.camera, unit.backlight, unit.clock.now(), lux=None, screen=unit.screen)
        for number in range(limit):
            frame = unit.camera.read(1.0)
            answer = step.saw(frame, Face().see(frame), unit.clock.now(), landmarks)
            if answer is not None or number == stop_at:
                break
        step.end(unit.clock.now())
    return answer, told, step


def test_in_dim_light_each_half_is_shown_twice_and_then_guidance_again(landmarks):
    answer, told, _ = play(terminal(lux=100), landmarks)
    assert answer.level is LightLevel.DIM
    assert [pattern for _, pattern in told] == TURNS


def test_no_half_is_shown_for_less_than_a_quarter_of_a_second(landmarks):
    _, told, _ = play(terminal(lux=100), landmarks)
    times = [when for when, _ in told]
    assert min(after - before for before, after in pairwise(times)) >= 0.25
    assert times[-1] - times[0] < 1.5


def test_a_sheet_shows_no_head_in_the_halves_either(landmarks):
    answer, _, _ = play(terminal(lux=100), landmarks)
    assert abs(answer.margin) < 0.2


@pytest.mark.parametrize("outcome", [EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.CONFIRMED])
@pytest.mark.parametrize(("lux", "level"), [(300, LightLevel.BRIGHT), (60, LightLevel.DIM)])
def test_a_shape_is_left_to_a_code_where_the_display_is_weak(monkeypatch, landmarks, lux, level, outcome):
    told = ReliefAnswer(outcome, "some shape", 0.5)
    monkeypatch.setattr(light_step, "relief_answer", lambda *_, **__: told)
    answer, patterns, _ = play(terminal(lux=lux), landmarks)
    assert answer.level is level
    assert bool(patterns) is (level is LightLevel.DIM)
    assert answer.outcome is (outcome if level is LightLevel.DIM else EvidenceOutcome.INSUFFICIENT)
    assert ("without a code" in answer.reason) is (level is LightLevel.BRIGHT)


def test_a_sheet_is_one_however_weak_the_display_is(monkeypatch, landmarks):
    a_sheet = ReliefAnswer(EvidenceOutcome.VETO, "a sheet", 0.0)
    monkeypatch.setattr(light_step, "relief_answer", lambda *_, **__: a_sheet)
    answer, _, _ = play(terminal(lux=300), landmarks)
    assert (answer.level, answer.outcome) == (LightLevel.DIM, EvidenceOutcome.VETO)


def test_in_bright_light_the_step_ends_without_them(landmarks):
    answer, told, _ = play(terminal(lux=900), landmarks)
    assert answer.level is LightLevel.BRIGHT
    assert told == []


def test_whoever_breaks_off_gets_guidance_and_nothing_is_kept(landmarks):
    answer, told, step = play(terminal(lux=100), landmarks, stop_at=60)
    assert answer is None
    assert told[-1][1] is Pattern.GUIDANCE
    assert len(told) < len(TURNS)
    assert step.hand_over().face.response() is None


def test_where_time_runs_out_the_level_stands_and_the_shape_is_not_told(landmarks):
    answer, told, _ = play(terminal(lux=100, fps=8.0), landmarks)
    assert answer.level is LightLevel.DIM
    assert "too slow to tell a shape" in answer.reason
    assert told[-1][1] is Pattern.GUIDANCE


def test_frames_under_half_a_display_are_looked_at_and_not_judged(landmarks):
    unit = terminal(lux=100)
    seen = []
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        for _ in range(60):
            unit.camera.read(1.0)
        step = LightStep(unit.camera, unit.backlight, unit.clock.now(), lux=None, screen=unit.screen)
        answer = None
        while answer is None:
            frame = unit.camera.read(1.0)
            seen.append(step.light_of(frame))
            answer = step.saw(frame, Face().see(frame), unit.clock.now(), landmarks)
        step.end(unit.clock.now())
    assert seen[-1].display == 1.0
    assert not seen[-1].settled


def test_sway_makes_the_halves_less_certain_the_brighter_the_room():
    found = Relief(0.1, 0.8, 0.1, 0.9, 0.3, 1.0, 0.1, 400, Hypotheses(SCORES, SCORES), Hypotheses(SCORES, SCORES))
    assert with_sway(found, 2).sides_deviation == pytest.approx(math.hypot(0.3, 0.3))
    # The same noise again has half of the weight.
    assert with_sway(found, 2).hypotheses.halves.odds == pytest.approx(SCORES.odds / 2)
    assert with_sway(found, 2).inner.halves.odds == pytest.approx(SCORES.odds / 2)
    assert with_sway(found, 2).hypotheses.room == SCORES
    assert with_sway(replace(found, sides_deviation=math.inf), 2).hypotheses == found.hypotheses
    assert with_sway(replace(found, contrast=0.3), 2).sides_deviation == pytest.approx(math.hypot(0.3, 0.1))
    assert with_sway(replace(found, sides=None, sides_deviation=None), 2).sides_deviation is None
    assert with_sway(found, 2).head_deviation == found.head_deviation


def test_one_turn_tells_less_of_sway_than_two():
    found = Relief(0.1, 0.8, 0.1, 0.9, 0.0, 1.0, 0.1, 400, Hypotheses(SCORES, None), None)
    assert with_sway(found, 1).sides_deviation == pytest.approx(math.sqrt(2) * with_sway(found, 2).sides_deviation)
