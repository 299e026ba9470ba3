"""Simulated stages whose sequence is broken: faces swapped, pictures cut or repeated."""

from __future__ import annotations

from dataclasses import replace

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import EvidenceKind, LivenessOperationMode
from edge.evaluation.replay import policy_for
from edge.session.continuity import Continuity
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

# What automatic exposure takes to settle, seconds.
SETTLING = 0.6


class Swapped:
    """Implements ``edge.simulation.optics.Subject``: one subject up to a moment, another one from then on."""

    def __init__(self, first, second, at):
        self._first, self._second, self._at = first, second, at

    def layers(self, now):
        return (self._first if now < self._at else self._second).layers(now)

    def told(self, prompt, now):
        self._first.told(prompt, now)
        self._second.told(prompt, now)


class Injecting:
    """Replaces frames on their way by earlier ones, with new numbers and times, from a moment on.

    length: frames that go round; 1: the picture stands.
    """

    def __init__(self, at, length):
        self._at, self._length = at, length
        self._kept = []
        self._given = 0

    def __call__(self, frame):
        if frame.captured_at < self._at:
            self._kept = [*self._kept, frame][-self._length :]
            return frame
        shown = self._kept[self._given % len(self._kept)]
        self._given += 1
        return replace(shown, sequence=frame.sequence, captured_at=frame.captured_at, exposure=frame.exposure)


def scene_of(subject, lux, seed, *, flicker=0.0):
    light = "fluorescent" if flicker else "daylight"
    surroundings = {"ambient": {"lux": lux, "light": light, "flicker": flicker}}
    return Scene.model_validate(
        {"title": "a scene", "surroundings": surroundings, "subjects": [subject], "seed": int(seed)}
    )


def stage_of(scene, networks):
    """Without raw values, as most cameras are, which have a known curve here."""
    return replace(build(scene, networks), raw=False)


def swapped(stage, other, at):
    """The stage, where the other's subject takes the place of its own at a moment."""
    both = Swapped(stage.subjects[-1], other.subjects[-1], at)
    return replace(stage, subjects=(*stage.subjects[:-1], both))


def watched(stage, networks, until, inject=lambda frame: frame):
    """What continuity saw of a stage, from when exposure has settled up to ``until`` seconds."""
    unit = SimulatedTerminal([lambda: stage])
    vision = FaceVision(networks)
    continuity = Continuity(vision.embedding)
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        while unit.clock.now() < until:
            frame = unit.camera.read(1.0)
            if frame is not None and unit.clock.now() > SETTLING:
                frame = inject(frame)
                continuity.saw(frame, vision.see(frame, judge=False), vision.landmarks)
    return continuity


def session(scene, networks):
    """The only attempt of a session, and what it says of continuity; None where it ended with an error."""
    unit = SimulatedTerminal([lambda: build(scene, networks)])
    devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    runner = SessionRunner(devices, FaceVision(networks), lambda: unit.clock)
    mode = LivenessOperationMode.PASSIVE_ACTIVE
    attempt = runner.run("0" * 32, policy_for(PRESETS[Preset.DOOR], mode), mode).attempts[-1]
    return attempt, next((item for item in attempt.evidence if item.kind is EvidenceKind.CONTINUITY), None)
