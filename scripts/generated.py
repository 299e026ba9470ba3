"""What the generators share: a page's generated parts, and writing or checking what was generated."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def between(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with ``lines`` in the place that the comments ``<!-- name: generated -->`` and ``end`` mark."""
    begin, end = f"<!-- {name}: generated -->\n", f"<!-- {name}: end -->"
    head, found_begin, rest = page.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        raise SystemExit(f"the page has no place for {name}: put {begin.strip()} and {end} on lines of their own")
    return head + begin + "\n".join(lines) + "\n" + end + tail


def write_or_check(files: Mapping[Path, str | None], description: str | None) -> int:
    """Makes each file hold its text, or be gone for None; with ``--check`` only returns 1 where one does not yet."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when something is not current")
    check = parser.parse_args().check
    stale = [path for path, text in files.items() if _read(path) != text]
    for path in stale:
        text = files[path]
        if check:
            sys.stderr.write(f"{path} is not current: run python {sys.argv[0]}\n")
        elif text is None:
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
