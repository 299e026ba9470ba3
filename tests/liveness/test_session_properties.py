"""Sessions under any order of events, against a ledger that knows only what was sent and what came back."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import product
from random import Random
from statistics import median

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from edge.config.policy import WhenLightNotMeasured, WhenOverwhelmed, WhenPadNotApplicable
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    QualityFailure,
)
from edge.contracts.session import SessionStart
from edge.liveness.effects import (
    AttemptEnded,
    Ignored,
    MeasureLight,
    PlayLight,
    PlayMotion,
    PrepareLights,
    RestoreLights,
)
from edge.liveness.events import (
    Cancelled,
    ChallengeFinished,
    FrameSeen,
    HardwareFailed,
    LightMeasured,
    LightsSettled,
    SourceEnded,
    Started,
    Ticked,
)
from edge.liveness.evidence import FaceBox, FrameEvidence, PadScore
from edge.liveness.machine import TRANSITIONS, Phase, new_session, step
from edge.liveness.plans import InfraredPlan
from edge.liveness.policy import Policy, PolicyRefusal, tighten
from edge.liveness.spectrum import USUAL, Means, OwnLight
from tests.config.floors import floors

PAD, LIGHT, MOTION, _ = EvidenceKind
CONFIRMED, VETO = EvidenceOutcome.CONFIRMED, EvidenceOutcome.VETO
WITHOUT_FLASH, WITHOUT_MOVEMENT = Alternative
LEVELS = {
    AssuranceLevel.NONE: set(),
    AssuranceLevel.NETWORKS: {PAD},
    AssuranceLevel.MOTION: {PAD, MOTION},
    AssuranceLevel.LIGHT: {PAD, LIGHT},
    AssuranceLevel.LIGHT_AND_MOTION: {PAD, LIGHT, MOTION},
}
WALKS = 8000
FIXED = settings(derandomize=True, database=None, deadline=None, max_examples=100)

REQUIREMENTS = [{PAD}, {PAD, MOTION}, {PAD, LIGHT, MOTION}, {PAD, LIGHT}, {LIGHT}, {MOTION}, set()]
REQUIRED = st.sampled_from(REQUIREMENTS).map(frozenset)
POLICIES = st.builds(
    Policy,
    name=st.just("site"),
    modes=st.just(frozenset(LivenessOperationMode)),
    attempts=st.integers(1, 3),
    ttl=st.sampled_from([60.0, 600.0]),
    attempt_timeout=st.sampled_from([10.0, 20.0]),
    passive=REQUIRED,
    active=REQUIRED,
    motion_alone=REQUIRED,
    pad_margin=st.sampled_from([0.0, 1.0]),
    pad_margin_with_light=st.sampled_from([-0.5, 0.0, 1.0]),
    pad_veto_margin=st.sampled_from([0.0, 1.0]),
    when_light_not_measured=st.sampled_from(WhenLightNotMeasured),
    when_overwhelmed=st.sampled_from(WhenOverwhelmed),
    positioning_frames=st.integers(1, 3),
    positioning_seconds=st.sampled_from([0.0, 0.2]),
    passive_frames=st.integers(1, 4),
    passive_seconds=st.sampled_from([0.0, 0.3]),
    judged_frames=st.integers(1, 8),
    alternative=st.sampled_from([None, None, *Alternative]),
)
MODES_ALL = tuple(LivenessOperationMode)
MODES = st.sampled_from([LivenessOperationMode.PASSIVE_ACTIVE, LivenessOperationMode.PASSIVE])
CAPTURES = st.sampled_from(CaptureKind)
SEEDS = st.binary(min_size=32, max_size=32)
PAUSES = st.sampled_from([0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 1.0, 6.0, 30.0])
MARGINS = st.sampled_from([-3.0, -0.5, 0.0, 0.5, 3.0])
# Mostly what keeps a session going, so that its deep ends are reached as well.
OUTCOMES = st.sampled_from([CONFIRMED, CONFIRMED, CONFIRMED, *EvidenceOutcome])
FAILURES = st.lists(st.sampled_from(QualityFailure), max_size=2).map(tuple)
ERRORS = st.sampled_from([None, None, None, None, *ErrorCode])
GOALS = st.sampled_from(
    [
        (Phase.MOTION_CHALLENGE, LightLevel.OVERWHELMED),
        (Phase.MOTION_CHALLENGE, LightLevel.BRIGHT),
        (Phase.LIGHT_CHALLENGE, LightLevel.BRIGHT),
        (Phase.PASSIVE, LightLevel.DIM),
        (Phase.PASSIVE, LightLevel.NOT_MEASURED),
        (Phase.MEASURING_LIGHT, LightLevel.DIM),
        (Phase.POSITIONING, LightLevel.DIM),
        (Phase.PREPARING, LightLevel.DIM),
        (Phase.IDLE, LightLevel.DIM),
    ]
)
SEEING = Means(silent=OwnLight.INFRARED)
MEANS = st.sampled_from([USUAL, SEEING])
OTHER_EVENTS = st.one_of(
    st.just(Ticked()),
    st.builds(Started, CAPTURES, SEEDS, MEANS),
    st.just(LightsSettled()),
    st.builds(LightMeasured, st.integers(0, 4), st.sampled_from(LightLevel), st.just("measured"), OUTCOMES),
    st.just(SourceEnded()),
    st.builds(HardwareFailed, st.sampled_from(ErrorCode), st.just("gone")),
    st.just(Cancelled("enough")),
)


def frame_evidence(sequence, captured_at, margin, **changes):
    pad = () if margin is None else (PadScore("net", "a" * 64, margin),)
    seen = FrameEvidence(sequence, captured_at, 1, FaceBox(0, 0, 90, 90), quality=0.5, pad=pad, track=1)
    return replace(seen, **changes)


class Ledger:
    """What one attempt was told and asked, written down outside the machine."""

    def __init__(self):
        self.tracks = {}
        self.somebody_comes(0)

    def somebody_comes(self, track):
        """Nothing that was seen or measured of the face before counts for this one."""
        self.face = track
        self.plans = {}
        self.answers = {}
        self.silent = False
        self.fit = {}
        self.good = []
        self.seen_passively = 0
        self.measured = None

    def required(self, policy):
        if policy.alternative is WITHOUT_FLASH:
            return policy.motion_alone if self.plans else policy.passive
        if self.measured is None or self.measured.level in {LightLevel.DIM, LightLevel.NOT_MEASURED}:
            return policy.passive
        overwhelmed = self.measured.level is LightLevel.OVERWHELMED or (
            LIGHT in self.answers and self.answers[LIGHT].overwhelmed
        )
        if self.silent:
            return policy.passive
        return policy.motion_alone if overwhelmed else policy.active

    def proof(self, kind, policy):
        """Whether anything that was sent could confirm the kind."""
        if kind is LIGHT and policy.alternative is WITHOUT_FLASH:
            return False
        if kind in self.answers:
            answer = self.answers[kind]
            return answer.outcome is CONFIRMED and not (kind is LIGHT and answer.overwhelmed)
        measured = self.measured
        return kind is LIGHT and measured == replace(measured, level=LightLevel.DIM, outcome=CONFIRMED)

    @property
    def vetoed(self):
        return any(answer.outcome is VETO for answer in self.answers.values()) or (
            self.measured is not None and self.measured.outcome is VETO
        )


class Watched:
    """A session, and everything that must hold of it after whatever it is sent."""

    def __init__(self, policy, mode, capture, seed, means=USUAL):
        self.policy, self.mode, self.capture, self.seed, self.means = policy, mode, capture, seed, means
        self.state = new_session(policy, mode, 0.0)
        self.now = 0.0
        self.sequence = 0
        self.ledger = Ledger()
        self.ended = []
        self.lit = 0
        self.newest = -1.0
        self.arrows = set()
        self.asked = []

    def send(self, event, after=0.0):
        self.now += after
        # Time comes first, so what it alone makes of the session is where the event arrives.
        arrived, passed = step(self.state, Ticked(), self.now)
        self.walk(self.state, Ticked(), arrived, passed)
        self.note(passed)
        if not isinstance(event, Ticked):
            state, effects = step(self.state, event, self.now)
            assert effects[: len(passed)] == passed
            answers = effects[len(passed) :]
            if any(isinstance(effect, Ignored) for effect in answers):
                assert len(answers) == 1
                assert state == arrived
                self.note(answers)
            else:
                assert not isinstance(event, LightsSettled) or arrived.attempt == self.state.attempt
                self.heed(event, arrived.phase, answers)
                self.walk(arrived, event, state, answers)
            arrived = state
        self.state = arrived
        assert self.state.phase is not Phase.DECIDING
        assert self.state.done == any(end.last for end in self.ended)
        assert self.lit == (self.state.phase not in {Phase.IDLE, Phase.DONE})

    def walk(self, before, event, after, effects):
        if any(isinstance(effect, AttemptEnded) for effect in effects):
            self.arrows.add((before.phase, type(event), Phase.DECIDING))
            self.arrows.add((Phase.DECIDING, None, after.phase))
        elif after.phase is not before.phase:
            self.arrows.add((before.phase, type(event), after.phase))

    def heed(self, event, phase, answers):
        face = self.ledger.face
        self.write_down(event, phase)
        self.note(answers)
        match event:
            case FrameSeen(evidence) if phase in {Phase.LIGHT_CHALLENGE, Phase.MOTION_CHALLENGE}:
                ended = any(isinstance(effect, AttemptEnded) for effect in answers)
                assert ended == (evidence.track not in {0, face})
                assert not ended or self.ended[-1].outcome.error is ErrorCode.FACE_TRACKING_FAILED
            case SourceEnded():
                assert self.capture is not CaptureKind.LIVE
                assert self.ended[-1].last
            case HardwareFailed(code):
                assert self.ended[-1].last
                assert self.ended[-1].outcome.error is code
            case Cancelled():
                assert self.ended[-1].last
                assert self.ended[-1].outcome.error is ErrorCode.USER_CANCELED_SESSION

    def write_down(self, event, phase):
        match event:
            case Started(capture, _, means):
                self.capture, self.means = capture, means
            case FrameSeen(evidence) if phase is not Phase.PREPARING:
                assert evidence.captured_at > self.newest
                self.newest = evidence.captured_at
                self.ledger.tracks[evidence.sequence] = evidence.track
                if evidence.track not in {0, self.ledger.face}:
                    self.ledger.somebody_comes(evidence.track)
                good = evidence.track > 0 and not evidence.failures and evidence.lit_settled
                self.ledger.good = [*self.ledger.good, evidence] if good else []
                if good and evidence.box is not None and bool(evidence.pad) is self.means.networks:
                    self.ledger.fit[evidence.sequence] = evidence.pad[0].margin if evidence.pad else math.inf
                    self.ledger.seen_passively += phase is Phase.PASSIVE
            case LightMeasured():
                assert event.measurement == self.asked[-1]
                self.ledger.measured = event
            case ChallengeFinished():
                assert event.plan_id in self.ledger.plans
                self.ledger.answers[self.ledger.plans[event.plan_id]] = event

    def note(self, effects):
        for effect in effects:
            match effect:
                case PrepareLights():
                    assert self.lit == self.stays_lit
                    self.lit = 1
                    self.ledger = Ledger()
                case RestoreLights():
                    self.lit -= 1
                    assert self.lit == 0
                case MeasureLight(measurement, flash):
                    assert measurement not in self.asked
                    assert flash == (self.policy.alternative is not WITHOUT_FLASH)
                    self.asked.append(measurement)
                    self.somebody_held_still()
                case PlayLight(plan):
                    assert self.policy.alternative is not WITHOUT_FLASH
                    self.ledger.plans[plan.plan_id] = LIGHT
                    self.ledger.silent = self.means.networks and isinstance(plan, InfraredPlan)
                    assert self.ledger.silent <= (self.mode is LivenessOperationMode.PASSIVE)
                case PlayMotion(plan):
                    assert self.policy.alternative is not WITHOUT_MOVEMENT
                    self.ledger.plans[plan.plan_id] = MOTION
                case AttemptEnded(last=last):
                    self.check(effect)
                    assert self.lit == (self.stays_lit and not last)

    @property
    def stays_lit(self):
        """Between two attempts, where dark and bright again would be a flash."""
        return self.policy.alternative is WITHOUT_FLASH and bool(self.ended)

    def somebody_held_still(self):
        held = self.ledger.good
        assert {evidence.track for evidence in held} == {self.ledger.face}
        if held[-1].still and self.capture is not CaptureKind.LIVE:
            return
        assert len(held) >= self.policy.positioning_frames
        assert held[-1].captured_at - held[0].captured_at >= self.policy.positioning_seconds

    def check(self, end):
        assert not any(earlier.last for earlier in self.ended)
        assert end.attempt == len(self.ended) + 1 <= self.policy.attempts
        self.ended.append(end)
        outcome, ledger = end.outcome, self.ledger
        assert (outcome.decision is None) != (outcome.error is None)
        assert (outcome.path is None) == (outcome.decision is None)
        assert outcome.alternative is self.policy.alternative
        self.check_level(outcome)
        assert outcome.ended_at >= outcome.started_at
        if outcome.decision is None:
            assert outcome.digest is None
            if ledger.vetoed:
                assert not ledger.fit
            return
        assert outcome.judged
        assert set(outcome.judged) <= set(ledger.fit)
        assert {ledger.tracks[sequence] for sequence in outcome.judged} == {ledger.face}
        assert outcome.box is not None
        assert len(outcome.digest) == 64
        if ledger.vetoed:
            assert outcome.decision is LivenessDecision.SPOOFFACE
        if all(margin <= -self.policy.pad_veto_margin for margin in ledger.fit.values()):
            assert outcome.decision is LivenessDecision.SPOOFFACE
        if outcome.decision is LivenessDecision.REALFACE:
            required = ledger.required(self.policy) if self.means.networks else self.policy.without_networks
            assert required
            assert self.means.networks or self.policy.when_pad_not_applicable is not WhenPadNotApplicable.REFUSE
            assert not ledger.vetoed
            if PAD in required:
                margin = self.policy.pad_margin_with_light if LIGHT in required else self.policy.pad_margin
                assert median(ledger.fit[sequence] for sequence in outcome.judged) >= margin
            for kind in required - {PAD}:
                assert ledger.proof(kind, self.policy), f"{kind} was never confirmed"
            if self.mode is LivenessOperationMode.PASSIVE:
                assert not ledger.plans or (ledger.silent and ledger.proof(LIGHT, self.policy))
            if self.capture is CaptureKind.LIVE and (ledger.silent or not ledger.plans):
                assert ledger.seen_passively >= self.policy.passive_frames
            refuses = self.policy.when_light_not_measured is WhenLightNotMeasured.REFUSE
            unmeasured = ledger.measured is None or ledger.measured.level is LightLevel.NOT_MEASURED
            assert not (refuses and unmeasured and self.means.networks)

    def check_level(self, outcome):
        if outcome.decision is not LivenessDecision.REALFACE:
            assert outcome.level is AssuranceLevel.NONE
        proven = LEVELS[outcome.level]
        if not self.means.networks and outcome.level is AssuranceLevel.LIGHT:
            proven = {LIGHT, MOTION}
        assert proven <= set(outcome.confirmed)
        assert all(self.ledger.proof(kind, self.policy) for kind in proven - {PAD})
        if not outcome.temporal or self.capture is CaptureKind.REPLAY:
            assert outcome.level in {AssuranceLevel.NONE, AssuranceLevel.NETWORKS}

    def answer(self, level, outcome, overwhelmed, error=None, margin=3.0):
        """What the session waits for."""
        match self.state.phase:
            case Phase.IDLE:
                self.send(Started(self.capture, self.seed, self.means))
            case Phase.PREPARING:
                self.send(LightsSettled(), 0.2)
            case Phase.MEASURING_LIGHT:
                self.send(LightMeasured(self.asked[-1], level, "measured", outcome), 0.2)
            case Phase.LIGHT_CHALLENGE | Phase.MOTION_CHALLENGE:
                played = self.state.gathered.plan.plan_id
                answer = ChallengeFinished(played, outcome, "played", overwhelmed=overwhelmed, error=error)
                self.send(answer, 2.0)
            case _:
                self.see(margin)

    def see(self, margin, track=None):
        """A good frame of the face that is there, unless told otherwise."""
        self.sequence += 1
        track = track or self.ledger.face or 1
        margin = margin if self.means.networks else None
        self.send(FrameSeen(frame_evidence(self.sequence, self.now + 0.1, margin, track=track)), 0.1)

    def time_runs_out(self):
        """Every path ends: of itself, when nothing more happens."""
        if self.state.phase is not Phase.IDLE:
            for _ in range(self.policy.attempts):
                self.send(Ticked(), self.policy.attempt_timeout)
            assert self.state.done
        self.send(Ticked(), self.policy.ttl)
        assert self.state.done
        assert self.lit == 0


class AnyOrderOfEvents(RuleBasedStateMachine):
    @initialize(policy=POLICIES, mode=MODES, capture=CAPTURES, seed=SEEDS, goal=GOALS, means=MEANS)
    def a_session_on_its_way(self, policy, mode, capture, seed, goal, means):
        self.session = Watched(policy, mode, capture, seed, means)
        phase, level = goal
        for _ in range(20):
            if self.session.state.phase is phase or self.session.ended:
                return
            self.session.answer(level, CONFIRMED, False)

    @rule(
        steps=st.lists(
            st.tuples(st.sampled_from(LightLevel), OUTCOMES, st.sampled_from([False, False, False, True])),
            min_size=1,
            max_size=12,
        )
    )
    def it_gets_what_it_waits_for(self, steps):
        for step_ in steps:
            self.session.answer(*step_)

    @rule(count=st.integers(1, 8), margin=MARGINS, track=st.sampled_from([None, None, None, 1, 2]))
    def a_good_face(self, count, margin, track):
        for _ in range(count):
            self.session.see(margin, track)

    @rule(
        pause=PAUSES,
        margin=st.none() | MARGINS,
        failures=FAILURES,
        faces=st.integers(0, 2),
        box=st.none() | st.just(FaceBox(1, 2, 30, 40)),
        settled=st.booleans(),
        still=st.booleans(),
        age=st.sampled_from([0.0, 0.0, 0.3]),
        track=st.integers(0, 2),
    )
    def any_frame(self, pause, margin, failures, faces, box, settled, still, age, track):
        self.session.sequence += 1
        seen = frame_evidence(
            self.session.sequence,
            self.session.now + pause - age,
            margin,
            failures=failures,
            faces=faces,
            box=box,
            lit_settled=settled,
            still=still,
            track=track,
        )
        self.session.send(FrameSeen(seen), pause)

    @rule(pause=PAUSES, event=OTHER_EVENTS)
    def anything_else(self, pause, event):
        self.session.send(event, pause)

    @rule(pause=PAUSES, outcome=OUTCOMES, plan=st.integers(-2, 1), overwhelmed=st.booleans(), error=ERRORS)
    def any_answer(self, pause, outcome, plan, overwhelmed, error):
        known = ["0" * 32, *self.session.ledger.plans]
        plan_id = known[plan % len(known)]
        event = ChallengeFinished(plan_id, outcome, "played", overwhelmed=overwhelmed, error=error)
        self.session.send(event, pause)

    def teardown(self):
        self.session.time_runs_out()


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
TestAnyOrderOfEvents.settings = settings(FIXED, stateful_step_count=10)


def draw_policy(chance):
    return Policy(
        name="site",
        modes=frozenset(LivenessOperationMode),
        attempts=chance.choice([1, 2, 3]),
        ttl=chance.choice([60.0, 600.0]),
        attempt_timeout=chance.choice([10.0, 20.0]),
        passive=frozenset(chance.choice(REQUIREMENTS)),
        active=frozenset(chance.choice(REQUIREMENTS)),
        motion_alone=frozenset(chance.choice(REQUIREMENTS)),
        pad_margin=chance.choice([0.0, 1.0]),
        pad_margin_with_light=chance.choice([-0.5, 0.0, 1.0]),
        pad_veto_margin=chance.choice([0.0, 1.0]),
        when_light_not_measured=chance.choice(list(WhenLightNotMeasured)),
        when_overwhelmed=chance.choice(list(WhenOverwhelmed)),
        positioning_frames=chance.choice([1, 3]),
        positioning_seconds=chance.choice([0.0, 0.15]),
        passive_frames=chance.choice([1, 4]),
        passive_seconds=chance.choice([0.0, 0.25]),
        judged_frames=chance.choice([1, 8]),
        when_pad_not_applicable=chance.choice(list(WhenPadNotApplicable)),
        alternative=chance.choice([None, None, None, *Alternative]),
    )


def draw_outcome(chance):
    return CONFIRMED if chance.random() < 0.7 else chance.choice(list(EvidenceOutcome))


def draw_event(chance, session, now):
    kind = chance.choices(range(9), [5, 3, 2, 1, 1, 1, 1, 1, 1])[0]
    match kind:
        case 0:
            session.sequence += 1
            return FrameSeen(
                frame_evidence(
                    session.sequence,
                    now - chance.choice([0.0, 0.0, 0.3]),
                    chance.choice([None, -3.0, -0.5, 0.0, 0.5, 3.0, 3.0]),
                    failures=tuple(chance.sample(list(QualityFailure), chance.choice([0, 1, 2]))),
                    faces=chance.choice([0, 1, 2]),
                    box=chance.choice([None, FaceBox(1, 2, 30, 40)]),
                    lit_settled=chance.random() < 0.7,
                    still=chance.random() < 0.2,
                    track=chance.choice([0, 1, 1, 2]),
                )
            )
        case 1:
            return ChallengeFinished(
                chance.choice(["0" * 32, *session.ledger.plans]),
                draw_outcome(chance),
                "played",
                overwhelmed=chance.random() < 0.3,
                error=chance.choice([None, None, *ErrorCode]),
            )
        case 2:
            return Ticked()
        case 3:
            return Started(chance.choice(list(CaptureKind)), chance.randbytes(32))
        case 4:
            return LightsSettled()
        case 5:
            measurement = chance.choice([0, 1, 1, *session.asked])
            return LightMeasured(measurement, chance.choice(list(LightLevel)), "measured", draw_outcome(chance))
        case 6:
            return SourceEnded()
        case 7:
            return HardwareFailed(chance.choice(list(ErrorCode)), "gone")
        case _:
            return Cancelled("enough")


def walk(seed):
    """A session that mostly gets what it waits for; the same seed walks the same way."""
    chance = Random(seed)
    session = Watched(
        draw_policy(chance),
        chance.choices(list(LivenessOperationMode), [1, 2])[0],
        chance.choice(list(CaptureKind)),
        chance.randbytes(32),
        chance.choices([USUAL, Means(False, OwnLight.INFRARED), Means(False, OwnLight.NONE), SEEING], [6, 2, 1, 3])[0],
    )
    disturbed = chance.choice([0.02, 0.1, 0.4])
    honest = chance.random() < 0.7
    margins = chance.choice([[3.0], [-3.0], [3.0, 3.0, 0.5], [3.0, 0.5, 0.5], [3.0, -0.5, -0.5, -3.0]])
    level = chance.choices(list(LightLevel), [1, 2, 1, 1])[0]
    for _ in range(chance.choice([0, 10, 30, 60])):
        if session.state.done and chance.random() < 0.3:
            break
        if chance.random() < disturbed:
            pause = chance.choices([0.0, 0.1, 1.0, 6.0, 30.0], [5, 5, 2, 1, 1])[0]
            session.send(draw_event(chance, session, session.now + pause), pause)
        else:
            outcome = CONFIRMED if honest else draw_outcome(chance)
            error = chance.choice(list(ErrorCode)) if chance.random() < 0.2 and not honest else None
            session.answer(level, outcome, chance.random() < 0.1, error, chance.choice(margins))
    session.time_runs_out()
    return session


@cache
def walks():
    return tuple(walk(seed) for seed in range(WALKS))


def test_no_walk_breaks_a_rule():
    assert len(walks()) == WALKS


def test_the_walks_take_every_arrow_of_the_diagram_and_no_other():
    taken = {arrow for session in walks() for arrow in session.arrows}
    drawn = {(phase, kind, to) for (phase, kind), rule in TRANSITIONS.items() for to in rule.to}
    assert taken == drawn


def test_the_walks_reach_every_decision_in_every_light():
    reached = {(end.outcome.decision, end.outcome.light_level) for session in walks() for end in session.ended}
    assert reached >= set(product(LivenessDecision, LightLevel))


def play(policy, mode, seed, level, light, motion, margins):
    """A session that is given whatever it asks for, to its first attempt's end."""
    state = new_session(policy, mode, 0.0)
    state, effects = step(state, Started(CaptureKind.REPLAY, seed), 0.0)
    state, effects = step(state, LightsSettled(), 0.1)
    for number in range(1, 80):
        now = number / 10
        if effects and isinstance(effects[-1], MeasureLight):
            event = level
        elif effects and isinstance(effects[-1], PlayLight):
            event = ChallengeFinished(effects[-1].plan.plan_id, light, "played")
        elif effects and isinstance(effects[-1], PlayMotion):
            event = ChallengeFinished(effects[-1].plan.plan_id, motion, "played")
        else:
            event = FrameSeen(frame_evidence(number, now, margins[number % len(margins)]))
        state, effects = step(state, event, now)
        for effect in effects:
            if isinstance(effect, AttemptEnded):
                return effect.outcome
    raise AssertionError("the attempt never ended")


