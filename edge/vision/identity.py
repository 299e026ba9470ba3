"""Whether two pictures show one face: an embedding of each, compared within a session and then forgotten.

Nobody is recognised: an embedding is held against others of the same session only, and never leaves memory.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.frames.frame import Frame
from edge.inference.manifest import Aligned5Pt, Manifest, Meaning, Stage
from edge.vision.crops import cut_aligned, in_order
from edge.vision.network import Network
from edge.vision.timing import NO_TIMER, StageTimer

Embedding = NDArray[np.float32]
"""(n,) of length 1. Of two faces the scalar product is their similarity, -1..1."""

_SHORTEST: Final = 1e-6


class FaceIdentity:
    """The embedding network of a terminal. Raises ModelError where it is of a kind that cannot be read."""

    def __init__(self, network: Network, *, timer: StageTimer = NO_TIMER) -> None:
        manifest = network.manifest
        if manifest.stage is not Stage.EMBEDDING or not isinstance(manifest.crop, Aligned5Pt):
            raise ModelError(
                f"{manifest.id} is no embedding of an aligned face", remedy="use the model that the project ships"
            )
        meant = [place for place, output in enumerate(manifest.outputs) if output.meaning is Meaning.EMBEDDING]
        if not meant:
            raise ModelError(f"{manifest.id} gives no embedding", remedy="use the model that the project ships")
        self._network = network
        self._template = manifest.crop.points
        self._output = meant[0]
        self._timer = timer

    @property
    def manifest(self) -> Manifest:
        """Of the network: embeddings of another one do not compare."""
        return self._network.manifest

    def embed(self, frame: Frame, points: NDArray[np.float32]) -> Embedding | None:
        """points: (5, 2) of the face as ``edge.vision.landmarks.five_points`` gives them. None: the network gives
        nothing that has a direction. Raises ModelError when the network fails.
        """
        with self._timer("embedding"):
            size = self._network.manifest.input
            crop = cut_aligned(frame.pixels, self._template, points, (size.width, size.height))
            image = in_order(crop, frame.colour, size.colour)
            outputs = self._network.run(image)
            crop.fill(0)
            image.fill(0)
            given = np.asarray(outputs[self._output], np.float32).reshape(-1)
            length = float(np.linalg.norm(given))
        if not np.isfinite(length) or length < _SHORTEST:
            return None
        return given / np.float32(length)
