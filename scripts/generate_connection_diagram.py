"""Writes the connection's diagram in docs/mqtt.md; with --check only tells whether it is current."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from generated import between, write_or_check

from edge.link.connection import TRANSITIONS, Phase

PAGE = Path(__file__).resolve().parent.parent / "docs" / "mqtt.md"


def diagram() -> Iterator[str]:
    labels: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (phase, event), transition in TRANSITIONS.items():
        for to, when in transition.to.items():
            labels[phase, to].append(f"{event.__name__} - {when}")
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.IDLE}"
    for (phase, to), told in labels.items():
        yield f"    {phase} --> {to} : {'<br/>'.join(told)}"
    yield f"    {Phase.ENDED} --> [*]"
    yield "```"


def main() -> int:
    page = between(PAGE.read_text(encoding="utf-8"), "connection", diagram())
    return write_or_check({PAGE: page}, __doc__)


if __name__ == "__main__":
    sys.exit(main())
