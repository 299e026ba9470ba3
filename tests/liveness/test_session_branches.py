from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from edge.config.policy import WhenLightNotMeasured, WhenOverwhelmed
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    ChallengeKind,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
)
from edge.liveness.effects import (
    AttemptEnded,
    Ignored,
    MeasureLight,
    PlayLight,
    PlayMotion,
    PrepareLights,
    RestoreLights,
    ShowPrompt,
)
from edge.liveness.events import (
    Cancelled,
    ChallengeFinished,
    HardwareFailed,
    LightMeasured,
    LightsSettled,
    SourceEnded,
    Started,
    Ticked,
)
from edge.liveness.machine import Phase, step, wants_judgement
from edge.liveness.outcome import Finding
from edge.liveness.plans import Direction, InfraredPlan, LightPlan, draw_light_plan, draw_motion_plan, sha256_of
from edge.liveness.spectrum import Means, OwnLight
from tests.liveness.conftest import SEED

PASSIVE = LivenessOperationMode.PASSIVE
DIM = LightMeasured(1, LightLevel.DIM, "the step shows")
BRIGHT = LightMeasured(1, LightLevel.BRIGHT, "900 lx")
OVERWHELMED = LightMeasured(1, LightLevel.OVERWHELMED, "nothing of the code shows")
NOT_MEASURED = LightMeasured(1, LightLevel.NOT_MEASURED, "no light to measure with")
CONFIRMED, VETO = EvidenceOutcome.CONFIRMED, EvidenceOutcome.VETO
INSUFFICIENT = EvidenceOutcome.INSUFFICIENT


def answer(session, outcome=CONFIRMED, **changes):
    return session.send(ChallengeFinished(session.plan.plan_id, outcome, "as played", **changes))


def finding(session, kind):
    return next(found for found in session.outcome.findings if found.kind is kind)


# The way in


def test_an_accepted_request_prepares_the_lights_and_asks_the_person_to_look(begin):
    session = begin()
    assert session.phase is Phase.IDLE
    assert session.start() == (PrepareLights(), ShowPrompt(Prompt.LOOK_AT_CAMERA))
    assert session.phase is Phase.PREPARING


def test_frames_before_the_lights_have_settled_count_for_nothing(begin):
    session = begin()
    session.start()
    before = session.state
    assert session.frame() == ()
    assert session.state == before


def test_settled_lights_begin_the_positioning(begin):
    session = begin()
    session.start()
    session.settle()
    assert session.phase is Phase.POSITIONING


def test_a_face_held_in_place_has_the_light_measured(begin):
    session = begin(positioning_frames=4, positioning_seconds=0.25)
    session.start()
    session.settle()
    session.watch(0.3)
    assert session.phase is Phase.POSITIONING
    assert MeasureLight(1) in session.frame()
    assert session.phase is Phase.MEASURING_LIGHT


def test_many_frames_in_a_moment_do_not_hold_a_face_in_place(begin):
    session = begin(positioning_frames=4, positioning_seconds=0.25)
    session.start()
    session.settle()
    for _ in range(20):
        session.frame(after=0.01)
    assert session.phase is Phase.POSITIONING


@pytest.mark.parametrize("bad", [{"failures": (QualityFailure.MOVING,)}, {"lit_settled": False}, {"track": 0}])
def test_a_bad_frame_starts_the_holding_anew(begin, bad):
    session = begin(positioning_frames=3, positioning_seconds=0.15)
    session.start()
    session.settle()
    session.watch(0.2)
    session.frame(**bad)
    session.watch(0.2)
    assert session.phase is Phase.POSITIONING
    session.frame()
    assert session.phase is Phase.MEASURING_LIGHT


def test_networks_are_asked_wherever_a_frame_may_be_judged(positioned):
    session = positioned()
    asked = {phase for phase in Phase if wants_judgement(replace(session.state, phase=phase))}
    assert asked == {Phase.POSITIONING, Phase.MEASURING_LIGHT, Phase.PASSIVE, Phase.MOTION_CHALLENGE}


# The passive path


def test_dim_light_leads_to_the_passive_path_and_a_live_face_is_accepted(positioned):
    session = positioned(mode=PASSIVE)
    session.send(DIM)
    assert session.phase is Phase.PASSIVE
    session.watch(2.0)
    assert session.state.done
    outcome = session.outcome
    assert outcome.decision is LivenessDecision.REALFACE
    assert outcome.error is None
    assert outcome.confirmed == (EvidenceKind.PAD,)
    assert (outcome.light_level, outcome.light_reason) == (LightLevel.DIM, "the step shows")
    assert outcome.temporal
    assert outcome.box is not None
    assert len(outcome.digest) == 64
    assert finding(session, EvidenceKind.LIGHT).outcome is INSUFFICIENT
    assert finding(session, EvidenceKind.MOTION).outcome is EvidenceOutcome.NOT_APPLICABLE
    assert session.effects[-3:] == [
        RestoreLights(),
        AttemptEnded(1, outcome, last=True),
        ShowPrompt(Prompt.ACCEPTED),
    ]


def test_dim_light_asks_nothing_of_anyone_in_the_active_mode_either(positioned):
    session = positioned()
    session.send(DIM)
    assert session.phase is Phase.PASSIVE


def test_an_attack_that_the_networks_see_is_spoofface(positioned):
    session = positioned(margin=-2.0)
    session.send(DIM)
    session.watch(2.0, margin=-2.0)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert session.prompts[-1] is Prompt.NOT_ACCEPTED


def test_scores_between_the_margins_are_uncertain(positioned):
    session = positioned(margin=0.1, pad_margin=1.0, pad_veto_margin=1.0)
    session.send(DIM)
    session.watch(2.0, margin=0.1)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN
    assert session.prompts[-1] is Prompt.NOT_ACCEPTED


def test_the_passive_path_takes_as_many_frames_and_as_long_as_the_policy_says(positioned):
    session = positioned(passive_frames=5, passive_seconds=1.05)
    session.send(DIM)
    session.watch(1.0)
    assert session.phase is Phase.PASSIVE
    session.watch(0.2)
    assert session.state.done


def test_a_burst_does_not_shorten_the_passive_path(positioned):
    session = positioned(passive_frames=5, passive_seconds=1.0)
    session.send(DIM)
    for _ in range(40):
        session.frame(after=0.01)
    assert session.phase is Phase.PASSIVE


def test_frames_without_scores_do_not_fill_the_passive_path(positioned):
    session = positioned(passive_frames=3, passive_seconds=0.2)
    session.send(DIM)
    session.watch(2.0, margin=None)
    assert session.phase is Phase.PASSIVE


def test_good_frames_of_the_positioning_are_judged_too(positioned):
    session = positioned(margin=-5.0, passive_frames=2, passive_seconds=0.05, judged_frames=60)
    before = len(session.state.gathered.candidates)
    session.send(DIM)
    session.watch(0.2, margin=5.0)
    assert len(session.outcome.judged) == before + 2


def test_light_that_the_policy_requires_must_be_confirmed(positioned):
    required = frozenset({EvidenceKind.PAD, EvidenceKind.LIGHT})
    decisions = []
    for outcome in (INSUFFICIENT, CONFIRMED):
        session = positioned(passive=required)
        session.send(replace(DIM, outcome=outcome))
        session.watch(2.0)
        decisions.append(session.outcome.decision)
    assert decisions == [LivenessDecision.UNCERTAIN, LivenessDecision.REALFACE]


