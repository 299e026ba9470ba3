"""Sessions over recorded pictures: each presentation goes the way that a live one goes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.policy import PolicyFloor
from edge.config.quality import QualityLimits
from edge.contracts.enums import LivenessDecision, LivenessOperationMode
from edge.contracts.session import AttemptReport, SessionReport, SessionStart
from edge.errors import InputError
from edge.evaluation.index import Presentation
from edge.evaluation.scores import Score
from edge.frames.frame import Frame
from edge.hardware.replay import ReplayCamera
from edge.inference.bundle import ModelBundle, ModelChoice
from edge.inference.calibration import SiteCalibration
from edge.liveness.policy import Policy, tighten
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal.assembly import unlit
from edge.vision.pipeline import FaceVision


@dataclass(frozen=True, slots=True)
class Replayed:
    """One presentation and how its session ended; ``problem`` instead, where it cannot be read.

    milliseconds: that reading and judging it took.
    """

    presentation: Presentation
    report: SessionReport | None
    problem: str | None = None
    milliseconds: float = 0.0

    @property
    def attempt(self) -> AttemptReport | None:
        """The only attempt."""
        return self.report.attempts[-1] if self.report else None

    @property
    def decision(self) -> LivenessDecision | None:
        """None for a non-response."""
        result = self.attempt.result if self.attempt else None
        return result.liveness_decision if result else None

    def score(self, number: int) -> Score:
        """As a row of scores. number: of the presentation in its run, from 1."""
        presentation = self.presentation
        score = Score(
            name=presentation.name,
            label=presentation.label,
            pai_species=presentation.pai_species,
            subject=presentation.subject,
            source=presentation.source,
            presentation=number,
            milliseconds=self.milliseconds,
            problem=self.problem or "",
        )
        return score.of(self.attempt) if self.attempt else score

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without pictures."""
        facts: dict[str, Any] = {
            "name": self.presentation.name,
            "label": self.presentation.label.value,
            "paiSpecies": self.presentation.pai_species or None,
            "subject": self.presentation.subject or None,
            "source": self.presentation.source or None,
            "problem": self.problem,
            "decision": self.decision.value if self.decision else None,
        }
        if self.attempt is not None:
            facts["attempt"] = self.attempt.model_dump(mode="json", by_alias=True, exclude_none=True)
        return facts


class _Source(ReplayCamera):
    """Keeps the error that a session turns into a code: a bad file is not a non-response."""

    problem: InputError | None = None

    def open(self) -> None:
        try:
            super().open()
        except InputError as error:
            self.problem = error
            raise

    def read(self, timeout: float) -> Frame | None:
        try:
            return super().read(timeout)
        except InputError as error:
            self.problem = error
            raise


class Replayer:
    """Runs presentations through one set of models."""

    def __init__(
        self,
        bundle: ModelBundle,
        floor: PolicyFloor,
        mode: LivenessOperationMode,
        *,
        limits: QualityLimits | None = None,
        calibration: SiteCalibration | None = None,
    ) -> None:
        """limits, calibration: as of FaceVision. A calibration may be that of any camera: recordings tell of none.

        Raises PolicyRefusal when the floor does not allow the mode, ModelError for a calibration of other networks.
        """
        self.bundle = bundle
        self.model_hashes = bundle.hashes()
        self._vision = FaceVision(bundle, limits, calibration)
        self._mode = mode
        self._policy = policy_for(floor, mode)

    @property
    def networks(self) -> tuple[str, ...]:
        """Ids of the PAD networks that judge."""
        return tuple(model.id for model in self.bundle.pad)

    def replay(self, paths: tuple[Path, ...]) -> SessionReport:
        """One session over a still, video, folder, or pictures in order. Raises InputError."""
        camera = _Source(paths)
        runner = SessionRunner(unlit(camera), self._vision, FrameClock)
        report = runner.run(uuid.uuid4().hex, self._policy, self._mode)
        if camera.problem is not None:
            raise camera.problem
        return report

    def present(self, presentation: Presentation) -> Replayed:
        """One presentation; what cannot be read is told."""
        started = time.perf_counter()
        report, problem = None, None
        try:
            report = self.replay(presentation.paths)
        except InputError as error:
            problem = str(error)
        return Replayed(presentation, report, problem, (time.perf_counter() - started) * 1e3)

    def replay_all(self, presentations: Iterable[Presentation]) -> Iterator[Replayed]:
        """In order; what cannot be read is told and passed over."""
        return map(self.present, presentations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySetup:
    """What a Replayer is made of; can be sent to another process."""

    models: ModelChoice
    floor: PolicyFloor
    mode: LivenessOperationMode
    calibration: SiteCalibration | None = None

    def open(self, *, verify: bool = True) -> Replayer:
        """Belongs to the thread that opens it. verify: as of ModelBundle.load. Raises ModelError and PolicyRefusal."""
        return Replayer(self.models.open(verify=verify), self.floor, self.mode, calibration=self.calibration)


def policy_for(floor: PolicyFloor, mode: LivenessOperationMode) -> Policy:
    """The rules of a session of one attempt that asks for no more than the floor does.

    Raises PolicyRefusal when the floor does not allow the mode.
    """
    request = SessionStart(id="evaluation", expires_at=time.time() + 60, liveness_operation_mode=mode)
    return tighten(floor, request)
