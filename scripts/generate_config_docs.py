"""Writes the reference in docs/configuration.md from the settings; with --check only tells whether it is current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from generated import between, write_or_check

from edge.config.fields import FieldInfo, fields
from edge.config.policy import PRESETS, PolicyFloor

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"


def presets() -> Iterator[str]:
    yield "| key | " + " | ".join(preset.value for preset in PRESETS) + " |"
    yield "|---|" + "---|" * len(PRESETS)
    floors = [floor.model_dump(mode="json") for floor in PRESETS.values()]
    for name in PolicyFloor.model_fields:
        if name != "name":
            yield f"| `{name}` | " + " | ".join(value(floor[name]) for floor in floors) + " |"


def value(of: object) -> str:
    if isinstance(of, list):
        return ", ".join(map(str, of)) or "none"
    return f"{of:g}" if isinstance(of, float) else str(of)


def reference() -> Iterator[str]:
    known = fields().values()
    top = [info for info in known if len(info.path) == 1]
    yield from table([info for info in top if not info.section])
    for section in (info for info in top if info.section):
        yield ""
        yield f"### {section.name}"
        yield ""
        yield f"{section.description}.{' Required.' if section.required else ''}"
        yield ""
        yield from table([info for info in known if info.path[0] == section.name and is_written(info)])


def is_written(info: FieldInfo) -> bool:
    return not info.section or info.default is not None


def table(rows: list[FieldInfo]) -> Iterator[str]:
    yield "| key | may be | default | |"
    yield "|---|---|---|---|"
    for info in rows:
        default = "required" if info.default is None else f"`{info.default}`"
        secret = " (never shown)" if info.secret else ""
        only = f"Driver {' or '.join(info.tags)}: " if info.tags else ""
        yield f"| `{info.name}` | {info.allowed}{secret} | {default} | {only}{info.description} |"


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    current = between(between(page, "presets", presets()), "reference", reference())
    return write_or_check({PAGE: current}, __doc__)


if __name__ == "__main__":
    sys.exit(main())
