"""One session of the bench: a simulated terminal before a simulated presentation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.config.policy import PolicyFloor
from edge.contracts.enums import EvidenceOutcome, LivenessOperationMode
from edge.contracts.session import AttemptReport
from edge.errors import InputError
from edge.evaluation.attacks.catalogue import Case
from edge.evaluation.attacks.rows import Row
from edge.evaluation.replay import policy_for
from edge.frames.frame import Frame
from edge.hardware.ports import Camera, CameraTraits
from edge.inference.bundle import ModelBundle, ModelChoice
from edge.liveness.state import Phase
from edge.session.runner import Devices, Progress, SessionRunner
from edge.simulation.build import build
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

_SESSION_ID = "0" * 32
_ACTIVE = (Phase.LIGHT_CHALLENGE.value, Phase.MOTION_CHALLENGE.value)


@dataclass(frozen=True, slots=True)
class BenchSetup:
    """What judges; can be sent to another process. mode: of cases that have none of their own."""

    models: ModelChoice
    floor: PolicyFloor
    mode: LivenessOperationMode


class Presenter:
    """Plays cases with one set of models."""

    def __init__(self, bundle: ModelBundle, floor: PolicyFloor, mode: LivenessOperationMode) -> None:
        """Belongs to the thread that loaded the models. Raises PolicyRefusal when the floor does not allow the mode."""
        self.bundle = bundle
        self._floor = floor
        self._policies = {mode: policy_for(floor, mode)}
        self._mode = mode

    def present(self, case: Case) -> Row:
        """Raises InputError naming the case where its scene cannot be built, and PolicyRefusal when the floor does not
        allow the case's own mode.
        """
        began = time.perf_counter()
        try:
            stage = build(case.scene, self.bundle)
        except InputError as error:
            raise InputError(f"{case.name}: {error.what}", remedy=error.remedy) from error
        terminal = SimulatedTerminal([lambda: stage])
        camera = _Stopwatch(terminal.camera)
        phases = _Phases(terminal.clock.now)
        devices = Devices(camera, terminal.backlight, terminal.illuminator, terminal.screen, terminal.ambient)
        runner = SessionRunner(devices, FaceVision(self.bundle), lambda: terminal.clock)
        mode = case.mode or self._mode
        if mode not in self._policies:
            self._policies[mode] = policy_for(self._floor, mode)
        report = runner.run(_SESSION_ID, self._policies[mode], mode, on_progress=phases.told)
        attempt = report.attempts[-1]
        return Row(
            species=case.species,
            label=case.label,
            condition=case.condition,
            level=case.level,
            number=case.number,
            decision=attempt.result.liveness_decision if attempt.result else None,
            error=attempt.error.code if attempt.error else None,
            light_level=attempt.light_level,
            evidence={item.kind: item.outcome for item in attempt.evidence},
            decided_by=attempt.decided_by,
            reason=_reason(attempt),
            active=any(phase in phases.seconds for phase in _ACTIVE),
            seconds=attempt.duration_seconds,
            light_seconds=phases.seconds.get(Phase.LIGHT_CHALLENGE.value),
            frames=camera.frames,
            milliseconds=1e3 * camera.between / max(camera.frames, 1),
            worst_milliseconds=1e3 * camera.longest,
            wall_seconds=time.perf_counter() - began,
            drawn=case.drawn,
        )


def _reason(attempt: AttemptReport) -> str:
    """Why, in the words of what decided; of a realface nothing."""
    if attempt.error is not None:
        return attempt.error.message
    return "; ".join(
        f"{item.kind} {item.outcome}: {item.reason}"
        for item in attempt.evidence
        if item.kind in attempt.decided_by and item.outcome is not EvidenceOutcome.CONFIRMED
    )


class _Stopwatch(Camera):
    """Another camera, and the processor's time that passes between its frames: what looks at them takes it.

    frames: that were read. between: seconds in sum. longest: seconds after one frame.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._read_at: float | None = None
        self.frames = 0
        self.between = 0.0
        self.longest = 0.0

    @property
    def traits(self) -> CameraTraits:
        return self._camera.traits

    def open(self) -> None:
        self._camera.open()

    def read(self, timeout: float) -> Frame | None:
        self._stop()
        frame = self._camera.read(timeout)
        if frame is not None:
            self.frames += 1
            self._read_at = time.process_time()
        return frame

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        self._camera.lock(flicker_period, longer)

    def unlock(self) -> None:
        self._camera.unlock()

    def close(self) -> None:
        self._stop()
        self._camera.close()

    def _stop(self) -> None:
        if self._read_at is not None:
            spent = time.process_time() - self._read_at
            self.between += spent
            self.longest = max(self.longest, spent)
        self._read_at = None


@dataclass(slots=True)
class _Phases:
    """How long the session was in each phase, seconds of the simulated clock."""

    now: Callable[[], float]
    seconds: dict[str, float] = field(default_factory=dict)
    _last: tuple[str, float] | None = None

    def told(self, progress: Progress) -> None:
        now = self.now()
        if self._last is not None:
            phase, since = self._last
            self.seconds[phase] = self.seconds.get(phase, 0.0) + now - since
        self._last = progress.phase, now
