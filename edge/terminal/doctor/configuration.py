"""The site's file: whether it can be used."""

from __future__ import annotations

from collections.abc import Iterator

from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import fail, ok, one_by_one
from edge.terminal.doctor.context import Context


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("config", context, file)


def file(context: Context) -> Check:
    """Everything that is wrong with it."""
    name = "config.file"
    if context.loaded is None:
        trouble = context.trouble
        what, remedy = (trouble.what, trouble.remedy) if trouble else ("none was read", "name one by --config")
        return fail(name, what, remedy)
    return ok(name, f"{context.config} is correct (configuration {context.loaded.sha256[:16]})")
