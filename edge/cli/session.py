"""``livegate session``: ask a terminal for a session, or end one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from edge.cli import output
from edge.cli.broker import Broker, broker_options
from edge.cli.options import matching, mode_option
from edge.contracts.enums import Alternative, AssuranceLevel, LivenessOperationMode
from edge.contracts.jws import Signer
from edge.errors import ExitCode
from edge.link.key_source import private_key
from edge.link.requester import Requester

SESSION_ID = matching("[0-9a-f]{32}", "a session id, 32 hexadecimal digits as `session start` prints them")
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
    wait: bool,
    assurance: str,
    within: float,
    as_json: bool,
) -> int:
    """Ask for a session with a fresh nonce.

    With --wait, exit code 0 means that a decision with a correct signature says realface, at the level of --assurance
    or above; without --key no signature is checked, and that is never so.
    """
    if without_flash and without_movement:
        raise click.UsageError("--without-flash and --without-movement leave nothing to answer: choose one.")
    alternative = (
        Alternative.WITHOUT_FLASH if without_flash else Alternative.WITHOUT_MOVEMENT if without_movement else None
    )
    return asyncio.run(
        _start(
            broker,
            LivenessOperationMode(mode),
            attempts,
            correlation,
            alternative,
            private_key(requester_key) if requester_key else None,
            wait,
            AssuranceLevel(assurance),
            within,
            as_json,
        )
    )


async def _start(
    broker: Broker,
    mode: LivenessOperationMode,
    attempts: int,
    correlation: str | None,
    alternative: Alternative | None,
    requester_key: Signer | None,
    wait: bool,
    assurance: AssuranceLevel,
    within: float,
    as_json: bool,
) -> int:
    async with Requester(broker.options, broker.topics, keys=broker.keys, name=broker.requester()) as requester:
        started = await requester.start(
            mode=mode,
            attempts=attempts,
            user_correlation_id=correlation,
            alternative=alternative,
            authorize=requester_key,
        )
        if not as_json:
            click.echo(f"session {started.session_id}")
        heard = [heard async for heard in requester.decisions(started, within=within)] if wait else []
    if as_json:
        output.print_json(
            {
                "sessionId": started.session_id,
                "nonce": started.nonce,
                "decisions": [output.decision_facts(one) for one in heard],
            }
        )
    else:
        for one in heard:
            click.echo(output.decision_line(one))
    return ExitCode.OK if not wait or any(one.accepts(assurance) for one in heard) else ExitCode.FAILED


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
