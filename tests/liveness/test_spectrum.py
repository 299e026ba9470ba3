"""What may be judged, by the camera's filters and the light that is on."""

from __future__ import annotations

from itertools import product

import pytest

from edge.contracts.enums import EvidenceKind, Spectrum
from edge.liveness.spectrum import PERMITTED, USUAL, Means, OwnLight, means

PAD, LIGHT, MOTION, _ = EvidenceKind


def test_every_camera_and_light_is_in_the_table():
    assert set(PERMITTED) == set(product(Spectrum, OwnLight))


def test_movement_may_be_judged_in_any_light():
    assert all(MOTION in kinds for kinds in PERMITTED.values())


def test_networks_judge_no_picture_that_infrared_of_ours_is_seen_in():
    seeing = {(spectrum, light) for (spectrum, light), kinds in PERMITTED.items() if PAD in kinds}
    assert (Spectrum.NOIR, OwnLight.INFRARED) not in seeing
    assert not any(spectrum is Spectrum.IR_PASS for spectrum, _ in seeing)


def test_no_light_tells_a_shape_to_a_camera_that_does_not_see_it():
    assert LIGHT not in PERMITTED[Spectrum.IR_CUT, OwnLight.INFRARED]
    assert LIGHT not in PERMITTED[Spectrum.IR_PASS, OwnLight.DISPLAY]
    assert LIGHT not in PERMITTED[Spectrum.IR_PASS, OwnLight.WHITE]


def test_a_silent_code_is_played_only_where_networks_judge_between_and_never_asked_for():
    for spectrum, lights in product(Spectrum, [{OwnLight.INFRARED}, {OwnLight.DISPLAY}, set(OwnLight)]):
        told = means(spectrum, lights)
        assert told.silent in {OwnLight.NONE, OwnLight.INFRARED}
        assert told.silent is OwnLight.NONE or (told.networks and told.code is not OwnLight.INFRARED)


@pytest.mark.parametrize(
    ("spectrum", "lights", "told"),
    [
        (Spectrum.IR_CUT, {OwnLight.DISPLAY, OwnLight.INFRARED}, USUAL),
        (Spectrum.NOIR, {OwnLight.DISPLAY, OwnLight.INFRARED}, Means(silent=OwnLight.INFRARED)),
        (Spectrum.NOIR, {OwnLight.DISPLAY, OwnLight.WHITE}, USUAL),
        (Spectrum.NOIR, {OwnLight.INFRARED}, Means(code=OwnLight.NONE, silent=OwnLight.INFRARED)),
        (Spectrum.IR_PASS, {OwnLight.DISPLAY, OwnLight.INFRARED}, Means(networks=False, code=OwnLight.INFRARED)),
        (Spectrum.IR_PASS, {OwnLight.DISPLAY, OwnLight.WHITE}, Means(networks=False, code=OwnLight.NONE)),
    ],
)
def test_a_terminal_plays_the_code_that_its_camera_can_judge(spectrum, lights, told):
    assert means(spectrum, lights) == told
