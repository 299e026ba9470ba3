"""What the demo expects of a session, and what it says when a terminal keeps it waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.contracts.decision import Decision, Provenance
from edge.contracts.enums import (
    CaptureKind,
    ErrorCode,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    SessionStatus,
    TerminalState,
)
from edge.contracts.session import (
    Assurance,
    AttemptError,
    AttemptReport,
    ColorTarget,
    FaceRectangle,
    LivenessResult,
    Targets,
)
from edge.errors import LinkError
from edge.evaluation import demo
from edge.evaluation.demo import DemoReport, DemoRow, DemoScene, Lights, improprieties
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.simulation.scene import Scene

RESULT = LivenessResult(
    liveness_decision=LivenessDecision.SPOOFFACE,
    targets=Targets(color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))),
    digest="a" * 64,
)
AT_REST = Lights(backlight=0.6, illuminator=0.0)


def scene(**sections):
    return Scene.model_validate({"title": "a scene", "expect": {"light_level": "dim"}} | sections)


def decision(error=None, level=LightLevel.DIM, capture=CaptureKind.SIMULATED, about="a scene"):
    return Decision(
        device="demo-terminal",
        site="demo",
        boot_count=1,
        seq=1,
        session_id="0" * 32,
        liveness_operation_mode=LivenessOperationMode.PASSIVE,
        user_correlation_id=about,
        capture=capture,
        issued_at=1_700_000_000.0,
        attempt=AttemptReport(
            attempt_id=1,
            attempt_status=SessionStatus.FAILED if error else SessionStatus.SUCCEEDED,
            result=None if error else RESULT,
            error=AttemptError(code=error, message="so it is") if error else None,
            light_level=level,
            light_reason="measured",
            assurance=Assurance(confirmed=(), frames_judged=5, temporal=True),
            duration_seconds=1.5,
        ),
        last_attempt=True,
        provenance=Provenance(models={}, config="c" * 64, policy="kiosk", software="0"),
    )


def test_a_session_that_goes_as_expected_has_nothing_improper_whatever_was_decided():
    assert improprieties(decision(), AT_REST, scene()) == []
    bright = scene(expect={"light_level": "bright", "error": "EnvironmentNotSupported"})
    refused = decision(ErrorCode.ENVIRONMENT_NOT_SUPPORTED, LightLevel.BRIGHT)
    assert improprieties(refused, AT_REST, bright) == []


@pytest.mark.parametrize(
    ("given", "lights", "sections", "said"),
    [
        ({"level": LightLevel.BRIGHT}, AT_REST, {}, "light level bright, not dim"),
        ({"error": ErrorCode.TIMED_OUT}, AT_REST, {}, "it ended with TimedOut, not a decision"),
        ({}, AT_REST, {"expect": {"error": "TimedOut"}}, "it ended with a decision, not TimedOut"),
        ({"error": ErrorCode.CAMERA_STARTUP_FAILURE}, AT_REST, {"expect": None}, "the terminal failed"),
        ({"capture": CaptureKind.LIVE}, AT_REST, {}, "capture live"),
        ({"about": "another"}, AT_REST, {}, "another session"),
        ({}, Lights(1.0, 0.0), {}, "backlight 1.0, not 0.6"),
        ({}, Lights(0.6, 0.4), {}, "illuminator 0.4, not 0"),
        ({}, AT_REST, {"terminal": {"display": None}}, "backlight 0.6, not None"),
        ({}, None, {}, "did not say"),
    ],
)
def test_what_is_not_as_expected_is_said(given, lights, sections, said):
    found = improprieties(decision(**given), lights, scene(**sections))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(("label", "proper"), [("attack", True), ("bonafide", False)])
def test_an_attack_that_does_not_turn_is_refused_by_that_and_a_person_turns(label, proper):
    species = {"pai_species": "print"} if label == "attack" else {}
    shown = scene(presentation={"label": label, **species})
    assert (improprieties(decision(ErrorCode.HEAD_TURN_NOT_PERFORMED), AT_REST, shown) == []) is proper


def test_without_an_expectation_any_answer_to_a_person_is_proper():
    for given in ({"error": ErrorCode.TIMED_OUT}, {"level": LightLevel.BRIGHT}, {}):
        assert improprieties(decision(**given), AT_REST, scene(expect=None)) == []


def row(problems=(), **presentation):
    shown = DemoScene(Path("a.yaml"), scene(presentation=presentation or None))
    return DemoRow(shown, decision(), ("passive",), AT_REST, problems)


def test_who_was_there_is_told_apart_from_how_it_went():
    attack, person, nobody = row(label="attack", pai_species="print"), row(label="bonafide"), row()
    assert (attack.right, person.right, nobody.right) == (True, False, True)
    report = DemoReport((attack, person, nobody), ())
    assert report.proper
    assert report.figures.bpcer.errors == 1
    assert report.figures.apcer["print"].errors == 0
    assert not DemoReport((attack, row(("no decision came",))), ()).proper
    assert not DemoReport((attack,), ("the terminal ended with 1 after SIGTERM",)).proper
    assert not DemoReport((), ()).proper


def test_a_state_that_never_comes_is_named(monkeypatch, tmp_path):
    pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")
    monkeypatch.setattr(demo, "START_SECONDS", 0.1)
    with EmbeddedBroker() as broker:
        terminal = demo._Terminal(tmp_path, LinkOptions(broker.host, broker.port), {})
        with pytest.raises(LinkError, match="disconnected"):
            asyncio.run(terminal.wait_for(TerminalState.DISCONNECTED))
