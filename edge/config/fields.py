"""Every field that a file may hold, in words: for messages and for the reference.

A file is described by its model. Where a section may be one of several, one of its keys tells which it is: its tag, as
``kind`` in a list whose sections differ and ``driver`` where hardware is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from edge.config.settings import HOST_PATTERN, LANGUAGE_PATTERN, MODEL_ID_PATTERN, POLICY_NAME_PATTERN, Settings
from edge.config.values import DEVICE_PATTERN, PRINTABLE_PATTERN
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN

Steps = tuple[str | int, ...]

_NULL = {"type": "null"}
_PATTERNS = {
    ID_PATTERN: "1 to 63 lower-case letters, digits and inner hyphens",
    PREFIX_PATTERN: "letters, digits, _ and -, in parts joined by /",
    MODEL_ID_PATTERN: "2 to 63 lower-case letters, digits and hyphens",
    POLICY_NAME_PATTERN: "1 to 32 lower-case letters, digits and hyphens",
    DEVICE_PATTERN: "a name of 1 to 64 letters, digits and : . _ @ + , - as the kernel gives it",
    HOST_PATTERN: "a host name or an address, without scheme and port",
    LANGUAGE_PATTERN: "a language tag such as en or de-AT",
    PRINTABLE_PATTERN: "text of 1 to 256 characters without control characters",
}
_FORMATS = {"path": "a path", "photo": "a path, or openpeople:NAME"}


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A key of the file.

    allowed: what it may hold, as a phrase. default: in YAML's flow style; None where the key is required, and
    for a section that is there without being named. section: it holds keys of its own. tags: of the sections that
    have this key, where the section around it may be one of several and not all of them do.
    """

    path: tuple[str, ...]
    title: str
    description: str
    allowed: str
    default: str | None
    required: bool
    section: bool
    secret: bool
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``camera.fps``."""
        return ".".join(self.path)


def schema(model: type[BaseModel] = Settings) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a kind of file, at first the site's; rules between fields are not in it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return schema(model)


@cache
def fields(model: type[BaseModel] = Settings) -> Mapping[tuple[str, ...], FieldInfo]:
    """All fields by path, each section before its own; those of a list's sections are not among them."""
    document = _schema(model)
    return MappingProxyType({info.path: info for info in _walk(document, document, ())})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may stand at a place. choices: where only a few texts may. secret: its value is not repeated."""

    phrase: str
    choices: tuple[str, ...]
    secret: bool


def allowed_at(model: type[BaseModel], loc: Steps) -> Allowed:
    """loc: as pydantic gives it. Raises KeyError where it leads to no field."""
    document = _schema(model)
    node = list(_along(document, loc))[-1]
    kind = _resolved(document, _without_null(node))
    return Allowed(_phrase(document, node), _choices(kind), kind.get("writeOnly", False))


def keys_at(model: type[BaseModel], loc: Steps) -> tuple[str, ...]:
    """The keys of the section to which ``loc``, as pydantic gives it, leads."""
    document = _schema(model)
    node = list(_along(document, loc))[-1]
    return tuple(_resolved(document, _without_null(node))["properties"])


def steps_in_file(model: type[BaseModel], loc: Steps) -> Steps:
    """Keys and indices of a place that pydantic names: it names the tag of a section as if it were a step."""
    document = _schema(model)
    steps = zip(_along(document, loc[:-1]), loc, strict=False)
    return tuple(step for node, step in steps if not _is_tag(step, _resolved(document, _without_null(node))))


def _along(document: Mapping[str, Any], loc: Steps) -> Iterator[Mapping[str, Any]]:
    """The file's own node, then the one after each step."""
    node: Mapping[str, Any] = document
    yield node
    for step in loc:
        inside = _resolved(document, _without_null(node))
        tagged = _tagged(inside)
        if isinstance(step, int):
            node = inside["items"]
        elif _is_tag(step, inside):
            node = {"$ref": tagged[str(step)]}
        elif tagged:
            node = {"enum": list(tagged)}
        else:
            node = inside["properties"][step]
        yield node


def _tagged(node: Mapping[str, Any]) -> Mapping[str, str]:
    """Of a section that is one of several: the reference of each, by its tag."""
    mapping: Mapping[str, str] = node.get("discriminator", {}).get("mapping", {})
    return mapping