@pytest.mark.parametrize("level", LightLevel)
def test_a_veto_of_the_light_measurement_ends_the_attempt_as_spoofface(positioned, level):
    session = positioned()
    session.send(LightMeasured(1, level, "the face did not answer", VETO, -3.0))
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    light = Finding(EvidenceKind.LIGHT, VETO, "the face did not answer", -3.0)
    assert finding(session, EvidenceKind.LIGHT) == light


def test_light_that_was_not_measured_lets_the_networks_judge_alone_where_the_policy_says_so(positioned):
    session = positioned()
    session.send(replace(NOT_MEASURED, outcome=CONFIRMED))
    session.watch(2.0)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.light_level is LightLevel.NOT_MEASURED
    light = Finding(EvidenceKind.LIGHT, EvidenceOutcome.NOT_APPLICABLE, "no light to measure with")
    assert finding(session, EvidenceKind.LIGHT) == light


def test_light_that_was_not_measured_is_refused_where_the_policy_says_so(positioned):
    session = positioned(when_light_not_measured=WhenLightNotMeasured.REFUSE, attempts=3)
    session.send(NOT_MEASURED)
    assert session.state.done
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert "no light to measure with" in session.outcome.message


# Bright light


def test_bright_light_is_not_supported_in_passive_mode_and_is_not_tried_again(positioned):
    session = positioned(mode=PASSIVE, attempts=3)
    session.send(BRIGHT)
    assert session.state.done
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert session.outcome.light_level is LightLevel.BRIGHT
    assert session.outcome.decision is None
    assert session.prompts[-1] is Prompt.NOT_ACCEPTED


# Bright light, and a code that nobody sees

SILENT = {"mode": PASSIVE, "means": Means(silent=OwnLight.INFRARED)}


def test_a_silent_code_serves_a_passive_check_in_bright_light(positioned):
    session = positioned(**SILENT, preset="door", capture=CaptureKind.SIMULATED)
    effects = session.send(BRIGHT)
    assert session.phase is Phase.LIGHT_CHALLENGE
    assert effects == (ShowPrompt(Prompt.HOLD_STILL), PlayLight(session.plan))
    assert isinstance(session.plan, InfraredPlan)
    assert not wants_judgement(session.state)
    answer(session, margin=0.7)
    assert session.phase is Phase.PASSIVE
    assert wants_judgement(session.state)
    session.watch(3.0)
    outcome = session.outcome
    assert outcome.decision is LivenessDecision.REALFACE
    assert outcome.path is EvidencePath.PASSIVE
    assert outcome.light_level is LightLevel.BRIGHT
    assert outcome.level is AssuranceLevel.LIGHT
    assert set(outcome.decided_by) == {EvidenceKind.PAD, EvidenceKind.LIGHT}
    assert finding(session, EvidenceKind.LIGHT).margin == 0.7
    assert finding(session, EvidenceKind.MOTION).outcome is EvidenceOutcome.NOT_APPLICABLE
    assert not {direction.prompt for direction in Direction}.intersection(session.prompts)


@pytest.mark.parametrize(("preset", "told"), [("door", None), ("kiosk", ErrorCode.ENVIRONMENT_NOT_SUPPORTED)])
def test_without_proof_by_the_silent_code_networks_accept_nobody_in_bright_light(positioned, preset, told):
    session = positioned(**SILENT, preset=preset)
    session.send(BRIGHT)
    answer(session, INSUFFICIENT, margin=0.3)
    assert session.outcome.error is told
    assert session.outcome.decision is (LivenessDecision.UNCERTAIN if told is None else None)


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (INSUFFICIENT, {"faint": True, "margin": 0.3}),
        (INSUFFICIENT, {"overwhelmed": True}),
        (INSUFFICIENT, {}),
        (CONFIRMED, {"faint": True}),
        (CONFIRMED, {"overwhelmed": True}),
    ],
)
def test_a_silent_code_that_is_not_seen_leaves_it_too_bright(positioned, outcome, changes):
    session = positioned(**SILENT, preset="door", attempts=3)
    session.send(BRIGHT)
    answer(session, outcome, **changes)
    assert session.state.done
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert "too bright for a passive check" in session.outcome.message
    assert session.count(PlayMotion) == 0


def test_a_sheet_in_the_silent_code_is_a_spoof(positioned):
    session = positioned(**SILENT)
    session.send(BRIGHT)
    answer(session, VETO)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE


def test_a_source_that_ends_in_the_silent_code_is_judged_by_no_network(positioned):
    session = positioned(**SILENT)
    session.send(BRIGHT)
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def test_another_face_gets_another_silent_code(positioned):
    session = positioned(**SILENT)
    session.send(BRIGHT)
    first = session.plan
    answer(session)
    session.frame(track=2)
    assert session.phase is Phase.POSITIONING
    assert session.state.gathered.light is None
    session.position(track=2)
    session.send(replace(BRIGHT, measurement=2))
    assert session.phase is Phase.LIGHT_CHALLENGE
    assert session.plan != first


@pytest.mark.parametrize("level", [LightLevel.DIM, LightLevel.OVERWHELMED])
def test_the_silent_code_is_for_bright_light_alone(positioned, level):
    session = positioned(**SILENT)
    session.send(replace(BRIGHT, level=level))
    assert session.count(PlayLight) == 0


def test_who_is_asked_for_movement_has_the_code_of_the_display(positioned):
    session = positioned(means=SILENT["means"])
    session.send(BRIGHT)
    assert isinstance(session.plan, LightPlan)


def test_without_flash_no_silent_code_is_played(positioned):
    session = positioned(**SILENT, alternative=Alternative.WITHOUT_FLASH)
    session.send(BRIGHT)
    assert session.count(PlayLight) == 0
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def test_bright_light_leads_through_both_challenges_to_a_live_face(positioned):
    session = positioned()
    effects = session.send(BRIGHT)
    assert session.phase is Phase.LIGHT_CHALLENGE
    assert effects == (ShowPrompt(Prompt.SCREEN_WILL_FLASH), PlayLight(session.plan))
    answer(session, margin=4.0)
    assert session.phase is Phase.MOTION_CHALLENGE
    first = session.plan.movements[0].direction.prompt
    assert session.effects[-2:] == [ShowPrompt(first), PlayMotion(session.plan)]
    answer(session, margin=5.0)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert set(session.outcome.confirmed) == {EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION}
    assert finding(session, EvidenceKind.LIGHT).margin == 4.0
    assert finding(session, EvidenceKind.MOTION).margin == 5.0


def begun(session):
    """Kind and hash of the attempt's challenges."""
    return [(challenge.kind, challenge.sha256) for challenge in session.outcome.challenges]


def test_of_the_challenges_that_were_played_their_hashes_are_left_and_nothing_else(positioned):
    session = positioned()
    session.send(BRIGHT)
    answer(session)
    answer(session)
    light, motion = draw_light_plan(SEED, 1), draw_motion_plan(SEED, 1)
    assert begun(session) == [(ChallengeKind.LIGHT, sha256_of(light)), (ChallengeKind.MOTION, sha256_of(motion))]
    assert [challenge.plan_id for challenge in session.outcome.challenges] == [light.plan_id, motion.plan_id]
    assert session.phase is Phase.DONE
    assert session.plan is None
    assert session.state.seed == b""
    for secret in (light.steps, light.salt, motion.movements, motion.salt, SEED):
        assert repr(secret) not in repr((session.state, session.effects))


