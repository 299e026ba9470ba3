"""Crops as the manifests' rules say, in the size and colour order that a network takes.

The crop comes first and the colour order after it: the frame itself is never copied or converted. What is made lies in
the scratch memory that is given, until the next of its kind is made there; without one, in memory of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import ColourOrder, Frame
from edge.inference.manifest import Aligned5Pt, BoxScaled, FrameLetterbox, Input, RoiRotated
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre

Pixels = NDArray[np.uint8]


def shrink(
    pixels: Pixels, width: int, height: int, scratch: Scratch | None = None, out: Pixels | None = None
) -> Pixels:
    """Resized to (height, width); where it gets much smaller, each pixel is the mean of four bilinear samples.

    Averaging every pixel of a large frame would cost more than a network; taking one sample each would turn noise
    and fine patterns into detail that is not there. out: where to put it, (height, width, 3).
    """
    scratch = scratch or Scratch()
    rows, columns = pixels.shape[:2]
    if rows > 2 * height and columns > 2 * width:
        finer = scratch.take("finer", (2 * height, 2 * width, 3), np.uint8)
        cv2.resize(pixels, (2 * width, 2 * height), dst=finer, interpolation=cv2.INTER_LINEAR)
        pixels = finer
    smaller = rows > height and columns > width
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    out = _crop(scratch, (width, height)) if out is None else out
    cv2.resize(pixels, (width, height), dst=out, interpolation=interpolation)
    return out


def in_order(image: Pixels, have: ColourOrder, want: ColourOrder, scratch: Scratch | None = None) -> Pixels:
    """The (small) image in the wanted colour order."""
    if have is want:
        return image
    turned = (scratch or Scratch()).take("ordered", image.shape, np.uint8)
    cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=turned)
    return turned


def cut(
    frame: Frame,
    rule: FrameLetterbox | BoxScaled | RoiRotated | Aligned5Pt,
    size: Input,
    box: FaceBox,
    points: NDArray[np.float32],
    scratch: Scratch | None = None,
) -> Pixels:
    """(height, width, 3) uint8 for a network that judges a face.

    box: the face as the detector draws it. points: (5, 2) float32, pixels of the frame: eye, eye, nose tip, mouth
    corner, mouth corner, of each pair the one on the left side of the picture first.
    Raises ValueError for a rule that only landmark networks have.
    """
    scratch = scratch or Scratch()
    match rule:
        case BoxScaled():
            image = cut_box(frame.pixels, rule, box, (size.width, size.height), scratch)
        case Aligned5Pt():
            image = cut_aligned(frame.pixels, rule.points, points, (size.width, size.height), scratch)
        case FrameLetterbox():
            image, _ = letterbox(frame.pixels, size.width, size.height, scratch=scratch)
        case RoiRotated():
            raise ValueError("a rotated region is the landmark network's crop")
        case _:
            assert_never(rule)
    return in_order(image, frame.colour, size.colour, scratch)


def cut_box(
    pixels: Pixels, rule: BoxScaled, box: FaceBox, size: tuple[int, int], scratch: Scratch | None = None
) -> Pixels:
    """The enlarged box, resized to ``size`` (width, height)."""
    width, height = box.width, box.height
    if rule.side == "longer":
        width = height = max(width, height)
    x, y = centre(box)
    out = _crop(scratch or Scratch(), size)
    if rule.edges == "shifted":
        _shifted(pixels, x, y, width, height, rule.scale, out)
    else:
        _reflected(pixels, x, y, width * rule.scale, height * rule.scale, out)
    return out


def _crop(scratch: Scratch, size: tuple[int, int]) -> Pixels:
    """Of (width, height). One network runs after the other, so one crop is kept at a time."""
    return scratch.take("crop", (size[1], size[0], 3), np.uint8)


def _shifted(pixels: Pixels, x: float, y: float, width: float, height: float, scale: float, out: Pixels) -> None:
    """The rule of MiniFASNet's ``CropImage`` (minivision-ai/Silent-Face-Anti-Spoofing, Apache-2.0): whole pixels,
    the last row and column included, bilinear, as the networks saw them in training."""
    rows, columns = pixels.shape[:2]
    scale = min(scale, (rows - 1) / height, (columns - 1) / width)
    width, height = width * scale, height * scale
    # The outer limit is for rounding, which may leave a full-frame crop a hair below zero.
    left = max(min(max(x - width / 2, 0.0), columns - 1 - width), 0.0)
    top = max(min(max(y - height / 2, 0.0), rows - 1 - height), 0.0)
    crop = pixels[int(top) : int(top + height) + 1, int(left) : int(left + width) + 1]
    cv2.resize(crop, out.shape[1::-1], dst=out, interpolation=cv2.INTER_LINEAR)


def _reflected(pixels: Pixels, x: float, y: float, width: float, height: float, out: Pixels) -> None:
    size = out.shape[1::-1]
    step_x, step_y = width / size[0], height / size[1]
    # Pixel centres lie at half units: output pixel (u, v) shows the frame at left + (u + 0.5) * step - 0.5.
    left = x - width / 2 + step_x / 2 - 0.5
    top = y - height / 2 + step_y / 2 - 0.5
    matrix = np.array([[step_x, 0.0, left], [0.0, step_y, top]])
    cv2.warpAffine(
        pixels,
        matrix,
        size,
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def cut_aligned(
    pixels: Pixels,
    target: Sequence[tuple[float, float]],
    points: NDArray[np.float32],
    size: tuple[int, int],
    scratch: Scratch | None = None,
) -> Pixels:
    """By the similarity from ``points`` (n, 2) to ``target``; black outside the frame."""
    matrix = similarity(points.astype(np.float64), np.asarray(target, np.float64))
    out = _crop(scratch or Scratch(), size)
    cv2.warpAffine(pixels, matrix, size, dst=out, flags=cv2.INTER_LINEAR)
    return out


def grey(pixels: Pixels, colour: ColourOrder, out: Pixels) -> Pixels:
    """(h, w) luma of (h, w, 3), in ``out``."""
    code = cv2.COLOR_RGB2GRAY if colour is ColourOrder.RGB else cv2.COLOR_BGR2GRAY
    cv2.cvtColor(pixels, code, dst=out)
    return out


def similarity(
    source: NDArray[np.float64], aim: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(2, 3) turn, scale and shift that bring points (n, 2) nearest to others (Umeyama, PAMI 13:376, 1991).

    weights: (n,) of their squared distances; None: all alike.
    """
    # In the plane a similarity is one complex factor and one complex shift.
    one, other = (points[:, 0] + 1j * points[:, 1] for points in (source, aim))
    share = np.full(len(one), 1 / len(one)) if weights is None else weights / weights.sum()
    from_mean, to_mean = complex(share @ one), complex(share @ other)
    moved, still = one - from_mean, other - to_mean
    counted = share * moved.conj()
    factor = complex(counted @ still) / max(float((counted @ moved).real), 1e-9)
    shift = to_mean - factor * from_mean
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def letterbox(
    pixels: Pixels, width: int, height: int, region: FaceBox | None = None, scratch: Scratch | None = None
) -> tuple[Pixels, NDArray[np.float32]]:
    """``region`` (default: the whole frame; it may reach over the edges) scaled to fit, centred, the rest black.

    Also returns ((left, top), (span x, span y)) float32 in pixels of the frame: a point (u, v) of the result, 0..1
    of its width and height, lies at left + u * span x, top + v * span y.
    """
    scratch = scratch or Scratch()
    rows, columns = pixels.shape[:2]
    region = region or FaceBox(0.0, 0.0, float(columns), float(rows))
    scale = min(width / region.width, height / region.height)
    left = region.left - (width / scale - region.width) / 2
    top = region.top - (height / scale - region.height) / 2
    x0, x1 = _part(left, width / scale, columns)
    y0, y1 = _part(top, height / scale, rows)
    canvas = _crop(scratch, (width, height))
    canvas.fill(0)
    # Whole pixels on both sides, and the way back computed from those: rounding shifts nothing.
    u0 = min(max(round((x0 - left) * scale), 0), width - 1)
    v0 = min(max(round((y0 - top) * scale), 0), height - 1)
    u1 = min(max(round((x1 - left) * scale), u0 + 1), width)
    v1 = min(max(round((y1 - top) * scale), v0 + 1), height)
    shrink(pixels[y0:y1, x0:x1], u1 - u0, v1 - v0, scratch, out=canvas[v0:v1, u0:u1])
    step_x, step_y = (x1 - x0) / (u1 - u0), (y1 - y0) / (v1 - v0)
    back = ((x0 - u0 * step_x, y0 - v0 * step_y), (width * step_x, height * step_y))
    return canvas, np.array(back, np.float32)


def _part(start: float, length: float, limit: int) -> tuple[int, int]:
    """First and past-the-last whole pixel of a stretch inside the frame, at least one."""
    first = min(max(round(start), 0), limit - 1)
    return first, min(max(round(start + length), first + 1), limit)