@FIXED
@given(
    POLICIES,
    MODES,
    SEEDS,
    st.builds(LightMeasured, st.just(1), st.sampled_from(LightLevel), st.just("measured"), OUTCOMES),
    OUTCOMES,
    OUTCOMES,
    st.lists(MARGINS, min_size=1, max_size=4),
)
def test_more_demands_never_turn_a_decision_into_realface(policy, mode, seed, level, light, motion, margins):
    loose = play(policy, mode, seed, level, light, motion, margins)
    for stricter in (
        replace(policy, pad_margin=policy.pad_margin + 1.0),
        replace(policy, pad_margin_with_light=policy.pad_margin_with_light + 1.0),
        replace(policy, pad_veto_margin=0.0),
        replace(policy, when_light_not_measured=WhenLightNotMeasured.REFUSE),
        replace(policy, when_overwhelmed=WhenOverwhelmed.REFUSE),
        *(
            replace(policy, **{path: getattr(policy, path) | {kind}})
            for path in ("passive", "active", "motion_alone")
            for kind in EvidenceKind
            # Motion demanded without flash asks for the challenge, so that other frames are judged.
            if getattr(policy, path) and (policy.alternative, kind) != (WITHOUT_FLASH, MOTION)
        ),
    ):
        strict = play(stricter, mode, seed, level, light, motion, margins)
        if strict.decision is LivenessDecision.REALFACE:
            assert loose.decision is LivenessDecision.REALFACE


