"""The Python that runs this."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from typing import Final

from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import fail, ok, one_by_one, warn
from edge.terminal.doctor.context import Context

# As `requires-python` of the package says.
OLDEST: Final = (3, 11)
NEWEST: Final = (3, 13)


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("python", context, version, word_size)


def version(_: Context, found: tuple[int, int] = sys.version_info[:2]) -> Check:
    """Whether livegate and its libraries are made for it."""
    name = "python.version"
    told = f"Python {platform.python_version()} at {sys.executable}"
    span = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
    if found < OLDEST:
        return fail(name, f"{told}; {span} are supported", "install livegate with a later Python")
    if found > NEWEST:
        return warn(name, f"{told}; {span} are supported", "make the environment anew with a supported Python")
    return ok(name, told)


def word_size(_: Context, largest: int = sys.maxsize, machine: str = platform.machine()) -> Check:
    """64 bit: LiteRT, numpy and OpenCV have wheels for no other boards."""
    name = "python.word_size"
    if largest > 2**32:
        return ok(name, f"64 bit, {machine}")
    return warn(
        name,
        f"32 bit, {machine}: only tflite-runtime may run here, and it is slow",
        "install the 64-bit system on the board",
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
