"""A run over an index: several processes, a folder that keeps what is done, and goes on after an interruption."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.evaluation.index import Presentation
from edge.evaluation.pool import work
from edge.evaluation.provenance import rules_of
from edge.evaluation.replay import Replayer, ReplaySetup
from edge.evaluation.scores import Score, ScoreWriter
from edge.inference.bundle import ModelBundle
from edge.link.files import write_atomically

RUN_FILE = "run.json"
SCORES_FILE = "scores.csv"

Numbered = tuple[int, Presentation]


def sha256_of(path: Path) -> str:
    """Hex. Raises InputError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", remedy="check the path") from error


def identity(index: Path, setup: ReplaySetup, bundle: ModelBundle) -> dict[str, Any]:
    """Of two runs that differ in it, the rows do not belong into one file. Raises InputError."""
    return {
        "index": str(index.resolve()),
        "indexSha256": sha256_of(index),
        **rules_of(bundle, setup.calibration, setup.floor, setup.mode),
    }


class Run:
    """The folder of one run: ``run.json`` says what it is of, ``scores.csv`` has what is done.

    scores: by number; rows of presentations that could not be read are taken out, so that they are tried again.
    """

    def __init__(self, presentations: Sequence[Presentation], writer: ScoreWriter) -> None:
        self._presentations = presentations
        self._writer = writer
        self.scores: dict[int, Score] = {}
        for score in writer.scores:
            number = score.presentation
            if not 1 <= number <= len(presentations) or presentations[number - 1].name != score.name:
                raise InputError(
                    f"{SCORES_FILE} has a presentation {number}, {score.name}, that the index does not have",
                    remedy="give another --out, or --fresh to begin again",
                )
            if not score.problem:
                self.scores[number] = score
        self.resumed = len(self.scores)
        if self.resumed < len(writer.scores):
            writer.replace(self.scores.values())

    @property
    def remaining(self) -> list[Numbered]:
        """What is still to be judged, in the order of the index."""
        return [item for item in enumerate(self._presentations, 1) if item[0] not in self.scores]

    def add(self, score: Score) -> None:
        """It is on the disk when this returns; what is there already is left alone."""
        if score.presentation not in self.scores:
            self.scores[score.presentation] = score
            self._writer.write(score)

    def finish(self) -> tuple[Score, ...]:
        """All rows in the order of the index, in the file too, however the processes finished them."""
        scores = tuple(self.scores[number] for number in sorted(self.scores))
        self._writer.replace(scores)
        return scores


@contextmanager
def open_run(
    folder: Path,
    presentations: Sequence[Presentation],
    networks: Sequence[str],
    facts: Mapping[str, Any],
    *,
    fresh: bool,
) -> Iterator[Run]:
    """Begins a run in the folder, or goes on with the one that is there.

    facts: of ``identity``. fresh: throws away what is there. Raises InputError where the folder holds a run with
    other facts, or is in use.
    """
    remedy = "give another --out, or --fresh to throw away what is there and begin again"
    with open_scores(folder, networks, facts, fresh=fresh, remedy=remedy) as writer:
        yield Run(presentations, writer)


def open_scores(
    folder: Path, networks: Sequence[str], facts: Mapping[str, Any], *, fresh: bool = False, remedy: str
) -> ScoreWriter:
    """The scores of the folder, begun or gone on with, beside the ``facts`` that they belong to.

    remedy: where the folder has scores of other facts. Raises InputError as ``open_run``.
    """
    return ScoreWriter(claim_folder(folder, SCORES_FILE, facts, fresh=fresh, remedy=remedy), networks)


def claim_folder(folder: Path, rows: str, facts: Mapping[str, Any], *, fresh: bool, remedy: str) -> Path:
    """Where the rows of a run with these facts stand; ``run.json`` beside them says what they are of.

    rows: name of their file. fresh: throws away what is there. remedy: where the folder has rows of other facts.
    Raises InputError there, and where the folder cannot be used.
    """
    run_file, rows_file = folder / RUN_FILE, folder / rows
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            rows_file.unlink(missing_ok=True)
            run_file.unlink(missing_ok=True)
        elif run_file.exists() or rows_file.exists():
            _check_same(run_file, rows, facts, remedy)
        if not run_file.exists():
            write_atomically(run_file, (json.dumps(facts, indent=2) + "\n").encode(), mode=0o644)
    except OSError as error:
        raise InputError(
            f"cannot use the folder {folder}: {error.strerror}", remedy="give a folder that can be written"
        ) from error
    return rows_file


def _check_same(run_file: Path, rows: str, facts: Mapping[str, Any], remedy: str) -> None:
    folder = run_file.parent
    try:
        before = json.loads(run_file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} has {rows} but no {RUN_FILE} that says of what", remedy=remedy) from None
    except ValueError as error:
        raise InputError(f"{run_file} is not JSON: {error}", remedy=remedy) from None
    if not isinstance(before, dict):
        raise InputError(f"{run_file} does not describe a run", remedy=remedy)
    other = [
        f"{key} ({_short(before.get(key))} there, {_short(facts.get(key))} now)"
        for key in dict.fromkeys([*facts, *before])
        if before.get(key) != facts.get(key)
    ]
    if other:
        raise InputError(f"{folder} holds a run with other {', '.join(other)}", remedy=remedy)


def _short(value: object) -> str:
    if isinstance(value, dict):
        if "name" in value:
            return str(value["name"])
        return " + ".join(
            f"{key} {str(fact.get('sha256'))[:8]}" if isinstance(fact, dict) else key for key, fact in value.items()
        )
    return "none" if value is None else str(value)


def judge(
    setup: ReplaySetup, replayer: Replayer, todo: Sequence[Numbered], jobs: int, on_score: Callable[[Score], None]
) -> None:
    """Judges presentations and hands over each score as it is there, in any order.

    replayer: of ``setup``, in this thread; it does the work where one job is enough. An interrupt still hands over
    what is being judged. Raises LivegateError when a process dies, ModelError when a network fails.
    """
    if min(jobs, len(todo)) <= 1:
        for number, presentation in todo:
            on_score(replayer.present(presentation).score(number))
        return
    work(todo, _judge, jobs=jobs, begin=_begin, arguments=(setup,), name=lambda item: item[1].name, on_result=on_score)


_replayer: Replayer | None = None


def _begin(setup: ReplaySetup) -> None:
    """First in each process. The parent has checked the golden vectors."""
    global _replayer  # noqa: PLW0603 - a process of the pool has no other place
    _replayer = setup.open(verify=False)


def _judge(item: Numbered) -> Score:
    if _replayer is None:
        raise AssertionError("the process was not begun")
    number, presentation = item
    return _replayer.present(presentation).score(number)
