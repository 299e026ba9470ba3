"""Sessions before a camera that passes infrared alone, with an infrared lamp beside it."""

from __future__ import annotations

import pytest

from edge.config.policy import PRESETS, PolicyFloor, WhenOverwhelmed, WhenPadNotApplicable
from edge.contracts.enums import (
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
)
from edge.contracts.session import SessionStart
from edge.frames.lamp import PointGeometry
from edge.liveness.policy import tighten
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

PASSIVE, ACTIVE = LivenessOperationMode.PASSIVE, LivenessOperationMode.PASSIVE_ACTIVE
NAMED = PolicyFloor(
    when_pad_not_applicable=WhenPadNotApplicable.LIGHT_AND_MOTION, when_overwhelmed=WhenOverwhelmed.MOTION
)
LAMP = {"band": "infrared", "intensity": 1.0, "half_angle": 40, "right": 0.03}
PERSON = {"kind": "person", "face": "openpeople:P002", "distance": 0.5}
PRINT = {"kind": "print", "photo": "openpeople:P001", "width": 0.29, "distance": 0.5}
TABLET = {"kind": "screen", "device": "tablet", "photo": "openpeople:P002", "luminance": 400, "distance": 0.35}


def terminal(models, subject, *, lux=2000, light="daylight", lamp=LAMP):
    scene = Scene.model_validate(
        {
            "title": "a test",
            "surroundings": {"ambient": {"lux": lux, "light": light}},
            "terminal": {"camera": {"spectrum": "ir_pass"}, "illuminator": lamp},
            "subjects": [subject],
        }
    )
    return SimulatedTerminal([lambda: build(scene, models)])


class Looking(FaceVision):
    """Tells whether networks were asked to judge."""

    def __init__(self, models):
        super().__init__(models)
        self.judged = set()

    def see(self, frame, *, judge=True):
        self.judged.add(judge)
        return super().see(frame, judge=judge)


class Session:
    """One attempt, and what was asked and lit in it."""

    def __init__(self, models, subject=PERSON, *, floor=NAMED, mode=ACTIVE, demanded=(), broken_after=None, **place):
        unit = terminal(models, subject, **place)
        self.outputs, self.prompts, self.vision = [], [], Looking(models)
        put = unit.illuminator.set_output

        def noted(output, now):
            self.outputs.append(output)
            if broken_after is not None and len(self.outputs) == broken_after:
                raise ZeroDivisionError("a fault")
            return put(output, now)

        unit.illuminator.set_output = noted
        devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
        request = SessionStart(
            id="12345678", expires_at=1.0, liveness_operation_mode=mode, required_evidence=tuple(demanded)
        )
        report = SessionRunner(devices, self.vision, lambda: unit.clock).run(
            "0" * 32, tighten(floor, request), mode, on_progress=lambda told: self.prompts.append(told.prompt)
        )
        (self.attempt,) = report.attempts
        self.left_on = unit.illuminator.output()
        self.lasted = unit.clock.now()

    @property
    def decision(self):
        return None if self.attempt.result is None else self.attempt.result.liveness_decision

    @property
    def error(self):
        return None if self.attempt.error is None else self.attempt.error.code

    def finding(self, kind):
        return next(item for item in self.attempt.evidence if item.kind is kind)


def refused(session, because):
    assert session.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert because in session.attempt.error.message
    assert {prompt for prompt in session.prompts if prompt} == {Prompt.NOT_ACCEPTED}
    assert session.lasted == 0.0
    assert max(session.outputs, default=0.0) == 0.0


def test_the_lamp_s_place_is_the_scene_s(models):
    assert terminal(models, PERSON).illuminator.geometry == PointGeometry(0.03, 0.0)
    assert terminal(models, PERSON, lamp=None).illuminator.geometry is None


def test_there_is_no_passive_check_and_nobody_is_asked_for_anything(models):
    refused(Session(models, mode=PASSIVE), "no PAD network can judge")


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_accept_nobody_without_networks(models, preset):
    refused(Session(models, floor=PRESETS[preset]), "accepts nobody without")


def test_without_an_infrared_lamp_there_is_nothing_to_judge_by(models):
    refused(Session(models, lamp=None), "no infrared lamp")


def test_a_white_lamp_is_none_that_the_camera_sees(models):
    refused(Session(models, lamp={"band": "white", "intensity": 20.0}), "no infrared lamp")


def test_a_request_that_demands_networks_is_not_met_by_other_evidence(models):
    refused(Session(models, demanded=[EvidenceKind.PAD]), "demands pad evidence")


@pytest.mark.parametrize(("face", "lux"), [("openpeople:P002", 2000), ("openpeople:P004", 10_000)])
def test_a_person_in_daylight_is_accepted_where_the_site_names_it(models, face, lux):
    session = Session(models, PERSON | {"face": face}, lux=lux)
    assert session.decision is LivenessDecision.REALFACE, session.attempt
    assert session.attempt.decided_by == (EvidenceKind.LIGHT, EvidenceKind.MOTION)
    assert session.finding(EvidenceKind.PAD).outcome is EvidenceOutcome.NOT_APPLICABLE
    assert {EvidenceKind.LIGHT, EvidenceKind.MOTION} <= set(session.attempt.assurance.confirmed)
    assert session.attempt.networks == ()
    assert session.vision.judged == {False}
    assert session.left_on == 0.0
    assert Prompt.SCREEN_WILL_FLASH not in session.prompts


@pytest.mark.parametrize(
    "subject",
    [
        PRINT | {"printer": "laser"},
        {"kind": "bent_print", "photo": "openpeople:P004", "width": 0.29, "radius": 0.12, "distance": 0.45}
        | {"printer": "laser"},
    ],
)
def test_prints_that_are_seen_in_infrared_are_vetoed(models, subject):
    session = Session(models, subject)
    assert session.decision is LivenessDecision.SPOOFFACE, session.attempt
    assert session.finding(EvidenceKind.LIGHT).outcome is EvidenceOutcome.VETO
    assert "a sheet" in session.finding(EvidenceKind.LIGHT).reason


@pytest.mark.parametrize("subject", [PRINT | {"printer": "inkjet"}, TABLET])
def test_dyes_and_screens_show_no_face_in_infrared(models, subject):
    unit = terminal(models, subject)
    vision = FaceVision(models)
    with unit.camera:
        unit.illuminator.set_output(1.0, unit.clock.now())
        seen = [vision.see(unit.camera.read(1.0), judge=False).faces for _ in range(12)]
    assert seen == [0] * 12


def test_where_the_room_has_no_infrared_nothing_is_proved(models):
    session = Session(models, lux=600, light="led")
    assert session.error is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert "too little light to compare" in session.attempt.error.message
    assert session.left_on == 0.0


def test_a_session_that_breaks_off_in_the_code_leaves_no_lamp_on(models):
    session = Session(models, broken_after=5)
    assert session.error is ErrorCode.GENERIC_FAILURE
    assert session.outputs[-1] == 0.0
    assert session.left_on == 0.0
