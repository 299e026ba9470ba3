"""What ``livegate doctor`` found."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.contracts.base import SCHEMA_VERSION, Outgoing


class Verdict(StrEnum):
    """Of one check. ``skipped``: it could not be made, or what it looks at is not configured."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Check(Outgoing):
    """One thing that was looked at."""

    name: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z_]+)+$", description="Room and thing, such as camera.rate")]
    verdict: Verdict
    seen: Annotated[str, Field(min_length=1, description="What was found, in plain words and with figures")]
    remedy: Annotated[str | None, Field(description="What to do; there where the verdict is warn or fail")] = None

    @model_validator(mode="after")
    def _trouble_has_a_remedy(self) -> Check:
        if (self.remedy is None) is (self.verdict in {Verdict.WARN, Verdict.FAIL}):
            raise ValueError(f"{self.name}: a remedy goes with warn and fail, and with nothing else")
        return self


class DoctorReport(Outgoing):
    """All checks of one run, in the order in which they were made."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    software: str
    device: Annotated[str | None, Field(description="Device id, where the configuration could be read")] = None
    at: Annotated[float, Field(description="Unix time in seconds by the device's clock")]
    verdict: Annotated[Verdict, Field(description="The worst one of all checks; skipped ones do not count")]
    checks: tuple[Check, ...]


def worst(checks: Iterable[Check]) -> Verdict:
    """``fail`` before ``warn`` before ``ok``; ``ok`` of none."""
    found = {check.verdict for check in checks}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.WARN) if verdict in found), Verdict.OK)
