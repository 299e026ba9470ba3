"""Whether the hardware that a driver's test needs is there."""

from __future__ import annotations

import glob


def missing_device(pattern: str, what: str) -> str | None:
    """The reason to skip, or None where a file matches the absolute ``pattern``."""
    if glob.glob(pattern):  # noqa: PTH207 - Path.glob takes no absolute pattern
        return None
    return f"no {what} here: {pattern} does not exist"
