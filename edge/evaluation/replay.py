"""Sessions over recorded pictures: each presentation goes the way that a live one goes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.policy import PolicyFloor
from edge.contracts.enums import LivenessDecision, LivenessOperationMode
from edge.contracts.session import AttemptReport, SessionReport, SessionStart
from edge.errors import InputError
from edge.evaluation.index import Presentation
from edge.evaluation.metrics import Figures, Judged, figures
from edge.frames.frame import Frame
from edge.hardware.replay import ReplayCamera
from edge.inference.bundle import ModelBundle
from edge.liveness.policy import Policy, tighten
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal.assembly import unlit
from edge.vision.pipeline import FaceVision


@dataclass(frozen=True, slots=True)
class Replayed:
    """One presentation and how its session ended; ``problem`` instead, where it cannot be read."""

    presentation: Presentation
    report: SessionReport | None
    problem: str | None = None

    @property
    def attempt(self) -> AttemptReport | None:
        """The only attempt."""
        return self.report.attempts[-1] if self.report else None

    @property
    def decision(self) -> LivenessDecision | None:
        """None for a non-response."""
        result = self.attempt.result if self.attempt else None
        return result.liveness_decision if result else None

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

    def __init__(self, bundle: ModelBundle, floor: PolicyFloor, mode: LivenessOperationMode) -> None:
        """Raises PolicyRefusal when the floor does not allow the mode."""
        self.model_hashes = bundle.hashes()
        self._vision = FaceVision(bundle)
        self._mode = mode
        self._policy = _policy(floor, mode)

    def replay(self, paths: tuple[Path, ...]) -> SessionReport:
        """One session over a still, video, folder, or pictures in order. Raises InputError."""
        camera = _Source(paths)
        runner = SessionRunner(unlit(camera), self._vision, FrameClock)
        report = runner.run(uuid.uuid4().hex, self._policy, self._mode)
        if camera.problem is not None:
            raise camera.problem
        return report

    def replay_all(self, presentations: Iterable[Presentation]) -> Iterator[Replayed]:
        """In order; what cannot be read is told and passed over."""
        for presentation in presentations:
            try:
                yield Replayed(presentation, self.replay(presentation.paths))
            except InputError as error:
                yield Replayed(presentation, None, str(error))


def figures_of(replayed: Iterable[Replayed]) -> Figures:
    """Over all presentations that could be read."""
    return figures(
        Judged(r.presentation.label, r.presentation.pai_species, r.decision) for r in replayed if r.report is not None
    )


def _policy(floor: PolicyFloor, mode: LivenessOperationMode) -> Policy:
    request = SessionStart(id="replay-0", expires_at=time.time() + 60, liveness_operation_mode=mode)
    return tighten(floor, request)
