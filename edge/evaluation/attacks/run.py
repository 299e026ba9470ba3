"""A run of the bench: several processes, and a folder that keeps what is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from edge.errors import InputError
from edge.evaluation.attacks.catalogue import SET_ASIDE, Case
from edge.evaluation.attacks.rows import ROWS_FILE, Row, RowWriter
from edge.evaluation.attacks.session import BenchSetup, Presenter
from edge.evaluation.evaluate import claim_folder, sha256_of
from edge.evaluation.pool import work
from edge.evaluation.provenance import rules_of
from edge.inference.bundle import ModelBundle
from edge.simulation.obj import read_obj
from edge.simulation.scene import scene_files

_REMEDY: Final = "give another --out, or --fresh to throw away what is there and begin again"


def identity(
    setup: BenchSetup, bundle: ModelBundle, *, numbers: range, scenes: Path | None, head: Path | None
) -> dict[str, Any]:
    """Of two runs that differ in it, the rows do not belong into one file. Raises InputError.

    Types, conditions and how many sessions are no part of it: a folder can be filled in several goes.
    """
    return {
        "simulated": True,
        "numbers": "set aside" if numbers.start >= SET_ASIDE else "development",
        "head": sha256_of(head) if head else None,
        "scenes": _sha256_of_all(scene_files(scenes)) if scenes else None,
        **rules_of(bundle, None, setup.floor, setup.mode),
    }


def chosen_numbers(first: int, count: int) -> range:
    """Raises InputError for numbers of both kinds: figures of the two are not to be mixed."""
    numbers = range(first, first + count)
    if first < SET_ASIDE < numbers.stop:
        raise InputError(
            f"numbers {first} to {numbers.stop - 1} are partly for development and partly set aside",
            remedy=f"end before {SET_ASIDE}, or begin there",
        )
    return numbers


def check_head(head: Path | None) -> None:
    """Raises InputError where the OBJ file cannot be used, before any session is run."""
    if head is not None:
        read_obj(head)


class Run:
    """rows: by key, those of earlier goes among them; the file has them as soon as they are there."""

    def __init__(self, writer: RowWriter | None) -> None:
        self._writer = writer
        self.rows = {row.key: row for row in writer.rows} if writer else {}
        self.resumed = len(self.rows)

    def remaining(self, cases: Sequence[Case]) -> list[Case]:
        return [case for case in cases if case.key not in self.rows]

    def add(self, row: Row) -> None:
        if row.key not in self.rows:
            self.rows[row.key] = row
            if self._writer is not None:
                self._writer.write(row)


@contextmanager
def open_run(folder: Path | None, facts: dict[str, Any], *, fresh: bool) -> Iterator[Run]:
    """Begins a run, or goes on with the one in the folder. None: nothing is kept. Raises InputError."""
    if folder is None:
        yield Run(None)
        return
    with RowWriter(claim_folder(folder, ROWS_FILE, facts, fresh=fresh, remedy=_REMEDY)) as writer:
        yield Run(writer)


def play(
    setup: BenchSetup, presenter: Presenter, cases: Sequence[Case], jobs: int, on_row: Callable[[Row], None]
) -> None:
    """Plays cases and hands over each row as it is there, in any order.

    presenter: of ``setup``, in this thread; it does the work where one job is enough. Raises InputError where a scene
    cannot be built, and LivegateError when a process dies.
    """
    if min(jobs, len(cases)) <= 1:
        for case in cases:
            on_row(presenter.present(case))
        return
    work(
        cases,
        _present,
        jobs=jobs,
        begin=_begin,
        arguments=(setup,),
        name=lambda case: case.name,
        on_result=on_row,
    )


_presenter: Presenter | None = None


def _begin(setup: BenchSetup) -> None:
    """First in each process. The parent has checked the golden vectors."""
    global _presenter  # noqa: PLW0603 - a process of the pool has no other place
    _presenter = Presenter(setup.models.open(verify=False), setup.floor, setup.mode)


def _present(case: Case) -> Row:
    if _presenter is None:
        raise AssertionError("the process was not begun")
    return _presenter.present(case)


def _sha256_of_all(files: Sequence[Path]) -> str:
    return hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
