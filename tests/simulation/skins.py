"""A person's skin, painted once: seconds of work that many scenes have in common."""

from __future__ import annotations

import functools
import pickle

import pytest

from edge.simulation import build
from edge.simulation.face_texture import Skin, face_skin

# Of some twenty MiB each.
KEPT = 8


@functools.lru_cache(KEPT)
def _painted(asked: bytes) -> Skin:
    photo, head, tone = pickle.loads(asked)
    return face_skin(photo, head, tone=tone)


def painted_once(photo, head, *, tone=None):
    """As ``face_skin``, which it asks once for the very same photograph, head and tone."""
    return _painted(pickle.dumps((photo, head, tone)))


@pytest.fixture(scope="package", autouse=True)
def skins_painted_once():
    """In every scene that the package's tests build in their own process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "face_skin", painted_once)
        yield
