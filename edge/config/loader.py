"""Reads the site's file and says everything that is wrong with it at once. The file is never written."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from edge.config import fields
from edge.config.policy import PRESETS
from edge.config.problems import MOST, ConfigProblems, Problem, shown
from edge.config.settings import MASK, Policy, Settings
from edge.config.yaml_tree import Place, Steps, Tree, dotted, parse, read_bytes

schema = fields.schema


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the hash that decisions sign (`fingerprint`), and the file that they came from."""

    settings: Settings
    sha256: str
    source: Path


def load(path: Path | str) -> Loaded:
    """Read a YAML file. Relative paths in it count from its folder.

    Raises ConfigProblems with every mistake in it, or with the one that keeps it from being read.
    """
    source = Path(path)
    return load_bytes(read_bytes(source), source)


def load_bytes(content: bytes, source: Path) -> Loaded:
    """As `load`, of content that is already read; ``source`` need not exist."""
    tree = parse(content, source)
    problems = list(tree.problems)
    settings = None
    try:
        settings = Settings.model_validate(tree.data, context={"folder": source.absolute().parent})
    except ValidationError as error:
        problems += _problems(error, tree)
    if settings is None or problems:
        raise ConfigProblems(source, sorted(problems, key=lambda p: (p.line, p.column))[:MOST])
    return Loaded(settings, fingerprint(settings), source)


def fingerprint(settings: Settings) -> str:
    """SHA-256 hex over all values in effect, as JSON with sorted keys. Of a secret file counts that it is set."""
    effective = json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(effective.encode()).hexdigest()


def show(settings: Settings) -> str:
    """All values in effect as YAML, secret files masked; what was not written is marked with its origin."""
    out = io.StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.width = 1 << 16
    yaml.dump(_commented(settings), out)
    return out.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes ``null`` where the library leaves a blank."""

    def represent_none(self, _: None) -> ScalarNode:
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:null", "null")
        return node


_Representer.add_representer(type(None), _Representer.represent_none)


def _commented(section: BaseModel) -> CommentedMap:
    values = section.model_dump(mode="json")
    preset = section.preset if isinstance(section, Policy) else None
    shown_section = CommentedMap()
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            shown_section[name] = _commented(value)
            continue
        if isinstance(value, tuple):
            shown_section[name] = CommentedSeq(values[name])
            shown_section[name].fa.set_flow_style()
        else:
            shown_section[name] = values[name]
        if preset is not None and name != "preset" and value == getattr(PRESETS[preset], name):
            shown_section.yaml_add_eol_comment(f"preset {preset}", name, column=0)
        elif name not in section.model_fields_set:
            shown_section.yaml_add_eol_comment("default", name, column=0)
    return shown_section


def _problems(error: ValidationError, tree: Tree) -> Iterator[Problem]:
    details = error.errors(include_url=False)
    paths = {detail["loc"] for detail in details}
    count = 0
    for detail in details:
        path = detail["loc"]
        broken = any(path[:length] in tree.broken for length in range(len(path) + 1))
        # A list whose items are wrong is also reported as too short.
        echo = detail["type"] == "too_short" and any(other[:-1] == path for other in paths if other != path)
        if broken or echo:
            continue
        count += 1
        if count > MOST:
            return
        yield _problem(detail, path, tree)


def _problem(detail: ErrorDetails, path: Steps, tree: Tree) -> Problem:
    if detail["type"] == "extra_forbidden":
        siblings = [info.path[-1] for info in fields.fields().values() if info.path[:-1] == path[:-1]]
        message = f"unknown key; known here: {', '.join(siblings)}"
        return _told(tree.keys[path], path, message, _nearest_key(path, siblings))
    place = _place(path, tree)
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return _told(place, path, str(context["error"]))
    if detail["type"] == "looser":
        message = f"{detail['msg']}, which demands {_value(context['demands'])}"
        return _told(place, path, message, "a policy without a preset may demand less")
    return _wrong_value(detail, place, path)


def _wrong_value(detail: ErrorDetails, place: Place, path: Steps) -> Problem:
    allowed = fields.allowed_at(path)
    given = detail["input"]
    suggestion = None
    if detail["type"] == "missing":
        message = f"is missing; it must be {allowed.phrase}"
    elif detail["type"] == "driver":
        message = f"{detail['msg']} as {_value(given)}; it has {allowed.phrase}"
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
    return _told(place, path, message, suggestion)


def _told(place: Place, path: Steps, message: str, suggestion: str | None = None) -> Problem:
    return Problem(*place, dotted(path), message, suggestion)


def _place(path: Steps, tree: Tree) -> Place:
    """Of the value, or of the key of the nearest section around what is not in the file."""
    if path in tree.values:
        return tree.values[path]
    while path and path not in tree.keys:
        path = path[:-1]
    return tree.keys.get(path, (1, 1))


def _nearest_key(path: Steps, siblings: list[str]) -> str | None:
    name = _snake_case(str(path[-1]))
    here = difflib.get_close_matches(name, siblings, n=1, cutoff=0.7)
    if here:
        return f"did you mean {here[0]}?"
    homes: dict[str, list[str]] = {}
    for info in fields.fields().values():
        homes.setdefault(info.path[-1], []).append(info.name)
    elsewhere = difflib.get_close_matches(name, homes, n=1, cutoff=0.8)
    return f"did you mean {' or '.join(homes[elsewhere[0]])}?" if elsewhere else None


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
