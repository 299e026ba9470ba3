from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.safety import PLANNED_CHANGES, most_changes, steps_at
from edge.contracts.enums import CaptureKind, Prompt
from edge.liveness.events import SEED_BYTES, Started
from edge.liveness.plans import (
    AMPLITUDES_DEGREES,
    CHIPS,
    HOLDS_SECONDS,
    INFRARED_CHIPS_OF_EACH,
    SALT_BYTES,
    Chip,
    Direction,
    LightPlan,
    _Stream,
    draw_infrared_plan,
    draw_light_plan,
    draw_motion_plan,
    sha256_of,
)

FIXED = settings(derandomize=True, database=None, deadline=None)
SEEDS = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)
ATTEMPTS = st.integers(1, 3)
LEFT_LIT = {Chip.LEFT, Chip.FULL}
RIGHT_LIT = {Chip.RIGHT, Chip.FULL}


def many_seeds(count=400):
    return [number.to_bytes(SEED_BYTES, "big") for number in range(count)]


@FIXED
@given(SEEDS, ATTEMPTS)
def test_a_light_code_is_mostly_of_the_whole_screen(seed, attempt):
    assert Counter(draw_light_plan(seed, attempt).chips) == CHIPS


@FIXED
@given(SEEDS, ATTEMPTS)
def test_each_half_is_lit_in_half_of_the_chips(seed, attempt):
    chips = draw_light_plan(seed, attempt).chips
    for lit in (LEFT_LIT, RIGHT_LIT):
        assert 2 * sum(chip in lit for chip in chips) == len(chips)


@FIXED
@given(SEEDS, ATTEMPTS)
def test_an_infrared_code_is_on_as_often_as_off_and_over_in_two_and_a_half_seconds(seed, attempt):
    plan = draw_infrared_plan(seed, attempt)
    assert Counter(plan.chips) == dict.fromkeys((False, True), INFRARED_CHIPS_OF_EACH)
    # A step lasts until the first frame after it, at 25 frames a second or more.
    assert len(plan.chips) * (plan.chip_seconds + 1 / 30) <= 2.5


def test_infrared_codes_are_drawn_anew_for_each_seed_and_attempt_and_owe_nothing_to_the_display_s():
    plans = [draw_infrared_plan(seed, attempt) for seed in many_seeds(100) for attempt in (1, 2)]
    assert len({plan.plan_id for plan in plans}) == len(plans)
    assert len({plan.chips for plan in plans}) > 190
    assert plans[0].plan_id != draw_light_plan(many_seeds(1)[0], 1).plan_id


@FIXED
@given(SEEDS, ATTEMPTS)
def test_no_second_of_a_light_code_holds_more_than_three_flashes(seed, attempt):
    plan = draw_light_plan(seed, attempt)
    assert most_changes(steps_at(len(plan.chips), plan.chip_seconds)) <= PLANNED_CHANGES
    for lit in (LEFT_LIT, RIGHT_LIT):
        # The screen before and after the code may be either, so both borders count as changes.
        changes = [0.0, plan.seconds] + [
            place * plan.chip_seconds
            for place in range(1, len(plan.chips))
            if (plan.chips[place] in lit) != (plan.chips[place - 1] in lit)
        ]
        for start in changes:
            within = sum(start <= change <= start + 1.0 for change in changes)
            assert within / 2 <= 3


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_a_light_code_takes_at_most_two_and_a_half_seconds(fps):
    plan = draw_light_plan(bytes(SEED_BYTES), 1)
    # A step lasts until the first frame after it, and none is longer for one that comes some milliseconds early.
    frames = math.ceil(plan.chip_seconds * fps + 0.1)
    assert len(plan.chips) * frames / fps <= 2.41


@FIXED
@given(SEEDS, ATTEMPTS)
def test_one_or_two_head_movements_are_asked_in_different_directions(seed, attempt):
    movements = draw_motion_plan(seed, attempt).movements
    assert 1 <= len(movements) <= 2
    assert len({movement.direction for movement in movements}) == len(movements)
    for movement in movements:
        assert movement.degrees in AMPLITUDES_DEGREES
        assert movement.hold_seconds in HOLDS_SECONDS


def test_every_direction_has_its_prompt():
    assert {direction.prompt for direction in Direction} == {
        prompt for prompt in Prompt if prompt.value.startswith("turn_")
    }


