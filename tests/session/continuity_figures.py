"""Measures the continuity figures in docs/sessions.md: ``python -m tests.session.continuity_figures --help``."""

from __future__ import annotations

import logging
from collections import Counter

import click
import cv2
import numpy as np
import structlog

from edge.evaluation.metrics import clopper_pearson
from edge.inference.bundle import ModelBundle, default_models_dir
from tests.session.breaks import continuity, scene_of, session

ROOMS = (40, 150, 600, 1000, 2000)
# Where the way through a session is passive, and where it has challenges; seconds from the opening of the camera to
# about the middle of what follows the light measurement.
DIM, BRIGHT = 150, 1000
LATER = {DIM: 1.9, BRIGHT: 5.2}
# Before the light is measured.
EARLY = 0.55


def person(rng, **changes):
    face = f"openpeople:P{int(rng.integers(1, 11)):03d}"
    return {"kind": "person", "face": face, "distance": float(rng.uniform(0.4, 0.7)), **changes}


def another(rng, subject):
    faces = [f"openpeople:P{number:03d}" for number in range(1, 11)]
    return str(rng.choice([face for face in faces if face != subject["face"]]))


def print_of(face, distance):
    return {"kind": "print", "photo": face, "width": 0.29, "distance": distance}


def tablet(rng, **changes):
    face = f"openpeople:P{int(rng.integers(1, 11)):03d}"
    distance = float(rng.uniform(0.3, 0.4))
    return {"kind": "screen", "photo": face, "device": "tablet", "distance": distance, "luminance": 400.0, **changes}


def presented(what, number):
    """Name, scene and how it is played, of this number."""
    rng = np.random.default_rng([number, sum(map(ord, what))])
    lux = (DIM, BRIGHT)[number % 2]
    subject = person(rng)
    scene = scene_of(subject, lux, rng.integers(1 << 31))
    match what:
        case "people":
            room, flicker = ROOMS[number % len(ROOMS)], (0.0, 0.0, 0.25)[number % 3]
            return f"people {room} lx", scene_of(subject, room, rng.integers(1 << 31), flicker=flicker), {}
        case "person":
            second = {**subject, "face": another(rng, subject)}
            return f"another person, {lux} lx", scene, {"swapped": (scene_of(second, lux, 1), LATER[lux])}
        case "print":
            second = print_of(another(rng, subject), subject["distance"])
            return f"another's print, {lux} lx", scene, {"swapped": (scene_of(second, lux, 1), LATER[lux])}
        case "cut":
            aside = float(rng.choice([-1, 1]) * rng.uniform(0.02, 0.04))
            second = scene_of({**subject, "right": aside}, lux, scene.seed)
            return f"cut, {lux} lx", scene, {"swapped": (second, EARLY + float(rng.uniform(0, 0.1)))}
        case "stands":
            return f"stands still, {lux} lx", scene, {"injected": (EARLY, 1)}
        case "round":
            return f"goes round, {lux} lx", scene, {"injected": (EARLY, int(rng.integers(6, 25)))}
        case "pulsed" | "steady":
            # Screens that the light vetoes before there were frames enough say nothing of their pulse.
            hertz = float(rng.uniform(180, 1000)) if what == "pulsed" else None
            screen = tablet(rng, pwm_hz=hertz, pwm_duty=float(rng.uniform(0.2, 0.8)))
            return f"{what} tablet", scene_of(screen, 600, rng.integers(1 << 31)), {}
    raise AssertionError(what)


@click.command()
@click.argument("what", type=click.Choice(["people", "person", "print", "cut", "stands", "round", "pulsed", "steady"]))
@click.argument("first", type=int)
@click.argument("end", type=int)
def main(what, first, end):
    """Plays sessions FIRST up to END and counts what continuity said of them."""
    cv2.setNumThreads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    networks = ModelBundle.load(default_models_dir(), verify=False)
    counts, vetoes, judged = Counter(), 0, 0
    for number in range(first, end):
        name, scene, how = presented(what, number)
        attempt = session(scene, networks, **how)
        found = continuity(attempt)
        if found is None:
            counts[name, attempt.error.code.value] += 1
            click.echo(f"{name} {number}: {attempt.error.code.value}")
            continue
        judged += 1
        vetoes += found.outcome == "veto"
        counts[name, found.outcome.value] += 1
        click.echo(f"{name} {number}: {attempt.result.liveness_decision.value}: {found.outcome.value}: {found.reason}")
    for (name, outcome), count in sorted(counts.items()):
        click.echo(f"{name}: {outcome}: {count}")
    if judged:
        low, high = clopper_pearson(vetoes, judged)
        click.echo(f"vetoes: {vetoes} of {judged}, 95 % confidence {low:.1%} to {high:.1%}")


if __name__ == "__main__":
    main()
