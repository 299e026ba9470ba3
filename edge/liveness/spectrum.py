"""What a camera's filters and the terminal's own lights permit to be judged.

PAD networks have learnt from colour pictures, so they judge no infrared. A quotient of two lights cancels what is
printed only where both are of the same band: the display's light and a room's visible light before a camera with an
infrared-cut filter or without one, an infrared lamp and a room's infrared behind a filter that passes nothing else.
Infrared over visible light tells a shape where a second one, of the infrared alone, says the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edge.contracts.enums import EvidenceKind, Spectrum


class OwnLight(StrEnum):
    """A light of the terminal's own that falls on the face while it is seen."""

    NONE = "none"
    DISPLAY = "display"
    WHITE = "white"
    INFRARED = "infrared"


_PAD, _LIGHT, _MOTION = EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION

PERMITTED: Final[Mapping[tuple[Spectrum, OwnLight], frozenset[EvidenceKind]]] = MappingProxyType(
    {
        (Spectrum.IR_CUT, OwnLight.NONE): frozenset({_PAD, _MOTION}),
        (Spectrum.IR_CUT, OwnLight.DISPLAY): frozenset({_PAD, _LIGHT, _MOTION}),
        (Spectrum.IR_CUT, OwnLight.WHITE): frozenset({_PAD, _LIGHT, _MOTION}),
        # It does not see this light: all is as without it.
        (Spectrum.IR_CUT, OwnLight.INFRARED): frozenset({_PAD, _MOTION}),
        (Spectrum.NOIR, OwnLight.NONE): frozenset({_PAD, _MOTION}),
        (Spectrum.NOIR, OwnLight.DISPLAY): frozenset({_PAD, _LIGHT, _MOTION}),
        (Spectrum.NOIR, OwnLight.WHITE): frozenset({_PAD, _LIGHT, _MOTION}),
        # It shifts the networks' colours. Light: by two shapes, since either keeps what some inks show.
        (Spectrum.NOIR, OwnLight.INFRARED): frozenset({_LIGHT, _MOTION}),
        (Spectrum.IR_PASS, OwnLight.NONE): frozenset({_MOTION}),
        (Spectrum.IR_PASS, OwnLight.DISPLAY): frozenset({_MOTION}),
        (Spectrum.IR_PASS, OwnLight.WHITE): frozenset({_MOTION}),
        (Spectrum.IR_PASS, OwnLight.INFRARED): frozenset({_LIGHT, _MOTION}),
    }
)
"""Evidence that may come of frames, by the camera's spectrum and the light that was on."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a terminal can bring evidence by.

    networks: PAD networks may judge its frames. code: the light whose code can tell a shape; ``NONE`` where none can.
    silent: the light whose code nobody sees, so that it serves where nothing is asked of anybody, between frames that
    networks judge without it; ``NONE`` where there is none.
    """

    networks: bool = True
    code: OwnLight = OwnLight.DISPLAY
    silent: OwnLight = OwnLight.NONE


USUAL: Final = Means()
"""Of a terminal with a display and a camera that sees its light."""


def means(spectrum: Spectrum, lights: Collection[OwnLight]) -> Means:
    """lights: that the terminal has, switches, and knows the place of; of several that serve, the display is taken."""
    networks = EvidenceKind.PAD in PERMITTED[spectrum, OwnLight.NONE]
    telling = [
        light
        for light in (OwnLight.DISPLAY, OwnLight.INFRARED)
        if light in lights and EvidenceKind.LIGHT in PERMITTED[spectrum, light]
    ]
    silent = OwnLight.INFRARED if networks and OwnLight.INFRARED in telling else OwnLight.NONE
    # Where networks judge, a lamp that shifts their colours is lit for its silent code alone.
    asked = [light for light in telling if light is not silent]
    return Means(networks, next(iter(asked), OwnLight.NONE), silent)
