"""``livegate session``: ask a terminal for a session, or end one."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import click

from edge.cli import output, private_file
from edge.cli.broker import Broker, broker_options
from edge.cli.options import matching, mode_option
from edge.contracts.enums import Alternative, AssuranceLevel, LivenessOperationMode
from edge.errors import ExitCode, LinkError
from edge.link.enrolled_sealing import terminal_sealing_key
from edge.link.key_source import private_key
from edge.link.options import read_file
from edge.link.requester import HeardDecision, Requester, StartedSession
from edge.link.sealing_key import private_opening_key
from edge.link.session_image import OpenedImage

SESSION_ID = matching("[0-9a-f]{32}", "a session id, 32 hexadecimal digits as `session start` prints them")
# A picture is sent before its decision; of both the later one is waited for.
IMAGE_SECONDS = 5.0
CORRELATION_ID = matching("(?s).{1,64}", "1 to 64 characters")


@click.group()
def session() -> None:
    """Sessions on a terminal, over its broker: start, cancel."""


@session.command()
@broker_options
@mode_option
@click.option("--attempts", type=click.IntRange(1, 3), default=1, show_default=True)
@click.option("--correlation", callback=CORRELATION_ID, help="userCorrelationId, signed with the decision.")
@click.option("--without-flash", is_flag=True, help="For somebody whom flashes would harm; the policy must allow it.")
@click.option(
    "--without-movement", is_flag=True, help="For somebody who cannot turn the head; the policy must allow it."
)
@click.option(
    "--requester-key",
    type=click.Path(path_type=Path),
    help="With either of these: private key of a requester whom the terminal knows (`livegate key requester`).",
)
@click.option("--verify-image", type=click.Path(path_type=Path), help="Whether the person is the one of this picture.")
@click.option("--verify-template", type=click.Path(path_type=Path), help="Or of this template (`livegate template`).")
@click.option(
    "--sealing-key",
    type=click.Path(path_type=Path),
    help="With either of these: the terminal's public sealing key, carried here by hand (sealing-key.pub.jwk).",
)
@click.option(
    "--confidence", type=click.FloatRange(0, 1), help="The least for it; the stricter of this and the site's."
)
@click.option(
    "--session-image-key",
    type=click.Path(path_type=Path),
    help="Ask for one good picture, sealed to this pair (`livegate key sealing`), whose private half opens it here.",
)
@click.option("--session-image-out", type=click.Path(path_type=Path), help="Where it is written, 0600; with --wait.")
@click.option("--force", is_flag=True, help="Overwrite that file.")
@click.option("--wait", is_flag=True, help="Wait for every attempt's decision.")
@click.option(
    "--assurance",
    type=click.Choice([level.value for level in AssuranceLevel]),
    default=AssuranceLevel.NONE.value,
    show_default=True,
    help="With --wait: the least that exit code 0 takes. A door asks for light.",
)
@click.option("--within", type=click.FloatRange(1, 600), default=90.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def start(
    broker: Broker,
    mode: str,
    attempts: int,
    correlation: str | None,
    without_flash: bool,
    without_movement: bool,
    requester_key: Path | None,
    verify_image: Path | None,
    verify_template: Path | None,
    sealing_key: Path | None,
    confidence: float | None,
    session_image_key: Path | None,
    session_image_out: Path | None,
    force: bool,
    wait: bool,
    assurance: str,
    within: float,
    as_json: bool,
) -> int:
    """Ask for a session with a fresh nonce.

    With --wait, exit code 0 means that a decision with a correct signature says realface, at the level of --assurance
    or above, and with a reference that the person is the one of it; without --key no signature is checked, and that is
    never so. A session image that does not open, or is not the decision's, is an error.
    """
    if without_flash and without_movement:
        raise click.UsageError("--without-flash and --without-movement leave nothing to answer: choose one.")
    alternative = (
        Alternative.WITHOUT_FLASH if without_flash else Alternative.WITHOUT_MOVEMENT if without_movement else None
    )
    if verify_image and verify_template:
        raise click.UsageError("A session has one reference: --verify-image or --verify-template.")
    reference = verify_image or verify_template
    if (reference is None) != (sealing_key is None):
        raise click.UsageError("--sealing-key goes with --verify-image or --verify-template.")
    if (session_image_key is None) != (session_image_out is None) or (session_image_key and not wait):
        raise click.UsageError("--session-image-key, --session-image-out and --wait go together.")
    if session_image_out is not None:
        private_file.refuse_existing(session_image_out, force)
    ask = functools.partial(
        Requester.start,
        mode=LivenessOperationMode(mode),
        attempts=attempts,
        user_correlation_id=correlation,
        alternative=alternative,
        authorize=private_key(requester_key) if requester_key else None,
        verify_image=read_file(verify_image) if verify_image else None,
        verify_template=read_file(verify_template) if verify_template else None,
        sealing_key=terminal_sealing_key(sealing_key, broker.topics.device) if sealing_key else None,
        verify_confidence_threshold=confidence,
        return_verify_image_hash=verify_image is not None,
        enable_session_image=session_image_key is not None,
        session_image_key=private_opening_key(session_image_key) if session_image_key else None,
    )
    accepts = functools.partial(HeardDecision.accepts, least=AssuranceLevel(assurance), identical=reference is not None)
    started, heard, picture = asyncio.run(
        _start(broker, ask, within if wait else None, session_image_out is not None, as_json)
    )
    if as_json:
        facts = {
            "sessionId": started.session_id,
            "nonce": started.nonce,
            "decisions": [output.decision_facts(one) for one in heard],
        }
        output.print_json(facts if session_image_out is None else facts | {"sessionImage": picture.facts()})
    else:
        for one in heard:
            click.echo(output.decision_line(one))
        if session_image_out is not None:
            click.echo(f"session image: {picture.words()}")
    if session_image_out is not None and picture.opened is not None:
        private_file.write(session_image_out, picture.opened.jpeg, force=force)
    if picture.problem is not None:
        raise picture.problem
    return ExitCode.OK if not wait or any(accepts(one) for one in heard) else ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class _Picture:
    """opened None: there is none, since ``reason``. problem: and that is an error."""

    opened: OpenedImage | None = None
    reason: str = ""
    problem: LinkError | None = None

    def facts(self) -> dict[str, object]:
        """JSON-ready."""
        if self.opened is None:
            return {"received": False, "reason": self.reason}
        return {
            "received": True,
            "proven": self.opened.proven,
            "attemptId": self.opened.attempt_id,
            "sha256": self.opened.sha256,
        }

    def words(self) -> str:
        if self.opened is None:
            return f"none: {self.reason}"
        worth = "signed by the decision" if self.opened.proven else "unproven: no signature was checked"
        return f"{len(self.opened.jpeg)} bytes of attempt {self.opened.attempt_id}, {worth}"


async def _start(
    broker: Broker,
    ask: Callable[[Requester], Awaitable[StartedSession]],
    within: float | None,
    with_picture: bool,
    as_json: bool,
) -> tuple[StartedSession, list[HeardDecision], _Picture]:
    """within: seconds to wait for decisions; None: none is waited for."""
    async with Requester(broker.options, broker.topics, keys=broker.keys, name=broker.requester()) as requester:
        started = await ask(requester)
        if not as_json:
            click.echo(f"session {started.session_id}")
        heard = [heard async for heard in requester.decisions(started, within=within)] if within is not None else []
        return started, heard, await _picture(requester, started, heard) if with_picture else _Picture()


async def _picture(requester: Requester, started: StartedSession, heard: list[HeardDecision]) -> _Picture:
    try:
        opened = await requester.image(started, within=IMAGE_SECONDS)
    except LinkError as error:
        return _Picture(reason=error.what, problem=error)
    reports = [one.decision.attempt.session_image for one in heard if one.decision is not None]
    reason = next((report.reason for report in reversed(reports) if report and report.reason), None)
    return _Picture(opened, reason or "none came")


@session.command()
@broker_options
@click.argument("session_id", callback=SESSION_ID)
def cancel(broker: Broker, session_id: str) -> int:
    """End a running session. Its decision still comes, as UserCanceledSession."""

    async def ask() -> None:
        async with Requester(broker.options, broker.topics, name=broker.requester()) as requester:
            await requester.cancel(session_id)

    asyncio.run(ask())
    click.echo(f"session {session_id} is cancelled")
    return ExitCode.OK
