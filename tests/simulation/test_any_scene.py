"""Whatever a scene file may say, its scene can be played."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from edge.contracts.enums import Prompt
from edge.hardware.ports import Pattern
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal

pytest.importorskip("openpeople", reason="the photographs of synthetic people are in the extra 'demo'")

# Each draws about so many scenes; of what is drawn, some stands inside something else and is refused.
DRAWN = 6
ARTEFACTS = (
    "print",
    "bent_print",
    "cut_out",
    "worn_print",
    "screen",
    "backlit_print",
    "reactive_screen",
    "projector",
    "silicone_mask",
)


def worn(draw: random.Random) -> dict[str, Any]:
    return {
        "glasses": draw.random() < 0.3,
        "beard": draw.random() < 0.3,
        "head_cover": draw.choice([None, None, "cap", "scarf"]),
        "tone": draw.choice([None, draw.uniform(-0.2, 1.3)]),
        "face": draw.choice([None, f"openpeople:P00{draw.randint(1, 9)}"]),
    }


@pytest.fixture(scope="module")
def networks():
    return ModelBundle.load(default_models_dir(), verify=False)


def place(draw: random.Random, nearest: float, farthest: float) -> dict[str, float]:
    reach = draw.choice([0.1, 1.2])
    return {
        "distance": draw.uniform(nearest, farthest),
        "right": draw.uniform(-reach, reach),
        "down": draw.uniform(-reach / 2, reach / 2),
    }


def subject(draw: random.Random) -> dict[str, Any]:
    kind = draw.choice(["person", "person", *ARTEFACTS])
    if kind == "person":
        arrives = draw.choice([None, draw.uniform(0, 1)])
        return {
            "kind": kind,
            "arrives": arrives,
            "leaves": (arrives or 0) + draw.uniform(0.1, 1),
            **place(draw, 0.2, 4),
            **worn(draw),
        }
    photo = {"kind": kind, "photo": f"openpeople:P00{draw.randint(1, 9)}"}
    if kind == "worn_print":
        return photo | {"width": draw.uniform(0.05, 0.53), "wearer": place(draw, 0.2, 3) | worn(draw)}
    if kind == "silicone_mask":
        return photo | {"thickness": draw.uniform(0.001, 0.01), "wearer": place(draw, 0.2, 3) | worn(draw)}
    turned = {"yaw": draw.uniform(-80, 80), "pitch": draw.uniform(-80, 80), "roll": draw.uniform(-180, 180)}
    held = photo | place(draw, 0.06, 2.5) | turned | {"steady": draw.choice([True, False])}
    held |= {"turned": draw.choice([None, draw.uniform(1, 60)])}
    if kind == "screen":
        return held | {"device": draw.choice(["phone", "tablet", "large"])}
    if kind == "reactive_screen":
        return held | {
            "obeys": draw.random() < 0.3,
            "relit": draw.random() < 0.7,
            "gain": draw.random(),
            "delay": draw.uniform(0, 9),
        }
    width = draw.uniform(0.02, 1.2)
    if kind == "projector":
        lens = {f"lens_{way}": draw.uniform(-1, 1) for way in ("right", "down", "distance")}
        return held | lens | {"onto": draw.choice(["sheet", "head"]), "width": width, "lux": draw.uniform(0, 9000)}
    if kind == "bent_print":
        axis = draw.choice(["vertical", "horizontal"])
        return held | {
            "width": width,
            "radius": draw.uniform(width / 3, 1.2),
            "axis": axis,
            "hollow": draw.random() < 0.5,
        }
    if kind == "cut_out":
        return held | {"width": width, "behind": {"distance": held["distance"] + draw.uniform(0.03, 0.4)}}
    return held | {"width": width}


def scene(draw: random.Random) -> dict[str, Any]:
    sun = {"lux": draw.uniform(0, 120_000), "azimuth": draw.uniform(-180, 180), "elevation": draw.uniform(0, 90)}
    lamp = {
        "band": draw.choice(["infrared", "white"]),
        "intensity": draw.uniform(0.01, 4),
        "right": draw.uniform(-1, 1),
    }
    display = {
        "width": draw.uniform(0.02, 2),
        "down": draw.uniform(-2, 2),
        "pwm_hz": draw.choice([None, 200]),
    }
    return {
        "title": "anything",
        "surroundings": {
            "ambient": {"lux": draw.choice([0, draw.uniform(0, 50_000)]), "above": draw.random()},
            "wall": {"distance": draw.uniform(0.3, 8)},
            "sun": draw.choice([None, sun]),
        },
        "terminal": {
            "camera": {
                "width": draw.choice([64, 96]),
                "height": draw.choice([64, 90]),
                "field_of_view": draw.uniform(20, 120),
                "spectrum": draw.choice(["ir_cut", "noir", "ir_pass"]),
            },
            "display": draw.choice([None, display]),
            "illuminator": draw.choice([None, lamp]),
        },
        "subjects": [subject(draw) for _ in range(draw.randint(0, 3))],
    }


@pytest.mark.parametrize("seed", range(6))
def test_what_is_accepted_can_be_built_and_played(networks, seed):
    draw = random.Random(seed)
    played = 0
    while played < DRAWN:
        try:
            given = Scene.model_validate(scene(draw))
        except ValidationError:
            continue
        terminal = SimulatedTerminal([lambda given=given: build(given, networks)])
        terminal.backlight.set_level(1.0, 0.0)
        terminal.illuminator.set_output(1.0, 0.0)
        with terminal.camera as camera:
            terminal.screen.show_prompt(Prompt.TURN_LEFT)
            for pattern in (Pattern.LEFT, *[Pattern.FULL] * 8):
                terminal.screen.show_pattern(pattern, terminal.clock.now())
                frame = camera.read(1.0)
        assert frame.pixels.shape == (given.terminal.camera.height, given.terminal.camera.width, 3)
        played += 1
