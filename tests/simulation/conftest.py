from __future__ import annotations

from tests.simulation.skins import skins_painted_once

__all__ = ["skins_painted_once"]
