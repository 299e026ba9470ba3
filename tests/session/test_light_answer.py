"""What samples of the face's light come to, without camera or clock."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import EvidenceOutcome, LightLevel
from edge.session.light_answer import Circumstances, Sample, light_answer

LIT = (1.0, 0.0, 1.0, 0.0, 1.0)
FRAMES = 8
FPS = 30.0


def samples(contrast, *, white=0.0, sway=0.0, period=1.7, seed=1, disturbance=lambda time: 0.0):
    """A face of level 0.2 that answers with ``contrast``, in noise and in a sway of its light, all relative."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi)
    made = []
    for number in range(len(LIT) * FRAMES):
        stage, time = number // FRAMES, number / FPS
        level = 1 + contrast * LIT[stage] + white * rng.standard_normal()
        level += sway * np.sin(2 * np.pi * time / period + phase) + disturbance(time)
        made.append(Sample(stage, LIT[stage], time, 0.2 * level))
    return made


def circumstances(**given):
    usual = {
        "exposure": 0.01,
        "divides_flicker": True,
        "clipped": 0.0,
        "lux": None,
        "due": None,
        "lux_sees_all": True,
    }
    return Circumstances(**(usual | given))


@pytest.mark.parametrize(("contrast", "level"), [(0.3, "dim"), (0.05, "dim"), (0.03, "bright"), (0.001, "bright")])
def test_four_per_cent_tell_dim_from_bright(contrast, level):
    answer = light_answer(samples(contrast, white=0.001), circumstances())
    assert answer.level == LightLevel(level)
    assert answer.margin == pytest.approx(contrast, abs=0.002)


def test_a_face_that_sways_slowly_errs_by_no_more_than_three_times_the_noise_that_is_told():
    """Neighbouring frames of somebody who sways err alike, so the frames' own scatter would understate it."""
    errors, told = [], []
    for seed in range(100):
        answer = light_answer(samples(0.01, white=0.0005, sway=0.05, period=3.0, seed=seed), circumstances())
        errors.append(abs(answer.margin - 0.01))
        told.append(float(answer.reason.partition("noise ")[2].partition("%")[0]) / 100)
    # To a tenth of a per cent, as the reason tells it.
    assert all(error <= 3 * noise + 0.0015 for error, noise in zip(errors, told, strict=True))
    assert max(errors) > 0.01


SCREEN = {"lux": 40.0, "due": 0.33}


def test_a_strong_answer_that_is_due_and_absent_is_a_veto():
    answer = light_answer(samples(0.02, white=0.001), circumstances(**SCREEN))
    assert answer.outcome is EvidenceOutcome.VETO
    assert "33% are due at 40 lx" in answer.reason


def test_lux_makes_nothing_due_of_a_camera_that_sees_infrared():
    answer = light_answer(samples(0.02, white=0.001), circumstances(**SCREEN, lux_sees_all=False))
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT


def test_a_weak_answer_that_is_due_is_never_a_veto():
    answer = light_answer(samples(0.0, white=0.001), circumstances(lux=200.0, due=0.08))
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT


def test_a_shaken_screen_is_vetoed_where_no_flicker_could_hide_the_answer_that_is_due():
    shaken = samples(0.02, white=0.012)
    assert light_answer(shaken, circumstances(**SCREEN, divides_flicker=False)).outcome is EvidenceOutcome.VETO
    # With half as much due, a beat in step with the display might have hidden it.
    less = circumstances(lux=80.0, due=0.16, divides_flicker=False)
    assert light_answer(shaken, less).level is None


def test_where_lamps_may_flicker_and_the_light_scatters_nothing_is_said():
    answer = light_answer(samples(0.05, white=0.012), circumstances(exposure=0.003, divides_flicker=False))
    assert answer.level is None
    assert "flicker" in answer.reason


SUN = {"exposure": 1e-4, "divides_flicker": False, "lux": 8000.0, "due": 0.002}


def test_in_daylight_an_answer_too_weak_to_show_is_overwhelmed():
    answer = light_answer(samples(0.0002, white=0.002, sway=0.01), circumstances(**SUN))
    assert answer.level is LightLevel.OVERWHELMED
    assert "at 8000 lx the display adds 0.2%" in answer.reason


def test_in_daylight_an_answer_that_can_show_is_bright():
    answer = light_answer(samples(0.02, white=0.001), circumstances(**(SUN | {"due": 0.02})))
    assert answer.level is LightLevel.BRIGHT


@pytest.mark.parametrize("lux", [None, 2000.0])
def test_without_daylight_nothing_is_overwhelmed(lux):
    answer = light_answer(samples(0.0, white=0.005), circumstances(lux=lux, due=0.001))
    assert answer.level is LightLevel.BRIGHT


def test_who_shines_on_the_light_sensor_does_not_make_an_answer_of_a_beat():
    """A beat that swings with the display, with daylight feigned: it must not pass for a dim room."""

    def beat(time):
        return 0.05 * np.cos(2 * np.pi * time * FPS / (2 * FRAMES))

    swinging = samples(0.0, disturbance=beat)
    assert light_answer(swinging, circumstances(**SUN)).level is not LightLevel.DIM
    assert light_answer(swinging, circumstances(exposure=1e-3, divides_flicker=False)).level is None


def test_an_answer_that_hardly_shows_is_left_to_a_code_where_the_face_moves():
    answer = light_answer(samples(0.06, white=0.02), circumstances(lux=200.0))
    assert answer.level is LightLevel.BRIGHT
    assert "disagrees" in answer.reason


def test_lux_decides_where_a_face_changes_too_much_to_say_whether_it_answers():
    turning = samples(0.15, white=0.04)
    answer = light_answer(turning, circumstances(lux=40.0))
    assert answer.level is None
    assert "scatters" in answer.reason
    # Without lux it gets no easier way.
    assert light_answer(turning, circumstances()).level is LightLevel.BRIGHT


def test_an_overexposed_face_and_a_black_picture_say_nothing():
    assert "overexposed" in light_answer(samples(0.1), circumstances(clipped=0.05)).reason
    black = [Sample(sample.stage, sample.lit, sample.time, 0.0) for sample in samples(0.0)]
    assert light_answer(black, circumstances()).level is None
