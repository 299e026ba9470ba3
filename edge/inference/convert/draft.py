"""The manifest that an integrator writes for a network, and what a conversion adds to it.

Everything is there but ``sha256`` and ``golden``, which belong to the file that is made; ``file`` and ``input.dtype``
may be left out. Comments and the order of keys stay.
"""

from __future__ import annotations

import copy
import io
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from edge.errors import ModelError
from edge.inference.manifest import MANIFEST_SUFFIX, MODEL_SUFFIX, Dtype, Manifest, Stage, manifest_of, read_document

GOLDEN_SUFFIX = ".npz"
_UNKNOWN_HASH = "0" * 64
_WIDTH = 4096  # a line is as long as its text


@dataclass(frozen=True)
class Draft:
    """manifest: as the document says, with ``sha256`` and ``input.dtype`` to be replaced."""

    path: Path
    document: CommentedMap
    manifest: Manifest

    def files(self, folder: Path) -> tuple[Path, Path, Path]:
        """The ``.tflite``, the manifest and the golden vectors that belong together."""
        name = self.manifest.id
        return folder / self.manifest.file, folder / f"{name}{MANIFEST_SUFFIX}", folder / f"{name}{GOLDEN_SUFFIX}"


@dataclass(frozen=True)
class Additions:
    """pixels: the file takes the pixels themselves, whatever the network took. tolerance: of the golden vectors."""

    sha256: str
    dtype: Dtype
    pixels: bool
    tolerance: float | None = None
    threshold: float | None = None
    threshold_from: str | None = None


def read_draft(path: Path) -> Draft:
    """Raises ModelError naming every mistake with its line."""
    document = read_document(path)
    done = [key for key in ("sha256", "golden") if key in document]
    if done:
        raise ModelError(
            f"{path} has {' and '.join(done)} already",
            remedy="give the manifest without them: they are made for the file, and its threshold is moved once",
        )
    document = copy.deepcopy(document)
    keys = list(document)
    if "file" not in document:
        place = keys.index("stage") + 1 if "stage" in keys else len(keys)
        name = "".join(str(document.get("id", "")).split()) or "model"  # a bad id is reported as such
        document.insert(place, "file", f"{name}{MODEL_SUFFIX}")
    document.insert(list(document).index("file") + 1, "sha256", _UNKNOWN_HASH)
    given = document.get("input")
    if isinstance(given, CommentedMap):
        given.setdefault("dtype", Dtype.FLOAT32.value)
    manifest = manifest_of(document, path)
    if manifest.stage not in {Stage.PAD, Stage.EMBEDDING}:
        raise ModelError(
            f"{path} is of stage {manifest.stage}",
            remedy="PAD networks and embeddings are converted; ship others as they are",
        )
    return Draft(path, document, manifest)


def completed(draft: Draft, additions: Additions) -> CommentedMap:
    """The document with what the conversion found."""
    document = copy.deepcopy(draft.document)
    document["sha256"] = additions.sha256
    given = document["input"]
    given["dtype"] = additions.dtype.value
    if additions.pixels:
        for key in ("scale", "offset"):
            given.pop(key, None)
    if additions.threshold is not None:
        document["pad"]["threshold"] = additions.threshold
    if additions.threshold_from is not None:
        document["pad"]["thresholdFrom"] = additions.threshold_from
    if additions.tolerance is not None:
        golden = CommentedMap(file=f"{draft.manifest.id}{GOLDEN_SUFFIX}", tolerance=additions.tolerance)
        place = list(document).index("enabled") if "enabled" in document else len(document)
        document.insert(place, "golden", golden)
    return document


def as_text(document: CommentedMap) -> str:
    """YAML, comments kept."""
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
