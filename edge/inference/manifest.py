"""What a model file is and how it wants to be fed: one ``<id>.yaml`` beside each ``.tflite``.

A new PAD network needs a manifest and no code. Every key is checked; a key that nobody reads is an error.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from edge.errors import ModelError
from edge.frames.frame import ColourOrder

MANIFEST_SUFFIX = ".yaml"
MODEL_SUFFIX = ".tflite"

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PerChannel = float | tuple[float, float, float]


class Stage(StrEnum):
    """What a model is for."""

    DETECTOR = "detector"
    LANDMARKS = "landmarks"
    PAD = "pad"
    EMBEDDING = "embedding"


class Dtype(StrEnum):
    """Element type of a tensor in the file."""

    FLOAT32 = "float32"
    UINT8 = "uint8"
    INT8 = "int8"


class Meaning(StrEnum):
    """What an output holds.

    box_regressors: (1, anchors, 16), pixels of the input relative to the anchors.
    anchor_logits: (1, anchors, 1), logit of a face at each anchor.
    landmarks_3d: x, y, z of each point one after the other, pixels of the input.
    presence_logit: logit of a face being in the crop.
    probabilities: one per class, summing to 1.
    logits: one per class, before softmax.
    probability, logit: one number for a network with two classes.
    embedding: a face descriptor, compared by the angle between two of them.
    """

    BOX_REGRESSORS = "box_regressors"
    ANCHOR_LOGITS = "anchor_logits"
    LANDMARKS_3D = "landmarks_3d"
    PRESENCE_LOGIT = "presence_logit"
    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    PROBABILITY = "probability"
    LOGIT = "logit"
    EMBEDDING = "embedding"


MEANINGS: dict[Stage, frozenset[Meaning]] = {
    Stage.DETECTOR: frozenset({Meaning.BOX_REGRESSORS, Meaning.ANCHOR_LOGITS}),
    Stage.LANDMARKS: frozenset({Meaning.LANDMARKS_3D, Meaning.PRESENCE_LOGIT}),
    Stage.PAD: frozenset({Meaning.PROBABILITIES, Meaning.LOGITS, Meaning.PROBABILITY, Meaning.LOGIT}),
    Stage.EMBEDDING: frozenset({Meaning.EMBEDDING}),
}
PER_CLASS = frozenset({Meaning.PROBABILITIES, Meaning.LOGITS})


class Part(BaseModel):
    """A mapping of the manifest."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, frozen=True, extra="forbid")


class Provenance(Part):
    """Where the weights come from. ``documented``: their maker says how and on what they were trained."""

    package: str
    version: str
    path: str
    documented: bool
    note: str


class Input(Part):
    """The one image input, (1, height, width, 3).

    The network is fed ``pixel * scale + offset`` for pixels 0..255 in ``colour`` order; scale and offset are
    one number, or one per channel in that order. Where the file's input is quantized, the result is quantized
    with the file's own parameters.
    """

    shape: tuple[Literal[1], Annotated[int, Field(ge=8, le=2048)], Annotated[int, Field(ge=8, le=2048)], Literal[3]]
    dtype: Dtype
    colour: ColourOrder
    scale: PerChannel = 1.0
    offset: PerChannel = 0.0

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[1]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[2]


class FrameLetterbox(Part):
    """The whole frame, scaled to fit with its aspect kept, centred, the rest black."""

    kind: Literal["frame_letterbox"]


class BoxScaled(Part):
    """The face box enlarged about its centre by ``scale``, then resized to the input.

    side: ``as_box`` keeps the box's aspect (the resize distorts it), ``longer`` makes a square of the longer
    side first.
    edges: ``shifted`` reduces ``scale`` to what the frame can hold, then moves the crop back into the frame;
    ``reflected`` mirrors the frame at its edges (without repeating the edge pixel).
    """

    kind: Literal["box_scaled"]
    scale: Annotated[float, Field(ge=0.5, le=8)]
    side: Literal["as_box", "longer"]
    edges: Literal["shifted", "reflected"]


