"""What the terminal's light proves of simulated people, prints and screens, by how bright the room is.

    python -m benchmarks.light_evidence [--each N] [--people N] [--jobs N] [--infrared] > light.json

With --infrared the code is an infrared lamp's before a camera that passes infrared alone, prints are a laser printer's,
and the policy accepts people without PAD networks. What is above 10,000 lx there is the sun's, from a direction that is
drawn. Screens and ink-jet prints show no face in infrared, and get no code.

Simulated throughout: it shows what the method makes of this model of the world, and nothing about how often it errs on
people. Faces, distances, head shapes and ways of holding are drawn for every session, the same for the same number.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
import structlog

from edge.config.policy import PRESETS, PolicyFloor, Preset, WhenPadNotApplicable
from edge.contracts.enums import EvidenceKind, LivenessOperationMode
from edge.evaluation.metrics import clopper_pearson
from edge.evaluation.replay import policy_for
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

LUX = (40, 150, 600, 1000, 2000)
INFRARED_LUX = (600, 2000, 10000, 50000)
SKY = 10000
# W/sr; at 0.2 m that is a quarter of what IEC 62471 allows an eye for long.
INFRARED = {
    "camera": {"spectrum": "ir_pass"},
    "illuminator": {"band": "infrared", "intensity": 1.0, "half_angle": 40, "right": 0.03},
}
PEOPLE = tuple(f"openpeople:P{number:03d}" for number in range(1, 11))
BONA_FIDE = "bonafide"


def subject_of(kind: str, rng: np.random.Generator) -> Mapping[str, Any]:
    """As a scene's file has it."""
    face, distance = str(rng.choice(PEOPLE)), float(rng.uniform(0.4, 0.6))
    sheet = {"photo": face, "width": 0.29, "distance": distance, "yaw": float(rng.uniform(-15, 15))}
    screen = {"kind": "screen", "photo": face, "luminance": float(rng.uniform(250, 500))}
    return {
        BONA_FIDE: {"kind": "person", "face": face, "distance": distance},
        "print_matte": {"kind": "print", **sheet},
        "print_glossy": {"kind": "print", "finish": "glossy", **sheet},
        "print_bent": {"kind": "bent_print", "radius": float(rng.uniform(0.1, 0.2)), **sheet},
        "print_cut_out": {"kind": "cut_out", "photo": face, "width": 0.31, "distance": distance},
        "print_worn": {
            "kind": "worn_print",
            "photo": face,
            "width": 0.38,
            "wearer": {"face": str(rng.choice(PEOPLE)), "distance": distance},
        },
        "print_backlit": {"kind": "backlit_print", "lamp_lux": 3000, **sheet},
        "screen_tablet": {"device": "tablet", "distance": 0.7 * distance, **screen},
        "screen_video": {"device": "tablet", "turning": True, "distance": 0.7 * distance, **screen},
        "screen_large": {"device": "large", "distance": distance, "steady": True, **screen},
    }[kind]


LASER = {"print_matte", "print_glossy", "print_bent", "print_cut_out", "print_worn"}
KINDS = (
    *(f"print_{name}" for name in ("matte", "glossy", "bent", "cut_out", "worn", "backlit")),
    *("screen_tablet", "screen_video", "screen_large"),
)
INFRARED_KINDS = tuple(sorted(LASER))


@cache
def _models() -> ModelBundle:
    cv2.setNumThreads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return ModelBundle.load(default_models_dir(), verify=False)


def session(task: tuple[str, int, int, bool]) -> tuple[str, int, str, str | None]:
    """Kind, lux, what the light said, and the decision or the error."""
    kind, lux, number, infrared = task
    rng = np.random.default_rng([number, lux, (BONA_FIDE, *KINDS).index(kind)])
    subject = dict(subject_of(kind, rng))
    if infrared and kind in LASER:
        subject["printer"] = "laser"
    surroundings: dict[str, Any] = {"ambient": {"lux": min(lux, SKY), "light": "daylight"}}
    if lux > SKY:
        azimuth, elevation = float(rng.uniform(-180, 180)), float(rng.uniform(20, 60))
        surroundings["sun"] = {"lux": lux - SKY, "azimuth": azimuth, "elevation": elevation}
    scene = Scene.model_validate(
        {
            "title": kind,
            "surroundings": surroundings,
            "terminal": INFRARED if infrared else {},
            "subjects": [subject],
            "seed": int(rng.integers(1 << 31)),
        }
    )
    floor = PolicyFloor(when_pad_not_applicable=WhenPadNotApplicable.LIGHT_AND_MOTION, attempt_timeout_seconds=15.0)
    unit = SimulatedTerminal([lambda: build(scene, _models())])
    devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    runner = SessionRunner(devices, FaceVision(_models()), lambda: unit.clock)
    mode = LivenessOperationMode.PASSIVE_ACTIVE
    attempt = runner.run("0" * 32, policy_for(floor if infrared else PRESETS[Preset.DOOR], mode), mode).attempts[-1]
    light = next((item.outcome.value for item in attempt.evidence if item.kind is EvidenceKind.LIGHT), "none")
    if attempt.result is not None:
        return kind, lux, light, attempt.result.liveness_decision.value
    return kind, lux, light, attempt.error.code.value if attempt.error else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=10, help="sessions of each kind and room; default: %(default)s")
    parser.add_argument("--people", type=int, help="sessions of people in each room; default: as many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--infrared", action="store_true", help="the infrared lamp's code")
    arguments = parser.parse_args()
    rooms, kinds = (INFRARED_LUX, INFRARED_KINDS) if arguments.infrared else (LUX, KINDS)
    people = arguments.each if arguments.people is None else arguments.people
    tasks = [
        (kind, lux, n, arguments.infrared)
        for n in range(max(arguments.each, people))
        for lux in rooms
        for kind in (BONA_FIDE, *kinds)
        if n < (people if kind == BONA_FIDE else arguments.each)
    ]
    counts: dict[tuple[str, int], Counter[str]] = {}
    decisions: dict[tuple[str, int], Counter[str]] = {}
    with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
        for done, (kind, lux, light, decision) in enumerate(pool.imap_unordered(session, tasks), 1):
            counts.setdefault((kind, lux), Counter())[light] += 1
            decisions.setdefault((kind, lux), Counter())[str(decision)] += 1
            print(f"\r{done} of {len(tasks)}", end="", file=sys.stderr, flush=True)
    rows = []
    for (kind, lux), lights in sorted(counts.items()):
        wrong = lights["veto"] if kind == BONA_FIDE else lights["confirmed"]
        low, high = clopper_pearson(wrong, lights.total())
        rows.append(
            {
                "kind": kind,
                "lux": lux,
                "light": dict(lights),
                "decisions": dict(decisions[kind, lux]),
                "wrong": wrong,
                "bounds95": [round(low, 4), round(high, 4)],
            }
        )
    print(json.dumps({"simulated": True, "each": arguments.each, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
