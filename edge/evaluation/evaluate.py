"""A run over an index: several processes, a folder that keeps what is done, and goes on after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import cv2

from edge.errors import InputError, LivegateError
from edge.evaluation.index import Presentation
from edge.evaluation.provenance import rules_of
from edge.evaluation.replay import Replayer, ReplaySetup
from edge.evaluation.scores import Score, ScoreWriter
from edge.inference.bundle import ModelBundle
from edge.link.files import write_atomically
from edge.terminal import logs

RUN_FILE = "run.json"
SCORES_FILE = "scores.csv"
# Tasks that wait for each process, so that none idles while a result is written.
_AHEAD = 2

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
    run_file, scores_file = folder / RUN_FILE, folder / SCORES_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            scores_file.unlink(missing_ok=True)
            run_file.unlink(missing_ok=True)
        elif run_file.exists() or scores_file.exists():
            _check_same(folder, facts, remedy)
        if not run_file.exists():
            write_atomically(run_file, (json.dumps(facts, indent=2) + "\n").encode(), mode=0o644)
    except OSError as error:
        raise InputError(
            f"cannot use the folder {folder}: {error.strerror}", remedy="give a folder that can be written"
        ) from error
    return ScoreWriter(scores_file, networks)


def _check_same(folder: Path, facts: Mapping[str, Any], remedy: str) -> None:
    try:
        before = json.loads((folder / RUN_FILE).read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} has {SCORES_FILE} but no {RUN_FILE} that says of what", remedy=remedy) from None
    except ValueError as error:
        raise InputError(f"{folder / RUN_FILE} is not JSON: {error}", remedy=remedy) from None
    if not isinstance(before, dict):
        raise InputError(f"{folder / RUN_FILE} does not describe a run", remedy=remedy)
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
    with ProcessPoolExecutor(
        min(jobs, len(todo)), mp_context=get_context("spawn"), initializer=_begin, initargs=(setup,)
    ) as pool:
        waiting = iter(todo)
        running: dict[Future[Score], Numbered] = {}
        try:
            while True:
                with _interrupts_held():
                    for item in islice(waiting, _AHEAD * jobs - len(running)):
                        running[pool.submit(_judge, item)] = item
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    on_score(future.result())
                    del running[future]
        except KeyboardInterrupt:
            for future in running:
                future.cancel()
            for future in wait(running).done:
                if not future.cancelled() and future.exception() is None:
                    on_score(future.result())
            raise
        except BrokenProcessPool:
            names = ", ".join(sorted(presentation.name for _, presentation in running.values()))
            raise LivegateError(
                f"a process ended while it judged one of: {names}",
                remedy="the same command goes on; look for what killed it (memory?), or give fewer --jobs",
            ) from None


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process that is started meanwhile never sees Ctrl-C, which its terminal sends to all: the parent decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_replayer: Replayer | None = None


def _begin(setup: ReplaySetup) -> None:
    """First in each process. The parent has checked the golden vectors."""
    global _replayer  # noqa: PLW0603 - a process of the pool has no other place
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logs.configure("warning", as_json=False)
    cv2.setNumThreads(1)
    _replayer = setup.open(verify=False)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _judge(item: Numbered) -> Score:
    if _replayer is None:
        raise AssertionError("the process was not begun")
    number, presentation = item
    return _replayer.present(presentation).score(number)
