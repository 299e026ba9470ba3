"""Frames to train on: the camera and the pose must not tell a live face from an attack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from presentation import draw_capture
from synthesis import SPECIES, load_backgrounds, load_portraits, make, split

from edge.vision.detector import Detector
from tests.vision.scene import frame_of

SEEDS = range(3)
SETTLED = ("camera", "blur", "motion", "gain", "quality", "target", "face")


@pytest.fixture(scope="module")
def frames(pictures: Path, cache: Path):
    """By species and seed."""
    portraits, backgrounds = load_portraits(pictures, cache), load_backgrounds(pictures)
    return {
        (species, seed): make(portraits[seed % len(portraits)], backgrounds, np.random.default_rng(seed), species)
        for species in SPECIES
        for seed in SEEDS
    }


def test_the_same_seed_gives_the_same_frame(frames, pictures: Path, cache: Path):
    portraits, backgrounds = load_portraits(pictures, cache), load_backgrounds(pictures)
    for species in ("bonafide", "print_held", "screen_phone"):
        again = make(portraits[1], backgrounds, np.random.default_rng(1), species)
        assert np.array_equal(again.pixels, frames[species, 1].pixels)
        assert again.box == frames[species, 1].box


def test_the_capture_is_the_same_whatever_is_presented(frames):
    for (species, seed), frame in frames.items():
        live = frames["bonafide", seed]
        assert {key: frame.details[key] for key in SETTLED} == {key: live.details[key] for key in SETTLED}, species
        assert frame.pixels.shape == live.pixels.shape
        middle = [box[0] + box[2] / 2 for box in (frame.box, live.box)]
        assert middle[0] == pytest.approx(middle[1], abs=0.06 * live.box[2])
        assert frame.box[2] == pytest.approx(live.box[2], rel=0.12)


def test_no_detail_of_a_live_frame_is_missing_from_attacks(frames):
    live = set(frames["bonafide", 0].details)
    assert all(live <= set(frame.details) for frame in frames.values())


def test_labels_are_those_of_the_species(frames):
    assert all((frame.label == "bonafide") == (species == "bonafide") for (species, _), frame in frames.items())
    assert {frame.species for frame in frames.values()} == {species for species, _ in frames}


def test_no_frame_is_empty_black_or_white(frames):
    for key, frame in frames.items():
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.ndim == 3
        assert frame.pixels.std() > 8, key
        assert 15 < frame.pixels.mean() < 240, key
        assert min(frame.pixels.shape[:2]) >= 190


def test_the_detector_finds_the_face_where_the_frame_says(frames, detector: Detector):
    found = []
    for frame in frames.values():
        left, top, width, height = frame.box
        for face in detector.find(frame_of(frame.pixels)):
            off = np.hypot(
                face.box.left + face.box.width / 2 - left - width / 2,
                face.box.top + face.box.height / 2 - top - height / 2,
            )
            if off < 0.25 * width and 0.75 < face.box.width / width < 1.35:
                found.append(frame)
                break
    assert len(found) >= 0.85 * len(frames)


def test_an_unknown_species_is_refused_with_the_choices(pictures: Path, cache: Path):
    portraits = load_portraits(pictures, cache)
    with pytest.raises(ValueError, match="print_held"):
        make(portraits[0], load_backgrounds(pictures), np.random.default_rng(0), "hologram")


def test_camera_and_pose_do_not_depend_on_what_is_drawn_later(pictures: Path, cache: Path):
    """Medians over many captures of one person and another are those of one distribution."""
    portraits = load_portraits(pictures, cache)
    captures = [draw_capture(portraits[0], np.random.default_rng(seed)) for seed in range(400)]
    others = [draw_capture(portraits[1], np.random.default_rng(1000 + seed)) for seed in range(400)]
    for value in (lambda c: c.camera.target, lambda c: c.camera.qualities[0], lambda c: c.x / c.camera.width):
        a, b = np.array([value(c) for c in captures]), np.array([value(c) for c in others])
        error = np.hypot(a.std(), b.std()) / np.sqrt(400)
        assert abs(a.mean() - b.mean()) < 4 * error


def test_people_are_in_one_half_only_and_about_an_eighth_validates():
    halves = [split(f"person_{n}") for n in range(4000)]
    assert halves == [split(f"person_{n}") for n in range(4000)]
    assert 0.10 < halves.count("validation") / 4000 < 0.14
