"""Runs a session: reads frames, lets vision look, lets the heart decide, drives the lights."""

from __future__ import annotations

import math
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from edge.contracts.enums import CaptureKind, ErrorCode, LivenessOperationMode, Prompt, Spectrum
from edge.contracts.session import AttemptReport, SessionImageReport, SessionReport
from edge.errors import HardwareError, LivegateError
from edge.frames.frame import Frame, LightState
from edge.guidance.page import NO_STANDING, Standing
from edge.hardware.light_guard import UNCAPPED, LampCaps, UnsafeLight
from edge.hardware.ports import AmbientSensor, Backlight, Camera, CameraTraits, EndOfSource, Illuminator, Screen
from edge.hardware.safe_lights import SafeLights
from edge.liveness.effects import (
    AttemptEnded,
    Effect,
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
    Event,
    FrameSeen,
    HardwareFailed,
    LightMeasured,
    LightsSettled,
    SourceEnded,
    Started,
    Ticked,
)
from edge.liveness.evidence import FaceBox, FrameEvidence
from edge.liveness.machine import SessionState, new_session, step, wants_judgement
from edge.liveness.plans import InfraredPlan, LightPlan, MotionPlan
from edge.liveness.policy import Policy
from edge.liveness.spectrum import Means, OwnLight, means
from edge.liveness.state import Phase
from edge.session.best_picture import BestPicture, Picture
from edge.session.clock import Clock, RealClock
from edge.session.continuity import Continuity
from edge.session.exposure_timing import EXPOSURE_CHANGES, longer_exposure
from edge.session.half_light import CHANGES as HALF_CHANGES
from edge.session.light_answer import LightAnswer
from edge.session.light_challenge import ChallengeAnswer, LightChallenge, no_proof
from edge.session.light_code import SILENT_OUTPUT, DisplayCode, InfraredCode, LightCode
from edge.session.light_level import level_from_lux
from edge.session.light_step import CHANGES, LEAST_SECONDS, LightStep
from edge.session.lit_face import Before
from edge.session.lookout import Lookout
from edge.session.motion_challenge import MotionChallenge
from edge.session.report import attempt_report
from edge.session.standing import StandingOnScreen
from edge.session.verification import Compared, verify
from edge.session.watched_camera import Sight, WatchedCamera
from edge.vision.face_patch import Points
from edge.vision.identity import Embedding

log = structlog.get_logger(__name__)

READ_TIMEOUT = 0.5
# Of a camera that is only tried: how soon a session that is wanted gets it.
PROBE_TIMEOUT = 0.2
# Of the log entry with backlight and illuminator after a session.
LIGHTS_PUT_BACK = "lights put back"
SEED_BYTES = 32
# Of a session's picture: in a packet of 256 KiB it has room sealed and in base64.
MAX_PICTURE_BYTES = 180 * 1024
# Mean of a picture, of 255, in which nobody can be seen: about a hundredth of the light that a lamp gives a face. In a
# room as dark nothing is proved, whoever comes and goes between two steps of an infrared code.
BLACK = 12.0
# No frame of it is judged by networks.
CHANGING = LightState(settled=False)


class Vision(Protocol):
    """What the runner needs of edge.vision."""

    @property
    def landmarks(self) -> Points | None: ...

    def embedding(self, frame: Frame) -> Embedding | None: ...

    def glance(self, frame: Frame) -> float | None: ...

    def reset(self) -> None: ...

    def forget(self) -> None: ...

    def see(self, frame: Frame, *, judge: bool = True) -> FrameEvidence: ...


@dataclass(frozen=True, slots=True)
class Devices:
    """The terminal's hardware, each behind its port. caps: what the illuminator may give at most."""

    camera: Camera
    backlight: Backlight
    illuminator: Illuminator
    screen: Screen
    ambient: AmbientSensor
    caps: LampCaps = UNCAPPED

    def close(self) -> None:
        """Lamp off and given back, display given back; on the thread that made them. Never raises; may be repeated."""
        self.illuminator.close()
        self.screen.close()


@dataclass(frozen=True, slots=True)
class Progress:
    """What a screen elsewhere may show: the phase, the prompt where there is a new one, and how far the attempt is."""

    attempt: int
    phase: str
    prompt: Prompt | None
    standing: Standing = NO_STANDING


