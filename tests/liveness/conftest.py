from __future__ import annotations

from dataclasses import replace

import pytest

from edge.config.policy import PRESETS
from edge.contracts.enums import CaptureKind, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.liveness.effects import AttemptEnded, ShowPrompt
from edge.liveness.events import FrameSeen, LightsSettled, Started, Ticked
from edge.liveness.evidence import FaceBox, FrameEvidence, PadScore
from edge.liveness.machine import Phase, new_session, step
from edge.liveness.policy import tighten
from edge.liveness.spectrum import USUAL

SEED = bytes(range(32))
BOX = FaceBox(10.0, 20.0, 100.0, 120.0)
SHA = "a" * 64


def make_frame(sequence, captured_at, *failures, margin=2.0, **changes):
    """A good frame of the first face unless failures are named; margin None: no network looked at it."""
    pad = () if margin is None or failures else (PadScore("net", SHA, margin),)
    evidence = FrameEvidence(
        sequence=sequence,
        captured_at=captured_at,
        faces=1,
        box=BOX,
        failures=failures,
        quality=0.5,
        pad=pad,
        track=0 if changes.get("faces") == 0 else 1,
    )
    return replace(evidence, **changes)


def make_policy(preset="kiosk", attempts=1, ttl=600, **changes):
    request = SessionStart(
        id="request-1",
        expires_at=1.0,
        number_of_client_attempts_allowed=attempts,
        auth_token_time_to_live_in_seconds=ttl,
    )
    return replace(tighten(PRESETS[preset], request), **changes)


class Playing:
    """A session driven by hand: frames come every 0.1 s, and every effect is kept."""

    def __init__(self, policy, mode, capture, means):
        self.means = means
        self.state = new_session(policy, mode, 0.0)
        self.policy = policy
        self.capture = capture
        self.now = 0.0
        self.frames = 0
        self.effects = []

    def send(self, event, after=0.0):
        self.now += after
        self.state, effects = step(self.state, event, self.now)
        self.effects += effects
        return effects

    def start(self):
        return self.send(Started(self.capture, SEED, self.means))

    def settle(self):
        return self.send(LightsSettled())

    def frame(self, *failures, after=0.1, **changes):
        self.now += after
        self.frames += 1
        captured_at = changes.pop("captured_at", self.now)
        continuity = changes.pop("continuity", None)
        return self.send(FrameSeen(make_frame(self.frames, captured_at, *failures, **changes), continuity))

    def watch(self, seconds, *failures, **changes):
        for _ in range(round(seconds / 0.1)):
            if not self.state.done:
                self.frame(*failures, **changes)

    def position(self, **changes):
        """Good frames until the light is measured."""
        for _ in range(100):
            if self.phase is not Phase.POSITIONING:
                return
            self.frame(**changes)
        raise AssertionError("positioning never ended")

    def wait(self, seconds):
        return self.send(Ticked(), after=seconds)

    @property
    def phase(self):
        return self.state.phase

    @property
    def plan(self):
        return self.state.gathered.plan

    @property
    def ended(self):
        return [effect for effect in self.effects if isinstance(effect, AttemptEnded)]

    @property
    def outcome(self):
        return self.ended[-1].outcome

    @property
    def prompts(self):
        return [effect.prompt for effect in self.effects if isinstance(effect, ShowPrompt)]

    def count(self, kind):
        return sum(isinstance(effect, kind) for effect in self.effects)


@pytest.fixture
def begin():
    """A session of the kiosk preset in PassiveActive, unless told otherwise; replayed, so that it can end."""

    def make(
        policy=None,
        mode=LivenessOperationMode.PASSIVE_ACTIVE,
        capture=CaptureKind.REPLAY,
        means=USUAL,
        **policy_changes,
    ):
        return Playing(policy or make_policy(**policy_changes), mode, capture, means)

    return make


@pytest.fixture
def positioned(begin):
    """A session whose light is being measured."""

    def make(*args, margin=2.0, **kwargs):
        session = begin(*args, **kwargs)
        session.start()
        session.settle()
        session.position(margin=margin)
        return session

    return make


@pytest.fixture
def frame():
    return make_frame


@pytest.fixture
def policy():
    return make_policy
