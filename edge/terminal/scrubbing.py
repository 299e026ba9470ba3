"""Keeps pictures, landmarks and templates out of what is written for people: a few numbers pass, never many.

Of values the kind and size are told, whatever they are nested in. Text that somebody made of such values is searched
for what they look like: numbers in a row, escaped bytes, long words of base 64.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any, Final

MOST_NUMBERS: Final = 8
"""In a row, or nested in one value."""
_LONGEST_WORD: Final = 200
_DEEPEST: Final = 6

_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?j?\b\.?|[-+]?(?:nan|inf)\b|\b(?:True|False)\b"
# What numpy, Python and JSON put between numbers, also the dots for those that they leave out, and line ends as JSON
# escapes them.
_BETWEEN: Final = r"(?:[\s,;:|\[\](){}]|\.\.\.|\\n|\b(?:array|np|numpy|float|u?int)\d*\b\.?)+"
_ALONE: Final = re.compile(rf"(?<![\w.])(?:{_NUMBER})(?![\w.])")
_ROW: Final = re.compile(rf"(?:(?:{_NUMBER}){_BETWEEN}){{{MOST_NUMBERS},}}(?:{_NUMBER})?")
_BYTES: Final = re.compile(r"""(?<!['"\w])b(?:ytearray\(b)?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_LONG: Final = re.compile(rf"[A-Za-z0-9+/=_\-]{{{_LONGEST_WORD},}}|(?:\\+x[0-9a-fA-F]{{2}}){{{MOST_NUMBERS},}}")


def scrubbed(value: Any) -> Any:
    """Plain values, and text in place of all else: ``None``, booleans, numbers, text, lists and mappings of these."""
    return _scrubbed(value, 0)


def scrubbed_text(text: str) -> str:
    """Without rows of numbers and what bytes look like."""
    text = _BYTES.sub("<bytes>", text)
    return _ROW.sub("<numbers> ", _LONG.sub("<bytes>", text))


class ScrubbedLines(logging.Formatter):
    """For a process that logs by the standard library alone."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed_text(super().format(record))


def _scrubbed(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return _scrubbed(value.value, depth + 1)
    if isinstance(value, str):
        return scrubbed_text(str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{type(value).__name__} {memoryview(value).nbytes}>"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        if not value.shape:
            return _scrubbed(value.item(), depth)
        return f"<{type(value).__name__} {value.shape} {value.dtype}>"
    if dataclasses.is_dataclass(value) or depth >= _DEEPEST:
        # Of evidence and frames the fields say too much.
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping | list | tuple | Set):
        return _collected(value, depth)
    return scrubbed_text(str(value))


def _collected(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        kept: Any = {_key(key, depth): _scrubbed(each, depth + 1) for key, each in value.items()}
    else:
        kept = [_scrubbed(each, depth + 1) for each in value]
    return kept if _numbers(kept) <= MOST_NUMBERS else f"<{type(value).__name__} of {len(value)}>"


def _key(key: Any, depth: int) -> str:
    return str(_scrubbed(key, depth + 1))


def _numbers(kept: Any) -> int:
    """How many there are in what was kept."""
    if isinstance(kept, Mapping):
        return sum(map(_numbers, (*kept.keys(), *kept.values())))
    if isinstance(kept, list):
        return sum(map(_numbers, kept))
    return len(_ALONE.findall(kept)) if isinstance(kept, str) else int(kept is not None)
