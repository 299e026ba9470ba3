"""A camera from the light on its lens to the picture it delivers.

Lens blur, vignetting and exposure; photon and read noise in the raw values behind a Bayer mosaic; demosaicing, white
balance, tone, noise reduction, sharpening, scaling and compression. Bona fide presentations and attacks pass the same
cameras, drawn before anybody knows which of the two it will be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from light import LUMINANCE, jpeg

SENSITIVITY = np.array([0.62, 1.0, 0.55], np.float32)
"""Of the blue, green and red pixels to white light, relative to green; typical of small CMOS sensors."""


@dataclass(frozen=True)
class Maker:
    """Ranges of one kind of camera.

    sizes: (width, height) of the delivered picture. density: sensor pixels to a delivered pixel and axis.
    lens: standard deviation of the point spread, sensor pixels. electrons: at white at base gain.
    gain: raised in dim light. denoise: of luma, chroma. sharpen: weight of the unsharp mask. quality: JPEG.
    """

    name: str
    sizes: tuple[tuple[int, int], ...]
    density: tuple[float, float]
    lens: tuple[float, float]
    electrons: tuple[float, float]
    gain: tuple[float, float]
    read_noise: tuple[float, float]
    denoise: tuple[float, float]
    sharpen: tuple[float, float]
    contrast: tuple[float, float]
    saturation: tuple[float, float]
    vignetting: tuple[float, float]
    quality: tuple[int, int]


# Contrast is relative to what portraits have already: their own camera's tone curve is still in them.
MAKERS = (
    Maker(
        "webcam, cheap", ((640, 480), (640, 480), (320, 240)), (1.0, 1.15), (0.45, 0.9), (2500, 7000), (1, 6), (4, 10),
        (0.0, 0.9), (0.4, 1.6), (0.8, 1.3), (0.75, 1.25), (0.05, 0.3), (55, 88),
    ),
    Maker(
        "webcam, good", ((640, 480), (640, 360), (848, 480), (960, 540)), (1.0, 1.5), (0.35, 0.7), (5000, 12000),
        (1, 4), (2, 6), (0.2, 0.9), (0.3, 1.2), (0.78, 1.15), (0.9, 1.25), (0.02, 0.2), (70, 93),
    ),
    Maker(
        "laptop", ((640, 480), (640, 480), (640, 360), (960, 540)), (1.0, 1.4), (0.45, 0.8), (3000, 8000), (1, 6),
        (3, 8), (0.3, 1.0), (0.3, 1.3), (0.82, 1.25), (0.75, 1.1), (0.05, 0.25), (62, 92),
    ),
    Maker(
        "phone", ((480, 640), (540, 720), (480, 640), (540, 960), (640, 480), (240, 320)), (1.2, 1.6), (0.4, 0.65),
        (6000, 16000), (1, 4), (1.5, 4), (0.2, 0.8), (0.3, 1.2), (0.85, 1.25), (0.95, 1.3), (0.0, 0.15), (75, 96),
    ),
    Maker(
        "pi camera", ((640, 480), (640, 480), (720, 720), (480, 640)), (1.0, 1.6), (0.4, 0.75), (5000, 12000), (1, 6),
        (2, 5), (0.0, 0.6), (0.2, 1.0), (0.75, 1.1), (0.8, 1.2), (0.05, 0.35), (80, 96),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """One camera and how it stands at one moment; all that is drawn before the scene is known.

    density: sensor pixels to a delivered pixel. aperture: share of a pixel's pitch that gathers light; a small one
    stands for a finer sensor of which a small picture's mode reads every second or third pixel. blur, motion: standard
    deviation and (x, y) length in sensor pixels.
    veil: stray light over the whole sensor, as a share of the mean. levels: share of the darkest light that an
    automatic black point takes away. target: encoded brightness the exposure aims at. cast: factors left in B, G, R by
    the white balance.
    """

    maker: str
    width: int
    height: int
    density: float
    aperture: float
    blur: float
    motion: tuple[float, float]
    electrons: float
    gain: float
    read_noise: float
    denoise: float
    sharpen: float
    contrast: float
    saturation: float
    vignetting: float
    bloom: float
    veil: float
    levels: float
    target: float
    balance: float
    cast: tuple[float, float, float]
    edge_aware: bool
    qualities: tuple[int, ...]
    second_scale: float

    @property
    def sensor_size(self) -> tuple[int, int]:
        """Width and height in sensor pixels."""
        return round(self.width * self.density), round(self.height * self.density)

    def transfer(self, fx: float, fy: float) -> float:
        """Contrast left of a sine of fx, fy cycles per sensor pixel after lens, motion and the pixel's own area."""
        gaussian = np.exp(-2 * (np.pi * self.blur) ** 2 * (fx**2 + fy**2))
        line = np.sinc(fx * self.motion[0] + fy * self.motion[1])
        return float(gaussian * line * np.sinc(fx * self.aperture) * np.sinc(fy * self.aperture))


