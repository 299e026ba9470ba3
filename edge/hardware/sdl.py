"""SDL2, which pygame brings."""

from __future__ import annotations

import os
from types import ModuleType

from edge.errors import HardwareError

# Read by SDL and pygame when they are loaded. The daemon's own signal handlers stay, and nobody is greeted.
_ENVIRONMENT = {"PYGAME_HIDE_SUPPORT_PROMPT": "1", "SDL_NO_SIGNAL_HANDLERS": "1"}


def library() -> ModuleType:
    """pygame, loaded at first use; a terminal without a screen has no need of it. Raises HardwareError without it."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import pygame  # noqa: PLC0415
    except ImportError as error:
        raise HardwareError(
            f"the screen needs pygame, which cannot be loaded: {error}",
            remedy="pip install 'livegate[screen]', or set lights.screen.driver to none",
        ) from error
    return pygame
