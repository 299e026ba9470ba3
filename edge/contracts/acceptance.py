"""Whether a decision may be acted on: for the back end of a door, with pydantic and joserfc and nothing of a device.

``Nonces`` holds what was asked, ``Acceptance`` is the rule. Both are pure: ``now`` is seconds of the caller's own
monotonic clock, the same for all calls. Neither may be used by two threads at once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edge.contracts.decision import Decision
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    LivenessDecision,
    SessionStatus,
    TerminalState,
)
from edge.contracts.jws import EnrolledKey, SignatureError, read_decision_by
from edge.contracts.session import LivenessResult
from edge.errors import LinkError

NONCE_BYTES: Final = 24


class Reason(StrEnum):
    """That a decision was accepted, or the first rule that it broke, in the order in which they are asked."""

    ACCEPTED = "accepted"
    SIGNATURE = "signature"
    KEY_NOT_BOUND = "keyNotBound"
    REPEATED = "repeated"
    IDENTITY_USED_TWICE = "identityUsedTwice"
    NO_NONCE = "noNonce"
    NONCE_NOT_OURS = "nonceNotOurs"
    OTHER_TERMINAL = "otherTerminal"
    SESSION_NOT_KNOWN = "sessionNotKnown"
    OTHER_SESSION = "otherSession"
    NONCE_USED = "nonceUsed"
    LATE = "late"
    NOT_LIVE = "notLive"
    OTHER_POLICY = "otherPolicy"
    NOT_SUCCEEDED = "notSucceeded"
    NOT_REAL = "notReal"
    ALTERNATIVE_NOT_ASKED = "alternativeNotAsked"
    ASSURANCE_TOO_LOW = "assuranceTooLow"
    NOT_IDENTICAL = "notIdentical"
    TERMINAL_STATE = "terminalState"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision comes to. True where it may be acted on, and only once.

    words: the reason for people. decision: what was signed; None where no enrolled key signed it.
    earlier: of a repetition, what the first delivery came to.
    """

    reason: Reason
    words: str
    decision: Decision | None = None
    earlier: Reason | None = None

    @property
    def accepted(self) -> bool:
        return self.reason is Reason.ACCEPTED

    def __bool__(self) -> bool:
        return self.accepted


@dataclass(frozen=True, slots=True)
class Asked:
    """What a nonce was sent for.

    asked_at: seconds of the caller's clock. reference: SHA-256 of the reference image that went with it, hexadecimal.
    session_id: None until the terminal has answered.
    """

    site: str
    device: str
    alternative: Alternative | None
    asked_at: float
    reference: str | None = None
    session_id: str | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    digest: bytes = field(repr=False)
    reason: Reason


