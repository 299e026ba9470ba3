from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.policy import PRESETS, PolicyFloor
from edge.contracts.enums import Alternative, EvidenceKind, EvidencePath, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.liveness.machine import new_session
from edge.liveness.policy import PolicyRefusal, tighten
from tests.config.floors import floors

FIXED = settings(derandomize=True, database=None, deadline=None)


def asking(**changes):
    return SessionStart(id="request-1", expires_at=1.0, **changes)


REQUESTS = st.builds(
    asking,
    liveness_operation_mode=st.sampled_from(LivenessOperationMode),
    auth_token_time_to_live_in_seconds=st.integers(60, 86400),
    number_of_client_attempts_allowed=st.integers(1, 3),
    required_evidence=st.lists(st.sampled_from(EvidenceKind), max_size=3).map(tuple),
    pad_margin=st.none() | st.floats(0, 20),
    alternative=st.none() | st.sampled_from(Alternative),
)
PAD, LIGHT, MOTION, _ = EvidenceKind


def in_place(floor, request):
    """What the request leaves out, and what the floor requires for it."""
    match request.alternative:
        case Alternative.WITHOUT_FLASH:
            return {LIGHT}, set(floor.require_without_flash)
        case Alternative.WITHOUT_MOVEMENT:
            return {MOTION}, set(floor.require_without_movement)
    return set(), set()


@FIXED
@given(floors, REQUESTS)
def test_a_request_can_only_tighten_the_floor(floor, request):
    try:
        policy = tighten(floor, request)
    except PolicyRefusal:
        return
    assert request.liveness_operation_mode in floor.modes
    assert policy.modes == frozenset(floor.modes)
    assert policy.attempts <= floor.max_attempts
    assert policy.ttl <= floor.max_ttl_seconds
    assert policy.pad_margin >= floor.pad_margin
    assert policy.pad_margin_with_light >= floor.pad_margin_with_light
    assert request.pad_margin is None or policy.pad_margin_with_light >= request.pad_margin
    left_out, instead = in_place(floor, request)
    assert request.alternative is None or request.alternative in floor.allow_alternatives
    assert policy.alternative is request.alternative
    for path, required in (
        (EvidencePath.PASSIVE, floor.require_passive),
        (EvidencePath.ACTIVE, floor.require_active),
        (EvidencePath.MOTION_ALONE, floor.require_motion_alone),
    ):
        assert policy.required(path) >= set(required) - left_out
    if request.alternative is Alternative.WITHOUT_FLASH:
        assert policy.required(EvidencePath.PASSIVE) >= instead
        assert policy.required(EvidencePath.MOTION_ALONE) >= instead | set(floor.require_motion_alone)
    else:
        assert policy.required(EvidencePath.PASSIVE) >= set(floor.require_passive)
        assert policy.required(EvidencePath.MOTION_ALONE) >= set(floor.require_motion_alone)
        assert policy.required(EvidencePath.ACTIVE) >= instead
    # Of these a request has no say.
    assert policy.pad_veto_margin == floor.pad_veto_margin
    assert policy.when_light_not_measured is floor.when_light_not_measured
    assert policy.when_overwhelmed is floor.when_overwhelmed
    assert policy.when_pad_not_applicable is floor.when_pad_not_applicable
    assert policy.attempt_timeout == floor.attempt_timeout_seconds
    assert (policy.positioning_frames, policy.positioning_seconds) == (
        floor.positioning_frames,
        floor.positioning_seconds,
    )
    assert (policy.passive_frames, policy.passive_seconds) == (floor.passive_frames, floor.passive_seconds)
    assert policy.judged_frames == floor.judged_frames


@FIXED
@given(floors, REQUESTS)
def test_what_a_request_demands_beyond_the_floor_holds(floor, request):
    try:
        policy = tighten(floor, request)
    except PolicyRefusal:
        return
    assert policy.attempts <= request.number_of_client_attempts_allowed
    assert policy.ttl <= request.auth_token_time_to_live_in_seconds
    assert policy.pad_margin >= (request.pad_margin or 0)
    for path in EvidencePath:
        assert policy.required(path) >= frozenset(request.required_evidence)


