"""Whether an earlier configuration may stand in for a site's file that cannot be used. Pure: reads no file.

Only where the broken file says nothing else of what protects: the camera, the lights with their safety figures, the
networks with their calibration, the demands on a picture, the policy, the case's contact and the waits after failures.
What of it cannot be told counts as changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge.config.fields import fields
from edge.config.problems import Problem
from edge.config.settings import Settings
from edge.config.yaml_tree import Tree, Unreadable, parse

PROTECTS: Final = ("camera", "lights", "models", "quality", "policy", "tamper", "back_off")
MOST_TOLD: Final = 10

_EXAMPLE = "config/livegate.yaml"
_TOP_KEY = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:(?=\s|$)", re.MULTILINE)


class Sections:
    """What can be read of a broken file, section by section, also where the whole is no YAML."""

    def __init__(self, content: bytes | None, source: Path) -> None:
        """content: None where the file cannot be read at all. source: relative paths in it count from its folder."""
        self._folder = source.absolute().parent
        self._whole = False
        self._data: dict[str, Any] = {}
        self._unreadable: set[str] = set()
        if content is None:
            return
        try:
            tree = parse(content, example=_EXAMPLE)
        except Unreadable:
            self._take_blocks(content)
        else:
            self._whole = True
            self._take(tree)

    def differing(self, good: bytes, names: Iterable[str]) -> tuple[str, ...]:
        """Which of these sections say other things here than in ``good``.

        good: a whole file that can be used. A section that is not there has its defaults; in a file that is no YAML it
        may have been lost, and counts as the same.
        """
        before = parse(good, example=_EXAMPLE).data
        return tuple(name for name in names if self._differs(name, before))

    @property
    def strange(self) -> bool:
        """Whether there are sections that nobody knows: any of them may have been meant to protect."""
        return not self._names <= set(Settings.model_fields)

    def state_directory(self) -> Path | None:
        """Where this file says that its state is; None where it does not, or it cannot be told."""
        if "state_directory" not in self._data:
            return None
        try:
            # Any camera: a file has to have one.
            return self._valid(
                {"camera": {"driver": "picamera2"}, "state_directory": self._data["state_directory"]}
            ).state_directory
        except ValidationError:
            return None

    @property
    def _names(self) -> set[str]:
        return self._unreadable | set(self._data)

    def _differs(self, name: str, before: dict[str, Any]) -> bool:
        if name in self._unreadable:
            return True
        if name not in self._data and not self._whole:
            return False
        now = {key: value for key, value in before.items() if key != name}
        if name in self._data:
            now[name] = self._data[name]
        try:
            return bool(getattr(self._valid(now), name) != getattr(self._valid(before), name))
        except ValidationError:
            return True

    def _valid(self, data: dict[str, Any]) -> Settings:
        return Settings.model_validate(data, context={"folder": self._folder})

    def _take(self, tree: Tree) -> None:
        # Keys that are given twice, and values that stand as None because they could not be read; at the top no name.
        broken = {re.split(r"[.[]", problem.path)[0] for problem in tree.problems}
        self._unreadable |= broken
        self._data.update((name, value) for name, value in tree.data.items() if name not in broken)

    def _take_blocks(self, content: bytes) -> None:
        for name, block in _blocks(content.decode("utf-8-sig", errors="replace")):
            if name in self._names:
                self._data.pop(name, None)
                self._unreadable.add(name)
                continue
            try:
                self._take(parse(block.encode(), example=_EXAMPLE))
            except Unreadable:
                self._unreadable.add(name)


def told(problems: Iterable[Problem]) -> str:
    """Places and kinds of mistakes, without a value or an unknown key of the file: those may be secrets."""
    lines = [_told(problem) for problem in problems]
    if len(lines) > MOST_TOLD:
        lines[MOST_TOLD:] = [f"and {len(lines) - MOST_TOLD} more"]
    return "; ".join(lines)


def _told(problem: Problem) -> str:
    place = f"line {problem.line}, column {problem.column}" if problem.line else "the whole file"
    known = fields()
    steps = re.sub(r"\[\d+\]", "", problem.path).split(".")
    while steps and tuple(steps) not in known:
        steps.pop()
    return f"{place}: {'.'.join(steps)}: {problem.kind}" if steps else f"{place}: {problem.kind}"


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each key at the left edge, with the lines up to the next one."""
    found = list(_TOP_KEY.finditer(text))
    ends = [*(after.start() for after in found[1:]), len(text)]
    for begin, end in zip(found, ends, strict=False):
        yield begin[1], text[begin.start() : end]