def _tag_key(node: Mapping[str, Any]) -> str:
    """Of a section that is one of several: the key that tells which."""
    return str(node["discriminator"]["propertyName"])


def _is_tag(step: str | int, node: Mapping[str, Any]) -> bool:
    return bool(_tagged(node)) and step != _tag_key(node)


def _walk(document: Mapping[str, Any], node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[FieldInfo]:
    for name, raw in node.get("properties", {}).items():
        kind = _resolved(document, _without_null(raw))
        tagged = _tagged(kind)
        section = "properties" in kind or bool(tagged)
        required = name in node.get("required", ())
        steps = (*path, name)
        yield FieldInfo(
            path=steps,
            title=raw.get("title") or kind["title"],
            description=raw.get("description", ""),
            allowed=_phrase(document, raw),
            default=None if required or (section and raw["default"]) else json.dumps(raw["default"]),
            required=required,
            section=section,
            secret=kind.get("writeOnly", False),
        )
        if tagged:
            yield from _walk_tagged(document, kind, steps, raw.get("default"))
        else:
            yield from _walk(document, kind, steps)


def _walk_tagged(
    document: Mapping[str, Any], node: Mapping[str, Any], path: tuple[str, ...], default: Mapping[str, Any] | None
) -> Iterator[FieldInfo]:
    """The keys of all sections that this one may be, each once; those of one name are taken to be alike. What
    only some of them demand is told with the default of the others.
    """
    merged: dict[tuple[str, ...], FieldInfo] = {}
    tags: dict[tuple[str, ...], list[str]] = {}
    tagged, key = _tagged(node), _tag_key(node)
    for tag, reference in tagged.items():
        for info in _walk(document, _resolved(document, {"$ref": reference}), path):
            if info.path not in merged or (merged[info.path].required and not info.required):
                merged[info.path] = info
            tags.setdefault(info.path, []).append(tag)
    for where, info in merged.items():
        if where == (*path, key):
            own = None if default is None else json.dumps(default[key])
            yield replace(info, allowed=_phrase(document, {"enum": list(tagged)}), default=own, required=own is None)
        else:
            yield replace(info, tags=() if len(tags[where]) == len(tagged) else tuple(tags[where]))


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    # Before 2.9 pydantic wraps a reference that has siblings.
    wrapped = node["allOf"][0] if "allOf" in node else node
    reference = wrapped.get("$ref")
    if reference is None:
        return node
    definition: Mapping[str, Any] = document["$defs"][reference.rpartition("/")[2]]
    return definition


def _without_null(node: Mapping[str, Any]) -> Mapping[str, Any]:
    options = [option for option in node.get("anyOf", ()) if option != _NULL]
    return options[0] if options else node


def _phrase(document: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    if _NULL in node.get("anyOf", ()):
        return f"{_phrase(document, _without_null(node))}, or null"
    node = _resolved(document, node)
    if _tagged(node):
        return f"a section with {_tag_key(node)} {' or '.join(_tagged(node))}"
    choices = _choices(node)
    if choices:
        return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    if node["type"] == "array":
        each = _phrase(document, node["items"])
        return f"a list of {node.get('minItems', 0)} to {node['maxItems']}, each {each}"
    return _SIMPLE[node["type"]](node)


def _choices(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, [node["const"]] if "const" in node else node.get("enum", ())))


def _text_phrase(node: Mapping[str, Any]) -> str:
    if node.get("format") in _FORMATS:
        return _FORMATS[node["format"]]
    pattern = node.get("pattern")
    if pattern in _PATTERNS:
        return _PATTERNS[pattern]
    length = f" of {node.get('minLength', 0)} to {node['maxLength']} characters" if "maxLength" in node else ""
    return f"text{length} like {pattern}" if pattern else f"text{length}"


_SIMPLE: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "boolean": lambda _: "true or false",
        "integer": lambda node: f"a whole number from {node['minimum']} to {node['maximum']}",
        "number": lambda node: f"a number from {node['minimum']:g} to {node['maximum']:g}",
        "object": lambda _: "a section",
        "string": _text_phrase,
    }
)
