"""How checks are made, and kept apart from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Protocol

import structlog

from edge.contracts.doctor import Check, Verdict
from edge.errors import LivegateError
from edge.terminal.doctor.context import Context

log = structlog.get_logger(__name__)

UNREAD: Final = "not looked at: the configuration cannot be read"
FAULT_REMEDY: Final = "run `livegate --debug doctor` with the same options, and report the traceback that it shows"


class Function(Protocol):
    """Makes one check, or several one after the other."""

    __name__: str

    def __call__(self, context: Context, /) -> Check | Iterable[Check]: ...


def ok(name: str, seen: str) -> Check:
    """All is well."""
    return Check(name=name, verdict=Verdict.OK, seen=seen)


def warn(name: str, seen: str, remedy: str) -> Check:
    """It works, or may; somebody should look."""
    return Check(name=name, verdict=Verdict.WARN, seen=seen, remedy=remedy)


def fail(name: str, seen: str, remedy: str) -> Check:
    """With this the terminal does not do its work."""
    return Check(name=name, verdict=Verdict.FAIL, seen=seen, remedy=remedy)


def skipped(name: str, seen: str) -> Check:
    """Not configured, not of this board, or not to be looked at now: ``seen`` says which."""
    return Check(name=name, verdict=Verdict.SKIPPED, seen=seen)


def raised(name: str, error: Exception) -> Check:
    """What stopped a check. Of a fault only the type: what it carries may be a secret."""
    if isinstance(error, LivegateError):
        return fail(name, error.what, error.remedy)
    log.debug("a check of the doctor failed", check=name, exc_info=error)
    return fail(name, f"could not be looked at: {type(error).__name__}", FAULT_REMEDY)


def one_by_one(area: str, context: Context, *functions: Function) -> Iterator[Check]:
    """The checks of each function, which is named ``area.function`` where it raises."""
    for function in functions:
        yield from guarded(f"{area}.{function.__name__}", partial(function, context))


def guarded(name: str, make: Callable[[], Check | Iterable[Check]]) -> Iterator[Check]:
    """What it makes, and then a failed check of that name if it raises."""
    try:
        made = make()
        if isinstance(made, Check):
            yield made
        else:
            # Closing this generator closes that one too, as PEP 380 has it.
            yield from made
    except Exception as error:
        yield raised(name, error)
