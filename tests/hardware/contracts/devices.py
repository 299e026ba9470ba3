"""Whether the hardware that a driver's test needs is there."""

from __future__ import annotations

import glob
import os


def missing_device(pattern: str, what: str, access: int = os.R_OK | os.W_OK) -> str | None:
    """The reason to skip, or None where a file matches the absolute ``pattern`` and may be used so by this process."""
    there = glob.glob(pattern)  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not there:
        return f"no {what} here: {pattern} does not exist"
    if not any(os.access(path, access) for path in there):
        return f"no {what} here that this user may use: {', '.join(sorted(there))}"
    return None
