"""The motion challenge: before simulated people and their pictures, and in a session."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.contracts.enums import (
    CaptureKind,
    ChallengeKind,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
)
from edge.errors import HardwareError
from edge.frames.frame import ColourOrder, Frame
from edge.hardware.null import NullScreen
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.liveness import paths
from edge.liveness.evidence import HeadPose
from edge.liveness.plans import Direction, sha256_of
from edge.session import runner
from edge.session.motion_challenge import MotionChallenge
from edge.simulation import openpeople
from tests.session.scripted import Lux, ScriptedCamera, ScriptedVision
from tests.session.test_runner import run
from tests.session.turning import LIMIT, plan, play, shipped

DOWN_LEFT = Direction.DOWN_LEFT


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return ModelBundle.load(default_models_dir(), verify=False)


@pytest.mark.parametrize(
    ("seed", "face", "distance", "directions"),
    [(7, "P004", 0.5, (Direction.UP, Direction.RIGHT)), (8, "P009", 0.65, (DOWN_LEFT,))],
)
def test_a_person_who_turns_as_asked_is_confirmed(networks, seed, face, distance, directions):
    scene = shipped("bona-fide-bright-active", seed=seed, face=openpeople.photo(face), distance=distance)
    answer, told, seconds = play(scene, plan(*directions), networks)
    assert answer.outcome is EvidenceOutcome.CONFIRMED, answer
    assert answer.error is None
    assert answer.margin > 0.4
    prompts = [prompt for _, prompt in told]
    asked = [direction.prompt for direction in directions]
    assert prompts == [prompt for each in asked for prompt in (each, Prompt.LOOK_STRAIGHT)]
    assert seconds < len(directions) * (LIMIT + 0.5)


def test_a_print_that_is_turned_in_the_hand_is_a_veto(networks):
    scene = shipped("print-matte-bright")
    answer, _, _ = play(scene, plan(Direction.LEFT), networks, turned_by=22.0)
    assert answer.outcome is EvidenceOutcome.VETO
    assert "like a sheet" in answer.reason


def test_a_print_that_is_held_has_not_done_what_was_asked_and_is_no_attack(networks):
    answer, told, seconds = play(shipped("print-matte-bright"), plan(Direction.LEFT), networks)
    assert (answer.outcome, answer.error) == (EvidenceOutcome.INSUFFICIENT, ErrorCode.HEAD_TURN_NOT_PERFORMED)
    assert [prompt for _, prompt in told] == [Prompt.TURN_LEFT]
    assert seconds == pytest.approx(LIMIT + 0.5, abs=0.2)


def test_a_video_of_somebody_who_turns_when_he_likes_has_not_done_it(networks):
    answer, _, _ = play(shipped("video-bright"), plan(DOWN_LEFT), networks, begins=1.0)
    assert answer.error is ErrorCode.HEAD_TURN_NOT_PERFORMED


PIXELS = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)


class Turning(ScriptedVision):
    """Finds a face that follows the prompts of ``screen`` half a second later, at once; its texture never moves."""

    def __init__(self, screen=None, margin=3.0):
        super().__init__(margin)
        self.screen = screen
        self.track = 1

    def see(self, frame, *, judge=True):
        yaw, pitch = self.screen.looking(frame.captured_at) if self.screen else (0.0, 0.0)
        pose = HeadPose(yaw, pitch, 0.0)
        return replace(super().see(frame, judge=judge), pose=pose, track=self.track)


class Prompted(NullScreen):
    """Keeps what it was told by the frame's number, and says where an obedient head looks."""

    def __init__(self):
        self.shown = []
        self.now = 0.0

    def show_prompt(self, prompt):
        self.shown.append((self.now, prompt))

    def looking(self, now):
        self.now = now
        towards = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}
        target = np.zeros(2)
        place = np.zeros(2)
        for since, prompt in self.shown:
            to = np.zeros(2)
            if prompt is not None and prompt.value.startswith("turn_"):
                to = sum(np.array(towards[word]) for word in prompt.value.split("_")[1:]) * 17.0
            place, target, began = place + (target - place) * min(max((since - 0.5) / 1e-9, 0), 1), to, since + 0.5
            share = min(max((now - began) / 0.4, 0.0), 1.0)
            current = place + (target - place) * share
            if began + 0.4 <= now:
                place = target
        return current if self.shown else place


