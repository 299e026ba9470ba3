"""Alternatives through the runner: what happens to the lights, and what a person in front of them is worth then."""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.policy import PRESETS, PolicyFloor, Preset, WhenLightNotMeasured
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    ErrorCode,
    EvidenceKind,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
)
from edge.contracts.session import SessionStart
from edge.frames.frame import Exposure, Tone
from edge.hardware.null import NullAmbientSensor, NullIlluminator, NullScreen
from edge.hardware.ports import CameraTraits
from edge.liveness.policy import tighten
from edge.session.clock import FrameClock
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision
from tests.session.scripted import Lux, ScriptedCamera, ScriptedVision, SlowBacklight, frames

WITHOUT_FLASH, WITHOUT_MOVEMENT = Alternative
PASSIVE, ACTIVE = LivenessOperationMode
BY_NETWORKS = PolicyFloor(
    allow_alternatives=tuple(Alternative),
    require_without_flash=(EvidenceKind.PAD,),
    when_light_not_measured=WhenLightNotMeasured.PASSIVE,
)
# As large as the face that scripted vision finds.
GREY = np.full((160, 160, 3), 90, np.uint8)
FIXED = settings(derandomize=True, database=None, deadline=None, max_examples=60)


class LockingCamera(ScriptedCamera):
    """Says when its rows were exposed and holds its exposure, so that light could be measured on the face."""

    traits = CameraTraits("scripted", CaptureKind.SIMULATED, exposure_metadata=True)

    def lock(self, flicker_period, longer): ...

    def unlock(self): ...


class Dimmable(SlowBacklight):
    available = True


class Watched:
    """Everything that is done to the lights, in order."""

    def __init__(self, devices):
        self.done = []
        backlight, screen, illuminator = devices.backlight, devices.screen, devices.illuminator
        self._note(backlight, "set_level", lambda level: level)
        self._note(backlight, "restore", lambda: "restored")
        self._note(screen, "show_pattern", lambda pattern: pattern)
        self._note(illuminator, "set_output", lambda output: ("illuminator", output) if output else None)

    def _note(self, device, name, told):
        called = getattr(device, name)

        def noted(*arguments):
            what = told(*arguments[:-1])
            if what is not None:
                self.done.append(what)
            return called(*arguments)

        setattr(device, name, noted)

    @property
    def changes(self):
        """Without what leaves the lights as they were."""
        return [one for n, one in enumerate(self.done) if n == 0 or one != self.done[n - 1]]


def request(mode, alternative, attempts=1):
    return SessionStart(
        id="12345678",
        expires_at=1.0,
        liveness_operation_mode=mode,
        number_of_client_attempts_allowed=attempts,
        alternative=alternative,
    )


def exposed(one):
    exposure = Exposure(one.captured_at - 0.02, 0.01, 0.0, 1.0)
    return replace(one, pixels=GREY, exposure=exposure, tone=Tone.SRGB, capture=CaptureKind.SIMULATED)


def scripted(count, lux, margin, failures, *, floor, mode, alternative, attempts, **hooks):
    devices = Devices(
        LockingCamera(map(exposed, frames(count))),
        Dimmable(delay=0.1),
        NullIlluminator(),
        NullScreen(),
        NullAmbientSensor() if lux is None else Lux(lux),
    )
    watched = Watched(devices)
    runner = SessionRunner(devices, ScriptedVision(margin, failures), FrameClock)
    report = runner.run("0" * 32, tighten(floor, request(mode, alternative, attempts)), mode, **hooks)
    return report, watched


@FIXED
@given(
    count=st.integers(0, 150),
    lux=st.sampled_from([None, 30.0, 900.0, 50_000.0]),
    margin=st.sampled_from([3.0, -3.0]),
    failures=st.sampled_from([(), (), (QualityFailure.MOVING,)]),
    mode_and_floor=st.sampled_from(
        [(ACTIVE, PRESETS[Preset.KIOSK]), (ACTIVE, BY_NETWORKS), (PASSIVE, BY_NETWORKS)],
    ),
    attempts=st.integers(1, 3),
)
def test_without_flash_the_light_goes_up_once_and_is_put_back_and_nothing_else_changes(
    count, lux, margin, failures, mode_and_floor, attempts
):
    mode, floor = mode_and_floor
    report, watched = scripted(
        count, lux, margin, failures, floor=floor, mode=mode, alternative=WITHOUT_FLASH, attempts=attempts
    )
    assert watched.changes == [1.0, "restored"]
    for attempt in report.attempts:
        assert attempt.assurance.alternative is WITHOUT_FLASH
        assert EvidenceKind.LIGHT not in attempt.assurance.confirmed
        assert attempt.assurance.level in {AssuranceLevel.NONE, AssuranceLevel.NETWORKS}


