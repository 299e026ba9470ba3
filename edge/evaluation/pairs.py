"""Pairs of pictures to compare: a CSV with ``path_a, path_b, same, subject_a, subject_b, condition``.

``path_a`` is the reference, ``path_b`` a picture of an attempt; paths are relative to the CSV. ``same`` is ``yes``
where both show one person (a mated comparison), ``no`` where they show two. Further columns are ignored.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from edge.errors import InputError
from edge.evaluation.index import read_rows, refuse_rows

COLUMNS = ("path_a", "path_b", "same", "subject_a", "subject_b", "condition")

_SAME: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison to make.

    same: of one person: mated. subject_a, subject_b: who they are; empty where nobody says.
    condition: how the second picture was changed or chosen; such pairs are reported apart.
    """

    path_a: Path
    path_b: Path
    same: bool
    subject_a: str = ""
    subject_b: str = ""
    condition: str = ""


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """In the order of the file. Raises InputError naming every row that cannot be understood, with its line."""
    rows = read_rows(path, "pairs", COLUMNS, needed=("path_a", "path_b", "same"))
    if not rows:
        raise InputError(f"{path} lists no pair", remedy="add a row for each comparison")
    pairs, problems = [], []
    for line, fields in rows:
        try:
            pairs.append(_pair(path.parent, fields))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    refuse_rows(path, problems)
    return tuple(pairs)


def _pair(folder: Path, fields: dict[str, str]) -> Pair:
    for column in ("path_a", "path_b"):
        if not fields[column]:
            raise ValueError(f"no {column}")
    same = _SAME.get(fields["same"].lower())
    if same is None:
        raise ValueError(f"same is {fields['same']!r}, neither yes nor no")
    one, other = fields["subject_a"], fields["subject_b"]
    if bool(one) != bool(other):
        raise ValueError("one subject is named and the other is not")
    if one and same != (one == other):
        raise ValueError(f"same is {fields['same']}, and the subjects are {one!r} and {other!r}")
    path_a, path_b = folder / fields["path_a"], folder / fields["path_b"]
    if path_a == path_b:
        raise ValueError("both paths are one picture")
    return Pair(path_a, path_b, same, one, other, fields["condition"])


def pairs_from(index: Path, *, non_mated: int, seed: int) -> tuple[Pair, ...]:
    """All mated pairs of a CSV with the columns ``path`` and ``subject``, and ``non_mated`` others drawn by the seed.

    Of each pair the picture that is listed first is the reference. All of the others are taken where there are not
    more. Raises InputError where a row cannot be understood, and where there is nothing to compare.
    """
    pictures: dict[Path, str] = {}
    problems = []
    for line, fields in read_rows(index, "index", ("path", "subject"), needed=("path", "subject")):
        picture = index.parent / fields["path"]
        if not fields["path"] or not fields["subject"]:
            problems.append(f"line {line}: no {'subject' if fields['path'] else 'path'}")
        elif picture in pictures:
            problems.append(f"line {line}: {fields['path']} was listed before")
        else:
            pictures[picture] = fields["subject"]
    refuse_rows(index, problems)
    if len(pictures) < 2:
        raise InputError(f"{index} lists fewer than two pictures", remedy="add a row for each picture")
    listed = list(pictures.items())
    by_subject: dict[str, list[Path]] = {}
    for picture, subject in listed:
        by_subject.setdefault(subject, []).append(picture)
    mated = [
        Pair(one, other, True, subject, subject)
        for subject, group in by_subject.items()
        for one, other in combinations(group, 2)
    ]
    return (*mated, *_others(listed, len(mated), non_mated, random.Random(seed)))  # noqa: S311 - a repeatable sample


def _others(listed: Sequence[tuple[Path, str]], mated: int, wanted: int, chance: random.Random) -> list[Pair]:
    count = len(listed)
    there = count * (count - 1) // 2 - mated
    if there <= 2 * wanted:
        drawn = [(a, b) for a, b in combinations(range(count), 2) if listed[a][1] != listed[b][1]]
        if there > wanted:
            drawn = sorted(chance.sample(drawn, wanted))
    else:
        found: set[tuple[int, int]] = set()
        while len(found) < wanted:
            one, other = sorted((chance.randrange(count), chance.randrange(count)))
            if listed[one][1] != listed[other][1]:
                found.add((one, other))
        drawn = sorted(found)
    return [Pair(listed[a][0], listed[b][0], False, listed[a][1], listed[b][1]) for a, b in drawn]
