from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.config.loader import load_bytes
from edge.config.policy import (
    PRESETS,
    PolicyFloor,
    Preset,
    WhenLightNotMeasured,
    WhenOverwhelmed,
    loosens,
    stricter,
)
from edge.config.settings import Policy
from edge.contracts.enums import Alternative, EvidenceKind, LivenessOperationMode
from edge.errors import ConfigError
from tests.config.floors import floors

FIELDS = [name for name in PolicyFloor.model_fields if name != "name"]


def joined(a: PolicyFloor, b: PolicyFloor) -> PolicyFloor | None:
    try:
        return stricter(a, b)
    except ConfigError:
        return None


def demands_at_least(strict: PolicyFloor, floor: PolicyFloor) -> bool:
    """Written out independently of the table that `stricter` works from."""
    return (
        set(strict.modes) <= set(floor.modes)
        and strict.max_attempts <= floor.max_attempts
        and strict.max_ttl_seconds <= floor.max_ttl_seconds
        and strict.attempt_timeout_seconds <= floor.attempt_timeout_seconds
        and set(strict.require_passive) >= set(floor.require_passive)
        and set(strict.require_active) >= set(floor.require_active)
        and set(strict.require_motion_alone) >= set(floor.require_motion_alone)
        and set(strict.allow_alternatives) <= set(floor.allow_alternatives)
        and set(strict.require_without_flash) >= set(floor.require_without_flash)
        and set(strict.require_without_movement) >= set(floor.require_without_movement)
        and strict.pad_margin >= floor.pad_margin
        and strict.pad_margin_with_light >= floor.pad_margin_with_light
        and strict.pad_veto_margin <= floor.pad_veto_margin
        and (strict.when_light_not_measured == "refuse" or floor.when_light_not_measured == "passive")
        and (strict.when_overwhelmed == "refuse" or floor.when_overwhelmed == "motion")
        and (strict.when_pad_not_applicable == "refuse" or floor.when_pad_not_applicable == "light_and_motion")
        and strict.positioning_frames >= floor.positioning_frames
        and strict.positioning_seconds >= floor.positioning_seconds
        and strict.passive_frames >= floor.passive_frames
        and strict.passive_seconds >= floor.passive_seconds
        and strict.judged_frames >= floor.judged_frames
    )


@given(floors, floors)
def test_the_order_of_two_policies_does_not_matter(a, b):
    assert joined(a, b) == joined(b, a)


@given(floors)
def test_a_policy_is_as_strict_as_itself(a):
    assert stricter(a, a) == a


@given(floors, floors, floors)
def test_three_policies_join_the_same_in_any_grouping(a, b, c):
    left, right = joined(a, b), joined(b, c)
    assert (left and joined(left, c)) == (right and joined(a, right))


@given(floors, floors)
def test_the_stricter_of_two_is_never_looser_than_either(a, b):
    both = joined(a, b)
    assert both is None or (demands_at_least(both, a) and demands_at_least(both, b))
    assert (both is None) == (not set(a.modes) & set(b.modes))


@given(floors, floors)
def test_the_stricter_of_two_asks_nothing_that_neither_asks(a, b):
    both = joined(a, b)
    if both is not None:
        for field in FIELDS:
            if isinstance(getattr(a, field), tuple):
                continue
            assert getattr(both, field) in (getattr(a, field), getattr(b, field))


@given(floors, floors)
def test_a_policy_loosens_a_floor_exactly_where_it_demands_less(floor, other):
    loosened = [field for field in FIELDS if loosens(floor, field, getattr(other, field))]
    assert (not loosened) == demands_at_least(other, floor)


def test_policies_without_a_common_mode_cannot_be_joined():
    a = PolicyFloor(modes=(LivenessOperationMode.PASSIVE,))
    b = PolicyFloor(name="b", modes=(LivenessOperationMode.PASSIVE_ACTIVE,))
    with pytest.raises(ConfigError, match="site and b have no mode in common"):
        stricter(a, b)