def draw_camera(rng: np.random.Generator) -> Camera:
    """Any camera at any moment."""
    maker = MAKERS[int(rng.integers(len(MAKERS)))]
    width, height = maker.sizes[int(rng.integers(len(maker.sizes)))]
    density = rng.uniform(*maker.density)
    blur, aperture = rng.uniform(*maker.lens), rng.uniform(0.85, 1.0)
    if rng.random() < 0.25:
        skipped = rng.uniform(0.35, 0.6)
        blur, aperture = blur * skipped, aperture * skipped
    if rng.random() < 0.2:  # out of focus
        blur = float(np.hypot(blur, rng.gamma(2.0, 0.6)))
    motion = (0.0, 0.0)
    if rng.random() < 0.25:
        length, angle = rng.gamma(1.5, 2.0), rng.uniform(0, np.pi)
        motion = (float(length * np.cos(angle)), float(length * np.sin(angle) * 0.6))
    # Most faces are lit well enough; few are dim.
    gain = float(maker.gain[0] * (maker.gain[1] / maker.gain[0]) ** rng.beta(1.0, 1.8))
    qualities = [int(rng.integers(maker.quality[0], maker.quality[1] + 1))]
    if rng.random() < 0.3:
        qualities.append(int(rng.integers(70, 96)))
    return Camera(
        maker=maker.name,
        width=width,
        height=height,
        density=float(np.clip(density, 1.0, max(1.0, (480_000 / (width * height)) ** 0.5))),
        aperture=float(aperture),
        blur=float(blur),
        motion=motion,
        electrons=float(rng.uniform(*maker.electrons)),
        gain=gain,
        read_noise=float(rng.uniform(*maker.read_noise)),
        denoise=float(np.clip(rng.uniform(*maker.denoise) + 0.1 * np.log2(gain), 0, 1.2)),
        sharpen=float(rng.uniform(*maker.sharpen)),
        contrast=float(rng.uniform(*maker.contrast)),
        saturation=float(rng.uniform(*maker.saturation)),
        vignetting=float(rng.uniform(*maker.vignetting)),
        bloom=float(rng.gamma(1.5, 0.02)),
        veil=float(rng.gamma(1.2, 0.02)),
        levels=float(rng.uniform(0, 0.7)) if rng.random() < 0.35 else 0.0,
        target=float(np.clip(rng.normal(0.51, 0.11), 0.22, 0.8)),
        balance=float(rng.uniform(0.1, 0.65)),
        cast=tuple(float(value) for value in np.exp(rng.normal(0, (0.08, 0.02, 0.06)))),
        edge_aware=bool(rng.random() < 0.6),
        qualities=tuple(qualities),
        second_scale=float(rng.uniform(0.8, 1.25)) if rng.random() < 0.4 else 1.0,
    )


Lattice = Callable[[Camera, np.ndarray], np.ndarray | None]
"""What is finer than a pixel: from a camera and the (rows, columns) colour of each pixel (0 blue, 1 green, 2 red)
to the factor (rows, columns) on the light at each pixel's centre after the camera's transfer; None for none."""


def capture(
    light: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
    focus: tuple[float, float],
    lattice: Lattice | None = None,
) -> np.ndarray:
    """The picture of a scene: (height, width, 3) uint8, BGR.

    light: (rows, columns, 3) float32 linear BGR at the sensor's size. focus: x, y of the middle of the exposure's
    window, as shares of the frame.
    """
    light = _lens(light, camera)
    small = cv2.resize(light, (32, 24), interpolation=cv2.INTER_AREA)
    weight = (
        np.exp(
            -0.5 * (((np.arange(32) + 0.5) / 32 - focus[0]) / 0.3) ** 2
            - 0.5 * (((np.arange(24)[:, None] + 0.5) / 24 - focus[1]) / 0.3) ** 2
        )[..., None]
        + 0.25
    )
    mean = (small * weight).sum((0, 1)) / weight.sum()
    # White balance: the camera takes part of the mean colour for grey.
    gains = (mean @ LUMINANCE / np.maximum(mean, 1e-5)) ** camera.balance * np.array(camera.cast, np.float32)
    gains = np.clip(gains, 0.35, 2.8)
    exposure = camera.target**2.2 / max(float((mean * gains) @ LUMINANCE), 1e-5)
    colours = _colours(light.shape[0], light.shape[1])
    raw = _mosaic(light, (exposure * SENSITIVITY).astype(np.float32))
    if lattice is not None and (factor := lattice(camera, colours)) is not None:
        raw *= factor
    # Stray light lifts all blacks; an automatic black point takes part of the haze away again.
    lift = camera.veil * mean - camera.levels * np.percentile(small @ LUMINANCE, 2)
    raw += (lift * exposure * SENSITIVITY).astype(np.float32)[colours]
    raw *= _vignette(raw.shape[1], raw.shape[0], camera.vignetting)
    np.minimum(raw, 1.0, out=raw)
    electrons = camera.electrons / camera.gain
    sigma = cv2.sqrt(raw * np.float32(1 / electrons) + np.float32((camera.read_noise / electrons) ** 2))
    raw += cv2.multiply(rng.standard_normal(raw.shape, np.float32), sigma)
    black = 0.02
    # Saturates at 65535, that is far above the clipping point.
    counts = cv2.max(np.rint((raw + np.float32(black)) * np.float32(4095 / (1 + black))), 0).astype(np.uint16)
    # OpenCV names a mosaic by the second and third pixel of its second row.
    code = cv2.COLOR_BayerRG2BGR_EA if camera.edge_aware else cv2.COLOR_BayerRG2BGR
    picture = _develop(cv2.demosaicing(counts, code), gains / SENSITIVITY, camera, black)
    picture = _reduce_noise(picture, camera)
    if camera.density != 1.0:
        picture = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    if camera.sharpen > 0.05:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
        picture = cv2.addWeighted(picture, 1 + camera.sharpen, soft, -camera.sharpen, 0)
    picture = jpeg(picture, camera.qualities[0])
    for quality in camera.qualities[1:]:
        if camera.second_scale != 1.0:
            size = round(camera.width * camera.second_scale), round(camera.height * camera.second_scale)
            shrinks = camera.second_scale < 1
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        picture = jpeg(picture, quality)
    return np.asarray(picture)


