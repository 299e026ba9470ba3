"""What each PAD network makes of the face: its own crop, its own calibration, one margin in logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.frames.frame import Frame
from edge.inference.manifest import Pad
from edge.inference.pad import live_logit
from edge.liveness.evidence import FaceBox, PadScore
from edge.vision.crops import cut
from edge.vision.network import Network
from edge.vision.timing import NO_TIMER, StageTimer


class PadJudge:
    """The active networks, in the bundle's order. Raises ModelError for a network that is none for PAD."""

    def __init__(self, networks: Sequence[Network], *, timer: StageTimer = NO_TIMER) -> None:
        self._networks = tuple((network, _calibration(network)) for network in networks)
        self._timer = timer

    def scores(self, frame: Frame, box: FaceBox, points: NDArray[np.float32]) -> tuple[PadScore, ...]:
        """box: the face as the detector draws it; points: see ``edge.vision.landmarks.five_points``.

        A margin is the log-odds of live, cut at ±16 before the threshold's are taken away: float32 probabilities
        saturate there, and one sure network must not outvote the others without bound.
        Raises ModelError when a network fails or gives no number.
        """
        return tuple(self._score(frame, box, points, network, pad) for network, pad in self._networks)

    def _score(self, frame: Frame, box: FaceBox, points: NDArray[np.float32], network: Network, pad: Pad) -> PadScore:
        manifest = network.manifest
        with self._timer(f"pad.{manifest.id}"):
            outputs = network.run(cut(frame, manifest.crop, manifest.input, box, points))
            try:
                logit = live_logit(manifest, outputs)
            except ValueError as error:
                raise ModelError(
                    f"the PAD network {error}", remedy="verify the models, or deactivate this one"
                ) from error
        return PadScore(manifest.id, manifest.sha256, logit - pad.threshold_logit, pad.weight)


def _calibration(network: Network) -> Pad:
    if network.manifest.pad is None:
        raise ModelError(f"{network.manifest.id} is no PAD network", remedy="correct its manifest")
    return network.manifest.pad
