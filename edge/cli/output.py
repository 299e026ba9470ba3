"""What the commands share in speaking to people: results on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.contracts.enums import LivenessDecision

if TYPE_CHECKING:
    # The doctor speaks where their libraries do not load.
    from edge.contracts.verification import VerifyResult
    from edge.evaluation.metrics import Rate
    from edge.link.requester import HeardDecision

WIDTH = 160
STYLES = {
    LivenessDecision.REALFACE: "green",
    LivenessDecision.SPOOFFACE: "red",
    LivenessDecision.UNCERTAIN: "yellow",
}


def console() -> Console:
    """For results; plain and wide where stdout is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def progress() -> Progress:
    """A bar on stderr that leaves nothing behind; silent where stderr is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def print_json(document: dict[str, Any] | list[Any]) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def tell(text: str) -> None:
    """On stderr: what is no result."""
    click.echo(text, err=True)


def percent(rate: Rate) -> str:
    """``2/40 = 5.0 % (0.6 .. 16.9)``: errors, presentations, rate and exact 95 % bounds."""
    if rate.value is None:
        return "none of 0"
    return f"{rate.errors}/{rate.n} = {rate.value:.1%} ({rate.low:.1%} .. {rate.high:.1%})"


def decision_facts(heard: HeardDecision) -> dict[str, Any]:
    """JSON-ready: what was decided, and what its signature is worth."""
    decision = heard.decision
    return {
        "verification": heard.verification.value,
        "problem": heard.problem or None,
        "decision": decision.model_dump(mode="json", by_alias=True, exclude_none=True) if decision else None,
    }


def decision_line(heard: HeardDecision) -> str:
    """One line: outcome, attempt, assurance, light level, match, capture, and what the signature is worth."""
    decision = heard.decision
    if decision is None:
        return f"unreadable decision: {heard.problem}"
    attempt = decision.attempt
    outcome = attempt.result.liveness_decision.value if attempt.result else ""
    if attempt.error is not None:
        outcome = f"{attempt.error.code} ({attempt.error.message})"
    confirmed = ", ".join(attempt.assurance.confirmed) or "nothing"
    signature = heard.verification.value + (f": {heard.problem}" if heard.problem else "")
    without = f" {attempt.assurance.alternative}" if attempt.assurance.alternative else ""
    by = f" by {', '.join(attempt.decided_by)}" if attempt.decided_by else ""
    match = _match(attempt.result.verify_result) if attempt.result and attempt.result.verify_result else ""
    return (
        f"{outcome}{by}  attempt {attempt.attempt_id}{without}, assurance {attempt.assurance.level}, "
        f"light {attempt.light_level}, confirmed {confirmed}, {match}"
        f"capture {decision.capture}, seq {decision.boot_count}/{decision.seq}, signature {signature}"
    )


def _match(verified: VerifyResult) -> str:
    said = "identical" if verified.is_identical else "not identical"
    return f"{said} at {verified.match_confidence:.2f} ({verified.reason}), "
