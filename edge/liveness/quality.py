"""What keeps a frame from being judged: what the person is told, and which error it becomes if it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from edge.contracts.enums import ErrorCode, Prompt, QualityFailure


class Remedy(NamedTuple):
    """Of one quality failure."""

    prompt: Prompt
    error: ErrorCode


REMEDIES: Mapping[QualityFailure, Remedy] = MappingProxyType(
    {
        QualityFailure.NO_FACE: Remedy(Prompt.LOOK_AT_CAMERA, ErrorCode.NO_FACE_DETECTED),
        QualityFailure.SEVERAL_FACES: Remedy(Prompt.ONE_PERSON_ONLY, ErrorCode.MULTIPLE_FACE_FOUND),
        QualityFailure.TOO_FAR: Remedy(Prompt.COME_CLOSER, ErrorCode.FACE_TRACKING_FAILED),
        QualityFailure.TOO_CLOSE: Remedy(Prompt.MOVE_BACK, ErrorCode.FACE_TRACKING_FAILED),
        QualityFailure.OFF_CENTRE: Remedy(Prompt.CENTRE_FACE, ErrorCode.FACE_TRACKING_FAILED),
        QualityFailure.MOVING: Remedy(Prompt.TOO_MUCH_MOVEMENT, ErrorCode.FACE_TRACKING_FAILED),
        QualityFailure.NOT_FRONTAL: Remedy(Prompt.LOOK_STRAIGHT, ErrorCode.FACE_NOT_FRONTAL),
        QualityFailure.EYES_NOT_VISIBLE: Remedy(Prompt.UNCOVER_EYES, ErrorCode.FACE_EYE_REGION_NOT_VISIBLE),
        QualityFailure.MOUTH_NOT_VISIBLE: Remedy(Prompt.UNCOVER_MOUTH, ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE),
        QualityFailure.BLURRED: Remedy(Prompt.HOLD_STILL, ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED),
        QualityFailure.TOO_BRIGHT: Remedy(Prompt.TOO_BRIGHT, ErrorCode.EXCESSIVE_FACE_BRIGHTNESS),
        QualityFailure.TOO_DARK: Remedy(Prompt.TOO_DARK, ErrorCode.ENVIRONMENT_NOT_SUPPORTED),
    }
)

# What the person can do better next time. Surroundings and hardware do not change by asking again.
RETRYABLE: frozenset[ErrorCode] = frozenset(
    {
        ErrorCode.NO_FACE_DETECTED,
        ErrorCode.MULTIPLE_FACE_FOUND,
        ErrorCode.FACE_TRACKING_FAILED,
        ErrorCode.FACE_NOT_FRONTAL,
        ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE,
        ErrorCode.FACE_EYE_REGION_NOT_VISIBLE,
        ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED,
        ErrorCode.EXCESSIVE_FACE_BRIGHTNESS,
        ErrorCode.HEAD_TURN_NOT_PERFORMED,
        ErrorCode.TIMED_OUT,
    }
)
