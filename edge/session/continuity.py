"""One person in one unbroken sequence: what all frames of a face say of that, whatever is asked of it meanwhile.

A photograph that takes the place of whoever answered the challenges, a recording that is spliced, stands still or goes
round, and a screen that pulses are vetoes. docs/sessions.md has how often each errs.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind, EvidenceKind, EvidenceOutcome, LightLevel
from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.liveness.evidence import FaceBox, FrameEvidence
from edge.liveness.outcome import Finding
from edge.vision.banding import Banding, BandSearch
from edge.vision.face_patch import Points
from edge.vision.identity import Embedding

# A face is looked at anew so often, where it looks straight. Of two people on the two sides of a moment each must have
# been seen twice: one picture of somebody who grimaces is hardly alike to the next.
_LOOK_SECONDS: Final = 0.5
_STRAIGHT: Final = 12.0
_EACH: Final = 2
_ANOTHER: Final = 0.3
_SAME: Final = 0.5

# A camera that has nothing new may give a frame again; one that gives it for so long has stopped.
_STOPPED_SECONDS: Final = 0.5
_STOPPED_FRAMES: Final = 5
# So many different frames on end that have all been there before, in that order. A driver's stale buffer is one.
_AGAIN: Final = 5
# Of a frame, rows that are held against those of other frames.
_PRINT_ROWS: Final = 30

# Nobody moves a head faster than this from rest to rest, in widths of the face (0.17 m) per second squared: 40 m/s2,
# four times gravity; and how far landmarks of a face at rest may jump.
_JERKED: Final = 235.0
_NOISE: Final = 0.03
# Around a cut the face is at rest, or moves on as before, for so many frames; the picture itself must have changed too.
_AROUND: Final = 2
_LONGEST: Final = 0.1
_CHANGED: Final = 0.95
_CELLS: Final = 48
_EVERY: Final = 9

# Of the change of rows from frame to frame that one tone explains, its least depth, and how much more it must be than
# that of the room.
_TONE: Final = 0.35
_DEEP: Final = 0.005
_ROOM: Final = 4.0
# Elsewhere the display may give much of the face's light and nothing of the room's, and nobody knows how its light
# ripples.
_LITTLE_OWN_LIGHT: Final = frozenset({LightLevel.BRIGHT, LightLevel.OVERWHELMED})


class Continuity:
    """Follows the frames of one face; another one begins anew. ``forget`` must be called on every way out: embeddings
    and a small grey picture are kept until then.
    """

    _track: int
    _frames: int
    _break: str | None
    _banding: Banding | None
    _embeddings: list[Embedding]
    _qualities: list[float]

    def __init__(self, embedding: Callable[[Frame], Embedding | None]) -> None:
        """embedding: of the face in the frame seen last; None where there is none."""
        self._embedding = embedding
        self._pace = _Pace()
        self._bands = BandSearch()
        self._clear()

    def saw(self, frame: Frame, evidence: FrameEvidence, landmarks: Points | None) -> None:
        """The next frame. landmarks: (468, 3), of it. Raises ModelError when the network fails."""
        if evidence.track not in {0, self._track}:
            self.forget()
            self._track = evidence.track
        self._still = evidence.still
        if landmarks is None or evidence.box is None:
            self._pace.lost()
            self._bands.restart()
            return
        self._frames += 1
        self._break = self._break or self._breaks(frame, evidence, evidence.box, landmarks)
        if evidence.lit_settled:
            banding = self._bands.saw(frame, evidence.box)
            self._banding = self._banding or (banding if banding is not None and _is_screen(banding) else None)
        else:
            self._bands.restart()
        self._look(frame, evidence)

    @property
    def pictures(self) -> tuple[tuple[Embedding, float], ...]:
        """Embeddings of the face that is followed, in order of time, each with the quality of its frame, 0..1.

        They are overwritten by ``forget``.
        """
        return tuple(zip(self._embeddings, self._qualities, strict=True))

    def finding(self, level: LightLevel) -> Finding:
        """What all frames so far say. level: of the light, as measured on this face; it decides what a pulse means."""
        similarity = _finite(self._similarity if math.isfinite(self._similarity) else self._least)
        if self._still:
            return _finding(EvidenceOutcome.NOT_APPLICABLE, "one picture is no sequence")
        if self._break is not None:
            return _finding(EvidenceOutcome.VETO, self._break, similarity)
        if self._banding is not None and level in _LITTLE_OWN_LIGHT:
            return _finding(EvidenceOutcome.VETO, _pulses(self._banding), similarity)
        if self._prints.stopped_in_recording:
            return _finding(EvidenceOutcome.INSUFFICIENT, "the recording stood still", similarity)
        seen = len(self._embeddings)
        if seen < 2:
            return _finding(EvidenceOutcome.INSUFFICIENT, f"the face was seen well {seen} times, too few to compare")
        told = f"{seen} pictures of the face, {self._least:.2f} alike where they are least"
        if self._least < _SAME:
            return _finding(EvidenceOutcome.INSUFFICIENT, f"{told}: too little for one person", similarity)
        reason = f"one face without a break in {self._frames} frames: {told}"
        return _finding(EvidenceOutcome.CONFIRMED, reason, similarity)

    def forget(self) -> None:
        """Overwrites what was kept of the face. May be repeated."""
        for embedding in self._embeddings:
            embedding.fill(0)
        self._pace.forget()
        self._bands.forget()
        self._clear()

    def _clear(self) -> None:
        self._track = 0
        self._frames = 0
        self._still = False
        self._break = None
        self._banding = None
        self._embeddings = []
        self._qualities = []
        self._looked_at = -math.inf
        self._similarity = self._least = math.inf
        self._prints = _Prints()

    def _breaks(self, frame: Frame, evidence: FrameEvidence, box: FaceBox, landmarks: Points) -> str | None:
        repeated = self._prints.saw(frame)
        jumped = self._pace.saw(frame, box, landmarks, evidence.captured_at)
        return repeated or jumped

    def _look(self, frame: Frame, evidence: FrameEvidence) -> None:
        pose = evidence.pose
        straight = pose is not None and abs(pose.yaw) <= _STRAIGHT
        good = straight and evidence.lit_settled and not evidence.failures
        if not good or 0 <= evidence.captured_at - self._looked_at < _LOOK_SECONDS:
            return
        embedding = self._embedding(frame)
        if embedding is None:
            return
        self._looked_at = evidence.captured_at
        self._embeddings.append(embedding)
        self._qualities.append(evidence.quality)
        self._similarity = least_alike(self._embeddings, _EACH)
        self._least = min(self._similarity, alone(self._embeddings))
        if self._similarity <= _ANOTHER:
            self._break = self._break or (
                f"another face took the place of the first: {self._similarity:.2f} alike, up to {_ANOTHER} is no one's"
            )


def least_alike(embeddings: Sequence[Embedding], each: int) -> float:
    """How alike the pictures before and after a moment are, by the means of each, at the moment where they are least.

    embeddings: in order of time. each: so many pictures at least are on either side. Infinite where there are fewer.
    """
    if len(embeddings) < 2 * each:
        return math.inf
    before = np.cumsum(embeddings, axis=0, dtype=np.float64)
    alike = math.inf
    for count in range(each, len(embeddings) - each + 1):
        first, second = before[count - 1], before[-1] - before[count - 1]
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        alike = min(alike, float(first @ second) / max(lengths, 1e-9))
    return alike


def alone(embeddings: Sequence[Embedding]) -> float:
    """How alike a picture is to the mean of all others, of the picture that is least. Infinite for fewer than two."""
    if len(embeddings) < 2:
        return math.inf
    each = np.array(embeddings, np.float64)
    others = each.sum(axis=0) - each
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    return float(((each * others).sum(axis=1) / lengths).min())


class _Prints:
    """A number for each frame, which another one has only where it repeats it: noise is never twice the same."""

    def __init__(self) -> None:
        self.stopped_in_recording = False
        self._places: dict[int, int] = {}
        self._count = 0
        self._last: int | None = None
        self._same = 0
        self._since = 0.0
        self._lag = 0
        self._again = 0

    def saw(self, frame: Frame) -> str | None:
        """Why this is no live picture any more, if so."""
        print_of = 0
        for row in frame.pixels[:: max(1, frame.height // _PRINT_ROWS)]:
            # Row by row, since together they would have to be copied.
            print_of = zlib.crc32(np.ascontiguousarray(row).data, print_of)
        if print_of == self._last:
            return self._stands(frame)
        self._last, self._same, self._since = print_of, 1, frame.captured_at
        before = self._places.get(print_of)
        self._places[print_of] = self._count
        lag = 0 if before is None else self._count - before
        self._again = self._again + 1 if lag and lag == self._lag else int(lag > 0)
        self._lag = lag
        self._count += 1
        if self._again >= _AGAIN:
            return f"{self._again} frames on end had been there before, to the last bit: the picture goes round"
        return None

    def _stands(self, frame: Frame) -> str | None:
        self._same += 1
        seconds = frame.captured_at - self._since
        if self._same < _STOPPED_FRAMES or seconds < _STOPPED_SECONDS:
            return None
        if frame.capture is CaptureKind.REPLAY:
            # An encoder that sees no change repeats a picture as well.
            self.stopped_in_recording = True
            return None
        return f"{self._same} frames in {seconds:.1f} s are the same to the last bit: the picture stands still"


@dataclass(frozen=True, slots=True)
class _Step:
    """From one frame to the next. moved: widths of the face. alike: correlation of what is at the face's place."""

    seconds: float
    moved: float
    alike: float


