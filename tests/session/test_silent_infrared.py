"""Passive sessions in bright light before a camera that sees infrared over visible light, with an infrared lamp."""

from __future__ import annotations

from itertools import pairwise

import cv2
import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import (
    AssuranceLevel,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
)
from edge.evaluation.replay import policy_for
from edge.liveness.plans import Direction
from edge.session.light_code import SILENT_OUTPUT
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

PASSIVE = LivenessOperationMode.PASSIVE
LAMP = {"band": "infrared", "intensity": 1.0, "half_angle": 40, "right": 0.03}
PERSON = {"kind": "person", "face": "openpeople:P003", "distance": 0.5}
PRINT = {"kind": "print", "photo": "openpeople:P001", "width": 0.29, "distance": 0.45}


class Looking(FaceVision):
    """Keeps when the frames were exposed that networks judged in settled light, seconds."""

    def __init__(self, models):
        super().__init__(models)
        self.judged = []

    def see(self, frame, *, judge=True):
        if judge and frame.light.settled:
            end = frame.exposure.start + frame.height * frame.exposure.line_time + frame.exposure.duration
            self.judged.append((frame.exposure.start, end))
        return super().see(frame, judge=judge)


class Session:
    """One Passive attempt under the policy of a door."""

    def __init__(self, models, subject, *, lux=1000, lamp=LAMP, broken_after=None):
        scene = Scene.model_validate(
            {
                "title": "a test",
                "surroundings": {"ambient": {"lux": lux, "light": "daylight"}},
                "terminal": {"camera": {"spectrum": "noir"}, "illuminator": lamp},
                "subjects": [subject],
            }
        )
        unit = SimulatedTerminal([lambda: build(scene, models)])
        self.outputs, self.prompts, self.vision = [], [], Looking(models)
        put = unit.illuminator.set_output

        def noted(output, now):
            self.outputs.append((now, output))
            if broken_after is not None and len(self.outputs) == broken_after:
                raise ZeroDivisionError("a fault")
            return put(output, now)

        unit.illuminator.set_output = noted
        devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
        report = SessionRunner(devices, self.vision, lambda: unit.clock).run(
            "0" * 32,
            policy_for(PRESETS[Preset.DOOR], PASSIVE),
            PASSIVE,
            on_progress=lambda told: self.prompts.append(told.prompt),
        )
        (self.attempt,) = report.attempts
        self.left_on = unit.illuminator.output()

    @property
    def lit(self):
        """Seconds from which until which the lamp was on."""
        changes = [*self.outputs, (float("inf"), 0.0)]
        return [(now, then) for (now, output), (then, _) in pairwise(changes) if output]

    def finding(self, kind):
        return next(item for item in self.attempt.evidence if item.kind is kind)


@pytest.fixture(scope="module")
def person(models):
    return Session(models, PERSON)


def test_a_person_is_accepted_without_being_asked_for_anything(person):
    assert person.attempt.result.liveness_decision is LivenessDecision.REALFACE, person.attempt
    assert set(person.attempt.decided_by) == {EvidenceKind.PAD, EvidenceKind.LIGHT}
    assert person.attempt.assurance.level is AssuranceLevel.LIGHT
    assert "of a head's shape" in person.finding(EvidenceKind.LIGHT).reason
    asked = {direction.prompt for direction in Direction} | {Prompt.SCREEN_WILL_FLASH}
    assert not asked.intersection(person.prompts)


def test_the_lamp_is_lit_at_a_share_of_its_output_and_off_afterwards(person):
    assert max(output for _, output in person.outputs) == SILENT_OUTPUT
    assert person.left_on == 0.0


def test_no_network_judges_a_frame_that_the_lamp_lit(person):
    assert person.lit
    last = max(until for _, until in person.lit)
    assert min(begin for begin, _ in person.vision.judged) < person.lit[0][0]
    assert max(end for _, end in person.vision.judged) > last
    assert not [
        (begin, end) for begin, end in person.vision.judged for on, off in person.lit if begin < off and on < end
    ]


@pytest.mark.parametrize(
    ("subject", "shape"),
    [(PRINT | {"printer": "inkjet"}, "dye"), (PRINT | {"printer": "laser"}, "carbon")],
)
def test_prints_are_vetoed_whether_infrared_shows_what_is_printed_or_not(models, subject, shape):
    session = Session(models, subject)
    assert session.attempt.result.liveness_decision is LivenessDecision.SPOOFFACE, session.attempt
    light = session.finding(EvidenceKind.LIGHT)
    assert light.outcome is EvidenceOutcome.VETO, shape
    assert "a sheet: infrared shows" in light.reason
    assert session.left_on == 0.0


def test_an_infrared_photograph_in_carbon_is_no_head(models, tmp_path):
    """Its printed shading is that of this very lamp."""
    scene = Scene.model_validate(
        {
            "title": "a photographer",
            "surroundings": {"ambient": {"lux": 1, "light": "daylight"}},
            "terminal": {"camera": {"spectrum": "ir_pass"}, "illuminator": LAMP},
            "subjects": [PERSON | {"distance": 0.4}],
        }
    )
    unit = SimulatedTerminal([lambda: build(scene, models)])
    with unit.camera:
        unit.illuminator.set_output(1.0, unit.clock.now())
        pictures = [unit.camera.read(1.0).pixels for _ in range(25)]
    photo = tmp_path / "infrared.png"
    assert cv2.imwrite(str(photo), cv2.resize(pictures[-1], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    session = Session(models, PRINT | {"photo": str(photo), "width": 0.42, "printer": "laser", "distance": 0.55})
    assert session.finding(EvidenceKind.LIGHT).outcome is not EvidenceOutcome.CONFIRMED
    assert "infrared shows" in session.finding(EvidenceKind.LIGHT).reason
    assert session.attempt.result.liveness_decision is not LivenessDecision.REALFACE


@pytest.mark.parametrize("lamp", [None, LAMP | {"band": "white", "intensity": 20.0}])
def test_without_an_infrared_lamp_it_is_too_bright_for_a_passive_check(models, lamp):
    session = Session(models, PERSON, lamp=lamp)
    assert session.attempt.error.code is ErrorCode.ENVIRONMENT_NOT_SUPPORTED
    assert "too bright for a passive check" in session.attempt.error.message
    assert max((output for _, output in session.outputs), default=0.0) == 0.0


def test_a_session_that_breaks_off_in_the_silent_code_leaves_no_lamp_on(models):
    session = Session(models, PERSON, broken_after=4)
    assert session.attempt.error.code is ErrorCode.GENERIC_FAILURE
    assert session.left_on == 0.0