class RoiRotated(Part):
    """A square about the face box's centre, ``scale`` times its longer side, turned to bring the eyes level.

    What lies outside the frame is black.
    """

    kind: Literal["roi_rotated"]
    scale: Annotated[float, Field(ge=0.5, le=8)]


class Aligned5Pt(Part):
    """Similarity transform that brings eye, eye, nose tip, mouth corner and mouth corner to ``points``.

    points: x, y in pixels of the input; of each pair the one on the left side of the picture comes first.
    """

    kind: Literal["aligned_5pt"]
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=5, max_length=5)]


Crop = Annotated[FrameLetterbox | BoxScaled | RoiRotated | Aligned5Pt, Field(discriminator="kind")]
CROPS: dict[Stage, frozenset[str]] = {
    Stage.DETECTOR: frozenset({"frame_letterbox"}),
    Stage.LANDMARKS: frozenset({"roi_rotated"}),
    Stage.PAD: frozenset({"box_scaled", "frame_letterbox", "aligned_5pt"}),
    Stage.EMBEDDING: frozenset({"aligned_5pt", "box_scaled"}),
}


class Output(Part):
    """One output. ``name`` picks the tensor of that name; without it the file's own order counts."""

    meaning: Meaning
    shape: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    name: str | None = None


class Pad(Part):
    """How a PAD network's output becomes a decision about one crop.

    live_index: class of a live face, for ``probabilities`` and ``logits``.
    low_is_live: for ``probability`` and ``logit``: the number is that of an attack.
    threshold: probability of live from which this file calls a crop live; of the file, not of the network.
    threshold_from: where that number comes from.
    weight: share of this network where several are active.
    spread: logits of this file that count as one: its margins are divided by it, so that networks whose logits differ
    in scale can be added by fixed weights.
    lowest_threshold: what a site's calibration may lower the threshold to, probability of live; None: not at all.
    bona_fide_location: median margin of bona fide persons, after ``spread``, on its maker's reference data;
    bona_fide_spread: standard deviation between those persons. Without them a site cannot calibrate the file.
    camera_spread: standard deviation of that location from camera to camera; None: as between persons.
    """

    live_index: Annotated[int, Field(ge=0)] | None = None
    low_is_live: bool = False
    threshold: Annotated[float, Field(gt=0, lt=1)]
    threshold_from: Annotated[str, Field(min_length=1)]
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    lowest_threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    bona_fide_location: Annotated[float, Field(allow_inf_nan=False)] | None = None
    bona_fide_spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    camera_spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _calibration_is_whole(self) -> Self:
        if (self.bona_fide_location is None) != (self.bona_fide_spread is None):
            raise ValueError('"bonaFideLocation" and "bonaFideSpread" go together: state both or neither')
        if self.camera_spread is not None and self.bona_fide_location is None:
            raise ValueError('"cameraSpread" says how far "bonaFideLocation" moves: state that too')
        if self.lowest_threshold is not None and self.lowest_threshold > self.threshold:
            raise ValueError(f'"lowestThreshold" {self.lowest_threshold} is above "threshold" {self.threshold}')
        return self

    @property
    def threshold_logit(self) -> float:
        """Logit of ``threshold``."""
        return _logit(self.threshold)

    @property
    def floor(self) -> float:
        """Probability of live that no calibration lowers the threshold below."""
        return self.threshold if self.lowest_threshold is None else self.lowest_threshold

    @property
    def lowest_shift(self) -> float:
        """Logits by which the threshold may move at the least: at most zero."""
        return _logit(self.floor) - self.threshold_logit

    def margin(self, logit: float, shift: float = 0.0) -> float:
        """What the file's log-odds of live are worth beside those of other networks; above zero speaks for live.

        shift: of the threshold, logits of the file; above zero is stricter.
        """
        return (logit - self.threshold_logit - shift) / self.spread