class _Pace:
    """How the face goes from frame to frame, and where it cannot have gone there."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._before: tuple[int, float, FaceBox, Points, NDArray[np.uint8], int] | None = None
        self._scratch = Scratch()
        self._seen = 0

    def saw(self, frame: Frame, box: FaceBox, landmarks: Points, time: float) -> str | None:
        """Why the picture was cut some frames ago, if so."""
        apart = max(1, frame.height // _CELLS)
        sparse = frame.pixels[::apart, ::apart, 1]
        # This one and the one before, in turns.
        self._seen += 1
        picture = self._scratch.take(f"sparse {self._seen % 2}", sparse.shape, np.uint8)
        np.copyto(picture, sparse)
        before, self._before = self._before, (frame.sequence, time, box, landmarks, picture, apart)
        if before is None:
            return None
        sequence, then, was, points, old, old_apart = before
        if sequence + 1 == frame.sequence and 0 < time - then <= _LONGEST and old.shape == picture.shape:
            away = np.linalg.norm(landmarks[::_EVERY, :2] - points[::_EVERY, :2], axis=1)
            moved = float(np.median(away)) / was.width
            self._steps = [*self._steps, _Step(time - then, moved, _alike(old, picture, was, old_apart))]
        else:
            self._steps = []
        self._steps = self._steps[-(2 * _AROUND + 1) :]
        return self._cut()

    def lost(self) -> None:
        """No face in this frame."""
        self._steps = []
        self._before = None

    def forget(self) -> None:
        self.lost()
        self._scratch.wipe()

    def _cut(self) -> str | None:
        if len(self._steps) <= 2 * _AROUND:
            return None
        step = self._steps[_AROUND]
        around = max(other.moved for place, other in enumerate(self._steps) if place != _AROUND)
        limit = _NOISE + _JERKED * step.seconds**2 / 4
        if step.moved - around <= limit or step.alike >= _CHANGED:
            return None
        return (
            f"the face jumped by {step.moved:.2f} of its width in {step.seconds * 1e3:.0f} ms, more than a head can "
            f"from rest to rest ({limit:.2f}): the picture was cut"
        )


def _alike(old: NDArray[np.uint8], new: NDArray[np.uint8], box: FaceBox, apart: int) -> float:
    """Correlation of two small pictures within a box in pixels of the frame; 1 where there is nothing to compare."""
    top, left = max(0, int(box.top / apart)), max(0, int(box.left / apart))
    rows, columns = int(box.height / apart), int(box.width / apart)
    one, other = (
        np.asarray(picture[top : top + rows, left : left + columns], np.float64).reshape(-1) for picture in (old, new)
    )
    if not one.size:
        return 1.0
    one, other = one - one.mean(), other - other.mean()
    power = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / power if power > 0 else 1.0


def _is_screen(banding: Banding) -> bool:
    return banding.share >= _TONE and banding.depth >= _DEEP and banding.room * _ROOM <= banding.depth


def _pulses(banding: Banding) -> str:
    return (
        f"the face's light pulses as a screen's and the room's does not: {banding.depth:.1%} deep at about "
        f"{banding.frequency:.0f} Hz, beside it {banding.room:.2%}"
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finding(outcome: EvidenceOutcome, reason: str, margin: float | None = None) -> Finding:
    return Finding(EvidenceKind.CONTINUITY, outcome, reason, margin)
