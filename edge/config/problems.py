"""What is wrong with a YAML file: everything at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError

MOST = 100
NOT_ALLOWED = "value not allowed"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    line, column: from 1; both 0 where the file as a whole is meant.
    path: of the key, joined by dots; empty where there is none.
    message: what is wrong and what is allowed. suggestion: what was probably meant.
    kind: what is wrong, in words that repeat nothing of the file.
    """

    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None
    kind: str = NOT_ALLOWED

    def describe(self, source: Path) -> str:
        """One line: ``file:line:column: path: message; suggestion``."""
        file = shown(str(source), longest=4096)
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{place}: {text}; {self.suggestion}" if self.suggestion else f"{place}: {text}"


class ConfigProblems(ConfigError):  # noqa: N818 - the family has the suffix
    """A file with mistakes, in the order of their places. No more than `MOST` are kept.

    page: of the documentation, that describes each key.
    """

    def __init__(self, source: Path, problems: Iterable[Problem], *, page: str) -> None:
        self.source = source
        self.page = page
        self.problems = tuple(problems)
        lines = [problem.describe(source) for problem in self.problems]
        if len(lines) > 1:
            count = f"the first {MOST}" if len(lines) >= MOST else str(len(lines))
            lines.insert(0, f"{count} mistakes in {shown(str(source), longest=4096)}")
        what = "\n".join(lines)
        super().__init__(what, remedy=f"correct the file; {page} describes each key")

    def __reduce__(self) -> tuple[object, ...]:
        # A keyword-only argument does not survive the default pickling, and these cross processes.
        return (_rebuild, (type(self), self.source, self.problems, self.page))


def _rebuild(kind: type[ConfigProblems], source: Path, problems: tuple[Problem, ...], page: str) -> ConfigProblems:
    return kind(source, problems, page=page)


def shown(text: str, *, longest: int = _LONGEST) -> str:
    """Text of a stranger's file, made safe for a terminal and short."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return short if short.isprintable() else ascii(short)[1:-1]
