from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.enums import CaptureKind, EvidenceOutcome, LightLevel, LivenessOperationMode, QualityFailure
from edge.liveness.events import ChallengeFinished, LightMeasured, SourceEnded
from edge.liveness.pace import COUNTED_SECONDS, Pace, follow
from edge.liveness.spectrum import USUAL
from edge.liveness.state import Phase
from tests.liveness.conftest import Playing, make_policy

CONFIRMED = EvidenceOutcome.CONFIRMED


class Followed(Playing):
    """A session whose pace is kept at each step."""

    def __init__(self, *args):
        super().__init__(*args)
        self.pace, self.paces, self.moved = Pace(), [], 0.0

    def send(self, event, after=0.0):
        effects = super().send(event, after)
        self.look()
        return effects

    def look(self, after=0.0):
        self.now += after
        self.pace = follow(self.pace, self.state, self.now, self.moved)
        self.paces.append(self.pace)
        return self.pace


@pytest.fixture
def followed(begin):
    def make(**options):
        session = begin(**options)
        session = Followed(session.policy, session.state.mode, session.capture, session.means)
        session.start()
        session.settle()
        return session

    return make


def progress(session, phase):
    return [pace.progress for pace in session.paces if pace.phase is phase]


def measured(session, level=LightLevel.BRIGHT):
    session.send(LightMeasured(session.state.measurements, level, "the step shows"))


def test_nothing_is_done_while_nobody_stands_there(followed):
    session = followed()
    session.wait(3.0)
    assert session.pace.progress == 0.0
    assert session.pace.seconds_left is None


def test_good_frames_fill_the_bar_and_a_bad_one_takes_nothing_away(followed):
    session = followed(positioning_frames=10, positioning_seconds=0.5)
    session.watch(0.5)
    half = session.pace.progress
    assert 0.1 < half < 0.3
    session.frame(QualityFailure.TOO_DARK)
    assert session.pace.progress == half
    session.position()
    assert session.pace.progress == pytest.approx(0.3)


def test_every_phase_goes_on_where_the_last_one_ended_and_the_end_is_one(followed):
    session = followed()
    session.position()
    session.look(after=1.0)
    assert 0.3 < session.pace.progress < 0.5
    measured(session)
    began = session.pace.progress
    session.look(after=session.plan.seconds)
    assert session.pace.progress == pytest.approx(0.75)
    assert began == progress(session, Phase.LIGHT_CHALLENGE)[0]
    session.send(ChallengeFinished(session.plan.plan_id, CONFIRMED, "followed", 1.0))
    assert session.phase is Phase.MOTION_CHALLENGE
    session.moved = 0.5
    assert session.look().progress == pytest.approx(0.875)
    session.moved = 1.0
    assert session.look().progress == 1.0
    session.send(ChallengeFinished(session.plan.plan_id, CONFIRMED, "performed", 1.0))
    assert session.state.done
    assert session.pace.progress == 1.0


def test_frames_that_are_judged_fill_the_rest_where_nothing_is_asked(followed):
    session = followed(mode=LivenessOperationMode.PASSIVE, passive_frames=8)
    session.position()
    measured(session, LightLevel.DIM)
    began = session.pace.progress
    session.watch(0.5)
    passing = progress(session, Phase.PASSIVE)
    assert passing == sorted(passing)
    assert passing[0] == began
    assert passing[-1] > 0.6


def test_the_next_attempt_begins_with_an_empty_bar(followed):
    session = followed(policy=make_policy(attempts=2))
    session.watch(0.4)
    before = session.pace
    session.wait(session.policy.attempt_timeout)
    assert before.progress > 0
    assert session.pace.attempt == 2
    assert session.pace.progress == 0.0


def test_the_last_seconds_are_counted_down_to_one(followed):
    session = followed(attempt_timeout=20.0)
    told = [session.look(after=0.25).seconds_left for _ in range(79)]
    assert told[:39] == [None] * 39
    assert told[39] == COUNTED_SECONDS
    assert told[39:] == sorted(told[39:], reverse=True)
    assert set(told[39:]) == set(range(1, 11))


def test_the_sessions_time_to_live_counts_where_it_ends_first(followed):
    session = followed(attempt_timeout=90.0, ttl=60)
    assert session.look(after=52.5).seconds_left == 8


@pytest.mark.parametrize("phase", [Phase.MEASURING_LIGHT, Phase.LIGHT_CHALLENGE])
def test_nobody_is_hurried_while_the_light_is_looked_at(followed, phase):
    session = followed(attempt_timeout=20.0)
    session.position()
    if phase is Phase.LIGHT_CHALLENGE:
        measured(session)
    assert session.phase is phase
    assert session.look(after=15.0).seconds_left is None


def test_an_attempt_that_broke_off_is_over_too(followed):
    session = followed()
    session.send(SourceEnded())
    assert session.state.done
    assert session.pace.progress == 1.0


def active(policy):
    return Followed(policy, LivenessOperationMode.PASSIVE_ACTIVE, CaptureKind.REPLAY, USUAL)


STEPS = st.one_of(
    st.tuples(st.just("frame"), st.lists(st.sampled_from(QualityFailure), max_size=1)),
    st.tuples(st.just("another face"), st.integers(2, 4)),
    st.tuples(st.just("light"), st.sampled_from(LightLevel)),
    st.tuples(st.just("answer"), st.sampled_from(EvidenceOutcome)),
    st.tuples(st.just("moved"), st.floats(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 6.0])),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(steps=st.lists(STEPS, max_size=60), attempts=st.integers(1, 3), ending=st.sampled_from([10.0, 20.0]))
def test_whatever_comes_progress_never_falls_within_an_attempt(steps, attempts, ending):
    session = active(make_policy(attempts=attempts, attempt_timeout=ending, positioning_frames=3))
    session.start()
    session.settle()
    for what, value in steps:
        if session.state.done:
            break
        match what:
            case "frame":
                session.frame(*value)
            case "another face":
                session.frame(track=value)
            case "light":
                measured(session, value)
            case "answer" if session.plan is not None:
                session.send(ChallengeFinished(session.plan.plan_id, value, "told", 1.0))
            case "moved":
                session.moved = value
                session.look()
            case "wait":
                session.wait(value)
                session.settle()
    for before, after in zip(session.paces, session.paces[1:], strict=False):
        assert 0.0 <= after.progress <= 1.0
        assert after.attempt != before.attempt or after.progress >= before.progress
        assert after.seconds_left is None or 1 <= after.seconds_left <= COUNTED_SECONDS
