from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder, Frame
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.face_texture import (
    DARKEST_SKIN,
    LIGHTEST_SKIN,
    SIZE,
    FacePhoto,
    Look,
    Skin,
    face_skin,
    read_face,
    skin_reflectance,
)
from edge.simulation.hair import with_hair
from edge.simulation.head import Anthropometry, Head, KeyPoint, jaw_line, parametric_head
from edge.simulation.optics import BLUE, GREEN, INFRARED, RED, Pinhole, Pose, turn
from edge.simulation.sampling import sampled
from edge.vision.detector import Detector
from edge.vision.landmarks import FaceMesh, roi_of_detection
from edge.vision.pose import head_pose

HEAD = parametric_head(Anthropometry())
CAMERA = Pinhole(480, 480, 640.0)
PEOPLE = [f"P{number:03}" for number in range(1, 11)]


@pytest.fixture(scope="module")
def models() -> ModelBundle:
    return ModelBundle.load(default_models_dir(), verify=False)


@cache
def people() -> Path:
    openpeople = pytest.importorskip("openpeople", reason="the package openpeople (extra: demo) has the pictures")
    return Path(openpeople.__file__).parent / "data" / "curated"


def portrait(person: str) -> Path:
    return people() / person / "assets" / "studio_portrait.jpg"


def drawn(*, light: np.ndarray | None = None) -> FacePhoto:
    """A photograph of flat skin with eyes, lips and hair, 2 px to the millimetre, in a given light (400, 400)."""
    albedo = np.full((400, 400, 3), 0.7, np.float32)
    places = {name: place[:2] * 2000 + [200, 170] for name, place in HEAD.points.items()}
    cv2.ellipse(albedo, (200, 200), (165, 195), 0, 0, 360, (0.02, 0.02, 0.02), -1)
    cv2.ellipse(albedo, (200, 260), (158, 190), 0, 0, 360, (0.2, 0.3, 0.45), -1)
    lids = []
    for outer, inner in (
        (KeyPoint.RIGHT_EYE_OUTER, KeyPoint.RIGHT_EYE_INNER),
        (KeyPoint.LEFT_EYE_OUTER, KeyPoint.LEFT_EYE_INNER),
    ):
        middle, half = (places[outer] + places[inner]) / 2, abs(places[outer][0] - places[inner][0]) / 2
        around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        lids.append(middle + np.stack((half * np.cos(around), 0.35 * half * np.sin(around)), axis=1))
        cv2.fillPoly(albedo, [lids[-1].astype(np.int32)], (0.6, 0.6, 0.6))
        cv2.circle(albedo, tuple(int(value) for value in middle), 8, (0.02, 0.02, 0.02), -1)
    picture = albedo if light is None else albedo * light[..., None]
    return FacePhoto(to_srgb(picture), places, np.empty((0, 2)), (lids[0], lids[1]))


