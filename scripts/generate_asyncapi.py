"""Writes docs/asyncapi.json and the table of size limits in docs/mqtt.md; with --check only tells whether they are
current.
"""

from __future__ import annotations

import json
import sys

from generate_schemas import DOCS, PAGE, examples
from generated import between, write_or_check

from edge.contracts.asyncapi import TOPICS, document, size_limit


def limits() -> list[str]:
    rows = {topic.message: topic for topic in TOPICS}
    lines = [f"| {name} | {topic.action} | {size_limit(name):,} |" for name, topic in rows.items()]
    return ["| message | the terminal's | bytes at most |", "|---|---|---:|", *lines]


def main() -> int:
    built = document(examples(), schemas_at="schema")
    page = between(PAGE.read_text(encoding="utf-8"), "size limits", limits())
    return write_or_check(
        {DOCS / "asyncapi.json": json.dumps(built, indent=2, ensure_ascii=False) + "\n", PAGE: page}, __doc__
    )


if __name__ == "__main__":
    sys.exit(main())
