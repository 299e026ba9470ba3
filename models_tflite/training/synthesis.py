"""Frames of bona fide people and of recaptured pictures, as webcams, phones and small boards' cameras deliver them.

`make` first draws the capture (camera, place of the face, exposure, compression) and only then builds what stands before
the camera. The same seed gives the same capture for every species, so none of it can tell the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from artefacts import Panel, Screening, Sheet
from camera import Camera, Lattice, capture, draw_camera
from light import jpeg, linear, white_of
from portraits import Portrait, load_backgrounds, load_portraits, split
from scene import Pose, box_of, person_in_place, photographed_place, plain_room

__all__ = ["SPECIES", "Frame", "Portrait", "load_backgrounds", "load_portraits", "make", "split"]

BONA_FIDE = "bonafide"
PRINTS = ("print_full", "print_held", "print_cut", "poster")
SCREENS = ("screen_large", "screen_phone", "screen_tablet", "screen_laptop", "screen_video")
SPECIES = (BONA_FIDE, *PRINTS, *SCREENS)


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
    width = min(face / share, 1000.0)
    columns, rows = round(width), round(width / aspect)
    pose = Pose(
        columns * float(np.clip(rng.normal(0.5, 0.06), 0.7 * share, 1 - 0.7 * share)),
        float(np.clip(rows * rng.normal(0.45, 0.05), 0.75 * face, max(rows - 0.6 * face, 0.75 * face))),
        face,
        float(rng.normal(0, 3.0)),
    )
    light = person_in_place(portrait, backgrounds, rng, (columns, rows), pose)
    blur = rng.gamma(2.0, 0.25)
    if blur > 0.3:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    middle = light[:: max(rows // 24, 1), :: max(columns // 24, 1)].mean()
    target = float(np.clip(rng.normal(0.5, 0.07), 0.3, 0.68)) ** 2.2
    noise = np.float32(rng.gamma(1.5, 0.006))
    tone = np.clip(light * np.float32(target / max(middle, 1e-4)), 0, 1) ** np.float32(1 / 2.2)
    tone = tone + noise * rng.standard_normal(tone.shape, np.float32)
    tone = tone + np.float32(rng.uniform(-0.05, 0.25)) * (tone - 0.5) * (1 - np.abs(2 * tone - 1))
    picture = (np.clip(tone, 0, 1) * 255 + 0.5).astype(np.uint8)
    if video:
        k = rng.uniform(0.4, 0.9)
        small = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        small = cv2.medianBlur(jpeg(small, int(rng.integers(15, 45))), 3)  # in-loop deblocking smooths too
        picture = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    else:
        picture = jpeg(picture, int(rng.integers(60, 97)))
    return Shown(picture, box_of(portrait, pose))


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
    return place * np.float32(np.exp(rng.normal(0.0, 0.5)))


def _room_white(rng: np.random.Generator) -> np.ndarray:
    return white_of(float(np.clip(np.exp(rng.normal(np.log(4600), 0.25)), 2500, 9000))) ** 0.6


def _lamp(rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """(rows, columns, 1) light of the room along the sheet, about 1."""
    u, v = sheet.where
    angle, fall = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.22)
    slope = np.tanh((u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) / np.float32(reach))
    return (1 + np.float32(fall) * slope)[..., None]


def _highlight(rng: np.random.Generator, sheet: Sheet, reach: float, strength: float) -> np.ndarray:
    """(rows, columns) the mirror image of one lamp or window, blurred by the surface."""
    u, v = sheet.where
    cu, cv = rng.normal(0, 0.8 * reach, 2)
    a, b = reach * np.exp(rng.normal(-1.0, 0.6, 2))
    power = 2 if rng.random() < 0.6 else 6  # a lamp, or a window with its corners
    away = (np.abs(u - np.float32(cu)) / np.float32(a)) ** power + (np.abs(v - np.float32(cv)) / np.float32(b)) ** power
    return np.float32(strength) * np.exp(-np.minimum(away, 30))


def _fingers(
    light: np.ndarray, rng: np.random.Generator, sheet: Sheet, edges: tuple[float, float, float, float]
) -> np.ndarray:
    """Fingers and thumbs that hold the sheet at its sides or from below."""
    u, v = sheet.where
    left, top, right, bottom = edges
    skin = np.exp(rng.normal(np.log(0.3), 0.45)) * np.array([0.55, 0.75, 1.15], np.float32)
    for side in rng.permutation(3)[: int(rng.integers(0, 3))]:
        if side < 2:
            edge, inward = (left, 1.0) if side == 0 else (right, -1.0)
            base = rng.uniform(0.3, 0.95) * (bottom - top) + top
            count = 1 if rng.random() < 0.6 else 4
            places = [(edge, base + 1.9 * n, inward, rng.normal(0, 0.15)) for n in range(count)]
        else:
            base = rng.uniform(0.2, 0.8) * (right - left) + left
            places = [(base + 2.0 * n, bottom, rng.normal(0, 0.2), -1.0) for n in range(int(rng.integers(1, 4)))]
        # The hand behind it, larger and darker than its fingers.
        pu, pv, du, dv = places[len(places) // 2]
        hand = np.hypot(u - np.float32(pu - 4.5 * du), v - np.float32(pv - 4.5 * dv)) / np.float32(4.0)
        beyond = 1 - sheet.inside(*edges)
        palm = (np.clip((1 - hand) * np.float32(4.0 * sheet.scale), 0, 1) * beyond)[..., None]
        light = light + (skin * 0.75 * np.sqrt(np.maximum(1 - hand**2 * 0.8, 0.1))[..., None] - light) * palm
        for pu, pv, du, dv in places:
            reach = rng.uniform(0.8, 3.0)
            norm = float(np.hypot(du, dv))
            du, dv = du / norm, dv / norm
            along = np.clip((u - np.float32(pu)) * du + (v - np.float32(pv)) * dv, -4.0, reach)
            off = np.hypot(u - np.float32(pu) - along * du, v - np.float32(pv) - along * dv) / np.float32(0.85)
            cover = np.clip((1 - off) * np.float32(0.85 * sheet.scale) + 0.5, 0, 1)[..., None]
            if not cover.any():
                continue
            round_light = np.sqrt(np.maximum(1 - off**2, 0.05))[..., None]
            light = light + (skin * round_light - light) * cover
    return light


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
    u, v = sheet.where
    rows, columns = shown.picture.shape[:2]
    left, top = -origin[0] / per_centimetre, -origin[1] / per_centimetre
    right, bottom = left + columns / per_centimetre, top + rows / per_centimetre
    size = sheet.columns, sheet.rows
    fibres = cv2.resize(
        rng.standard_normal((size[1] // 2, size[0] // 2), np.float32), size, interpolation=cv2.INTER_LINEAR
    )
    lamp = _lamp(rng, sheet, 1.5 * face_centimetres)
    if bend:
        lamp = lamp * (1 + np.tanh(np.float32(bend * rng.choice([-1, 1]) * 3) * u))[..., None]
    if rng.random() < 0.25:  # folded and opened again
        where = rng.normal(0, 1.2) * face_centimetres
        across = u if rng.random() < 0.5 else v
        step = (across - np.float32(where)) * np.float32(sheet.scale)
        lamp = (
            lamp
            * (1 + np.float32(rng.normal(0, 0.08)) * np.tanh(step / 2) - 0.12 * np.exp(-((step / 2) ** 2)))[..., None]
        )
    gloss = float(rng.beta(1.2, 3)) if rng.random() < 0.6 else 0.0
    veil = _highlight(rng, sheet, 1.5 * face_centimetres, gloss)[..., None] + np.float32(gloss * rng.uniform(0, 0.06))
    paper = np.array([rng.uniform(0.82, 0.93), 0.9, rng.uniform(0.88, 0.92)], np.float32) * np.float32(0.95)
    light = (reflectance * (1 + np.float32(rng.uniform(0.002, 0.02)) * fibres)[..., None]) * lamp
    light = light * paper + veil
    edges = left, top, right, bottom
    if species in ("print_held", "print_cut") or (species == "poster" and rng.random() < 0.4):
        margin = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.2, 1.6))
        if species == "print_cut":
            cover, white = _cut_out(portrait, rng, settled, sheet, face_centimetres)
        else:
            edges = left - margin, top - margin, right + margin, bottom + margin
            white = sheet.inside(left, top, right, bottom)[..., None]
            cover = sheet.inside(*edges)[..., None]
        light = light * white + (paper * lamp + veil) * (1 - white)
        behind = _surroundings(backgrounds, rng, settled)
        light = behind + (light - behind) * cover
    if species in ("print_held", "print_cut"):
        light = _fingers(light, rng, sheet, edges)
    light = np.asarray(light * _room_white(rng), np.float32)
    lattice: Lattice | None = None
    details |= {"centimetres": float(face_centimetres), "bend": bend, "gloss": gloss}
    if rng.random() < (0.9 if species == "poster" else 0.45):
        screening = Screening(float(rng.uniform(25, 60) if species == "poster" else rng.uniform(39, 79)))
        details["ruling"] = screening.ruling

        def lattice(camera: Camera) -> np.ndarray | None:
            return screening.factor(sheet, camera, reflectance)

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
    black = np.float32(rng.uniform(0.03, 0.08))
    return black + (1 - black) * reflectance


def _cut_out(
    portrait: Portrait, rng: np.random.Generator, settled: Capture, sheet: Sheet, face_centimetres: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cover of a print cut along the head, and where there is picture and not a rim of paper: (rows, columns, 1)."""
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
    return covers[0][..., None], covers[1][..., None]


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
        content = content * (picture := sheet.inside(left, top, right, bottom)[..., None]) + bars * (1 - picture)
    # The display's white against a white sheet in the same room: 80 to 500 nits against 100 to 600 lx / pi.
    brightness = np.float32(np.exp(rng.normal(np.log(1.8), 0.6)))
    kelvin = float(rng.uniform(6000, 9300))
    white = white_of(kelvin)
    black = np.float32(1 / rng.uniform(400, 2000))
    u, v = sheet.where
    falloff = 1 + np.float32(rng.normal(0, 0.18)) * np.tanh(v / np.float32(lit_height))
    falloff = falloff * (1 + np.float32(rng.normal(0, 0.08)) * np.tanh(u / np.float32(width)))
    lit = (content * (1 - black) + black) * (white * brightness) * falloff[..., None]
    if rng.random() < 0.25:
        lit = lit * _banding(rng, settled.camera)
    room_white = _room_white(rng)
    behind = _surroundings(backgrounds, rng, settled)
    reflected = _reflections(behind, rng, sheet, max(width / 3, face_centimetres))
    light = lit + reflected
    bezel = float(rng.uniform(*device.bezel))
    corner = float(rng.uniform(*device.corner))
    frame = glass[0] - bezel, glass[1] - bezel, glass[2] + bezel, glass[3] + bezel
    colour = np.float32(0.85 if rng.random() < 0.12 else rng.uniform(0.006, 0.05))
    panel = sheet.inside(*glass, corner=corner * 0.5)[..., None]
    light = light * panel + (colour + 0.6 * reflected) * (1 - panel)
    cover = sheet.inside(*frame, corner=corner + 0.3 * bezel)[..., None]
    behind = behind * room_white
    light = behind + (light - behind) * cover
    if kind in ("screen_phone", "screen_tablet"):
        light = _fingers(light, rng, sheet, frame)
    grid = Panel(
        pitch=float(rng.uniform(*device.pitch)) / 2.54,
        layout="diamond" if rng.random() < device.diamond else "stripe",
        fill=float(rng.uniform(0.7, 0.92)),
        upright=kind != "screen_phone" or display < 1,
    )

    def lattice(camera: Camera) -> np.ndarray | None:
        factor = grid.factor(sheet, camera)
        if factor is None:
            return None
        # What is not lit by the panel has no grid; the glass reflects as before.
        shining = panel * cover
        return 1 + (factor - 1) * shining

    details |= {
        "centimetres": face_centimetres,
        "pitch": grid.pitch,
        "layout": grid.layout,
        "brightness": float(brightness),
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
    """(rows, 1, 1): a display's pulsed backlight or refresh, read by a rolling shutter row after row."""
    rows = camera.sensor_size[1]
    period = rows * rng.uniform(0.15, 1.5)
    wave = np.sin(np.arange(rows) * (2 * np.pi / period) + rng.uniform(0, 2 * np.pi))
    return (1 + rng.uniform(0.02, 0.14) * np.tanh(2 * wave))[:, None, None].astype(np.float32)


def _reflections(behind: np.ndarray, rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """What glass adds: 4 % of what is before it, a diffuse haze, now and then a lamp."""
    small = cv2.resize(behind[:, ::-1], (40, 30), interpolation=cv2.INTER_AREA)
    mirrored = cv2.resize(small, (sheet.columns, sheet.rows), interpolation=cv2.INTER_LINEAR)
    veil = np.float32(rng.uniform(0.005, 0.05)) * mirrored + np.float32(rng.uniform(0.002, 0.03))
    if rng.random() < 0.3:
        veil = veil + _highlight(rng, sheet, reach * 0.6, float(rng.gamma(1.5, 0.35)))[..., None]
    return np.asarray(veil, np.float32)
