from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.enums import Prompt
from edge.liveness.plans import Direction
from edge.simulation.face_texture import Skin, plain_skin
from edge.simulation.head import Anthropometry, parametric_head
from edge.simulation.optics import Pinhole, turn
from edge.simulation.person import Person, Place
from edge.simulation.turns import minimum_jerk
from edge.vision.pose import pose_of_rotation

HEAD = parametric_head(Anthropometry())
SKIN = Skin(tuple(plain_skin() for _ in range(5)))
CAMERA = Pinhole(320, 240, 300.0)


def person(seed: int = 0, place: Place | None = None) -> Person:
    return Person(HEAD, SKIN, np.random.default_rng(seed), place)


def angles(someone: Person, now: float) -> tuple[float, float]:
    # pose_of_rotation takes the face's axes; a head's own have x to its left, y down and z to its back, as they do.
    rotation = someone.layers(now)[-1].pose.rotation
    pose = pose_of_rotation(rotation @ np.diag([1.0, -1.0, -1.0]))
    return pose.yaw, pose.pitch


def face(someone: Person, now: float) -> np.ndarray:
    layer = someone.layers(now)[-1]
    return layer.pose.rotation @ HEAD.face + layer.pose.position


def closed(someone: Person, now: float) -> int:
    return SKIN.materials.index(someone.layers(now)[-1].material)


def test_the_face_is_at_its_place_and_looks_into_the_lens():
    place = Place(distance=0.6, right=0.12, down=0.05)
    someone = person(place=place)
    times = np.linspace(0, 60, 200)
    faces = np.array([face(someone, now) for now in times])
    assert faces.mean(axis=0) == pytest.approx([0.12, 0.05, 0.6], abs=0.006)
    ahead = np.mean([someone.layers(now)[-1].pose.rotation @ [0.0, 0.0, -1.0] for now in times], axis=0)
    towards = -np.array([0.12, 0.05, 0.6]) / np.linalg.norm([0.12, 0.05, 0.6])
    assert np.degrees(np.arccos(ahead @ towards / np.linalg.norm(ahead))) < 1.0


def test_standing_still_is_millimetres_of_sway_and_never_a_jump():
    someone = person(1)
    faces = np.array([face(someone, now) for now in np.arange(0, 60, 1 / 30)])
    assert 0.001 < np.linalg.norm(faces.std(axis=0)) < 0.012
    assert np.linalg.norm(np.diff(faces, axis=0), axis=1).max() < 0.002


def test_shoulders_rise_at_the_rate_of_breathing():
    someone = person(2)
    times = np.arange(0, 120, 0.1)
    above = [someone.layers(now)[0].pose.position[1] - face(someone, now)[1] for now in times]
    power = np.abs(np.fft.rfft(above - np.mean(above)))
    assert 0.19 < np.fft.rfftfreq(len(times), 0.1)[power.argmax()] < 0.31


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), times=st.lists(st.floats(0, 30), min_size=2, max_size=6))
def test_time_may_go_back_and_a_seed_is_a_person(seed, times):
    first, again = person(seed), person(seed)
    for someone in (first, again):
        someone.told(Prompt.TURN_LEFT, 3.0)
    before = [first.layers(now)[-1] for now in times]
    after = [again.layers(now)[-1] for now in reversed(times)][::-1]
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.pose.rotation, other.pose.rotation)
        assert np.array_equal(one.pose.position, other.pose.position)
        assert one.material is other.material


def test_blinks_come_every_few_seconds_and_are_short():
    step = 0.01
    shut, begins, long = [], [], []
    for seed in range(6):
        someone = person(seed)
        state = np.array([closed(someone, now) for now in np.arange(0, 120, step)])
        edges = np.diff((state > 0).astype(int))
        begins += list(np.diff(np.flatnonzero(edges > 0)) * step)
        full = np.diff(np.flatnonzero(np.diff((state == state.max()).astype(int))))[::2] * step
        long += list(full)
        shut.append((state > 0).mean())
    assert 3.0 < np.mean(begins) < 4.5
    assert 0.35 < np.log(begins).std() < 0.55
    assert 0.1 < np.median(long) < 0.22
    assert np.mean(shut) < 0.1


@pytest.mark.parametrize("direction", list(Direction))
def test_a_turn_goes_where_it_is_asked_to_go(direction):
    someone = person(3)
    rest = angles(someone, 2.0)
    someone.told(direction.prompt, 2.0)
    reached = angles(someone, 4.5)
    yaw, pitch = reached[0] - rest[0], reached[1] - rest[1]
    # Left is the person's own, to the right of the picture, where yaw is positive; up is positive.
    words = direction.value.split("_")
    wanted_yaw = 1 if "left" in words else -1 if "right" in words else 0
    wanted_pitch = 1 if "up" in words else -1 if "down" in words else 0
    assert (yaw * wanted_yaw > 9) if wanted_yaw else abs(yaw) < 4
    assert (pitch * wanted_pitch > 8) if wanted_pitch else abs(pitch) < 4


