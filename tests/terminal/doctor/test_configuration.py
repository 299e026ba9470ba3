"""Whether configuration and light fit together."""

from __future__ import annotations

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import configuration
from edge.terminal.doctor.configuration import light
from edge.terminal.doctor.context import context_of

PANEL = {"width": 0.15, "height": 0.09, "down": 0.1}
LAMP = {"band": "infrared", "radiant_intensity": 0.5, "closest_approach": 0.2, "retinal_risk": "exempt"}
CAMERA = {"driver": "picamera2", "raw": True}
BACKLIGHT = {"driver": "sysfs"}
SCREEN = {"driver": "sdl", "panel": PANEL}
DOOR = {"preset": "door"}
KIOSK = {"preset": "kiosk"}


def test_every_mistake_of_the_file_is_told(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text("camera: {driver: replay, sources: []}\nlihgts: {}\n")
    checks = list(configuration.checks(context_of(file)))
    assert checks[0].verdict is Verdict.FAIL
    assert "site.yaml:1" in checks[0].seen
    assert "lihgts" in checks[0].seen
    assert {check.verdict for check in checks[1:]} == {Verdict.SKIPPED}


def test_a_display_whose_place_is_known_serves_the_door(context):
    check = light(context(camera=CAMERA, policy=DOOR, lights={"backlight": BACKLIGHT, "screen": SCREEN}))
    assert check.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("camera", "lights", "reason"),
    [
        ({"driver": "replay", "sources": ["a.png"]}, {}, "recorded pictures"),
        (CAMERA, {}, "lights.backlight"),
        (CAMERA | {"raw": False}, {"backlight": BACKLIGHT, "screen": SCREEN}, "camera.raw"),
        (CAMERA | {"exposure_metadata": False}, {"backlight": BACKLIGHT, "screen": SCREEN}, "camera.exposure_metadata"),
        (CAMERA, {"backlight": BACKLIGHT}, "lights.screen"),
        (CAMERA, {"backlight": BACKLIGHT, "screen": {"driver": "sdl"}}, "lights.screen.panel"),
    ],
)
def test_the_door_without_measurable_light_will_refuse_everyone(context, camera, lights, reason):
    check = light(context(camera=camera, policy=DOOR, lights=lights))
    assert check.verdict is Verdict.WARN
    assert "refuse everyone" in check.seen
    assert reason in check.seen


def test_passive_alone_without_a_light_is_advised_to_ask_for_movement(context):
    check = light(context(policy=KIOSK | {"modes": ["Passive"]}))
    assert check.verdict is Verdict.WARN
    assert "PassiveActive" in check.remedy


def test_a_kiosk_of_recordings_is_let_pass(context):
    assert light(context(policy=KIOSK)).verdict is Verdict.OK


def test_a_kiosk_that_can_measure_no_shape_accepts_nobody_in_bright_light(context):
    check = light(context(camera=CAMERA, policy=KIOSK, lights={"backlight": BACKLIGHT}))
    assert check.verdict is Verdict.WARN
    assert "bright light" in check.seen


@pytest.mark.parametrize(
    ("policy", "illuminator", "verdict"),
    [
        (KIOSK, {"driver": "led", "name": "ir", "lamp": LAMP, "place": {"right": 0, "down": 0}}, Verdict.WARN),
        ({"when_pad_not_applicable": "light_and_motion"}, {"driver": "led", "name": "ir", "lamp": LAMP}, Verdict.WARN),
        (
            {"when_pad_not_applicable": "light_and_motion"},
            {"driver": "led", "name": "ir", "lamp": LAMP, "place": {"right": 0, "down": 0}},
            Verdict.OK,
        ),
    ],
)
def test_infrared_alone_needs_a_lamp_and_a_policy_for_it(context, policy, illuminator, verdict):
    camera = CAMERA | {"spectrum": "ir_pass"}
    assert light(context(camera=camera, policy=policy, lights={"illuminator": illuminator})).verdict is verdict
