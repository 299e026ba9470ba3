"""Measures the motion challenge's figures in docs/sessions.md: ``python -m tests.session.motion_figures --help``."""

from __future__ import annotations

import hashlib
from collections import Counter

import click

from edge.inference.bundle import ModelBundle, default_models_dir
from edge.liveness.plans import draw_motion_plan
from edge.simulation import openpeople
from tests.session.turning import play, shipped

DISTANCES = (0.4, 0.5, 0.6, 0.7, 0.8)
HAND_DEGREES = (18.0, 25.0, 35.0)
HELD = ("print-matte", "print-glossy", "print-bent", "cut-out", "tablet", "worn-print")
TURNED = ("print-matte", "print-glossy", "print-bent", "cut-out", "tablet")


def presentations(what, number):
    """Name, scene and how it is played, of everything with this number."""
    match what:
        case "people":
            face = openpeople.photo(f"P{1 + number % 10:03d}")
            distance = DISTANCES[number // 2 % len(DISTANCES)]
            yield "bona", shipped("bona-fide-bright-active", seed=9000 + number, face=face, distance=distance), {}
        case "held":
            for name in HELD:
                yield f"held {name}", shipped(f"{name}-bright", seed=9100 + number), {}
        case "turned":
            for name in TURNED:
                hand = HAND_DEGREES[number % len(HAND_DEGREES)]
                yield f"turned {name}", shipped(f"{name}-bright", seed=9200 + number), {"turned_by": hand}
        case "video":
            yield "video", shipped("video-bright", seed=9300 + number), {"begins": 0.7 + 0.9 * number}


@click.command()
@click.argument("what", type=click.Choice(["people", "held", "turned", "video"]))
@click.argument("first", type=int)
@click.argument("end", type=int)
def main(what, first, end):
    """Plays a random plan to presentations FIRST up to END and counts the answers."""
    networks = ModelBundle.load(default_models_dir(), verify=False)
    counts = Counter()
    for number in range(first, end):
        for name, scene, how in presentations(what, number):
            plan = draw_motion_plan(hashlib.sha256(f"{name}{number}".encode()).digest(), 1)
            answer, _, seconds = play(scene, plan, networks, **how)
            outcome = f"{answer.outcome}{f', {answer.error}' if answer.error else ''}"
            counts[name, outcome] += 1
            asked = " and ".join(movement.direction.value for movement in plan.movements)
            click.echo(f"{name} {number}, {asked}, {seconds:.1f} s: {outcome}: {answer.reason}")
    for (name, outcome), count in sorted(counts.items()):
        click.echo(f"{name}: {outcome}: {count}")


if __name__ == "__main__":
    main()