def test_a_challenge_that_ends_with_an_error_is_told_too_and_the_next_attempt_has_another(positioned):
    session = positioned(attempts=2)
    session.send(BRIGHT)
    answer(session)
    answer(session, INSUFFICIENT, error=ErrorCode.HEAD_TURN_NOT_PERFORMED)
    assert session.outcome.error is ErrorCode.HEAD_TURN_NOT_PERFORMED
    first = begun(session)
    assert [kind for kind, _ in first] == [ChallengeKind.LIGHT, ChallengeKind.MOTION]
    assert session.plan is None
    session.settle()
    session.position()
    session.send(replace(BRIGHT, measurement=2))
    answer(session, VETO)
    assert begun(session) == [(ChallengeKind.LIGHT, sha256_of(draw_light_plan(SEED, 2)))]
    assert begun(session)[0] != first[0]


def test_where_nothing_was_asked_there_is_no_challenge_to_tell(positioned):
    session = positioned()
    session.send(DIM)
    session.watch(2.0)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.challenges == ()


@pytest.mark.parametrize(
    "outcomes", [(INSUFFICIENT, CONFIRMED), (CONFIRMED, INSUFFICIENT), (INSUFFICIENT, INSUFFICIENT)]
)
def test_a_challenge_without_proof_is_uncertain(positioned, outcomes):
    session = positioned()
    session.send(BRIGHT)
    for outcome in outcomes:
        answer(session, outcome)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


def continuous(session, outcome):
    """A frame, and what the frames up to it say of one person in one sequence."""
    session.frame(continuity=Finding(EvidenceKind.CONTINUITY, outcome, "the picture was cut", 0.1))


@pytest.mark.parametrize("challenges", [0, 1])
def test_a_break_in_the_frames_ends_a_challenge_at_once(positioned, challenges):
    session = positioned()
    session.send(BRIGHT)
    for _ in range(challenges):
        answer(session)
    continuous(session, CONFIRMED)
    assert not session.state.done
    continuous(session, VETO)
    assert session.state.done
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert session.outcome.decided_by == (EvidenceKind.CONTINUITY,)
    assert "the picture was cut" in session.outcome.message


def test_a_break_before_the_challenges_decides_a_passive_attempt(positioned):
    session = positioned()
    session.send(DIM)
    continuous(session, VETO)
    session.watch(5)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert session.outcome.decided_by == (EvidenceKind.CONTINUITY,)


def test_one_unbroken_sequence_is_asked_for_only_where_the_policy_asks_for_it(positioned):
    decisions = []
    for required in ({EvidenceKind.PAD}, {EvidenceKind.PAD, EvidenceKind.CONTINUITY}):
        for outcome in (INSUFFICIENT, CONFIRMED):
            session = positioned(passive=frozenset(required))
            session.send(DIM)
            while not session.state.done:
                continuous(session, outcome)
            decisions.append(session.outcome.decision)
    real, uncertain = LivenessDecision.REALFACE, LivenessDecision.UNCERTAIN
    assert decisions == [real, real, uncertain, real]


def test_another_face_is_not_held_to_what_the_first_one_showed(positioned):
    session = positioned()
    continuous(session, VETO)
    session.frame(track=2)
    session.position(track=2)
    session.send(replace(DIM, measurement=2))
    session.watch(5, track=2)
    assert finding(session, EvidenceKind.CONTINUITY).outcome is INSUFFICIENT
    assert session.outcome.decision is LivenessDecision.REALFACE


def test_light_confirmed_by_the_measurement_does_not_stand_in_for_the_challenge(positioned):
    session = positioned()
    session.send(replace(BRIGHT, outcome=CONFIRMED))
    answer(session, INSUFFICIENT)
    answer(session, CONFIRMED)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


def test_a_veto_of_the_light_challenge_ends_the_attempt_at_once(positioned):
    session = positioned()
    session.send(BRIGHT)
    answer(session, VETO)
    assert session.state.done
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    motion = finding(session, EvidenceKind.MOTION)
    assert (motion.outcome, motion.reason) == (
        INSUFFICIENT,
        "the motion challenge was not played to its end",
    )


def test_a_veto_of_the_motion_challenge_wins_over_confirmed_light(positioned):
    session = positioned()
    session.send(BRIGHT)
    answer(session)
    answer(session, VETO)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE


def test_the_networks_veto_what_both_challenges_confirmed(positioned):
    session = positioned(margin=-2.0)
    session.send(BRIGHT)
    answer(session)
    answer(session)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert session.outcome.confirmed == (EvidenceKind.LIGHT, EvidenceKind.MOTION)


def test_frames_judged_during_the_challenges_count(positioned):
    session = positioned(judged_frames=60)
    session.send(BRIGHT)
    session.frame(margin=1.0)
    answer(session)
    session.frame(margin=1.0)
    session.frame(QualityFailure.NOT_FRONTAL)
    answer(session)
    assert {session.frames - 2, session.frames - 1} <= set(session.outcome.judged)
    assert session.outcome.failures == ()


@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_a_challenge_that_was_not_followed_ends_the_attempt_with_its_code(positioned, where):
    session = positioned()
    session.send(BRIGHT)
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    answer(session, INSUFFICIENT, error=ErrorCode.HEAD_TURN_NOT_PERFORMED)
    assert session.outcome.error is ErrorCode.HEAD_TURN_NOT_PERFORMED
    assert session.outcome.decision is None
    assert session.prompts[-1] is Prompt.TRY_AGAIN


@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_a_veto_wins_over_a_challenge_that_was_not_followed(positioned, where):
    session = positioned()
    session.send(BRIGHT)
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    answer(session, VETO, error=ErrorCode.HEAD_TURN_NOT_PERFORMED, overwhelmed=True)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE


@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_the_answer_to_a_foreign_plan_changes_nothing(positioned, where):
    session = positioned()
    session.send(BRIGHT)
    light_plan = session.plan.plan_id
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    before = session.state
    foreign = "0" * 32 if where is Phase.LIGHT_CHALLENGE else light_plan
    (ignored,) = session.send(ChallengeFinished(foreign, CONFIRMED, "late"))
    assert isinstance(ignored, Ignored)
    assert foreign in ignored.reason
    assert session.state == before


# Overwhelmed light


@pytest.mark.parametrize("by_challenge", [False, True])
def test_overwhelmed_light_is_not_supported_where_the_policy_refuses_it(positioned, by_challenge):
    session = positioned(when_overwhelmed=WhenOverwhelmed.REFUSE, attempts=3)
    if by_challenge:
        session.send(BRIGHT)
        answer(session, overwhelmed=True)
    else:
        session.send(OVERWHELMED)
    assert session.state.done
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert session.outcome.light_level is LightLevel.OVERWHELMED


