"""From a network and a manifest to the three files of a model, checked before any of them is written."""

from __future__ import annotations

import hashlib
import io
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.convert import compare
from edge.inference.convert.compare import Angles, Crops, Decisions
from edge.inference.convert.draft import Additions, Draft, as_text, completed
from edge.inference.convert.equalize import equalized
from edge.inference.convert.network import Network
from edge.inference.convert.ranges import check_ranges
from edge.inference.convert.rebuild import rebuild
from edge.inference.convert.tflite import Precision, converted
from edge.inference.manifest import Dtype, InstalledModel, Meaning, Stage, manifest_of
from edge.inference.model import LoadedModel
from edge.inference.runtime import Runtime

LEAST_CROPS = 16
"""Fewer say too little about the ranges of values."""
LEAST_SHIFT = 0.005
"""Logits; a threshold is not moved by less."""
_REBUILT = 20
_TOLERANCES = {Precision.CALIBRATED: 0.15, Precision.LEARNED: 0.15, Precision.WEIGHTS: 0.1}
_EMBEDDING_TOLERANCE = 0.25
_GROUPS = 8
_VECTORS = 2
_SEED = 30107


@dataclass(frozen=True)
class Report:
    """What was made and how far it is from the network.

    rebuilt: largest difference of the network in TensorFlow from that in ONNX. crops: real ones. comparison: None
    where there was no crop. ranges: learned ones that the file kept. steps: of the output, mean and largest
    difference where ranges are learned.
    """

    files: tuple[Path, Path, Path]
    size: int
    precision: Precision
    rebuilt: float
    crops: int
    comparison: Decisions | Angles | None
    ranges: int
    steps: tuple[float, float] | None


def precision_of(network: Network, *, weights_only: bool) -> Precision:
    """How the network will be converted. Raises ModelError where it carries ranges that would be of no use."""
    if not network.carries_ranges:
        return Precision.WEIGHTS if weights_only else Precision.CALIBRATED
    if weights_only:
        raise ModelError(
            f"{network.name} carries ranges for full int8",
            remedy="leave --weights-only out, or export the network without QuantizeLinear",
        )
    check_ranges(network)
    return Precision.LEARNED


def check_picture_range(network: Network, draft: Draft) -> None:
    """Raises ModelError where the manifest feeds other values than those that the network learned a range for."""
    ends = compare.fed(draft.manifest, np.stack([np.full((1, 1, 3), end, np.uint8) for end in (0, 255)]))
    low, high = float(ends.min()), float(ends.max())
    for node in network.nodes:
        if network.input not in node.inputs or node.quantized is None:
            continue
        least, most = node.quantized.range()
        step = (most - least) / 255
        if low < least - step or high > most + step or high - low < (most - least) / 2:
            raise ModelError(
                f"{network.name} learned the range {least:.4g} .. {most:.4g} for its picture, and {draft.path} feeds "
                f"{low:.4g} .. {high:.4g}",
                remedy="correct input.scale and input.offset, or fix that range in training",
            )


def check_destination(draft: Draft, folder: Path, *, force: bool) -> None:
    """Raises ModelError where a file would be overwritten without ``force``."""
    there = [path for path in draft.files(folder) if path.exists()]
    if there and not force:
        raise ModelError(
            f"{', '.join(map(str, there))} is there already", remedy="give another folder or id, or --force"
        )


