"""How fast the simulated terminal plays, and how much brighter cheeks are than the chin under its infrared lamp.

Prints one JSON document. Frames a second are of the machine it runs on, on one thread: a person before a wall, under
light from all round and a display in two halves.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import cv2
import numpy as np

from edge.simulation.artefacts import Wall
from edge.simulation.face_texture import Skin, plain_skin
from edge.simulation.head import Anthropometry, FaceRegion, Head, face_regions, parametric_head
from edge.simulation.lamps import Dome, NearPoint, Panel, halves, infrared, white
from edge.simulation.optics import Lamp, Layer, Pinhole, Placed, Pose, turn
from edge.simulation.person import Person
from edge.simulation.sensor import SensorModel
from edge.simulation.signals import Commanded, Mains, Steady
from edge.simulation.terminal import DisplayOutputs, SimulatedTerminal, Stage

FRAMES = 60
HEADS = 30
# Height of the lamp over the lens, metres, and pitch of the head, degrees.
CASES = ((0.01, 0.0), (0.05, 0.0), (0.01, -8.0))
DISTANCE = 0.45


def main() -> None:
    cv2.setNumThreads(1)
    speed = {f"{width}x{height}": frames_per_second(width, height) for width, height in ((320, 240), (640, 480))}
    print(json.dumps({"framesPerSecond": speed, "cheekToChin": [cheek_to_chin(*case) for case in CASES]}, indent=2))


def frames_per_second(width: int, height: int) -> float:
    """Of a session that runs, without the time to build the scene."""
    rng = np.random.default_rng(1)
    person = Person(parametric_head(Anthropometry.draw(rng)), Skin((plain_skin(),)), rng)
    display = DisplayOutputs(Commanded(0.0), Commanded(0.0))
    panel = Panel(np.array([0.0, 0.09, 0.0]), 0.154, 0.086, 300.0, white(), Steady())
    lamps: list[Lamp] = [Dome(150.0, white(), Mains(50.0, 0.2)), *halves(panel, display.left, display.right)]
    camera = Pinhole(width, height, 0.77 * width)
    stage = Stage([Wall(2.0, 0.5), person], lamps, camera, SensorModel(), fps=30.0, seed=1, display=display)
    terminal = SimulatedTerminal([lambda: stage])
    with terminal.camera:
        terminal.camera.read(1.0)
        begin = time.perf_counter()
        for _ in range(FRAMES):
            terminal.camera.read(1.0)
        return round(FRAMES / (time.perf_counter() - begin), 1)


def cheek_to_chin(above: float, pitch: float) -> dict[str, Any]:
    """Irradiance of the regions by an infrared lamp over the lens: geometry alone, no reflectance, no scatter."""
    rng = np.random.default_rng(2)
    lamp = NearPoint(np.array([0.0, -above, 0.0]), 1.0, 60.0, infrared(), Steady())
    ratios = [_ratio(parametric_head(Anthropometry.draw(rng)), lamp, pitch) for _ in range(HEADS)]
    return {
        "lampAboveLensMetres": above,
        "pitchDegrees": pitch,
        "mean": round(statistics.mean(ratios), 2),
        "deviation": round(statistics.stdev(ratios), 2),
    }


def _ratio(head: Head, lamp: NearPoint, pitch: float) -> float:
    rotation = turn(pitch=pitch)
    pose = Pose(rotation, np.array([0.0, 0.0, DISTANCE]) - rotation @ head.face)
    light, _ = lamp.arriving(Placed(Layer(head.relief, pose, plain_skin())))
    regions = face_regions(head)
    return float(light[regions[FaceRegion.CHEEKS]].mean() / light[regions[FaceRegion.CHIN]].mean())


if __name__ == "__main__":
    main()
