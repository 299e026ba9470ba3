"""What a site found out about its own camera: how far each PAD network's threshold moves there, and for what.

The file is written by ``livegate calibrate`` and only read by a terminal: nothing that happens at the lens changes it.
docs/calibration.md describes each key.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from edge.config.document import Kind
from edge.config.settings import MODEL_ID_PATTERN
from edge.config.values import Number, Section, Text, Whole
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import ConfigError, ModelError

PAGE: Final = "docs/calibration.md"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
DATE_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MANY: Final = 1_000_000
# Of shifts and margins: a logit is cut at 16, a spread is not bounded.
FAR: Final = 1e6
AGAIN: Final = "calibrate again with `livegate calibrate`"

Name = Annotated[Text, Field(min_length=1, max_length=256)]
Margin = Annotated[Number, Field(ge=-FAR, le=FAR)]
Sha256 = Annotated[Text, Field(pattern=SHA256_PATTERN)]


class CameraIdentity(Section):
    """A camera as its driver tells of it: another one moves the thresholds by another amount."""

    name: Annotated[Name, Field(title="Name", description="Of the sensor or the driver")]
    capture: Annotated[CaptureKind, Field(title="Capture", description="What its decisions are signed as")]
    spectrum: Annotated[Spectrum, Field(title="Spectrum", description="What light its filters let through")]

    def __str__(self) -> str:
        return f"{self.name} ({self.capture}, {self.spectrum})"


class NetworkShift(Section):
    """One PAD network's shift, and what it was estimated from (margins in units of the manifest's spread)."""

    id: Annotated[Text, Field(title="Network", description="Its manifest's id", pattern=MODEL_ID_PATTERN)]
    sha256: Annotated[Sha256, Field(title="Hash", description="SHA-256 of the model file")]
    shift: Annotated[
        Margin, Field(title="Shift", description="Logits added to the file's threshold; above zero is stricter")
    ]
    floor: Annotated[
        Number,
        Field(title="Floor", description="Probability of live that the threshold may not go below", ge=0, le=1),
    ]
    location: Annotated[Margin, Field(title="Location", description="Median of the persons' margins here")]
    reference: Annotated[Margin, Field(title="Reference", description="The same on the maker's reference data")]
    shrink: Annotated[
        Number, Field(title="Shrinkage", description="Share of the difference that was taken", ge=0, le=1)
    ]


class SiteCalibration(Section):
    """The whole file. ``sha256`` is over everything else in it, and decisions sign it."""

    schema_version: Annotated[Literal[1], Field(title="Schema", description="Of this file")] = 1
    date: Annotated[Text, Field(title="Date", description="When it was made, year-month-day", pattern=DATE_PATTERN)]
    camera: Annotated[CameraIdentity, Field(title="Camera", description="The one that it was made with")]
    people: Annotated[
        Whole, Field(title="People", description="How many bona fide persons were captured", ge=1, le=MANY)
    ]
    frames: Annotated[Whole, Field(title="Frames", description="How many of their frames were judged", ge=1, le=MANY)]
    models: Annotated[
        tuple[NetworkShift, ...],
        Field(title="Networks", description="Their shifts, each once", min_length=1, max_length=16),
    ]
    sha256: Annotated[Sha256, Field(title="Hash", description="SHA-256 of the rest of the file")]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sha256 != _fingerprint(self):
            raise ValueError(f"was changed or damaged after it was made: its hash does not fit; {AGAIN}")
        if len({model.sha256 for model in self.models}) != len(self.models):
            raise ValueError("shifts a network twice")
        return self

    @classmethod
    def made(
        cls,
        *,
        date: datetime.date,
        camera: CameraIdentity,
        people: int,
        frames: int,
        models: Sequence[NetworkShift],
    ) -> SiteCalibration:
        """A new one, with its hash."""
        unsigned = cls.model_construct(
            schema_version=1,
            date=date.isoformat(),
            camera=camera,
            people=people,
            frames=frames,
            models=tuple(models),
            sha256="",
        )
        return cls.model_validate({**dict(unsigned), "sha256": _fingerprint(unsigned)})

    def __str__(self) -> str:
        people = f"{self.people} person{'s' * (self.people != 1)}"
        return f"the calibration of {self.date} for the camera {self.camera}, from {people}"

    def shift(self, model_sha256: str) -> float:
        """Logits to add to the threshold of the model file with that hash.

        Raises ModelError where the calibration was made for other weights.
        """
        for model in self.models:
            if model.sha256 == model_sha256:
                return model.shift
        names = ", ".join(model.id for model in self.models)
        raise ModelError(
            f"the calibration of {self.date} is for other weights ({names}), not for the file {model_sha256[:12]}…",
            remedy=f"{AGAIN} with the networks that judge, or leave the calibration out",
        )

    def check_camera(self, camera: CameraIdentity) -> None:
        """Raises ConfigError for another camera than that of the calibration."""
        if camera != self.camera:
            raise ConfigError(
                f"the calibration of {self.date} is for the camera {self.camera}, not for {camera}",
                remedy=f"{AGAIN} with this camera, or leave the calibration out",
            )


_KIND: Final = Kind(SiteCalibration, page=PAGE, example="a file that `livegate calibrate` wrote")


def read_calibration(path: Path) -> SiteCalibration:
    """Raises ConfigError naming every mistake; also where the file was changed after it was made."""
    return _KIND.load(path)


def _fingerprint(calibration: SiteCalibration) -> str:
    content = calibration.model_dump(mode="json", exclude={"sha256"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