def frames(seconds, fps=30, *, noise=True):
    rng = np.random.default_rng(2)
    for number in range(round(seconds * fps)):
        pixels = PIXELS ^ rng.integers(0, 4, PIXELS.shape, np.uint8) if noise else PIXELS
        yield Frame(pixels, ColourOrder.BGR, number, number / fps, CaptureKind.REPLAY)


def session(camera, vision, screen=None, **more):
    return run(
        camera,
        vision,
        screen=screen,
        ambient=Lux(5000.0),
        mode=LivenessOperationMode.PASSIVE_ACTIVE,
        **more,
    ).attempts[-1]


def motion_of(attempt):
    return next(item for item in attempt.evidence if item.kind is EvidenceKind.MOTION)


def test_a_head_that_turns_over_a_texture_that_stays_is_an_attack_in_a_session():
    screen = Prompted()
    attempt = session(ScriptedCamera(frames(30)), Turning(screen), screen)
    assert motion_of(attempt).outcome is EvidenceOutcome.VETO
    assert attempt.result.liveness_decision is LivenessDecision.SPOOFFACE
    assert attempt.decided_by == (EvidenceKind.MOTION,)
    shown = [prompt for _, prompt in screen.shown]
    asked = [prompt for prompt in shown if prompt.value.startswith("turn_")]
    assert asked
    assert shown.count(Prompt.LOOK_STRAIGHT) == len(asked)


def test_a_head_that_stays_where_it_is_ends_the_session_with_the_error_of_its_own():
    attempt = session(ScriptedCamera(frames(30)), Turning())
    assert attempt.result is None
    assert attempt.error.code is ErrorCode.HEAD_TURN_NOT_PERFORMED
    assert "was asked for" in attempt.error.message


def test_the_prompts_of_a_challenge_are_told_elsewhere_too():
    told = []
    screen = Prompted()
    session(ScriptedCamera(frames(30)), Turning(screen), screen, on_progress=told.append)
    elsewhere = [each.prompt for each in told if each.phase == "motion_challenge" and each.prompt is not None]
    assert elsewhere[0].value.startswith("turn_")
    assert elsewhere[1] is Prompt.LOOK_STRAIGHT


def test_the_report_has_the_challenge_s_hash_and_no_log_its_plan(monkeypatch):
    drawn = []
    draw = paths.draw_motion_plan
    monkeypatch.setattr(paths, "draw_motion_plan", lambda *given: drawn.append(draw(*given)) or drawn[-1])
    screen = Prompted()
    with capture_logs() as logged:
        attempt = session(ScriptedCamera(frames(30)), Turning(screen), screen)
    [plan] = drawn
    challenge = attempt.challenges[-1]
    assert (challenge.kind, challenge.plan_id) == (ChallengeKind.MOTION, plan.plan_id)
    assert challenge.sha256 == sha256_of(plan)
    assert logged
    for secret in (plan.movements, plan.salt, plan.salt.hex()):
        assert str(secret) not in str(logged)


def asked(*path):
    """The prompts after the first, with the head's yaw as it was seen last, of a turn to the left held for 0.4 s.

    path: (seconds, degrees) of yaw, straight in between.
    """
    shown = []
    challenge = MotionChallenge(
        plan(Direction.LEFT, hold=0.4), lambda prompt: shown.append((prompt, held)), 1.0, movement_limit=LIMIT
    )
    times, degrees = zip(*path, strict=True)
    held = 0.0
    for number in range(20, round(30 * times[-1])):
        captured = number / 30
        yaw = float(np.interp(captured, times, degrees))
        held = captured
        evidence = replace(ScriptedVision().see(frame_at(number), judge=False), pose=HeadPose(yaw, 0.0, 0.0), box=None)
        if challenge.saw(frame_at(number), replace(evidence, captured_at=captured), captured + 0.08) is not None:
            break
    challenge.end()
    return shown


def frame_at(number):
    return Frame(PIXELS, ColourOrder.BGR, number, number / 30, CaptureKind.REPLAY)


