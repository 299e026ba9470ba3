"""One primary face, followed from frame to frame.

The landmarks of one frame say where to look in the next; the detector runs only when they are lost, and twice a second
to notice other faces. Nothing of a frame's pixels is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge.frames.frame import Frame
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre, overlap
from edge.vision.detector import Detection, Detector
from edge.vision.landmarks import FaceMesh, Mesh, box_of_mesh, roi_of_detection, roi_of_mesh

# Somebody who steps in is noticed within half a second, for a thirtieth of the detector's cost per frame at 60 fps
# and half of it at 4. Frames without a usable clock are counted instead.
LOOK_AROUND_SECONDS: Final = 0.5
LOOK_AROUND_FRAMES: Final = 15
_MIN_PRESENCE: Final = 0.5
# Boxes of one face in two frames overlap more, boxes of two faces less.
_SAME_FACE: Final = 0.3
# Of the primary face, at most; two checks tell one person from several.
_MOST_CHECKED: Final = 3


@dataclass(frozen=True, slots=True)
class Face:
    """The primary face of a frame.

    box: as the detector draws it, or would. track: number of the track, from 1; another number, another face, for
    all that can be told.
    before: the landmarks in the frame before, ``seconds`` earlier; None at the start of a track.
    """

    box: FaceBox
    mesh: Mesh
    track: int
    before: Mesh | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """The faces of a frame: the primary one, and how many others count."""

    face: Face | None
    others: int


NOBODY: Final = Sighting(None, 0)


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    mesh: Mesh
    box: FaceBox
    captured_at: float
    size: tuple[int, int]
    others: int
    looked_at: float
    frames: int


class FaceTracker:
    """min_other_share: width of another face, against the primary one, from which it counts."""

    def __init__(self, detector: Detector, face_mesh: FaceMesh, *, min_other_share: float) -> None:
        self._detector = detector
        self._mesh = face_mesh
        self._min_other_share = min_other_share
        self._track: _Track | None = None
        self._number = 0

    def reset(self) -> None:
        """Forget the face and count tracks anew."""
        self._track = None
        self._number = 0

    def follow(self, frame: Frame) -> Sighting:
        """The faces of the next frame. A still, and a frame of another size, begin anew."""
        track = self._track
        if track is not None and (frame.still or track.size != (frame.width, frame.height)):
            track = None
        sighting = (self._keep(frame, track) if track else None) or self._acquire(frame, track)
        if sighting.face is None or frame.still:
            self._track = None
        return sighting

    def _keep(self, frame: Frame, track: _Track) -> Sighting | None:
        mesh = self._mesh.see(frame, roi_of_mesh(track.mesh, self._mesh.roi_scale))
        box = box_of_mesh(mesh)
        # A face that jumped may be another one's: the detector decides.
        if not mesh.presence >= _MIN_PRESENCE or overlap(box, track.box) < _SAME_FACE:
            return None
        others, looked_at, frames = track.others, track.looked_at, track.frames + 1
        if frames >= LOOK_AROUND_FRAMES or not 0 <= frame.captured_at - looked_at < LOOK_AROUND_SECONDS:
            others = self._others(frame, self._detector.find(frame), box)
            looked_at, frames = frame.captured_at, 0
        face = Face(box, mesh, track.number, track.mesh, frame.captured_at - track.captured_at)
        self._remember(frame, face, others, looked_at, frames)
        return Sighting(face, others)

    def _acquire(self, frame: Frame, lost: _Track | None) -> Sighting:
        found = self._detector.search(frame)
        for detection in sorted(found, key=lambda d: _prominence(d.box, frame), reverse=True)[:_MOST_CHECKED]:
            mesh = self._mesh.see(frame, roi_of_detection(detection, self._mesh.roi_scale))
            if mesh.presence >= _MIN_PRESENCE:
                break
        else:
            return NOBODY
        same = lost is not None and overlap(detection.box, lost.box) >= _SAME_FACE
        if same and lost is not None:
            face = Face(detection.box, mesh, lost.number, lost.mesh, frame.captured_at - lost.captured_at)
        else:
            self._number += 1
            face = Face(detection.box, mesh, self._number, None, 0.0)
        others = self._others(frame, (d for d in found if d is not detection), detection.box)
        self._remember(frame, face, others, frame.captured_at, 0)
        return Sighting(face, others)

    def _others(self, frame: Frame, found: Iterable[Detection], primary: FaceBox) -> int:
        """How many of ``found`` are other faces of a size that counts; each confirmed by its landmarks."""
        candidates = [
            d
            for d in found
            if d.box.width >= self._min_other_share * primary.width and overlap(d.box, primary) < _SAME_FACE
        ]
        return sum(
            self._mesh.see(frame, roi_of_detection(d, self._mesh.roi_scale)).presence >= _MIN_PRESENCE
            for d in candidates[:_MOST_CHECKED]
        )

    def _remember(self, frame: Frame, face: Face, others: int, looked_at: float, frames: int) -> None:
        self._track = _Track(
            number=face.track,
            mesh=face.mesh,
            box=face.box,
            captured_at=frame.captured_at,
            size=(frame.width, frame.height),
            others=others,
            looked_at=looked_at,
            frames=frames,
        )


def _prominence(box: FaceBox, frame: Frame) -> float:
    """Large and central first: at the frame's corner a face counts half its width."""
    x, y = centre(box)
    aside = math.hypot(x / frame.width - 0.5, y / frame.height - 0.5) / math.hypot(0.5, 0.5)
    return box.width * (1.0 - 0.5 * min(aside, 1.0))
