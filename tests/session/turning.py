"""The motion challenge before a simulated terminal."""

from __future__ import annotations

from dataclasses import replace

from edge.liveness.plans import Direction, MotionPlan, Movement
from edge.session.motion_challenge import MotionChallenge
from edge.simulation.build import build
from edge.simulation.scene import Scene, load_scene, shipped_scenes
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

LIMIT = 4.0
# What automatic exposure takes to settle, seconds.
SETTLING = 0.7


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

    turned_by: degrees that a hand turns the scene's first subject, when asked. begins: when the first prompt is shown.
    """

    if turned_by is not None:
        held = scene.subjects[0].model_copy(update={"turned": turned_by})
        scene = scene.model_copy(update={"subjects": (held, *scene.subjects[1:])})
    unit = SimulatedTerminal([lambda: replace(build(scene, networks), raw=False)])
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
