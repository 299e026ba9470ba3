"""What a head reflects, band by band, from a frontal photograph of a face.

A photograph is reflectance times light. What is known of the light is little, so its slow part is taken out as far as
it follows the surface's direction, and the rest is scaled to reflectances that skin has. Infrared is not in the
photograph: it is put together from what each place seems to be (skin, hair, eye). So a texture is plausible, and no
measurement of a person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.linear import to_linear
from edge.frames.picture import read_picture
from edge.simulation.head import Head, KeyPoint, below_jaw, jaw_line
from edge.simulation.optics import BANDS, INFRARED, Map, Material, Vector
from edge.simulation.relief import column_angles, corner_maps, filled
from edge.simulation.sampling import sampled
from edge.vision.detector import Detector
from edge.vision.landmarks import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LIP_LOWER,
    LIP_UPPER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE_TIP,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    FaceMesh,
    roi_of_detection,
)
from edge.vision.network import Networks

# Texels across and down.
SIZE: Final = 512

# Diffuse reflectance of skin in blue, green, red and 850 nm, for the lightest and the darkest tone. Rounded figures
# in the range of published spectra (Cooksey, Allen and Tsai, Reference Data Set of Human Skin Reflectance, J Res NIST
# 122:26, 2017): melanin's absorption falls steeply with wavelength, so that tones that differ fivefold in green are
# alike in infrared (differences fade towards 1 um: Jacquez et al., J Appl Physiol 8:297, 1955).
LIGHTEST_SKIN: Final = (0.32, 0.45, 0.62, 0.65)
DARKEST_SKIN: Final = (0.05, 0.08, 0.15, 0.50)
# Beyond them, for tests at the edges: about the lightest and the darkest single readings, with room to spare (assumed).
PALEST_SKIN: Final = (0.46, 0.60, 0.70, 0.70)
DEEPEST_SKIN: Final = (0.030, 0.050, 0.100, 0.45)
_TONES: Final = (-0.2, 0.0, 1.0, 1.3)
# At 850 nm, estimates. An infrared camera saw a brow at 0.73 of the forehead, much skin between its hairs
# (github.com/archledger/irlume, docs/pad-results/2026-08-04-landmark-relief.md).
HAIR_INFRARED: Final = 0.30
_PUPIL_INFRARED: Final = 0.04
_SCLERA_INFRARED: Final = 0.45
_LEAST: Final = 0.015

# Standard deviation of the blur by light below the surface, metres: about what diffusion gives for skin at
# 450, 550, 620 and 850 nm (Jensen et al., SIGGRAPH 2001, from memory: diffuse mean free paths of 0.7 to 3.7 mm).
SKIN_SCATTER: Final = (0.0005, 0.0008, 0.0016, 0.0025)
# Schlick's reflectance of a refractive index of 1.4, and the slope deviation of an oily skin's lobe.
SKIN_F0: Final = 0.028
SKIN_ROUGHNESS: Final = 0.3

# Grey levels by which the background of a photograph differs from its own edge at most.
_BACKGROUND_SPREAD: Final = 22

# Pixels of the longer side of the picture in which hair and background are looked for.
_MASK: Final = 768
# Steps of lightness and of chroma (CIE L*a*b*) by which hair differs from skin: assumed, seen to part the two on ten
# portraits with black, brown and fair hair.
_DARKER: Final = 25.0
_OTHER: Final = 16.0
_INNER: Final = (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE, KeyPoint.MOUTH_LEFT, KeyPoint.MOUTH_RIGHT)
# Down to where hair grows or hangs, in heights from the pupils (0) to menton (1), at angles from the front, degrees:
# where ears are free and where hair covers them (estimates from pictures of heads).
_ANGLES: Final = (0.0, 40.0, 55.0, 70.0, 80.0, 86.0, 112.0, 124.0, 180.0)
_EARS_FREE: Final = (-0.30, -0.28, -0.14, 0.08, 0.20, -0.16, -0.16, 0.30, 0.55)
_EARS_COVERED: Final = (-0.30, -0.28, -0.14, 0.08, 0.40, 0.45, 0.50, 0.52, 0.60)
# Beside the ears, metres from the middle; and how much of the scalp shows hair at least if it has any.
_BESIDE: Final = 0.092
_BALD: Final = 0.2

# How far closed the lids are in the materials that a blink goes through.
LID_STEPS: Final = 5

# MediaPipe's landmarks of the key points.
_LANDMARKS: Final[Mapping[KeyPoint, tuple[int, ...]]] = {
    KeyPoint.RIGHT_EYE_OUTER: (RIGHT_EYE_OUTER,),
    KeyPoint.RIGHT_EYE: (RIGHT_EYE_OUTER, RIGHT_EYE_INNER),
    KeyPoint.RIGHT_EYE_INNER: (RIGHT_EYE_INNER,),
    KeyPoint.LEFT_EYE_INNER: (LEFT_EYE_INNER,),
    KeyPoint.LEFT_EYE: (LEFT_EYE_OUTER, LEFT_EYE_INNER),
    KeyPoint.LEFT_EYE_OUTER: (LEFT_EYE_OUTER,),
    KeyPoint.RIGHT_BROW: (105,),
    KeyPoint.LEFT_BROW: (334,),
    KeyPoint.FOREHEAD: (10,),
    KeyPoint.SELLION: (168,),
    KeyPoint.NOSE_TIP: (NOSE_TIP,),
    KeyPoint.NOSE_RIGHT: (129,),
    KeyPoint.NOSE_LEFT: (358,),
    KeyPoint.SUBNASALE: (2,),
    KeyPoint.MOUTH_RIGHT: (MOUTH_RIGHT,),
    KeyPoint.MOUTH_LEFT: (MOUTH_LEFT,),
    KeyPoint.STOMION: (LIP_UPPER, LIP_LOWER),
    KeyPoint.MENTON: (152,),
}
_RIGHT_LIDS: Final = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
_LEFT_LIDS: Final = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
_OUTLINE: Final = (
    *(127, 234, 93, 132, 58, 172, 136, 150, 149, 176),
    *(356, 454, 323, 361, 288, 397, 365, 379, 378, 400),
)
# Of the points that a warp cannot do without.
_NEEDED: Final = (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE, KeyPoint.MOUTH_RIGHT, KeyPoint.MOUTH_LEFT, KeyPoint.MENTON)


@dataclass(frozen=True, slots=True, eq=False)
class FacePhoto:
    """A frontal photograph, and where its face is.

    pixels: (h, w, 3) uint8, BGR, sRGB-encoded. points: (2,) column and row each; eyes, mouth corners and menton at
    least. outline: (n, 2) along both sides of the face from the temples to the chin, may be empty. lids: (m, 2)
    around each eye's opening, the person's right eye first.
    Raises ValueError where a needed point is missing.
    """

    pixels: NDArray[np.uint8]
    points: Mapping[KeyPoint, Vector]
    outline: Vector
    lids: tuple[Vector, Vector]

    def __post_init__(self) -> None:
        missing = [name.value for name in _NEEDED if name not in self.points]
        if missing:
            raise ValueError(f"a photograph needs these points too: {', '.join(missing)}")


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """The materials of a head from open to closed lids; the same objects every time."""

    materials: tuple[Material, ...]

    def at(self, closed: float) -> Material:
        """closed: 0..1, how far the lids are."""
        return self.materials[round(min(max(closed, 0.0), 1.0) * (len(self.materials) - 1))]


def skin_reflectance(tone: float) -> Vector:
    """(4,) reflectance of skin by tone: 0 light, 1 dark, -0.2 and 1.3 the bounds. Logarithms are linear in between."""
    known = np.log([PALEST_SKIN, LIGHTEST_SKIN, DARKEST_SKIN, DEEPEST_SKIN])
    return np.exp([np.interp(tone, _TONES, band) for band in known.T])


def read_face(path: Path, networks: Networks) -> FacePhoto:
    """The photograph in a file with the one face that the project's own networks find in it.

    Raises InputError: missing or no picture, no face, several faces.
    """
    pixels = read_picture(path)
    frame = Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.REPLAY, still=True)
    found = Detector(networks.detector).search(frame)
    if not found:
        raise InputError(f"no face is found in {path}", remedy="give a frontal photograph of one face")
    if len(found) > 1:
        raise InputError(f"{len(found)} faces are found in {path}", remedy="cut the photograph to one of them")
    mesh = FaceMesh(networks.landmarks)
    seen = mesh.see(frame, roi_of_detection(found[0], mesh.roi_scale))
    if seen.presence < 0.5:
        raise InputError(f"no clear face is found in {path}", remedy="give a frontal photograph of one face")
    places = seen.points[:, :2].astype(np.float64)
    points = {name: places[list(indices)].mean(axis=0) for name, indices in _LANDMARKS.items()}
    lids = places[list(_RIGHT_LIDS)], places[list(_LEFT_LIDS)]
    return FacePhoto(pixels, points, places[list(_OUTLINE)], lids)


def face_skin(photo: FacePhoto, head: Head, *, tone: float | None = None) -> Skin:
    """Paints a head with a photograph.

    The photograph is laid onto the face as seen from in front, by a thin-plate spline through the key points and the
    outline; what it does not show goes on in the colours of its border. tone: of the skin, see ``skin_reflectance``;
    None: as light as the photograph suggests, whose exposure nobody knows.
    """
    look = Look(photo, head)
    across, shown = look.texels()
    colour = _sample(to_linear(photo.pixels), across)
    normals = at_texels(head.relief.normals)
    places = at_texels(head.relief.points)
    skin = _is_skin(colour, places, head) & (shown > 0.8)
    colour = colour / _shading(colour, normals, skin)[..., None]
    own = np.median(colour[skin], axis=0)
    if tone is None:
        tone = _tone_of(float(own[1]))
    target = skin_reflectance(tone).astype(np.float32)

    albedo = np.empty((SIZE, SIZE, BANDS), np.float32)
    albedo[..., :INFRARED] = colour * (target[:INFRARED] / np.maximum(own, 1e-3))
    relative = (colour / np.maximum(own, 1e-3)).mean(axis=2)
    albedo[..., INFRARED] = _infrared(relative, float(target[INFRARED]))
    openings = [_opening(photo, lids, across) * (shown > 0) for lids in photo.lids]
    for opening in openings:
        eye = _PUPIL_INFRARED + (_SCLERA_INFRARED - _PUPIL_INFRARED) * np.clip(relative / 1.2, 0.0, 1.0)
        albedo[..., INFRARED] += opening * (eye - albedo[..., INFRARED])
    # A photograph's neck has the chin's shadow, a beard or a collar on it: it is painted with bare skin.
    neck = _ramp(at_texels(below_jaw(head).astype(np.float32)), 0.004, 0.014)
    albedo += neck[..., None] * (target - albedo)
    hair = look.sampled_hair(across)
    share = hair_share(look)
    # Dark borders of a face are the shadows of its sides, or hair that hangs there.
    aside = _ramp(np.abs(np.broadcast_to(column_angles(SIZE), (SIZE, SIZE))).astype(np.float32), *np.radians((42, 56)))
    shown = shown * (1 - aside * _ramp(hair, 0.02, 0.3) * (1 - _ramp(at_texels(share), 0.0, 0.2)))
    shown, hair = np.maximum(shown, neck), hair * (1 - neck)
    behind = filled(albedo, shown * (1 - _ramp(hair, 0.1, 0.5)))
    if share.any():
        hidden = _ramp(at_texels(share), 0.1, 0.5)[..., None]
        behind += hidden * (filled(albedo, shown**2 * _ramp(hair, 0.5, 0.9)) - behind)
    albedo = np.clip(behind + shown[..., None] * (albedo - behind), _LEAST, 0.9)
    return Skin(tuple(_material(_closed(albedo, openings, step / (LID_STEPS - 1))) for step in range(LID_STEPS)))


def plain_skin(tone: float = 0.3) -> Material:
    """Skin of one colour all over."""
    return _material(np.broadcast_to(skin_reflectance(tone).astype(np.float32), (2, 2, BANDS)).copy())


def _material(albedo: Map) -> Material:
    return Material(albedo, f0=SKIN_F0, roughness=SKIN_ROUGHNESS, scatter=SKIN_SCATTER)


def at_texels(values: Map) -> Map:
    """(SIZE, SIZE) or (SIZE, SIZE, channels) of the values at a head's grid points."""
    rows, columns = values.shape[:2]
    maps = corner_maps((SIZE, SIZE), (columns, rows))
    return sampled(values, *maps)


