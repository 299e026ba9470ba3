"""The safety formulas against figures worked by hand and published ones, and lamps that the settings refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.loader import load_bytes
from edge.config.problems import ConfigProblems
from edge.config.safety import (
    FLASH_SECONDS,
    PLANNED_CHANGES,
    LampFigures,
    RiskGroup,
    angle,
    budget,
    cornea_limit,
    irradiance,
    most_changes,
    radiance,
    retina_limit,
    start_after,
    steps_at,
    white_intensity,
)
from edge.contracts.enums import LightBand

LAMP = {"band": "infrared", "radiant_intensity": 0.5, "closest_approach": 0.3, "retinal_risk": "exempt"}


def loaded(**lamp):
    site = {
        "camera": {"driver": "simulated", "scenes": ["scenes"]},
        "lights": {"illuminator": {"driver": "simulated", "lamp": LAMP | lamp}},
    }
    return load_bytes(json.dumps(site).encode(), Path("site.yaml")).settings.lights.illuminator.lamp


def refusal(**lamp):
    with pytest.raises(ConfigProblems) as caught:
        loaded(**lamp)
    [problem] = caught.value.problems
    return problem.path, problem.message


@pytest.mark.parametrize(("seconds", "limit"), [(1, 18000), (10, 3201), (100, 569), (1001, 100), (1e6, 100)])
def test_the_cornea_bears_what_the_standard_says(seconds, limit):
    assert cornea_limit(seconds) == pytest.approx(limit, abs=0.5)


def test_twenty_emitters_of_a_published_example_give_what_it_says():
    # Osram's application note: 20 emitters of 160 mW/sr, 58.7 mW/mm2/sr each, limit 545.5 mW/mm2/sr at 0.011 rad.
    assert irradiance(0.16, 20, 0.2) == pytest.approx(80)
    side = (0.16 / 58.7e3) ** 0.5
    disc = side * 2 / 3.14159265**0.5
    assert radiance(0.16, disc) == pytest.approx(58.7e3, rel=1e-6)
    assert retina_limit(angle(disc, 0.2)) == pytest.approx(545.5e3, rel=1e-3)


def test_the_angle_of_a_source_has_bounds():
    assert [angle(size, 0.2) for size in (1e-4, 0.004, 0.1)] == [0.011, pytest.approx(0.02), 0.1]


def test_nobody_is_rewarded_for_keeping_people_away_but_must_count_those_who_come_near():
    [far], [near] = (budget(LampFigures(LightBand.INFRARED, 1.0, closest_approach=at)).lines for at in (2.0, 0.1))
    assert far.figure == pytest.approx(25)
    assert near.figure == pytest.approx(100)


@given(
    intensity=st.floats(0.001, 100), emitters=st.integers(1, 64), approach=st.floats(0.01, 5), size=st.floats(1e-4, 0.1)
)
def test_a_budget_is_kept_exactly_where_its_figures_are(intensity, emitters, approach, size):
    lamp = LampFigures(LightBand.INFRARED, intensity, emitters, approach, size, RiskGroup.EXEMPT)
    given_to_eye = emitters * intensity / min(0.2, approach) ** 2
    bright = intensity / (0.7853981633974483 * size**2) * min(max(size / 0.2, 0.011), 0.1)
    kept = given_to_eye <= 100 and bright <= 6000
    if min(abs(given_to_eye - 100), abs(bright - 6000)) > 1e-3:
        assert budget(lamp).kept == kept


def test_a_lamp_within_the_limits_is_taken():
    assert loaded().figures.radiant_intensity == 0.5
    assert budget(loaded().figures).lines[0].share == pytest.approx(0.125)


def test_a_lamp_beyond_them_is_refused_with_how_much_and_what_to_do():
    path, message = refusal(radiant_intensity=5)
    assert path == "lights.illuminator.lamp"
    assert "5 W/sr / (0.2 m)^2 = 125 W/m2, 1.25 times the limit of 100" in message
    assert "at most 4 W/sr each" in message
    assert "= 200 W/m2" in refusal(closest_approach=0.05)[1]
    assert "= 500 W/m2" in refusal(emitters=40)[1]
    path, message = refusal(source_size=0.001)
    assert "retina" in message
    assert "diffuser" in message


@pytest.mark.parametrize("key", ["band", "radiant_intensity", "closest_approach", "retinal_risk"])
def test_a_lamp_that_lacks_a_figure_is_refused(key):
    without = {name: value for name, value in LAMP.items() if name != key}
    site = {
        "camera": {"driver": "simulated", "scenes": ["scenes"]},
        "lights": {"illuminator": {"driver": "simulated", "lamp": without}},
    }
    with pytest.raises(ConfigProblems) as caught:
        load_bytes(json.dumps(site).encode(), Path("site.yaml"))
    [problem] = caught.value.problems
    assert problem.path == f"lights.illuminator.lamp.{key}"
    assert "is missing" in problem.message


def test_white_light_has_a_blue_light_group_and_infrared_has_none():
    assert refusal(band="white")[0] == "lights.illuminator.lamp.blue_light_risk"
    assert refusal(blue_light_risk="exempt")[0] == "lights.illuminator.lamp.blue_light_risk"
    assert loaded(band="white", blue_light_risk="rg1", retinal_risk="rg1").blue_light_risk is RiskGroup.RG1


@pytest.mark.parametrize(
    "lamp",
    [
        {"retinal_risk": "rg1"},
        {"retinal_risk": "rg2"},
        {"band": "white", "blue_light_risk": "rg2"},
        {"band": "white", "blue_light_risk": "exempt", "retinal_risk": "rg3"},
    ],
)
def test_a_risk_group_from_which_nobody_would_look_away_in_time_is_refused(lamp):
    assert "is not for a lamp that people are asked to look at" in refusal(**lamp)[1]


def test_a_candela_of_white_is_taken_for_as_much_power_as_it_may_hold():
    assert white_intensity(250) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 10), max_size=20))
def test_the_most_changes_are_those_of_the_fullest_window(times):
    times = sorted(times)
    expected = max((sum(start <= now <= start + FLASH_SECONDS for now in times) for start in times), default=0)
    assert abs(most_changes(times) - expected) <= sum(abs(a - b - FLASH_SECONDS) < 1e-9 for a in times for b in times)


@settings(max_examples=300)
@given(
    past=st.lists(st.floats(0, 3), max_size=PLANNED_CHANGES),
    count=st.integers(1, 20),
    dwell=st.floats(0.0, 0.6),
)
def test_a_plan_is_refused_or_begins_when_it_and_the_past_keep_to_the_limit_and_no_later(past, count, dwell):
    past, now = sorted(past), 3.0
    alone = most_changes(steps_at(count, dwell))
    if alone > PLANNED_CHANGES:
        with pytest.raises(ValueError, match="3 flashes in a second"):
            start_after(past, count, dwell, now)
        return
    start = start_after(past, count, dwell, now)
    assert start >= now
    assert most_changes((*past, *steps_at(count, dwell, start))) <= PLANNED_CHANGES
    if start > now + 1e-3:
        assert most_changes((*past, *steps_at(count, dwell, start - 1e-3))) > PLANNED_CHANGES


def test_a_code_of_a_fifth_of_a_second_is_within_the_limit_and_one_of_less_than_0_18_is_not():
    assert most_changes(steps_at(13, 0.2)) == PLANNED_CHANGES
    assert start_after((), 12, 0.184, 0.0) == 0.0
    with pytest.raises(ValueError, match=r"12 steps of 0\.18 s"):
        start_after((), 12, 0.18, 0.0)
