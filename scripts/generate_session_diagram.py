"""Writes diagram and tables of docs/sessions.md from the heart; with --check only tells whether they are current."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from generated import between, write_or_check

from edge.contracts.enums import ErrorCode
from edge.guidance.texts import texts
from edge.liveness.machine import PHASES_OF_AN_ATTEMPT, TRANSITIONS, Phase
from edge.liveness.quality import REMEDIES, RETRYABLE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sessions.md"

CAUSES = {
    ErrorCode.FACE_TRACKING_FAILED: "the light or motion challenge lost the face, or another face came",
    ErrorCode.ENVIRONMENT_NOT_SUPPORTED: "light level and policy do not go together (see *Light*)",
    ErrorCode.HEAD_TURN_NOT_PERFORMED: "the head did not move as asked",
    ErrorCode.TIMED_OUT: "nobody came, time ran out for no reason of quality, or the time to live is over",
    ErrorCode.FACE_NOT_FOUND: "the reference shows no face, or not all of one (see [verify](verify.md))",
    ErrorCode.CONTENT_DECODING_ERROR: "the reference cannot be decoded",
    ErrorCode.IMAGE_SIZE_IS_TOO_LARGE: "the reference has too many bytes or pixels",
    ErrorCode.IMAGE_SIZE_IS_TOO_SMALL: "the reference, or the face in it, has too few pixels",
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: "the reference is no picture that is taken, or another network's template",
    ErrorCode.VERIFY_IMAGE_NOT_PROVIDED: "not given by a session: a request is refused before one begins",
    ErrorCode.CAMERA_PERMISSION_DENIED: "the camera may not be opened",
    ErrorCode.CAMERA_STARTUP_FAILURE: "the camera cannot be opened",
    ErrorCode.INVALID_TOKEN: "not given by a session: a request is refused before one begins",
    ErrorCode.USER_CANCELED_SESSION: "the requester or the person gave up",
    ErrorCode.GENERIC_FAILURE: "camera or lights failed later, the terminal did not answer in time, or no score came",
}

Arrow = tuple[Phase, str, Phase, str]


def arrows() -> list[Arrow]:
    return [
        (phase, kind.__name__ if kind else "at once", to, when)
        for (phase, kind), transition in TRANSITIONS.items()
        for to, when in transition.to.items()
    ]


def everywhere() -> list[tuple[str, Phase, str]]:
    """Arrows that leave every phase of an attempt; drawn once in words, they leave the diagram legible."""
    start: dict[tuple[str, Phase, str], set[Phase]] = defaultdict(set)
    for phase, event, to, when in arrows():
        start[event, to, when].add(phase)
    return [arrow for arrow, phases in start.items() if phases >= set(PHASES_OF_AN_ATTEMPT)]


def diagram() -> Iterator[str]:
    common = everywhere()
    labels: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for phase, event, to, when in arrows():
        if phase not in PHASES_OF_AN_ATTEMPT or (event, to, when) not in common:
            labels[phase, to].append(f"{event} - {when}")
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.IDLE}"
    for phase in Phase:
        for to in Phase:
            if (phase, to) in labels:
                yield f"    {phase} --> {to} : {'<br/>'.join(labels[phase, to])}"
    yield f"    {Phase.DONE} --> [*]"
    yield "```"
    yield ""
    yield "From every phase of an attempt also:"
    yield ""
    for event, to, when in common:
        yield f"* `{event}` leads to `{to}`: {when}."


def transitions() -> Iterator[str]:
    yield "| phase | event | what may follow |"
    yield "|---|---|---|"
    for phase in Phase:
        for (where, kind), transition in TRANSITIONS.items():
            if where is phase:
                event = f"`{kind.__name__}`" if kind else "at once"
                moves = "; ".join(f"`{to}`: {when}" for to, when in transition.to.items())
                yield f"| `{phase}` | {event} | {moves or 'stays'} |"


def prompts() -> Iterator[str]:
    english = texts("en")
    yield "| what is wrong | prompt | in English | error, if it lasts |"
    yield "|---|---|---|---|"
    for failure, remedy in REMEDIES.items():
        text = english[remedy.prompt]
        yield f"| `{failure}` | `{remedy.prompt}` | {text} | `{remedy.error}` |"


def errors() -> Iterator[str]:
    yield "| code | when | tried again |"
    yield "|---|---|---|"
    for code in ErrorCode:
        lasting = ", ".join(f"`{failure}`" for failure, remedy in REMEDIES.items() if remedy.error is code)
        causes = [f"lasting {lasting}"] if lasting else []
        causes += [CAUSES[code]] if code in CAUSES else []
        if not causes:
            raise SystemExit(f"{code} has no cause: name it in {__file__}")
        yield f"| `{code}` | {'; '.join(causes)} | {'yes' if code in RETRYABLE else 'no'} |"


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in (
        ("diagram", diagram()),
        ("transitions", transitions()),
        ("prompts", prompts()),
        ("errors", errors()),
    ):
        page = between(page, name, lines)
    return write_or_check({PAGE: page}, __doc__)


if __name__ == "__main__":
    sys.exit(main())
