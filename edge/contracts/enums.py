"""The words of the contract. Session fields and error codes carry the names of Azure Face liveness."""

from __future__ import annotations

from enum import StrEnum


class LivenessOperationMode(StrEnum):
    """What a session may ask of the person."""

    PASSIVE = "Passive"
    PASSIVE_ACTIVE = "PassiveActive"


class LivenessDecision(StrEnum):
    """What one attempt concluded."""

    REALFACE = "realface"
    SPOOFFACE = "spoofface"
    UNCERTAIN = "uncertain"


class SessionStatus(StrEnum):
    """Status of a session and of each of its attempts."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class LightLevel(StrEnum):
    """How much the face answers the terminal's own light."""

    DIM = "dim"
    BRIGHT = "bright"
    OVERWHELMED = "overwhelmed"
    NOT_MEASURED = "not_measured"


class Spectrum(StrEnum):
    """What light a camera's filters let through."""

    IR_CUT = "ir_cut"
    NOIR = "noir"
    IR_PASS = "ir_pass"  # noqa: S105 - a filter


class LightBand(StrEnum):
    """What an illuminator emits."""

    INFRARED = "infrared"
    WHITE = "white"


class CaptureKind(StrEnum):
    """Where the frames came from; only ``live`` may open a door."""

    LIVE = "live"
    REPLAY = "replay"
    SIMULATED = "simulated"


class ErrorCode(StrEnum):
    """Why an attempt or a request ended without a decision."""

    NO_FACE_DETECTED = "NoFaceDetected"
    MULTIPLE_FACE_FOUND = "MultipleFaceFound"
    FACE_TRACKING_FAILED = "FaceTrackingFailed"
    FACE_NOT_FRONTAL = "FaceNotFrontal"
    FACE_MOUTH_REGION_NOT_VISIBLE = "FaceMouthRegionNotVisible"
    FACE_EYE_REGION_NOT_VISIBLE = "FaceEyeRegionNotVisible"
    EXCESSIVE_IMAGE_BLUR_DETECTED = "ExcessiveImageBlurDetected"
    EXCESSIVE_FACE_BRIGHTNESS = "ExcessiveFaceBrightness"
    ENVIRONMENT_NOT_SUPPORTED = "EnvironmentNotSupported"
    HEAD_TURN_NOT_PERFORMED = "HeadTurnNotPerformed"
    TIMED_OUT = "TimedOut"
    FACE_NOT_FOUND = "FaceNotFound"
    CONTENT_DECODING_ERROR = "ContentDecodingError"
    IMAGE_SIZE_IS_TOO_LARGE = "ImageSizeIsTooLarge"
    IMAGE_SIZE_IS_TOO_SMALL = "ImageSizeIsTooSmall"
    UNSUPPORTED_MEDIA_TYPE = "UnsupportedMediaType"
    VERIFY_IMAGE_NOT_PROVIDED = "VerifyImageNotProvided"
    CAMERA_PERMISSION_DENIED = "CameraPermissionDenied"
    CAMERA_STARTUP_FAILURE = "CameraStartupFailure"
    INVALID_TOKEN = "InvalidToken"  # noqa: S105 - an error code of the contract
    USER_CANCELED_SESSION = "UserCanceledSession"
    GENERIC_FAILURE = "GenericFailure"


class QualityForRecognition(StrEnum):
    """What a reference image is worth to whoever compares faces with it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ReferenceKind(StrEnum):
    """What a session's face is compared with."""

    IMAGE = "image"
    TEMPLATE = "template"


