"""An evaluation at the terminal itself: attempts that somebody presents, judged live, of which scores are kept alone.

The folder is that of ``edge.evaluation.evaluate``: ``run.json`` says what judged, ``scores.csv`` has a row for each
attempt, on the disk before the next one begins.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.config.loader import Loaded
from edge.contracts.enums import ErrorCode, Label, LivenessOperationMode
from edge.contracts.session import AttemptReport
from edge.errors import HardwareError, InputError
from edge.evaluation.evaluate import open_scores
from edge.evaluation.index import parse_label, read_rows, refuse_rows
from edge.evaluation.provenance import rules_of
from edge.evaluation.replay import policy_for
from edge.evaluation.scores import Score, ScoreWriter
from edge.inference.bundle import ModelBundle
from edge.session.runner import Progress
from edge.terminal.assembly import Workbench

PLAN_COLUMNS = ("label", "pai_species", "subject", "attempt")
LONGEST = 64
MOST_ATTEMPTS = 999
# Of a terminal that could not look: no answer to what was presented.
NO_CAMERA = frozenset({ErrorCode.CAMERA_PERMISSION_DENIED, ErrorCode.CAMERA_STARTUP_FAILURE})


@dataclass(frozen=True, slots=True)
class Entry:
    """What is presented: an attempt (from 1) of a subject, bona fide or with an instrument of ``pai_species``.

    Raises ValueError, saying in words what is wrong.
    """

    label: Label
    pai_species: str
    subject: str
    attempt: int

    def __post_init__(self) -> None:
        if bool(self.pai_species) != (self.label is Label.ATTACK):
            raise ValueError("an attack has a pai_species, a bona fide presentation none")
        for name, text in (("pai_species", self.pai_species), ("subject", self.subject)):
            if len(text) > LONGEST or not text.isprintable() or "/" in text or text != text.strip():
                raise ValueError(f"{name} is at most {LONGEST} printable characters without /, not {text!r}")
        if not self.subject:
            raise ValueError("a subject has a code: figures are bounded by people")
        if not 1 <= self.attempt <= MOST_ATTEMPTS:
            raise ValueError(f"attempt is from 1 to {MOST_ATTEMPTS}, not {self.attempt}")

    @property
    def name(self) -> str:
        """``print/anna/2``; the row's name."""
        return f"{self.pai_species or self.label.value}/{self.subject}/{self.attempt}"


def read_plan(path: Path) -> tuple[Entry, ...]:
    """A CSV in UTF-8 with the columns ``PLAN_COLUMNS``, in the order in which to present.

    Raises InputError naming every row that cannot be understood or stands there twice.
    """
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for line, fields in read_rows(path, "plan", PLAN_COLUMNS, needed=PLAN_COLUMNS):
        try:
            entry = parse_entry(**fields)
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        if entries.setdefault(entry.name, entry) is not entry:
            problems.append(f"line {line}: {entry.name} is planned already")
    refuse_rows(path, problems)
    if not entries:
        raise InputError(f"{path} plans no attempt", remedy="add a row for each attempt")
    return tuple(entries.values())


def parse_entry(label: str, pai_species: str, subject: str, attempt: str) -> Entry:
    """As somebody wrote it. Raises ValueError, saying in words what is wrong."""
    if not attempt.isdecimal():
        raise ValueError(f"attempt {attempt!r} is no number")
    return Entry(parse_label(label), pai_species, subject, int(attempt))


class Campaign:
    """The attempts of one folder. Those that were voided stay in it and count nowhere."""

    def __init__(self, writer: ScoreWriter) -> None:
        self._writer = writer
        self._scores = list(writer.scores)

    @property
    def scores(self) -> tuple[Score, ...]:
        """All rows, in the order in which they were presented."""
        return tuple(self._scores)

    @property
    def last(self) -> Score | None:
        """The latest attempt that counts."""
        return next((score for score in reversed(self._scores) if not score.voided), None)

    def has(self, entry: Entry) -> bool:
        """Whether it was presented and counts."""
        return any(score.name == entry.name and not score.voided for score in self._scores)

    def next_attempt(self, label: Label, pai_species: str, subject: str) -> int:
        """The first number, from 1, that this subject has not presented."""
        number = 1
        while number < MOST_ATTEMPTS and self.has(Entry(label, pai_species, subject, number)):
            number += 1
        return number

    def record(self, entry: Entry, attempt: AttemptReport, *, source: str, milliseconds: float) -> Score:
        """It is on the disk when this returns. Raises InputError for an entry that is there already."""
        if self.has(entry):
            raise InputError(f"{entry.name} was presented already", remedy="void it first, or give the next attempt")
        score = Score(
            name=entry.name,
            label=entry.label,
            pai_species=entry.pai_species,
            subject=entry.subject,
            source=source,
            presentation=max((score.presentation for score in self._scores), default=0) + 1,
            milliseconds=milliseconds,
        ).of(attempt)
        self._writer.write(score)
        self._scores.append(score)
        return score

    def void_last(self, reason: str) -> Score:
        """The latest attempt that counts no longer does; its row stays as it is, with the reason.

        Raises InputError where there is none.
        """
        last = self.last
        if last is None:
            raise InputError("there is no attempt to void", remedy="present one first")
        voided = replace(last, voided=reason)
        scores = [voided if score is last else score for score in self._scores]
        self._writer.replace(scores)
        self._scores = scores
        return voided


def open_campaign(
    folder: Path, loaded: Loaded, bundle: ModelBundle, workbench: Workbench, mode: LivenessOperationMode
) -> ScoreWriter:
    """Begins a campaign, or goes on with the one that is there: a context that lets the folder go.

    Raises InputError where the folder holds scores of another terminal, other models or another policy.
    """
    facts: dict[str, Any] = {
        "device": loaded.settings.device.id,
        "config": loaded.sha256,
        "camera": workbench.camera.model_dump(mode="json"),
        **rules_of(bundle, workbench.calibration, loaded.settings.policy, mode),
    }
    networks = [model.id for model in bundle.pad]
    return open_scores(folder, networks, facts, remedy="give another --out: figures are of one terminal as it is")


class LiveJudge:
    """Judges attempts as the terminal judges anybody: one session of one attempt each, by the site's policy."""

    def __init__(self, workbench: Workbench, loaded: Loaded, mode: LivenessOperationMode) -> None:
        """Raises PolicyRefusal where the policy does not allow the mode."""
        self._runner = workbench.runner
        self._policy = policy_for(loaded.settings.policy, mode)
        self._mode = mode

    def judge(self, on_progress: Callable[[Progress], None]) -> tuple[AttemptReport, float]:
        """How the attempt ended, and the milliseconds that it took.

        Raises HardwareError where the camera did not open: nothing was presented to anybody then.
        """
        started = time.perf_counter()
        report = self._runner.run(uuid.uuid4().hex, self._policy, self._mode, on_progress=on_progress)
        attempt = report.attempts[-1]
        if attempt.error is not None and attempt.error.code in NO_CAMERA:
            raise HardwareError(
                f"the camera cannot be opened: {attempt.error.message}",
                remedy="see to it; the same command goes on with this attempt",
            )
        return attempt, (time.perf_counter() - started) * 1e3
