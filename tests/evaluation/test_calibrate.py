"""A site's shift, against cases worked by hand and an independent sampling of the same model."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from edge.errors import InputError, ModelError
from edge.evaluation.calibrate import (
    Capture,
    LiveCaptor,
    Witness,
    check_references,
    estimate,
    find_recordings,
    write_calibration,
)
from edge.inference.calibration import read_calibration
from edge.liveness.evidence import PadScore
from edge.session.clock import FrameClock
from edge.terminal.assembly import unlit
from tests.inference.calibrations import CAMERA
from tests.session.scripted import ScriptedCamera, ScriptedVision, frame, frames
from tests.vision.scene import pad_manifest

SHA, OTHER = "ab" * 32, "cd" * 32
REFERENCE = {"bonaFideLocation": 4.0, "bonaFideSpread": 2.0}


def network(sha256=SHA, **pad):
    values = {"liveIndex": 1, "threshold": 0.5, "thresholdFrom": "a test"} | REFERENCE | pad
    return pad_manifest(sha256=sha256, pad=values)


def captures(*margins, sha256=SHA):
    """One for each person."""
    return [Capture(f"p{number}", ((sha256, margin),), 8) for number, margin in enumerate(margins)]


def test_the_shift_by_hand():
    # Median 6; median absolute deviation 1, so 1.4826 < 2 between persons; k = pi/2 with no cameraSpread.
    (found,) = estimate(captures(5.0, 6.0, 7.0, 4.0, 8.0), [network()]).networks

    assert found.location == 6.0
    assert found.shrink == pytest.approx(5 / (5 + math.pi / 2))
    assert found.shift == pytest.approx(2.0 * 5 / (5 + math.pi / 2))


def test_the_shift_is_in_logits_of_the_file_where_margins_are_in_units_of_its_spread():
    (plain,) = estimate(captures(5.0, 6.0, 7.0), [network()]).networks
    (spread,) = estimate(captures(5.0, 6.0, 7.0), [network(spread=3.0)]).networks

    assert spread.shift == pytest.approx(3 * plain.shift)


def test_cameras_that_differ_more_are_shrunk_less_and_people_who_differ_more_are_believed_less():
    def shrink(*margins, **pad):
        return estimate(captures(*margins), [network(**pad)]).networks[0].shrink

    alike = (6.0, 6.1, 6.2, 6.3, 6.4)
    assert shrink(*alike, cameraSpread=4.0) == pytest.approx(5 / (5 + math.pi / 8))
    # Median absolute deviation 4: 1.4826 * 4 between the persons here, 2 between those of the reference.
    assert shrink(2.0, 4.0, 8.0, 12.0, 14.0) == pytest.approx(5 / (5 + math.pi / 2 * (1.4826 * 4 / 2) ** 2))
    assert shrink(*alike) < shrink(*alike, *alike[::-1], 6.2)


def test_one_odd_person_moves_the_shift_no_further_than_the_next():
    usual = estimate(captures(6.0, 6.1, 6.2, 6.3, 6.4), [network()])
    odd = estimate(captures(6.0, 6.1, 6.2, 6.3, -16.0), [network()])

    assert abs(odd.networks[0].location - usual.networks[0].location) <= 0.1 + 1e-9


def test_the_shrunken_shift_errs_less_than_the_bare_one_and_less_than_none():
    """The model's own claim (Efron and Morris), by sampling: cameras by c, persons by s, eight persons each."""
    random = np.random.default_rng(7)
    bare, shrunk, none = [], [], []
    for _ in range(400):
        truth = random.normal(0, 1.0)
        margins = random.normal(4 + truth, 2.0, 8)
        (found,) = estimate(captures(*margins.tolist()), [network(cameraSpread=1.0)]).networks
        bare.append((found.location - 4 - truth) ** 2)
        shrunk.append((found.shift - truth) ** 2)
        none.append(truth**2)
    assert np.mean(shrunk) < np.mean(bare)
    assert np.mean(shrunk) < np.mean(none)


