from __future__ import annotations

from tests.simulation.skins import skins_painted_once
from tests.vision.conftest import face_landmarks, models, portraits

__all__ = ["face_landmarks", "models", "portraits", "skins_painted_once"]
