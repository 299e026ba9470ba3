"""What a measurement was made with, so that somebody else can make it again."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

from edge import __version__
from edge.inference.bundle import ModelBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One loaded model; threshold (probability), its origin and weight: of PAD networks alone, by their manifest."""

    id: str
    stage: str
    sha256: str
    threshold: float | None = None
    threshold_from: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """subject: what was measured on, in words (``an index of recorded presentations``).

    pad_margin, pad_veto_margin: the policy's, logits. attempts: most attempts of a transaction.
    calibration: SHA-256 of the site's, None without one.
    index, index_sha256, files: of recorded presentations; None of live ones.
    jobs: processes that shared the machine, which the times depend on.
    started: ISO 8601 with its offset. seconds: of this run; judged, resumed: presentations in it and before it.
    """

    subject: str
    models: tuple[Model, ...]
    runtime: str
    policy: str
    mode: str
    pad_margin: float
    pad_veto_margin: float
    attempts: int
    calibration: str | None = None
    index: str | None = None
    index_sha256: str | None = None
    files: int | None = None
    jobs: int = 1
    started: str = ""
    seconds: float = 0.0
    judged: int = 0
    resumed: int = 0
    livegate: str = __version__
    machine: str = f"{platform.machine()} {platform.python_implementation()} {platform.python_version()}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {_camel(key): value for key, value in asdict(self).items() if key != "models"} | {
            "models": [{_camel(key): value for key, value in asdict(model).items()} for model in self.models]
        }


def models_of(bundle: ModelBundle) -> tuple[Model, ...]:
    """All that are loaded."""
    loaded = (bundle.detector, bundle.landmarks, *bundle.pad)
    return tuple(
        Model(
            id=model.id,
            stage=model.manifest.stage.value,
            sha256=model.sha256,
            threshold=model.manifest.pad.threshold if model.manifest.pad else None,
            threshold_from=model.manifest.pad.threshold_from if model.manifest.pad else None,
            weight=model.manifest.pad.weight if model.manifest.pad else None,
        )
        for model in loaded
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