def to_srgb(light):
    """Linear light 0..1 on sRGB's curve, clipped."""
    light = np.clip(light, 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


def texel(head: Head, x: float, y: float) -> tuple[int, int]:
    column, row = head.relief.grid_position(head.relief.at(x, y)[None])[0]
    rows, columns = head.relief.radius.shape
    return round(float(row) * (SIZE - 1) / (rows - 1)), round(float(column) * (SIZE - 1) / (columns - 1))


def patch(albedo: np.ndarray, head: Head, x: float, y: float) -> np.ndarray:
    row, column = texel(head, x, y)
    return np.asarray(albedo[row - 2 : row + 3, column - 2 : column + 3].mean(axis=(0, 1)))


def portrayed(head: Head, skin: Skin, pose: Pose) -> np.ndarray:
    """A picture by Lambert's law: a lamp above the camera and light from all around. BGR."""
    shape, albedo = head.relief, skin.at(0.0).albedo
    seen = shape.footprint(pose, CAMERA)
    assert seen is not None
    light = pose.rotation.T @ np.array([0.2, -0.5, -0.84])
    arriving = 0.6 * np.maximum(shape.normals @ light, 0) * shape.sees(light.astype(np.float32)) + 0.6 * shape.openness
    rows, columns = shape.radius.shape
    scale = np.float32((SIZE - 1) / (columns - 1)), np.float32((SIZE - 1) / (rows - 1))
    colour = sampled(albedo[..., :INFRARED].copy(), seen.x * scale[0], seen.y * scale[1])
    colour *= sampled(arriving.astype(np.float32), seen.x, seen.y)[..., None]
    picture = np.full((CAMERA.height, CAMERA.width, 3), 0.12, np.float32)
    height, width = seen.coverage.shape
    window = picture[seen.top : seen.top + height, seen.left : seen.left + width]
    window += (colour - window) * seen.coverage[..., None]
    return to_srgb(picture * 1.4)


@pytest.mark.parametrize("person", PEOPLE)
def test_the_projects_own_networks_find_one_frontal_face_on_every_painted_head(person, models):
    size = Anthropometry.draw(np.random.default_rng(PEOPLE.index(person)))
    head = parametric_head(size)
    photo = read_face(portrait(person), models)
    head = with_hair(photo, head)
    skin = face_skin(photo, head)
    pixels = portrayed(head, skin, Pose(turn(), np.array([0.0, 0.0, 0.55])))
    frame = Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, still=True)
    found = Detector(models.detector).search(frame)
    assert len(found) == 1
    mesh = FaceMesh(models.landmarks).see(frame, roi_of_detection(found[0], 1.5))
    assert mesh.presence > 0.9
    pose = head_pose(mesh, 480)
    assert pose is not None
    assert max(abs(pose.yaw), abs(pose.roll)) < 3
    assert abs(pose.pitch) < 8
    # What the network takes for eyes and mouth is where the surface has them.
    for name, landmarks in (
        (KeyPoint.RIGHT_EYE, (33, 133)),
        (KeyPoint.LEFT_EYE, (263, 362)),
        (KeyPoint.STOMION, (13, 14)),
    ):
        place = head.points[name] + [0.0, 0.0, 0.55]
        pixel = place[:2] / place[2] * CAMERA.focal + CAMERA.centre
        assert np.linalg.norm(mesh.points[list(landmarks), :2].mean(axis=0) - pixel) < 6


@pytest.mark.parametrize("person", ["P001", "P007"])
def test_a_turned_head_is_seen_turned_by_the_landmark_network(person, models):
    photo = read_face(portrait(person), models)
    head = with_hair(photo, HEAD)
    skin = face_skin(photo, head)
    for yaw, pitch in ((20.0, 0.0), (-20.0, 0.0), (25.0, 0.0), (-25.0, 0.0), (0.0, 12.0)):
        pixels = portrayed(head, skin, Pose(turn(yaw, pitch), np.array([0.0, 0.0, 0.55])))
        frame = Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, still=True)
        found = Detector(models.detector).search(frame)
        pose = head_pose(FaceMesh(models.landmarks).see(frame, roi_of_detection(found[0], 1.5)), 480)
        assert pose is not None
        assert (pose.yaw, pose.pitch) == pytest.approx((yaw, pitch), abs=6)


def test_features_of_the_photograph_land_on_those_of_the_head():
    albedo = face_skin(drawn(), HEAD, tone=0.3).at(0.0).albedo
    skin = patch(albedo, HEAD, 0.045, 0.03)
    for name in (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE):
        x, y, _ = HEAD.points[name]
        assert patch(albedo, HEAD, x, y)[GREEN] < 0.4 * skin[GREEN]
        assert patch(albedo, HEAD, x + 0.009, y)[GREEN] > 1.2 * skin[GREEN]
    assert patch(albedo, HEAD, 0.0, -0.065)[GREEN] < 0.3 * skin[GREEN]