@FIXED
@given(SEEDS, ATTEMPTS)
def test_the_same_seed_and_attempt_give_the_same_plans(seed, attempt):
    assert draw_light_plan(seed, attempt) == draw_light_plan(bytes(seed), attempt)
    assert draw_motion_plan(seed, attempt) == draw_motion_plan(bytes(seed), attempt)


@FIXED
@given(SEEDS)
def test_no_two_plans_of_a_session_share_an_id(seed):
    plans = [draw(seed, attempt) for draw in (draw_light_plan, draw_motion_plan) for attempt in (1, 2, 3)]
    assert len({plan.plan_id for plan in plans}) == len(plans)


def test_codes_differ_between_attempts_and_between_seeds():
    codes = {draw_light_plan(seed, attempt).chips for seed in many_seeds(100) for attempt in (1, 2, 3)}
    # Of 300 draws among 33,264 one or two pairs alike are expected, and six once in a thousand such tests.
    assert len(codes) >= 294


def test_a_changed_bit_of_the_seed_changes_every_plan():
    seed = bytes(SEED_BYTES)
    other = bytes([*seed[:-1], 1])
    assert draw_light_plan(seed, 1).chips != draw_light_plan(other, 1).chips
    assert draw_motion_plan(seed, 1) != draw_motion_plan(other, 1)


def test_every_direction_and_every_chip_place_is_drawn_about_equally_often():
    seeds = many_seeds(1600)
    first = Counter(draw_motion_plan(seed, 1).movements[0].direction for seed in seeds)
    opening = Counter(draw_light_plan(seed, 1).chips[0] for seed in seeds)
    count = Counter(len(draw_motion_plan(seed, 1).movements) for seed in seeds)
    # Five standard deviations of a binomial draw; the seeds are fixed, so this passes always or never.
    assert all(abs(first[direction] - 200) < 66 for direction in Direction)
    assert all(abs(opening[chip] - 1600 * count / 12) < 99 for chip, count in CHIPS.items())
    assert abs(count[1] - 800) < 100


def test_a_choice_does_not_favour_the_small_numbers():
    # A bare remainder of a byte would give the first 56 of 200 numbers 44 % of the draws, not 28 %.
    stream = _Stream(bytes(SEED_BYTES), "any")
    draws = [stream.below(200) for _ in range(4000)]
    assert max(draws) == 199
    assert sum(draw < 56 for draw in draws) / len(draws) == pytest.approx(0.28, abs=0.04)


def test_a_plan_does_not_show_its_seed():
    seed = bytes(range(SEED_BYTES))
    assert seed.hex() not in repr(draw_light_plan(seed, 1)) + repr(draw_motion_plan(seed, 1))
    assert repr(seed) not in repr(Started(CaptureKind.LIVE, seed))


def test_a_seed_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes, not 31"):
        Started(CaptureKind.LIVE, bytes(31))


DRAW = (draw_light_plan, draw_infrared_plan, draw_motion_plan)


def test_the_hash_of_a_plan_is_over_one_line_of_json():
    plan = LightPlan("ab", (Chip.FULL, Chip.BLACK), 0.2, bytes(range(SALT_BYTES)))
    line = b'{"kind":"light","planId":"ab","salt":"000102030405060708090a0b0c0d0e0f","steps":["full","black"]}'
    assert sha256_of(plan) == hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize("draw", DRAW)
def test_whoever_has_the_seed_can_prove_what_was_played(draw):
    assert sha256_of(draw(bytes(SEED_BYTES), 1)) == sha256_of(draw(bytes(SEED_BYTES), 1))
    others = [draw(bytes(SEED_BYTES), 2), draw(b"1" * SEED_BYTES, 1)]
    assert sha256_of(draw(bytes(SEED_BYTES), 1)) not in {sha256_of(plan) for plan in others}


@pytest.mark.parametrize("draw", DRAW)
def test_no_plan_is_read_off_its_hash_without_the_salt(draw):
    plan = draw(bytes(SEED_BYTES), 1)
    assert len(plan.salt) == SALT_BYTES
    assert sha256_of(replace(plan, salt=bytes(SALT_BYTES))) != sha256_of(plan)
    with pytest.raises(ValueError, match="16 bytes of salt"):
        sha256_of(replace(plan, salt=b""))


@pytest.mark.parametrize("draw", DRAW)
def test_a_plan_tells_its_steps_and_its_salt_to_no_log(draw):
    plan = draw(bytes(SEED_BYTES), 1)
    assert plan.plan_id in repr(plan)
    for secret in (plan.steps, plan.steps[0], plan.salt):
        assert repr(secret) not in repr(plan)
