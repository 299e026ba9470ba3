from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.config.cameras import ReplayCamera
from edge.config.fields import FieldInfo, fields
from edge.config.loader import Loaded, load, load_bytes
from edge.config.policy import PRESETS, PolicyFloor, Preset
from edge.config.settings import Policy, Settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config"
REAL = {"sysfs", "ddcutil", "led", "pwm", "gpio", "iio", "estimate", "sdl"}
DEFAULT = FOLDER / "livegate.yaml"
# Cameras of other drivers than that of the default file.
CAMERAS = {
    driver: FOLDER / f"{name}.yaml"
    for driver, name in {"simulated": "simulated", "picamera2": "picamera2", "v4l2": "usb-camera"}.items()
}
SHIPPED = sorted(FOLDER.glob("*.yaml"))


def with_every_key(file: Path) -> Loaded:
    """The file with its left-out keys (`#key:`) put in."""
    text = re.sub(r"^  (tls|button|face): null.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return load_bytes(re.sub(r"^( *)#( *\w+:)", r"\1\2", text, flags=re.MULTILINE).encode(), file)


def test_the_six_files_are_there():
    assert [file.stem for file in SHIPPED] == ["door", "kiosk", "livegate", "picamera2", "simulated", "usb-camera"]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_file_has_no_mistake(file):
    load(file)


def test_what_the_debian_package_starts_with_has_no_mistake_and_looks_through_a_real_camera():
    assert load(ROOT / "scripts" / "debian" / "livegate.yaml").settings.camera.driver == "picamera2"


@pytest.mark.parametrize("preset", Preset)
def test_each_preset_has_an_example_of_its_name(preset):
    assert load(FOLDER / f"{preset}.yaml").settings.policy.preset is preset


def test_the_default_file_names_every_section():
    written = load(DEFAULT).settings.model_fields_set
    assert written == set(Settings.model_fields)


def test_the_default_file_has_every_key_and_those_of_other_cameras_have_those_of_their_camera():
    stated = with_every_key(DEFAULT).settings
    cameras = {driver: load(file).settings for driver, file in CAMERAS.items()}
    left_out = {
        info.name
        for info in fields().values()
        if not info.section
        and not is_of_real_hardware(info)
        and not is_written(next((cameras[tag] for tag in tags_of_cameras(info) if tag in cameras), stated), info.path)
    }
    # Beside a preset, a policy has no name to give.
    assert left_out == {"policy.name"}


def test_the_pages_on_hardware_and_guidance_name_every_key_of_real_lights():
    page = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("hardware.md", "guidance.md"))
    lights = [info for info in fields().values() if info.path[0] == "lights" and is_of_real_hardware(info)]
    assert lights
    assert [info.name for info in lights if info.path[-1] not in page] == []


def is_of_real_hardware(info: FieldInfo) -> bool:
    """One file names one driver of each: these keys stand in no shipped file, nor does a case that opens by itself."""
    return bool(info.tags) and (set(info.tags) <= REAL or info.path[0] == "tamper")


def tags_of_cameras(info: FieldInfo) -> tuple[str, ...]:
    """A simulated button stands beside any camera that is not real."""
    return () if info.path[0] == "presence" else info.tags


def is_written(settings: Settings, path: tuple[str, ...]) -> bool:
    section = settings
    for name in path[:-1]:
        section = getattr(section, name)
    if path == ("policy", "name"):
        return False
    return path[-1] in section.model_fields_set


def test_the_default_file_states_the_defaults():
    stated = load(DEFAULT).settings
    camera = ReplayCamera(driver="replay", sources=(FOLDER / "pictures",))
    assert stated == Settings(camera=camera, policy=Policy.model_validate({"preset": "kiosk"}))


def test_what_the_default_file_leaves_out_it_shows_with_the_preset_s_values():
    policy = with_every_key(DEFAULT).settings.policy
    assert PolicyFloor(**policy.model_dump(exclude={"preset"})) == PRESETS[Preset.KIOSK]


def test_every_key_has_a_title_a_description_and_bounds():
    for info in fields().values():
        assert info.title
        assert info.description
        assert info.allowed != "text", f"{info.name} is not bounded"


def test_the_reference_is_current(assert_current):
    assert_current("generate_config_docs.py")


def test_reading_leaves_the_file_as_it_is(tmp_path):
    file = tmp_path / "site.yaml"
    content = DEFAULT.read_bytes()
    file.write_bytes(content)
    file.chmod(0o444)
    load(file)
    assert file.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["site.yaml"]
