from __future__ import annotations

from tests.vision.conftest import face_landmarks, models, portraits

__all__ = ["face_landmarks", "models", "portraits"]