def test_a_person_counts_once_however_often_captured():
    often = [Capture("p9", ((SHA, 40.0),), 8)] * 20
    people = estimate([*captures(5.0, 6.0, 7.0), *often], [network()])

    assert (people.people, people.frames) == (4, 23 * 8)
    assert people.networks[0].location == 6.5


def test_five_persons_without_a_refusal_leave_a_bpcer_of_up_to_52_percent():
    bound = estimate(captures(5.0, 6.0, 7.0, 6.0, 6.0), [network()]).after

    assert (bound.errors, bound.n) == (0, 5)
    assert bound.high == pytest.approx(0.522, abs=5e-4)
    assert bound.high == pytest.approx(binomtest(0, 5).proportion_ci(0.95, method="exact").high)


def test_who_would_be_refused_is_counted_by_persons_at_the_shifted_threshold():
    result = estimate(captures(10.0, 10.0, 10.0, 10.0, 3.0), [network()])

    shift = 6.0 * 5 / (5 + math.pi / 2)
    assert result.networks[0].shift == pytest.approx(shift)
    assert 3.0 < shift < 10.0
    assert (result.before.errors, result.after.errors) == (0, 1)
    assert estimate(captures(10.0, 10.0, 10.0, 10.0, 3.0), [network()], pad_margin=3.5).before.errors == 1


def test_networks_are_joined_as_a_session_joins_them():
    both = [Capture(f"p{n}", ((SHA, 4.0), (OTHER, -2.0)), 8) for n in range(3)]
    heavy = [network(weight=1.0), network(OTHER, weight=3.0, bonaFideLocation=-2.0)]

    # (4 - 6) / 4 < 0, and no shift: both lie on their references.
    assert estimate(both, heavy).after.errors == 3
    assert estimate(both, [network(weight=3.0), heavy[1]]).after.errors == 0


def test_a_camera_that_needs_less_than_the_floor_is_unsuitable_and_gets_no_calibration():
    dark = captures(1.0, 1.0, 1.0, 1.0, 1.0)
    needed = -3.0 * 5 / (5 + math.pi / 2)
    floor = 1 / (1 + math.exp(-needed))

    assert not estimate(dark, [network()]).suits
    assert not estimate(dark, [network(lowestThreshold=floor + 1e-6)]).suits
    assert estimate(dark, [network(lowestThreshold=floor - 1e-6)]).suits
    with pytest.raises(ValueError, match="does not suit"):
        estimate(dark, [network()]).calibration(CAMERA, datetime.date(2026, 5, 4))


def test_an_unsuitable_camera_is_told_with_the_key_that_could_allow_it():
    dark = captures(1.0, 1.0, 1.0, 1.0, 1.0)
    (bare,) = estimate(dark, [network()]).networks
    (floored,) = estimate(dark, [network(lowestThreshold=0.25)]).networks
    (suits,) = estimate(dark, [network(lowestThreshold=0.01)]).networks

    assert bare.problem == (
        "scripted would need the threshold 0.0926, below its own 0.5000; "
        "its manifest states no pad.lowestThreshold, so it may only rise"
    )
    assert floored.problem.endswith("below the pad.lowestThreshold 0.2500 of its manifest")
    assert suits.problem is None


def test_one_network_below_its_floor_makes_the_camera_unsuitable():
    mixed = [Capture(f"p{n}", ((SHA, 9.0), (OTHER, 1.0)), 8) for n in range(5)]

    assert not estimate(mixed, [network(), network(OTHER)]).suits


def test_raising_has_no_bound_but_shrinkage():
    high = estimate(captures(*[16.0] * 5), [network()])

    assert high.suits
    assert high.networks[0].threshold > 0.999


