"""One base for every error that a user may see, in families with documented exit codes.

Each message says what happened; each remedy says what to do next.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the ``livegate`` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    HARDWARE = 4
    MODEL = 5
    LINK = 6
    INPUT = 7
    UPDATE = 8
    INTERRUPTED = 130


class LivegateError(Exception):
    """Base of all errors raised on purpose.

    what: what happened, naming the file, key, topic or device concerned.
    remedy: what the reader can do about it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.remedy})"

    def __reduce__(self) -> tuple[object, ...]:
        # A keyword-only argument does not survive the default pickling, and these cross processes.
        return (_rebuild, (type(self), self.what, self.remedy))


def _rebuild(kind: type[LivegateError], what: str, remedy: str) -> LivegateError:
    return kind(what, remedy=remedy)


class ConfigError(LivegateError):
    """A configuration file cannot be used."""

    exit_code = ExitCode.CONFIG


class HardwareError(LivegateError):
    """A camera, screen, light or sensor is missing, busy, denied or stalled."""

    exit_code = ExitCode.HARDWARE


class ModelError(LivegateError):
    """A model file, its manifest or its runtime cannot be trusted or used."""

    exit_code = ExitCode.MODEL


class LinkError(LivegateError):
    """The broker cannot be reached, refuses, or a message breaks the contract."""

    exit_code = ExitCode.LINK


class InputError(LivegateError):
    """A picture, video, folder or index given by the user cannot be read."""

    exit_code = ExitCode.INPUT


class UpdateError(LivegateError):
    """A model or configuration update cannot be applied."""

    exit_code = ExitCode.UPDATE
