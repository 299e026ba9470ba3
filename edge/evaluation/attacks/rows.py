"""What a session of the bench came to, one row each."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from edge.contracts.enums import ErrorCode, EvidenceKind, EvidenceOutcome, Label, LightLevel, LivenessDecision
from edge.errors import InputError
from edge.evaluation.attacks.conditions import Level
from edge.evaluation.csv_file import CsvFile
from edge.evaluation.metrics import Judged

ROWS_FILE: Final = "rows.csv"
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One session of one attempt.

    decision, error: one of them. evidence: what each kind said; empty with an error. decided_by: of the decision.
    seconds: that the attempt took, on the simulated clock. light_seconds: of these for the light challenge; None where
    there was none. active: whether it went the way with challenges.
    frames: that were read. milliseconds: of this machine's processor for each of them, for vision and session alone,
    what simulates left out: their mean, and the most that one frame took. wall_seconds: of the whole session,
    simulation included.
    drawn: of the subject, keys of a scene's file; empty where the scene came from a file.
    """

    species: str
    label: Label
    condition: str
    level: Level
    number: int
    decision: LivenessDecision | None
    error: ErrorCode | None
    light_level: LightLevel
    evidence: Mapping[EvidenceKind, EvidenceOutcome] = field(default_factory=dict)
    decided_by: tuple[EvidenceKind, ...] = ()
    reason: str = ""
    active: bool = False
    seconds: float = 0.0
    light_seconds: float | None = None
    frames: int = 0
    milliseconds: float = 0.0
    worst_milliseconds: float = 0.0
    wall_seconds: float = 0.0
    drawn: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.species, self.condition, self.number

    @property
    def judged(self) -> Judged:
        """As the counts of ISO/IEC 30107-3 take it."""
        return Judged(self.label, self.species, self.decision)

    @property
    def by_physics(self) -> Judged:
        """As if light and motion, and whatever else is not the PAD networks, decided alone.

        All of it confirmed that was asked for: a person. Vetoed or not confirmed: an attack.
        """
        if self.decision is None:
            return self.judged
        others = {kind: outcome for kind, outcome in self.evidence.items() if kind is not EvidenceKind.PAD}
        asked = {kind for kind, outcome in others.items() if outcome is not EvidenceOutcome.NOT_APPLICABLE}
        proven = EvidenceKind.LIGHT in asked and all(
            others[kind] is EvidenceOutcome.CONFIRMED for kind in asked & {EvidenceKind.LIGHT, EvidenceKind.MOTION}
        )
        passes = proven and EvidenceOutcome.VETO not in others.values()
        return Judged(self.label, self.species, LivenessDecision.REALFACE if passes else LivenessDecision.SPOOFFACE)

    def vetoed(self, kind: EvidenceKind) -> bool:
        """Whether this kind of evidence spoke against a live face."""
        return self.evidence.get(kind) is EvidenceOutcome.VETO


COLUMNS: Final = (
    *("species", "label", "condition", "level", "number", "decision", "error", "light_level", "evidence", "decided_by"),
    *("reason", "active", "seconds", "light_seconds", "frames", "milliseconds", "worst_milliseconds", "wall_seconds"),
    "drawn",
)


class RowWriter:
    """Appends rows to a file that it holds; ``rows`` has those that were there.

    Raises InputError where the file is held by another run or cannot be understood.
    """

    def __init__(self, path: Path) -> None:
        self._file = CsvFile(path)
        try:
            self.rows = _parse(path, self._file.content)
            if not self._file.content:
                self._file.append(COLUMNS)
        except BaseException:
            self._file.close()
            raise

    def write(self, row: Row) -> None:
        """It is on the disk when this returns. Raises InputError where the disk does not take it."""
        self._file.append([_text(getattr(row, column)) for column in COLUMNS])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_rows(path: Path) -> tuple[Row, ...]:
    """In the order of the file. Raises InputError naming the line and the column of the first mistake."""
    try:
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the rows {path}: {error.strerror}", remedy="check the path") from error


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4f}"
        case tuple():
            return " ".join(value)
        case Mapping() if all(isinstance(key, EvidenceKind) for key in value):
            return " ".join(f"{kind}:{outcome}" for kind, outcome in value.items())
        case Mapping():
            return json.dumps(value, sort_keys=True)
        case _:
            return str(value)


def _parse(path: Path, content: bytes) -> tuple[Row, ...]:
    remedy = "correct it, or begin a new file"
    try:
        lines = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        listed = [(lines.line_num, line) for line in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}", remedy=remedy) from error
    if listed and tuple(listed[0][1]) != COLUMNS:
        raise InputError(f"{path} has the columns of another version or another file", remedy=remedy)
    rows = []
    for line, fields in listed[1:]:
        if len(fields) != len(COLUMNS):
            raise InputError(f"{path}, line {line}: {len(fields)} fields, not {len(COLUMNS)}", remedy=remedy)
        values: dict[str, Any] = {}
        for column, text in zip(COLUMNS, fields, strict=True):
            try:
                values[column] = _READ[column](text)
            except ValueError as error:
                raise InputError(f"{path}, line {line}, {column}: {error}", remedy=remedy) from error
        rows.append(Row(**values))
    return tuple(rows)


def _perhaps(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _evidence(text: str) -> dict[EvidenceKind, EvidenceOutcome]:
    pairs = (word.partition(":") for word in text.split())
    return {EvidenceKind(kind): EvidenceOutcome(outcome) for kind, _, outcome in pairs}


def _kinds(text: str) -> tuple[EvidenceKind, ...]:
    return tuple(map(EvidenceKind, text.split()))


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _drawn(text: str) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    if not isinstance(value, dict):
        raise ValueError("no keys of a subject")  # noqa: TRY004 - a mistake in a file, not in the program
    return value


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "species": str,
    "label": Label,
    "condition": str,
    "level": Level,
    "number": int,
    "decision": _perhaps(LivenessDecision),
    "error": _perhaps(ErrorCode),
    "light_level": LightLevel,
    "evidence": _evidence,
    "decided_by": _kinds,
    "reason": str,
    "active": lambda text: text == "yes",
    "seconds": _number,
    "light_seconds": _perhaps(_number),
    "frames": int,
    "milliseconds": _number,
    "worst_milliseconds": _number,
    "wall_seconds": _number,
    "drawn": _drawn,
}


def in_order(rows: Iterable[Row]) -> list[Row]:
    """However the processes finished them."""
    return sorted(rows, key=lambda row: (row.number, row.condition, row.species))
