"""How fast the simulated terminal plays.

Prints one JSON document. Frames a second are of the machine it runs on, on one thread: a person before a wall, under
light from all round and a display in two halves.
"""

from __future__ import annotations

import json
import time

import cv2
import numpy as np

from edge.simulation.artefacts import Wall
from edge.simulation.face_texture import Skin, plain_skin
from edge.simulation.head import Anthropometry, parametric_head
from edge.simulation.lamps import Dome, Panel, halves, white
from edge.simulation.optics import Lamp, Pinhole
from edge.simulation.person import Person
from edge.simulation.sensor import SensorModel
from edge.simulation.signals import Commanded, Mains, Steady
from edge.simulation.terminal import DisplayOutputs, SimulatedTerminal, Stage

FRAMES = 60


def main() -> None:
    cv2.setNumThreads(1)
    speed = {f"{width}x{height}": frames_per_second(width, height) for width, height in ((320, 240), (640, 480))}
    print(json.dumps({"framesPerSecond": speed}, indent=2))


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


if __name__ == "__main__":
    main()