def _sample(picture: Map, across: Map) -> Map:
    return sampled(picture, across[..., 0], across[..., 1])


class Look:
    """A photograph laid onto a head, as seen from in front."""

    def __init__(self, photo: FacePhoto, head: Head) -> None:
        self._head = head
        self._size = photo.pixels.shape[:2]
        self._spline = ThinPlate(*_pairs(photo, head))
        # Where things begin and end is asked of a smaller picture.
        self._scale = min(1.0, _MASK / max(self._size))
        small = cv2.resize(photo.pixels, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        self._behind = _background(np.asarray(small, np.uint8))
        self._hair = _hair_in(np.asarray(small, np.uint8), photo, self._scale) * (1 - self._behind)

    @property
    def head(self) -> Head:
        return self._head

    def texels(self) -> tuple[Map, Map]:
        """(SIZE, SIZE, 2) column and row in the photograph for each texel, and how much of it is shown there, 0..1."""
        across, shown = self.on_grid()
        large = at_texels(across)
        return large, at_texels(shown) * (1 - self.sampled_background(large))

    def on_grid(self) -> tuple[Map, Map]:
        """The same for the points of the head's grid, (gh, gw, 2) and (gh, gw), whatever is behind the head."""
        points, normals = self._head.relief.points, self._head.relief.normals
        across = self._spline(points[..., :2].astype(np.float64)).astype(np.float32)
        shown = _ramp(-normals[..., 2], 0.15, 0.5) * (
            1 - _ramp(below_jaw(self._head).astype(np.float32), -0.001, 0.004)
        )
        shown *= self._within(across)
        # Of two places behind each other in front view the hind one is hidden; ears are seldom where they were.
        shown *= points[..., 2] < -0.004
        return across, shown.astype(np.float32)

    def sampled_background(self, across: Map) -> Map:
        """How much what is at those places of the photograph is, or touches, what is behind the person, 0..1."""
        return _ramp(self._sampled(self._behind, across), 0.02, 0.4)

    def sampled_hair(self, across: Map) -> Map:
        """How much what is at those places of the photograph looks like hair, 0..1."""
        return self._sampled(self._hair, across)

    def hair_at(self, places: Vector) -> Map:
        """The same for (h, w, 2) places in front of the head, metres right and down; 0 outside of the photograph."""
        across = self._spline(places).astype(np.float32)
        return self.sampled_hair(across) * self._within(across)

    def _within(self, across: Map) -> NDArray[np.bool_]:
        height, width = self._size
        return np.asarray((across > 0).all(axis=-1) & (across[..., 0] < width - 1) & (across[..., 1] < height - 1))

    def _sampled(self, small: Map, across: Map) -> Map:
        return _sample(small, across * np.float32(self._scale))


def hair_share(look: Look) -> Map:
    """(gh, gw) of the head's grid: how much of it is covered with hair, 0..1; none at all on a head that looks bald.

    In front by what the photograph shows, behind as it goes on from there, within the bounds of a head of hair.
    """
    points = look.head.relief.points
    across, shown = look.on_grid()
    hair = look.sampled_hair(across)
    shown = shown * (1 - look.sampled_background(across))
    menton, brow = (float(look.head.points[name][1]) for name in (KeyPoint.MENTON, KeyPoint.RIGHT_BROW))
    angle = np.degrees(np.abs(np.arctan2(points[..., 0], -points[..., 2])))
    # Hair beside the ears, farther out than they are.
    beside = look.hair_at(np.array([[[side * _BESIDE, 0.1 * menton] for side in (-1, 1)]]))
    bound = np.interp(angle, _ANGLES, _EARS_COVERED if float(beside.mean()) > 0.5 else _EARS_FREE) * menton
    zone = 1 - _ramp((points[..., 1] - bound).astype(np.float32), -0.010, 0.010)
    crown = shown * zone * (points[..., 1] < 1.6 * brow)
    if float((crown * hair).sum()) <= _BALD * float(crown.sum()):
        return np.zeros_like(hair)
    # Behind, it goes on from above the brows: lower down short hair may end before the ears.
    before = filled(hair, shown * zone)
    behind = filled(hair, crown)
    share = before + _ramp(angle.astype(np.float32), 75.0, 100.0) * (behind - before)
    return np.asarray(zone * np.clip(share, 0.0, 1.0), np.float32)


def _hair_in(pixels: NDArray[np.uint8], photo: FacePhoto, scale: float) -> Map:
    """(h, w) 1 where a picture is darker or of another colour than the skin between eyes and mouth."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    inner = np.zeros(pixels.shape[:2], np.uint8)
    corners = np.stack([photo.points[name] for name in _INNER]) * scale
    cv2.fillConvexPoly(inner, cv2.convexHull(np.rint(corners).astype(np.int32)), 1)
    skin = np.median(lab[inner > 0], axis=0)
    darker = (skin[0] - lab[..., 0]) / _DARKER
    other = np.hypot(lab[..., 1] - skin[1], lab[..., 2] - skin[2]) / _OTHER
    unlike = np.asarray(np.maximum(darker, other), np.float32)
    return np.asarray(cv2.GaussianBlur(_ramp(unlike, 0.7, 1.3), (0, 0), 1.5), np.float32)


def _background(pixels: NDArray[np.uint8]) -> Map:
    """(h, w) 1 where colours like those along the upper edges of the picture reach from there, and a little beyond."""
    height, width = pixels.shape[:2]
    smooth = cv2.GaussianBlur(pixels, (0, 0), max(width, height) / 600)
    mask = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | 255 << 8
    tolerance = (_BACKGROUND_SPREAD,) * 3
    for share in (0.0, 0.15, 0.3):
        for column in (0, width - 1):
            seed = (column, int(share * height))
            if not mask[seed[1] + 1, seed[0] + 1]:
                cv2.floodFill(smooth, mask, seed, 0, tolerance, tolerance, flags)
    reach = max(width, height) // 80
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.GaussianBlur(cv2.dilate(mask[1:-1, 1:-1], kernel), (0, 0), reach / 2)
    return (wide / np.float32(255)).astype(np.float32)


def _pairs(photo: FacePhoto, head: Head) -> tuple[Vector, Vector]:
    """(n, 2) places seen from in front of the head, metres, and in the photograph, pixels."""
    names = [name for name in KeyPoint if name in photo.points]
    source = [head.points[name][:2] for name in names]
    target = [np.asarray(photo.points[name], np.float64) for name in names]
    # Heights along the outline: by eyes, mouth and menton, which both have.
    eyes = (photo.points[KeyPoint.RIGHT_EYE] + photo.points[KeyPoint.LEFT_EYE]) / 2
    mouth = (photo.points[KeyPoint.MOUTH_RIGHT] + photo.points[KeyPoint.MOUTH_LEFT]) / 2
    menton = np.asarray(photo.points[KeyPoint.MENTON], np.float64)
    down = (menton - eyes) / np.linalg.norm(menton - eyes)
    right = np.array([down[1], -down[0]])
    levels = [float((place - eyes) @ down) for place in (eyes, mouth, menton)]
    heights = [float(head.points[name][1]) for name in (KeyPoint.RIGHT_EYE, KeyPoint.MOUTH_RIGHT, KeyPoint.MENTON)]
    sides = [float((place - eyes) @ right) for place in photo.outline]
    edge = _outline(head)
    wide = edge[:, 0].max() / max(map(abs, sides), default=1.0)
    for place, side in zip(photo.outline, sides, strict=True):
        level = float((place - eyes) @ down)
        # Above the eyes the outline is hair.
        if not 0 <= level <= levels[2]:
            continue
        x, y = _on_outline(edge, abs(side) * wide, float(np.interp(level, levels, heights)), heights[1])
        source.append(np.array([math.copysign(x, side), y]))
        target.append(place)
    return np.stack(source), np.stack(target)


def _outline(head: Head) -> Vector:
    """(n, 2) outline of the right half of a face seen from in front, without ear and neck, from the eyes to menton."""
    points, jaw = head.relief.points, jaw_line(head)[:, :2]
    jaw = jaw[jaw[:, 0] > 0]
    angle = jaw[jaw[:, 0].argmax()]
    rows = (points[:, 0, 1] > 0) & (points[:, 0, 1] < angle[1])
    side = np.where(points[rows][..., 2] < -0.02, points[rows][..., 0], 0.0).max(axis=1)
    # A little within, where the photograph's outline shows skin still.
    edge = np.concatenate((np.stack((side, points[rows, 0, 1]), axis=1), jaw[::-1])) * (0.97, 1.0)
    return np.asarray(edge, np.float64)


def _on_outline(edge: Vector, x: float, y: float, mouth: float) -> tuple[float, float]:
    """The place of an outline at the height of another; below the mouth in the same direction from there."""
    if y < mouth:
        return float(np.interp(y, edge[:, 1], edge[:, 0])), y
    low = edge[edge[:, 1] > mouth]
    turn = np.arctan2(low[:, 1] - mouth, low[:, 0])
    order = np.argsort(turn)
    wanted = math.atan2(y - mouth, x)
    return tuple(float(np.interp(wanted, turn[order], low[order, axis])) for axis in (0, 1))  # type: ignore[return-value]


def places_of(photo: FacePhoto, head: Head, columns: int, rows: int) -> Map:
    """(rows, columns, 2) float32: the place before the head, metres right and down as seen from in front, that each
    pixel of the photograph shows, if that is drawn ``columns`` wide and ``rows`` high.
    """
    before, pixels = _pairs(photo, head)
    height, width = photo.pixels.shape[:2]
    across = np.stack(
        np.meshgrid((np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows), axis=-1
    )
    return ThinPlate(pixels, before)(across).astype(np.float32)


class ThinPlate:
    """Thin-plate spline through scattered points in the plane (Bookstein, IEEE PAMI 11:567, 1989).

    Slightly stiff, so that landmarks that are a little wrong do not fold it.
    """

    def __init__(self, source: Vector, target: Vector, *, stiffness: float = 1e-3) -> None:
        self._scale = float(np.abs(source).max())
        self._source = source / self._scale
        count = len(source)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = self._kernel(self._source) + stiffness * np.eye(count)
        system[:count, count:] = self._affine(self._source)
        system[count:, :count] = system[:count, count:].T
        self._weights = np.linalg.solve(system, np.concatenate((target, np.zeros((3, 2)))))

    def __call__(self, places: Vector) -> Vector:
        """(..., 2) → (..., 2)."""
        flat = places.reshape(-1, 2) / self._scale
        found = np.concatenate((self._kernel(flat), self._affine(flat)), axis=1) @ self._weights
        return np.asarray(found.reshape(places.shape), np.float64)

    def _kernel(self, places: Vector) -> Vector:
        square = ((places[:, None] - self._source[None]) ** 2).sum(axis=-1)
        return np.asarray(square * np.log(np.maximum(square, 1e-12)), np.float64)

    @staticmethod
    def _affine(places: Vector) -> Vector:
        return np.concatenate((np.ones((len(places), 1)), places), axis=1)


def _is_skin(colour: Map, places: Map, head: Head) -> NDArray[np.bool_]:
    """Texels of the face that are about as bright as most between brows and mouth, where no beard grows."""
    menton, brow = float(head.points[KeyPoint.MENTON][1]), float(head.points[KeyPoint.RIGHT_BROW][1])
    half = abs(float(head.points[KeyPoint.RIGHT_EYE_OUTER][0]))
    x, y, z = (places[..., axis] for axis in range(3))
    face = (np.abs(x) < 1.15 * half) & (y > brow) & (y < menton) & (z < 0)
    level = np.log(np.maximum(colour.mean(axis=2), 1e-4))
    bare = face & (y < float(head.points[KeyPoint.SUBNASALE][1]))
    return np.asarray(face & (np.abs(level - np.median(level[bare])) < 0.5), np.bool_)


def _shading(colour: Map, normals: Map, skin: NDArray[np.bool_]) -> Map:
    """(SIZE, SIZE) the light in the photograph, about 1: a quadratic of the surface's direction fitted to skin."""
    smooth = np.asarray(cv2.GaussianBlur(normals, (0, 0), SIZE / 40), np.float32)
    x, y = smooth[..., 0], smooth[..., 1]
    terms = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)
    level = np.log(np.maximum(colour.mean(axis=2), 1e-4))
    chosen = terms[skin].astype(np.float64)
    fit = np.linalg.solve(chosen.T @ chosen + 1e-3 * len(chosen) * np.diag([0, 1, 1, 1, 1, 1]), chosen.T @ level[skin])
    return np.asarray(np.exp(np.clip(terms @ fit - np.median(level[skin]), -0.7, 0.7)), np.float32)