@FIXED
@given(POLICIES, MODES, SEEDS, st.sampled_from(LightLevel))
def test_with_all_that_can_be_confirmed_a_session_ends_as_its_policy_says(policy, mode, seed, level):
    outcome = play(policy, mode, seed, LightMeasured(1, level, "measured", CONFIRMED), CONFIRMED, CONFIRMED, [3.0])
    active = mode is LivenessOperationMode.PASSIVE_ACTIVE
    flash, movement = policy.alternative is not WITHOUT_FLASH, policy.alternative is not WITHOUT_MOVEMENT
    by_motion = policy.motion_alone, {PAD, MOTION}
    refused = None, set()
    passively = policy.passive, {PAD, LIGHT} if flash and level is LightLevel.DIM else {PAD}
    if active and not flash and MOTION in policy.passive:
        passively = by_motion
    match level:
        case LightLevel.DIM:
            required, proven = passively
        case LightLevel.NOT_MEASURED:
            alone = policy.when_light_not_measured is WhenLightNotMeasured.PASSIVE
            required, proven = passively if alone else refused
        case LightLevel.BRIGHT:
            played = (policy.active, {PAD, LIGHT, *([MOTION] if movement else [])}) if flash else by_motion
            required, proven = played if active else refused
        case LightLevel.OVERWHELMED:
            alone = active and movement and policy.when_overwhelmed is WhenOverwhelmed.MOTION
            required, proven = by_motion if alone else refused
    if required is None:
        assert outcome.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    elif required and required <= proven:
        assert outcome.decision is LivenessDecision.REALFACE
    else:
        assert outcome.decision is LivenessDecision.UNCERTAIN


