"""Whether the texture of a face that turns moves as a head's does, or as that of a flat sheet.

Any two pictures of a plane are related by a homography, whichever way it is turned (Hartley and Zisserman, Multiple
View Geometry, 2nd ed., section 13.1). What nose, eye sockets and lips of another depth add to it is parallax. The
landmarks cannot tell: their network sees a head in a photograph too. The texture can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.liveness.evidence import FaceBox, HeadPose
from edge.vision.boxes import centre
from edge.vision.crops import grey
from edge.vision.least_squares import biweight
from edge.vision.pose import FOCAL_LENGTH

_Vectors = NDArray[np.float64]
_Grey = NDArray[np.uint8]

# Of the window that is looked at: widths of the face box, and pixels.
_SPAN: Final = 2.0
_SIDE: Final = 320
_FACE_PIXELS: Final = _SIDE / _SPAN
# The part of the box that is skin and no silhouette: middle below the box's, and half axes, in widths of the box.
_OVAL_DOWN: Final = -0.04
_OVAL: Final = (0.40, 0.46)

_MOST_POINTS: Final = 150
_LEAST_CORNER: Final = 0.01
_APART: Final = 6
_WINDOW: Final = 15
_LEVELS: Final = 3
_STOP: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)
# A point that does not come back from one frame to the next to within so many pixels is lost.
_BACK: Final = 0.7
# Twelve unknowns are fitted to two equations a point.
_LEAST_POINTS: Final = 20
_ROUNDS: Final = 8
# Widths of a face that no tracking is better than, and depth against the first that no face comes nearer than.
_FINEST: Final = 2e-4
_NEAREST: Final = 0.2

# Depth of MediaPipe's canonical face (canonical_face_model.obj, Apache-2.0), towards the viewer, in widths of the face
# box: every tenth of it from the middle outwards, mirrored, and every tenth from half a box above its middle to 0.4
# below. Where the model ends it is continued by hand; the oval hardly reaches there.
_STEP: Final = 0.1
_TOP: Final = -0.5
_DEPTH: Final[_Vectors] = np.array(
    (
        (0.297, 0.290, 0.257, 0.182, 0.060),
        (0.321, 0.315, 0.286, 0.218, 0.062),
        (0.318, 0.271, 0.259, 0.210, 0.071),
        (0.371, 0.249, 0.228, 0.173, 0.075),
        (0.439, 0.294, 0.245, 0.197, 0.083),
        (0.442, 0.325, 0.260, 0.198, 0.062),
        (0.361, 0.322, 0.257, 0.179, 0.004),
        (0.330, 0.296, 0.238, 0.152, -0.073),
        (0.308, 0.283, 0.223, 0.112, -0.120),
        (0.314, 0.283, 0.192, 0.040, -0.200),
    )
)


@dataclass(frozen=True, slots=True)
class Parallax:
    """How a face's texture moved, against a sheet and against a head. Lengths are shares of the width of the face.

    points: that were followed and counted. turn: degrees by which it was taken to have turned. due: root mean square,
    over the points, of what a head turned so moves otherwise than any sheet. scatter: the same of what neither
    explains. share: of the parallax due that was seen: about 1 of a head, 0 of a sheet. error: its standard error, as
    if the points erred each for itself.
    """

    points: int
    turn: float
    due: float
    scatter: float
    share: float
    error: float


class FaceTexture:
    """Texture points of a face, followed from a frame in which it looks straight.

    Keeps one small grey picture, of the frame before, until ``end``, which must be called on every way out.
    """

    def __init__(self, frame: Frame, box: FaceBox, pose: HeadPose) -> None:
        """box, pose: of the face in this frame."""
        self._pose = pose
        self._scratch = Scratch()
        self._looks = 0
        x, y = centre(box)
        self._scale = _SPAN * box.width / _SIDE
        self._left, self._top = x - _SPAN * box.width / 2, y - _SPAN * box.width / 2
        # In widths of the face, by the same assumption as the pose of the head.
        self._distance = FOCAL_LENGTH * max(frame.width, frame.height) / box.width
        self._before = self._window(frame)
        self._begun = _corners(self._before)
        self._points = self._begun.copy()
        self._lost = 0.0
        self._alike = 0

    @property
    def points(self) -> int:
        """How many are still followed."""
        return len(self._points)

    @property
    def lost(self) -> float:
        """The largest share of the points that was lost from one frame to the next."""
        return self._lost

    @property
    def alike(self) -> int:
        """How many frames on end, up to the last, were the same to the last bit in the window of the face."""
        return self._alike

    def follow(self, frame: Frame) -> None:
        """The next frame, in order."""
        now = self._window(frame)
        self._alike = self._alike + 1 if np.array_equal(now, self._before) else 0
        if len(self._points):
            moved, kept = _followed(self._before, now, self._points)
            self._lost = max(self._lost, 1 - np.count_nonzero(kept) / len(kept))
            self._points, self._begun = moved[kept], self._begun[kept]
        self._before = now

    def parallax(self, pose: HeadPose | None = None) -> Parallax | None:
        """From the first frame to the last. None where fewer than 20 points are left to tell by.

        pose: in the last frame, for a turn as the landmarks show it, against sheets flat or bent. None: for that of the
        flat sheet that would have moved most alike, against that sheet.
        """
        if len(self._points) < _LEAST_POINTS:
            return None
        turned = None if pose is None else (pose.yaw - self._pose.yaw, pose.pitch - self._pose.pitch)
        return explain(_in_faces(self._begun), _in_faces(self._points), self._distance, turned)

    def end(self) -> None:
        """Overwrites what is left of the picture. May be repeated."""
        self._scratch.wipe()
        self._begun = self._points = np.zeros((0, 1, 2), np.float32)

    def _window(self, frame: Frame) -> _Grey:
        # Pixel centres lie at half units, in the frame as in the window.
        half = self._scale / 2 - 0.5
        inverse = np.array(((self._scale, 0.0, self._left + half), (0.0, self._scale, self._top + half)))
        colour = self._scratch.take("colour", (_SIDE, _SIDE, 3), np.uint8)
        cv2.warpAffine(
            frame.pixels,
            inverse,
            (_SIDE, _SIDE),
            dst=colour,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # This one and the one before, in turns.
        self._looks += 1
        return grey(colour, frame.colour, self._scratch.take(f"grey {self._looks % 2}", (_SIDE, _SIDE), np.uint8))


def explain(begun: _Vectors, now: _Vectors, distance: float, turned: tuple[float, float] | None = None) -> Parallax:
    """What of a movement a sheet explains, and what a head.

    begun, now: (n, 2) where n points, 20 or more, were and are, right and down from the middle of the face that looked
    straight. distance: of the camera. All in widths of the face. turned: yaw and pitch, degrees. None: as a flat sheet
    would have turned, by its homography, which is exact of a sheet and of a head anything.

    A homography, the canonical head and, where the turn is known, paper bent about any axis (depth of the second
    degree) are fitted all together, since each alone would take up what it can of the others.
    """
    x, y = begun.T
    bends = [] if turned is None else [x * x, x * y, y * y]
    if turned is None:
        turned = _turn_of(_robust(begun, now, ()).solution, distance)
    rotation = rotation_of_turn(*turned)
    shapes = [moved_by_depth(begun, shape, rotation, distance) for shape in (*bends, depth(begun))]
    fit = _robust(begun, now, shapes)
    sheet, head = fit.system[:, :-1], fit.system[:, -1]
    only_head = head - sheet @ np.linalg.lstsq(sheet, head, rcond=None)[0]
    power, count = float(only_head @ only_head), max(float(fit.weights.sum()), 1.0)
    variance = float(fit.weights @ fit.off**2) / max(2 * count - fit.system.shape[1], 1.0)
    return Parallax(
        points=int(np.count_nonzero(fit.weights)),
        turn=math.hypot(*turned),
        due=math.sqrt(power / count),
        scatter=math.sqrt(2 * variance),
        share=float(fit.solution[-1]),
        error=math.sqrt(variance / max(power, 1e-12)),
    )


def moved_by_depth(points: _Vectors, towards: _Vectors, rotation: _Vectors, distance: float) -> _Vectors:
    """Where a surface goes when it is turned, less where a flat sheet through its mean depth goes.

    points: (n, 2) on the surface that looks straight. towards: (n,) depth towards the viewer. rotation: (3, 3).
    distance: of the camera. → (n, 2), all in one unit.
    """
    away = towards.mean() - towards
    nearer = (1 + away / distance)[:, None]
    surface = np.column_stack((points * nearer, away)) @ rotation.T
    sheet = np.column_stack((points, np.zeros(len(points)))) @ rotation.T
    return _projected(surface, distance) - _projected(sheet, distance)


def depth(points: _Vectors) -> _Vectors:
    """Of the canonical face: (n, 2) right and down from the middle of the box → (n,) towards the viewer, in widths of
    the box."""
    rows, columns = _DEPTH.shape
    across = np.clip(np.abs(points[:, 0]) / _STEP, 0, columns - 1.001)
    down = np.clip((points[:, 1] - _TOP) / _STEP, 0, rows - 1.001)
    column, row = across.astype(np.intp), down.astype(np.intp)
    across, down = across - column, down - row
    upper = _DEPTH[row, column] * (1 - across) + _DEPTH[row, column + 1] * across
    lower = _DEPTH[row + 1, column] * (1 - across) + _DEPTH[row + 1, column + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """solution: eight elements of a homography, then the shapes' shares. system: (2n, 8 + shapes) weighted equations.
    weights: (n,). off: (n,) distances of what is left.
    """

    solution: _Vectors = field(repr=False)
    system: _Vectors = field(repr=False)
    weights: _Vectors = field(repr=False)
    off: _Vectors = field(repr=False)


def _robust(begun: _Vectors, now: _Vectors, shapes: Sequence[_Vectors]) -> _Fit:
    """A homography and shares of ``shapes``, each (n, 2), by least squares of distances, weighted anew each round."""
    plane, moved = _equations(begun, now)
    fit = _weighted(plane, moved, begun, shapes, np.ones(len(begun)), np.ones(len(begun)))
    for _ in range(_ROUNDS):
        # The median of a distance is 1.18 standard deviations of one coordinate.
        weights = biweight(fit.off, max(float(np.median(fit.off)) / 1.18, _FINEST))
        depths = np.maximum(1 + begun @ fit.solution[6:8], _NEAREST)
        fit = _weighted(plane, moved, begun, shapes, weights, depths)
    return fit


def _weighted(
    plane: _Vectors, moved: _Vectors, begun: _Vectors, shapes: Sequence[_Vectors], weights: _Vectors, depths: _Vectors
) -> _Fit:
    """depths: (n,) of the points against their first, by which the equations are longer than distances."""
    system = np.column_stack((plane, *((shape * depths[:, None]).T.reshape(-1) for shape in shapes)))
    scale = np.tile(np.sqrt(weights) / depths, 2)
    weighted = system * scale[:, None]
    solution = np.linalg.lstsq(weighted, moved * scale, rcond=None)[0]
    left = ((moved - system @ solution) / np.tile(depths, 2)).reshape(2, len(begun))
    return _Fit(np.asarray(solution, np.float64), weighted, weights, np.hypot(left[0], left[1]))


def _turn_of(homography: _Vectors, distance: float) -> tuple[float, float]:
    """Yaw and pitch, degrees, by which a sheet that looked straight has turned.

    Its homography is that of two columns of a rotation and a translation (Zhang, IEEE Trans. PAMI 22:1330, 2000).
    """
    elements = np.append(homography[:8], 1.0).reshape(3, 3)
    across, down = elements[:, 0], elements[:, 1]
    lens = np.array([1.0, 1.0, distance])
    ahead = -np.cross(across * lens, down * lens)
    length = float(np.linalg.norm(ahead))
    if length <= 0:
        return 0.0, 0.0
    right, below, away = (ahead / length).tolist()
    return math.degrees(math.atan2(right, -away)), math.degrees(math.asin(min(max(-below, -1.0), 1.0)))


def rotation_of_turn(yaw: float, pitch: float) -> _Vectors:
    """(3, 3) of what faces the camera, degrees as in HeadPose; x right, y down, z away."""
    y, p = math.radians(yaw), math.radians(pitch)
    about_y = np.array(((math.cos(y), 0.0, -math.sin(y)), (0.0, 1.0, 0.0), (math.sin(y), 0.0, math.cos(y))))
    about_x = np.array(((1.0, 0.0, 0.0), (0.0, math.cos(p), math.sin(p)), (0.0, -math.sin(p), math.cos(p))))
    return np.asarray(about_y @ about_x, np.float64)


def _equations(begun: _Vectors, now: _Vectors) -> tuple[_Vectors, _Vectors]:
    """Linear ones of the eight elements of a homography: (2n, 8), all of x, then all of y; and (2n,) what they give."""
    (x, y), (to_x, to_y) = begun.T, now.T
    one, none = np.ones_like(x), np.zeros_like(x)
    across = np.column_stack((x, y, one, none, none, none, -x * to_x, -y * to_x))
    down = np.column_stack((none, none, none, x, y, one, -x * to_y, -y * to_y))
    return np.vstack((across, down)), np.concatenate((to_x, to_y))


def _projected(points: _Vectors, distance: float) -> _Vectors:
    return np.asarray(distance * points[:, :2] / (distance + points[:, 2:]), np.float64)


def _in_faces(points: NDArray[np.float32]) -> _Vectors:
    """From pixels of the window to widths of the face from its middle."""
    return np.asarray((points.reshape(-1, 2) + 0.5) / _FACE_PIXELS - _SPAN / 2, np.float64)


def _corners(grey: _Grey) -> NDArray[np.float32]:
    """(n, 1, 2) where there is texture on the face."""
    skin = np.zeros(grey.shape, np.uint8)
    middle = (_SIDE // 2, round(_SIDE / 2 + _OVAL_DOWN * _FACE_PIXELS))
    axes = (round(_OVAL[0] * _FACE_PIXELS), round(_OVAL[1] * _FACE_PIXELS))
    cv2.ellipse(skin, middle, axes, 0.0, 0.0, 360.0, 255, -1)
    # The stubs do not say that there may be none.
    found: Any = cv2.goodFeaturesToTrack(grey, _MOST_POINTS, _LEAST_CORNER, _APART, mask=skin, blockSize=5)
    return np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


def _followed(before: _Grey, now: _Grey, points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where the points went, and which of them can be believed: those that come back."""
    moved, there = _flow(before, now, points)
    returned, back = _flow(now, before, moved)
    off = np.linalg.norm(returned - points, axis=2)[:, 0]
    return moved, there & back & (off < _BACK)


def _flow(before: _Grey, now: _Grey, points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        points,
        np.empty_like(points),
        winSize=(_WINDOW, _WINDOW),
        maxLevel=_LEVELS,
        criteria=_STOP,
    )
    return np.asarray(moved, np.float32), np.asarray(found[:, 0] > 0)
