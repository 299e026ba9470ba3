"""A line of a GPIO chip, as every section names it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge.config.values import DeviceName, Whole

GpioChip = Annotated[
    DeviceName | None,
    Field(
        title="Chip",
        description="Its label, such as pinctrl-rp1; null: that of a Raspberry Pi's header, or the only one",
    ),
]
GpioLine = Annotated[Whole, Field(title="Line", description="GPIO number, not the header's pin", ge=0, le=27)]