def test_what_is_estimated_is_what_is_written(tmp_path):
    result = estimate(captures(5.0, 6.0, 7.0), [network(lowestThreshold=0.25)])
    write_calibration(tmp_path / "site.yaml", result.calibration(CAMERA, datetime.date(2026, 5, 4)))

    read = read_calibration(tmp_path / "site.yaml")
    assert read.shift(SHA) == result.networks[0].shift
    assert (read.people, read.frames, read.camera, read.models[0].floor) == (3, 24, CAMERA, 0.25)


def test_a_network_without_a_reference_cannot_be_calibrated():
    bare = pad_manifest()

    with pytest.raises(ModelError, match="scripted cannot be calibrated"):
        check_references([network(), bare])
    with pytest.raises(ModelError, match="bonaFideLocation"):
        estimate(captures(1.0, 2.0, 3.0), [bare])
    check_references([network()])


def test_two_persons_are_too_few():
    with pytest.raises(InputError, match="2 bona fide persons could be judged"):
        estimate(captures(5.0, 6.0), [network()])


def test_a_live_capture_keeps_margins_of_one_session_and_of_the_next_apart():
    vision = ScriptedVision(margin=3.0)
    camera = ScriptedCamera(frames(40))
    captor = LiveCaptor(unlit(camera), vision, FrameClock)

    first = captor.capture("anna")
    camera.script, vision.margin = iter(frames(40)), 5.0
    second = captor.capture("bert")

    assert first == Capture("anna", (("0" * 64, 3.0),), 8)
    assert second == Capture("bert", (("0" * 64, 5.0),), 8)


def test_a_session_in_which_nobody_could_be_judged_says_why():
    captor = LiveCaptor(unlit(ScriptedCamera([])), ScriptedVision(), FrameClock)

    with pytest.raises(InputError, match="anna: "):
        captor.capture("anna")


def test_another_face_in_the_same_session_drops_the_one_before():
    class Changing(ScriptedVision):
        def see(self, seen, *, judge=True):
            evidence = super().see(seen, judge=judge)
            number = 1 if seen.sequence < 3 else 2
            pad = (PadScore("net", "0" * 64, float(number)),)
            return type(evidence)(
                **{name: getattr(evidence, name) for name in evidence.__slots__} | {"track": number, "pad": pad}
            )

    witness = Witness(Changing())
    for number in range(6):
        witness.see(frame(number))

    assert witness.take("anna", 8) == Capture("anna", (("0" * 64, 2.0),), 3)
    assert witness.take("anna", 8) is None


def test_in_a_folder_each_persons_pictures_videos_and_sequences_are_presentations(tmp_path):
    for name in ("anna/1.jpg", "anna/2.PNG", "anna/clip.mp4", "anna/notes.txt", "bert/walk/1.jpg", ".hidden/1.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "loose.jpg").touch()

    found = find_recordings(tmp_path)

    assert [(person, paths[0].name) for person, paths in found.presentations] == [
        ("anna", "1.jpg"),
        ("anna", "2.PNG"),
        ("anna", "clip.mp4"),
        ("bert", "walk"),
    ]


def test_a_folder_without_persons_is_told(tmp_path):
    (tmp_path / "1.jpg").touch()
    with pytest.raises(InputError, match="no folder with pictures"):
        find_recordings(tmp_path)


def test_of_an_index_attacks_are_left_out_and_counted(tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("path,label,pai_species,subject\na.jpg,bonafide,,anna\nb.jpg,attack,print,anna\n")

    found = find_recordings(index)

    assert found.presentations == (("anna", (tmp_path / "a.jpg",)),)
    assert found.attacks == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a.jpg,bonafide,,\n", "bona fide without a subject: a.jpg"),
        ("a.jpg,attack,print,anna\n", "no bona fide row"),
    ],
)
def test_an_index_that_names_no_persons_is_refused(tmp_path, rows, said):
    index = tmp_path / "index.csv"
    index.write_text("path,label,pai_species,subject\n" + rows)

    with pytest.raises(InputError, match=said):
        find_recordings(index)
