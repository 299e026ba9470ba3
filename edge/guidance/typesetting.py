"""Lines of words as large as they fit into their box."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

# Width and height of a line of text, for a text and a size of type, all in one unit.
Measure = Callable[[str, float], tuple[float, float]]

# Smaller than that nobody reads it from a metre: a text that does not fit so is cut by whoever draws it.
SMALLEST = 0.4
_STEPS = 24


@dataclass(frozen=True, slots=True)
class Setting:
    """size: of the type. fits: whether the lines stay within the box."""

    size: float
    lines: tuple[str, ...]
    fits: bool


def fit(text: str, width: float, height: float, largest: float, measure: Measure) -> Setting:
    """The text in the largest type, from ``largest`` down to SMALLEST of it, that fits."""
    pieces = _pieces(text)
    setting = Setting(largest, (text,), fits=False)
    for step in range(_STEPS + 1):
        size = largest * (1 - (1 - SMALLEST) * step / _STEPS)
        lines = _even(pieces, width, size, measure)
        wide = max(measure(line, size)[0] for line in lines)
        high = sum(measure(line, size)[1] for line in lines)
        setting = Setting(size, lines, fits=wide <= width and high <= height)
        if setting.fits:
            return setting
    return setting


def _pieces(text: str) -> tuple[str, ...]:
    """What stays on one line, each with the space that follows it: words, or single characters of a script that is
    written without spaces, with the punctuation after them.
    """
    pieces = [text[:1]]
    for before, character in pairwise(text):
        if before == " " or (_wide(before) and not unicodedata.category(character).startswith("P")):
            pieces.append(character)
        else:
            pieces[-1] += character
    return tuple(pieces)


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _broken(pieces: tuple[str, ...], width: float, size: float, measure: Measure) -> tuple[str, ...]:
    lines = [pieces[0]]
    for piece in pieces[1:]:
        longer = lines[-1] + piece
        if measure(longer.rstrip(), size)[0] <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return tuple(line.rstrip() for line in lines)


def _even(pieces: tuple[str, ...], width: float, size: float, measure: Measure) -> tuple[str, ...]:
    """As few lines as there can be, broken after punctuation where they may, else about equally long."""

    def fitting(lines: tuple[str, ...]) -> bool:
        return max(measure(line, size)[0] for line in lines) <= width

    lines = _broken(pieces, width, size, measure)
    clauses = _broken(_clauses(pieces), width, size, measure)
    if len(clauses) == len(lines) and fitting(clauses):
        return clauses
    for tenths in range(9, 4, -1):
        narrower = _broken(pieces, width * tenths / 10, size, measure)
        if len(narrower) != len(lines):
            break
        if fitting(narrower):
            lines = narrower
    return lines


def _clauses(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """Up to each punctuation mark."""
    clauses = [""]
    for piece in pieces:
        clauses[-1] += piece
        if unicodedata.category(piece.rstrip()[-1:] or " ").startswith("P"):
            clauses.append("")
    return tuple(clause for clause in clauses if clause)
