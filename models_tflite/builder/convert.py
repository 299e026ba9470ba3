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
from pictures import Detector, Face, aligned_crop, people, shifted_crop, square_crop, varied
from sources import FACEPLUGIN, MEDIAPIPE, OPENPEOPLE

from edge.inference.convert.equalize import equalized
from edge.inference.convert.network import read_network
from edge.inference.convert.rebuild import rebuild
from edge.inference.convert.tflite import Precision, converted

SEED = 20
VARIANTS = 5
PAD_SIZE, PAD_SCALE = 128, 2.7
MESH_SIZE, MESH_SCALE = 192, 1.5
EMBEDDING_SCALE, EMBEDDING_OFFSET = 1 / 128, -127 / 128
GOLDEN_PICTURES = ("P001/assets/amateur_selfie.jpg", "P004/assets/amateur_selfie.jpg")
STOCK_THRESHOLD = 0.5
NEAR_THRESHOLD = 3.0
DIFFERS = 3

COPIED = {
    "blazeface-short-range": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "face-mesh-468": "mediapipe/modules/face_landmark/face_landmark.tflite",
}


@dataclass(frozen=True)
class Faces:
    """Crops by network, (n, height, width, 3) uint8, in the colour order that the network takes."""

    pad: np.ndarray
    recaptured: np.ndarray
    embedding: np.ndarray
    golden: dict[str, list[np.ndarray]]


def main() -> int:
    """Arguments: work folder, models folder, --check."""
    work, models = Path(sys.argv[1]), Path(sys.argv[2])
    check = "--check" in sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        for manifest in models.glob("*.yaml"):
            (built / manifest.name).write_bytes(manifest.read_bytes())
        _build(work, built)
        return _compare(built, models) if check else _install(built, models)


def _build(work: Path, out: Path) -> None:
    sources, floats = work / "sources", work / "float"
    floats.mkdir(exist_ok=True)
    with zipfile.ZipFile(sources / MEDIAPIPE.file) as wheel:
        for name, path in COPIED.items():
            (out / f"{name}.tflite").write_bytes(wheel.read(path))
    with tarfile.open(sources / FACEPLUGIN.file) as package:
        for name in ("fr_liveness", "fr_feature"):
            member = package.extractfile(f"package/model/{name}.onnx")
            if member is None:
                raise SystemExit(f"{name}.onnx is not in the package")
            (floats / f"{name}.onnx").write_bytes(member.read())
    faces = _faces(sources / OPENPEOPLE.file, out / "blazeface-short-range.tflite")
    print(f"faces   {len(faces.pad)} crops for calibration, {len(faces.recaptured)} for the thresholds")
    _build_pad(floats, out, faces)
    _build_embedding(floats, out, faces)
    for name, images in faces.golden.items():
        _write_golden(out, name, images)
    for path in sorted(out.glob("*.tflite")):
        _set(out / f"{path.stem}.yaml", "sha256", hashlib.sha256(path.read_bytes()).hexdigest())


def _build_pad(floats: Path, out: Path, faces: Faces) -> None:
    onnx_file = floats / "fr_liveness.onnx"
    network = read_network(onnx_file)
    function = rebuild(network)
    reference = converted(function)
    (floats / "fr-liveness.tflite").write_bytes(reference)
    _agreement(onnx_file, reference, faces.pad[:20].astype(np.float32))
    (out / "fr-liveness-w8.tflite").write_bytes(converted(function, Precision.WEIGHTS))
    crops = faces.pad.astype(np.float32)
    function = rebuild(equalized(network, crops), prelu="split")
    (out / "fr-liveness-int8.tflite").write_bytes(converted(function, Precision.CALIBRATED, crops))
    probes = np.concatenate([faces.pad, faces.recaptured])
    wanted = _live_logits(reference, probes)
    near = np.abs(wanted) < NEAR_THRESHOLD
    for name in ("fr-liveness-w8", "fr-liveness-int8"):
        got = _live_logits((out / f"{name}.tflite").read_bytes(), probes)
        shift = float(np.median(got[near] - wanted[near]))
        threshold = 1 / (1 + np.exp(-(np.log(STOCK_THRESHOLD / (1 - STOCK_THRESHOLD)) + shift)))
        print(f"pad     {name}: shift {shift:+.3f} logits over {near.sum()} crops, threshold {threshold:.3f}")
        _set(out / f"{name}.yaml", "threshold", f"{threshold:.3f}")


def _build_embedding(floats: Path, out: Path, faces: Faces) -> None:
    onnx_file = floats / "fr_feature.onnx"
    function = rebuild(read_network(onnx_file), scale=EMBEDDING_SCALE, offset=EMBEDDING_OFFSET)
    reference = converted(function)
    (floats / "fr-feature.tflite").write_bytes(reference)
    _agreement(onnx_file, reference, faces.embedding[:20].astype(np.float32), EMBEDDING_SCALE, EMBEDDING_OFFSET)
    (out / "fr-feature-w8.tflite").write_bytes(converted(function, Precision.WEIGHTS))


def _agreement(onnx_file: Path, content: bytes, crops: np.ndarray, scale: float = 1.0, offset: float = 0.0) -> None:
    """Stop unless the float rebuild and the original say the same."""
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    planes = (crops * scale + offset).transpose(0, 3, 1, 2).astype(np.float32)
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


def _live_logits(content: bytes, crops: np.ndarray) -> np.ndarray:
    logits = np.concatenate([outputs[0] for outputs in _outputs(content, crops)])
    live: np.ndarray = logits[:, 0] - np.logaddexp.reduce(logits[:, 1:], axis=1)
    return live


def _faces(wheel: Path, detector_file: Path) -> Faces:
    rng = np.random.default_rng(SEED)
    detector = Detector(tf.lite.Interpreter(str(detector_file)))
    pad: list[np.ndarray] = []
    recaptured: list[np.ndarray] = []
    embedding: list[np.ndarray] = []
    golden: dict[str, list[np.ndarray]] = {}
    for name, picture in people(wheel):
        face = detector.best(picture)
        if face is None:
            continue
        if name.endswith(GOLDEN_PICTURES):
            for model, crop in _golden_crops(name, picture, face, detector):
                golden.setdefault(model, []).append(crop)
        for variant in range(VARIANTS + 1):
            scene = varied(picture, rng) if variant else picture
            pad.append(shifted_crop(scene, face.box, PAD_SCALE * rng.uniform(0.8, 1.2), PAD_SIZE))
            embedding.append(aligned_crop(scene, face)[:, :, ::-1])
            again = varied(picture, rng, screen=True)
            recaptured.append(shifted_crop(again, face.box, PAD_SCALE, PAD_SIZE))
    # The input's range must come out as 0..255, so that its scale is 1 and pixels go in as they are.
    pad[0][0, 0], pad[0][-1, -1] = 0, 255
    return Faces(np.array(pad), np.array(recaptured), np.array(embedding), golden)


def _golden_crops(name: str, picture: np.ndarray, face: Face, detector: Detector) -> Iterator[tuple[str, np.ndarray]]:
    if name.endswith(GOLDEN_PICTURES[0]):
        yield "blazeface-short-range", detector.letterboxed(picture)
        yield "face-mesh-468", square_crop(picture, face.box, MESH_SCALE, MESH_SIZE)[:, :, ::-1]
    crop = shifted_crop(picture, face.box, PAD_SCALE, PAD_SIZE)
    yield "fr-liveness-w8", crop
    yield "fr-liveness-int8", crop
    yield "fr-feature-w8", aligned_crop(picture, face)[:, :, ::-1]


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
