"""Convert, in the environment that build.py makes. Not run by hand."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

# At the end: what the environment pins comes first, wherever the project is installed.
sys.path.append(str(next(p for p in Path(__file__).resolve().parents if (p / "edge" / "inference").is_dir())))

import numpy as np
import onnxruntime
import tensorflow as tf
from pictures import Detector, Face, aligned_crop, people, square_crop
from sources import FACEPLUGIN, MEDIAPIPE, OPENPEOPLE

from edge.inference.convert.network import read_network
from edge.inference.convert.rebuild import rebuild
from edge.inference.convert.tflite import Precision, converted

MESH_SIZE, MESH_SCALE = 192, 1.5
EMBEDDING_SCALE, EMBEDDING_OFFSET = 1 / 128, -127 / 128
GOLDEN_PICTURES = ("P001/assets/amateur_selfie.jpg", "P004/assets/amateur_selfie.jpg")
AGREEMENT_CROPS = 20
DIFFERS = 3

COPIED = {
    "blazeface-short-range": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "face-mesh-468": "mediapipe/modules/face_landmark/face_landmark.tflite",
}
EMBEDDING, EMBEDDING_MEMBER = "fr-feature-w8", "package/model/fr_feature.onnx"


@dataclass(frozen=True)
class Faces:
    """Crops in the colour order that the network takes.

    embedding: (n, 112, 112, 3) uint8. golden: by network, each (height, width, 3) uint8.
    """

    embedding: np.ndarray
    golden: dict[str, list[np.ndarray]]


def main() -> int:
    """Arguments: work folder, models folder, --check."""
    work, models = Path(sys.argv[1]), Path(sys.argv[2])
    check = "--check" in sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        for name in (*COPIED, EMBEDDING):
            (built / f"{name}.yaml").write_bytes((models / f"{name}.yaml").read_bytes())
        _build(work, built)
        return _compare(built, models) if check else _install(built, models)


def _build(work: Path, out: Path) -> None:
    sources = work / "sources"
    with zipfile.ZipFile(sources / MEDIAPIPE.file) as wheel:
        for name, path in COPIED.items():
            (out / f"{name}.tflite").write_bytes(wheel.read(path))
    faces = _faces(sources / OPENPEOPLE.file, out / "blazeface-short-range.tflite")
    _build_embedding(sources / FACEPLUGIN.file, work, out, faces)
    for name, images in faces.golden.items():
        _write_golden(out, name, images)
    for path in sorted(out.glob("*.tflite")):
        _set(out / f"{path.stem}.yaml", "sha256", hashlib.sha256(path.read_bytes()).hexdigest())


def _build_embedding(package: Path, work: Path, out: Path, faces: Faces) -> None:
    onnx_file = work / Path(EMBEDDING_MEMBER).name
    with tarfile.open(package) as archive:
        member = archive.extractfile(EMBEDDING_MEMBER)
        if member is None:
            raise SystemExit(f"{EMBEDDING_MEMBER} is not in {package}")
        onnx_file.write_bytes(member.read())
    function = rebuild(read_network(onnx_file), scale=EMBEDDING_SCALE, offset=EMBEDDING_OFFSET)
    _agreement(onnx_file, converted(function), faces.embedding[:AGREEMENT_CROPS].astype(np.float32))
    (out / f"{EMBEDDING}.tflite").write_bytes(converted(function, Precision.WEIGHTS))


def _agreement(onnx_file: Path, content: bytes, crops: np.ndarray) -> None:
    """Stop unless the float rebuild and the original say the same."""
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    planes = (crops * EMBEDDING_SCALE + EMBEDDING_OFFSET).transpose(0, 3, 1, 2).astype(np.float32)
    wanted = np.concatenate([session.run(None, {feed: plane[None]})[0] for plane in planes])
    got = np.concatenate([outputs[0] for outputs in _outputs(content, crops)])
    difference, largest = float(np.abs(got - wanted).max()), float(np.abs(wanted).max())
    print(f"float   {onnx_file.stem}: differs from ONNX by at most {difference:.1e} (largest output {largest:.2f})")
    if difference > 1e-4 * max(largest, 1):
        raise SystemExit(f"{onnx_file.stem} was not rebuilt faithfully")


def _outputs(content: bytes, crops: np.ndarray) -> Iterator[list[np.ndarray]]:
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    for crop in crops:
        interpreter.set_tensor(given["index"], crop[None].astype(given["dtype"]))
        interpreter.invoke()
        yield [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def _faces(wheel: Path, detector_file: Path) -> Faces:
    detector = Detector(tf.lite.Interpreter(str(detector_file)))
    embedding: list[np.ndarray] = []
    golden: dict[str, list[np.ndarray]] = {}
    for name, picture in people(wheel):
        face = detector.best(picture)
        if face is None:
            continue
        embedding.append(aligned_crop(picture, face)[:, :, ::-1])
        if name.endswith(GOLDEN_PICTURES):
            for model, crop in _golden_crops(name, picture, face, detector):
                golden.setdefault(model, []).append(crop)
    return Faces(np.array(embedding), golden)


def _golden_crops(name: str, picture: np.ndarray, face: Face, detector: Detector) -> Iterator[tuple[str, np.ndarray]]:
    if name.endswith(GOLDEN_PICTURES[0]):
        yield "blazeface-short-range", detector.letterboxed(picture)
        yield "face-mesh-468", square_crop(picture, face.box, MESH_SCALE, MESH_SIZE)[:, :, ::-1]
    yield EMBEDDING, aligned_crop(picture, face)[:, :, ::-1]


FEEDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "blazeface-short-range": lambda image: image.astype(np.float32) * np.float32(2 / 255) - 1,
    "face-mesh-468": lambda image: image.astype(np.float32) * np.float32(1 / 255),
}


def _write_golden(out: Path, name: str, images: list[np.ndarray]) -> None:
    content = (out / f"{name}.tflite").read_bytes()
    feed = FEEDS.get(name, lambda image: image)
    vectors: dict[str, np.ndarray] = {}
    for n, image in enumerate(images):
        vectors[f"input_{n}"] = np.ascontiguousarray(image)
        outputs = next(_outputs(content, feed(image)[None]))
        vectors.update({f"output_{n}_{o}": output.astype(np.float32) for o, output in enumerate(outputs)})
    np.savez(out / f"{name}.npz", **vectors)


def _set(manifest: Path, key: str, value: str) -> None:
    text = manifest.read_text(encoding="utf-8")
    text, count = re.subn(rf"(?m)^(\s*{key}: )[^\s#]+", rf"\g<1>{value}", text)
    if count != 1:
        raise SystemExit(f"{manifest.name} has {count} lines with {key}")
    manifest.write_text(text, encoding="utf-8")


def _install(built: Path, models: Path) -> int:
    for path in sorted(built.iterdir()):
        (models / path.name).write_bytes(path.read_bytes())
        print(f"wrote   {path.name} {path.stat().st_size}")
    return 0


def _compare(built: Path, models: Path) -> int:
    different = 0
    for path in sorted(built.iterdir()):
        here = models / path.name
        if here.exists() and here.read_bytes() == path.read_bytes():
            print(f"same    {path.name}")
            continue
        different += 1
        print(f"differs {path.name}{_how_far(path, here)}")
    return DIFFERS if different else 0


def _how_far(built: Path, here: Path) -> str:
    if not here.exists():
        return ": not here"
    if built.suffix != ".npz":
        return ""
    with np.load(built) as new, np.load(here) as old:
        if set(new.files) != set(old.files):
            return ": other arrays"
        far = max(float(np.abs(new[n].astype(np.float32) - old[n].astype(np.float32)).max()) for n in new.files)
    return f": by at most {far:.2e}"


if __name__ == "__main__":
    sys.exit(main())
