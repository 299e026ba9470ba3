"""What vision needs of loaded models; ``edge.inference.bundle.ModelBundle`` has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.manifest import Manifest, Meaning


class Network(Protocol):
    """One model."""

    @property
    def manifest(self) -> Manifest: ...

    def run(self, image_hwc: NDArray[np.uint8], /) -> tuple[NDArray[np.float32], ...]:
        """(height, width, 3) uint8 in the manifest's colour order → outputs in the manifest's order."""
        ...

    def forget(self) -> None:
        """Overwrites the picture that it saw last, and what it made of it. Raises ModelError when that fails."""
        ...


class Networks(Protocol):
    """The models of a terminal."""

    @property
    def detector(self) -> Network: ...

    @property
    def landmarks(self) -> Network: ...

    @property
    def pad(self) -> Sequence[Network]: ...

    @property
    def embedding(self) -> Network | None:
        """None where a terminal has none."""
        ...


def output_position(manifest: Manifest, meaning: Meaning, shape: tuple[int, ...]) -> int:
    """Where an output stands among those of ``run``. Raises ModelError where it is missing or of another shape."""
    for position, output in enumerate(manifest.outputs):
        if output.meaning is meaning:
            if output.shape[-len(shape) :] == shape:
                return position
            raise ModelError(
                f"{manifest.id} gives {meaning} as {output.shape}; its last sizes must be {shape}",
                remedy="use the model that the project ships",
            )
    raise ModelError(f"{manifest.id} gives no {meaning}", remedy="use the model that the project ships")
