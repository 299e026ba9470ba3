"""What vision tells the heart about one frame."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contracts.enums import QualityFailure


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face in pixels of the frame; may reach over its edges."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Degrees; zero looks into the camera, positive yaw to the person's left, positive pitch up."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class PadScore:
    """One network's opinion of one frame.

    network: id of the model's manifest; sha256: of its file.
    margin: logit of the live class minus that of the file's (calibrated) threshold, in units of the manifest's
    spread; above zero: live.
    weight: the manifest's share of this network where several are active.
    """

    network: str
    sha256: str
    margin: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class FrameEvidence:
    """One frame, seen.

    captured_at: seconds, monotonic.
    faces: how many faces were found; box: the primary one, if any.
    failures: why the frame may not be judged, the most useful to tell the person first; empty: it may be.
    quality: 0..1, ranks the frames that may be judged.
    pad: one score for each active network; empty where the frame was not judged.
    still: the only picture of its source.
    lit_settled: no light of ours was between two levels.
    track: number of the face's track since vision was reset, from 1; another number, another face, for all that
    can be told. 0: no face.
    """

    sequence: int
    captured_at: float
    faces: int
    box: FaceBox | None
    pose: HeadPose | None = None
    eyes_open: float | None = None
    failures: tuple[QualityFailure, ...] = ()
    quality: float = 0.0
    pad: tuple[PadScore, ...] = ()
    still: bool = False
    lit_settled: bool = True
    track: int = 0