@pytest.mark.parametrize("by_challenge", [False, True])
def test_motion_alone_decides_in_overwhelmed_light_where_the_policy_says_so(positioned, by_challenge):
    session = positioned()
    if by_challenge:
        session.send(BRIGHT)
        answer(session, overwhelmed=True)
    else:
        session.send(OVERWHELMED)
    assert session.phase is Phase.MOTION_CHALLENGE
    answer(session)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.confirmed == (EvidenceKind.PAD, EvidenceKind.MOTION)
    assert session.outcome.light_level is LightLevel.OVERWHELMED
    assert finding(session, EvidenceKind.LIGHT).outcome is INSUFFICIENT


def test_light_that_is_too_faint_for_a_shape_is_not_supported_where_the_policy_refuses_it(positioned):
    session = positioned(when_overwhelmed=WhenOverwhelmed.REFUSE)
    session.send(BRIGHT)
    answer(session, INSUFFICIENT, faint=True)
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert session.outcome.message.startswith("the light is too weak here to tell a shape")
    assert session.outcome.light_level is LightLevel.BRIGHT


def test_where_it_is_too_faint_motion_alone_decides_where_the_policy_says_so(positioned):
    session = positioned()
    session.send(BRIGHT)
    answer(session, INSUFFICIENT, faint=True)
    assert session.phase is Phase.MOTION_CHALLENGE
    answer(session)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.confirmed == (EvidenceKind.PAD, EvidenceKind.MOTION)
    assert session.outcome.light_level is LightLevel.BRIGHT
    assert finding(session, EvidenceKind.LIGHT).outcome is INSUFFICIENT


@pytest.mark.parametrize("faint", [False, True])
def test_light_that_leans_is_confirmed_by_a_head_s_movement_which_counts_once(positioned, faint):
    session = positioned(preset="door", capture=CaptureKind.LIVE)
    session.send(BRIGHT)
    answer(session, INSUFFICIENT, leans=True, faint=faint, margin=0.3)
    assert session.phase is Phase.MOTION_CHALLENGE
    answer(session)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.path is EvidencePath.ACTIVE
    assert session.outcome.level is AssuranceLevel.LIGHT
    light = finding(session, EvidenceKind.LIGHT)
    assert (light.outcome, light.margin, light.reason) == (CONFIRMED, 0.3, "as played; the movement tells the shape")


@pytest.mark.parametrize(
    ("moved", "decision"), [(INSUFFICIENT, LivenessDecision.UNCERTAIN), (VETO, LivenessDecision.SPOOFFACE)]
)
def test_light_that_leans_proves_nothing_without_that_movement(positioned, moved, decision):
    session = positioned(preset="door")
    session.send(BRIGHT)
    answer(session, INSUFFICIENT, leans=True)
    answer(session, moved)
    assert session.outcome.decision is decision
    assert finding(session, EvidenceKind.LIGHT).outcome is INSUFFICIENT


def test_no_proof_of_shape_where_one_could_be_had_is_no_way_to_motion_alone(positioned):
    session = positioned()
    session.send(BRIGHT)
    answer(session, INSUFFICIENT)
    answer(session)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


def test_motion_alone_needs_its_confirmation(positioned):
    session = positioned()
    session.send(OVERWHELMED)
    answer(session, INSUFFICIENT)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


def test_nobody_is_asked_to_move_in_passive_mode_however_bright_it_is(positioned):
    session = positioned(mode=PASSIVE)
    session.send(OVERWHELMED)
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert session.count(PlayMotion) == 0


# One face throughout an attempt


def judged_tracks(session):
    """Of an attempt that still goes on."""
    return {evidence.track for evidence in session.state.gathered.candidates}


def test_a_newcomer_must_hold_still_himself_before_the_light_is_measured(begin):
    session = begin(positioning_frames=4, positioning_seconds=0.25)
    session.start()
    session.settle()
    session.watch(0.3, track=1)
    session.watch(0.3, track=2)
    assert session.phase is Phase.POSITIONING
    assert judged_tracks(session) == {2}
    assert MeasureLight(1) in session.frame(track=2)


def test_a_newcomer_must_hold_still_as_long_as_anybody(begin):
    session = begin(positioning_frames=1, positioning_seconds=0.35)
    session.start()
    session.settle()
    session.watch(0.3, track=1)
    session.watch(0.4, track=2)
    assert session.phase is Phase.POSITIONING
    session.frame(track=2)
    assert session.phase is Phase.MEASURING_LIGHT


def test_a_newcomer_drops_what_was_gathered_even_by_a_frame_that_may_not_be_judged(begin):
    session = begin()
    session.start()
    session.settle()
    session.watch(0.3, track=1)
    session.frame(QualityFailure.BLURRED, track=2)
    assert judged_tracks(session) == set()
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED


@pytest.mark.parametrize("measured", [None, DIM])
def test_a_frame_without_a_face_takes_nothing_from_the_one_that_comes_back(positioned, measured):
    session = positioned(passive_frames=30)
    if measured:
        session.send(measured)
    session.frame()
    before = session.state.gathered.candidates
    phase = session.phase
    session.frame(QualityFailure.NO_FACE, faces=0, box=None)
    session.frame()
    assert session.phase is phase
    assert session.state.gathered.candidates[:-1] == before


@pytest.mark.parametrize("failures", [(), (QualityFailure.BLURRED,)])
@pytest.mark.parametrize("measured", [False, True])
def test_a_newcomer_has_the_light_measured_anew(positioned, measured, failures):
    session = positioned(positioning_frames=3, positioning_seconds=0.15)
    if measured:
        session.send(replace(DIM, outcome=CONFIRMED))
        session.frame()
    session.frame(*failures, track=2)
    assert session.phase is Phase.POSITIONING
    assert judged_tracks(session) == (set() if failures else {2})
    gathered = session.state.gathered
    assert (gathered.light_level, gathered.light) == (LightLevel.NOT_MEASURED, None)
    session.position(track=2)
    assert session.effects[-1] == MeasureLight(2)
    assert session.phase is Phase.MEASURING_LIGHT


def test_a_newcomer_who_could_be_measured_at_once_is_seen_in_place_first(positioned):
    session = positioned(positioning_frames=1, positioning_seconds=0.0)
    session.frame(track=2)
    assert session.phase is Phase.POSITIONING
    session.frame(track=2)
    assert session.phase is Phase.MEASURING_LIGHT


def test_a_newcomer_is_told_what_to_do_from_his_first_frame_on(positioned):
    session = positioned(attempt_timeout=100.0)
    session.watch(2.0)
    session.frame(QualityFailure.TOO_FAR, track=2)
    session.frame(QualityFailure.TOO_FAR, track=2, after=0.35)
    assert session.prompts[-2:] == [Prompt.WORKING, Prompt.COME_CLOSER]


@pytest.mark.parametrize("outcome", [CONFIRMED, VETO])
def test_a_measurement_of_the_face_before_is_not_taken_for_the_newcomers(positioned, outcome):
    session = positioned()
    session.frame(track=2)
    session.position(track=2)
    before = session.state
    (ignored,) = session.send(replace(DIM, outcome=outcome))
    assert isinstance(ignored, Ignored)
    assert ignored.reason == "light measurement 1 is not the one that was asked for last"
    assert session.state == before
    session.send(replace(DIM, measurement=2))
    assert session.phase is Phase.PASSIVE


