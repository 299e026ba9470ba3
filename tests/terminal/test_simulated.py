"""The simulated terminal as a site's file names it."""

from __future__ import annotations

import json

import pytest

from edge.config.loader import load_bytes
from edge.config.problems import ConfigProblems
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import ConfigError, InputError
from edge.hardware.light_guard import LampCaps
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.terminal import SimulatedBacklight
from edge.terminal.assembly import capture_kind
from edge.terminal.simulated import open_simulated
from tests.simulation.heads import HEAD, write

SMALL = {"camera": {"width": 96, "height": 64}}
ALL = ("backlight", "illuminator", "screen", "ambient")


@pytest.fixture(scope="module")
def networks():
    return ModelBundle.load(default_models_dir(), verify=False)


@pytest.fixture
def opened(tmp_path, networks):
    """Devices and clock of a terminal with scenes by file name, and what else its camera says."""

    def made(files, *, lights=ALL, lamp=None, ambient=None, **camera):
        folder = tmp_path / "scenes"
        stated = {} if lamp is None else {"illuminator": {"lamp": lamp}}
        sensor = {} if ambient is None else {"ambient": ambient}
        folder.mkdir(exist_ok=True)
        for name, scene in files.items():
            (folder / name).write_text(json.dumps({"title": name, "terminal": SMALL} | scene))
        settings = load_bytes(
            json.dumps(
                {
                    "camera": {"driver": "simulated", "scenes": ["scenes"]} | camera,
                    "lights": {name: {"driver": "simulated"} | stated.get(name, {}) for name in lights} | sensor,
                }
            ).encode(),
            tmp_path / "site.yaml",
        ).settings
        assert capture_kind(settings.camera) is CaptureKind.SIMULATED
        return open_simulated(settings.camera, settings.lights, networks)

    return made


LAMP = {"band": "infrared", "radiant_intensity": 0.5, "closest_approach": 0.3, "retinal_risk": "exempt"}


@pytest.mark.parametrize("lamp", [{"intensity": 0.6}, {"band": "white", "intensity": 10}])
def test_a_scene_whose_lamp_outshines_the_stated_one_or_is_another_is_refused(opened, lamp):
    scene = {"terminal": SMALL | {"illuminator": lamp}}
    with pytest.raises(ConfigError, match=r"states 0\.5 W/sr of infrared"):
        opened({"a.yaml": scene}, lamp=LAMP)
    opened({"a.yaml": scene})


def test_the_stated_caps_reach_the_lamp(opened):
    scene = {"terminal": SMALL | {"illuminator": {"intensity": 0.5}}}
    devices, _ = opened({"a.yaml": scene}, lamp=LAMP | {"max_output": 0.5, "max_on_share": 0.25})
    assert devices.caps == LampCaps(0.5, 0.25)


def test_lux_may_be_estimated_of_a_simulated_camera_too(opened):
    devices, _ = opened({"a.yaml": wall(500)}, lights=("backlight",), ambient={"driver": "estimate"})
    with devices.camera as camera:
        for _ in range(30):
            devices.ambient.saw(camera.read(1.0))
    assert 500 / 3 < devices.ambient.lux() < 500 * 3


def wall(lux):
    return {"surroundings": {"ambient": {"lux": lux, "above": 0}}}


def test_each_session_plays_the_next_scene_of_files_and_folders_in_order(opened, tmp_path):
    (tmp_path / "own.yaml").write_text(json.dumps({"title": "own", "terminal": SMALL} | wall(7)))
    devices, make_clock = opened({"b.yaml": wall(20), "a.yaml": wall(10)}, scenes=["own.yaml", "scenes"])
    heard = []
    for _ in range(4):
        with devices.camera as camera:
            assert camera.read(1.0).capture is CaptureKind.SIMULATED
            heard.append(devices.ambient.lux())
    assert heard == [7, 10, 20, 7]
    assert make_clock().now() > 0


def test_lights_that_are_not_configured_are_none_of_the_terminals(opened):
    devices, _ = opened({"a.yaml": {}}, lights=("ambient",))
    assert devices.ambient.available
    assert not any(light.available for light in (devices.backlight, devices.illuminator, devices.screen))
    assert isinstance(opened({"a.yaml": {}})[0].backlight, SimulatedBacklight)


def test_the_camera_tells_what_its_scene_says(opened):
    camera = {"width": 96, "height": 64, "spectrum": "noir", "anti_flicker_hz": 60}
    devices, _ = opened({"a.yaml": {"terminal": {"camera": camera}}})
    traits = devices.camera.traits
    assert (traits.spectrum, traits.mains_hz, traits.exposure_metadata) == (Spectrum.NOIR, 60, True)


def test_a_head_from_a_file_is_everybodys(opened, tmp_path):
    person = {"subjects": [{"kind": "person", "distance": 0.4}]}
    pictures = []
    for head in (None, str(write(tmp_path / "head.obj", HEAD))):
        with opened({"a.yaml": person}, head=head)[0].camera as camera:
            pictures.append(camera.read(1.0).pixels)
    assert (pictures[0] != pictures[1]).any()


def test_in_real_time_frames_wait_for_their_moment(opened, monkeypatch):
    waited = []
    monkeypatch.setattr("edge.terminal.simulated.Pacer", lambda: waited.append)
    for pace, moments in (("simulated", []), ("realtime", [3 / 30, 4 / 30])):
        with opened({"a.yaml": {}}, pace=pace)[0].camera as camera:
            camera.read(1.0)
            camera.read(1.0)
        assert waited == pytest.approx(moments)


@pytest.mark.parametrize(
    ("camera", "error", "words"),
    [
        ({"scenes": ["nowhere"]}, ConfigProblems, "nowhere"),
        ({"scenes": ["empty"]}, InputError, "holds no scene files"),
        ({"head": "hat.obj"}, InputError, r"hat\.obj"),
    ],
)
def test_what_is_not_there_is_named(opened, tmp_path, camera, error, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=words):
        opened({"a.yaml": {}}, **camera)


def test_a_mistake_in_any_scene_is_told_before_the_first_is_played(opened):
    with pytest.raises(ConfigProblems, match=r"b\.yaml"):
        opened({"a.yaml": {}, "b.yaml": {"seed": -1}})