class Match(Part):
    """From when on two embeddings of this file are one person's.

    threshold: cosine of the angle between them, of the file, not of the network; there the confidence is 0.5.
    threshold_from: where that number comes from.
    spread: the cosine rises by so much where the odds of the confidence rise by e.
    spread_from: what a confidence above 0.5 means.
    """

    threshold: Annotated[float, Field(gt=-1, lt=1)]
    threshold_from: Annotated[str, Field(min_length=1)]
    # Narrower, exp() of the widest distance would not be a number any more.
    spread: Annotated[float, Field(ge=0.005, le=1)]
    spread_from: Annotated[str, Field(min_length=1)]


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


class Golden(Part):
    """Known inputs and outputs.

    file: ``.npz`` with ``input_0``, ``input_1``… (height, width, 3) uint8 in the input's colour order and
    ``output_0_0`` (vector, output)… float32.
    tolerance: largest allowed difference, as a share of the largest magnitude of the expected output. Outputs
    of one int8 file differ between runtimes and processors.
    """

    file: FileName
    tolerance: Annotated[float, Field(gt=0, le=0.5)]


class Manifest(Part):
    """A model file and how to use it."""

    schema_version: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
    stage: Stage
    file: FileName
    sha256: Sha256
    licence: Annotated[str, Field(min_length=1)]
    provenance: Provenance
    input: Input
    crop: Crop
    outputs: Annotated[tuple[Output, ...], Field(min_length=1)]
    pad: Pad | None = None
    match: Match | None = None
    golden: Golden | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.pad is not None) != (self.stage is Stage.PAD):
            raise ValueError('a "pad" section is there exactly where "stage" is pad')
        if self.match is not None and self.stage is not Stage.EMBEDDING:
            raise ValueError('a "match" section belongs to stage embedding alone')
        if self.crop.kind not in CROPS[self.stage]:
            raise ValueError(f"crop kind {self.crop.kind} does not serve stage {self.stage}")
        for output in self.outputs:
            if output.meaning not in MEANINGS[self.stage]:
                raise ValueError(f"an output meaning {output.meaning} does not belong to stage {self.stage}")
        if self.pad is not None:
            self._check_pad(self.pad)
        elif {o.meaning for o in self.outputs} != MEANINGS[self.stage] or len(self.outputs) != len(
            MEANINGS[self.stage]
        ):
            raise ValueError(f"stage {self.stage} needs the outputs {', '.join(sorted(MEANINGS[self.stage]))}")
        return self

    def _check_pad(self, pad: Pad) -> None:
        if len(self.outputs) != 1:
            raise ValueError("a PAD network has exactly one output")
        output = self.outputs[0]
        numbers = math.prod(output.shape)
        if output.meaning in PER_CLASS:
            if pad.live_index is None or pad.low_is_live:
                raise ValueError(f'outputs meaning {output.meaning} need "liveIndex" and no "lowIsLive"')
            if not pad.live_index < numbers or numbers < 2:
                raise ValueError(f'"liveIndex" {pad.live_index} is not one of {numbers} classes')
        elif pad.live_index is not None or numbers != 1:
            raise ValueError(f'an output meaning {output.meaning} is one number and takes no "liveIndex"')


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A manifest and the folder that it and its files lie in."""

    manifest: Manifest
    directory: Path

    @property
    def manifest_path(self) -> Path:
        """Where the manifest was read."""
        return self.directory / f"{self.manifest.id}{MANIFEST_SUFFIX}"

    @property
    def model_path(self) -> Path:
        """The ``.tflite``."""
        return self.directory / self.manifest.file

    @property
    def golden_path(self) -> Path | None:
        """The golden vectors, where the manifest names any."""
        return self.directory / self.manifest.golden.file if self.manifest.golden else None


def installed_models(directory: Path) -> tuple[InstalledModel, ...]:
    """All manifests of a folder, sorted by id; the model files are not opened.

    Raises ModelError when the folder is not there or holds no manifest, when a manifest is wrong, and when a
    ``.tflite`` belongs to none.
    """
    if not directory.is_dir():
        raise ModelError(f"there is no model folder {directory}", remedy="check the path, or reinstall the models")
    found = tuple(read_manifest(path) for path in manifest_paths(directory))
    claimed = {model.manifest.file for model in found}
    for path in sorted(directory.glob(f"*{MODEL_SUFFIX}")):
        if path.name not in claimed:
            raise ModelError(
                f"{path} has no manifest",
                remedy=f"write {path.stem}{MANIFEST_SUFFIX} beside it (docs/models.md), or remove the file",
            )
    if not found:
        raise ModelError(f"{directory} holds no model", remedy="check the path, or reinstall the models")
    return found


def manifest_paths(directory: Path) -> tuple[Path, ...]:
    """Manifests of a folder, sorted, unread: to report on each of them even where one is wrong."""
    return tuple(sorted(directory.glob(f"*{MANIFEST_SUFFIX}")))


_REMEDY = "correct the manifest; docs/models.md describes each key"


def read_manifest(path: Path) -> InstalledModel:
    """Raises ModelError naming every mistake with its line."""
    manifest = manifest_of(read_document(path), path)
    if manifest.id != path.stem:
        raise ModelError(
            f"{path} names the model {manifest.id}", remedy=f"call the file {manifest.id}{MANIFEST_SUFFIX}"
        )
    return InstalledModel(manifest, path.parent)


def read_document(path: Path) -> CommentedMap:
    """A manifest with its comments, unchecked. Raises ModelError where it is no mapping in YAML."""
    try:
        yaml = YAML(typ="rt", pure=True)
        yaml.preserve_quotes = True
        document = yaml.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", remedy="check the file's permissions") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not YAML: {_yaml_problem(error)}", remedy=_REMEDY) from error
    if not isinstance(document, CommentedMap):
        raise ModelError(f"{path} does not hold a mapping", remedy=_REMEDY)
    return document


def manifest_of(document: CommentedMap, path: Path) -> Manifest:
    """``path`` is what errors name. Raises ModelError naming every mistake with its line."""
    try:
        return Manifest.model_validate(_plain(document))
    except ValidationError as error:
        problems = "; ".join(_describe(e, document) for e in error.errors(include_url=False))
        raise ModelError(f"{path}: {problems}", remedy=_REMEDY) from error


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).splitlines()[0]


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return tuple(_plain(value) for value in node)
    if isinstance(node, str):
        return str(node)
    return float(node) if isinstance(node, float) else node


def _describe(error: ErrorDetails, document: CommentedMap) -> str:
    where, line = _locate(error["loc"], document)
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        text = "unknown key" + _suggestion(str(error["loc"][-1]))
    elif error["type"] == "missing":
        text = "is missing"
    return f"line {line}: {where}: {text}" if where else text


def _locate(loc: Sequence[int | str], document: CommentedMap) -> tuple[str, int]:
    """Path and line of an error; a union's tags, which are not in the file, are left out."""
    node: Any = document
    line = 1
    names: list[str] = []
    for position, step in enumerate(loc):
        if isinstance(node, CommentedMap) and step in node:
            if step in (node.lc.data or {}):  # a key that was added has no line
                line = node.lc.key(step)[0] + 1
            node = node[step]
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line = node.lc.item(step)[0] + 1
            node = node[step]
        elif position < len(loc) - 1 or not isinstance(node, CommentedMap):
            continue
        names.append(str(step))
    return ".".join(names), line


def _suggestion(key: str) -> str:
    homes = _key_homes()
    close = difflib.get_close_matches(key, homes, n=1, cutoff=0.6)
    if not close:
        return ""
    if close[0] == key:
        return f" here; it belongs into {' or '.join(sorted(homes[key]))}"
    return f', did you mean "{close[0]}"?'


def _key_homes() -> dict[str, set[str]]:
    homes: dict[str, set[str]] = {}
    for section, part in _sections(Manifest, ""):
        for name, field in part.model_fields.items():
            homes.setdefault(field.alias or name, set()).add(f'"{section}"' if section else "the top level")
    return homes


def _sections(part: type[Part], name: str) -> Iterator[tuple[str, type[Part]]]:
    yield name, part
    for field_name, field in part.model_fields.items():
        for kind in _parts_in(field.annotation):
            yield from _sections(kind, field.alias or field_name)


def _parts_in(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts_in(argument)