def test_light_confirmed_on_one_face_does_not_confirm_another(positioned):
    session = positioned(passive=frozenset({EvidenceKind.PAD, EvidenceKind.LIGHT}))
    session.send(replace(DIM, outcome=CONFIRMED))
    session.frame()
    session.frame(track=2)
    session.position(track=2)
    session.send(replace(DIM, measurement=2))
    session.watch(2.0, track=2)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN
    assert finding(session, EvidenceKind.LIGHT).outcome is INSUFFICIENT


def test_one_face_cannot_lend_its_scores_to_another(positioned):
    session = positioned(passive_frames=5, passive_seconds=0.35, judged_frames=60)
    session.send(DIM)
    session.watch(0.4, margin=9.0)
    session.frame(track=2, margin=-1.0)
    first = session.frames
    session.position(track=2, margin=-1.0)
    session.send(replace(DIM, measurement=2))
    session.watch(0.4, track=2, margin=-1.0)
    assert session.phase is Phase.PASSIVE
    session.frame(track=2, margin=-1.0)
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert set(session.outcome.judged) == set(range(first, session.frames + 1))


def test_frames_that_failed_count_for_the_attempt_whoever_came(positioned):
    session = positioned()
    session.frame(QualityFailure.BLURRED)
    session.frame(QualityFailure.BLURRED, track=2)
    assert session.state.gathered.failures == ((QualityFailure.BLURRED, 2),)
    assert session.state.gathered.recent[-2:] == (QualityFailure.BLURRED,) * 2


def test_faces_that_take_turns_do_not_prolong_an_attempt(begin):
    session = begin(attempt_timeout=20.0)
    session.start()
    session.settle()
    for number in range(1, 100):
        session.frame(track=number, after=0.2)
    assert session.phase is Phase.POSITIONING
    session.wait(0.3)
    assert session.outcome.error is ErrorCode.TIMED_OUT


@pytest.mark.parametrize("failures", [(), (QualityFailure.NOT_FRONTAL,)])
@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_another_face_in_a_challenge_ends_the_attempt_and_may_try_again(positioned, where, failures):
    session = positioned(attempts=2)
    session.send(BRIGHT)
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    assert session.phase is where
    plan = session.plan.plan_id
    session.frame(*failures, track=2)
    first = session.ended[0]
    assert first.outcome.error is ErrorCode.FACE_TRACKING_FAILED
    assert first.outcome.decision is None
    assert not first.last
    assert (session.state.attempt, session.phase) == (2, Phase.PREPARING)
    (ignored,) = session.send(ChallengeFinished(plan, CONFIRMED, "late"))
    assert isinstance(ignored, Ignored)
    session.settle()
    (ignored,) = session.frame(captured_at=session.now, track=2)
    assert isinstance(ignored, Ignored)


@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_a_challenge_goes_on_while_no_other_face_is_seen(positioned, where):
    session = positioned()
    session.send(BRIGHT)
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    session.frame(QualityFailure.NO_FACE, faces=0, box=None)
    session.frame()
    assert session.phase is where


@pytest.mark.parametrize("measured", [None, DIM, BRIGHT])
def test_another_face_in_a_frame_that_is_not_newer_changes_nothing(positioned, measured):
    session = positioned()
    if measured:
        session.send(measured)
    session.frame()
    before = session.state
    (ignored,) = session.frame(captured_at=session.now - 0.1, track=2)
    assert isinstance(ignored, Ignored)
    assert session.state == before


@pytest.mark.parametrize("measured", [False, True])
def test_a_source_that_ends_is_decided_on_what_its_last_face_left(positioned, measured):
    session = positioned(margin=9.0)
    if measured:
        session.send(DIM)
        session.frame(margin=9.0)
    session.frame(track=2, margin=-1.0)
    session.send(SourceEnded())
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert session.outcome.judged == (session.frames,)
    assert session.outcome.light_level is LightLevel.NOT_MEASURED


def test_light_measured_on_one_face_does_not_get_another_around_a_policy_that_refuses_unmeasured_light(positioned):
    session = positioned(when_light_not_measured=WhenLightNotMeasured.REFUSE)
    session.send(DIM)
    session.frame(track=2)
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def test_a_measurement_of_the_attempt_before_is_ignored(positioned):
    session = positioned(attempts=2)
    session.send(replace(DIM, outcome=VETO))
    assert session.state.attempt == 2
    session.settle()
    session.position()
    (ignored,) = session.send(DIM)
    assert isinstance(ignored, Ignored)
    assert session.phase is Phase.MEASURING_LIGHT


# Stills and sources that end


def test_one_good_picture_is_enough_where_there_is_only_one(begin):
    session = begin()
    session.start()
    session.settle()
    session.frame(still=True)
    assert session.phase is Phase.MEASURING_LIGHT
    session.send(NOT_MEASURED)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert not session.outcome.temporal
    assert session.outcome.judged == (1,)


def test_a_still_attack_is_spoofface_by_its_scores_and_not_by_being_still(begin):
    session = begin()
    session.start()
    session.settle()
    session.frame(still=True, margin=-1.0)
    session.send(NOT_MEASURED)
    vetoes = [found.kind for found in session.outcome.findings if found.outcome is VETO]
    assert vetoes == [EvidenceKind.PAD]
    assert session.outcome.decided_by == (EvidenceKind.PAD,)


def test_a_picture_that_gets_its_scores_late_is_decided_in_the_passive_path(begin):
    session = begin()
    session.start()
    session.settle()
    session.frame(still=True, margin=None)
    session.send(NOT_MEASURED)
    assert session.phase is Phase.PASSIVE
    session.frame(still=True)
    assert session.outcome.decision is LivenessDecision.REALFACE


def test_a_live_camera_gets_no_shorter_way_by_calling_its_frames_stills(begin):
    session = begin(capture=CaptureKind.LIVE)
    session.start()
    session.settle()
    session.frame(still=True)
    assert session.phase is Phase.POSITIONING
    session.position(still=True)
    session.send(NOT_MEASURED)
    session.frame(still=True)
    assert session.phase is Phase.PASSIVE


def test_a_live_camera_has_no_end(positioned):
    session = positioned(capture=CaptureKind.LIVE)
    before = session.state
    (ignored,) = session.send(SourceEnded())
    assert isinstance(ignored, Ignored)
    assert session.state == before


@pytest.mark.parametrize("measured", [False, True])
def test_a_source_that_ends_early_is_decided_on_what_it_showed(begin, measured):
    session = begin(positioning_frames=3, positioning_seconds=0.15, attempts=3)
    session.start()
    session.settle()
    session.watch(0.3 if measured else 0.2, margin=-3.0)
    session.send(SourceEnded())
    assert session.state.done
    assert session.outcome.decision is LivenessDecision.SPOOFFACE
    assert "ended before the light was measured" in session.outcome.light_reason


def test_a_source_that_ends_in_the_passive_path_is_decided_on_what_it_showed(positioned):
    session = positioned(attempts=3)
    session.send(DIM)
    session.frame()
    session.send(SourceEnded())
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.ended[-1].last


def test_a_source_that_ends_early_does_not_get_around_a_policy_that_refuses_unmeasured_light(begin):
    session = begin(when_light_not_measured=WhenLightNotMeasured.REFUSE)
    session.start()
    session.settle()
    session.frame()
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


