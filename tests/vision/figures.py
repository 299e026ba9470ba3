"""Measures the figures in docs/vision.md on pictures of your own: ``python -m tests.vision.figures --help``."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from edge.inference.bundle import ModelBundle, default_models_dir
from edge.liveness.evidence import FaceBox, FrameEvidence
from edge.session.continuity import least_alike
from edge.vision.boxes import overlap
from edge.vision.detector import Detector
from edge.vision.landmarks import FaceMesh, Mesh, box_of_mesh, five_points, roi_of_detection, roi_of_mesh
from edge.vision.pad import PadJudge
from edge.vision.pipeline import FaceVision
from edge.vision.pose import head_pose
from edge.vision.quality import measure
from tests.vision.scene import Bundle, Pixels, frame_of

Spoil = Callable[[Pixels], Pixels]

rng = np.random.default_rng(0)


def lit(light: float, noise: float = 0.0) -> Spoil:
    """``light`` times as much light, with shot and read noise; sRGB taken as a power of 2.2."""

    def spoil(pixels: Pixels) -> Pixels:
        linear = (pixels / 255.0) ** 2.2 * light
        deviation = np.sqrt(linear * noise**2 + (noise / 10) ** 2)
        return (
            (np.clip(linear + rng.normal(0, 1, linear.shape) * deviation, 0, 1) ** (1 / 2.2) * 255)
            .round()
            .astype(np.uint8)
        )

    return spoil


def blurred(sigma: float) -> Spoil:
    return lambda pixels: cv2.GaussianBlur(pixels, (0, 0), sigma)


def noisy(deviation: float) -> Spoil:
    return lambda pixels: np.clip(pixels + rng.normal(0, deviation, pixels.shape), 0, 255).astype(np.uint8)


def compressed(quality: int) -> Spoil:
    return lambda pixels: cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def rows(path: Path, every: int) -> Iterator[tuple[dict[str, str], Pixels]]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in list(csv.DictReader(file))[::every]:
            yield row, cv2.imread(str(path.parent / row["path"]))


def box_of(row: dict[str, str]) -> FaceBox:
    return FaceBox(*(float(row[name]) for name in "xywh"))


def enlarged(pixels: Pixels, box: FaceBox, width: float, size: tuple[int, int]) -> Pixels:
    """The face ``width`` pixels wide in the middle of a frame, edges carried on."""
    scale = width / box.width
    resized = cv2.resize(
        pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    x, y = scale * (box.left + box.width / 2), scale * (box.top + box.height / 2)
    move = np.array([[1.0, 0.0, size[0] / 2 - x], [0.0, 1.0, size[1] / 2 - y]])
    return cv2.warpAffine(resized, move, size, borderMode=cv2.BORDER_REPLICATE)


def spread(values: Sequence[float]) -> str:
    one, five, fifty = np.percentile(values, [1, 5, 50])
    return f"n {len(values)} mean {np.mean(values):.3f} median {fifty:.3f} p5 {five:.3f} p1 {one:.3f}"


def report(name: str, seen: Sequence[FrameEvidence]) -> None:
    failed = [evidence for evidence in seen if evidence.failures]
    counts = Counter(str(failure) for evidence in failed for failure in evidence.failures)
    listed = ", ".join(f"{failure} {count}" for failure, count in counts.most_common())
    share = 100 * len(failed) / max(len(seen), 1)
    click.echo(f"{name:24} n {len(seen):4} not judged {len(failed):4} = {share:5.1f} %   {listed}")


def load() -> ModelBundle:
    return ModelBundle.load(default_models_dir(), verify=False)


@click.group()
def main() -> None:
    """CSV files name pictures by ``path``, relative to themselves."""


csv_argument = click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
every_option = click.option("--every", default=1, show_default=True, help="take every n-th row only")


@main.command()
@csv_argument
@every_option
def boxes(table: Path, every: int) -> None:
    """Detector against boxes of another one (columns x, y, w, h, if any), landmarks' box against the detector's."""
    models = load()
    detector, face_mesh, judge = Detector(models.detector), FaceMesh(models.landmarks), PadJudge(models.pad)
    found, first, tracked, moved, missed = [], [], [], [], 0
    for row, pixels in rows(table, every):
        frame = frame_of(pixels)
        detections = detector.search(frame)
        if not detections:
            missed += 1
            continue
        best = detections[0]
        if "x" in row:
            best = max(detections, key=lambda d: overlap(d.box, box_of(row)))
            found.append(overlap(best.box, box_of(row)))
        mesh = face_mesh.see(frame, roi_of_detection(best, face_mesh.roi_scale))
        again = face_mesh.see(frame, roi_of_mesh(mesh, face_mesh.roi_scale))
        first.append(overlap(box_of_mesh(mesh), best.box))
        tracked.append(overlap(box_of_mesh(again), best.box))
        scores = [judge.scores(frame, box, five_points(again)) for box in (best.box, box_of_mesh(again))]
        moved += [abs(one.margin - other.margin) for one, other in zip(*scores, strict=True)]
    click.echo(f"missed {missed}")
    if found:
        click.echo(f"detector against the table:            {spread(found)}")
    click.echo(f"landmarks' box, first look, to it:     {spread(first)}")
    click.echo(f"landmarks' box, while tracking, to it: {spread(tracked)}")
    click.echo(f"a PAD margin changes with the box by:  {spread(moved)} p95 {np.percentile(moved, 95):.2f}")


@main.command()
@csv_argument
@every_option
@click.option("--fps", type=float, help="as one sequence per label instead of stills")
def responses(table: Path, every: int, fps: float | None) -> None:
    """Which pictures may not be judged, by label (columns path, label)."""
    models = load()
    vision = FaceVision(Bundle(models.detector, models.landmarks))
    seen: dict[str, list[FrameEvidence]] = defaultdict(list)
    for row, pixels in rows(table, every):
        group = seen[row.get("label") or row["path"].split("/")[0]]
        if fps is None:
            group.append(vision.see(frame_of(pixels, still=True)))
            continue
        if not group:
            vision.reset()
        group.append(vision.see(frame_of(pixels, sequence=len(group), at=len(group) / fps)))
    for label, group in seen.items():
        report(label, group)


@main.command()
@csv_argument
@every_option
@click.option("--width", default=140.0, show_default=True, help="of the face, pixels")
@click.option("--size", default=(640, 480), show_default=True, type=(int, int), help="of the frame")
def poor(table: Path, every: int, width: float, size: tuple[int, int]) -> None:
    """Portraits (columns path, x, y, w, h) as frames of worse and worse cameras."""
    models = load()
    vision = FaceVision(Bundle(models.detector, models.landmarks))
    frames = [enlarged(pixels, box_of(row), width, size) for row, pixels in rows(table, every)]
    spoils: dict[str, Spoil] = {"as it is": lambda pixels: pixels}
    spoils |= {f"light x {light}": lit(light, 0.03) for light in (0.3, 0.1, 0.05, 0.02, 0.01)}
    spoils |= {f"light x {light}": lit(light) for light in (2, 3, 5)}
    spoils |= {f"blur {share:.0%} of the face": blurred(share * width) for share in (0.01, 0.02, 0.03, 0.04, 0.06)}
    spoils |= {f"noise {deviation}": noisy(deviation) for deviation in (8, 16, 30)}
    spoils |= {"JPEG 20": compressed(20)}
    spoils |= {
        "dim, soft, noisy, JPEG 40": lambda pixels: compressed(40)(
            noisy(5)(lit(0.2, 0.03)(blurred(0.01 * width)(pixels)))
        )
    }
    for name, spoil in spoils.items():
        report(name, [vision.see(frame_of(spoil(pixels), still=True)) for pixels in frames])


@main.command()
@csv_argument
@every_option
def sizes(table: Path, every: int) -> None:
    """How often a face is found by its share of the frame (columns path, x, y, w, h): first look, and search."""
    detector = Detector(load().detector)
    pictures = list(rows(table, every))
    for size in ((320, 240), (640, 480), (1280, 720)):
        for share in (0.1, 0.125, 0.15, 0.2, 0.3, 0.6, 1.0, 1.2, 1.5):
            hits = np.zeros(2)
            for row, pixels in pictures:
                width = share * min(size)
                frame = frame_of(enlarged(pixels, box_of(row), width, size))
                aim = FaceBox(size[0] / 2 - width / 2, size[1] / 2 - width / 2, width, width)
                hits += [
                    any(overlap(d.box, aim) > 0.45 for d in found)
                    for found in (detector.find(frame), detector.search(frame))
                ]
            first, search = 100 * hits / len(pictures)
            click.echo(f"{size[0]}x{size[1]} face {share:5.1%} of the shorter side: {first:5.1f} % {search:5.1f} %")


@main.command()
@csv_argument
@every_option
def covered(table: Path, every: int) -> None:
    """Whether the landmarks notice a covered face: presence below 0.5 with parts painted over."""
    models = load()
    detector, face_mesh = Detector(models.detector), FaceMesh(models.landmarks)
    outlines = {
        "mask": [(234, 93, 132, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 361, 323, 454, 6)],
        "hand over the mouth": [(205, 186, 57, 202, 210, 200, 430, 422, 287, 410, 425, 2)],
        "sunglasses": [(70, 105, 55, 193, 128, 118, 116, 127), (300, 334, 285, 417, 357, 347, 345, 356)],
        "bar over the eyes": [(127, 70, 107, 336, 300, 356, 345, 347, 6, 118, 116)],
    }
    paints = {"black": (15, 15, 15), "white": (235, 235, 235), "blue": (200, 150, 80), "skin": None}
    lost: Counter[tuple[str, str]] = Counter()
    total = 0
    for _, pixels in rows(table, every):
        mesh = _mesh(detector, face_mesh, pixels)
        if mesh is None:
            continue
        total += 1
        for name, parts in outlines.items():
            for paint, colour in paints.items():
                x, y = np.clip(mesh.points[205, :2].astype(int), 0, np.array(pixels.shape[1::-1]) - 1)
                spoiled = pixels.copy()
                for part in parts:
                    outline = mesh.points[list(part), :2].astype(np.int32)
                    cv2.fillPoly(spoiled, [outline], colour or pixels[y, x].tolist())
                lost[name, paint] += _mesh(detector, face_mesh, spoiled) is None
    for (name, paint), count in lost.items():
        click.echo(f"{name:20} {paint:6} no face any more in {count} of {total}")


def _mesh(detector: Detector, face_mesh: FaceMesh, pixels: Pixels) -> Mesh | None:
    frame = frame_of(pixels)
    for detection in detector.search(frame)[:1]:
        mesh = face_mesh.see(frame, roi_of_detection(detection, face_mesh.roi_scale))
        if mesh.presence >= 0.5:
            return mesh
    return None


@main.command()
@csv_argument
@every_option
def limits(table: Path, every: int) -> None:
    """What PAD networks can still tell (columns path, label: bonafide or attack), by sharpness, luma and clipping."""
    models = load()
    detector, face_mesh, judge = Detector(models.detector), FaceMesh(models.landmarks), PadJudge(models.pad)
    series: dict[str, dict[str, Spoil]] = {
        "sharpness": {str(sigma): blurred(sigma) for sigma in (0.7, 1, 1.5, 2, 2.5, 3, 4, 5)},
        "luma": {str(light): lit(light, 0.03) for light in (0.3, 0.1, 0.05, 0.03, 0.02)},
        "clipped": {str(light): lit(light) for light in (1.5, 2, 3, 5, 8)},
    }
    edges = {
        "sharpness": (0, 0.08, 0.15, 0.2, 0.3, 0.4, 0.6, 9),
        "luma": (0, 16, 24, 32, 40, 50, 70, 100, 256),
        "clipped": (-1, 0.01, 0.1, 0.2, 0.3, 0.4, 0.6, 2),
    }
    for quantity, spoils in series.items():
        samples = []
        for row, pixels in rows(table, every):
            for spoil in ({"as it is": lambda p: p} | spoils).values():
                spoiled = spoil(pixels)
                mesh = _mesh(detector, face_mesh, spoiled)
                if mesh is None:
                    continue
                frame, box = frame_of(spoiled), box_of_mesh(mesh)
                pose = head_pose(mesh, max(spoiled.shape[:2]))
                value = getattr(measure(frame, mesh, box, pose, others=0, speed=None), quantity)
                margins = [score.margin for score in judge.scores(frame, box, five_points(mesh))]
                samples.append((row["label"] == "bonafide", value, *margins))
        data = np.array(samples, float)
        for low, high in zip(edges[quantity], edges[quantity][1:], strict=False):
            inside = data[(data[:, 1] >= low) & (data[:, 1] < high)]
            live, attack = inside[inside[:, 0] > 0, 2:], inside[inside[:, 0] == 0, 2:]
            for index, model in enumerate(models.pad):
                area = (live[:, None, index] > attack[None, :, index]).mean() if len(live) and len(attack) else np.nan
                click.echo(
                    f"{quantity:9} {low:6} to {high:4} {model.id:20} n {len(live):4} {len(attack):4} AUC {area:.3f}"
                )


@main.command()
@csv_argument
@every_option
@click.option(
    "--fps", type=float, help="as sequences, one per subject, of that many pictures a second in order of path"
)
def identity(table: Path, every: int, fps: float | None) -> None:
    """How alike embeddings are within subjects (column subject_id or subject) and between them; with --fps by halves of
    every eight seconds, as a session compares them, of bona fide rows.
    """
    vision = FaceVision(load())
    faces: dict[str, list[tuple[str, FrameEvidence, np.ndarray]]] = defaultdict(list)
    for row, pixels in rows(table, every):
        frame = frame_of(pixels)
        vision.reset()
        evidence = vision.see(frame, judge=False)
        embedding = vision.embedding(frame)
        if embedding is not None and row.get("label", "bonafide") == "bonafide":
            faces[row.get("subject_id") or row["subject"]].append((row["path"], evidence, embedding))
    if fps is None:
        names = np.array([name for name, seen in faces.items() for _ in seen])
        each = np.array([embedding for seen in faces.values() for *_, embedding in seen])
        one, other = np.triu_indices(len(each), 1)
        alike, same = (each @ each.T)[one, other], names[one] == names[other]
        for name, values in (("of one subject", alike[same]), ("of two", alike[~same])):
            if len(values):
                below = ", ".join(f"{limit} {(values < limit).mean():.2%}" for limit in (0.3, 0.5))
                click.echo(f"{name}: {spread(values)} lowest {values.min():.2f}; below {below}")
        return
    for name, seen in faces.items():
        # The network looks twice a second, and where the face is well seen.
        good = [
            (number / fps, embedding)
            for number, (_, evidence, embedding) in enumerate(sorted(seen, key=lambda entry: entry[0]))
            if not evidence.failures and evidence.pose is not None and abs(evidence.pose.yaw) <= 12
        ]
        values = []
        for begin in np.arange(0, max(len(seen) / fps - 8, 0), 0.1):
            chosen: list[tuple[float, np.ndarray]] = []
            for at, embedding in good:
                if begin <= at < begin + 8 and (not chosen or at - chosen[-1][0] >= 0.499):
                    chosen.append((at, embedding))
            values.append(least_alike([embedding for _, embedding in chosen], 2))
        if values:
            click.echo(f"{name}: {spread(values)}; {len(values)} windows, lowest {min(values):.2f}")


if __name__ == "__main__":
    main()
