"""Configuration that a fleet pushes over the broker: which keys it may have, and what it makes of a site's. Pure.

Only what is named here can be pushed. Hardware, the safety of eyes, models, keys, the terminal's name and its way to
the broker are the site's own: whoever holds the broker must not choose them. Of what protects the stricter value
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from edge.config.loader import Loaded, in_place_of, written
from edge.config.policy import PolicyFloor, stricter_value
from edge.config.problems import MOST, ConfigProblems, shown
from edge.config.quality import QualityLimits
from edge.config.settings import Settings
from edge.errors import ConfigError

# Of a limit of quality the value that judges fewer frames.
STRICTER_QUALITY: Final[Mapping[str, Callable[[float, float], float]]] = MappingProxyType(
    {
        "min_face_pixels": max,
        "min_face_share": max,
        "max_face_share": min,
        "max_off_centre": min,
        "min_visible": max,
        "max_speed": min,
        "max_yaw": min,
        "max_pitch": min,
        "max_roll": min,
        "max_clipped": min,
        "min_luma": max,
        "min_sharpness": max,
        "min_other_share": min,
    }
)
# A name and a preset demand nothing by themselves: decisions go on to sign the site's.
_POLICY: Final = tuple(name for name in PolicyFloor.model_fields if name != "name")

PUSHABLE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "policy": _POLICY,
        "quality": tuple(QualityLimits.model_fields),
        "guidance": ("language", "result_seconds"),
        "log": ("level", "format"),
        "recovery": ("probe_seconds", "reboot_after_seconds", "reboots_per_day", "reboot_apart_seconds"),
        "link": ("keepalive_seconds",),
    }
)
PROTECTS: Final = ("policy", "quality")

_OWN: Final = "is the site's own: hardware, safety, keys and the way to the broker cannot be pushed"


@dataclass(frozen=True, slots=True)
class Remark:
    """Of one key. ``path`` is empty where the document as a whole is meant."""

    path: str
    message: str


class PushRefused(ConfigError):  # noqa: N818 - an answer, not a fault
    """What was pushed cannot be put on top of this site's file: every reason, with its path."""

    def __init__(self, problems: tuple[Remark, ...]) -> None:
        self.problems = problems
        super().__init__(
            "; ".join(f"{problem.path}: {problem.message}" for problem in problems),
            remedy="correct the settings and raise rev",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.problems,))


@dataclass(frozen=True, slots=True)
class Merged:
    """The site's configuration with what was pushed on top.

    settings: what was pushed, of policy and quality what became of it. without_effect: keys for which the site's file
    demands more.
    """

    loaded: Loaded
    settings: dict[str, Any] = field(default_factory=dict)
    without_effect: tuple[Remark, ...] = ()


def merge(site: Loaded, pushed: Mapping[str, Any]) -> Merged:
    """site: of the file alone. pushed: sections and keys as in the file. Raises PushRefused with all that is wrong."""
    problems = list(_not_pushable(pushed))
    wanted = {
        section: {key: value for key, value in keys.items() if key in PUSHABLE[section]}
        for section, keys in pushed.items()
        if section in PUSHABLE and isinstance(keys, dict)
    }
    own = written(site)
    asked = {**own, **{name: {**_kept(own, name), **keys} for name, keys in wanted.items()}}
    try:
        typed = in_place_of(site, asked).settings
    except ConfigProblems as error:
        typed = site.settings
        problems += _remarks(error)
    if problems:
        raise PushRefused(tuple(problems[:MOST]))
    effective, without_effect = dict(wanted), []
    for name in PROTECTS:
        if name in wanted:
            effective[name], remarks = _stricter(name, site.settings, typed, wanted[name])
            asked[name] = {**(own.get(name) or {}), **effective[name]}
            without_effect += remarks
    try:
        return Merged(in_place_of(site, asked), effective, tuple(without_effect))
    except ConfigProblems as error:
        raise PushRefused(tuple(_remarks(error))) from None


def protects(pushed: Mapping[str, Any]) -> bool:
    """Whether a terminal that goes on without it may demand less than it was told to."""
    return any(pushed.get(name) for name in PROTECTS)


def _kept(own: Mapping[str, Any], name: str) -> dict[str, Any]:
    # What protects is read by itself, without the preset, beside which a looser value would be a mistake.
    return {} if name in PROTECTS else dict(own.get(name) or {})


def _not_pushable(pushed: Mapping[str, Any]) -> Iterator[Remark]:
    for section, keys in pushed.items():
        if section not in PUSHABLE:
            known = section in Settings.model_fields
            yield Remark(shown(section), _OWN if known else f"unknown section; pushed can be {', '.join(PUSHABLE)}")
        elif not isinstance(keys, dict):
            yield Remark(section, "must be a section")
        else:
            for key in keys:
                if key not in PUSHABLE[section]:
                    yield Remark(f"{section}.{shown(key)}", f"cannot be pushed; can be: {', '.join(PUSHABLE[section])}")


def _stricter(
    name: str, site: Settings, pushed: Settings, keys: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Remark]]:
    """The section's values in effect, as a file has them, and of which of them the site's demands more."""
    values, remarks = {}, []
    for key in keys:
        floor, wanted = getattr(getattr(site, name), key), getattr(getattr(pushed, name), key)
        both = stricter_value(key, floor, wanted) if name == "policy" else STRICTER_QUALITY[key](floor, wanted)
        if key == "modes" and not both:
            raise PushRefused((Remark(f"{name}.{key}", f"has none in common with the site's: {_told(floor)}"),))
        if both != wanted:
            remarks.append(
                Remark(
                    f"{name}.{key}", f"{_told(wanted)} demands less than the site's file: {_told(both)} is in effect"
                )
            )
        values[key] = _plain(both)
    return values, remarks


def _remarks(error: ConfigProblems) -> list[Remark]:
    return [Remark(p.path, f"{p.message}; {p.suggestion}" if p.suggestion else p.message) for p in error.problems]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
