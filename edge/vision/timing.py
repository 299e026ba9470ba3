"""A stopwatch that a benchmark may hand in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class StageTimer(Protocol):
    """Entered around each stage: ``detector``, ``landmarks`` and ``pad.<network>`` once for each run of that
    network with its crop and decoding, ``quality`` once for each face (pose, eyes, quality)."""

    def __call__(self, stage: str, /) -> AbstractContextManager[None]: ...


class _NoTimer:
    _nothing: Final = nullcontext()

    def __call__(self, stage: str, /) -> AbstractContextManager[None]:
        return self._nothing


NO_TIMER: Final[StageTimer] = _NoTimer()
