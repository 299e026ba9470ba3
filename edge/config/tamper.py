"""What tells that the terminal's case is open."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.gpio_line import GpioChip, GpioLine
from edge.config.values import Number, Section, YesNo

_DRIVER = Field(title="Driver", description="What reads the contact; simulated: it opens by itself")
_DEBOUNCE = Annotated[
    Number,
    Field(
        title="Debounce",
        description="Seconds for which the contact must keep still before the case counts as opened or closed",
        ge=0,
        le=60,
    ),
]


class NoContact(Section):
    """Nothing tells."""

    driver: Annotated[Literal["none"], _DRIVER]


class GpioContact(Section):
    """A contact on a GPIO line that is closed while the case is; a wire that is cut reads as open."""

    driver: Annotated[Literal["gpio"], _DRIVER]
    chip: GpioChip = None
    line: GpioLine
    closed_low: Annotated[
        YesNo,
        Field(
            title="Closed is low",
            description=(
                "true: the closed contact connects the line to ground, and it is pulled up; false: to the supply, "
                "pulled down"
            ),
        ),
    ] = True
    debounce_seconds: _DEBOUNCE = 0.5


class SimulatedContact(Section):
    """A contact that opens by itself, for trying out who is to hear of it."""

    driver: Annotated[Literal["simulated"], _DRIVER]
    every_seconds: Annotated[
        Number, Field(title="Every", description="Seconds from one opening to the next", ge=10, le=86400)
    ] = 120.0
    open_seconds: Annotated[
        Number, Field(title="Open", description="Seconds for which it is open at the end of each", ge=1, le=3600)
    ] = 10.0
    debounce_seconds: _DEBOUNCE = 0.5


Tamper = Annotated[NoContact | GpioContact | SimulatedContact, Field(discriminator="driver")]
NO_CONTACT = NoContact(driver="none")