def test_with_flash_the_same_terminal_would_have_gone_dark():
    _, watched = scripted(
        60, 30.0, 3.0, (), floor=PRESETS[Preset.KIOSK], mode=ACTIVE, alternative=WITHOUT_MOVEMENT, attempts=1
    )
    assert 0.0 in watched.changes


def test_without_flash_several_attempts_are_one_stretch_of_light():
    report, watched = scripted(
        150, 30.0, -3.0, (), floor=BY_NETWORKS, mode=PASSIVE, alternative=WITHOUT_FLASH, attempts=3
    )
    assert len(report.attempts) == 3
    assert watched.done[:3] == [1.0, 1.0, 1.0]
    assert watched.changes == [1.0, "restored"]


@pytest.mark.parametrize(("lux", "level"), [(30.0, LightLevel.DIM), (900.0, LightLevel.BRIGHT)])
def test_without_flash_lux_tells_the_light_and_the_reason_says_why(lux, level):
    report, _ = scripted(60, lux, 3.0, (), floor=BY_NETWORKS, mode=ACTIVE, alternative=WITHOUT_FLASH, attempts=1)
    (attempt,) = report.attempts
    assert attempt.light_level is level
    assert attempt.light_reason.endswith("no flash, on the requester's word")


def test_without_flash_the_networks_alone_are_the_lowest_level_and_where_they_are_no_passive_way_it_is_refused():
    report, _ = scripted(60, 30.0, 3.0, (), floor=BY_NETWORKS, mode=PASSIVE, alternative=WITHOUT_FLASH, attempts=1)
    assert report.attempts[0].result.liveness_decision is LivenessDecision.REALFACE
    assert report.attempts[0].assurance.level is AssuranceLevel.NETWORKS
    report, _ = scripted(60, 900.0, 3.0, (), floor=BY_NETWORKS, mode=PASSIVE, alternative=WITHOUT_FLASH, attempts=1)
    assert report.attempts[0].error.code is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def simulated(lux, models, alternative, monkeypatch):
    """A session of the kiosk policy with a person who does as asked, always the same challenge."""
    monkeypatch.setattr(secrets, "token_bytes", lambda count: bytes(range(count)))
    scene = Scene.model_validate(
        {
            "title": "a person",
            "terminal": {"camera": {"fps": 12}},
            "surroundings": {"ambient": {"lux": lux, "light": "daylight"}},
            "subjects": [{"kind": "person", "face": "openpeople:P002", "distance": 0.5}],
        }
    )
    unit = SimulatedTerminal([lambda: replace(build(scene, models), raw=False)])
    devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    watched = Watched(devices)
    policy = tighten(PRESETS[Preset.KIOSK], request(ACTIVE, alternative))
    report = SessionRunner(devices, FaceVision(models), lambda: unit.clock).run("0" * 32, policy, ACTIVE)
    return report.attempts[-1], watched


def test_a_person_in_dim_light_who_turns_as_asked_passes_without_flash_at_the_level_motion(models, monkeypatch):
    attempt, watched = simulated(60, models, WITHOUT_FLASH, monkeypatch)
    assert attempt.result.liveness_decision is LivenessDecision.REALFACE, attempt.evidence
    assert attempt.assurance.level is AssuranceLevel.MOTION
    assert attempt.assurance.path is EvidencePath.MOTION_ALONE
    assert watched.changes == [1.0, "restored"]


def test_without_movement_the_light_challenge_is_the_last_and_nobody_is_asked_to_turn():
    told = []
    report, _ = scripted(
        90,
        900.0,
        3.0,
        (),
        floor=PRESETS[Preset.KIOSK],
        mode=ACTIVE,
        alternative=WITHOUT_MOVEMENT,
        attempts=1,
        on_progress=lambda progress: told.append(progress.prompt),
    )
    (attempt,) = report.attempts
    # There is no display to play the code on, so light proves nothing and nothing takes its place.
    assert attempt.result.liveness_decision is LivenessDecision.UNCERTAIN
    assert attempt.decided_by == (EvidenceKind.LIGHT,)
    assert attempt.assurance.path is EvidencePath.ACTIVE
    assert Prompt.SCREEN_WILL_FLASH in told
    assert not any(prompt is not None and prompt.startswith("turn_") for prompt in told)
