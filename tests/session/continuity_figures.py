"""Measures the continuity figures in docs/sessions.md: ``python -m tests.session.continuity_figures --help``."""

from __future__ import annotations

import logging
import time
from collections import Counter

import click
import cv2
import numpy as np
import structlog

from edge.contracts.enums import LightLevel
from edge.evaluation.metrics import clopper_pearson
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session.continuity import Continuity
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision
from tests.session.breaks import Injecting, scene_of, session, stage_of, swapped, watched

ROOMS = (40, 150, 600, 1000, 2000)
FACES = tuple(f"openpeople:P{number:03d}" for number in range(1, 11))
# Attacks are watched for so long, and break off after so long, seconds.
WATCHED, BROKEN = 3.0, 1.7
ATTACKS = ("person", "print", "cut", "stands", "round", "pulsed", "steady")


def person(rng, **changes):
    return {"kind": "person", "face": str(rng.choice(FACES)), "distance": float(rng.uniform(0.4, 0.7)), **changes}


def whole_session(number, networks):
    rng = np.random.default_rng([number, 40])
    room, flicker = ROOMS[number % len(ROOMS)], (0.0, 0.0, 0.25)[number % 3]
    attempt, found = session(scene_of(person(rng), room, rng.integers(1 << 31), flicker=flicker), networks)
    decided = attempt.error.code.value if attempt.error else attempt.result.liveness_decision.value
    return f"people, {'passive' if room < 600 else 'challenged'}", decided, found


def attack(what, number, networks):
    """What continuity says of some seconds in front of the camera, nothing being asked."""
    rng = np.random.default_rng([number, ATTACKS.index(what)])
    lux, seed = int(rng.choice([150, 600, 1000])), int(rng.integers(1 << 31))
    subject = person(rng)
    stage = stage_of(scene_of(subject, lux, seed), networks)
    at = BROKEN + float(rng.uniform(0, 0.1))
    other = str(rng.choice([face for face in FACES if face != subject["face"]]))
    match what:
        case "person":
            stage = swapped(stage, stage_of(scene_of({**subject, "face": other}, lux, seed + 1), networks), at)
        case "print":
            held = {"kind": "print", "photo": other, "width": 0.29, "distance": subject["distance"]}
            stage = swapped(stage, stage_of(scene_of(held, lux, seed), networks), at)
        case "cut":
            aside = float(rng.choice([-1, 1]) * rng.uniform(0.01, 0.05))
            stage = swapped(stage, stage_of(scene_of({**subject, "right": aside}, lux, seed), networks), at)
        case "pulsed" | "steady":
            pulse = {"pwm_hz": float(rng.uniform(180, 1000)), "pwm_duty": float(rng.uniform(0.2, 0.8))}
            tablet = {"kind": "screen", "photo": other, "distance": float(rng.uniform(0.3, 0.4))}
            tablet |= pulse if what == "pulsed" else {}
            stage = stage_of(scene_of(tablet, lux, seed), networks)
    repeated = {"stands": 1, "round": int(rng.integers(6, 25))}.get(what)
    seen = watched(stage, networks, WATCHED, *(() if repeated is None else (Injecting(at, repeated),)))
    return what, f"{subject['face'][-4:]} {other[-4:]}", seen.finding(LightLevel.BRIGHT)


def cost(numbers, networks):
    """Milliseconds a frame, of a person in a picture of 640 x 480."""
    unit = SimulatedTerminal([lambda: stage_of(scene_of(person(np.random.default_rng(1)), 600, 1), networks)])
    vision, spent = FaceVision(networks), Counter()

    def embedding(frame):
        began = time.perf_counter()
        try:
            return vision.embedding(frame)
        finally:
            spent["embedding"] += time.perf_counter() - began
            spent["embeddings"] += 1

    continuity = Continuity(embedding)
    with unit.camera:
        for _ in numbers:
            while (frame := unit.camera.read(1.0)) is None:
                pass
            began = time.perf_counter()
            evidence = vision.see(frame)
            seen = time.perf_counter()
            continuity.saw(frame, evidence, vision.landmarks)
            continuity.finding(LightLevel.BRIGHT)
            spent["vision"] += seen - began
            spent["continuity"] += time.perf_counter() - seen
    frames = len(numbers) / 1e3
    each = spent["embedding"] * 1e3 / max(spent["embeddings"], 1)
    return (
        f"a frame: vision {spent['vision'] / frames:.2f} ms, continuity {spent['continuity'] / frames:.2f} ms; "
        f"of that embeddings {spent['embedding'] / frames:.2f} ms, {each:.1f} ms each of {spent['embeddings']}"
    )


@click.command()
@click.argument("what", type=click.Choice(["people", "cost", *ATTACKS]))
@click.argument("first", type=int)
@click.argument("end", type=int)
def main(what, first, end):
    """Plays presentations FIRST up to END and counts what continuity says of them: people in whole sessions, whatever
    else for three seconds as in bright light. ``cost`` times the work on FIRST up to END frames of a person instead."""
    cv2.setNumThreads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    networks = ModelBundle.load(default_models_dir(), verify=False)
    if what == "cost":
        click.echo(cost(range(first, end), networks))
        return
    counts = Counter()
    for number in range(first, end):
        name, told, found = whole_session(number, networks) if what == "people" else attack(what, number, networks)
        outcome = "no finding" if found is None else found.outcome.value
        counts[name, outcome] += 1
        click.echo(f"{name} {number}: {told}: {outcome}: {'' if found is None else found.reason}")
    for (name, outcome), count in sorted(counts.items()):
        click.echo(f"{name}: {outcome}: {count}")
    vetoes = sum(count for (_, outcome), count in counts.items() if outcome == "veto")
    judged = sum(count for (_, outcome), count in counts.items() if outcome != "no finding")
    if judged:
        low, high = clopper_pearson(vetoes, judged)
        click.echo(f"vetoes: {vetoes} of {judged}, 95 % confidence {low:.1%} to {high:.1%}")


if __name__ == "__main__":
    main()
