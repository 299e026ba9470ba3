"""Frame → evidence."""

from __future__ import annotations

from edge.config.quality import QualityLimits
from edge.contracts.enums import QualityFailure
from edge.frames.frame import Frame
from edge.frames.reference_image import ReferencePicture
from edge.inference.calibration import SiteCalibration
from edge.liveness.evidence import FrameEvidence
from edge.vision.detector import Detector
from edge.vision.face_patch import Points
from edge.vision.identity import Embedding, FaceIdentity
from edge.vision.landmarks import FaceMesh, Mesh, five_points
from edge.vision.network import Networks
from edge.vision.pad import PadJudge
from edge.vision.pose import head_pose
from edge.vision.quality import (
    eyes_open,
    face_speed,
    failures,
    measure,
    score,
)
from edge.vision.reference import Reference, ReferenceReader
from edge.vision.timing import NO_TIMER, StageTimer
from edge.vision.tracking import Face, FaceTracker


class FaceVision:
    """Looks at frames in order of capture, in the thread that loaded ``bundle``. Keeps landmarks, never pixels.

    bundle: the models; ``edge.inference.bundle.ModelBundle``.
    limits: what a frame must have to be judged; None: the defaults.
    calibration: of the site, for the PAD networks' thresholds; None: those of their manifests.
    timer: for benchmarks.
    Raises ModelError where the detector or the landmark network is of a kind that cannot be read, and where the
    calibration was made for other PAD networks.
    """

    def __init__(
        self,
        bundle: Networks,
        limits: QualityLimits | None = None,
        calibration: SiteCalibration | None = None,
        *,
        timer: StageTimer = NO_TIMER,
    ) -> None:
        self._limits = limits or QualityLimits()
        self._timer = timer
        self._detector = Detector(bundle.detector, timer=timer)
        self._face_mesh = FaceMesh(bundle.landmarks, timer=timer)
        self._tracker = FaceTracker(self._detector, self._face_mesh, min_other_share=self._limits.min_other_share)
        self._pad = PadJudge(bundle.pad, calibration, timer=timer)
        self._identity = None if bundle.embedding is None else FaceIdentity(bundle.embedding, timer=timer)
        self._mesh: Mesh | None = None

    @property
    def landmarks(self) -> Points | None:
        """(468, 3) of the face in the frame seen last, as ``edge.vision.landmarks.Mesh`` has them; None: no face."""
        return None if self._mesh is None else self._mesh.points

    def embedding(self, frame: Frame) -> Embedding | None:
        """Of the face in the frame seen last, which ``frame`` must be. None: no face, or no network for it. Costs a run
        of the network. Raises ModelError when it fails.
        """
        if self._mesh is None or self._identity is None:
            return None
        return self._identity.embed(frame, five_points(self._mesh))

    def reference(self, picture: ReferencePicture) -> Reference:
        """What a reference image is worth, by the same networks; the track of the live face goes on. Raises
        ReferenceRefused, and ModelError where a network fails or there is none that compares faces.
        """
        return ReferenceReader(self._detector, self._face_mesh, self._identity).read(picture)

    def reset(self) -> None:
        """Forget the track: a new attempt."""
        self._tracker.reset()
        self._mesh = None

    def glance(self, frame: Frame) -> float | None:
        """Width of the largest face in the middle of the picture, as a share of the frame's shorter side; None: none is
        large enough to be judged. Runs the detector alone and keeps nothing. Raises ModelError.
        """
        width = max((found.box.width for found in self._detector.find_before(frame)), default=0.0)
        share = width / min(frame.width, frame.height)
        limits = self._limits
        return share if width >= limits.min_face_pixels and share >= limits.min_face_share else None

    def see(self, frame: Frame, *, judge: bool = True) -> FrameEvidence:
        """judge: False leaves the PAD networks out, as light of ours that changes does: no such frame counts. Raises
        ModelError when a network fails.
        """
        sighting = self._tracker.follow(frame)
        face = sighting.face
        self._mesh = None if face is None else face.mesh
        if face is None:
            return FrameEvidence(
                sequence=frame.sequence,
                captured_at=frame.captured_at,
                faces=0,
                box=None,
                failures=(QualityFailure.NO_FACE,),
                still=frame.still,
                lit_settled=frame.light.settled,
            )
        with self._timer("quality"):
            pose = head_pose(face.mesh, max(frame.width, frame.height))
            measures = measure(frame, face.mesh, face.box, pose, others=sighting.others, speed=_speed(face))
            failing = failures(measures, self._limits)
            opened = eyes_open(face.mesh)
        judged = judge and not failing and frame.light.settled
        return FrameEvidence(
            sequence=frame.sequence,
            captured_at=frame.captured_at,
            faces=1 + sighting.others,
            box=face.box,
            pose=pose,
            eyes_open=opened,
            failures=failing,
            quality=0.0 if failing else score(measures, self._limits),
            pad=self._pad.scores(frame, face.box, five_points(face.mesh)) if judged else (),
            still=frame.still,
            lit_settled=frame.light.settled,
            track=face.track,
        )


def _speed(face: Face) -> float | None:
    return None if face.before is None else face_speed(face.before, face.mesh, face.box.width, face.seconds)