def convert(
    network: Network,
    draft: Draft,
    crops: Crops,
    folder: Path,
    *,
    runtime: Runtime,
    weights_only: bool = False,
    force: bool = False,
) -> Report:
    """Writes ``<id>.tflite``, ``<id>.yaml`` and ``<id>.npz``; of these all or none.

    crops: (n, height, width, 3) uint8 as the manifest crops and orders them; full int8 needs LEAST_CROPS of them
    unless the network carries ranges.
    Raises ModelError when the network does not fit the manifest, cannot be converted, or fails a check.
    """
    check_destination(draft, folder, force=force)
    manifest = draft.manifest
    _check_fit(network, draft)
    precision = precision_of(network, weights_only=weights_only)
    if precision is Precision.CALIBRATED and len(crops) < LEAST_CROPS:
        raise ModelError(
            f"{len(crops)} crops are too few for full int8, which needs {LEAST_CROPS}",
            remedy="give more pictures with faces, or --weights-only",
        )
    if precision is Precision.LEARNED:
        check_picture_range(network, draft)
    probes = crops if len(crops) else _patterns(manifest.input.height, manifest.input.width)
    wanted = compare.network_outputs(network, manifest, probes)
    function = rebuild(network)
    rebuilt = compare.check_rebuild(network, function, manifest, probes[:_REBUILT], wanted[:_REBUILT])
    content = _content(network, function, draft, crops, precision)
    ranges = compare.check_learned(network, content, runtime) if precision is Precision.LEARNED else 0
    with tempfile.TemporaryDirectory() as scratch:
        made = _Made(draft, Path(scratch), content, precision, runtime)
        got = compare.file_outputs(made.model(Additions(made.sha256, made.dtype, made.pixels)), probes)
        steps = compare.check_steps(network, wanted, got) if precision is Precision.LEARNED else None
        comparison: Decisions | Angles | None = None
        if len(crops):
            comparison = (
                compare.decisions(manifest, wanted, got) if manifest.stage is Stage.PAD else compare.angles(wanted, got)
            )
        made.complete(comparison, _golden_inputs(crops, manifest.input.height, manifest.input.width))
        made.install(folder)
    return Report(
        files=draft.files(folder),
        size=len(content),
        precision=precision,
        rebuilt=rebuilt,
        crops=len(crops),
        comparison=comparison,
        ranges=ranges,
        steps=steps,
    )


def _check_fit(network: Network, draft: Draft) -> None:
    wanted = draft.manifest.input
    if network.size != (wanted.height, wanted.width):
        raise ModelError(
            f"{network.name} takes pictures of {network.size[0]} x {network.size[1]}, {draft.path} says "
            f"{wanted.height} x {wanted.width}",
            remedy="correct input.shape: [1, height, width, 3]",
        )
    output = draft.manifest.outputs[0]
    shape = network.shapes[network.output]
    if tuple(output.shape) != shape:
        raise ModelError(
            f"{network.name} gives {list(shape)}, {draft.path} says {list(output.shape)}",
            remedy="correct the shape in outputs",
        )
    if output.name is not None:
        raise ModelError(
            f"{draft.path} names the output {output.name}", remedy="leave the name out: TFLite gives another"
        )
    made_by = {node.output: node for node in network.nodes}
    ends = made_by[network.output].op
    if output.meaning in {Meaning.LOGITS, Meaning.LOGIT} and ends in {"Softmax", "Sigmoid"}:
        raise ModelError(
            f"{network.name} ends with {ends}, {draft.path} calls its output {output.meaning}",
            remedy="export it without, which is better, or say probabilities",
        )


def _content(network: Network, function: object, draft: Draft, crops: Crops, precision: Precision) -> bytes:
    if precision is not Precision.CALIBRATED:
        return converted(function, precision)
    given = draft.manifest.input
    even = equalized(network, compare.fed(draft.manifest, crops))
    pixels = crops.astype(np.float32)
    # The input's range must come out as 0..255, so that its scale is 1 and pixels go in as they are.
    pixels[0, 0, 0], pixels[0, -1, -1] = 0, 255
    return converted(rebuild(even, prelu="split", scale=given.scale, offset=given.offset), precision, pixels)


