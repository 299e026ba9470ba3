"""An index of presentations: a CSV with ``path, label, pai_species, subject, source, presentation``.

``label`` is ``bonafide`` or ``attack``; an attack names its ``pai_species``. Rows that share a ``presentation``
are one sequence in file order; without the column, or where it is empty, each row is a presentation of its
own. Paths are relative to the CSV. Further columns are ignored.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.contracts.enums import Label
from edge.errors import InputError

SHOWN_PROBLEMS = 10
COLUMNS = ("path", "label", "pai_species", "subject", "source", "presentation")

Row = tuple[int, dict[str, str]]
"""The line's number, and each column's text; empty where the line has none."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """One presentation. ``paths``: one still, video or folder, or the pictures of a sequence in order."""

    name: str
    label: Label
    pai_species: str
    subject: str
    source: str
    paths: tuple[Path, ...]


def read_index(path: Path) -> tuple[Presentation, ...]:
    """All presentations of the index, in the order in which they first appear.

    Raises InputError naming every row that cannot be understood.
    """
    rows = read_rows(path, "index", COLUMNS, needed=("path", "label"))
    if not rows:
        raise InputError(f"{path} lists no presentation", remedy="add a row for each picture or video")
    return _group(path, rows)


def read_rows(path: Path, what: str, columns: Sequence[str], *, needed: Sequence[str]) -> list[Row]:
    """The given columns of a CSV in UTF-8, whose first line names them, without white space around.

    what: kind of file, in words. Raises InputError where it cannot be read, or has no ``needed`` column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle, strict=True)
            missing = [column for column in needed if column not in (reader.fieldnames or [])]
            if missing:
                raise InputError(
                    f"{path} has no column {' and no column '.join(missing)}",
                    remedy=f"the first line names the columns: {', '.join(columns)}",
                )
            return [
                (reader.line_num, {column: (row.get(column) or "").strip() for column in columns}) for row in reader
            ]
    except OSError as error:
        raise InputError(f"cannot read the {what} {path}: {error.strerror}", remedy="check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}", remedy="save it as CSV in UTF-8") from error


def refuse_rows(path: Path, problems: Sequence[str]) -> None:
    """Raises InputError with the first of the problems, if there are any."""
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        raise InputError(
            f"{path}: {'; '.join(problems[:SHOWN_PROBLEMS])}" + (f"; and {more} more" if more > 0 else ""),
            remedy="correct these rows and try again",
        )


def parse_label(label: str) -> Label:
    """As somebody wrote it. Raises ValueError, saying in words what is wrong."""
    if label not in list(Label):
        raise ValueError(f"label {label!r} is neither bonafide nor attack")
    return Label(label)


def _group(index: Path, rows: Sequence[Row]) -> tuple[Presentation, ...]:
    problems: list[str] = []
    found: dict[str, Presentation] = {}
    for line, fields in rows:
        group = fields["presentation"]
        if not fields["path"]:
            problems.append(f"line {line}: no path")
            continue
        try:
            label = parse_label(fields["label"])
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        if label is Label.ATTACK and not fields["pai_species"]:
            problems.append(f"line {line}: an attack without pai_species")
            continue
        key = f"presentation {group}" if group else f"line {line}"
        picture = index.parent / fields["path"]
        known = found.get(key)
        if known is None:
            found[key] = Presentation(
                name=group or fields["path"],
                label=label,
                pai_species=fields["pai_species"] if label is Label.ATTACK else "",
                subject=fields["subject"],
                source=fields["source"],
                paths=(picture,),
            )
        elif (known.label, known.pai_species) != (
            label,
            fields["pai_species"] if label is Label.ATTACK else "",
        ):
            problems.append(f"line {line}: presentation {group!r} has two labels or species")
        else:
            found[key] = Presentation(
                known.name, label, known.pai_species, known.subject, known.source, (*known.paths, picture)
            )
    refuse_rows(index, problems)
    return tuple(found.values())