def test_the_person_is_called_back_so_early_that_the_hold_is_over_when_somebody_could_have_answered():
    [(prompt, when)] = asked((0, 0), (1.6, 0), (1.7, 20), (2.3, 20), (2.6, 0), (3.2, 0))
    assert prompt is Prompt.LOOK_STRAIGHT
    # Half of the asked degrees was there at 1.65 s, and the hold is 0.4 s.
    assert 1.65 + 0.4 - 0.2 <= when < 1.65 + 0.4 - 0.1


def test_whoever_is_called_back_and_had_not_stayed_is_asked_again():
    shown = asked((0, 0), (1.6, 0), (1.7, 20), (1.9, 20), (2.0, 0), (2.4, 0), (2.5, 20), (3.1, 20), (3.4, 0), (4.0, 0))
    assert [prompt for prompt, _ in shown] == [Prompt.LOOK_STRAIGHT, Prompt.TURN_LEFT, Prompt.LOOK_STRAIGHT]


def test_without_a_pose_nothing_is_performed_and_nothing_breaks():
    attempt = session(ScriptedCamera(frames(30)), ScriptedVision())
    assert attempt.error.code is ErrorCode.HEAD_TURN_NOT_PERFORMED


def test_the_same_frame_again_and_again_does_no_harm():
    attempt = session(ScriptedCamera(frames(30, noise=False)), Turning())
    assert attempt.error.code is ErrorCode.HEAD_TURN_NOT_PERFORMED


def test_a_source_that_ends_within_a_challenge_proves_nothing():
    attempt = session(ScriptedCamera(frames(3)), Turning())
    assert motion_of(attempt).outcome is EvidenceOutcome.INSUFFICIENT
    assert "not played to its end" in motion_of(attempt).reason
    assert attempt.result.liveness_decision is LivenessDecision.UNCERTAIN


class Ended(MotionChallenge):
    """Counts how often it was made and ended."""

    made = 0
    over = 0

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        Ended.made += 1

    def end(self):
        super().end()
        Ended.over += 1


def cancelling(vision):
    return lambda: "given up" if vision.last > 3 else None


def losing(vision):
    vision.loses = 3.0


def failing(vision):
    vision.fails = 3.0


class Ending(Turning):
    last = 0.0
    loses = fails = math.inf

    def see(self, frame, *, judge=True):
        self.last = frame.captured_at
        if self.last > self.fails:
            raise ZeroDivisionError("a fault")
        self.track = 2 if self.last > self.loses else 1
        return super().see(frame, judge=judge)


@pytest.mark.parametrize(
    ("camera", "how", "code"),
    [
        (lambda: frames(30), None, ErrorCode.HEAD_TURN_NOT_PERFORMED),
        (lambda: frames(30), losing, ErrorCode.FACE_TRACKING_FAILED),
        (lambda: frames(30), failing, ErrorCode.GENERIC_FAILURE),
        (lambda: frames(30), cancelling, ErrorCode.USER_CANCELED_SESSION),
        (lambda: [*frames(3), HardwareError("lost", remedy="look")], None, ErrorCode.GENERIC_FAILURE),
        (lambda: [*frames(3), *[None] * 40], None, ErrorCode.GENERIC_FAILURE),
        (lambda: frames(3), None, None),
    ],
    ids=["not performed", "face lost", "fault", "cancelled", "camera lost", "camera silent", "source over"],
)
def test_a_challenge_is_ended_on_every_way_out(monkeypatch, camera, how, code):
    monkeypatch.setattr(runner, "MotionChallenge", Ended)
    Ended.made = Ended.over = 0
    vision = Ending()
    hook = how(vision) if how else None
    attempt = session(ScriptedCamera(camera()), vision, **({"cancelled": hook} if hook else {}))
    assert (attempt.error.code if attempt.error else None) is code
    assert Ended.made == Ended.over == 1


def test_a_screen_that_is_lost_at_a_later_prompt_ends_the_session_with_a_code():
    class Dying(Prompted):
        def show_prompt(self, prompt):
            if prompt is Prompt.LOOK_STRAIGHT:
                raise HardwareError("the screen is gone", remedy="look at its cable")
            super().show_prompt(prompt)

    screen = Dying()
    attempt = session(ScriptedCamera(frames(30)), Turning(screen), screen)
    assert attempt.error.code is ErrorCode.GENERIC_FAILURE
    assert "the screen is gone" in attempt.error.message
