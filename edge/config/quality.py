"""When a frame is good enough to be judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

Number = Annotated[float, Strict()]


class QualityLimits(BaseModel):
    """What a frame must have to be judged; what it lacks is told to the person.

    Shares are of the frame's shorter side unless they say otherwise. The bounds keep the scores defined that vision
    makes of these limits; docs/vision.md says why each stands where it stands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_face_pixels: Annotated[
        Number,
        Field(title="Smallest face", description="Pixels of the face's width from which it is judged", ge=32, le=512),
    ] = 48.0
    min_face_share: Annotated[
        Number,
        Field(
            title="Farthest face",
            description="Width of the face against the frame's shorter side from which it is judged",
            ge=0,
            le=0.5,
        ),
    ] = 0.1
    max_face_share: Annotated[
        Number,
        Field(
            title="Closest face",
            description="Width of the face against the frame's shorter side up to which it is judged",
            ge=0.6,
            le=2,
        ),
    ] = 1.0
    max_off_centre: Annotated[
        Number,
        Field(
            title="Off centre",
            description="Distance of the face's middle from the frame's, as a share of its width and height",
            ge=0.05,
            le=0.5,
        ),
    ] = 0.4
    min_visible: Annotated[
        Number,
        Field(title="Visible part", description="Share of the face that must lie inside the frame", ge=0.3, le=1),
    ] = 0.8
    max_speed: Annotated[
        Number, Field(title="Fastest movement", description="Widths of the face per second", ge=0.1, le=20)
    ] = 3.0
    max_yaw: Annotated[
        Number, Field(title="Yaw", description="Degrees that the head may be turned to either side", ge=5, le=60)
    ] = 35.0
    max_pitch: Annotated[
        Number, Field(title="Pitch", description="Degrees that the head may be raised or lowered", ge=5, le=60)
    ] = 30.0
    max_roll: Annotated[
        Number, Field(title="Roll", description="Degrees that the head may be tilted to either side", ge=5, le=60)
    ] = 35.0
    max_clipped: Annotated[
        Number, Field(title="White part", description="Share of the face that may be overexposed", ge=0.01, le=1)
    ] = 0.4
    min_luma: Annotated[
        Number, Field(title="Darkest face", description="Mean luma of the face, of 255", ge=0, le=80)
    ] = 20.0
    min_sharpness: Annotated[
        Number,
        Field(
            title="Least sharpness",
            description="Energy of detail in the face, without unit; about 1.5 in focus",
            ge=0,
            le=0.7,
        ),
    ] = 0.15
    min_other_share: Annotated[
        Number,
        Field(
            title="Other faces",
            description="Width of another face against the judged one from which it counts as a second person",
            ge=0.1,
            le=1,
        ),
    ] = 0.5