@FIXED
@given(
    floors,
    st.sampled_from(Alternative),
    MODES,
    SEEDS,
    st.builds(LightMeasured, st.just(1), st.sampled_from(LightLevel), st.just("measured"), OUTCOMES),
    OUTCOMES,
    OUTCOMES,
)
def test_an_alternative_never_yields_realface_with_less_evidence_than_the_floor_names_for_it(
    floor, alternative, mode, seed, level, light, motion
):
    # Short enough for `play` to come to its end.
    brief = {"positioning_frames": 3, "positioning_seconds": 0.2, "passive_frames": 4, "passive_seconds": 0.5}
    floor = floor.model_copy(update=brief | {"allow_alternatives": tuple(Alternative), "modes": tuple(MODES_ALL)})
    request = SessionStart(id="request-1", expires_at=1.0, liveness_operation_mode=mode, alternative=alternative)
    try:
        policy = tighten(floor, request)
    except PolicyRefusal:
        assert (alternative, mode) == (WITHOUT_FLASH, LivenessOperationMode.PASSIVE)
        assert MOTION in floor.require_without_flash
        return
    outcome = play(policy, mode, seed, level, light, motion, [30.0])
    assert outcome.alternative is alternative
    if outcome.decision is not LivenessDecision.REALFACE:
        return
    confirmed = set(outcome.confirmed)
    if alternative is WITHOUT_FLASH:
        assert LIGHT not in confirmed
        assert confirmed >= set(floor.require_without_flash) | (set(floor.require_passive) - {LIGHT})
        assert outcome.path is EvidencePath.PASSIVE or confirmed >= set(floor.require_motion_alone)
    else:
        assert MOTION not in confirmed
        of_path = {
            EvidencePath.PASSIVE: set(floor.require_passive),
            EvidencePath.ACTIVE: set(floor.require_without_movement) | (set(floor.require_active) - {MOTION}),
        }
        assert confirmed >= of_path[outcome.path]
