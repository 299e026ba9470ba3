"""What a presentation came to, one row each: read and written by everything that measures.

``scores.csv`` is CSV in UTF-8. Its columns are ``COLUMNS`` with one ``margin:<id>`` for each PAD network in place of
``MARGINS``; counts and lists within a field are words separated by spaces (``blurred:3 too_far:1``).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from edge.contracts.enums import (
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    Label,
    LightLevel,
    LivenessDecision,
    QualityFailure,
)
from edge.contracts.session import AttemptReport
from edge.errors import InputError
from edge.evaluation.csv_file import CsvFile
from edge.evaluation.metrics import Judged

MARGIN: Final = "margin:"
_BEFORE: Final = (
    "name",
    "label",
    "pai_species",
    "subject",
    "source",
    "presentation",
    "score",
    "decision",
    "error",
)
_AFTER: Final = ("quality_failures", "vetoes", "frames_judged", "light_level", "milliseconds", "problem", "voided")
COLUMNS: Final = (*_BEFORE, *_AFTER)
"""Without the networks' columns, which stand between ``error`` and ``quality_failures``."""

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One presentation and how its attempt ended.

    presentation: its number in the run, from 1; rows of transactions are told to be neighbours by it.
    score: fused PAD margin in units of the networks' spreads, on which a threshold decides; None where no frame was
    judged.
    decision, error: one of them, or none where ``problem`` says why the presentation could not be read.
    margins: by id of the PAD network, in units of its manifest's spread, each the median over the judged frames.
    vetoes: kinds of evidence that said ``veto``.
    milliseconds: that reading and judging took.
    voided: why it counts nowhere although it was judged: it was not what it should have been.
    """

    name: str
    label: Label
    pai_species: str = ""
    subject: str = ""
    source: str = ""
    presentation: int
    score: float | None = None
    decision: LivenessDecision | None = None
    error: ErrorCode | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    quality_failures: Mapping[QualityFailure, int] = field(default_factory=dict)
    vetoes: tuple[EvidenceKind, ...] = ()
    frames_judged: int = 0
    light_level: LightLevel | None = None
    milliseconds: float = 0.0
    problem: str = ""
    voided: str = ""

    def of(self, attempt: AttemptReport) -> Score:
        """This presentation with what an attempt said of it."""
        pad = next((item for item in attempt.evidence if item.kind is EvidenceKind.PAD), None)
        return replace(
            self,
            score=pad.margin if pad else None,
            decision=attempt.result.liveness_decision if attempt.result else None,
            error=attempt.error.code if attempt.error else None,
            margins={network.network: network.margin for network in attempt.networks},
            quality_failures=dict(attempt.quality_failures),
            vetoes=tuple(item.kind for item in attempt.evidence if item.outcome is EvidenceOutcome.VETO),
            frames_judged=attempt.assurance.frames_judged,
            light_level=attempt.light_level,
        )

    @property
    def judged(self) -> Judged:
        """As the counts of ISO/IEC 30107-3 take it."""
        return Judged(self.label, self.pai_species, self.decision)

    @property
    def outcome(self) -> str:
        """The decision, else the error code, else empty."""
        return self.decision or self.error or ""


def counted(scores: Iterable[Score]) -> list[Score]:
    """Those that could be read and were not voided, by their numbers: all that counts anywhere."""
    return sorted(
        (score for score in scores if not score.problem and not score.voided), key=lambda score: score.presentation
    )


def read_scores(path: Path) -> tuple[Score, ...]:
    """All rows in file order. Raises InputError naming the line and the column of the first mistake."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the scores {path}: {error.strerror}", remedy="check the path") from error
    return _parse(path, content)[1]


class ScoreWriter:
    """Appends rows to a file that it holds for itself; each row is on the disk when ``write`` returns.

    A new file gets its header. Of an existing one, a last line that was cut off in writing is dropped; ``scores`` has
    the rows that were there. Raises InputError where the file is held by another run, has other networks or cannot
    be understood.
    """

    def __init__(self, path: Path, networks: Sequence[str]) -> None:
        """networks: ids of the PAD networks, in the order of their columns."""
        self._columns = _columns(networks)
        self._file = CsvFile(path)
        try:
            self.scores = self._take_over()
        except BaseException:
            self._file.close()
            raise

    def _take_over(self) -> tuple[Score, ...]:
        path, content = self._file.path, self._file.content
        if not content:
            self._file.append(self._columns)
            return ()
        columns, scores = _parse(path, content)
        if columns != self._columns:
            raise InputError(
                f"{path} has the columns {', '.join(columns)}, not {', '.join(self._columns)}",
                remedy="begin a file of its own for these networks",
            )
        return scores

    def write(self, score: Score) -> None:
        """Raises InputError for a row with a network that has no column, and where the disk does not take it."""
        self._file.append(_row(score, self._columns))

    def replace(self, scores: Iterable[Score]) -> None:
        """The file with these rows alone, at once or not at all."""
        self._file.replace((self._columns, *(_row(score, self._columns) for score in scores)))

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _columns(networks: Iterable[str]) -> tuple[str, ...]:
    return (*_BEFORE, *(MARGIN + network for network in networks), *_AFTER)