def test_joined_policies_sign_both_names():
    assert stricter(PRESETS[Preset.DOOR], PRESETS[Preset.KIOSK]).name == "door+kiosk"


def test_evidence_keeps_one_order_however_it_was_written():
    floor = PolicyFloor(require_active=(EvidenceKind.MOTION, EvidenceKind.PAD))
    assert floor.require_active == (EvidenceKind.PAD, EvidenceKind.MOTION)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.startswith("require_")])
def test_no_policy_does_without_the_pad_networks(field):
    with pytest.raises(ValidationError, match="pad must be among them"):
        PolicyFloor(**{field: (EvidenceKind.MOTION,)})


def test_evidence_named_twice_is_a_mistake():
    with pytest.raises(ValidationError, match="named twice: pad"):
        PolicyFloor(require_passive=(EvidenceKind.PAD, EvidenceKind.PAD))


def test_the_door_preset_waives_no_proof():
    door = PRESETS[Preset.DOOR]
    assert door.require_passive == (EvidenceKind.PAD, EvidenceKind.LIGHT)
    assert door.require_active == (EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION)
    assert door.when_light_not_measured is WhenLightNotMeasured.REFUSE
    assert door.when_overwhelmed is WhenOverwhelmed.REFUSE
    assert door.allow_alternatives == ()


def test_no_alternative_is_allowed_where_the_file_names_none():
    assert PolicyFloor().allow_alternatives == ()


def test_the_kiosk_preset_asks_no_less_of_an_alternative_than_of_others_somewhere():
    kiosk = PRESETS[Preset.KIOSK]
    assert kiosk.allow_alternatives == tuple(Alternative)
    assert set(kiosk.require_without_flash) >= set(kiosk.require_motion_alone)
    assert set(kiosk.require_without_movement) >= set(kiosk.require_passive)


def test_a_kiosk_may_allow_fewer_alternatives_and_a_door_no_more():
    kiosk = Policy.model_validate({"preset": "kiosk", "allow_alternatives": ["without_movement"]})
    assert kiosk.allow_alternatives == (Alternative.WITHOUT_MOVEMENT,)
    with pytest.raises(ValidationError, match="is looser than the door preset"):
        Policy.model_validate({"preset": "door", "allow_alternatives": ["without_movement"]})


def test_the_door_preset_is_nowhere_looser_than_the_kiosk_preset():
    assert demands_at_least(PRESETS[Preset.DOOR], PRESETS[Preset.KIOSK])
    assert not demands_at_least(PRESETS[Preset.KIOSK], PRESETS[Preset.DOOR])


def test_the_policy_that_docs_give_a_door_for_photosensitive_people_is_a_doors_but_for_them():
    page = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```yaml\npolicy:\n(.*?)```", page, re.DOTALL)
    loaded = load_bytes(f"camera: {{driver: replay, sources: [a]}}\npolicy:\n{written}".encode(), Path("site.yaml"))
    own = loaded.settings.policy.model_dump(exclude={"preset"})
    door = PRESETS[Preset.DOOR].model_dump()
    assert {key for key in door if own[key] != door[key]} == {"name", "allow_alternatives"}
    assert own["allow_alternatives"] == (Alternative.WITHOUT_FLASH,)


@pytest.mark.parametrize("preset", Preset)
def test_a_policy_of_nothing_but_a_preset_is_that_preset(preset):
    policy = Policy.model_validate({"preset": preset.value})
    assert PolicyFloor(**policy.model_dump(exclude={"preset"})) == PRESETS[preset]
    assert policy.name == preset


@given(st.sampled_from(Preset), floors)
def test_no_override_gets_a_looser_policy_past_a_preset(preset, other):
    written = other.model_dump(mode="json", exclude={"name"})
    try:
        policy = Policy.model_validate({"preset": preset.value, **written})
    except ValidationError:
        return
    assert demands_at_least(policy, PRESETS[preset])
