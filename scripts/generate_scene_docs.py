"""Writes the reference in docs/simulation.md from the scene's models; with --check only tells whether it is current."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from generated import between, write_or_check

from edge.config.fields import FieldInfo, fields
from edge.simulation.scene import Scene, Somebody, Subject

KIND = "kind"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "simulation.md"


def reference() -> Iterator[str]:
    known = fields(Scene).values()
    top = [info for info in known if len(info.path) == 1]
    yield from table(info for info in top if not info.section)
    for section in (info for info in top if info.section):
        yield from ("", f"### {section.name}", "", f"{section.description}.", "")
        yield from table(info for info in known if info.path[0] == section.name and is_written(info))


def subjects() -> Iterator[str]:
    people = [info.path for info in fields(Somebody).values()]
    for model in get_args(get_args(Subject)[0]):
        infos = fields(model)
        kind = infos[KIND,]
        yield from ("", f"### kind: {kind.allowed}", "", f"{kind.description}.", "")
        # Who wears a print or looks through it has the keys of a person, which are listed once.
        yield from table(
            info
            for info in infos.values()
            if info.name != KIND and (len(info.path) == 1 or info.path[1:] not in people)
        )


def is_written(info: FieldInfo) -> bool:
    """A section is listed where it may be null: else its keys tell that it is there."""
    return not info.section or info.allowed.endswith("null")


def table(rows: Iterable[FieldInfo]) -> Iterator[str]:
    yield "| key | may be | default | |"
    yield "|---|---|---|---|"
    for info in rows:
        default = "required" if info.required else f"`{info.default or '{}'}`"
        yield f"| `{info.name}` | {info.allowed} | {default} | {info.description} |"


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    return write_or_check({PAGE: between(between(page, "reference", reference()), "subjects", subjects())}, __doc__)


if __name__ == "__main__":
    sys.exit(main())
