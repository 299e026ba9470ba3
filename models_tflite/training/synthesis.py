"""Frames of bona fide people and of recaptured pictures, as webcams, phones and small boards' cameras deliver them.

`make` first draws the capture (camera, place of the face, exposure, compression) and only then builds what stands before
the camera. The same seed gives the same capture for every species, so none of it can tell the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from artefacts import Panel, Screening, Sheet
from camera import Camera, Lattice, capture, draw_camera
from light import jpeg, linear, scaled, white_of
from portraits import Portrait, load_backgrounds, load_portraits, split
from scene import Pose, box_of, lowest, person_in_place, photographed_place, plain_room, room_white

__all__ = ["SPECIES", "Frame", "Portrait", "load_backgrounds", "load_portraits", "make", "split"]

BONA_FIDE = "bonafide"
PRINTS = ("print_full", "print_held", "print_cut", "poster")
SCREENS = ("screen_large", "screen_phone", "screen_tablet", "screen_laptop", "screen_video")
SPECIES = (BONA_FIDE, *PRINTS, *SCREENS)


MOST_PIXELS = 360_000
"""Of an attacker's picture."""


@dataclass(frozen=True)
class Frame:
    """One picture from a camera.

    pixels: (height, width, 3) uint8, BGR, after the camera's own processing and compression.
    box: left, top, width, height of the face as a detector draws it, in pixels. details: what was drawn.
    """

    pixels: np.ndarray
    box: tuple[float, float, float, float]
    label: Literal["bonafide", "attack"]
    species: str
    subject: str
    source: str
    details: dict[str, float | str]


@dataclass(frozen=True)
class Capture:
    """What is settled before it is known who or what is presented. x, y, face: pixels of the delivered frame."""

    camera: Camera
    x: float
    y: float
    face: float
    roll: float

    @property
    def pose(self) -> Pose:
        """In sensor pixels."""
        k = self.camera.density
        return Pose(self.x * k, self.y * k, self.face * k, self.roll)


@dataclass(frozen=True)
class Shown:
    """A picture an attacker has. box: of the face in it. cover: of the person, where it is to be cut out."""

    picture: np.ndarray
    box: tuple[float, float, float, float]
    cover: np.ndarray | None = None


def make(portrait: Portrait, backgrounds: Sequence[Path], rng: np.random.Generator, species: str) -> Frame:
    """One frame of the person: live, or of an attack with a picture of them.

    Raises ValueError for a species that is not in SPECIES.
    """
    if species not in SPECIES:
        raise ValueError(f"{species!r} is no species; choose one of {', '.join(SPECIES)}")
    settled = draw_capture(portrait, rng)
    before, sensor = (np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=2))
    details: dict[str, float | str] = {}
    lattice: Lattice | None = None
    if species == BONA_FIDE:
        light = person_in_place(portrait, backgrounds, before, settled.camera.sensor_size, settled.pose)
        box = box_of(portrait, settled.pose)
    elif species in PRINTS:
        light, box, lattice = _print(portrait, backgrounds, before, settled, species, details)
    else:
        light, box, lattice = _screen(portrait, backgrounds, before, settled, species, details)
    camera = settled.camera
    focus = settled.x / camera.width, settled.y / camera.height
    pixels = capture(light, camera, sensor, focus, lattice)
    k = pixels.shape[1] / camera.sensor_size[0], pixels.shape[0] / camera.sensor_size[1]
    details |= {
        "camera": camera.maker,
        "blur": camera.blur,
        "motion": float(np.hypot(*camera.motion)),
        "gain": camera.gain,
        "quality": float(min(camera.qualities)),
        "target": camera.target,
        "face": settled.face,
    }
    return Frame(
        pixels=pixels,
        box=(box[0] * k[0], box[1] * k[1], box[2] * k[0], box[3] * k[1]),
        label="bonafide" if species == BONA_FIDE else "attack",
        species=species,
        subject=portrait.subject,
        source=portrait.source,
        details=details,
    )


