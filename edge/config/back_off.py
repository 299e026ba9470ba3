"""How long somebody waits whose attempts fail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from edge.config.values import Number, Section, Whole

# Of the device as a whole, whoever fails: longer would lock a door for everybody.
DEVICE_LONGEST_SECONDS = 8.0


class BackOff(Section):
    """Attempts that fail are counted per correlation id, and in a row for the device as a whole."""

    failures: Annotated[
        Whole,
        Field(
            title="Failures",
            description="Attempts of one correlation id that may fail within window_seconds before it has to wait",
            ge=1,
            le=20,
        ),
    ] = 5
    window_seconds: Annotated[
        Number,
        Field(
            title="Window",
            description=(
                "Seconds in which failures count together; for as long after a wait, each further one makes the next "
                "wait twice as long"
            ),
            ge=60,
            le=86400,
        ),
    ] = 900.0
    first_seconds: Annotated[
        Number, Field(title="First wait", description="Seconds of a correlation id's first wait", ge=1, le=3600)
    ] = 60.0
    longest_seconds: Annotated[
        Number,
        Field(
            title="Longest wait",
            description="Seconds; no wait of a correlation id is longer",
            ge=1,
            le=3600,
        ),
    ] = 900.0
    device_failures: Annotated[
        Whole,
        Field(
            title="Failures in a row",
            description="Attempts that may fail one after the other, whoever makes them, before the device waits",
            ge=1,
            le=20,
        ),
    ] = 3
    device_longest_seconds: Annotated[
        Number,
        Field(
            title="Longest wait of the device",
            description="Seconds, after waits of 2 s and 4 s; 0: it never waits. More is not to be had: by failing, "
            "nobody is to lock a door for others",
            ge=0,
            le=DEVICE_LONGEST_SECONDS,
        ),
    ] = DEVICE_LONGEST_SECONDS

    @field_validator("longest_seconds")
    @classmethod
    def _not_shorter_than_the_first(cls, longest: float, info: ValidationInfo) -> float:
        if longest < info.data.get("first_seconds", longest):
            raise ValueError("is shorter than first_seconds")
        return longest
