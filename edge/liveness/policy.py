"""The rules of one session: the site's floor, tightened by the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.config.policy import PolicyFloor, WhenLightNotMeasured, WhenOverwhelmed, WhenPadNotApplicable
from edge.contracts.enums import Alternative, EvidenceKind, EvidencePath, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.errors import LivegateError


class PolicyRefusal(LivegateError):  # noqa: N818 - an answer, not a fault
    """The site's policy does not allow what a request asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times in seconds, margins as networks give them. ``edge.config.policy.PolicyFloor`` describes what comes from it.

    passive, active, motion_alone, without_networks: the confirmations that each path needs for ``realface``, those in
    place of what the ``alternative`` leaves out among them.
    positioning_seconds, passive_seconds: by the frames' capture times; all other times by the caller's clock.
    preparing_limit, measuring_limit: until LightsSettled and LightMeasured must have come.
    movement_limit: a person's time to hear, turn and come back, for each movement beside its hold.
    challenge_slack: what a challenge may take longer than its plan.
    """

    name: str
    modes: frozenset[LivenessOperationMode]
    attempts: int
    ttl: float
    attempt_timeout: float
    passive: frozenset[EvidenceKind]
    active: frozenset[EvidenceKind]
    motion_alone: frozenset[EvidenceKind]
    pad_margin: float
    pad_margin_with_light: float
    pad_veto_margin: float
    when_light_not_measured: WhenLightNotMeasured
    when_overwhelmed: WhenOverwhelmed
    positioning_frames: int
    positioning_seconds: float
    passive_frames: int
    passive_seconds: float
    judged_frames: int
    preparing_limit: float = 5.0
    measuring_limit: float = 5.0
    movement_limit: float = 4.0
    challenge_slack: float = 3.0
    without_networks: frozenset[EvidenceKind] = frozenset({EvidenceKind.LIGHT, EvidenceKind.MOTION})
    when_pad_not_applicable: WhenPadNotApplicable = WhenPadNotApplicable.REFUSE
    alternative: Alternative | None = None

    def required(self, path: EvidencePath) -> frozenset[EvidenceKind]:
        """Confirmations that ``realface`` needs on this path."""
        match path:
            case EvidencePath.PASSIVE:
                return self.passive
            case EvidencePath.ACTIVE:
                return self.active
            case EvidencePath.MOTION_ALONE:
                return self.motion_alone
            case EvidencePath.WITHOUT_NETWORKS:
                return self.without_networks

    def pad_margin_on(self, path: EvidencePath) -> float:
        """From which on the PAD networks confirm on this path."""
        return self.pad_margin_with_light if EvidenceKind.LIGHT in self.required(path) else self.pad_margin


# The evidence that nobody can give whom the alternative serves.
LEFT_OUT: Mapping[Alternative, EvidenceKind] = MappingProxyType(
    {Alternative.WITHOUT_FLASH: EvidenceKind.LIGHT, Alternative.WITHOUT_MOVEMENT: EvidenceKind.MOTION}
)


def tighten(floor: PolicyFloor, request: SessionStart) -> Policy:
    """The floor with what the request demands on top of it; of two values the stricter counts.

    An alternative leaves out one kind of evidence, and what the floor names for it is required in its place; all else
    that a path requires stays required.

    Raises PolicyRefusal for a mode or an alternative that the floor does not allow, and for evidence that the mode or
    the alternative cannot bring.
    """
    mode = request.liveness_operation_mode
    if mode not in floor.modes:
        raise PolicyRefusal(
            f"the policy {floor.name} does not allow the mode {mode}", remedy=f"ask for {_or(floor.modes)}"
        )
    if mode is LivenessOperationMode.PASSIVE and EvidenceKind.MOTION in request.required_evidence:
        raise PolicyRefusal(
            f"the mode {mode} asks nobody to move, so it cannot bring the required motion evidence",
            remedy=f"ask for {LivenessOperationMode.PASSIVE_ACTIVE}, or leave motion out of requiredEvidence",
        )
    alternative = request.alternative
    if alternative is not None:
        _check_alternative(alternative, floor, request)
    demanded = frozenset(request.required_evidence)
    passive = demanded.union(floor.require_passive)
    active = demanded.union(floor.require_active)
    motion_alone = demanded.union(floor.require_motion_alone)
    match alternative:
        case Alternative.WITHOUT_FLASH:
            passive = (passive - {LEFT_OUT[alternative]}).union(floor.require_without_flash)
            motion_alone = motion_alone | passive
        case Alternative.WITHOUT_MOVEMENT:
            active = (active - {LEFT_OUT[alternative]}).union(floor.require_without_movement)
    return Policy(
        name=floor.name,
        modes=frozenset(floor.modes),
        attempts=min(floor.max_attempts, request.number_of_client_attempts_allowed),
        ttl=min(floor.max_ttl_seconds, request.auth_token_time_to_live_in_seconds),
        attempt_timeout=floor.attempt_timeout_seconds,
        passive=passive,
        active=active,
        motion_alone=motion_alone,
        pad_margin=max(floor.pad_margin, request.pad_margin or 0.0),
        pad_margin_with_light=_stricter_margin(floor.pad_margin_with_light, request.pad_margin),
        pad_veto_margin=floor.pad_veto_margin,
        when_light_not_measured=floor.when_light_not_measured,
        when_overwhelmed=floor.when_overwhelmed,
        positioning_frames=floor.positioning_frames,
        positioning_seconds=floor.positioning_seconds,
        passive_frames=floor.passive_frames,
        passive_seconds=floor.passive_seconds,
        judged_frames=floor.judged_frames,
        without_networks=demanded.union({EvidenceKind.LIGHT, EvidenceKind.MOTION}),
        when_pad_not_applicable=floor.when_pad_not_applicable,
        alternative=alternative,
    )


def _stricter_margin(floor: float, demanded: float | None) -> float:
    return floor if demanded is None else max(floor, demanded)


def _check_alternative(alternative: Alternative, floor: PolicyFloor, request: SessionStart) -> None:
    if alternative not in floor.allow_alternatives:
        raise PolicyRefusal(
            f"the policy {floor.name} does not allow the alternative {alternative}",
            remedy="serve the person in another way; a site allows it by allow_alternatives in a policy of its own",
        )
    left_out = LEFT_OUT[alternative]
    if left_out in request.required_evidence:
        raise PolicyRefusal(
            f"the alternative {alternative} cannot bring the required {left_out} evidence",
            remedy=f"leave {left_out} out of requiredEvidence, or ask without the alternative",
        )
    by_motion = alternative is Alternative.WITHOUT_FLASH and EvidenceKind.MOTION in floor.require_without_flash
    if by_motion and request.liveness_operation_mode is LivenessOperationMode.PASSIVE:
        raise PolicyRefusal(
            f"the policy {floor.name} asks for motion in place of light, and the mode Passive asks nobody to move",
            remedy=f"ask for {LivenessOperationMode.PASSIVE_ACTIVE}",
        )


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