class QualityFailure(StrEnum):
    """What keeps one frame from being judged. Each has one prompt and one error code (edge.liveness.quality)."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    OFF_CENTRE = "off_centre"
    MOVING = "moving"
    NOT_FRONTAL = "not_frontal"
    EYES_NOT_VISIBLE = "eyes_not_visible"
    MOUTH_NOT_VISIBLE = "mouth_not_visible"
    BLURRED = "blurred"
    TOO_BRIGHT = "too_bright"
    TOO_DARK = "too_dark"


class Prompt(StrEnum):
    """What the person is asked to do; edge.guidance holds the words."""

    LOOK_AT_CAMERA = "look_at_camera"
    ONE_PERSON_ONLY = "one_person_only"
    COME_CLOSER = "come_closer"
    MOVE_BACK = "move_back"
    CENTRE_FACE = "centre_face"
    HOLD_STILL = "hold_still"
    TOO_MUCH_MOVEMENT = "too_much_movement"
    LOOK_STRAIGHT = "look_straight"
    UNCOVER_EYES = "uncover_eyes"
    UNCOVER_MOUTH = "uncover_mouth"
    TOO_BRIGHT = "too_bright"
    TOO_DARK = "too_dark"
    SCREEN_WILL_FLASH = "screen_will_flash"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    TURN_UP = "turn_up"
    TURN_DOWN = "turn_down"
    TURN_UP_LEFT = "turn_up_left"
    TURN_UP_RIGHT = "turn_up_right"
    TURN_DOWN_LEFT = "turn_down_left"
    TURN_DOWN_RIGHT = "turn_down_right"
    WORKING = "working"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    TRY_AGAIN = "try_again"


class EvidenceKind(StrEnum):
    """A source of evidence that a policy may demand."""

    PAD = "pad"
    LIGHT = "light"
    MOTION = "motion"
    CONTINUITY = "continuity"


class EvidenceOutcome(StrEnum):
    """What a source of evidence said. The kinds are never averaged together."""

    CONFIRMED = "confirmed"
    VETO = "veto"
    INSUFFICIENT = "insufficient"
    NOT_APPLICABLE = "not_applicable"


class EvidencePath(StrEnum):
    """Which way an attempt went. Light and mode decide; the policy names for each what ``realface`` needs."""

    PASSIVE = "passive"
    ACTIVE = "active"
    MOTION_ALONE = "motion_alone"
    WITHOUT_NETWORKS = "without_networks"


class ChallengeKind(StrEnum):
    """What a random plan was drawn for: a code of the display's light, one of an infrared lamp, head movements."""

    LIGHT = "light"
    INFRARED = "infrared"
    MOTION = "motion"


class Alternative(StrEnum):
    """What a requester may have left out, for somebody whom it would harm or who cannot do it."""

    WITHOUT_FLASH = "without_flash"
    WITHOUT_MOVEMENT = "without_movement"


class AssuranceLevel(StrEnum):
    """How much was proven, from nothing to all; compared by that order, never by the alphabet."""

    NONE = "none"
    NETWORKS = "networks"
    MOTION = "motion"
    LIGHT = "light"
    LIGHT_AND_MOTION = "light_and_motion"

    @property
    def rank(self) -> int:
        """0 for the lowest."""
        return list(AssuranceLevel).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < AssuranceLevel(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= AssuranceLevel(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > AssuranceLevel(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= AssuranceLevel(other).rank


class Label(StrEnum):
    """What a presentation truly is, in the words of ISO/IEC 30107-3; measured with, and told to no terminal."""

    BONA_FIDE = "bonafide"
    ATTACK = "attack"


class TerminalState(StrEnum):
    """The retained ``state`` topic. The will says ``lost``."""

    INIT = "init"
    READY = "ready"
    BUSY = "busy"
    DEGRADED = "degraded"
    PAUSED = "paused"
    QUARANTINED = "quarantined"
    UPDATING = "updating"
    DISCONNECTED = "disconnected"
    LOST = "lost"


class Service(StrEnum):
    """What the fleet wants of a terminal, until it wants something else; restarts do not change it.

    Nothing leaves quarantine but a new desired state: an operator has looked.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    QUARANTINED = "quarantined"


class ConfigStatus(StrEnum):
    """What became of the newest desired configuration."""

    NONE = "none"
    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    ROLLED_BACK = "rolledBack"


class CommandErrorCode(StrEnum):
    """Why a command was refused; nothing has changed then."""

    MALFORMED = "Malformed"
    UNSUPPORTED_SCHEMA = "UnsupportedSchema"
    TOO_LARGE = "TooLarge"
    RETAINED = "Retained"
    EXPIRED = "Expired"
    REPEATED = "Repeated"
    BUSY = "Busy"
    DEGRADED = "Degraded"
    PAUSED = "Paused"
    QUARANTINED = "Quarantined"
    BACKING_OFF = "BackingOff"
    UNAUTHORIZED = "Unauthorized"
    POLICY = "Policy"
    UNKNOWN_SESSION = "UnknownSession"
    UNKNOWN_COMMAND = "UnknownCommand"
    UNSUPPORTED = "Unsupported"
    INTERNAL = "Internal"