def test_the_jaw_of_the_photograph_falls_onto_that_of_the_head():
    photo = drawn()
    eyes, menton = photo.points[KeyPoint.RIGHT_EYE][1], photo.points[KeyPoint.MENTON][1]
    # A narrower face with a rounder jaw than the head's, both sides down from the eyes to the chin.
    turn_down = np.radians(np.arange(0, 81, 8))
    right = np.stack((0.85 * 138 * np.cos(turn_down), (menton - eyes) * np.sin(turn_down)), axis=1)
    outline = np.array([200, eyes]) + np.concatenate((right * [-1, 1], right))
    across, _ = Look(replace(photo, outline=outline), HEAD).on_grid()
    points = HEAD.relief.points
    fine = np.linspace(-np.pi, np.pi, 2000)
    curve = np.stack((0.85 * 138 * np.cos(fine) + 200, (menton - eyes) * np.abs(np.sin(fine)) + eyes), axis=1)
    jaw = jaw_line(HEAD)
    assert len(jaw) > 60
    for place in jaw[np.abs(jaw[:, 0]) < 0.045]:
        cell = np.unravel_index(np.linalg.norm(points - place, axis=-1).argmin(), points.shape[:2])
        # 2 px are a millimetre.
        assert np.linalg.norm(curve - across[cell], axis=1).min() < 6


@pytest.mark.parametrize("tone", [0.0, 0.5, 1.0])
def test_skin_reflects_what_its_tone_says_in_every_band(tone):
    albedo = face_skin(drawn(), HEAD, tone=tone).at(0.0).albedo
    for x, y in ((0.04, 0.03), (-0.04, 0.03), (0.0, 0.09)):
        assert patch(albedo, HEAD, x, y) == pytest.approx(skin_reflectance(tone), rel=0.1)


def test_tones_darken_in_every_band_from_the_palest_skin_to_the_deepest():
    tones = np.array([skin_reflectance(tone) for tone in np.linspace(-0.2, 1.3, 31)])
    assert (np.diff(tones, axis=0) < 0).all()
    assert tones[0, GREEN] == pytest.approx(0.60)
    assert tones[-1, GREEN] == pytest.approx(0.05)
    assert (tones[:, BLUE] < tones[:, GREEN]).all()
    assert (tones[:, GREEN] < tones[:, RED]).all()


@pytest.mark.parametrize("tone", [-0.2, 1.3])
def test_a_photograph_can_be_given_skin_of_the_tones_at_the_bounds(tone):
    albedo = face_skin(drawn(), HEAD, tone=tone).at(0.0).albedo
    assert patch(albedo, HEAD, 0.02, 0.03)[GREEN] == pytest.approx(skin_reflectance(tone)[GREEN], rel=0.1)


def test_tones_run_from_light_to_dark_and_differ_least_in_infrared():
    light, middle, dark = (skin_reflectance(tone) for tone in (0.0, 0.5, 1.0))
    assert light == pytest.approx(LIGHTEST_SKIN)
    assert dark == pytest.approx(DARKEST_SKIN)
    assert (light > middle).all()
    assert (middle > dark).all()
    ratios = light / dark
    assert ratios[BLUE] > ratios[RED] > ratios[INFRARED]
    assert 0.5 <= dark[INFRARED] <= light[INFRARED] <= 0.65


def test_a_slow_slope_of_light_across_the_photograph_is_mostly_taken_out():
    slope = np.broadcast_to(np.linspace(0.7, 1.3, 400, dtype=np.float32), (400, 400))
    even = face_skin(drawn(), HEAD, tone=0.3).at(0.0).albedo
    lit = face_skin(drawn(light=slope), HEAD, tone=0.3).at(0.0).albedo
    places = [(x, y) for x in (-0.045, -0.03, 0.03, 0.045) for y in (0.02, 0.04)]
    flat, sloped = (np.array([patch(albedo, HEAD, x, y)[GREEN] for x, y in places]) for albedo in (even, lit))
    # The slope is 0.87 to 1.13 over these 90 mm.
    assert np.ptp(np.log(sloped)) < np.ptp(np.log(flat)) + 0.12