class Nonces:
    """The nonces that a controller sent, each good for one session, and the decisions that answered them.

    It holds ``most`` of either. When all are outstanding no new one is given: what is outstanding is never forgotten
    for a newer one, and what is forgotten is refused.
    """

    def __init__(self, *, lifetime: float = 90.0, most: int = 1000) -> None:
        """lifetime: seconds from sending a nonce to the last moment at which its decision counts."""
        if not lifetime > 0 or most < 1:
            raise ValueError("lifetime and most must be above 0")
        self.lifetime = lifetime
        self._most = most
        self._asked: OrderedDict[str, Asked] = OrderedDict()
        self._judged: OrderedDict[tuple[str, int, int], _Judged] = OrderedDict()

    def ask(
        self,
        site: str,
        device: str,
        now: float,
        *,
        alternative: Alternative | None = None,
        reference: str | None = None,
    ) -> str:
        """A fresh nonce for ``session.start`` on this terminal. Raises LinkError when ``most`` are outstanding.

        reference: SHA-256 of the reference image that goes with it, hexadecimal, where ``returnVerifyImageHash`` does:
        whoever may write to the broker could put another one in its place, and has the public key to seal it.
        """
        self._make_room(now)
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        self._asked[nonce] = Asked(site, device, alternative, now, reference)
        return nonce

    def started(self, nonce: str, session_id: str) -> None:
        """The terminal answered: this session carries the nonce. What is not outstanding, or has its session, stays."""
        asked = self._asked.get(nonce)
        if asked is not None and asked.session_id is None:
            self._asked[nonce] = replace(asked, session_id=session_id)

    def withdraw(self, nonce: str) -> None:
        """No decision to it counts any more: the terminal refused, or nobody waits."""
        asked = self._asked.get(nonce)
        if asked is not None:
            self._asked[nonce] = replace(asked, used=True)

    def outstanding(self, now: float) -> int:
        """How many may still be answered."""
        return sum(self._open(asked, now) for asked in self._asked.values())

    def find(self, nonce: str) -> Asked | None:
        """What was asked with it; None: it is not ours, or long forgotten."""
        return self._asked.get(nonce)

    def fresh(self, asked: Asked, now: float) -> bool:
        """Whether a decision to it is in time. A clock that went back is no excuse."""
        return asked.asked_at <= now <= asked.asked_at + self.lifetime

    def earlier(self, decision: Decision) -> tuple[Reason, bool] | None:
        """What the decision of this identity came to before, and whether it was this very one; None: it is new."""
        known = self._judged.get(_identity(decision))
        return None if known is None else (known.reason, known.digest == _digest(decision))

    def answered(self, nonce: str, decision: Decision, reason: Reason) -> None:
        """A decision of the session was judged. An accepted or last one uses the nonce up."""
        self._judged[_identity(decision)] = _Judged(_digest(decision), reason)
        if len(self._judged) > self._most:
            self._judged.popitem(last=False)
        if reason is Reason.ACCEPTED or decision.last_attempt:
            self.withdraw(nonce)

    def _open(self, asked: Asked, now: float) -> bool:
        return not asked.used and self.fresh(asked, now)

    def _make_room(self, now: float) -> None:
        if len(self._asked) < self._most:
            return
        gone = next((nonce for nonce, asked in self._asked.items() if not self._open(asked, now)), None)
        if gone is None:
            raise LinkError(
                f"{self._most} sessions are outstanding",
                remedy=f"wait until one is decided or {self.lifetime:g} s old",
            )
        del self._asked[gone]


def _identity(decision: Decision) -> tuple[str, int, int]:
    return decision.device, decision.boot_count, decision.seq


