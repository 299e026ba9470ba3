"""The rules of one session: the site's floor, tightened by the request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge.config.policy import PolicyFloor, WhenLightNotMeasured, WhenOverwhelmed, WhenPadNotApplicable
from edge.contracts.enums import EvidenceKind, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.errors import LivegateError


class PolicyRefusal(LivegateError):  # noqa: N818 - an answer, not a fault
    """The site's policy does not allow what a request asks for."""


class Path(StrEnum):
    """Which way an attempt goes; the light level decides."""

    PASSIVE = "passive"
    ACTIVE = "active"
    MOTION_ALONE = "motion_alone"
    WITHOUT_NETWORKS = "without_networks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times in seconds, margins as networks give them. ``edge.config.policy.PolicyFloor`` describes what comes from it.

    passive, active, motion_alone, without_networks: the confirmations that each path needs for ``realface``.
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

    def required(self, path: Path) -> frozenset[EvidenceKind]:
        """Confirmations that ``realface`` needs on this path."""
        match path:
            case Path.PASSIVE:
                return self.passive
            case Path.ACTIVE:
                return self.active
            case Path.MOTION_ALONE:
                return self.motion_alone
            case Path.WITHOUT_NETWORKS:
                return self.without_networks


def tighten(floor: PolicyFloor, request: SessionStart) -> Policy:
    """The floor with what the request demands on top of it; of two values the stricter counts.

    Raises PolicyRefusal for a mode that the floor does not allow and for evidence that the mode cannot bring.
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
    demanded = frozenset(request.required_evidence)
    return Policy(
        name=floor.name,
        modes=frozenset(floor.modes),
        attempts=min(floor.max_attempts, request.number_of_client_attempts_allowed),
        ttl=min(floor.max_ttl_seconds, request.auth_token_time_to_live_in_seconds),
        attempt_timeout=floor.attempt_timeout_seconds,
        passive=demanded.union(floor.require_passive),
        active=demanded.union(floor.require_active),
        motion_alone=demanded.union(floor.require_motion_alone),
        pad_margin=max(floor.pad_margin, request.pad_margin or 0.0),
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
    )


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
