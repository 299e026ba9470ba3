"""How a terminal notices that somebody has come."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.gpio_line import GpioChip, GpioLine
from edge.config.values import Number, Section, Whole, YesNo

_BUTTON_DRIVER = Field(title="Driver", description="What reads it; simulated: it is pressed by itself")
_DEBOUNCE = Field(
    title="Debounce",
    description="Seconds for which the contact must keep still before it counts as pressed or let go",
    ge=0,
    le=1,
)


class GpioButton(Section):
    """A contact on a GPIO line."""

    driver: Annotated[Literal["gpio"], _BUTTON_DRIVER]
    chip: GpioChip = None
    line: GpioLine
    active_low: Annotated[
        YesNo,
        Field(
            title="Active low",
            description=(
                "true: pressed connects the line to ground, and it is pulled up; false: to the supply, pulled down"
            ),
        ),
    ] = True
    debounce_seconds: Annotated[Number, _DEBOUNCE] = 0.03


class SimulatedButton(Section):
    """A button that is pressed by itself, for trying out a controller."""

    driver: Annotated[Literal["simulated"], _BUTTON_DRIVER]
    every_seconds: Annotated[
        Number, Field(title="Every", description="Seconds from one press to the next", ge=0.5, le=86400)
    ] = 30.0
    debounce_seconds: Annotated[Number, _DEBOUNCE] = 0.03


Button = Annotated[GpioButton | SimulatedButton, Field(discriminator="driver")]


class FaceLook(Section):
    """The camera is open between sessions too, and a face in its picture is somebody who has come."""

    looks_per_second: Annotated[
        Number, Field(title="Looks", description="Pictures in which a face is looked for, each second", ge=1, le=10)
    ] = 4.0
    min_share: Annotated[
        Annotated[Number, Field(ge=0.05, le=0.9)] | None,
        Field(
            title="Farthest face",
            description=(
                "Width of the face against the frame's shorter side from which somebody counts; null: what "
                "quality.min_face_share demands, as it does of every one"
            ),
        ),
    ] = None
    hold_seconds: Annotated[
        Number,
        Field(
            title="Hold",
            description="Seconds for which the face must be there, so that nobody who only passes counts",
            ge=0.1,
            le=10,
        ),
    ] = 0.3
    again_after_seconds: Annotated[
        Number,
        Field(
            title="Again after",
            description=(
                "Seconds without a face, or since a session has ended, after which a face counts as somebody new"
            ),
            ge=1,
            le=3600,
        ),
    ] = 5.0


class Presence(Section):
    """What makes the terminal say that somebody has come, by an event of kind presence."""

    button: Annotated[
        Button | None, Field(title="Button", description="That a person presses; null: there is none")
    ] = None
    face: Annotated[
        FaceLook | None,
        Field(title="Face", description="Look for a face while no session runs; null: the camera is closed then"),
    ] = None
    least_seconds: Annotated[
        Number,
        Field(
            title="Least time between events",
            description="Seconds from one event of presence to the next, however often a button is pressed",
            ge=1,
            le=3600,
        ),
    ] = 3.0


class Metrics(Section):
    """For Prometheus, on this board alone."""

    address: Annotated[
        Literal["127.0.0.1", "::1"],
        Field(title="Address", description="Of the loopback interface; nobody else can be let in"),
    ] = "127.0.0.1"
    port: Annotated[
        Annotated[Whole, Field(ge=1024, le=65535)] | None,
        Field(title="Port", description="Where GET /metrics is answered; null: nowhere. Needs the extra metrics"),
    ] = None
