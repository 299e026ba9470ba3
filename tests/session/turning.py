"""The motion challenge before a simulated terminal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.contracts.enums import Prompt
from edge.liveness.plans import Direction, MotionPlan, Movement
from edge.session.motion_challenge import MotionChallenge
from edge.simulation.build import build
from edge.simulation.optics import Pose, turn
from edge.simulation.person import minimum_jerk
from edge.simulation.scene import Scene, load_scene, shipped_scenes
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

LIMIT = 4.0
# What automatic exposure takes to settle, seconds.
SETTLING = 0.7

_TOWARDS = {
    Prompt.TURN_LEFT: (1, 0),
    Prompt.TURN_RIGHT: (-1, 0),
    Prompt.TURN_UP: (0, 1),
    Prompt.TURN_DOWN: (0, -1),
    Prompt.TURN_UP_LEFT: (1, 1),
    Prompt.TURN_UP_RIGHT: (-1, 1),
    Prompt.TURN_DOWN_LEFT: (1, -1),
    Prompt.TURN_DOWN_RIGHT: (-1, -1),
}


class Hand:
    """Turns what it holds as the screen asks, 0.6 s later and in 0.6 s."""

    def __init__(self, held, degrees):
        self._held = held
        self._degrees = degrees
        self._told = [(-9.0, np.zeros(2))]

    def told(self, prompt, now):
        to = np.array(_TOWARDS.get(prompt, (0, 0)), float)
        if not np.array_equal(to, self._told[-1][1]):
            self._told.append((now, to))

    def layers(self, now):
        (_, before), (since, to) = ([self._told[0], *self._told])[-2:]
        yaw, pitch = self._degrees * (before + (to - before) * minimum_jerk((now - since - 0.6) / 0.6))
        turned = turn(yaw, pitch)
        return [
            replace(layer, pose=Pose(turned @ layer.pose.rotation, layer.pose.position))
            for layer in self._held.layers(now)
        ]


def plan(*directions: Direction, degrees=18.0, hold=0.5) -> MotionPlan:
    return MotionPlan("a plan", tuple(Movement(direction, degrees, hold) for direction in directions))


def shipped(name: str, **changes) -> Scene:
    """A scene of the project with another seed, and its person (if it is one) with another face or distance."""
    scene = load_scene(shipped_scenes() / f"{name}.yaml")
    seed = changes.pop("seed", scene.seed)
    subject = scene.subjects[0].model_copy(update=changes)
    return scene.model_copy(update={"seed": seed, "subjects": (subject, *scene.subjects[1:])})


def play(scene, plan, networks, *, turned_by=None, begins=SETTLING):
    """The answer, the prompts that were shown, (seconds from the first, prompt), and the seconds that it took.

    turned_by: degrees that a hand turns what is nearest, when asked. begins: when the first prompt is shown.
    """

    def made():
        stage = build(scene, networks)
        if turned_by is not None:
            stage = replace(stage, subjects=(*stage.subjects[:-1], Hand(stage.subjects[-1], turned_by)))
        return replace(stage, raw=False)

    unit = SimulatedTerminal([made])
    vision = FaceVision(networks)
    told = []
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        while unit.clock.now() < begins:
            frame = unit.camera.read(1.0)
            if begins - unit.clock.now() < 0.2:
                vision.see(frame, judge=False)
        asked = unit.clock.now()

        def show(prompt):
            told.append((unit.clock.now() - asked, prompt))
            unit.screen.show_prompt(prompt)

        show(plan.movements[0].direction.prompt)
        challenge = MotionChallenge(plan, show, asked, movement_limit=LIMIT)
        answer = None
        while answer is None:
            frame = unit.camera.read(1.0)
            answer = challenge.saw(frame, vision.see(frame, judge=False), unit.clock.now())
        challenge.end()
    return answer, told, unit.clock.now() - asked