def test_a_turn_to_the_own_left_moves_the_nose_to_the_right_of_the_picture():
    someone = person(4)
    someone.told(Prompt.TURN_LEFT, 0.0)
    layer = someone.layers(3.0)[-1]
    ahead = layer.pose.rotation @ np.array([0.0, 0.0, -1.0])
    assert ahead[0] > 0.15
    assert np.degrees(np.arcsin(ahead[0])) == pytest.approx(angles(someone, 3.0)[0], abs=1.0)


def test_a_turn_begins_after_a_human_time_is_held_and_ends_with_the_next_prompt():
    reactions = []
    for seed in range(60):
        someone = person(seed)
        someone.told(Prompt.TURN_RIGHT, 1.0)
        rest = angles(someone, 0.99)[0]
        moved = [now for now in np.arange(1.0, 4.0, 0.02) if angles(someone, now)[0] - rest < -4.0]
        reactions.append(moved[0] - 1.0)
        held = [angles(someone, now)[0] for now in (3.5, 6.0, 12.0)]
        assert max(held) < -8
        someone.told(None, 12.0)
        assert abs(angles(someone, 15.0)[0]) < 3.0
    # The first degrees of a movement of half a second take a sixth of a second.
    assert 0.6 < np.median(reactions) < 1.0
    assert min(reactions) > 0.35


def test_the_same_prompt_again_is_no_news_and_a_second_one_interrupts_the_first():
    someone, nagged = person(5), person(5)
    someone.told(Prompt.TURN_LEFT, 1.0)
    for now in (1.0, 1.1, 1.2, 2.5):
        nagged.told(Prompt.TURN_LEFT, now)
    assert angles(someone, 5.0) == angles(nagged, 5.0)
    nagged.told(Prompt.TURN_RIGHT, 1.6)
    path = [angles(nagged, now)[0] for now in np.arange(1.0, 5.0, 1 / 30)]
    assert np.abs(np.diff(path)).max() < 5.0
    assert path[-1] < -8


def test_a_movement_is_smooth_and_fastest_in_its_middle():
    times = np.linspace(-0.5, 1.5, 401)
    done = np.array([minimum_jerk(t) for t in times])
    speed = np.gradient(done, times)
    assert done[[0, -1]] == pytest.approx([0, 1])
    assert times[speed.argmax()] == pytest.approx(0.5, abs=0.01)
    # 15/8 of the mean speed, by the formula's derivative.
    assert speed.max() == pytest.approx(1.875, rel=0.001)


def test_somebody_who_comes_and_goes_is_there_in_between_only():
    someone = person(6, Place(distance=0.5, arrives=2.0, leaves=5.0))
    assert someone.layers(0.9) == ()
    assert someone.layers(6.1) == ()
    assert abs(face(someone, 1.2)[0]) > 0.4
    assert abs(face(someone, 3.5)[0]) < 0.02
    assert abs(face(someone, 5.9)[0]) > 0.4


def test_the_shoulders_are_below_the_head_and_touch_its_neck():
    shoulders, head = person(7).layers(0.0)
    seen = [layer.shape.footprint(layer.pose, CAMERA) for layer in (shoulders, head)]
    masks = []
    for footprint in seen:
        assert footprint is not None
        mask = np.zeros((CAMERA.height, CAMERA.width), np.uint8)
        height, width = footprint.coverage.shape
        mask[footprint.top : footprint.top + height, footprint.left : footprint.left + width] = footprint.coverage > 0.5
        masks.append(mask)
    assert np.flatnonzero(masks[0].any(axis=1))[0] > np.flatnonzero(masks[1].any(axis=1))[0] + 100
    parts, _ = cv2.connectedComponents(masks[0] | masks[1])
    assert parts == 2


def test_shoulders_that_stand_still_are_the_same_layer():
    someone = person(8)
    same = sum(someone.layers(i / 30)[0] is someone.layers((i + 1) / 30)[0] for i in range(60))
    assert 0 < same < 60


@pytest.mark.parametrize(
    "make",
    [lambda: Place(distance=0.0), lambda: Place(distance=float("nan")), lambda: Place(arrives=3.0, leaves=1.0)],
)
def test_places_where_nobody_stands_are_refused(make: Callable[[], Place]):
    with pytest.raises(ValueError, match="a person"):
        make()


def test_the_rotation_of_a_turn_has_the_yaw_and_pitch_that_vision_reads():
    pose = pose_of_rotation(turn(20.0, -10.0, 5.0) @ np.diag([1.0, -1.0, -1.0]))
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((20.0, -10.0, 5.0), abs=1e-6)
