"""The camera's lens, colour filters and image sensor: from exitance to a raw mosaic and an 8-bit picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Spectrum
from edge.simulation.illuminants import DAYLIGHT
from edge.simulation.optics import BANDS, BLUE, GREEN, INFRARED, RED, Map, Pinhole

# Electrons that a square metre of white light per lux second frees in a green pixel, and one of 850 nm per W s in any:
# 9.3e3 photons of 400 to 700 nm per um2 and lux second (300 lm/W), 4.3e6 per um2 at 850 nm; a lens of f/1.8 passes
# 1 / (4 * 1.8**2) of a surface's exitance; two by two pixels of 1.4 um are read as one (Raspberry Pi Camera Module 3);
# a green pixel answers with 0.2 of the white photons, and each colour with 0.3 of the infrared ones.
ELECTRONS_PER_LUX_SECOND: Final = 9.3e3 / (4 * 1.8**2) * 2.8**2 * 0.2
INFRARED_PER_LUX: Final = 4.3e6 * 0.3 / (9.3e3 * 0.2)
# Electrons of red and blue pixels for each of a green one, of grey in lights of two colour temperatures, kelvin: the
# calibration of the same camera behind its infrared-cut filter (libcamera, src/ipa/rpi/vc4/data/imx708.json, ct_curve
# of rpi.awb), its entries around white light. libcamera takes the curve to be straight between entries.
_KELVIN: Final = (5773.0, 7433.0)
_RED_TO_GREEN: Final = (0.4265, 0.3723)
_BLUE_TO_GREEN: Final = (0.6256, 0.6881)
RED_ANSWER: Final = float(np.interp(DAYLIGHT, _KELVIN, _RED_TO_GREEN))
BLUE_ANSWER: Final = float(np.interp(DAYLIGHT, _KELVIN, _BLUE_TO_GREEN))
# Of red and blue, under which a grey card in white light is grey.
WHITE_GAINS: Final = (1 / RED_ANSWER, 1 / BLUE_ANSWER)
# Of what falls on an infrared-cut filter.
_CUT: Final = 0.002

_TONE_STEPS: Final = 4096


@dataclass(frozen=True, slots=True)
class SensorModel:
    """A small rolling-shutter sensor with a Bayer mosaic, BGGR from the top left. To white light green pixels answer
    most and red ones least, to infrared all alike.

    spectrum: what the filters let through. bits: of the raw values. black: raw value of darkness.
    full_well, read_noise: electrons. nonuniformity: relative deviation of the pixels' answers.
    line_time: seconds between the starts of two rows. blur: standard deviation of the lens' point spread, pixels.
    shading: whether corners are darker, by the fourth power of the cosine.
    """

    spectrum: Spectrum = Spectrum.IR_CUT
    bits: int = 10
    black: int = 64
    full_well: float = 10_000.0
    read_noise: float = 3.0
    nonuniformity: float = 0.005
    line_time: float = 30e-6
    blur: float = 0.6
    shading: bool = True

    @property
    def white(self) -> int:
        """Largest raw value."""
        return (1 << self.bits) - 1

    @property
    def sensitivity(self) -> float | None:
        """As in CameraTraits; of a camera that sees no visible light there is none."""
        if self.spectrum is Spectrum.IR_PASS:
            return None
        return ELECTRONS_PER_LUX_SECOND * (BLUE_ANSWER + 2.0 + RED_ANSWER) / 4 / self.full_well


class Sensor:
    """One sensor behind one lens, with the noise of its own generator."""

    def __init__(self, model: SensorModel, camera: Pinhole, rng: np.random.Generator) -> None:
        self.model = model
        self._rng = rng
        rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
        across, down = camera.centre
        slant = ((columns - across) ** 2 + (rows - down) ** 2) / np.float32(camera.focal**2)
        shading = (1 / (1 + slant)) ** 2 if model.shading else np.ones_like(rows)
        pixels = 1 + np.float32(model.nonuniformity) * rng.standard_normal(rows.shape, dtype=np.float32)
        self._answer: Map = (shading * pixels * np.float32(ELECTRONS_PER_LUX_SECOND)).astype(np.float32)
        self._filters = _filters(model)

    def expose(self, exitance: Map, duration: float, gain: float) -> NDArray[np.uint16]:
        """(height, width) raw values.

        exitance: (height, width, 4). duration: seconds. gain: analogue, electrons of a full well at 1 fill the scale.
        """
        model = self.model
        light = self._through_filters(exitance)
        mosaic = np.empty(light.shape[:2], np.float32)
        for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
            mosaic[row::2, column::2] = light[row::2, column::2, colour]
        electrons = mosaic
        electrons *= self._answer
        electrons *= np.float32(duration)
        # Above twenty electrons a normal deviation with the variance of Poisson's cannot be told from it.
        noise = self._rng.standard_normal(electrons.shape, dtype=np.float32)
        deviation = electrons + np.float32(model.read_noise**2)
        noise *= np.sqrt(deviation, out=deviation)
        electrons += noise
        electrons *= np.float32(gain * (model.white - model.black) / model.full_well)
        electrons += np.float32(model.black + 0.5)
        return np.clip(electrons, 0, model.white, out=electrons).astype(np.uint16)

    def develop(self, mosaic: NDArray[np.uint16], colour_gains: tuple[float, float]) -> NDArray[np.uint8]:
        """(height, width, 3) BGR uint8 on the sRGB curve. colour_gains: of red and blue."""
        model = self.model
        balanced = np.maximum(mosaic, model.black) - np.uint16(model.black)
        scale = 65535 / (model.white - model.black)
        red, blue = colour_gains
        wide = np.empty(balanced.shape, np.uint16)
        for row, column, factor in ((0, 0, blue), (0, 1, 1.0), (1, 0, 1.0), (1, 1, red)):
            part = balanced[row::2, column::2] * np.float32(scale * factor)
            wide[row::2, column::2] = np.minimum(part, 65535)
        picture = cv2.cvtColor(wide, cv2.COLOR_BayerRG2BGR)
        return _TONE.take(np.right_shift(np.asarray(picture, np.uint16), 4))

    def _through_filters(self, exitance: Map) -> Map:
        """(height, width, 3) what blue, green and red pixels answer to, in lux of white light on green ones."""
        light = cv2.transform(exitance, self._filters)
        if self.model.blur > 0:
            light = cv2.GaussianBlur(light, (0, 0), self.model.blur)
        return np.asarray(light, np.float32)


def _filters(model: SensorModel) -> Map:
    """(3, 4) from the bands of light to the answers of blue, green and red pixels."""
    filters = np.zeros((INFRARED, BANDS), np.float32)
    if model.spectrum is not Spectrum.IR_PASS:
        filters[(BLUE, GREEN, RED), (BLUE, GREEN, RED)] = BLUE_ANSWER, 1.0, RED_ANSWER
    filters[:, INFRARED] = INFRARED_PER_LUX * (_CUT if model.spectrum is Spectrum.IR_CUT else 1.0)
    return filters


def _tone() -> NDArray[np.uint8]:
    """sRGB's curve (IEC 61966-2-1) over linear values of twelve bits."""
    light = (np.arange(_TONE_STEPS) + 0.5) / _TONE_STEPS
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


_TONE: Final = _tone()
