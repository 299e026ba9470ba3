"""Reads the site's file and says everything that is wrong with it at once. The file is never written."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from edge.config.document import Kind
from edge.config.fields import schema
from edge.config.policy import PRESETS
from edge.config.settings import Policy, Settings
from edge.config.yaml_tree import parse, tree_of

__all__ = ["Loaded", "fingerprint", "in_place_of", "load", "load_bytes", "schema", "show", "written"]

_SITE: Final = Kind(Settings, page="docs/configuration.md", example="config/livegate.yaml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the hash that decisions sign (`fingerprint`), and the file that they came from, with its content."""

    settings: Settings
    sha256: str
    source: Path
    content: bytes = field(repr=False)


def load(path: Path | str) -> Loaded:
    """Read a YAML file. Relative paths in it count from its folder.

    Raises ConfigProblems with every mistake in it, or with the one that keeps it from being read.
    """
    source = Path(path)
    return load_bytes(_SITE.read(source), source)


def load_bytes(content: bytes, source: Path) -> Loaded:
    """As `load`, of content that is already read; ``source`` need not exist."""
    settings = _SITE.load_bytes(content, source)
    return Loaded(settings, fingerprint(settings), source, content)


def written(site: Loaded) -> dict[str, Any]:
    """The values that stand in the file itself, section by section."""
    return parse(site.content, example=_SITE.example).data


def in_place_of(site: Loaded, data: dict[str, Any]) -> Loaded:
    """The settings that the file would give if it held ``data``. Source and content stay the file's own.

    Raises ConfigProblems, whose places are of no file.
    """
    settings = _SITE.load_tree(tree_of(data), site.source)
    return replace(site, settings=settings, sha256=fingerprint(settings))


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
