from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.policy import PRESETS, PolicyFloor
from edge.contracts.enums import EvidenceKind, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.liveness.machine import new_session
from edge.liveness.policy import Path, PolicyRefusal, tighten
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
)


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
    for path, required in (
        (Path.PASSIVE, floor.require_passive),
        (Path.ACTIVE, floor.require_active),
        (Path.MOTION_ALONE, floor.require_motion_alone),
    ):
        assert policy.required(path) >= frozenset(required)
    # Of these a request has no say.
    assert policy.pad_veto_margin == floor.pad_veto_margin
    assert policy.when_light_not_measured is floor.when_light_not_measured
    assert policy.when_overwhelmed is floor.when_overwhelmed
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
    for path in Path:
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


def test_the_presets_pass_through_where_a_request_demands_nothing():
    policy = tighten(PRESETS["door"], asking(number_of_client_attempts_allowed=3))
    assert policy.name == "door"
    assert policy.attempts == 3
    assert policy.required(Path.PASSIVE) == {EvidenceKind.PAD, EvidenceKind.LIGHT}
    assert policy.required(Path.ACTIVE) == {EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION}


def test_a_session_in_a_mode_that_its_policy_does_not_allow_is_a_programmers_error(policy):
    passive_only = policy(modes=frozenset({LivenessOperationMode.PASSIVE}))
    with pytest.raises(ValueError, match="does not allow PassiveActive"):
        new_session(passive_only, LivenessOperationMode.PASSIVE_ACTIVE, 0.0)
