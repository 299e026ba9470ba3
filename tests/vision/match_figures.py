"""Measures the figures of face match in docs/verify.md: ``python -m tests.vision.match_figures --help``."""

from __future__ import annotations

from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

PEOPLE = tuple(f"P{number:03d}" for number in range(1, 11))
ROOMS = (60, 600)
# Exposure has settled by then; embeddings are taken at this pace as in a session, seconds.
SETTLING, PACE, UNTIL = 0.6, 0.25, 1.6


def seen(stage, networks):
    """(embedding, quality) of the pictures of a stage that a session would judge."""
    unit = SimulatedTerminal([lambda: stage])
    vision = FaceVision(networks)
    pictures, last = [], 0.0
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        while unit.clock.now() < UNTIL:
            frame = unit.camera.read(1.0)
            if frame is None or unit.clock.now() < SETTLING:
                continue
            evidence = vision.see(frame, judge=False)
            if evidence.box is not None and not evidence.failures and evidence.captured_at - last >= PACE:
                last = evidence.captured_at
                pictures.append((vision.embedding(frame), evidence.quality))
    return pictures


def scene_of(person, texture, lux, rng):
    subject = {
        "kind": "person",
        "face": f"openpeople:{person}/{texture}",
        "distance": float(rng.uniform(0.4, 0.7)),
    }
    surroundings = {"ambient": {"lux": lux, "light": str(rng.choice(["daylight", "led"]))}}
    return Scene.model_validate(
        {"title": person, "surroundings": surroundings, "subjects": [subject], "seed": int(rng.integers(1 << 31))}
    )