@pytest.mark.parametrize("played", [0, 1])
def test_a_source_that_ends_in_a_challenge_proves_nothing(positioned, played):
    session = positioned(attempts=3)
    session.send(BRIGHT)
    for _ in range(played):
        answer(session)
    session.send(SourceEnded())
    assert session.state.done
    assert session.outcome.decision is LivenessDecision.UNCERTAIN
    unplayed = finding(session, EvidenceKind.LIGHT if played == 0 else EvidenceKind.MOTION)
    assert "not played to its end" in unplayed.reason
    missing = [EvidenceKind.LIGHT, EvidenceKind.MOTION][played:]
    assert session.outcome.decided_by == tuple(missing)


def test_a_source_without_a_face_ends_as_no_face(begin):
    session = begin()
    session.start()
    session.settle()
    session.watch(0.5, QualityFailure.NO_FACE, faces=0, box=None)
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.NO_FACE_DETECTED


@pytest.mark.parametrize("settled", [False, True])
def test_a_source_that_ends_before_its_first_frame_ends_as_no_face(begin, settled):
    session = begin(attempts=3)
    session.start()
    if settled:
        session.settle()
    session.send(SourceEnded())
    assert session.state.done
    assert session.outcome.error is ErrorCode.NO_FACE_DETECTED


def test_a_source_whose_frames_all_fail_ends_with_the_code_of_what_failed_most(begin):
    session = begin()
    session.start()
    session.settle()
    session.watch(0.3, QualityFailure.NOT_FRONTAL)
    session.watch(0.6, QualityFailure.BLURRED, QualityFailure.TOO_DARK)
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED
    assert dict(session.outcome.failures) == {
        QualityFailure.BLURRED: 6,
        QualityFailure.NOT_FRONTAL: 3,
        QualityFailure.TOO_DARK: 6,
    }


def test_a_good_source_that_no_network_judged_is_a_failure_of_the_terminal(begin):
    session = begin()
    session.start()
    session.settle()
    session.frame(margin=None)
    session.send(SourceEnded())
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


def test_confirmed_challenges_without_a_judged_frame_are_no_decision(positioned):
    session = positioned(margin=None)
    session.send(BRIGHT)
    answer(session)
    answer(session)
    assert session.outcome.decision is None
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


# Time


def test_nobody_before_the_camera_times_out(begin):
    session = begin(attempt_timeout=20.0)
    session.start()
    session.settle()
    session.watch(19.5, QualityFailure.NO_FACE, faces=0, box=None)
    assert not session.state.done
    session.wait(0.6)
    assert session.outcome.error is ErrorCode.TIMED_OUT


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (QualityFailure.SEVERAL_FACES, ErrorCode.MULTIPLE_FACE_FOUND),
        (QualityFailure.NOT_FRONTAL, ErrorCode.FACE_NOT_FRONTAL),
        (QualityFailure.TOO_DARK, ErrorCode.ENVIRONMENT_NOT_SUPPORTED),
    ],
)
def test_an_attempt_that_never_got_a_good_face_names_what_was_wrong_of_late(begin, failure, code):
    session = begin(attempt_timeout=20.0)
    session.start()
    session.settle()
    session.watch(12.0, QualityFailure.OFF_CENTRE)
    session.watch(6.0, failure)
    session.wait(5.0)
    assert session.outcome.error is code
    assert failure in session.outcome.message


def test_a_face_that_leaves_the_passive_path_times_out_as_no_face(positioned):
    session = positioned(attempt_timeout=20.0)
    session.send(DIM)
    session.watch(5.0, QualityFailure.NO_FACE, faces=0, box=None)
    session.wait(20.0)
    assert session.outcome.error is ErrorCode.NO_FACE_DETECTED


def test_an_attempt_that_runs_out_of_time_in_a_challenge_times_out(positioned):
    session = positioned(attempt_timeout=10.0, challenge_slack=60.0)
    session.send(BRIGHT)
    session.watch(2.0, QualityFailure.NOT_FRONTAL)
    session.wait(10.0)
    assert session.outcome.error is ErrorCode.TIMED_OUT


def test_lights_that_never_settle_end_the_session(begin):
    session = begin(preparing_limit=5.0, attempts=3)
    session.start()
    session.wait(4.9)
    assert not session.state.done
    session.wait(0.1)
    assert session.state.done
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


def test_a_measurement_that_never_comes_ends_the_session(positioned):
    session = positioned(measuring_limit=5.0, attempts=3)
    session.wait(5.0)
    assert session.state.done
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


def test_a_face_that_leaves_the_measurement_is_asked_to_try_again(positioned):
    session = positioned(measuring_limit=5.0, attempts=3)
    session.watch(4.0, QualityFailure.NO_FACE, faces=0, box=None)
    session.wait(1.5)
    assert session.outcome.error is ErrorCode.NO_FACE_DETECTED
    assert session.state.attempt == 2


@pytest.mark.parametrize("where", [Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE])
def test_a_challenge_that_is_never_answered_ends_the_session(positioned, where):
    session = positioned(attempt_timeout=100.0, attempts=3)
    session.send(BRIGHT)
    if where is Phase.MOTION_CHALLENGE:
        answer(session)
    session.wait(5.0)
    assert session.phase is where
    session.wait(20.0)
    assert session.state.done
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


def test_an_answer_that_comes_after_its_time_is_ignored(positioned):
    session = positioned(measuring_limit=5.0)
    effects = session.send(DIM, after=5.0)
    assert isinstance(effects[-1], Ignored)
    assert session.outcome.error is ErrorCode.GENERIC_FAILURE


def test_lights_that_settle_as_the_attempt_times_out_do_not_settle_for_the_next(begin):
    session = begin(attempt_timeout=10.0, attempts=2)
    session.start()
    effects = session.send(LightsSettled(), after=10.0)
    assert effects[-1] == Ignored("the lights settled too late for attempt 1")
    assert (session.state.attempt, session.phase) == (2, Phase.PREPARING)
    session.settle()
    assert session.phase is Phase.POSITIONING


def test_the_time_to_live_counts_from_the_making_of_the_session(begin):
    session = begin(ttl=60)
    session.wait(59.0)
    session.start()
    session.settle()
    session.wait(0.9)
    assert not session.state.done
    session.wait(0.1)
    assert session.state.done
    assert session.outcome.error is ErrorCode.TIMED_OUT
    assert "time to live" in session.outcome.message


def test_the_end_of_the_time_to_live_leaves_no_further_attempt(begin):
    session = begin(ttl=60, attempts=3, attempt_timeout=50.0)
    session.start()
    session.settle()
    session.wait(50.0)
    assert (session.state.attempt, session.phase) == (2, Phase.PREPARING)
    session.settle()
    session.wait(10.0)
    assert session.state.done
    assert [effect.last for effect in session.ended] == [False, True]


def test_a_session_that_nobody_starts_ends_with_its_time_to_live(begin):
    session = begin(ttl=60)
    session.wait(60.0)
    assert session.state.done
    assert session.outcome.error is ErrorCode.TIMED_OUT
    assert session.count(RestoreLights) == 0


@pytest.mark.parametrize("now", [4.9, math.nan, math.inf])
def test_time_that_runs_backwards_is_a_programmers_error(begin, now):
    session = begin()
    session.send(Started(session.capture, bytes(32)), after=5.0)
    with pytest.raises(ValueError, match="monotonic"):
        step(session.state, Ticked(), now)


# Attempts