def test_hair_is_darker_than_skin_in_infrared_and_pupils_are_darkest():
    albedo = face_skin(drawn(), HEAD, tone=0.9).at(0.0).albedo
    x, y, _ = HEAD.points[KeyPoint.LEFT_EYE]
    skin, hair, pupil = (patch(albedo, HEAD, *place)[INFRARED] for place in ((0.04, 0.03), (0.0, -0.065), (x, y)))
    assert skin > 1.3 * hair > 2 * pupil


def test_the_back_of_the_head_goes_on_without_gaps_or_edges():
    albedo = face_skin(drawn(), HEAD, tone=0.3).at(0.0).albedo
    assert np.isfinite(albedo).all()
    assert albedo.min() > 0
    assert albedo.max() < 0.95
    assert np.abs(albedo[:, 0] - albedo[:, -1]).max() < 0.02
    # Hair and neck go on smoothly; between them lies the hairline.
    height = np.linspace(HEAD.relief.top, HEAD.relief.bottom, SIZE)
    for rows in (height < -0.04, height > 0.08):
        assert np.abs(np.diff(albedo[rows, :60], axis=1)).max() < 0.05


def test_lids_close_from_above_in_skins_colour_and_change_nothing_else():
    skin = face_skin(drawn(), HEAD, tone=0.3)
    opened, half, closed = (skin.at(share).albedo for share in (0.0, 0.5, 1.0))
    x, y, _ = HEAD.points[KeyPoint.LEFT_EYE]
    cheek = patch(opened, HEAD, 0.04, 0.03)
    white = x + 0.009
    assert patch(closed, HEAD, x, y - 0.001) == pytest.approx(cheek, rel=0.25)
    assert patch(opened, HEAD, white, y)[GREEN] > patch(closed, HEAD, white, y - 0.001)[GREEN]
    row, column = texel(HEAD, white, y)
    covered = [np.abs(half[row + step, column] - opened[row + step, column]).max() for step in (-5, 5)]
    assert covered[0] > covered[1]
    changed = np.abs(closed - opened).max(axis=2) > 0.01
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 60
    assert changed.mean() < 0.03
    assert columns.min() > SIZE * 0.2


def test_the_materials_of_a_blink_are_the_same_objects_every_time():
    skin = face_skin(drawn(), HEAD, tone=0.3)
    assert skin.at(0.0) is skin.at(0.05)
    assert skin.at(1.0) is skin.at(2.0)
    assert len({id(skin.at(share)) for share in np.linspace(0, 1, 50)}) == len(skin.materials)


def test_a_lighter_photograph_gives_lighter_skin_when_no_tone_is_told(models):
    light, dark = (face_skin(read_face(portrait(person), models), HEAD).at(0.0).albedo for person in ("P003", "P009"))
    assert patch(light, HEAD, 0.04, 0.03)[GREEN] > 1.2 * patch(dark, HEAD, 0.04, 0.03)[GREEN]


def test_a_missing_photograph_is_named(tmp_path, models):
    with pytest.raises(InputError, match=r"nobody\.jpg does not exist"):
        read_face(tmp_path / "nobody.jpg", models)


def test_a_picture_without_a_face_and_one_with_two_are_refused_by_name(tmp_path, models):
    empty, pair = tmp_path / "wall.png", tmp_path / "pair.png"
    cv2.imwrite(str(empty), np.full((240, 320, 3), 120, np.uint8))
    faces = [cv2.resize(cv2.imread(str(portrait(person))), (400, 400)) for person in ("P001", "P002")]
    cv2.imwrite(str(pair), np.hstack(faces))
    with pytest.raises(InputError, match=r"no face is found in .*wall\.png"):
        read_face(empty, models)
    with pytest.raises(InputError, match=r"2 faces are found in .*pair\.png"):
        read_face(pair, models)


def test_points_given_by_hand_must_say_where_eyes_mouth_and_chin_are():
    photo = drawn()
    with pytest.raises(ValueError, match="menton"):
        replace(photo, points={name: place for name, place in photo.points.items() if name is not KeyPoint.MENTON})
