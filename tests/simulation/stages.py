"""A plain scene for tests: an even grey surface that fills the picture."""

from __future__ import annotations

import numpy as np

from edge.simulation.lamps import Dome, Panel, halves, white
from edge.simulation.optics import Footprint, Layer, Material, Pinhole, Pose
from edge.simulation.sensor import SensorModel
from edge.simulation.signals import Commanded, Mains, Steady
from edge.simulation.terminal import DisplayOutputs, Stage

CAMERA = Pinhole(160, 120, 130.0)


class Everywhere:
    """A flat surface of 2 x 2 points that covers every pixel."""

    points = np.array([[[-5e-3, -5e-3, 0], [5e-3, -5e-3, 0]], [[-5e-3, 5e-3, 0], [5e-3, 5e-3, 0]]], np.float32)
    normals = np.broadcast_to(np.array([0, 0, -1], np.float32), (2, 2, 3))
    openness = np.ones((2, 2), np.float32)

    def footprint(self, pose, camera):
        middle = np.full((camera.height, camera.width), 0.5, np.float32)
        return Footprint(0, 0, middle, middle, np.ones_like(middle))

    def sees(self, directions):
        return np.ones((2, 2), np.float32)


class Surface:
    """A subject that never moves, and keeps what it was told."""

    def __init__(self, albedo=0.5, distance=0.5):
        material = Material(np.full((2, 2, 4), albedo, np.float32))
        self.layer = Layer(Everywhere(), Pose(position=np.array([0.0, 0.0, distance])), material)
        self.heard = []

    def layers(self, now):
        return [self.layer]

    def told(self, prompt, now):
        self.heard.append((prompt, now))


def stage(*, lux=100.0, flicker=0.0, display=True, surface=None, fps=30.0, line_time=30e-6, measured_lux=None, **more):
    """Even ambient light and, if wanted, a 7-inch display of 300 cd/m2 around the camera."""
    outputs = DisplayOutputs(Commanded(0.0), Commanded(0.0)) if display else None
    lamps = [Dome(lux, white(), Mains(50.0, flicker) if flicker else Steady(), above=0.0)]
    if outputs is not None:
        panel = Panel(np.zeros(3), 0.154, 0.086, 300.0, white(), Steady())
        lamps += halves(panel, outputs.left, outputs.right)
    return Stage(
        subjects=[surface or Surface()],
        lamps=lamps,
        camera=CAMERA,
        sensor=SensorModel(line_time=line_time),
        fps=fps,
        seed=3,
        display=outputs,
        lux=measured_lux,
        **more,
    )