@pytest.mark.parametrize("margin", [-2.0, 0.1])
def test_what_was_not_accepted_is_tried_again_while_attempts_are_left(positioned, margin):
    session = positioned(margin=margin, attempts=2, pad_margin=1.0, pad_veto_margin=1.0)
    session.send(DIM)
    session.watch(1.5, margin=margin)
    first = session.ended[0]
    assert not first.last
    assert session.effects[-4:] == [RestoreLights(), first, ShowPrompt(Prompt.TRY_AGAIN), PrepareLights()]
    assert (session.state.attempt, session.phase) == (2, Phase.PREPARING)
    session.settle()
    session.position()
    session.send(replace(DIM, measurement=2))
    session.watch(2.0)
    assert [(end.attempt, end.last) for end in session.ended] == [(1, False), (2, True)]
    assert session.outcome.decision is LivenessDecision.REALFACE


def test_a_second_attempt_knows_nothing_of_the_first(positioned):
    session = positioned(margin=-2.0, attempts=2)
    session.send(DIM)
    session.watch(1.5, margin=-2.0)
    assert session.state.gathered.candidates == ()
    assert session.state.gathered.failures == ()
    assert session.state.gathered.light is None


def test_a_frame_from_before_the_second_attempt_is_not_taken_for_it(positioned):
    session = positioned(margin=-2.0, attempts=2)
    session.send(DIM)
    session.watch(1.5, margin=-2.0)
    session.settle()
    (ignored,) = session.frame(captured_at=session.ended[0].outcome.ended_at - 1.0)
    assert isinstance(ignored, Ignored)


def test_every_attempt_plays_its_own_plans(positioned):
    session = positioned(attempts=2)
    session.send(BRIGHT)
    answer(session, VETO)
    session.settle()
    session.position()
    session.send(replace(BRIGHT, measurement=2))
    answer(session, VETO)
    first, second = (effect.plan for effect in session.effects if isinstance(effect, PlayLight))
    assert first.plan_id != second.plan_id
    assert first.chips != second.chips


def test_attempts_end_with_the_last_one_that_the_policy_allows(begin):
    session = begin(attempts=3, attempt_timeout=20.0)
    session.start()
    for _ in range(3):
        session.settle()
        session.wait(20.0)
    assert session.state.done
    assert [(end.attempt, end.last) for end in session.ended] == [(1, False), (2, False), (3, True)]
    assert session.prompts[-1] is Prompt.TRY_AGAIN


def test_an_accepted_face_ends_the_session_with_attempts_left(positioned):
    session = positioned(attempts=3)
    session.send(DIM)
    session.watch(2.0)
    assert session.state.done


# Alternatives

PAD, LIGHT, MOTION, _ = EvidenceKind
WITHOUT_FLASH, WITHOUT_MOVEMENT = Alternative
BY_MOTION = frozenset({PAD, MOTION})


def test_without_flash_the_light_is_to_be_measured_without_changing_any(begin):
    for alternative, flash in ((None, True), (WITHOUT_MOVEMENT, True), (WITHOUT_FLASH, False)):
        session = begin(alternative=alternative)
        session.start()
        session.settle()
        session.position()
        assert MeasureLight(1, flash=flash) in session.effects


@pytest.mark.parametrize("measured", [DIM, BRIGHT, NOT_MEASURED])
def test_without_flash_heads_turn_in_any_light_where_motion_takes_lights_place(positioned, measured):
    session = positioned(alternative=WITHOUT_FLASH, passive=BY_MOTION)
    session.send(measured)
    assert session.phase is Phase.MOTION_CHALLENGE
    answer(session)
    outcome = session.outcome
    assert outcome.decision is LivenessDecision.REALFACE
    assert outcome.confirmed == (PAD, MOTION)
    assert (outcome.path, outcome.alternative) == (EvidencePath.MOTION_ALONE, WITHOUT_FLASH)
    assert finding(session, LIGHT).outcome is EvidenceOutcome.NOT_APPLICABLE
    assert session.count(PlayLight) == 0


def test_without_flash_motion_that_proves_nothing_is_uncertain(positioned):
    session = positioned(alternative=WITHOUT_FLASH, passive=BY_MOTION)
    session.send(DIM)
    answer(session, INSUFFICIENT)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


def test_without_flash_nobody_turns_in_dim_light_where_the_networks_are_enough(positioned):
    session = positioned(alternative=WITHOUT_FLASH)
    session.send(DIM)
    assert session.phase is Phase.PASSIVE
    session.watch(2.0)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.path is EvidencePath.PASSIVE


def test_without_flash_no_light_is_confirmed_whatever_answers(positioned):
    session = positioned(alternative=WITHOUT_FLASH, passive=frozenset({PAD, LIGHT}))
    session.send(replace(DIM, outcome=CONFIRMED))
    session.watch(2.0)
    assert session.outcome.decision is LivenessDecision.UNCERTAIN


@pytest.mark.parametrize("alternative", Alternative)
def test_an_alternative_gets_no_light_accepted_that_the_policy_refuses(positioned, alternative):
    session = positioned(alternative=alternative, when_light_not_measured=WhenLightNotMeasured.REFUSE)
    session.send(NOT_MEASURED)
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert session.outcome.alternative is alternative
    assert session.outcome.path is None


def test_without_flash_the_display_stays_bright_between_attempts(positioned):
    session = positioned(alternative=WITHOUT_FLASH, passive=BY_MOTION, attempts=2)
    for measured in (DIM, replace(DIM, measurement=2)):
        session.settle()
        session.position()
        session.send(measured)
        answer(session, INSUFFICIENT)
    assert [(end.attempt, end.last) for end in session.ended] == [(1, False), (2, True)]
    lights = [effect for effect in session.effects if isinstance(effect, PrepareLights | RestoreLights)]
    assert lights == [PrepareLights(), PrepareLights(), RestoreLights()]


def test_without_movement_the_light_challenge_decides_in_bright_light(positioned):
    decisions = []
    for outcome in (CONFIRMED, INSUFFICIENT, VETO):
        session = positioned(alternative=WITHOUT_MOVEMENT, active=frozenset({PAD, LIGHT}))
        session.send(BRIGHT)
        assert session.phase is Phase.LIGHT_CHALLENGE
        answer(session, outcome)
        decisions.append(session.outcome.decision)
        assert session.count(PlayMotion) == 0
        assert session.outcome.path is EvidencePath.ACTIVE
        assert finding(session, MOTION) == Finding(MOTION, EvidenceOutcome.NOT_APPLICABLE, "nobody was asked to move")
    assert decisions == [LivenessDecision.REALFACE, LivenessDecision.UNCERTAIN, LivenessDecision.SPOOFFACE]


@pytest.mark.parametrize("answered", [None, {"overwhelmed": True}, {"faint": True}, {"faint": True, "leans": True}])
def test_without_movement_no_motion_takes_lights_place_where_it_is_drowned_or_faint(positioned, answered):
    session = positioned(alternative=WITHOUT_MOVEMENT)
    if answered is None:
        session.send(OVERWHELMED)
    else:
        session.send(BRIGHT)
        answer(session, INSUFFICIENT, **answered)
    assert session.outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def test_without_movement_dim_light_is_as_for_anybody(positioned):
    session = positioned(alternative=WITHOUT_MOVEMENT)
    session.send(DIM)
    session.watch(2.0)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert (session.outcome.path, session.outcome.alternative) == (EvidencePath.PASSIVE, WITHOUT_MOVEMENT)