def _lens(light: np.ndarray, camera: Camera) -> np.ndarray:
    blurred = cv2.GaussianBlur(light, (0, 0), camera.blur) if camera.blur > 0.25 else light
    dx, dy = camera.motion
    length = float(np.hypot(dx, dy))
    if length > 0.7:
        half = int(np.ceil(length / 2)) + 1
        kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
        for step in np.linspace(-0.5, 0.5, 4 * half + 1):
            x, y = half + step * dx, half + step * dy
            column, row = int(x), int(y)
            fx, fy = x - column, y - row
            kernel[row : row + 2, column : column + 2] += np.outer([1 - fy, fy], [1 - fx, fx])
        blurred = cv2.filter2D(blurred, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    if camera.bloom > 0.01:
        size = light.shape[1], light.shape[0]
        small = cv2.resize(light, (size[0] // 8, size[1] // 8), interpolation=cv2.INTER_AREA)
        veil = cv2.resize(cv2.GaussianBlur(small, (0, 0), size[0] / 8 * 0.06), size, interpolation=cv2.INTER_LINEAR)
        blurred = cv2.addWeighted(blurred, 1 - camera.bloom, veil, camera.bloom, 0)
    return np.asarray(blurred)


def _vignette(width: int, height: int, strength: float) -> np.ndarray:
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    return (1 - np.float32(strength / 2) * x[None] ** 2) - np.float32(strength / 2) * y[:, None] ** 2


@lru_cache(maxsize=64)
def _colours(rows: int, columns: int) -> np.ndarray:
    """Colour of each pixel of the mosaic, rows B G / G R."""
    colours = np.ones((rows, columns), np.intp)
    colours[0::2, 0::2] = 0
    colours[1::2, 1::2] = 2
    colours.flags.writeable = False
    return colours


def _mosaic(light: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """One colour per pixel, each times its gain."""
    mosaic = light[:, :, 1] * gains[1]
    mosaic[0::2, 0::2] = light[0::2, 0::2, 0] * gains[0]
    mosaic[1::2, 1::2] = light[1::2, 1::2, 2] * gains[2]
    return np.asarray(mosaic)


def _develop(colours: np.ndarray, gains: np.ndarray, camera: Camera, black: float) -> np.ndarray:
    """White balance, tone and saturation of raw counts (rows, columns, 3) uint16, as one look-up table a channel."""
    raw = np.arange(8192, dtype=np.float32) / 4095 * (1 + black) - black
    channels = []
    for channel, counts in enumerate(cv2.split(colours)):
        light = np.clip(raw * gains[channel], 0, 1)
        tone = light ** np.float32(1 / 2.2)
        # A sigmoid about middle grey; 1 leaves the curve as it is.
        curve = tone**camera.contrast / (tone**camera.contrast + (1 - tone) ** camera.contrast + 1e-6)
        table = (np.clip(curve, 0, 1) * 255 + 0.5).astype(np.uint8)
        channels.append(table.take(counts, mode="clip"))
    s = camera.saturation
    grey = (1 - s) * LUMINANCE
    return np.asarray(cv2.transform(cv2.merge(channels), (np.eye(3) * s + grey[None]).astype(np.float32)))


def _reduce_noise(picture: np.ndarray, camera: Camera) -> np.ndarray:
    if camera.denoise < 0.1:
        return picture
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    sigma = 0.6 + 1.6 * camera.denoise
    red, blue = (cv2.GaussianBlur(chroma, (0, 0), sigma) for chroma in (red, blue))
    if camera.denoise > 0.45:
        luma = cv2.bilateralFilter(luma, 5, 10 + 22 * camera.denoise, 1.2)
    return np.asarray(cv2.cvtColor(cv2.merge([luma, red, blue]), cv2.COLOR_YCrCb2BGR))
