"""A YAML file as plain values, with the place of every key and value.

ruamel.yaml's nodes are read rather than its objects: they keep all places, keys that are given twice can be
told beside all other mistakes, and an alias is never expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from edge.config.problems import MOST, Problem, shown

NOT_OUR_YAML = "not YAML, or not as it is used here"
LARGEST_FILE = 1 << 20
DEEPEST = 8

Steps = tuple[str | int, ...]
Place = tuple[int, int]

_TAG = "tag:yaml.org,2002:"
# `2024-05-01` is a name here, as it is in YAML 1.2's core schema.
_TEXTS = {_TAG + "str", _TAG + "timestamp"}
_NUMBERS = {_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A file that is YAML.

    data: dicts, lists, text, numbers, true, false and None. keys, values: line and column, from 1, by steps
    from the top. broken: steps to values that could not be read and stand as None. problems: of YAML itself.
    """

    data: dict[str, Any]
    keys: dict[Steps, Place]
    values: dict[Steps, Place]
    broken: set[Steps] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def tree_of(data: dict[str, Any]) -> Tree:
    """Of values that stand in no file: every place is that of the whole, which is none."""
    places = dict.fromkeys(_steps(data, ()), (0, 0))
    return Tree(data, places, places)


def _steps(value: Any, path: Steps) -> Iterator[Steps]:
    yield path
    if len(path) <= DEEPEST:
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, part in inside:
            yield from _steps(part, (*path, step))