# Assurance


@pytest.mark.parametrize(
    ("capture", "level"),
    [
        (CaptureKind.LIVE, AssuranceLevel.LIGHT_AND_MOTION),
        (CaptureKind.SIMULATED, AssuranceLevel.LIGHT_AND_MOTION),
        (CaptureKind.REPLAY, AssuranceLevel.NETWORKS),
    ],
)
def test_both_challenges_answered_are_the_highest_level_but_in_a_recording(positioned, capture, level):
    session = positioned(capture=capture)
    session.send(BRIGHT)
    answer(session)
    answer(session)
    assert session.outcome.decision is LivenessDecision.REALFACE
    assert session.outcome.level is level


@pytest.mark.parametrize(
    ("outcome", "level"), [(CONFIRMED, AssuranceLevel.LIGHT), (INSUFFICIENT, AssuranceLevel.NETWORKS)]
)
def test_in_dim_light_the_level_says_whether_the_step_told_a_face(positioned, outcome, level):
    session = positioned(capture=CaptureKind.LIVE)
    session.send(replace(DIM, outcome=outcome))
    session.watch(2.0)
    assert session.outcome.level is level


def test_motion_alone_is_the_level_motion(positioned):
    session = positioned(capture=CaptureKind.LIVE)
    session.send(OVERWHELMED)
    answer(session)
    assert session.outcome.level is AssuranceLevel.MOTION
    assert session.outcome.path is EvidencePath.MOTION_ALONE


def test_what_is_not_accepted_has_no_level_whatever_was_confirmed(positioned):
    session = positioned(capture=CaptureKind.LIVE, margin=-2.0)
    session.send(BRIGHT)
    answer(session)
    answer(session)
    assert session.outcome.confirmed == (LIGHT, MOTION)
    assert session.outcome.level is AssuranceLevel.NONE


# Given up, broken, late


PHASES = ("idle", "preparing", "positioning", "measuring_light", "passive", "light", "motion")


def bring(session, phase):
    place = PHASES.index(phase)
    if place >= 1:
        session.start()
    if place >= 2:
        session.settle()
    if place >= 3:
        session.position()
    if place >= 4:
        session.send(DIM if phase == "passive" else BRIGHT)
    if place >= 6:
        answer(session)
    return session


@pytest.mark.parametrize("phase", PHASES)
def test_a_cancelled_session_is_over_wherever_it_was(begin, phase):
    session = bring(begin(attempts=3), phase)
    session.send(Cancelled("the requester gave up"))
    assert session.state.done
    assert session.outcome.error is ErrorCode.USER_CANCELED_SESSION
    assert session.outcome.message == "the requester gave up"
    assert session.count(RestoreLights) == session.count(PrepareLights) == (phase != "idle")


@pytest.mark.parametrize("phase", PHASES)
def test_broken_hardware_ends_the_session_wherever_it_was(begin, phase):
    session = bring(begin(attempts=3), phase)
    session.send(HardwareFailed(ErrorCode.CAMERA_STARTUP_FAILURE, "no camera at /dev/video0"))
    assert session.state.done
    assert session.outcome.error is ErrorCode.CAMERA_STARTUP_FAILURE
    assert session.count(RestoreLights) == session.count(PrepareLights)
    assert session.prompts[-1] is Prompt.NOT_ACCEPTED


@pytest.mark.parametrize(
    "event",
    [
        Started(CaptureKind.LIVE, bytes(32)),
        LightsSettled(),
        DIM,
        ChallengeFinished("0" * 32, CONFIRMED, "late"),
        SourceEnded(),
        HardwareFailed(ErrorCode.GENERIC_FAILURE, "late"),
        Cancelled("late"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_changes_a_session_that_is_over(begin, event):
    session = begin()
    session.send(Cancelled("over"))
    before = session.state
    (ignored,) = session.send(event, after=5.0)
    assert isinstance(ignored, Ignored)
    assert ignored.reason == f"{type(event).__name__} does not belong to done"
    assert session.state == before
    assert session.wait(1000.0) == ()


def test_a_second_start_is_ignored(begin):
    session = begin()
    session.start()
    before = session.state
    (ignored,) = session.send(Started(CaptureKind.LIVE, bytes(32)))
    assert isinstance(ignored, Ignored)
    assert session.state == before


def test_a_frame_that_is_not_newer_than_the_last_one_is_ignored(positioned):
    for measured in (None, DIM, BRIGHT):
        session = positioned()
        if measured:
            session.send(measured)
        session.frame()
        before = session.state
        (ignored,) = session.frame(captured_at=session.now - 0.1)
        assert isinstance(ignored, Ignored)
        assert session.state == before


# Prompts


def positioning_prompts(begin, *shots):
    session = begin(positioning_frames=30, attempt_timeout=100.0)
    session.start()
    session.settle()
    for seconds, failures in shots:
        session.watch(seconds, *failures)
    return session.prompts[1:]


def test_a_lasting_failure_is_told(begin):
    assert positioning_prompts(begin, (2.0, [QualityFailure.TOO_FAR])) == [Prompt.COME_CLOSER]


def test_of_several_failures_the_first_is_told(begin):
    failures = [QualityFailure.OFF_CENTRE, QualityFailure.BLURRED]
    assert positioning_prompts(begin, (2.0, failures)) == [Prompt.CENTRE_FACE]


def test_a_passing_failure_is_not_told(begin):
    shots = [(1.5, []), (0.2, [QualityFailure.BLURRED]), (1.0, [])]
    session = begin(positioning_frames=60, attempt_timeout=100.0)
    session.start()
    session.settle()
    for seconds, failures in shots:
        session.watch(seconds, *failures)
    assert session.prompts[1:] == [Prompt.HOLD_STILL]


def test_failures_that_alternate_do_not_make_the_prompt_flap(begin):
    shots = [(0.1, [failure]) for failure in (QualityFailure.TOO_FAR, QualityFailure.MOVING)] * 30
    assert positioning_prompts(begin, *shots) == []


def test_a_prompt_stays_long_enough_to_be_read(begin):
    shots = [(0.5, [QualityFailure.TOO_FAR]), (0.5, [QualityFailure.MOVING])] * 10
    session = begin(attempt_timeout=100.0)
    session.start()
    session.settle()
    shown = []
    for seconds, failures in shots:
        for _ in range(round(seconds / 0.1)):
            shown += [session.now + 0.1 for e in session.frame(*failures) if isinstance(e, ShowPrompt)]
    assert len(shown) >= 2
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(shown))


def test_the_passive_path_tells_what_goes_wrong_and_when_it_is_right_again(positioned):
    session = positioned(passive_frames=60, attempt_timeout=100.0)
    session.send(DIM)
    session.watch(2.0, QualityFailure.NO_FACE)
    session.watch(2.0)
    assert session.prompts[-3:] == [Prompt.WORKING, Prompt.LOOK_AT_CAMERA, Prompt.WORKING]


def test_a_challenge_keeps_its_own_prompt(positioned):
    session = positioned()
    session.send(BRIGHT)
    session.watch(3.0, QualityFailure.NOT_FRONTAL)
    assert session.prompts[-1] is Prompt.SCREEN_WILL_FLASH
