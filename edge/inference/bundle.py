"""The models that a terminal uses."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.config.choices import RuntimeChoice
from edge.errors import ModelError
from edge.inference.manifest import InstalledModel, Stage, installed_models
from edge.inference.model import LoadedModel
from edge.inference.runtime import Runtime, find_runtime

_PACKAGE = Path(__file__).resolve().parent.parent


def default_models_dir() -> Path:
    """``models_tflite`` of a working copy, else the models inside the installed package."""
    beside = _PACKAGE.parent / "models_tflite"
    return beside if beside.is_dir() else _PACKAGE / "_models"


class ModelBundle:
    """One detector, one landmark network, the active PAD networks, and perhaps an embedding.

    Belongs to the thread that loaded it.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        detector: LoadedModel,
        landmarks: LoadedModel,
        pad: tuple[LoadedModel, ...],
        embedding: InstalledModel | None,
        threads: int,
        verify: bool,
    ) -> None:
        self.runtime = runtime
        self.detector = detector
        self.landmarks = landmarks
        self.pad = pad
        self._embedding_file = embedding
        self._embedding: LoadedModel | None = None
        self._threads = threads
        self._verify = verify

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        runtime: RuntimeChoice = RuntimeChoice.AUTO,
        threads: int = 1,
        active: Sequence[str] | None = None,
        verify: bool = True,
        extra: Sequence[Path] = (),
    ) -> ModelBundle:
        """Load and check what is used of ``directory`` and of ``extra`` folders with an integrator's models.

        active: ids of the PAD networks to use; None uses those whose manifest is enabled.
        verify: False leaves out the golden vectors; hashes and shapes are always checked.
        Raises ModelError when a manifest, file, hash, shape or golden output is wrong, and when a stage has
        no model or several.
        """
        chosen_runtime = find_runtime(runtime)
        models = _all_models((directory, *extra))
        pads = _active_pads(models, active)
        embedding = _only(models, Stage.EMBEDDING, directory, needed=False)

        def loaded(model: InstalledModel | None) -> LoadedModel:
            assert model is not None  # noqa: S101 - _only(needed=True) raises
            return LoadedModel(model, chosen_runtime, threads=threads, verify=verify)

        return cls(
            runtime=chosen_runtime,
            detector=loaded(_only(models, Stage.DETECTOR, directory, needed=True)),
            landmarks=loaded(_only(models, Stage.LANDMARKS, directory, needed=True)),
            pad=tuple(loaded(model) for model in pads),
            embedding=embedding,
            threads=threads,
            verify=verify,
        )

    @property
    def embedding(self) -> LoadedModel | None:
        """Loaded at first use, in the thread that asks; None where none is enabled. Raises ModelError."""
        if self._embedding is None and self._embedding_file is not None:
            self._embedding = LoadedModel(
                self._embedding_file, self.runtime, threads=self._threads, verify=self._verify
            )
        return self._embedding

    def hashes(self) -> dict[str, str]:
        """SHA-256 hex by id of the models that are loaded."""
        models = (self.detector, self.landmarks, *self.pad, *((self._embedding,) if self._embedding else ()))
        return {model.id: model.sha256 for model in models}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which models to load, for what; can be sent to another process. As of ``ModelBundle.load``."""

    directory: Path
    active: tuple[str, ...] | None = None
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    threads: int = 1

    def open(self, *, verify: bool = True) -> ModelBundle:
        """Belongs to the thread that opens it. Raises ModelError."""
        return ModelBundle.load(
            self.directory, runtime=self.runtime, threads=self.threads, active=self.active, verify=verify
        )


def _all_models(directories: Sequence[Path]) -> tuple[InstalledModel, ...]:
    models: dict[str, InstalledModel] = {}
    for directory in directories:
        for model in installed_models(directory):
            other = models.setdefault(model.manifest.id, model)
            if other is not model:
                raise ModelError(
                    f"{model.manifest_path} and {other.manifest_path} have the same id",
                    remedy="give your own model another id",
                )
    return tuple(models.values())


def _active_pads(models: Sequence[InstalledModel], active: Sequence[str] | None) -> tuple[InstalledModel, ...]:
    known = {model.manifest.id: model for model in models if model.manifest.stage is Stage.PAD}
    if active is None:
        chosen = [model for model in known.values() if model.manifest.enabled]
    else:
        for name in active:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(known) or 'none'}"
                raise ModelError(f'there is no PAD network "{name}"', remedy=hint)
        chosen = [known[name] for name in dict.fromkeys(active)]
    if not chosen:
        raise ModelError(
            "no PAD network is active", remedy=f"name one or more of: {', '.join(known) or 'none installed'}"
        )
    return tuple(chosen)


def _only(models: Sequence[InstalledModel], stage: Stage, directory: Path, *, needed: bool) -> InstalledModel | None:
    enabled = [model for model in models if model.manifest.stage is stage and model.manifest.enabled]
    if len(enabled) > 1:
        names = ", ".join(model.manifest.id for model in enabled)
        raise ModelError(f"several {stage} models are enabled: {names}", remedy='set "enabled: false" in all but one')
    if not enabled and needed:
        raise ModelError(f"{directory} has no enabled {stage} model", remedy="reinstall the models")
    return enabled[0] if enabled else None