def draw_capture(portrait: Portrait, rng: np.random.Generator) -> Capture:
    """A camera, and where the face comes to lie in its frame."""
    camera = draw_camera(rng)
    short = min(camera.width, camera.height)
    # A portrait blown up has less detail than any camera would see.
    most = min(300.0, 0.62 * short, 1.3 * portrait.box[2])
    least = min(max(90.0 if short >= 360 else 64.0, 0.17 * short), most)
    face = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    x = float(np.clip(rng.normal(0.5, 0.12) * camera.width, 0.55 * face, camera.width - 0.55 * face))
    y = float(np.clip(rng.normal(0.52, 0.1) * camera.height, 0.62 * face, camera.height - 0.62 * face))
    y = min(y, lowest(portrait, face))
    return Capture(camera, x, y, face, float(rng.normal(0, 3.5)))


def _first_generation(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    *,
    aspect: float,
    share: float,
    face: float,
    video: bool = False,
) -> Shown:
    """The picture an attacker has: a portrait photo, a selfie, a webcam's or video's frame, compressed.

    aspect: width over height. share: of the width that the face takes. face: pixels of its width that are wanted.
    """
    face = float(np.clip(face, 60, 1.2 * portrait.box[2]))
    width = min(face / share, 900.0, (MOST_PIXELS * aspect) ** 0.5)
    face = width * share
    columns, rows = round(width), round(width / aspect)
    y = float(np.clip(rows * rng.normal(0.45, 0.05), 0.75 * face, max(rows - 0.6 * face, 0.75 * face)))
    pose = Pose(
        columns * float(np.clip(rng.normal(0.5, 0.06), 0.7 * share, 1 - 0.7 * share)),
        min(y, lowest(portrait, face)),
        face,
        float(rng.normal(0, 3.0)),
    )
    light = person_in_place(portrait, backgrounds, rng, (columns, rows), pose)
    blur = rng.gamma(2.0, 0.25)
    if blur > 0.3:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    middle = float(light[:: max(rows // 24, 1), :: max(columns // 24, 1)].mean())
    target = float(np.clip(rng.normal(0.5, 0.07), 0.3, 0.68)) ** 2.2
    # Square root, noise, 8 bits; then a table from the square root to the tone curve.
    tone = cv2.sqrt(scaled(light, 255.0**2 * target / max(middle, 1e-4)))
    tone = cv2.add(tone, _noise(rng, columns, rows, 255 * float(rng.gamma(1.5, 0.006))), dtype=cv2.CV_8U)
    curve = (np.arange(256) / 255) ** (2 / 2.2)
    curve = curve + rng.uniform(-0.05, 0.25) * (curve - 0.5) * (1 - np.abs(2 * curve - 1))
    picture = cv2.LUT(tone, (np.clip(curve, 0, 1) * 255 + 0.5).astype(np.uint8))
    if video:
        k = rng.uniform(0.4, 0.9)
        small = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        small = cv2.medianBlur(jpeg(small, int(rng.integers(15, 45))), 3)  # in-loop deblocking smooths too
        picture = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    else:
        picture = jpeg(picture, int(rng.integers(60, 97)))
    return Shown(picture, box_of(portrait, pose))


def _noise(rng: np.random.Generator, columns: int, rows: int, sigma: float) -> np.ndarray:
    """(rows, columns, 3) float32: a piece of one fixed field, that of a first camera does not matter more than so."""
    field = _noise_field()
    top, left = (int(rng.integers(field.shape[axis] - length + 1)) for axis, length in ((0, rows), (1, columns)))
    return scaled(np.ascontiguousarray(field[top : top + rows, left : left + columns]), sigma)


@lru_cache(maxsize=1)
def _noise_field() -> np.ndarray:
    white = np.random.default_rng(0).standard_normal((1400, 1400, 3), np.float32)
    return np.asarray(cv2.GaussianBlur(white, (0, 0), 0.6) * np.float32(1.9))


def _sheet(
    rng: np.random.Generator,
    settled: Capture,
    face_centimetres: float,
    distance: float,
    *,
    lean: float,
    bend: float = 0.0,
) -> Sheet:
    """The artefact where the capture wants the face."""
    pose = settled.pose
    columns, rows = settled.camera.sensor_size
    return Sheet(
        columns,
        rows,
        pose.x,
        pose.y,
        pose.width / face_centimetres,
        turn=float(rng.normal(0, lean)),
        tilt=float(rng.normal(0, lean)),
        roll=float(pose.roll + rng.normal(0, 2.5)),
        distance=distance,
        bend=bend,
    )


def _surroundings(backgrounds: Sequence[Path], rng: np.random.Generator, settled: Capture) -> np.ndarray:
    size = settled.camera.sensor_size
    place = photographed_place(backgrounds, rng, size) if rng.random() < 0.6 else plain_room(rng, size)
    return scaled(place, float(np.exp(rng.normal(0.0, 0.5))))


def _lamp(rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """(rows, columns) light of the room along the sheet, about 1."""
    u, v = sheet.where
    angle, fall = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.22)
    slope = np.tanh((u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) / np.float32(reach))
    return 1 + np.float32(fall) * slope


def _highlight(rng: np.random.Generator, sheet: Sheet, reach: float, strength: float) -> np.ndarray:
    """(rows, columns) the mirror image of one lamp or window, blurred by the surface."""
    u, v = sheet.where
    cu, cv = rng.normal(0, 0.8 * reach, 2)
    a, b = reach * np.exp(rng.normal(-1.0, 0.6, 2))
    power = 2 if rng.random() < 0.6 else 6  # a lamp, or a window with its corners
    away = (np.abs(u - np.float32(cu)) / np.float32(a)) ** power + (np.abs(v - np.float32(cv)) / np.float32(b)) ** power
    return np.float32(strength) * np.exp(-np.minimum(away, 30))


FINGER, PALM = 0.85, 4.0
"""Radii, centimetres."""


def _fingers(
    light: np.ndarray, rng: np.random.Generator, sheet: Sheet, edges: tuple[float, float, float, float], face: float
) -> None:
    """Fingers and thumbs that hold the sheet at its sides or from below, drawn into the light; never over the face.

    face: centimetres of its width.
    """
    left, top, right, bottom = edges
    skin = np.exp(rng.normal(np.log(0.3), 0.45)) * np.array([0.55, 0.75, 1.15]) * np.exp(rng.normal(0, 0.08, 3))
    for side in rng.permutation(3)[: int(rng.integers(0, 3))]:
        if side < 2:
            edge, inward = (left, 1.0) if side == 0 else (right, -1.0)
            base = rng.uniform(0.3, 0.95) * (bottom - top) + top
            count = 1 if rng.random() < 0.6 else 4
            places = [(edge, base + 1.9 * n, inward, rng.normal(0, 0.15)) for n in range(count)]
            room = abs(edge) - 0.55 * face - FINGER
        else:
            base = rng.uniform(0.2, 0.8) * (right - left) + left
            places = [(base + 2.0 * n, bottom, rng.normal(0, 0.2), -1.0) for n in range(int(rng.integers(1, 4)))]
            room = bottom - 0.7 * face - FINGER
        # The hand behind it, larger and darker than its fingers.
        pu, pv, du, dv = places[len(places) // 2]
        hu, hv = pu - 4.5 * du, pv - 4.5 * dv
        for u, v, part in _near(sheet, light, hu, hv, PALM):
            off = np.hypot(u - np.float32(hu), v - np.float32(hv)) / np.float32(PALM)
            beyond = (u - np.float32(pu)) * np.float32(du) + (v - np.float32(pv)) * np.float32(dv)
            cover = np.minimum(1 - off, -beyond / PALM) * np.float32(PALM * sheet.scale)
            _cover(part, skin * 0.7, cover, np.sqrt(np.maximum(1 - off**2 * 0.8, 0.1)))
        for pu, pv, du, dv in places:
            reach = min(rng.uniform(0.8, 3.0), max(room, 0.2))
            norm = float(np.hypot(du, dv))
            du, dv = du / norm, dv / norm
            for u, v, part in _near(sheet, light, pu, pv, 4.0):
                u, v = u - np.float32(pu), v - np.float32(pv)
                along = np.clip(u * np.float32(du) + v * np.float32(dv), -4.0, reach)
                off = np.hypot(u - along * np.float32(du), v - along * np.float32(dv)) / np.float32(FINGER)
                cover = (1 - off) * np.float32(FINGER * sheet.scale) + 0.5
                _cover(part, skin, cover, np.sqrt(np.maximum(1 - off**2, 0.05)))


def _cover(part: np.ndarray, colour: np.ndarray, cover: np.ndarray, shade: np.ndarray) -> None:
    """Paint over a part of the light; cover and shade may be on a coarser grid."""
    size = part.shape[1], part.shape[0]
    share = cv2.resize(np.clip(cover, 0, 1), size, interpolation=cv2.INTER_LINEAR)
    tone = scaled(cv2.merge([cv2.resize(shade, size, interpolation=cv2.INTER_LINEAR)] * 3), colour)
    part[:] = cv2.blendLinear(tone, np.ascontiguousarray(part), share, 1 - share)


def _near(
    sheet: Sheet, light: np.ndarray, u: float, v: float, radius: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """u and v (of every other pixel where a centimetre has many) and light about a point of the sheet in the frame."""
    seen = sheet.matrix @ np.array([u, v, 1.0])
    if seen[2] <= 0:
        return
    x, y, reach = seen[0] / seen[2], seen[1] / seen[2], 1.3 * radius * sheet.scale
    rows = slice(int(max(y - reach, 0)), int(max(y + reach, 0)))
    columns = slice(int(max(x - reach, 0)), int(max(x + reach, 0)))
    part = light[rows, columns]
    step = 3 if sheet.scale > 15 else 1
    if part.size and min(part.shape[:2]) > 4:
        yield sheet.where[0][rows, columns][::step, ::step], sheet.where[1][rows, columns][::step, ::step], part


def _print(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    settled: Capture,
    species: str,
    details: dict[str, float | str],
) -> tuple[np.ndarray, tuple[float, float, float, float], Lattice | None]:
    frame_share = settled.face / settled.camera.width
    aspect = float(rng.choice([0.707, 0.75, 0.8, 1.0, 1.333, 1.414]))
    if species in ("print_full", "poster"):
        aspect = settled.camera.width / settled.camera.height
        share = frame_share / rng.uniform(1.05, 1.6 if species == "print_full" else 2.5)
        face_centimetres = rng.uniform(7, 16) if species == "print_full" else rng.uniform(16, 45)
    else:
        share = rng.uniform(0.28, 0.55)
        face_centimetres = rng.uniform(7, 15) if rng.random() < 0.75 else rng.uniform(3, 6)
    shown = _first_generation(
        portrait, backgrounds, rng, aspect=aspect, share=share, face=settled.face * rng.uniform(0.7, 1.5)
    )
    curled = rng.random() < 0.6 and species != "poster"
    bend = float(rng.normal(0, 0.03)) * 10 / face_centimetres if curled else 0.0
    sheet = _sheet(
        rng, settled, face_centimetres, rng.uniform(25, 70) * max(face_centimetres / 10, 1), lean=9, bend=bend
    )
    per_centimetre = shown.box[2] / face_centimetres
    origin = shown.box[0] + shown.box[2] / 2, shown.box[1] + shown.box[3] / 2
    picture = _proofed(shown.picture, rng)
    reflectance = linear(sheet.seen(picture, per_centimetre, origin))
    reflectance = _inked(reflectance, rng)
    rows, columns = shown.picture.shape[:2]
    left, top = -origin[0] / per_centimetre, -origin[1] / per_centimetre
    right, bottom = left + columns / per_centimetre, top + rows / per_centimetre
    coarse = sheet.coarse
    lamp = _lamp(rng, coarse, 1.5 * face_centimetres)
    if bend:
        lamp = lamp * (1 + np.tanh(np.float32(bend * rng.choice([-1, 1]) * 3) * coarse.where[0]))
    lamp = sheet.fine(lamp)
    fibres = _noise(rng, sheet.columns, sheet.rows, float(rng.uniform(0.002, 0.015)))[..., 0]
    lamp = lamp * (1 + fibres)
    if rng.random() < 0.25:  # folded and opened again
        across = sheet.where[int(rng.integers(2))]
        step = (across - np.float32(rng.normal(0, 1.2) * face_centimetres)) * np.float32(sheet.scale / 2)
        lamp *= 1 + np.float32(rng.normal(0, 0.08)) * np.tanh(step) - 0.12 * np.exp(-(step**2))
    gloss = float(rng.beta(1.2, 3)) if rng.random() < 0.6 else 0.0
    veil = sheet.fine(_highlight(rng, coarse, 1.5 * face_centimetres, gloss)) + np.float32(gloss * rng.uniform(0, 0.06))
    paper = np.array([rng.uniform(0.82, 0.93), 0.9, rng.uniform(0.88, 0.92)], np.float32) * np.float32(0.95)
    edges = left, top, right, bottom
    cover: np.ndarray | None = None
    surface = reflectance
    if species in ("print_held", "print_cut") or (species == "poster" and rng.random() < 0.4):
        margin = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.2, 1.6))
        if species == "print_cut":
            cover, printed = _cut_out(portrait, rng, sheet, face_centimetres)
        else:
            edges = left - margin, top - margin, right + margin, bottom + margin
            printed = sheet.inside(left, top, right, bottom)
            cover = sheet.inside(*edges)
        surface = cv2.blendLinear(reflectance, np.ones_like(reflectance), printed, 1 - printed)
    light = cv2.multiply(scaled(surface, paper), cv2.merge([lamp] * 3))
    light = cv2.add(light, cv2.merge([veil] * 3))
    if cover is not None:
        light = cv2.blendLinear(light, _surroundings(backgrounds, rng, settled), cover, 1 - cover)
    if species in ("print_held", "print_cut"):
        _fingers(light, rng, sheet, edges, face_centimetres)
    light = scaled(light, room_white(rng))
    lattice: Lattice | None = None
    details |= {"centimetres": float(face_centimetres), "bend": bend, "gloss": gloss}
    if rng.random() < (0.9 if species == "poster" else 0.45):
        screening = Screening(float(rng.uniform(25, 60) if species == "poster" else rng.uniform(39, 79)))
        details["ruling"] = screening.ruling

        def lattice(camera: Camera, colours: np.ndarray) -> np.ndarray | None:
            return screening.factor(sheet, camera, colours, reflectance)

    half = face_centimetres / 2
    tall = half * shown.box[3] / shown.box[2]
    return light, sheet.box(-half, -tall, half, tall), lattice


def _proofed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture as a driver prints it: ink gamut, contrast and cast."""
    saturation = rng.uniform(0.65, 1.05)
    grey = np.array([0.114, 0.587, 0.299], np.float32)
    matrix = np.eye(3, dtype=np.float32) * np.float32(saturation) + np.float32(1 - saturation) * grey[None]
    matrix = matrix * np.exp(rng.normal(0, 0.035, 3)).astype(np.float32)[:, None]
    table = np.arange(256, dtype=np.float32) / 255
    table = table ** np.float32(np.exp(rng.normal(0, 0.15)))
    table = (np.clip(table * rng.uniform(0.92, 1.0), 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.transform(picture, matrix), table))


def _inked(reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black ink still reflects: 3 to 8 % of white."""
    black = float(rng.uniform(0.03, 0.08))
    return np.asarray(cv2.addWeighted(reflectance, 1 - black, reflectance, 0, black))


def _cut_out(
    portrait: Portrait, rng: np.random.Generator, sheet: Sheet, face_centimetres: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cover of a print cut along the head, and where there is picture and not a rim of paper: (rows, columns)."""
    matte = portrait.matte()
    per_centimetre = portrait.box[2] / face_centimetres
    rim = max(int(rng.uniform(0.0, 0.5) * per_centimetre), 1)
    matte = cv2.GaussianBlur(matte, (0, 0), 0.12 * per_centimetre)
    wide = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1)))
    wide = cv2.GaussianBlur(wide, (0, 0), 0.15 * per_centimetre)
    origin = portrait.box[0] + portrait.box[2] / 2, portrait.box[1] + portrait.box[3] / 2
    u, v = sheet.where
    x = u * np.float32(per_centimetre) + np.float32(origin[0])
    y = v * np.float32(per_centimetre) + np.float32(origin[1])
    y_end = rng.uniform(0.75, 1.6) * portrait.box[3] + portrait.box[1] + 0.2 * portrait.box[3]
    gain = np.float32(max(sheet.scale / per_centimetre, 1.0) * 0.15 * per_centimetre)
    covers = []
    for mask in (wide, matte):
        seen = cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(np.float32) / 255
        covers.append(np.clip((seen - 0.5) * 2.5 * gain + 0.5, 0, 1))
    covers[0] = covers[0] * np.clip((np.float32(y_end) - y) * np.float32(sheet.scale / per_centimetre) + 0.5, 0, 1)
    return covers[0], covers[1]


@dataclass(frozen=True)
class Device:
    """Ranges of a display. width: of the lit area, centimetres, held in the given aspects. pitch: pixels to an inch."""

    width: tuple[float, float]
    aspects: tuple[float, ...]
    pitch: tuple[float, float]
    bezel: tuple[float, float]
    corner: tuple[float, float]
    diamond: float
    distance: tuple[float, float]


DEVICES = {
    "screen_phone": Device((6.3, 7.4), (0.46, 0.5, 0.56), (320, 460), (0.2, 0.6), (0.2, 0.9), 0.55, (15, 40)),
    "screen_tablet": Device((14.5, 25.0), (0.75, 0.7, 1.333, 1.6), (150, 270), (0.5, 1.8), (0.3, 1.2), 0.15, (25, 60)),
    "screen_laptop": Device((28.0, 35.0), (1.6, 1.78), (100, 230), (0.5, 1.8), (0.0, 0.5), 0.08, (30, 80)),
    "screen_large": Device((48.0, 120.0), (1.78,), (42, 110), (0.8, 3.0), (0.0, 0.3), 0.08, (50, 180)),
}


def _screen(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    settled: Capture,
    species: str,
    details: dict[str, float | str],
) -> tuple[np.ndarray, tuple[float, float, float, float], Lattice | None]:
    video = species == "screen_video"
    kind = str(rng.choice(list(DEVICES))) if video else species
    device = DEVICES[kind]
    width = float(rng.uniform(*device.width))
    display = float(rng.choice(device.aspects))
    frame_share = settled.face / settled.camera.width
    # The picture fills the display's width, or stands on it between bars.
    aspect = display if rng.random() < 0.5 else float(rng.choice([0.75, 1.0, 1.333, 1.78]))
    if kind == "screen_large":
        share = float(rng.uniform(0.1, 0.3))
        if rng.random() < 0.75:  # the frame ends within the picture
            share = min(share, frame_share / 1.1)
            aspect = display
    elif kind == "screen_laptop":
        share = float(rng.uniform(0.16, 0.4))
    else:
        share = float(rng.uniform(0.32, 0.62)) if display < 1 else float(rng.uniform(0.2, 0.42))
    picture_width = width if aspect >= display else width * aspect / display
    face_centimetres = picture_width * share
    shown = _first_generation(
        portrait, backgrounds, rng, aspect=aspect, share=share, face=settled.face * rng.uniform(0.7, 1.5), video=video
    )
    sheet = _sheet(rng, settled, face_centimetres, rng.uniform(*device.distance), lean=8)
    per_centimetre = shown.box[2] / face_centimetres
    origin = shown.box[0] + shown.box[2] / 2, shown.box[1] + shown.box[3] / 2
    rows, columns = shown.picture.shape[:2]
    left, top = -origin[0] / per_centimetre, -origin[1] / per_centimetre
    right, bottom = left + columns / per_centimetre, top + rows / per_centimetre
    content = linear(sheet.seen(_rendered(shown.picture, rng), per_centimetre, origin))
    lit_height = width / display
    cu, cv = (left + right) / 2, (top + bottom) / 2
    glass = cu - width / 2, cv - lit_height / 2, cu + width / 2, cv + lit_height / 2
    bars = 0.9 if rng.random() < 0.15 else 0.003
    if aspect != display:
        shows = sheet.inside(left, top, right, bottom)
        content = cv2.blendLinear(content, np.full_like(content, bars), shows, 1 - shows)
    # The display's white against a white sheet in the same room: 80 to 500 nits against 100 to 600 lx / pi.
    brightness = float(np.exp(rng.normal(np.log(1.8), 0.6)))
    kelvin = float(rng.uniform(6000, 9300))
    white = white_of(kelvin)
    black = float(1 / rng.uniform(400, 2000))
    coarse = sheet.coarse
    u, v = coarse.where
    falloff = 1 + np.float32(rng.normal(0, 0.18)) * np.tanh(v / np.float32(lit_height))
    falloff = sheet.fine(falloff * (1 + np.float32(rng.normal(0, 0.08)) * np.tanh(u / np.float32(width))))
    if rng.random() < 0.25:
        falloff = falloff * _banding(rng, settled.camera)
    behind = _surroundings(backgrounds, rng, settled)
    reflected = _reflections(behind, rng, coarse, max(width / 3, face_centimetres))
    bezel = float(rng.uniform(*device.bezel))
    corner = float(rng.uniform(*device.corner))
    frame = glass[0] - bezel, glass[1] - bezel, glass[2] + bezel, glass[3] + bezel
    colour = float(0.85 if rng.random() < 0.12 else rng.uniform(0.006, 0.05))
    panel = sheet.inside(*glass, corner=corner * 0.5)
    cover = sheet.inside(*frame, corner=corner + 0.3 * bezel)
    lit = scaled(cv2.addWeighted(content, 1 - black, content, 0, black), white * brightness)
    lit = cv2.blendLinear(lit, np.full_like(lit, colour), panel * falloff, 1 - panel)
    light = cv2.add(lit, sheet.fine(reflected))
    light = cv2.blendLinear(light, scaled(behind, room_white(rng)), cover, 1 - cover)
    if kind in ("screen_phone", "screen_tablet"):
        _fingers(light, rng, sheet, frame, face_centimetres)
    grid = Panel(
        pitch=float(rng.uniform(*device.pitch)) / 2.54,
        layout="diamond" if rng.random() < device.diamond else "stripe",
        fill=float(rng.uniform(0.7, 0.92)),
        upright=kind != "screen_phone" or display < 1,
    )

    def lattice(camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        factor = grid.factor(sheet, camera, colours)
        return None if factor is None else 1 + (factor - 1) * panel

    details |= {
        "centimetres": face_centimetres,
        "pitch": grid.pitch,
        "layout": grid.layout,
        "brightness": brightness,
        "kelvin": kelvin,
        "device": kind,
    }
    half = face_centimetres / 2
    tall = half * shown.box[3] / shown.box[2]
    return np.asarray(light, np.float32), sheet.box(-half, -tall, half, tall), lattice


def _rendered(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture as the display shows it: saturation and tone of its picture mode."""
    saturation = rng.uniform(0.9, 1.35)
    grey = np.array([0.114, 0.587, 0.299], np.float32)
    matrix = np.eye(3, dtype=np.float32) * np.float32(saturation) + np.float32(1 - saturation) * grey[None]
    table = (np.arange(256, dtype=np.float32) / 255) ** np.float32(np.exp(rng.normal(0.05, 0.12)))
    return np.asarray(cv2.LUT(cv2.transform(picture, matrix), (table * 255 + 0.5).astype(np.uint8)))


def _banding(rng: np.random.Generator, camera: Camera) -> np.ndarray:
    """(rows, 1): a display's pulsed backlight or refresh, read by a rolling shutter row after row."""
    rows = camera.sensor_size[1]
    period = rows * rng.uniform(0.15, 1.5)
    wave = np.sin(np.arange(rows) * (2 * np.pi / period) + rng.uniform(0, 2 * np.pi))
    return (1 + rng.uniform(0.02, 0.14) * np.tanh(2 * wave))[:, None].astype(np.float32)


def _reflections(behind: np.ndarray, rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """What glass adds: 4 % of what is before it, a diffuse haze, now and then a lamp."""
    small = cv2.resize(behind[:, ::-1], (40, 30), interpolation=cv2.INTER_AREA)
    mirrored = cv2.resize(small, (sheet.columns, sheet.rows), interpolation=cv2.INTER_LINEAR)
    veil = np.float32(rng.uniform(0.005, 0.05)) * mirrored + np.float32(rng.uniform(0.002, 0.03))
    if rng.random() < 0.3:
        veil = veil + _highlight(rng, sheet, reach * 0.6, float(rng.gamma(1.5, 0.35)))[..., None]
    return np.asarray(veil, np.float32)
