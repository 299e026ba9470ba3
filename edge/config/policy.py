"""The policy floor: what a site demands before anyone counts as live.

A request and pushed configuration can only add to it (`stricter`). A preset's name stands for that preset or
stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from edge.contracts.enums import Alternative, EvidenceKind, LivenessOperationMode
from edge.errors import ConfigError


class WhenLightNotMeasured(StrEnum):
    """What happens where no light of the terminal's own, and no lux, could be measured."""

    PASSIVE = "passive"
    REFUSE = "refuse"


class WhenOverwhelmed(StrEnum):
    """What happens where the surroundings drown the terminal's own light, or leave too little of it to tell a shape."""

    REFUSE = "refuse"
    MOTION = "motion"


class WhenPadNotApplicable(StrEnum):
    """What happens where no PAD network can judge what the camera sees, which is infrared alone."""

    REFUSE = "refuse"
    LIGHT_AND_MOTION = "light_and_motion"


Evidence = Annotated[tuple[EvidenceKind, ...], Field(min_length=1, max_length=len(EvidenceKind))]


class PolicyFloor(BaseModel):
    """The least that a site demands of every session.

    Frozen. Evidence and modes are kept in the order of their enums, each once. The bounds leave room for
    positioning and the passive phase within every permitted time-out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[
        str,
        Field(
            strict=True,
            title="Name",
            description="Name that every decision signs; + joins the names of policies that hold together",
            pattern=r"^[a-z0-9][a-z0-9-]{0,31}(\+[a-z0-9][a-z0-9-]{0,31})*$",
        ),
    ] = "site"
    modes: Annotated[
        tuple[LivenessOperationMode, ...],
        Field(
            title="Modes",
            description="Operation modes that a request may choose",
            min_length=1,
            max_length=len(LivenessOperationMode),
        ),
    ] = tuple(LivenessOperationMode)
    max_attempts: Annotated[
        int,
        Field(strict=True, ge=1, le=3, title="Most attempts", description="Attempts that one session may have"),
    ] = 3
    max_ttl_seconds: Annotated[
        int,
        Field(
            strict=True,
            ge=60,
            le=86400,
            title="Longest time to live",
            description="Seconds after its start at which a session expires at the latest",
        ),
    ] = 600
    attempt_timeout_seconds: Annotated[
        float,
        Field(
            strict=True,
            ge=10,
            le=120,
            title="Attempt time-out",
            description="Seconds after which an attempt without a decision ends as TimedOut",
        ),
    ] = 20.0
    require_passive: Annotated[
        Evidence,
        Field(
            title="Evidence in a passive attempt",
            description="Confirmations that realface needs in a passive attempt; always pad",
        ),
    ] = (EvidenceKind.PAD,)
    require_active: Annotated[
        Evidence,
        Field(
            title="Evidence in an active attempt",
            description="Confirmations that realface needs in an attempt with challenges; always pad",
        ),
    ] = (EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION)
    require_motion_alone: Annotated[
        Evidence,
        Field(
            title="Evidence without light",
            description="Confirmations that realface needs where when_overwhelmed is motion; always pad",
        ),
    ] = (EvidenceKind.PAD, EvidenceKind.MOTION)
    allow_alternatives: Annotated[
        tuple[Alternative, ...],
        Field(
            title="Alternatives",
            description=(
                "What a request may have left out for somebody whom it would harm or who cannot do it; nobody can "
                "choose it at the terminal"
            ),
            max_length=len(Alternative),
        ),
    ] = ()
    require_without_flash: Annotated[
        Evidence,
        Field(
            title="Evidence without flash",
            description=(
                "Confirmations that realface needs in place of light when a request leaves out flashes; with motion "
                "among them, heads are to turn in dim light too; always pad"
            ),
        ),
    ] = (EvidenceKind.PAD, EvidenceKind.MOTION)
    require_without_movement: Annotated[
        Evidence,
        Field(
            title="Evidence without movement",
            description=(
                "Confirmations that realface needs in place of motion when a request leaves out head movements; "
                "always pad"
            ),
        ),
    ] = (EvidenceKind.PAD, EvidenceKind.LIGHT)
    pad_margin: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=20,
            title="PAD margin",
            description=(
                "How far above their thresholds the PAD networks together must be to confirm, in units of their "
                "manifests' spread; where light is not required as well"
            ),
        ),
    ] = 0.0
    pad_margin_with_light: Annotated[
        float,
        Field(
            strict=True,
            ge=-20,
            le=20,
            title="PAD margin beside light",
            description=(
                "pad_margin where light is required as well: what the light has proven to be a head, networks need "
                "only not take for an attack"
            ),
        ),
    ] = -0.5
    pad_veto_margin: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=20,
            title="PAD veto margin",
            description=(
                "How far below their thresholds the PAD networks together veto (spoofface), in units of their "
                "manifests' spread, whatever else is confirmed; between this and pad_margin they prove nothing"
            ),
        ),
    ] = 0.5
    when_light_not_measured: Annotated[
        WhenLightNotMeasured,
        Field(
            title="When light is not measured",
            description=(
                "passive: the PAD networks alone judge, and the decision says so; refuse: EnvironmentNotSupported"
            ),
        ),
    ] = WhenLightNotMeasured.REFUSE
    when_overwhelmed: Annotated[
        WhenOverwhelmed,
        Field(
            title="When light is overwhelmed",
            description=(
                "Or shows too faintly to tell a shape by. refuse: EnvironmentNotSupported; motion: the motion "
                "challenge without light"
            ),
        ),
    ] = WhenOverwhelmed.REFUSE
    when_pad_not_applicable: Annotated[
        WhenPadNotApplicable,
        Field(
            title="When no PAD network can judge",
            description=(
                "Before a camera that passes infrared alone. refuse: EnvironmentNotSupported; light_and_motion: the "
                "infrared code and the head's movement decide, and the decision says so"
            ),
        ),
    ] = WhenPadNotApplicable.REFUSE
    positioning_frames: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=30,
            title="Positioning frames",
            description="Consecutive frames without a quality failure that end positioning",
        ),
    ] = 3
    positioning_seconds: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=3,
            title="Positioning time",
            description="Seconds that those consecutive frames must span",
        ),
    ] = 0.3
    passive_frames: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=60,
            title="Passive frames",
            description="Frames fit to be judged that the passive phase collects at least",
        ),
    ] = 8
    passive_seconds: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=6,
            title="Passive time",
            description="Seconds that the passive phase lasts at least",
        ),
    ] = 1.0
    judged_frames: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=60,
            title="Judged frames",
            description="Best frames of an attempt that are judged; fewer where there were fewer",
        ),
    ] = 8

    @field_validator("modes")
    @classmethod
    def _modes_in_order(cls, modes: tuple[LivenessOperationMode, ...]) -> tuple[LivenessOperationMode, ...]:
        return _each_once(modes, LivenessOperationMode)

    @field_validator("allow_alternatives")
    @classmethod
    def _alternatives_in_order(cls, alternatives: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
        return _each_once(alternatives, Alternative)

    @field_validator(
        "require_passive",
        "require_active",
        "require_motion_alone",
        "require_without_flash",
        "require_without_movement",
    )
    @classmethod
    def _evidence_in_order(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.PAD not in kinds:
            raise ValueError("pad must be among them: the PAD networks judge every attempt")
        return _each_once(kinds, EvidenceKind)


E = TypeVar("E", bound=StrEnum)


def _each_once(values: tuple[E, ...], kind: type[E]) -> tuple[E, ...]:
    repeated = [value for value in kind if values.count(value) > 1]
    if repeated:
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return tuple(value for value in kind if value in values)


class Preset(StrEnum):
    """Floors that come with the software; each is the name of its policy."""

    DOOR = "door"
    KIOSK = "kiosk"


PRESETS: Mapping[Preset, PolicyFloor] = MappingProxyType(
    {
        # A lock follows the decision, so no proof is waived, on nobody's word.
        Preset.DOOR: PolicyFloor(
            name="door",
            require_passive=(EvidenceKind.PAD, EvidenceKind.LIGHT),
            when_light_not_measured=WhenLightNotMeasured.REFUSE,
            when_overwhelmed=WhenOverwhelmed.REFUSE,
        ),
        # Somebody may be near and a back end weighs `assurance`, so the person is judged by what can be had. What the
        # alternatives require, others too may pass with: motion where light is overwhelmed, light where it is dim.
        Preset.KIOSK: PolicyFloor(
            name="kiosk",
            allow_alternatives=tuple(Alternative),
            when_light_not_measured=WhenLightNotMeasured.PASSIVE,
            when_overwhelmed=WhenOverwhelmed.MOTION,
        ),
    }
)


def _joined_name(a: str, b: str) -> str:
    return "+".join(sorted({*a.split("+"), *b.split("+")}))


def _both(a: tuple[E, ...], b: tuple[E, ...]) -> tuple[E, ...]:
    return tuple(value for value in a if value in b)


def _all(a: tuple[EvidenceKind, ...], b: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
    return tuple(kind for kind in EvidenceKind if kind in a or kind in b)


def _refusing_light(a: WhenLightNotMeasured, b: WhenLightNotMeasured) -> WhenLightNotMeasured:
    return a if a is WhenLightNotMeasured.REFUSE else b


def _refusing_overwhelmed(a: WhenOverwhelmed, b: WhenOverwhelmed) -> WhenOverwhelmed:
    return a if a is WhenOverwhelmed.REFUSE else b


def _refusing_without_pad(a: WhenPadNotApplicable, b: WhenPadNotApplicable) -> WhenPadNotApplicable:
    return a if a is WhenPadNotApplicable.REFUSE else b


_STRICTER: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "name": _joined_name,
        "modes": _both,
        "max_attempts": min,
        "max_ttl_seconds": min,
        "attempt_timeout_seconds": min,
        "require_passive": _all,
        "require_active": _all,
        "require_motion_alone": _all,
        "allow_alternatives": _both,
        "require_without_flash": _all,
        "require_without_movement": _all,
        "pad_margin": max,
        "pad_margin_with_light": max,
        "pad_veto_margin": min,
        "when_light_not_measured": _refusing_light,
        "when_overwhelmed": _refusing_overwhelmed,
        "when_pad_not_applicable": _refusing_without_pad,
        "positioning_frames": max,
        "positioning_seconds": max,
        "passive_frames": max,
        "passive_seconds": max,
        "judged_frames": max,
    }
)


def stricter(a: PolicyFloor, b: PolicyFloor) -> PolicyFloor:
    """The policy that demands all that either demands: of every field the value that passes fewer.

    Different names are joined by ``+``. Raises ConfigError where no mode is left in both.
    """
    joined = {field: join(getattr(a, field), getattr(b, field)) for field, join in _STRICTER.items()}
    if not joined["modes"]:
        raise ConfigError(
            f"policies {a.name} and {b.name} have no mode in common",
            remedy="let both permit Passive or PassiveActive",
        )
    return PolicyFloor(**joined)


def stricter_value(field: str, a: Any, b: Any) -> Any:
    """Of two values of a field other than the name what demands all that either does; of modes it may be none."""
    return _STRICTER[field](a, b)


def loosens(floor: PolicyFloor, field: str, value: object) -> bool:
    """Whether ``value`` of a field other than the name demands less than ``floor`` does."""
    return bool(stricter_value(field, getattr(floor, field), value) != value)
