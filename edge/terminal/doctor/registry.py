"""Which areas there are, and running them."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from edge import __version__
from edge.contracts.doctor import Check, DoctorReport, worst
from edge.terminal.doctor.checking import guarded
from edge.terminal.doctor.context import Context

AREAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "python": "edge.terminal.doctor.python",
        "runtime": "edge.terminal.doctor.runtime",
        "config": "edge.terminal.doctor.configuration",
        "models": "edge.terminal.doctor.models",
        "state": "edge.terminal.doctor.state",
        "system": "edge.terminal.doctor.system",
        "broker": "edge.terminal.doctor.broker",
        "service": "edge.terminal.doctor.service",
        "camera": "edge.terminal.doctor.camera",
        "lights": "edge.terminal.doctor.lights",
    }
)


def examine(context: Context, only: Collection[str] = ()) -> Generator[Check, None, None]:
    """The checks of all areas, or of those named, as they are made. Never raises an Exception of a check."""
    for area, module in AREAS.items():
        if not only or area in only:
            yield from guarded(f"{area}.area", partial(_checks, module, context))


def report(context: Context, checks: Iterable[Check]) -> DoctorReport:
    """Of checks that were made."""
    found = tuple(checks)
    return DoctorReport(
        software=__version__,
        device=None if context.settings is None else context.settings.device.id,
        at=context.wall(),
        verdict=worst(found),
        checks=found,
    )


def run(context: Context, only: Collection[str] = ()) -> DoctorReport:
    """All of it, or the areas named."""
    return report(context, examine(context, only))


def _checks(module: str, context: Context) -> Iterator[Check]:
    checks: Iterator[Check] = importlib.import_module(module).checks(context)
    return checks
