"""JSON that two readers cannot understand in two ways."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

_EXACT: Final = 2**53 - 1


def read_json(content: bytes) -> Any:
    """I-JSON (RFC 7493): UTF-8 without a mark, no name twice in an object, numbers that a double holds.

    Raises ValueError in plain words.
    """
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_exact,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a field is there twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _exact(digits: str) -> int:
    # Before int: thousands of digits take it long.
    if len(digits) > 17 or abs(number := int(digits)) > _EXACT:
        raise ValueError("a number is too large")
    return number
