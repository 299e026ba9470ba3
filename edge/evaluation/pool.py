"""Several processes at work on a list of tasks; an interrupt loses nothing that is done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from edge.errors import LivegateError
from edge.terminal import logs
from edge.terminal.threads import keep_to_one_thread

# Tasks that wait for each process, so that none idles while a result is written.
_AHEAD = 2

Task = TypeVar("Task")
Result = TypeVar("Result")


def work(
    tasks: Sequence[Task],
    do: Callable[[Task], Result],
    *,
    jobs: int,
    begin: Callable[..., None],
    arguments: tuple[Any, ...],
    name: Callable[[Task], str],
    on_result: Callable[[Result], None],
) -> None:
    """Does the tasks in ``jobs`` processes, and hands over each result as it is there, in any order.

    do: a function of a module; it runs in the processes. begin: called first in each of them with ``arguments``, a
    function of a module too. name: of a task, in words. An interrupt still hands over what is being done. Raises what
    a task raises, and LivegateError when a process dies.
    """
    with ProcessPoolExecutor(
        min(jobs, len(tasks)), mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, arguments)
    ) as pool:
        waiting = iter(tasks)
        running: dict[Future[Result], Task] = {}
        try:
            while True:
                with _interrupts_held():
                    for task in islice(waiting, _AHEAD * jobs - len(running)):
                        running[pool.submit(do, task)] = task
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    on_result(future.result())
                    del running[future]
        except KeyboardInterrupt:
            for future in running:
                future.cancel()
            for future in wait(running).done:
                if not future.cancelled() and future.exception() is None:
                    on_result(future.result())
            raise
        except BrokenProcessPool:
            names = ", ".join(sorted(map(name, running.values())))
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


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logs.configure("warning", as_json=False)
    keep_to_one_thread()
    begin(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
