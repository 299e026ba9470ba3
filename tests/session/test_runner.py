"""The runner against scripted frames and lights; the heart is the real one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.config.policy import PRESETS
from edge.contracts.enums import (
    CaptureKind,
    ErrorCode,
    EvidenceKind,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
    SessionStatus,
)
from edge.contracts.session import SessionStart
from edge.errors import HardwareError, ModelError
from edge.hardware.camera_ambient import CameraLux
from edge.hardware.null import NullAmbientSensor, NullBacklight, NullIlluminator, NullScreen
from edge.liveness.events import FrameSeen
from edge.liveness.evidence import HeadPose
from edge.liveness.machine import step
from edge.liveness.policy import tighten
from edge.session import runner
from edge.session.clock import FrameClock
from edge.session.runner import Devices, SessionRunner
from tests.session.scripted import Lux, ScriptedCamera, ScriptedVision, SlowBacklight, frame, frames

SESSION = "0" * 32


def run(
    camera,
    vision=None,
    *,
    backlight=None,
    ambient=None,
    illuminator=None,
    screen=None,
    mode=LivenessOperationMode.PASSIVE,
    attempts=1,
    clock=None,
    **hooks,
):
    devices = Devices(
        camera=camera,
        backlight=backlight or NullBacklight(),
        illuminator=illuminator or NullIlluminator(),
        screen=screen or NullScreen(),
        ambient=ambient or NullAmbientSensor(),
    )
    request = SessionStart(
        id="12345678",
        expires_at=1.0,
        liveness_operation_mode=mode,
        number_of_client_attempts_allowed=attempts,
    )
    made = SessionRunner(devices, vision or ScriptedVision(), lambda: clock or FrameClock())
    return made.run(SESSION, tighten(PRESETS["kiosk"], request), mode, **hooks)


def test_a_sequence_that_the_networks_believe_is_a_real_face():
    report = run(ScriptedCamera(frames(60)))
    (attempt,) = report.attempts
    assert report.status is SessionStatus.SUCCEEDED
    assert attempt.result.liveness_decision is LivenessDecision.REALFACE
    assert attempt.result.targets.color.face_rectangle.left == 10
    assert attempt.result.targets.color.face_rectangle.top == 21
    assert attempt.assurance.confirmed == (EvidenceKind.PAD,)
    assert attempt.decided_by == (EvidenceKind.PAD,)
    assert attempt.assurance.temporal
    assert attempt.light_level is LightLevel.NOT_MEASURED
    assert report.capture is CaptureKind.REPLAY


def test_a_sequence_that_the_networks_doubt_is_an_attack():
    report = run(ScriptedCamera(frames(60)), ScriptedVision(margin=-3.0))
    assert report.attempts[0].result.liveness_decision is LivenessDecision.SPOOFFACE


class Known(ScriptedVision):
    """Sees landmarks, and whoever ``faces`` gives next: the last of them over and over."""

    landmarks = np.random.default_rng(1).uniform(0, 100, (468, 3)).astype(np.float32)

    def __init__(self, *faces):
        super().__init__()
        self.faces = list(faces)
        self.given = []

    def see(self, frame, *, judge=True):
        return replace(super().see(frame, judge=judge), pose=HeadPose(0, 0, 0))

    def embedding(self, frame):
        face = self.faces[min(len(self.given), len(self.faces) - 1)]
        self.given.append(face.copy())
        return self.given[-1]


def noisy(count):
    rng = np.random.default_rng(2)
    return [replace(given, pixels=rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)) for given in frames(count)]


ANNA, BERT = np.eye(4, dtype=np.float32)[:2]


def test_the_frames_of_one_person_are_confirmed_to_go_together():
    attempt = run(ScriptedCamera(noisy(60)), Known(ANNA)).attempts[0]
    assert attempt.assurance.confirmed == (EvidenceKind.PAD, EvidenceKind.CONTINUITY)


def test_another_person_in_the_place_of_the_first_is_an_attack():
    attempt = run(ScriptedCamera(noisy(60)), Known(ANNA, ANNA, BERT)).attempts[0]
    assert attempt.result.liveness_decision is LivenessDecision.SPOOFFACE
    assert attempt.decided_by == (EvidenceKind.CONTINUITY,)


@pytest.mark.parametrize(
    ("camera", "how"),
    [
        (noisy(60), {}),
        (noisy(60), {"attempts": 2}),
        ([*noisy(12), HardwareError("unplugged", remedy="plug it in")], {}),
        (noisy(12), {"cancelled": iter([None] * 9 + ["enough"] * 9).__next__}),
    ],
    ids=["decided", "tried again", "unplugged", "cancelled"],
)
def test_nothing_that_tells_a_face_survives_the_session(camera, how):
    vision = Known(ANNA, ANNA, BERT)
    run(ScriptedCamera(camera), vision, **how)
    assert vision.given
    assert not any(face.any() for face in vision.given)


def test_a_network_that_fails_on_a_face_ends_the_session_with_a_code():
    vision = Known(ANNA)
    vision.embedding = lambda frame: (_ for _ in ()).throw(ModelError("it broke", remedy="reinstall the models"))
    (attempt,) = run(ScriptedCamera(noisy(60)), vision).attempts
    assert attempt.error.code is ErrorCode.GENERIC_FAILURE


def test_a_still_is_decided_from_its_only_frame_without_temporal_evidence():
    vision = ScriptedVision()
    report = run(ScriptedCamera([frame(0, still=True)]), vision)
    (attempt,) = report.attempts
    assert attempt.result.liveness_decision is LivenessDecision.REALFACE
    assert attempt.assurance.frames_judged == 1
    assert not attempt.assurance.temporal
    assert vision.judged == [0]


def test_a_source_that_never_fits_ends_with_the_failures_own_code():
    report = run(ScriptedCamera(frames(20)), ScriptedVision(failures=(QualityFailure.BLURRED,)))
    (attempt,) = report.attempts
    assert attempt.error.code is ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED
    assert attempt.quality_failures == {QualityFailure.BLURRED: 20}
    assert attempt.decided_by == ()
    assert report.status is SessionStatus.FAILED


def test_no_frame_is_judged_before_the_backlight_has_settled():
    vision = ScriptedVision()
    run(ScriptedCamera(frames(60)), vision, backlight=SlowBacklight(delay=0.55))
    assert min(vision.judged) >= 6


@pytest.mark.parametrize(
    "camera",
    [
        ScriptedCamera(frames(60)),
        ScriptedCamera([*frames(3), HardwareError("the camera is gone", remedy="check the cable")]),
        ScriptedCamera([], opening=HardwareError("no camera", remedy="connect one")),
        ScriptedCamera([]),
    ],
    ids=["decided", "lost", "not there", "empty"],
)
def test_every_way_out_restores_the_backlight_and_closes_the_camera(camera):
    backlight = SlowBacklight(delay=0.0)
    run(camera, backlight=backlight)
    assert backlight.calls[-1] == "restore"
    assert camera.closed >= 1


def test_a_fault_of_vision_ends_the_session_with_a_code_and_lights_restored():
    vision, backlight = ScriptedVision(), SlowBacklight(delay=0.0)
    vision.fault = ZeroDivisionError("a fault")
    report = run(ScriptedCamera(frames(5)), vision, backlight=backlight)
    assert report.attempts[0].error.code is ErrorCode.GENERIC_FAILURE
    assert backlight.calls[-1] == "restore"


def test_a_listener_that_fails_leaves_no_light_on():
    backlight = SlowBacklight(delay=0.0)

    def fail(*_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(ScriptedCamera(frames(60)), backlight=backlight, on_attempt=fail)
    assert backlight.calls[-1] == "restore"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HardwareError("no camera", remedy="connect one"), ErrorCode.CAMERA_STARTUP_FAILURE),
        (HardwareError("denied", remedy="join the group video"), ErrorCode.CAMERA_PERMISSION_DENIED),
    ],
)
def test_a_camera_that_does_not_open_is_named(error, code):
    if code is ErrorCode.CAMERA_PERMISSION_DENIED:
        error.__cause__ = PermissionError()
    report = run(ScriptedCamera([], opening=error))
    assert report.attempts[0].error.code is code
    assert error.what in report.attempts[0].error.message


def test_a_camera_that_opens_slowly_takes_no_time_from_the_attempt():
    class Slow(ScriptedCamera):
        def open(self):
            clock.waited(12.0)

    clock = FrameClock()
    clips = [replace(one, captured_at=one.captured_at + 12.0) for one in frames(60)]
    report = run(Slow(clips), backlight=SlowBacklight(delay=0.5), clock=clock)
    (attempt,) = report.attempts
    assert attempt.result.liveness_decision is LivenessDecision.REALFACE
    assert attempt.duration_seconds < 5


def test_cancelling_ends_the_session_at_the_next_frame():
    seen = []

    def cancelled():
        seen.append(1)
        return "not wanted any more" if len(seen) > 5 else None

    report = run(ScriptedCamera(frames(60)), cancelled=cancelled)
    assert report.status is SessionStatus.CANCELED
    assert report.attempts[0].error.code is ErrorCode.USER_CANCELED_SESSION


def test_a_camera_that_gives_nothing_times_out():
    report = run(ScriptedCamera([None] * 1000))
    assert report.attempts[0].error.code is ErrorCode.TIMED_OUT


@pytest.mark.parametrize(
    ("lux", "level"), [(100.0, LightLevel.DIM), (400.0, LightLevel.DIM), (5000.0, LightLevel.BRIGHT)]
)
def test_without_a_light_of_its_own_lux_tells_dim_from_bright(lux, level):
    report = run(ScriptedCamera(frames(60)), ambient=Lux(lux))
    (attempt,) = report.attempts
    assert attempt.light_level is level
    assert f"{lux:.0f} lx" in attempt.light_reason


def test_without_a_sensor_the_frames_own_lux_is_not_asked():
    report = run(ScriptedCamera(frames(60, lux=5000.0)))
    assert report.attempts[0].light_level is LightLevel.NOT_MEASURED


def test_the_cameras_own_lux_serves_where_there_is_no_sensor():
    report = run(ScriptedCamera(frames(60, lux=5000.0)), ambient=CameraLux())
    assert report.attempts[0].light_level is LightLevel.BRIGHT


def test_passive_in_bright_light_is_not_supported():
    report = run(ScriptedCamera(frames(60)), ambient=Lux(5000.0))
    assert report.attempts[0].error.code is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("count", "code"), [(30, None), (90, ErrorCode.HEAD_TURN_NOT_PERFORMED)], ids=["cut short", "not followed"]
)
def test_passive_active_in_bright_light_never_passes_without_its_challenges(count, code):
    report = run(ScriptedCamera(frames(count)), ambient=Lux(5000.0), mode=LivenessOperationMode.PASSIVE_ACTIVE)
    (attempt,) = report.attempts
    assert (attempt.error.code if attempt.error else None) is code
    if attempt.result is not None:
        assert attempt.result.liveness_decision is LivenessDecision.UNCERTAIN
    assert EvidenceKind.LIGHT not in attempt.assurance.confirmed
    assert EvidenceKind.MOTION not in attempt.assurance.confirmed


def test_attempts_are_told_one_by_one_and_the_last_is_known():
    told = []
    report = run(
        ScriptedCamera(frames(200)),
        ScriptedVision(margin=-3.0),
        attempts=3,
        on_attempt=lambda attempt, last: told.append((attempt.attempt_id, last)),
    )
    assert told == [(1, False), (2, False), (3, True)]
    assert len(report.attempts) == 3


def test_a_frame_that_an_attempt_left_waiting_never_reaches_the_next(monkeypatch):
    told = []

    def listening(state, event, now):
        told.append((state.attempt, event))
        return step(state, event, now)

    monkeypatch.setattr(runner, "step", listening)
    # The backlight settles with the first frame after a gap in which the attempt has run out of time.
    script = [frame(0), frame(900), *(frame(number) for number in range(901, 950))]
    vision = ScriptedVision()
    report = run(ScriptedCamera(script), vision, backlight=SlowBacklight(delay=0.55), attempts=2)
    assert report.attempts[0].error.code is ErrorCode.TIMED_OUT
    seen = [(attempt, event.evidence.sequence) for attempt, event in told if isinstance(event, FrameSeen)]
    # Nor is one looked at that shows the lights of before.
    assert seen[0] == (2, 906)
    assert min(vision.judged) >= 906


def test_progress_names_phases_and_prompts():
    told = []
    run(ScriptedCamera(frames(60)), on_progress=told.append)
    phases = [progress.phase for progress in told]
    assert [phase for n, phase in enumerate(phases) if n == 0 or phases[n - 1] != phase] == [
        "preparing",
        "positioning",
        "measuring_light",
        "passive",
        "done",
    ]
    assert told[0].prompt is Prompt.LOOK_AT_CAMERA
    assert told[-1].prompt is Prompt.ACCEPTED


class Recording(NullIlluminator):
    def __init__(self):
        self.outputs = []

    def set_output(self, level, now):
        self.outputs.append(level)
        return super().set_output(level, now)


def test_a_camera_that_breaks_its_promise_and_fails_to_close_leaves_no_light_on():
    class Stuck(ScriptedCamera):
        def close(self):
            raise OSError("the device is gone")

    backlight, illuminator = SlowBacklight(), Recording()
    with pytest.raises(OSError, match="gone"):
        run(Stuck([HardwareError("lost", remedy="look")]), backlight=backlight, illuminator=illuminator)
    assert backlight.calls[-1] == "restore"
    assert illuminator.outputs[-1] == 0.0


def test_one_light_that_cannot_be_put_back_leaves_no_other_on():
    class Broken(NullBacklight):
        def restore(self, now):
            raise OSError("no such device")

    illuminator = Recording()
    report = run(ScriptedCamera(frames(60)), backlight=Broken(), illuminator=illuminator)
    assert report.status is SessionStatus.SUCCEEDED
    assert illuminator.outputs[-1] == 0.0


def test_a_screen_that_fails_ends_the_session_with_a_code():
    class Dark(NullScreen):
        def show_prompt(self, prompt):
            raise HardwareError("the screen is gone", remedy="look at its cable")

    report = run(ScriptedCamera(frames(60)), screen=Dark())
    assert report.attempts[-1].error.code is ErrorCode.GENERIC_FAILURE
    assert "the screen is gone" in report.attempts[-1].error.message


def test_a_screen_that_fails_at_the_last_prompt_loses_no_decision():
    class Dying(NullScreen):
        def show_prompt(self, prompt):
            if prompt is Prompt.ACCEPTED:
                raise HardwareError("the screen is gone", remedy="look at its cable")

    report = run(ScriptedCamera(frames(60)), screen=Dying())
    assert report.attempts[-1].result.liveness_decision is LivenessDecision.REALFACE


def test_what_vision_holds_of_a_person_is_dropped_after_a_fault():
    class Remembering(ScriptedVision):
        forgotten = 0

        def forget(self):
            self.forgotten += 1

    def fail(*_):
        raise ZeroDivisionError("a fault")

    vision = Remembering()
    with pytest.raises(ZeroDivisionError):
        run(ScriptedCamera(frames(60)), vision, on_progress=fail)
    assert vision.forgotten == 1