def _digest(decision: Decision) -> bytes:
    return hashlib.sha256(decision.to_json()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What a controller asks of a decision. As it is made, it is a door's; each rule is loosened here and nowhere else.

    least: level of assurance. least_with: in its place where this alternative was asked for and judged by.
    policies: names that the decision may sign; None: any. captures: where frames may come from.
    states: of the terminal, which must be told with each decision; None: not looked at.
    unbound_keys: whether a key may sign that was enrolled without naming its device.
    unknown_sessions: whether a decision counts before the terminal's answer named the session.
    identical: whether it must also say that the person is the one of the reference.
    """

    least: AssuranceLevel = AssuranceLevel.LIGHT
    least_with: Mapping[Alternative, AssuranceLevel] = field(default_factory=lambda: MappingProxyType({}))
    policies: frozenset[str] | None = frozenset({"door"})
    captures: frozenset[CaptureKind] = frozenset({CaptureKind.LIVE})
    states: frozenset[TerminalState] | None = frozenset({TerminalState.READY, TerminalState.BUSY})
    unbound_keys: bool = False
    unknown_sessions: bool = False
    identical: bool = False

    def judge(
        self,
        payload: bytes,
        *,
        keys: Mapping[str, EnrolledKey],
        nonces: Nonces,
        now: float,
        state: TerminalState | None = None,
    ) -> Verdict:
        """A payload of the ``decision`` topic; never raises on what was received.

        keys: enrolled by hand. state: what the terminal last said of itself, None while nothing was heard.
        Only what answers an outstanding nonce uses it up: a stranger's decision takes nobody's turn.
        """
        try:
            decision, key = read_decision_by(payload, keys)
        except SignatureError as error:
            return Verdict(Reason.SIGNATURE, error.what)
        except RecursionError:
            return Verdict(Reason.SIGNATURE, "the message is nested too deeply")
        if key.device is None and not self.unbound_keys:
            return Verdict(
                Reason.KEY_NOT_BOUND, f"key {key.kid} was enrolled without a device: it may be any terminal's", decision
            )
        known = nonces.earlier(decision)
        if known is not None:
            return _seen_before(decision, *known)
        nonce = decision.nonce
        if nonce is None:
            return Verdict(Reason.NO_NONCE, "it carries no nonce: it may be of any time", decision)
        asked = nonces.find(nonce)
        if asked is None:
            return Verdict(
                Reason.NONCE_NOT_OURS, "its nonce is none that was sent, or was sent long ago: a replay", decision
            )
        reason, words = self._foreign(decision, asked) or _spent(asked, nonces, now) or (None, "")
        if reason is not None:
            return Verdict(reason, words, decision)
        reason, words = self._falls_short(decision, asked, state) or (Reason.ACCEPTED, "every rule holds")
        nonces.answered(nonce, decision, reason)
        return Verdict(reason, words, decision)

    def _foreign(self, decision: Decision, asked: Asked) -> tuple[Reason, str] | None:
        """Why it is no answer to what was asked."""
        if (decision.site, decision.device) != (asked.site, asked.device):
            return (
                Reason.OTHER_TERMINAL,
                f"it is of {decision.site}/{decision.device}; {asked.site}/{asked.device} was asked",
            )
        if asked.session_id is None:
            if not self.unknown_sessions:
                return Reason.SESSION_NOT_KNOWN, "the terminal has not said which session it started"
        elif decision.session_id != asked.session_id:
            return Reason.OTHER_SESSION, f"it is of session {decision.session_id}, not {asked.session_id}"
        return None

    def _falls_short(self, decision: Decision, asked: Asked, state: TerminalState | None) -> tuple[Reason, str] | None:
        """Why an answer is not good enough."""
        attempt = decision.attempt
        if decision.capture not in self.captures:
            return Reason.NOT_LIVE, f"its frames are {decision.capture}, not {_any_of(self.captures)}"
        if self.policies is not None and decision.provenance.policy not in self.policies:
            return (
                Reason.OTHER_POLICY,
                f"it was judged by policy {decision.provenance.policy!r}, not {_any_of(self.policies)}",
            )
        if attempt.error is not None:
            return Reason.NOT_SUCCEEDED, f"the attempt ended with {attempt.error.code}: {attempt.error.message}"
        if attempt.attempt_status is not SessionStatus.SUCCEEDED or attempt.result is None:
            return Reason.NOT_SUCCEEDED, f"the attempt is {attempt.attempt_status}, and decided nothing"
        if attempt.result.liveness_decision is not LivenessDecision.REALFACE:
            return Reason.NOT_REAL, f"it says {attempt.result.liveness_decision}"
        alternative = attempt.assurance.alternative
        if alternative is not None and alternative is not asked.alternative:
            return Reason.ALTERNATIVE_NOT_ASKED, f"it was judged {alternative}, which was not asked for"
        least = self.least if alternative is None else self.least_with.get(alternative, self.least)
        if attempt.assurance.level < least:
            return Reason.ASSURANCE_TOO_LOW, f"its assurance is {attempt.assurance.level}; at least {least} is wanted"
        if self.identical:
            problem = _not_identical(attempt.result, asked.reference)
            if problem:
                return Reason.NOT_IDENTICAL, problem
        if self.states is not None and state not in self.states:
            said = "nothing of itself yet" if state is None else f"that it is {state}"
            return Reason.TERMINAL_STATE, f"the terminal says {said}, not {_any_of(self.states)}"
        return None


def _not_identical(result: LivenessResult, reference: str | None) -> str:
    """Why the person is not known to be the one of the reference; empty: they are."""
    verified = result.verify_result
    if verified is None:
        return "it was compared with no reference"
    if not verified.is_identical:
        return f"the person is not known to be the one of the reference: {verified.reason}"
    if reference is not None and result.verify_image_hash != reference:
        return "it was compared with another reference than the one that was sent, or does not say with which"
    return ""


def _seen_before(decision: Decision, earlier: Reason, same: bool) -> Verdict:
    if same:
        return Verdict(Reason.REPEATED, f"it was delivered before, and was {earlier} then", decision, earlier)
    return Verdict(
        Reason.IDENTITY_USED_TWICE,
        f"another decision had its identity ({decision.device}, {decision.boot_count}, {decision.seq}): "
        "the terminal's boot count was set back, or its key is used elsewhere",
        decision,
        earlier,
    )


def _spent(asked: Asked, nonces: Nonces, now: float) -> tuple[Reason, str] | None:
    if asked.used:
        return Reason.NONCE_USED, "its nonce was used up: a replay, or a session that was given up"
    if not nonces.fresh(asked, now):
        return (
            Reason.LATE,
            f"it came {now - asked.asked_at:.1f} s after it was asked for; {nonces.lifetime:g} s are allowed",
        )
    return None


def _any_of(names: frozenset[str]) -> str:
    return " or ".join(sorted(str(name) for name in names)) or "anything"