def _row(score: Score, columns: Sequence[str]) -> list[str]:
    fields = {
        "name": score.name,
        "label": score.label.value,
        "pai_species": score.pai_species,
        "subject": score.subject,
        "source": score.source,
        "presentation": str(score.presentation),
        "score": "" if score.score is None else repr(float(score.score)),
        "decision": score.decision or "",
        "error": score.error or "",
        **{MARGIN + network: repr(float(margin)) for network, margin in score.margins.items()},
        "quality_failures": " ".join(f"{failure}:{count}" for failure, count in score.quality_failures.items()),
        "vetoes": " ".join(score.vetoes),
        "frames_judged": str(score.frames_judged),
        "light_level": score.light_level or "",
        "milliseconds": f"{score.milliseconds:.3f}",
        "problem": score.problem,
        "voided": score.voided,
    }
    unknown = sorted(fields.keys() - set(columns))
    if unknown:
        raise InputError(
            f"{score.name}: the file of scores has no column {', '.join(unknown)}",
            remedy="begin a file of its own for these networks",
        )
    return [fields.get(column, "") for column in columns]


def _parse(path: Path, content: bytes) -> tuple[tuple[str, ...], tuple[Score, ...]]:
    remedy = "correct it, or begin a new file"
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}", remedy=remedy) from error
    columns = tuple(lines[0][1]) if lines else ()
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", remedy="give a file that livegate wrote")
    scores: list[Score] = []
    numbers: dict[int, int] = {}
    for line, row in lines[1:]:
        if len(row) != len(columns):
            raise InputError(f"{path}, line {line}: {len(row)} fields, not {len(columns)}", remedy=remedy)
        score = _Row(path, line, dict(zip(columns, row, strict=True))).score()
        first = numbers.setdefault(score.presentation, line)
        if first != line:
            raise InputError(
                f"{path}, line {line}: presentation {score.presentation} stands in line {first} already", remedy=remedy
            )
        scores.append(score)
    return columns, tuple(scores)


@dataclass(frozen=True, slots=True)
class _Row:
    path: Path
    line: int
    fields: Mapping[str, str]

    def score(self) -> Score:
        label = self._read("label", Label)
        decision = self._perhaps("decision", LivenessDecision)
        error = self._perhaps("error", ErrorCode)
        problem = self.fields["problem"]
        if (decision is not None) + (error is not None) + bool(problem) != 1:
            raise self._mistake("decision", "exactly one of decision, error and problem is given in each line")
        if problem and self.fields["voided"]:
            raise self._mistake("voided", "what could not be read counts nowhere already")
        score = self._perhaps("score", _finite)
        if score is None and decision is not None:
            raise self._mistake("score", "a decision needs the score that it was made on")
        species = self.fields["pai_species"]
        if bool(species) != (label is Label.ATTACK):
            raise self._mistake("pai_species", "an attack has one, a bona fide presentation none")
        return Score(
            name=self.fields["name"],
            label=label,
            pai_species=species,
            subject=self.fields["subject"],
            source=self.fields["source"],
            presentation=self._read("presentation", _count),
            score=score,
            decision=decision,
            error=error,
            margins={
                column.removeprefix(MARGIN): self._read(column, _finite)
                for column, text in self.fields.items()
                if column.startswith(MARGIN) and text
            },
            quality_failures=self._read("quality_failures", _failures),
            vetoes=self._read("vetoes", lambda text: tuple(map(EvidenceKind, text.split()))),
            frames_judged=self._read("frames_judged", _count),
            light_level=self._perhaps("light_level", LightLevel),
            milliseconds=self._read("milliseconds", _finite),
            problem=problem,
            voided=self.fields["voided"],
        )

    def _read(self, column: str, understand: Callable[[str], T]) -> T:
        try:
            return understand(self.fields[column])
        except ValueError as error:
            raise self._mistake(column, str(error)) from error

    def _perhaps(self, column: str, understand: Callable[[str], T]) -> T | None:
        return self._read(column, understand) if self.fields[column] else None

    def _mistake(self, column: str, what: str) -> InputError:
        return InputError(f"{self.path}, line {self.line}, {column}: {what}", remedy="correct it, or begin a new file")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(f"{text} is below 0")
    return value


def _failures(text: str) -> dict[QualityFailure, int]:
    pairs = (word.rpartition(":") for word in text.split())
    return {QualityFailure(name): _count(count) for name, _, count in pairs}
