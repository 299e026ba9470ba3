"""How far a converted file is from the network that it was made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.network import FAKE_QUANTIZE, Network
from edge.inference.convert.ranges import KEEP_RANGE
from edge.inference.manifest import Manifest
from edge.inference.model import LoadedModel
from edge.inference.pad import live_logit
from edge.inference.runtime import Runtime

Crops = NDArray[np.uint8]
Outputs = NDArray[np.float32]

NEAR = 3.0
"""Logits from the threshold within which a crop tells how the file moves decisions."""
LEAST_NEAR = 8
FAITHFUL = 1e-4
"""Share of the largest output by which the float rebuild may differ: float32 sums in another order."""
LOST_STEPS = 4.0
"""Steps of the output by which a file with learned ranges may differ on average: beyond it, something is lost."""


@dataclass(frozen=True)
class Decisions:
    """A PAD file against its network. Scores are probabilities of live.

    crops: how many were compared. mean_change, max_change: of scores. flips: decisions that change at the network's
    threshold, before and after it is moved. near: crops that the shift was taken from. shift: median change of the
    live logit over those. threshold: for the file.
    """

    crops: int
    mean_change: float
    max_change: float
    flips: int
    near: int
    shift: float
    threshold: float
    flips_moved: int


@dataclass(frozen=True)
class Angles:
    """An embedding's file against its network, degrees between their descriptors."""

    crops: int
    mean: float
    largest: float


def network_outputs(network: Network, manifest: Manifest, crops: Crops) -> Outputs:
    """(n, …) of the ONNX file itself, run by onnxruntime over what ``manifest.input`` makes of the crops."""
    try:
        session = libraries.inference_session(network.source)
        planes = fed(manifest, crops).transpose(0, 3, 1, 2)
        outputs = [session.run(None, {network.input: plane[None]})[0] for plane in planes]
    except ModelError:
        raise
    except Exception as error:  # onnxruntime's errors have no common family
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"onnxruntime cannot run {network.name}: {reason}", remedy="export it again") from error
    stacked: Outputs = np.concatenate(outputs).astype(np.float32)
    if not np.isfinite(stacked).all():
        raise ModelError(f"{network.name} gives values that are no numbers", remedy="check its weights and input range")
    return stacked


def fed(manifest: Manifest, crops: Crops) -> NDArray[np.float32]:
    """(n, height, width, 3): pixels on the scale that the network takes."""
    scale, offset = (np.asarray(n, np.float32) for n in (manifest.input.scale, manifest.input.offset))
    return crops.astype(np.float32) * scale + offset


def file_outputs(model: LoadedModel, crops: Crops) -> Outputs:
    """(n, …) of the file, fed as a terminal feeds it."""
    return np.concatenate([model.run(crop)[0].reshape(1, -1) for crop in crops])


def check_rebuild(network: Network, function: object, manifest: Manifest, crops: Crops, wanted: Outputs) -> float:
    """Largest difference between the network in TensorFlow and in ONNX. Raises ModelError where it is none of rounding.

    With learned ranges a value between two steps may fall either way in every layer, so a deep network differs by a few
    steps of its output here and there; a fault differs throughout.
    """
    tf = libraries.tensorflow()
    got = np.concatenate([function(tf.constant(given[None])).numpy() for given in fed(manifest, crops)])  # type: ignore[operator]
    differences = np.abs(got - wanted)
    difference, largest = float(differences.max()), max(float(np.abs(wanted).max()), 1.0)
    step = _output_step(network)
    faithful = difference <= FAITHFUL * largest if step is None else float(differences.mean()) <= LOST_STEPS * step
    if not faithful:
        raise ModelError(
            f"{network.name} was not rebuilt faithfully: it differs by {difference:.2g} of {largest:.2g}",
            remedy="this is a fault of the converter; report the network's operators",
        )
    return difference


