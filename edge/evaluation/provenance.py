"""What a measurement was made with, so that somebody else can make it again."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, replace
from typing import Any

from edge import __version__
from edge.config.policy import PolicyFloor
from edge.contracts.enums import LivenessOperationMode
from edge.inference.bundle import ModelBundle
from edge.inference.calibration import SiteCalibration
from edge.inference.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One loaded model. Of PAD networks alone, by their manifest: threshold (probability of live) and where it is from,
    spread (logits that count as one in a margin) and weight."""

    id: str
    stage: str
    sha256: str
    threshold: float | None = None
    threshold_from: str | None = None
    spread: float | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """subject: what was measured on, in words (``an index of recorded presentations``).

    pad_margin, pad_margin_with_light, pad_veto_margin: the policy's, in units of the networks' spreads. attempts: most
    attempts of a transaction.
    calibration: that shifted the thresholds of the networks. Only a live camera was held against the one it was made
    with.
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
    pad_margin_with_light: float
    pad_veto_margin: float
    attempts: int
    calibration: SiteCalibration | None = None
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
        return {_camel(key): value for key, value in asdict(self).items()} | {
            "models": [{_camel(key): value for key, value in asdict(model).items()} for model in self.models],
            "calibration": calibration_facts(self.calibration),
        }


def models_of(bundle: ModelBundle) -> tuple[Model, ...]:
    """All that are loaded."""
    return tuple(_model(loaded.manifest) for loaded in (bundle.detector, bundle.landmarks, *bundle.pad))


def _model(manifest: Manifest) -> Model:
    model = Model(id=manifest.id, stage=manifest.stage.value, sha256=manifest.sha256)
    if (pad := manifest.pad) is None:
        return model
    return replace(
        model, threshold=pad.threshold, threshold_from=pad.threshold_from, spread=pad.spread, weight=pad.weight
    )


def rules_of(
    bundle: ModelBundle, calibration: SiteCalibration | None, floor: PolicyFloor, mode: LivenessOperationMode
) -> dict[str, Any]:
    """What judges, JSON-ready: scores of two runs that differ in it do not belong into one file."""
    return {
        "livegate": __version__,
        "models": {model.id: asdict(model) for model in models_of(bundle)},
        "runtime": str(bundle.runtime),
        "calibration": calibration.sha256 if calibration else None,
        "policy": floor.model_dump(mode="json"),
        "mode": mode.value,
    }


def calibration_facts(calibration: SiteCalibration | None) -> dict[str, Any] | None:
    """JSON-ready: the keys of its file."""
    return calibration.model_dump(mode="json") if calibration else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
