"""The thread that owns all interpreters and runs the sessions, one at a time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.contracts.enums import LivenessOperationMode
from edge.contracts.session import AttemptReport, SessionReport
from edge.contracts.verification import VerifyReference
from edge.liveness.policy import Policy
from edge.session.runner import Progress, SendPicture, Wanted
from edge.terminal.assembly import Workbench
from edge.terminal.hygiene import give_back_free_memory
from edge.terminal.references import OpenedReference, read_reference

T = TypeVar("T")


class InferenceThread:
    """Interpreters belong to the thread that loaded them, so the workbench is opened and used there."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._workbench: Workbench | None = None

    async def open(self, open_workbench: Callable[[], Workbench]) -> Workbench:
        """Loads models and devices; may be tried again. Raises what ``open_workbench`` raises."""

        def load() -> Workbench:
            # Here, so that ``close`` finds it also where nobody waits for it any more.
            self._workbench = open_workbench()
            return self._workbench

        return await asyncio.get_running_loop().run_in_executor(self._executor, load)

    async def run(
        self,
        session_id: str,
        policy: Policy,
        mode: LivenessOperationMode,
        *,
        reference: OpenedReference | None = None,
        on_reference: Callable[[VerifyReference], None] = lambda _: None,
        send_picture: SendPicture | None = None,
        cancelled: Callable[[], str | None],
        on_progress: Callable[[Progress], None],
        on_attempt: Callable[[AttemptReport, bool], None],
    ) -> SessionReport:
        """One session; the callbacks come on the inference thread. Raises ReferenceRefused before the camera opens."""
        workbench = self._workbench
        if workbench is None:
            raise RuntimeError("open() comes first")

        def session() -> SessionReport:
            try:
                with read_reference(reference, workbench) as read:
                    if read is not None:
                        on_reference(read.told)
                    return workbench.runner.run(
                        session_id,
                        policy,
                        mode,
                        wanted=Wanted(read, send_picture),
                        cancelled=cancelled,
                        on_progress=on_progress,
                        on_attempt=on_attempt,
                    )
            finally:
                # What refers to itself, and perhaps to a frame, would wait for as many objects as some sessions make.
                gc.collect()
                give_back_free_memory()

        return await asyncio.get_running_loop().run_in_executor(self._executor, session)

    async def rest(self) -> None:
        """Between sessions: the result is taken off the screen. Raises HardwareError when the screen is lost."""
        if self._workbench is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._workbench.runner.rest)

    async def work(self, work: Callable[[Workbench], T]) -> T:
        """Between sessions, or behind the one that runs. Raises what it raises."""
        if self._workbench is None:
            raise RuntimeError("open() comes first")
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, self._workbench)

    async def probe(self, seconds: float, unwanted: Callable[[], bool]) -> bool:
        """Tries the camera, as SessionRunner.probe does."""
        if self._workbench is None:
            raise RuntimeError("open() comes first")
        runner = self._workbench.runner
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: runner.probe(seconds, unwanted))

    async def look(self) -> float | None:
        """Whether somebody is before the camera, as SessionRunner.look does."""
        if self._workbench is None:
            raise RuntimeError("open() comes first")
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._workbench.runner.look)

    async def end_looks(self) -> None:
        """Closes the camera, where looks have left it open."""
        if self._workbench is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._workbench.runner.end_looks)

    def close(self) -> None:
        """Waits for what runs, then gives the lights back."""
        self._executor.submit(self._give_back)
        self._executor.shutdown(wait=True)

    def _give_back(self) -> None:
        if self._workbench is not None:
            self._workbench.close()