@dataclass(frozen=True, slots=True)
class SentPicture:
    """What became of a session's picture, and its id where it was sent."""

    report: SessionImageReport
    identifier: str | None = None


SendPicture = Callable[[Picture | None, AttemptReport], SentPicture]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a session is asked for beside its decision.

    reference: with which its face is compared. send_picture: takes the best picture of the last attempt, if that came
    to a decision; called on the running thread, before ``on_attempt``.
    """

    reference: Compared | None = None
    send_picture: SendPicture | None = None


NOTHING_BESIDE = Wanted()
NO_DECISION = "the attempt ended without a decision"


def _nobody_cancels() -> str | None:
    return None


def _ignore(*_: object) -> None: ...


class SessionRunner:
    """Runs one session at a time on the calling thread, which must own the interpreters behind ``vision``."""

    def __init__(self, devices: Devices, vision: Vision, make_clock: Callable[[], Clock]) -> None:
        """make_clock: called for each session; a replay's time begins with its first frame."""
        # Here, and not where devices are made, so that no session runs without it.
        self._lights = SafeLights(devices.backlight, devices.screen, devices.illuminator, devices.caps)
        self._watched = WatchedCamera(devices.camera)
        self._devices = replace(
            devices,
            camera=self._watched,
            backlight=self._lights.backlight,
            screen=self._lights.screen,
            illuminator=self._lights.illuminator,
        )
        self._vision = vision
        self._lookout = Lookout(self._watched, vision)
        self._make_clock = make_clock
        # Whether the backlight is up though no session runs.
        self._bright = False

    @property
    def camera(self) -> CameraTraits:
        """What the camera can say of its frames."""
        return self._devices.camera.traits

    @property
    def capture(self) -> CaptureKind:
        """Of every frame that this runner sees."""
        return self._devices.camera.traits.capture

    @property
    def devices(self) -> Devices:
        """Its lights behind their guard, for the thread that runs sessions."""
        return self._devices

    @property
    def sight(self) -> Sight:
        """How the camera did last. Any thread."""
        return self._watched.sight

    def look(self) -> float | None:
        """Between sessions: the largest face's width against the picture's shorter side; None: nobody near enough.

        Opens the camera, which stays open until the next session, which takes it as it is, or ``end_looks``. Raises
        HardwareError and InputError, as the camera does, and ModelError.
        """
        return self._lookout.look()

    def end_looks(self) -> None:
        """Closes the camera, where looks have left it open."""
        self._lookout.let_go()

    def probe(self, seconds: float, unwanted: Callable[[], bool] = lambda: False) -> bool:
        """Opens the camera, waits for one frame, which nobody looks at, and closes it. Not while a session runs. One
        that looks have left open stays open where it gives a frame.

        seconds: from the open camera to the frame. unwanted: asked while it waits; yes ends it at once.
        False where it was ended so. Raises HardwareError where no frame comes, and what the camera raises.
        """
        if unwanted():
            return False
        if self._lookout.open:
            try:
                return self._gives_frame(seconds, unwanted)
            except BaseException:
                self._lookout.let_go()
                raise
        try:
            self._watched.open()
            return self._gives_frame(seconds, unwanted)
        except EndOfSource:
            raise HardwareError(f"{self.camera.name} has no frame", remedy="name a source that has one") from None
        finally:
            self._watched.close()

    def _gives_frame(self, seconds: float, unwanted: Callable[[], bool]) -> bool:
        clock = self._make_clock()
        until = clock.now() + seconds
        while not unwanted():
            if self._watched.read(PROBE_TIMEOUT) is not None:
                return True
            clock.waited(PROBE_TIMEOUT)
            if clock.now() >= until:
                raise HardwareError(
                    f"{self.camera.name} gave no frame for {seconds:g} s",
                    remedy="check the camera's cable, its power and the system's log",
                )
        return False

    def run(
        self,
        session_id: str,
        policy: Policy,
        mode: LivenessOperationMode,
        *,
        wanted: Wanted = NOTHING_BESIDE,
        cancelled: Callable[[], str | None] = _nobody_cancels,
        on_progress: Callable[[Progress], None] = _ignore,
        on_attempt: Callable[[AttemptReport, bool], None] = _ignore,
    ) -> SessionReport:
        """Runs to the end and returns the report; every light is back as it was, and what was kept of a face is
        overwritten, whatever happened. A reference is its owner's to overwrite.

        cancelled: asked before each frame; a text ends the session as UserCanceledSession.
        on_progress: at each change of phase or prompt, and of how far it is a few times a second. on_attempt: as soon
        as an attempt has ended, with whether it was the last. Both are called on the running thread.
        """
        self._lookout.hand_over()
        clock = self._make_clock()
        run = _Run(self._devices, self._lights, self._vision, clock, policy, mode, wanted, on_progress, on_attempt)
        try:
            with self._lights.minded(clock.now if isinstance(clock, RealClock) else None):
                try:
                    run.until_done(cancelled)
                finally:
                    run.put_back()
                    self._bright = False
        finally:
            self._tell_lights(session_id)
        return run.report(session_id)

    def identify(self, name: str) -> bool:
        """Between sessions, on their thread: the screen shows ``name``, its backlight full where that makes no flash
        too many, until ``rest`` or the next session. False: there is no screen. Raises HardwareError.
        """
        screen, backlight = self._devices.screen, self._devices.backlight
        if not screen.available:
            return False
        screen.show_name(name)
        # Of scenes and recordings no clock runs between sessions, and nobody stands before them.
        if backlight.available and self.capture is CaptureKind.LIVE and not self._bright:
            self._bright = True
            try:
                backlight.set_level(1.0, RealClock().now())
            except UnsafeLight as refused:
                # It was switched a moment ago; the name can be read all the same.
                self._bright = False
                log.info("the backlight stays as it is", reason=refused.what)
        return True

    def rest(self) -> None:
        """Between sessions, on their thread: the screen asks nobody for anything any more. Raises HardwareError."""
        if self._bright:
            self._bright = False
            self._lights.put_back(RealClock().now())
        self._devices.screen.show_prompt(None)

    def close(self) -> None:
        """After the last session, on its thread: gives camera and lights back. Never raises; may be repeated."""
        self._lookout.let_go()
        self._devices.close()

    def _tell_lights(self, session_id: str) -> None:
        """As the devices tell it, so that an operator sees whether they obeyed."""
        try:
            backlight, illuminator = self._devices.backlight.level(), self._devices.illuminator.output()
        except HardwareError as error:
            log.error("the lights do not tell how they are", session=session_id, error=str(error))
        else:
            log.info(LIGHTS_PUT_BACK, session=session_id, backlight=backlight, illuminator=illuminator)


