"""The light of the surroundings by the camera's own frames: as libcamera estimates it, or by how they were exposed.

Both tell what a scene returns and not what falls on it, and the display's guidance is part of it.
"""

from __future__ import annotations

import math
from typing import Final

from edge.contracts.enums import Spectrum
from edge.errors import HardwareError
from edge.frames.frame import Frame, Tone
from edge.frames.linear import to_linear
from edge.hardware.ports import CameraTraits

OLDEST: Final = 5.0
"""Seconds of frames after which a value is forgotten. A light step lasts less (``LightStep``)."""
RETURNED: Final = math.pi * 12.5 / 250
"""Share of the light that a scene is taken to return. Meters of reflected and of incident light agree on one that
returns pi * K / C (ISO 2720:1974, with K = 12.5 cd s/m2 and C = 250 lx s of flat receptors, as makers choose them).
"""
# Of each frame every so many cells of 2 x 2 pixels each way, which tell the mean.
_SPARSE: Final = 8
# Of a picture, at the end of the scale, beyond which its mean tells little.
_MOST_CLIPPED: Final = 0.25
_CLIPPED: Final = 254


class CameraLux:
    """What the newest frame tells that was lit by the surroundings and the display's guidance alone.

    Frames of another opening, and of a clock that was set back, are another scene's: nothing is kept of before.
    """

    def __init__(self) -> None:
        self._told: tuple[float, float] | None = None
        self._last: tuple[int, float] = (-1, -math.inf)

    @property
    def available(self) -> bool:
        """Whether a frame has told of it lately."""
        return self.lux() is not None

    @property
    def direct(self) -> bool:
        return False

    def lux(self) -> float | None:
        if self._told is None or self._last[1] - self._told[1] > OLDEST:
            return None
        return self._told[0]

    def saw(self, frame: Frame) -> None:
        if frame.sequence <= self._last[0] or frame.captured_at < self._last[1]:
            self._told = None
        self._last = frame.sequence, frame.captured_at
        light = frame.light
        if not light.settled or light.infrared or light.white or light.display not in (None, 1.0):
            return
        lux = self._lux_of(frame)
        if lux is not None:
            self._told = lux, frame.captured_at

    def _lux_of(self, frame: Frame) -> float | None:
        return frame.lux


class EstimatedLux(CameraLux):
    """lux = constant * level / (exposure * gain): level is the mean of all colours, of full scale, over the picture.

    Nothing is told by frames without exposure, by those whose curve is not known and that carry no raw values, and by
    overexposed ones.
    """

    def __init__(self, camera: CameraTraits, constant: float | None = None) -> None:
        """constant: lx s; None: 1 / (sensitivity * RETURNED), of a camera whose sensitivity is known.

        Raises HardwareError for a camera that cannot serve.
        """
        super().__init__()
        if not camera.exposure_metadata:
            raise HardwareError(
                f"the camera {camera.name} does not say how it exposes, so no lux can be told by it",
                remedy="set lights.ambient.driver to camera, iio or none",
            )
        if camera.spectrum is not Spectrum.IR_CUT:
            raise HardwareError(
                "a camera that sees infrared cannot tell lux, which counts visible light alone",
                remedy="set lights.ambient.driver to iio or none, or camera.spectrum to ir_cut where that is true",
            )
        if constant is None:
            if camera.sensitivity is None:
                raise HardwareError(
                    f"how sensitive the camera {camera.name} is is not known, so no lux can be told by it",
                    remedy="set lights.ambient.constant by a lux meter (docs/hardware.md), or another driver",
                )
            constant = 1 / (camera.sensitivity * RETURNED)
        self._constant = constant

    def _lux_of(self, frame: Frame) -> float | None:
        exposure, level = frame.exposure, _level(frame)
        if exposure is None or level is None:
            return None
        return self._constant * max(level, 0.0) / (exposure.duration * exposure.gain)


def _level(frame: Frame) -> float | None:
    """Mean of all colours, of full scale; noise around nothing may be a little below 0. None where it is not known."""
    step = 2 * _SPARSE
    if frame.raw is not None:
        raw = frame.raw
        cells = [raw.values[row::step, column::step] for row in (0, 1) for column in (0, 1)]
        if sum(float((cell >= raw.white).mean()) for cell in cells) > _MOST_CLIPPED * len(cells):
            return None
        return (sum(float(cell.mean()) for cell in cells) / len(cells) - raw.black) / (raw.white - raw.black)
    if frame.tone is not Tone.SRGB:
        return None
    pixels = frame.pixels[::_SPARSE, ::_SPARSE]
    if float((pixels >= _CLIPPED).mean()) > _MOST_CLIPPED:
        return None
    return float(to_linear(pixels).mean())