def _tone_of(green: float) -> float:
    light, dark = np.log(LIGHTEST_SKIN[1]), np.log(DARKEST_SKIN[1])
    return float(np.clip((np.log(max(green, 1e-3)) - light) / (dark - light), 0.0, 1.0))


def _infrared(relative: Map, skin: float) -> Map:
    """Reflectance at 850 nm by how bright a place is against skin in visible light: skin's own marks pale."""
    share = _ramp(relative, 0.25, 0.65)
    marked = skin * np.clip(relative, 0.05, 1.6) ** 0.15
    return np.asarray(HAIR_INFRARED + share * (marked - HAIR_INFRARED), np.float32)


def _opening(photo: FacePhoto, lids: Vector, across: Map) -> Map:
    """(SIZE, SIZE) share of each texel inside an eye's opening."""
    mask = np.zeros(photo.pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(lids * 16).astype(np.int32)], 255, shift=4)
    return _sample((mask / np.float32(255)).astype(np.float32), across)


def _closed(albedo: Map, openings: list[Map], closed: float) -> Map:
    """The upper lids lowered over ``closed`` of the openings, in the colour of the skin around."""
    if closed <= 0:
        return albedo
    result = albedo
    for opening in openings:
        rows, columns = np.nonzero(opening > 0.5)
        if not rows.size:
            continue
        # Lashes and the lids' rims are no skin to go on from.
        reach = max(3, int(np.ptp(columns)) // 8)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        wide = np.asarray(cv2.dilate(opening, kernel), np.float32)
        soft = np.asarray(cv2.GaussianBlur(wide, (0, 0), reach / 2), np.float32)
        lid = filled(result, 1 - wide)
        first, last = np.full(SIZE, SIZE), np.full(SIZE, -1)
        np.minimum.at(first, columns, rows)
        np.maximum.at(last, columns, rows)
        held = np.flatnonzero(last >= 0)
        top = np.interp(np.arange(SIZE), held, first[held]) - reach
        bottom = np.interp(np.arange(SIZE), held, last[held])
        rim = top + closed * (bottom - top)
        row = np.arange(SIZE)[:, None]
        above = np.clip(rim - row + 0.5, 0.0, 1.0) if closed < 1 else np.ones((SIZE, SIZE))
        covered = (soft * above)[..., None]
        # Lashes along the rim.
        lashes = 1 - 0.6 * np.exp(-(((row - rim) / 1.2) ** 2))[..., None] * opening[..., None]
        result = np.asarray((result + covered * (lid - result)) * lashes, np.float32)
    return result


def _ramp(value: Map, begin: float, end: float) -> Map:
    share = np.clip((value - np.float32(begin)) / np.float32(end - begin), 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