def decisions(manifest: Manifest, network: Outputs, file: Outputs) -> Decisions:
    """network, file: outputs for the same crops. The threshold of ``manifest`` is the network's."""
    assert manifest.pad is not None  # noqa: S101 - of stage pad
    wanted, got = logits_of(manifest, network), logits_of(manifest, file)
    old = manifest.pad.threshold_logit
    distance = np.abs(wanted - old)
    reach = max(NEAR, float(np.sort(distance)[min(LEAST_NEAR, len(distance)) - 1]))
    near = distance <= reach
    shift = float(np.median(got[near] - wanted[near]))
    threshold = min(max(round(1 / (1 + math.exp(-old - shift)), 4), 0.0001), 0.9999)
    new = math.log(threshold / (1 - threshold))
    change = np.abs(_sigmoid(got) - _sigmoid(wanted))
    return Decisions(
        crops=len(wanted),
        mean_change=float(change.mean()),
        max_change=float(change.max()),
        flips=int(((got >= old) != (wanted >= old)).sum()),
        near=int(near.sum()),
        shift=shift,
        threshold=threshold,
        flips_moved=int(((got >= new) != (wanted >= old)).sum()),
    )


def angles(network: Outputs, file: Outputs) -> Angles:
    """network, file: descriptors of the same crops."""
    a, b = (
        v.reshape(len(v), -1) / np.linalg.norm(v.reshape(len(v), -1), axis=1, keepdims=True) for v in (network, file)
    )
    between = np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))
    return Angles(len(between), float(between.mean()), float(between.max()))


def check_learned(network: Network, content: bytes, runtime: Runtime) -> int:
    """Every range of the ONNX file is in the ``.tflite``; returns how many. Raises ModelError naming those lost."""
    interpreter = runtime.interpreter_class(model_content=content)
    details = [d["quantization_parameters"] for d in interpreter.get_tensor_details()]
    scales = [(np.asarray(d["scales"], np.float64), np.asarray(d["zero_points"])) for d in details if len(d["scales"])]
    wanted = list(_wanted(network))
    lost = [
        name
        for name, scale, zero in wanted
        if not any(
            have.size == scale.size
            and np.allclose(have, scale, rtol=1e-4, atol=0)
            and (zero is None or zeros[0] in zero)
            for have, zeros in scales
        )
    ]
    if lost:
        raise ModelError(
            f"the conversion of {network.name} lost the ranges of {', '.join(lost[:6])}",
            remedy="see docs/models.md for where ranges belong",
        )
    return len(wanted)


def check_steps(network: Network, wanted: Outputs, file: Outputs) -> tuple[float, float]:
    """Mean and largest difference in steps of the output. Raises ModelError where the file computes something else."""
    step = _output_step(network)
    difference = np.abs(file.reshape(wanted.shape) - wanted) / (step or 1.0)
    mean, largest = float(difference.mean()), float(difference.max())
    if step is not None and mean > LOST_STEPS:
        raise ModelError(
            f"the file differs from {network.name} by {mean:.1f} steps of its output on average",
            remedy="something stands between a range and the operator behind it; see docs/models.md",
        )
    return mean, largest


def _wanted(network: Network) -> Iterator[tuple[str, NDArray[np.float64], Sequence[int] | None]]:
    for node in network.nodes:
        if node.op == FAKE_QUANTIZE and node.quantized is not None:
            zero = node.quantized.zero_point - node.quantized.low
            yield node.inputs[0], node.quantized.scale.reshape(1), (zero, zero - 128)
    for name, steps in network.quantized.items():
        yield name, steps.scale.reshape(-1), None


def _output_step(network: Network) -> float | None:
    """Real size of a step of the output, where ranges are learned."""
    made_by = {node.output: node for node in network.nodes}
    last = made_by[network.output]
    while network.carries_ranges and last.op in KEEP_RANGE and last.inputs[0] in made_by:
        last = made_by[last.inputs[0]]
    if last.quantized is not None:
        return float(last.quantized.scale.reshape(()))
    return 1 / 256 if network.carries_ranges else None


def logits_of(manifest: Manifest, outputs: Outputs) -> NDArray[np.float64]:
    """Log-odds of live, (n,), of a PAD network's outputs (n, …)."""
    return np.array([live_logit(manifest, [one]) for one in outputs])


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))