class _Run:
    def __init__(
        self,
        devices: Devices,
        lights: SafeLights,
        vision: Vision,
        clock: Clock,
        policy: Policy,
        mode: LivenessOperationMode,
        wanted: Wanted,
        on_progress: Callable[[Progress], None],
        on_attempt: Callable[[AttemptReport, bool], None],
    ) -> None:
        self._devices = devices
        self._lights = lights
        self._vision = vision
        self._clock = clock
        self._mode = mode
        self._wanted = wanted
        self._on_progress = on_progress
        self._on_attempt = on_attempt
        self._measurement = 0
        self._light_step: LightStep | None = None
        self._before: Before | None = None
        self._light_challenge: tuple[str, LightChallenge] | None = None
        self._bright_from = -math.inf
        self._infrared = 0.0
        self._motion: tuple[str, MotionChallenge] | None = None
        self._continuity = Continuity(vision.embedding)
        self._best = None if wanted.send_picture is None else BestPicture()
        self._standing = StandingOnScreen(devices.screen)
        self._state: SessionState = new_session(policy, mode, clock.now())
        self._pending: deque[Event] = deque()
        self._settled_at: float | None = None
        # The first that shows the settled lights, until the heart knows that they are.
        self._first_lit: Frame | None = None
        self._prepare_at: float | None = None
        self._seen: tuple[Frame, FaceBox] | None = None
        self._frames_read = 0
        self._attempts: list[AttemptReport] = []

    def until_done(self, cancelled: Callable[[], str | None]) -> None:
        self._vision.reset()
        try:
            # Before the start: a camera may take longer to open than a light to settle.
            self._devices.camera.open()
        except LivegateError as error:
            self._apply(HardwareFailed(_startup_code(error), str(error)))
        else:
            capture = self._devices.camera.traits.capture
            self._apply(Started(capture=capture, seed=secrets.token_bytes(SEED_BYTES), means=self._means()))
        while not self._state.done:
            reason = cancelled()
            if reason is not None:
                self._apply(Cancelled(reason))
            else:
                self._apply(self._pending.popleft() if self._pending else self._observe())

    def put_back(self) -> None:
        # Lights first, and without asking the clock: whatever else fails, none stays on, and the rest is done all the
        # same. Closing frees a held exposure.
        self._lights.put_back()
        with ExitStack() as rest:
            for action in (
                self._devices.camera.close,
                self._vision.forget,
                self._continuity.forget,
                self._forget_picture,
                self._end_motion,
                self._end_light_challenge,
                self._end_before,
                self._forget_light_step,
                self._standing.end,
            ):
                rest.callback(action)

    def _forget_picture(self) -> None:
        if self._best is not None:
            self._best.forget()

    def _forget_light_step(self) -> None:
        forgotten, self._light_step = self._light_step, None
        if forgotten is not None:
            forgotten.forget()

    def report(self, session_id: str) -> SessionReport:
        return SessionReport(
            session_id=session_id,
            status=self._attempts[-1].attempt_status,
            liveness_operation_mode=self._mode,
            capture=self._devices.camera.traits.capture,
            attempts=tuple(self._attempts),
        )

    def _apply(self, event: Event) -> None:
        before = self._state.phase
        self._state, effects = step(self._state, event, self._clock.now())
        prompt = None
        for effect in effects:
            if isinstance(effect, ShowPrompt):
                prompt = effect.prompt
            self._carry_out(effect)
        if self._state.phase is not Phase.MEASURING_LIGHT:
            self._end_light_step()
            self._end_before()
        if self._state.phase is not Phase.LIGHT_CHALLENGE:
            self._end_light_challenge()
        if self._state.phase is not Phase.MOTION_CHALLENGE:
            self._end_motion()
        if self._follow_standing(news=self._state.phase is not before or prompt is not None):
            self._tell(prompt)

    def _tell(self, prompt: Prompt | None) -> None:
        standing = self._standing.standing
        self._on_progress(Progress(self._state.attempt, self._state.phase.value, prompt, standing))

    def _follow_standing(self, *, news: bool) -> bool:
        moved = 0.0 if self._motion is None else self._motion[1].done
        try:
            return self._standing.follow(self._state, self._clock.now(), moved, news=news)
        except HardwareError as error:
            self._screen_lost(error)
            return news

    def _means(self) -> Means:
        """What camera and lights can bring evidence by."""
        devices = self._devices
        illuminator, traits = devices.illuminator, devices.camera.traits
        # A display that cannot play a code says so when it is to; infrared that cannot leaves nothing to be judged.
        lights = {OwnLight.DISPLAY}
        if illuminator.available and illuminator.geometry is not None and traits.exposure_metadata:
            lights.add(OwnLight(illuminator.band.value))
        return means(traits.spectrum, lights)

    def _observe(self) -> Event:
        first_lit, self._first_lit = self._first_lit, None
        if first_lit is not None:
            return self._look_at(first_lit)
        try:
            frame = self._devices.camera.read(READ_TIMEOUT)
        except EndOfSource:
            return SourceEnded()
        except LivegateError as error:
            code = ErrorCode.GENERIC_FAILURE if self._frames_read else _startup_code(error)
            return HardwareFailed(code, str(error))
        if frame is None:
            self._clock.waited(READ_TIMEOUT)
            self._lights.tick(self._clock.now())
            return Ticked()
        self._frames_read += 1
        self._clock.frame_arrived(frame)
        try:
            self._lights.renew(self._clock.now())
        except HardwareError as error:
            return HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error))
        if self._prepare_at is not None and self._clock.now() >= self._prepare_at:
            self._light_up()
        frame = self._as_lit(frame)
        self._devices.ambient.saw(frame)
        if self._settled_at is None:
            return self._look_at(frame)
        # Looking takes a slow processor longer than the lights may take to settle.
        if _began(frame) < self._settled_at:
            return Ticked()
        self._settled_at = None
        self._first_lit = frame
        return LightsSettled()

    def _look_at(self, frame: Frame) -> Event:
        judge = wants_judgement(self._state)
        try:
            if self._light_step is not None and frame.light.display != 1.0:
                # In a dark room it may show nothing, and a face that vision loses comes back as another one.
                self._measure_on(frame, None)
                return Ticked()
            if self._in_the_dark(frame):
                self._follow_code(frame)
                return Ticked()
            self._standing.saw(frame, self._state, self._clock.now())
            evidence = self._vision.see(frame, judge=judge)
            self._seen = None if evidence.box is None else (frame, evidence.box)
            self._measure_on(frame, evidence)
            self._follow_code(frame)
            self._follow_motion(frame, evidence)
            self._continuity.saw(frame, evidence, self._vision.landmarks)
            if self._best is not None:
                self._best.saw(frame, evidence)
        except LivegateError as error:
            return HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error))
        except Exception:
            # A fault of ours must still end the session with a code, or the requester waits for nothing.
            log.exception("a frame could not be judged")
            return HardwareFailed(ErrorCode.GENERIC_FAILURE, "internal fault while judging a frame")
        return FrameSeen(evidence, self._continuity.finding(self._state.gathered.light_level))

    def _as_lit(self, frame: Frame) -> Frame:
        """With what the terminal's lights did while it was exposed."""
        if self._infrared:
            frame = replace(frame, light=replace(frame.light, infrared=self._infrared))
        if self._light_step is not None:
            return replace(frame, light=self._light_step.light_of(frame))
        if self._light_challenge is not None:
            return replace(frame, light=CHANGING)
        if frame.exposure is not None and _began(frame) - frame.exposure.duration < self._bright_from:
            # Exposed during a measurement that has ended since, perhaps under a dark display.
            return replace(frame, light=CHANGING)
        return frame

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case PrepareLights():
                self._prepare_lights()
            case RestoreLights():
                self._restore_lights()
            case ShowPrompt(prompt):
                self._show(prompt)
            case MeasureLight(measurement, flash):
                self._measure_light(measurement, flash=flash)
            case PlayLight(plan):
                self._play_light(plan)
            case PlayMotion(plan):
                self._play_motion(plan)
            case AttemptEnded(attempt, outcome, last):
                # Nothing that answers this attempt may reach the next.
                self._pending.clear()
                self._first_lit = None
                report = self._verified(attempt_report(attempt, outcome))
                if last:
                    report = self._with_picture(report)
                self._continuity.forget()
                self._forget_picture()
                self._vision.reset()
                self._attempts.append(report)
                self._on_attempt(report, last)
            case Ignored(reason):
                log.debug("event ignored", reason=reason, phase=self._state.phase.value)

    def _verified(self, report: AttemptReport) -> AttemptReport:
        reference, result = self._wanted.reference, report.result
        if reference is None or result is None:
            return report
        continuity = self._continuity.finding(report.light_level).outcome
        verified = verify(reference, self._continuity.pictures, result.liveness_decision, continuity)
        news = {"verify_result": verified, "verify_image_hash": reference.image_hash}
        return report.model_copy(update={"result": result.model_copy(update=news)})

    def _with_picture(self, report: AttemptReport) -> AttemptReport:
        send, best, result = self._wanted.send_picture, self._best, report.result
        if send is None or best is None:
            return report
        if result is None:
            return report.model_copy(update={"session_image": SessionImageReport(sent=False, reason=NO_DECISION)})
        sent = send(best.picture(MAX_PICTURE_BYTES), report)
        result = result.model_copy(update={"session_image_id": sent.identifier})
        return report.model_copy(update={"result": result, "session_image": sent.report})

    def _show(self, prompt: Prompt) -> None:
        try:
            self._devices.screen.show_prompt(prompt)
        except HardwareError as error:
            self._screen_lost(error)

    def _screen_lost(self, error: HardwareError) -> None:
        log.error("the screen is lost", error=str(error))
        self._pending.append(HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error)))

    def _end_preview(self) -> None:
        try:
            self._standing.end_preview()
        except HardwareError as error:
            self._screen_lost(error)

    def _play_motion(self, plan: MotionPlan) -> None:
        self._end_motion()
        limit = self._state.policy.movement_limit
        self._motion = plan.plan_id, MotionChallenge(plan, self._show_on, self._clock.now(), movement_limit=limit)

    def _show_on(self, prompt: Prompt) -> None:
        """A prompt within a phase, which a screen elsewhere shows too."""
        self._show(prompt)
        self._tell(prompt)

    def _follow_motion(self, frame: Frame, evidence: FrameEvidence) -> None:
        if self._motion is None:
            return
        plan_id, challenge = self._motion
        answer = challenge.saw(frame, evidence, self._clock.now())
        if answer is None:
            return
        self._end_motion()
        log.info("motion challenge", evidence=answer.outcome.value, reason=answer.reason)
        self._pending.append(
            ChallengeFinished(plan_id, answer.outcome, answer.reason, answer.margin, error=answer.error)
        )

    def _end_motion(self) -> None:
        ending, self._motion = self._motion, None
        if ending is not None:
            ending[1].end()

    def _prepare_lights(self) -> None:
        """At once, unless an attempt before this one broke off in the middle of its flashes."""
        self._prepare_at = self._lights.admit(1, 0.0, self._clock.now())
        if self._clock.now() >= self._prepare_at:
            self._light_up()

    def _light_up(self) -> None:
        self._prepare_at = None
        now = self._clock.now()
        try:
            settled_at = self._devices.backlight.set_level(1.0, now).settled_at
            if self._state.means.code is OwnLight.INFRARED:
                settled_at = max(settled_at, self._devices.illuminator.set_output(1.0, now).settled_at)
                self._infrared = 1.0
        except HardwareError as error:
            self._pending.append(HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error)))
            return
        if settled_at <= now:
            self._pending.append(LightsSettled())
        else:
            self._settled_at = settled_at

    def _restore_lights(self) -> None:
        self._settled_at = self._prepare_at = None
        self._infrared = 0.0
        self._lights.put_back(self._clock.now())

    def _measure_light(self, measurement: int, *, flash: bool) -> None:
        self._end_light_step()
        self._measurement = measurement
        self._end_preview()
        if not flash:
            self._measured(LightAnswer(None, "no flash, on the requester's word"))
            return
        camera, backlight = self._devices.camera, self._devices.backlight
        if not (backlight.available and camera.traits.exposure_metadata):
            self._measured(LightAnswer(None, "no light of the terminal's own to measure with"))
            return
        if not backlight.quick:
            self._measured(LightAnswer(None, "the display's luminance changes too slowly to measure with"))
            return
        if camera.traits.spectrum is Spectrum.IR_PASS:
            self._measured(LightAnswer(None, "the camera does not see the display's light"))
            return
        try:
            now, screen = self._clock.now(), self._devices.screen
            dark_from = self._lights.admit(CHANGES + HALF_CHANGES, LEAST_SECONDS, now)
            longer = self._longer_exposure()
            self._light_step = LightStep(
                camera,
                backlight,
                now,
                lux=self._lux(),
                direct=self._devices.ambient.direct,
                screen=screen,
                dark_from=dark_from,
                longer=longer,
            )
        except HardwareError as error:
            self._measured(LightAnswer(None, error.what))

    def _measure_on(self, frame: Frame, evidence: FrameEvidence | None) -> None:
        if self._light_step is None:
            return
        landmarks = None if evidence is None else self._vision.landmarks
        answer = self._light_step.saw(frame, evidence, self._clock.now(), landmarks)
        if answer is not None:
            self._before = self._light_step.hand_over()
            self._end_light_step()
            self._measured(answer)

    def _end_light_step(self) -> None:
        ending, self._light_step = self._light_step, None
        if ending is None:
            return
        try:
            self._bright_from = ending.end(self._clock.now()).settled_at
        except HardwareError as error:
            log.exception("the light measurement could not be ended")
            self._pending.append(HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error)))

    def _end_before(self) -> None:
        ending, self._before = self._before, None
        if ending is not None:
            ending.end()

    def _longer_exposure(self) -> float:
        """Than the camera's own, for the face that was seen last."""
        return 1.0 if self._seen is None else longer_exposure(*self._seen)

    def _play_light(self, plan: LightPlan | InfraredPlan) -> None:
        self._end_light_challenge()
        camera = self._devices.camera
        code = self._code(plan)
        if code is None or not camera.traits.exposure_metadata:
            self._light_answered(plan.plan_id, no_proof("no light to play a code with"))
            return
        try:
            now, begin_at, longer = self._clock.now(), -math.inf, 1.0
            if isinstance(code, DisplayCode):
                begin_at = self._lights.admit(len(code.steps), code.chip_seconds, now)
                if self._before is None:
                    longer = self._longer_exposure()
                changes = longer > 1
            else:
                # What was exposed for a face without the lamp leaves no room for its light.
                changes = self._before is not None and self._before.exposure.longer > 1
                self._end_before()
            if changes:
                begin_at = max(begin_at, now + EXPOSURE_CHANGES)
            challenge = LightChallenge(camera, code, now, before=self._before, begin_at=begin_at, longer=longer)
        except HardwareError as error:
            self._light_answered(plan.plan_id, no_proof(error.what))
            return
        self._light_challenge, self._before = (plan.plan_id, challenge), None
        try:
            challenge.begin(now)
        except HardwareError as error:
            log.exception("the light challenge could not begin")
            self._pending.append(HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error)))

    def _code(self, plan: LightPlan | InfraredPlan) -> LightCode | None:
        """None where the place of its light is not known."""
        if isinstance(plan, InfraredPlan):
            illuminator = self._devices.illuminator
            lamp = illuminator.geometry
            silent = self._state.means.silent is OwnLight.INFRARED
            output = min(SILENT_OUTPUT, self._devices.caps.output) if silent else 1.0
            return None if lamp is None else InfraredCode(illuminator, lamp, plan, output)
        screen = self._devices.screen
        display = screen.geometry
        return None if display is None else DisplayCode(screen, display, plan)

    def _in_the_dark(self, frame: Frame) -> bool:
        """In a dark step of an infrared code, where a face that vision loses would come back as another one."""
        playing = self._light_challenge is not None and isinstance(self._state.gathered.plan, InfraredPlan)
        return playing and float(frame.pixels.mean()) < BLACK

    def _follow_code(self, frame: Frame) -> None:
        """On the landmarks that vision saw last."""
        if self._light_challenge is None:
            return
        plan_id, challenge = self._light_challenge
        answer = challenge.saw(frame, self._vision.landmarks, self._clock.now())
        if answer is not None:
            self._end_light_challenge()
            self._light_answered(plan_id, answer)

    def _end_light_challenge(self) -> None:
        ending, self._light_challenge = self._light_challenge, None
        if ending is None:
            return
        self._infrared = 0.0
        try:
            self._bright_from = ending[1].end(self._clock.now()).settled_at
        except HardwareError as error:
            log.exception("the light challenge could not be ended")
            self._pending.append(HardwareFailed(ErrorCode.GENERIC_FAILURE, str(error)))

    def _light_answered(self, plan_id: str, answer: ChallengeAnswer) -> None:
        log.info("light challenge", evidence=answer.outcome.value, reason=answer.reason)
        self._pending.append(
            ChallengeFinished(
                plan_id,
                answer.outcome,
                answer.reason,
                answer.margin,
                overwhelmed=answer.overwhelmed,
                faint=answer.faint,
                leans=answer.leans,
            )
        )

    def _measured(self, answer: LightAnswer) -> None:
        level, reason = answer.level, answer.reason
        if level is None:
            level, reason = level_from_lux(self._lux(), answer.reason)
        log.info("light measured", light_level=level.value, reason=reason, evidence=answer.outcome.value)
        self._pending.append(LightMeasured(self._measurement, level, reason, answer.outcome, answer.margin))

    def _lux(self) -> float | None:
        try:
            return self._devices.ambient.lux() if self._devices.ambient.available else None
        except HardwareError as error:
            log.warning("the ambient sensor is lost", error=str(error))
            return None


def _began(frame: Frame) -> float:
    return frame.exposure.start if frame.exposure is not None else frame.captured_at


def _startup_code(error: LivegateError) -> ErrorCode:
    denied = isinstance(error.__cause__, PermissionError)
    return ErrorCode.CAMERA_PERMISSION_DENIED if denied else ErrorCode.CAMERA_STARTUP_FAILURE