class Unreadable(Exception):  # noqa: N818 - a reason, not yet the user's error
    """Content that is no YAML mapping, or no content at all, and the one problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_bytes(source: Path) -> bytes:
    """The file's content. Raises Unreadable when it is missing, denied, not a file or too large."""
    try:
        if source.is_dir():
            raise _whole("is a folder, not a file", "name a file in it")
        if not S_ISREG(source.stat().st_mode):
            raise _whole("is not a regular file")
        with source.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _whole(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise _whole("cannot be read: no file has such a name") from None
    return content


def parse(content: bytes, *, example: str) -> Tree:
    """Raises Unreadable when it is not a YAML mapping; lesser mistakes are in ``Tree.problems``.

    example: a file of its kind, named where the content is empty.
    """
    text = _decode(content)
    directive = re.search(r"^%", text, re.MULTILINE)
    if directive:
        raise _at(text, directive.start(), "a line that begins with % (a YAML directive) is not used here")
    yaml = YAML(typ="safe", pure=True)
    # Anchors are refused below, all of them; the library would warn of those that are given twice.
    yaml.composer.warn_double_anchors = False
    try:
        root = yaml.compose(text)
    except ReaderError as error:
        message = "holds a character that is not text: binary data, or a control character"
        raise _at(text, error.position, message) from None
    except MarkedYAMLError as error:
        raise Unreadable(_syntax(error)) from None
    except RecursionError:
        raise _whole(f"is nested deeper than {DEEPEST} levels") from None
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        # The library's own slips on odd input count as what they are caused by.
        raise _whole(f"is not YAML ({type(error).__name__})") from None
    if root is None or (isinstance(root, ScalarNode) and not root.value.strip()):
        raise _whole("is empty", f"begin with a copy of {example}")
    if not isinstance(root, MappingNode):
        line, column = _place(root)
        message = f"must hold keys with values, not {_kind(root)}"
        raise Unreadable(Problem(line, column, "", message, kind=NOT_OUR_YAML))
    tree = Tree({}, {}, {(): _place(root)})
    tree.data.update(_Reader(yaml, tree).mapping(root, ()))
    return tree


class _Reader:
    def __init__(self, yaml: YAML, tree: Tree) -> None:
        self._yaml = yaml
        self._tree = tree
        self._anchored: set[int] = set()

    def mapping(self, node: MappingNode, path: Steps) -> dict[str, Any]:
        section: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.tag not in _TEXTS:
                hint = "put it in quotes" if isinstance(key, ScalarNode) else None
                self._tell(_place(key), path, "a key must be text", hint)
                continue
            steps = (*path, key.value)
            if key.anchor:
                self._tell(_place(key), steps, _ANCHOR)
            if key.value in section:
                first = self._tree.keys[steps][0]
                self._tell(_place(key), steps, f"is given twice, first on line {first}", "keep one of them")
                continue
            self._tree.keys[steps] = _place(key)
            section[key.value] = self.value(value, steps)
            if value.start_mark.index == value.end_mark.index:
                # Nothing was written: the library then points at whatever comes next.
                self._tree.values[steps] = self._tree.keys[steps]
        return section

    def value(self, node: Node, path: Steps) -> Any:
        self._tree.values[path] = _place(node)
        if node.anchor:
            return self._anchor(node, path)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if len(path) >= DEEPEST:
            return self._broken(node, path, f"is nested deeper than {DEEPEST} levels")
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._tagged(node, path)

    def _scalar(self, node: ScalarNode, path: Steps) -> Any:
        if node.tag in _TEXTS:
            return node.value
        if node.tag not in _NUMBERS:
            return self._tagged(node, path)
        try:
            return self._yaml.constructor.construct_object(node)
        except (ValueError, LookupError, YAMLError):
            return self._broken(node, path, f"cannot be read as {node.tag.removeprefix(_TAG)}")

    def _anchor(self, node: Node, path: Steps) -> None:
        # An alias is the same node again, with the anchor's place.
        self._tree.broken.add(path)
        if id(node) not in self._anchored:
            self._anchored.add(id(node))
            self._tell(_place(node), path, _ANCHOR, "write the value out wherever it is needed")

    def _tagged(self, node: Node, path: Steps) -> None:
        hint = "put a value that begins with ! in quotes"
        self._broken(node, path, "YAML tags (!name) are not used here", hint)

    def _broken(self, node: Node, path: Steps, message: str, hint: str | None = None) -> None:
        self._tree.broken.add(path)
        self._tell(_place(node), path, message, hint)

    def _tell(self, place: Place, path: Steps, message: str, hint: str | None = None) -> None:
        if len(self._tree.problems) < MOST:
            self._tree.problems.append(Problem(*place, dotted(path), message, hint, NOT_OUR_YAML))


_ANCHOR = "anchors and aliases (&name, *name) are not used here"


def dotted(path: Steps) -> str:
    """``camera.sources[0]``."""
    return "".join(_parts(path)).removeprefix(".")


def _parts(path: Steps) -> Iterator[str]:
    for step in path:
        yield f"[{step}]" if isinstance(step, int) else f".{shown(step)}"


def _decode(content: bytes) -> str:
    if len(content) > LARGEST_FILE:
        raise _whole(f"is larger than {LARGEST_FILE >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        raise _at(before, len(before), "is not UTF-8 text", "save it as UTF-8") from None


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a section"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if node.tag == _TAG + "null" else "a single value"


def _whole(message: str, hint: str | None = None) -> Unreadable:
    return Unreadable(Problem(0, 0, "", message, hint, "cannot be read"))


def _at(text: str, index: int, message: str, hint: str | None = None) -> Unreadable:
    before = text[:index]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Unreadable(Problem(line, column, "", message, hint, NOT_OUR_YAML))


def _syntax(error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    problem = str(error.problem or error.context or "is not YAML")
    for pattern, message, hint in _SYNTAX:
        if re.search(pattern, problem):
            return Problem(line, column, "", message, hint, NOT_OUR_YAML)
    # Names in the library's messages are pieces of the file, which may be pieces of a secret.
    return Problem(line, column, "", f"is not YAML: {re.sub(_NAMES, '', problem)}", kind=NOT_OUR_YAML)


_NAMES = r" '(?!<)[^']{2,}'"
_SYNTAX = (
    (r"'\\t'", "a tab stands where YAML wants spaces", "indent with spaces"),
    ("another document", "a second YAML document begins", "keep one, without --- between"),
    ("tag|URI", "YAML tags (!name) are not used here", "put a value that begins with ! in quotes"),
    ("alias|anchor", _ANCHOR, "put a value that begins with & or * in quotes"),
    (
        "mapping values are not allowed",
        "a second ':' on a line, or a wrong indent",
        "put a value that holds ': ' in quotes",
    ),
    ("cannot start any token", "a value cannot begin with this character", "put the value in quotes"),
    ("end of stream", "a quote or bracket is not closed", None),
)
