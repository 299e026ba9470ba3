"""YAML files that hold a model's values, read so that everything that is wrong with one is said at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from edge.config.fields import allowed_at, fields, keys_at, steps_in_file
from edge.config.problems import MOST, NOT_ALLOWED, ConfigProblems, Problem, shown
from edge.config.values import MASK
from edge.config.yaml_tree import Place, Steps, Tree, Unreadable, dotted, parse, read_bytes

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind(Generic[M]):
    """A kind of file. Messages name ``page``, which describes its keys, and ``example``, a file to begin with."""

    model: type[M]
    page: str
    example: str

    def load(self, source: Path) -> M:
        """Read a file. Relative paths in it count from its folder.

        Raises ConfigProblems with every mistake in it, or with the one that keeps it from being read.
        """
        return self.load_bytes(self.read(source), source)

    def read(self, source: Path) -> bytes:
        """The file's content. Raises ConfigProblems where it is missing, denied, not a file or too large."""
        try:
            return read_bytes(source)
        except Unreadable as error:
            raise ConfigProblems(source, [error.problem], page=self.page) from None

    def load_bytes(self, content: bytes, source: Path) -> M:
        """As `load`, of content that is already read; ``source`` need not exist."""
        try:
            tree = parse(content, example=self.example)
        except Unreadable as error:
            raise ConfigProblems(source, [error.problem], page=self.page) from None
        return self.load_tree(tree, source)

    def load_tree(self, tree: Tree, source: Path) -> M:
        """As `load`, of what was parsed, or never stood in a file."""
        problems = list(tree.problems)
        read = None
        try:
            read = self.model.model_validate(tree.data, context={"folder": source.absolute().parent})
        except ValidationError as error:
            problems += _Mistakes(self.model, tree).of(error)
        if read is None or problems:
            problems.sort(key=lambda problem: (problem.line, problem.column))
            raise ConfigProblems(source, problems[:MOST], page=self.page)
        return read


@dataclass(frozen=True, slots=True)
class _Mistakes:
    """Says what pydantic found in a file, with places from its tree."""

    model: type[BaseModel]
    tree: Tree

    def of(self, error: ValidationError) -> Iterator[Problem]:
        details = error.errors(include_url=False)
        places = {detail["loc"] for detail in details}
        count = 0
        for detail in details:
            loc = detail["loc"]
            path = steps_in_file(self.model, loc)
            broken = any(path[:length] in self.tree.broken for length in range(len(path) + 1))
            # A list whose items are wrong is also reported as too short.
            echo = detail["type"] == "too_short" and any(other[:-1] == loc for other in places if other != loc)
            if broken or echo:
                continue
            count += 1
            if count > MOST:
                return
            yield self._problem(detail, loc)

    def _problem(self, detail: ErrorDetails, loc: Steps) -> Problem:
        path = steps_in_file(self.model, loc)
        if detail["type"] == "extra_forbidden":
            siblings = keys_at(self.model, loc[:-1])
            message = f"unknown key; known here: {', '.join(siblings)}"
            hint = self._nearest_key(str(path[-1]), siblings)
            return replace(_told(self.tree.keys[path], path, message, hint), kind="unknown key")
        context = detail.get("ctx", {})
        if detail["type"] == "value_error":
            return _told(self._place(path), path, str(context["error"]))
        if detail["type"] == "looser":
            message = f"{detail['msg']}, which demands {_value(context['demands'])}"
            hint = "a policy without a preset may demand less"
            return replace(_told(self._place(path), path, message, hint), kind="looser than the preset")
        return self._wrong_value(detail, loc)

    def _wrong_value(self, detail: ErrorDetails, loc: Steps) -> Problem:
        given, tag = detail["input"], None
        if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
            # Told of a section as a whole; what is wrong is the key that says which it is.
            tag = detail["ctx"]["discriminator"].strip("'")
            loc = (*loc, tag)
            given = given.get(tag)
        path = steps_in_file(self.model, loc)
        allowed = allowed_at(self.model, loc)
        suggestion, kind = None, NOT_ALLOWED
        if detail["type"] in ("missing", "union_tag_not_found"):
            message, kind = f"is missing; it must be {allowed.phrase}", "missing"
        elif tag == "driver":
            *others, last = allowed.choices
            known = f"{', '.join(others)} and {last}" if others else last
            message = f"this release has no {path[-2]} driver {_value(given)}; it has {known}"
        elif allowed.secret:
            message = f"must be {allowed.phrase}"
        else:
            message = f"must be {allowed.phrase}, not {_value(given)}"
            if detail["type"] == "string_type" and isinstance(given, int | float):
                suggestion = "put it in quotes"
        if isinstance(given, str):
            choices = {choice.lower(): choice for choice in allowed.choices}
            close = difflib.get_close_matches(given.lower()[:64], choices, n=1, cutoff=0.7)
            suggestion = f"did you mean {choices[close[0]]}?" if close else None
        return replace(_told(self._place(path), path, message, suggestion), kind=kind)

    def _place(self, path: Steps) -> Place:
        """Of the value, or of what is nearest around it where it is not in the file: an item of a list, a key."""
        if path in self.tree.values:
            return self.tree.values[path]
        while path:
            path = path[:-1]
            if path and isinstance(path[-1], int):
                return self.tree.values[path]
            if path in self.tree.keys:
                return self.tree.keys[path]
        return (1, 1)

    def _nearest_key(self, given: str, siblings: Sequence[str]) -> str | None:
        name = _snake_case(given)
        here = difflib.get_close_matches(name, siblings, n=1, cutoff=0.7)
        if here:
            return f"did you mean {here[0]}?"
        homes: dict[str, list[str]] = {}
        for info in fields(self.model).values():
            homes.setdefault(info.path[-1], []).append(info.name)
        elsewhere = difflib.get_close_matches(name, homes, n=1, cutoff=0.8)
        return f"did you mean {' or '.join(homes[elsewhere[0]])}?" if elsewhere else None


def _told(place: Place, path: Steps, message: str, suggestion: str | None = None) -> Problem:
    return Problem(*place, dotted(path), message, suggestion)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:64]).replace("-", "_").lower()


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, list | Mapping):
        return f"a list of {len(value)}" if isinstance(value, list) else "a section"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum | int | float):
        return shown(str(value))
    # Where a broker's name belongs, a URL with a password may have been written.
    return f'"{shown(re.sub(r"(?s)^.*@", f"{MASK}@", str(value)))}"'
