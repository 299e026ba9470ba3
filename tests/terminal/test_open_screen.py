from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.config import lights as light_config
from edge.config import settings as config
from edge.config.settings import Settings
from edge.errors import ConfigError
from edge.frames.display import DisplayGeometry
from edge.hardware.null import NullScreen
from edge.terminal.assembly import open_screen

ENGLISH = config.Guidance()
REPLAY = {"driver": "replay", "sources": ["pictures"]}


def sdl(**more):
    return light_config.SdlScreen.model_validate({"driver": "sdl", "video": "dummy", **more})


def test_no_screen_is_none():
    screen = open_screen(light_config.NoLight(driver="none"), ENGLISH)
    assert isinstance(screen, NullScreen)


def test_the_configured_screen_is_opened_with_its_panel(monkeypatch):
    pygame = pytest.importorskip("pygame", reason="the screen needs the extra screen")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    panel = {"width": 0.155, "height": 0.086, "down": 0.08, "luminance": 300.0}
    screen = open_screen(sdl(window={"width": 480, "height": 800}, panel=panel), ENGLISH)
    try:
        assert screen.available
        assert screen.geometry == DisplayGeometry(0.155, 0.086, 0.0, 0.08, 300.0)
        assert pygame.display.get_surface().get_size() == (480, 800)
    finally:
        screen.close()


def test_a_language_without_texts_is_a_config_error():
    pytest.importorskip("pygame", reason="the screen needs the extra screen")
    with pytest.raises(ConfigError, match="xx"):
        open_screen(sdl(), config.Guidance(language="xx"))


def test_a_replay_may_have_a_screen():
    settings = Settings.model_validate({"camera": REPLAY, "lights": {"screen": {"driver": "sdl", "rotation": 90}}})
    assert isinstance(settings.lights.screen, light_config.SdlScreen)


def test_a_simulated_camera_may_not():
    camera = {"driver": "simulated", "scenes": [str(Path("scenes"))]}
    with pytest.raises(ValidationError, match="no real screen"):
        Settings.model_validate({"camera": camera, "lights": {"screen": {"driver": "sdl"}}})


def test_a_rotation_that_is_no_quarter_turn_is_refused():
    with pytest.raises(ValidationError, match="rotation"):
        sdl(rotation=45)