def test_a_mode_that_the_floor_does_not_allow_is_refused_with_those_that_it_allows():
    floor = PolicyFloor(name="lobby", modes=(LivenessOperationMode.PASSIVE_ACTIVE,))
    with pytest.raises(PolicyRefusal) as refused:
        tighten(floor, asking(liveness_operation_mode=LivenessOperationMode.PASSIVE))
    assert "lobby does not allow the mode Passive" in refused.value.what
    assert refused.value.remedy == "ask for PassiveActive"


def test_movement_cannot_be_demanded_of_a_session_that_asks_nobody_to_move():
    request = asking(required_evidence=(EvidenceKind.MOTION,))
    with pytest.raises(PolicyRefusal, match="cannot bring the required motion evidence"):
        tighten(PRESETS["kiosk"], request)


@pytest.mark.parametrize("alternative", Alternative)
def test_an_alternative_that_the_floor_does_not_allow_is_refused_before_anything_is_captured(alternative):
    with pytest.raises(PolicyRefusal) as refused:
        tighten(PRESETS["door"], asking(alternative=alternative))
    assert refused.value.what == f"the policy door does not allow the alternative {alternative}"
    assert "allow_alternatives" in refused.value.remedy


@pytest.mark.parametrize(
    ("alternative", "kind"), [(Alternative.WITHOUT_FLASH, LIGHT), (Alternative.WITHOUT_MOVEMENT, MOTION)]
)
def test_what_an_alternative_leaves_out_cannot_be_demanded_beside_it(alternative, kind):
    request = asking(
        alternative=alternative,
        required_evidence=(PAD, kind),
        liveness_operation_mode=LivenessOperationMode.PASSIVE_ACTIVE,
    )
    with pytest.raises(PolicyRefusal, match=f"{alternative} cannot bring the required {kind} evidence"):
        tighten(PRESETS["kiosk"], request)


def test_without_flash_a_mode_that_asks_nobody_to_move_is_refused_where_motion_takes_lights_place():
    with pytest.raises(PolicyRefusal) as refused:
        tighten(PRESETS["kiosk"], asking(alternative=Alternative.WITHOUT_FLASH))
    assert refused.value.remedy == "ask for PassiveActive"
    by_networks = PolicyFloor(allow_alternatives=(Alternative.WITHOUT_FLASH,), require_without_flash=(PAD,))
    policy = tighten(by_networks, asking(alternative=Alternative.WITHOUT_FLASH))
    assert policy.required(EvidencePath.PASSIVE) == {PAD}


def test_a_site_that_asks_a_doors_evidence_can_let_an_operator_leave_out_flashes_by_a_policy_of_its_own():
    floor = PRESETS["door"].model_copy(
        update={"name": "front-door", "allow_alternatives": (Alternative.WITHOUT_FLASH,)}
    )
    active = LivenessOperationMode.PASSIVE_ACTIVE
    policy = tighten(floor, asking(alternative=Alternative.WITHOUT_FLASH, liveness_operation_mode=active))
    assert policy.required(EvidencePath.PASSIVE) == policy.required(EvidencePath.MOTION_ALONE) == {PAD, MOTION}
    assert tighten(floor, asking()).required(EvidencePath.PASSIVE) == {PAD, LIGHT}


def test_an_alternative_waives_nothing_but_what_it_leaves_out():
    floor = PolicyFloor(allow_alternatives=tuple(Alternative), require_without_movement=(PAD,))
    active = LivenessOperationMode.PASSIVE_ACTIVE
    policy = tighten(floor, asking(alternative=Alternative.WITHOUT_MOVEMENT, liveness_operation_mode=active))
    assert policy.required(EvidencePath.ACTIVE) == {PAD, LIGHT}


def test_the_presets_pass_through_where_a_request_demands_nothing():
    policy = tighten(PRESETS["door"], asking(number_of_client_attempts_allowed=3))
    assert policy.name == "door"
    assert policy.attempts == 3
    assert policy.required(EvidencePath.PASSIVE) == {EvidenceKind.PAD, EvidenceKind.LIGHT}
    assert policy.required(EvidencePath.ACTIVE) == {EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION}


def test_a_session_in_a_mode_that_its_policy_does_not_allow_is_a_programmers_error(policy):
    passive_only = policy(modes=frozenset({LivenessOperationMode.PASSIVE}))
    with pytest.raises(ValueError, match="does not allow PassiveActive"):
        new_session(passive_only, LivenessOperationMode.PASSIVE_ACTIVE, 0.0)
