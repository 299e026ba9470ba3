"""What a quadratic leaves of the logarithm of left over right half of the display, on prints and on heads.

Prints one JSON document. The design rests on it: on a plane next to nothing is left, on a head much is.
"""

from __future__ import annotations

import json
import statistics
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cheek_to_chin import SETTLING, Still, heads, read
from edge.frames.linear import to_linear
from edge.hardware.ports import Pattern
from edge.simulation.artefacts import Wall, printed
from edge.simulation.face_texture import plain_skin
from edge.simulation.head import Anthropometry, Head, KeyPoint, parametric_head
from edge.simulation.lamps import Dome, Panel, halves, white
from edge.simulation.optics import Footprint, Lamp, Layer, Map, Pinhole, Pose, turn
from edge.simulation.renderer import Renderer
from edge.simulation.sampling import sampled
from edge.simulation.sensor import SensorModel
from edge.simulation.sheet import Sheet
from edge.simulation.signals import Commanded, Steady
from edge.simulation.terminal import DisplayOutputs, SimulatedTerminal, Stage

Mask = NDArray[np.bool_]

HEADS: Final = 20
DISTANCE: Final = 0.5
CAMERA: Final = Pinhole(640, 480, 493.0)
# As a scene has it where its file says nothing.
DISPLAY: Final = Panel(np.array([0.0, 0.06, 0.0]), 0.154, 0.086, 300.0, white(), Steady())
# Side of the squares that pixels are averaged over, and frames of each pattern.
SQUARE: Final = 8
AVERAGED: Final = 8
# Lux of the room.
ROOMS: Final = (5.0, 50.0, 400.0)


def main() -> None:
    cv2.setNumThreads(1)
    print(json.dumps(log_of_display_halves(), indent=2))


def log_of_display_halves() -> dict[str, Any]:
    """What a quadratic in picture coordinates leaves of log(left / right half of the display) over a face's area."""
    people = [(head, facing(head)) for head in heads(HEADS)]
    left_over = [residual(log_of_halves(layer), face_area(head, layer)) for head, layer in people]
    area = face_area(*people[0])
    average = parametric_head(Anthropometry())
    return {
        "distanceMetres": DISTANCE,
        "heads": {
            "mean": round(statistics.mean(left_over), 3),
            "least": round(min(left_over), 3),
            "most": round(max(left_over), 3),
        },
        "prints": [
            {
                "shape": shape,
                "finish": "glossy" if glossy else "matte",
                "yawDegrees": yaw,
                "residual": round(residual(log_of_halves(paper(bend, glossy=glossy, yaw=yaw)), area), 4),
            }
            for shape, bend in (("flat", None), ("bent to 0.15 m", 0.15))
            for glossy in (False, True)
            for yaw in (0.0, 15.0, 30.0)
        ],
        "inFrames": [
            {
                "lux": lux,
                "head": round(residual_in_frames(facing(average), face_area(average, facing(average)), lux), 3),
                "flatMattePrint": round(residual_in_frames(paper(None), area, lux), 3),
            }
            for lux in ROOMS
        ],
    }


def facing(head: Head) -> Layer:
    """Straight before the camera."""
    return Layer(head.relief, Pose(position=np.array([0.0, 0.0, DISTANCE]) - head.face), plain_skin())


def paper(bend: float | None, *, glossy: bool = False, yaw: float = 0.0) -> Layer:
    """A print of blotches, where a face would be."""
    blotches = np.random.default_rng(4).integers(40, 230, (12, 12, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(blotches, (400, 400), interpolation=cv2.INTER_CUBIC), np.uint8)
    pose = Pose(turn(yaw), np.array([0.0, 0.02, DISTANCE]))
    return Layer(Sheet(0.29, 0.29, bend=bend), pose, printed(picture, 300, glossy=glossy))


def face_area(head: Head, layer: Layer) -> Mask:
    """(height, width) pixels of the face from above the brows to the chin, a little wider than the eyes."""
    area = np.zeros((CAMERA.height, CAMERA.width), np.bool_)
    seen = cast(Footprint, layer.shape.footprint(layer.pose, CAMERA))
    x, y, z = (sampled(np.ascontiguousarray(head.relief.points[..., axis]), seen.x, seen.y) for axis in range(3))
    half = 1.15 * abs(float(head.points[KeyPoint.RIGHT_EYE_OUTER][0]))
    top, bottom = float(head.points[KeyPoint.RIGHT_BROW][1]) - 0.02, float(head.points[KeyPoint.MENTON][1])
    inside = (np.abs(x) < half) & (y > top) & (y < bottom) & (z < 0) & (seen.coverage == 1)
    area[seen.top : seen.top + inside.shape[0], seen.left : seen.left + inside.shape[1]] = inside
    return area


def log_of_halves(layer: Layer) -> Map:
    """(height, width) log of the quotient of what the camera would see by either half alone, without noise.

    Not a number where one of them gives nothing.
    """
    begins = np.zeros(CAMERA.height)
    left, right = (
        Renderer(CAMERA, [half]).render([layer], begins, 0.01)[..., 1] for half in halves(DISPLAY, Steady(), Steady())
    )
    return _log_quotient(left, right)


def residual_in_frames(layer: Layer, area: Mask, lux: float) -> float:
    """As ``residual`` of ``log_of_halves``, through the sensor in a room of so many lux: means of frames and squares
    of pixels, less those of a black screen.
    """
    outputs = DisplayOutputs(Commanded(0.0), Commanded(0.0))
    lamps: list[Lamp] = [Dome(lux, white(), Steady()), *halves(DISPLAY, outputs.left, outputs.right)]
    stage = Stage([Wall(2.0, 0.5), Still((layer,))], lamps, CAMERA, SensorModel(), fps=30.0, seed=1, display=outputs)
    terminal = SimulatedTerminal([lambda: stage])
    seen = {}
    with terminal.camera:
        terminal.backlight.set_level(1.0, 0.0)
        terminal.screen.show_pattern(Pattern.FULL, 0.0)
        read(terminal, SETTLING)
        terminal.camera.lock(None)
        for pattern in (Pattern.LEFT, Pattern.RIGHT, Pattern.BLACK):
            terminal.screen.show_pattern(pattern, terminal.clock.now())
            read(terminal, 8)
            light = np.mean([to_linear(frame.pixels[..., 1]) for frame in read(terminal, AVERAGED)], axis=0)
            seen[pattern] = _squares(np.asarray(light, np.float32))
    left, right = (seen[half] - seen[Pattern.BLACK] for half in (Pattern.LEFT, Pattern.RIGHT))
    return residual(_log_quotient(left, right), _squares(area.astype(np.float32)) == 1)


def residual(values: Map, area: Mask) -> float:
    """Standard deviation that a quadratic of column and row leaves of the values in an area."""
    rows, columns = np.nonzero(area & np.isfinite(values))
    y, x = (rows / values.shape[0] - 0.5), (columns / values.shape[0] - 0.5)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    wanted = values[rows, columns].astype(np.float64)
    return float(np.std(wanted - terms @ np.linalg.lstsq(terms, wanted, rcond=None)[0]))


def _log_quotient(one: Map, other: Map) -> Map:
    known = (one > 0) & (other > 0)
    quotient = np.full_like(one, np.nan)
    quotient[known] = np.log(one[known] / other[known])
    return quotient


def _squares(values: Map) -> Map:
    """Means of squares of pixels."""
    rows, columns = (length // SQUARE for length in values.shape)
    return np.asarray(values.reshape(rows, SQUARE, columns, SQUARE).mean(axis=(1, 3)), np.float32)


if __name__ == "__main__":
    main()
