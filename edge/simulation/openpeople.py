"""Photographs of the synthetic persons in the package ``openpeople`` (MIT), which the ``demo`` extra brings along."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from edge.errors import InputError

# Before a name, in the place of a path.
PREFIX: Final = "openpeople:"

_PICTURES: Final = {"portrait": "studio_portrait.jpg", "selfie": "amateur_selfie.jpg"}


def photo(name: str) -> Path:
    """name: of a person, ``P001``: the portrait; or with the picture's own, ``P001/selfie``.

    Raises InputError where the package or the picture is not there.
    """
    package = importlib.util.find_spec("openpeople")
    if package is None or package.origin is None:
        raise InputError(
            "the package openpeople, which has this picture, is not installed", remedy="pip install 'livegate[demo]'"
        )
    # Read as files: importing the package would validate all its metadata for nothing.
    folder = Path(package.origin).parent / "data" / "curated"
    person, _, picture = name.partition("/")
    people = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if person not in people:
        raise InputError(f"openpeople has nobody named {person!r}", remedy=f"name one of {', '.join(people)}")
    if (picture or "portrait") not in _PICTURES:
        raise InputError(
            f"there is no picture {picture!r} of {person}", remedy=f"name one of {', '.join(sorted(_PICTURES))}"
        )
    return folder / person / "assets" / _PICTURES[picture or "portrait"]