class _Made:
    """The files in a scratch folder."""

    def __init__(self, draft: Draft, scratch: Path, content: bytes, precision: Precision, runtime: Runtime) -> None:
        self.draft, self.runtime, self.precision = draft, runtime, precision
        self.scratch = scratch
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.dtype = Dtype.FLOAT32 if precision is Precision.WEIGHTS else Dtype.UINT8
        self.pixels = precision is Precision.CALIBRATED
        draft.files(scratch)[0].write_bytes(content)

    def model(self, additions: Additions, *, verify: bool = False) -> LoadedModel:
        """Loaded as a terminal loads it. Raises ModelError."""
        document = completed(self.draft, additions)
        self.draft.files(self.scratch)[1].write_text(as_text(document), encoding="utf-8")
        manifest = manifest_of(document, self.draft.path)
        return LoadedModel(InstalledModel(manifest, self.scratch), self.runtime, verify=verify)

    def complete(self, comparison: Decisions | Angles | None, inputs: list[NDArray[np.uint8]]) -> None:
        """Golden vectors and the whole manifest, loaded once more with all of its checks."""
        stage = self.draft.manifest.stage
        bare = self.model(Additions(self.sha256, self.dtype, self.pixels))
        ranked = sorted(((bare.run(image)[0], image) for image in inputs), key=lambda p: -float(np.abs(p[0]).max()))
        vectors: dict[str, NDArray[np.generic]] = {}
        for n, (output, image) in enumerate(ranked[:_VECTORS]):
            vectors |= {f"input_{n}": image, f"output_{n}_0": output.astype(np.float32)}
        stream = io.BytesIO()
        np.savez_compressed(stream, **vectors)  # type: ignore[arg-type]
        self.draft.files(self.scratch)[2].write_bytes(stream.getvalue())
        moved = comparison if isinstance(comparison, Decisions) and abs(comparison.shift) >= LEAST_SHIFT else None
        additions = Additions(
            sha256=self.sha256,
            dtype=self.dtype,
            pixels=self.pixels,
            tolerance=_EMBEDDING_TOLERANCE if stage is Stage.EMBEDDING else _TOLERANCES[self.precision],
            threshold=moved.threshold if moved else None,
            threshold_from=self._threshold_from(moved) if moved else None,
        )
        self.model(additions, verify=True)

    def _threshold_from(self, found: Decisions) -> str:
        pad = self.draft.manifest.pad
        assert pad is not None  # noqa: S101 - of stage pad
        return (
            f"{pad.threshold_from}; moved from {pad.threshold:g} by {found.shift:+.3f} logits, the median change of "
            f"this file's live logit from the network's over the {found.near} crops nearest to it"
        )

    def install(self, folder: Path) -> None:
        """Raises ModelError where the folder cannot be written to."""
        made = self.draft.files(self.scratch)
        aside = [folder / f".{path.name}.new" for path in made]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, target in zip(made, aside, strict=True):
                target.write_bytes(path.read_bytes())
            for path, target in zip(made, aside, strict=True):
                target.replace(folder / path.name)
        except OSError as error:
            with suppress(OSError):
                for target in aside:
                    target.unlink(missing_ok=True)
            raise ModelError(f"{folder} cannot be written to: {error.strerror}", remedy="check the path") from error


def _golden_inputs(crops: Crops, height: int, width: int) -> list[NDArray[np.uint8]]:
    """Patterns, and means of many crops: a file that travels shows nobody's face."""
    groups = [group for group in np.array_split(crops, _GROUPS) if len(group) >= LEAST_CROPS // 2] if len(crops) else []
    if not groups and len(crops) >= LEAST_CROPS:
        groups = [crops]
    means = [np.rint(group.mean(axis=0)).astype(np.uint8) for group in groups]
    return [*means, *_patterns(height, width)]


def _patterns(height: int, width: int) -> Crops:
    """(4, height, width, 3): ramps and coarse noise."""
    rng = np.random.default_rng(_SEED)
    down, across = np.mgrid[0 : 1 : complex(0, height), 0 : 1 : complex(0, width)]
    ramp = np.stack([down, across, (down + across) / 2], axis=-1) * 255
    cells = rng.integers(0, 256, (2, -(-height // 8), -(-width // 8), 3))
    noise = cells.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return np.concatenate([np.stack([ramp, 255 - ramp]), noise]).astype(np.uint8)
