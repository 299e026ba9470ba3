"""``livegate listen``: everything that terminals publish."""

from __future__ import annotations

import asyncio
import contextlib
import json

import click

from edge.cli import output
from edge.cli.broker import Broker, broker_options
from edge.contracts.session import SealedImage
from edge.errors import ExitCode
from edge.link.requester import Heard, HeardDecision, Verification
from edge.link.requester import listen as listen_to


@click.command()
@broker_options
@click.option("--all", "everybody", is_flag=True, help="Every terminal of the prefix, not --site and --device only.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many decisions.")
@click.option(
    "--verify",
    is_flag=True,
    help="Decisions alone, each line begun with VERIFIED or REFUSED; needs --keys. Exit code 1 where one was refused.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listen(broker: Broker, everybody: bool, count: int | None, verify: bool, as_json: bool) -> int:
    """Print states, events and decisions as they come, until Ctrl-C; decisions verified where --keys is given.

    VERIFIED means that an enrolled key signed it for the terminal of its topic, whatever it says and whenever that was.
    """
    if verify and broker.keys is None:
        raise click.UsageError("--verify needs --keys: without enrolled keys nothing can be verified.")
    refused = asyncio.run(_listen(broker, everybody, count, verify, as_json))
    return ExitCode.FAILED if verify and refused else ExitCode.OK


async def _listen(broker: Broker, everybody: bool, count: int | None, verify: bool, as_json: bool) -> int:
    """How many decisions were refused."""
    site, device = ("+", "+") if everybody else (broker.topics.site, broker.topics.device)
    decisions = refused = 0
    messages = listen_to(broker.options, broker.topics.prefix, site=site, device=device, keys=broker.keys)
    async with contextlib.aclosing(messages):
        async for heard in messages:
            decision = heard.content if isinstance(heard.content, HeardDecision) else None
            if decision is None and verify:
                continue
            line = json.dumps(_facts(heard), ensure_ascii=False) if as_json else _line(heard)
            if decision is not None:
                good = decision.verification is Verification.VERIFIED
                decisions += 1
                refused += not good
                if verify and not as_json:
                    line = f"{'VERIFIED' if good else 'REFUSED '}  {line}"
            click.echo(line)
            if decisions == count:
                break
    return refused


def _facts(heard: Heard) -> dict[str, object]:
    facts: dict[str, object] = {"topic": heard.topic, "retained": heard.retained, "problem": heard.problem or None}
    if isinstance(heard.content, HeardDecision):
        facts |= output.decision_facts(heard.content)
    elif heard.content is not None:
        facts["message"] = heard.content.model_dump(mode="json", by_alias=True, exclude_none=True)
    return facts


def _line(heard: Heard) -> str:
    if isinstance(heard.content, HeardDecision):
        return f"{heard.topic}  {output.decision_line(heard.content)}"
    if heard.content is None:
        return f"{heard.topic}  breaks the contract: {heard.problem}"
    if isinstance(heard.content, SealedImage):
        image = heard.content
        return (
            f"{heard.topic}  session image {image.session_image_id} of attempt {image.attempt_id}, "
            f"sealed to key {image.key}, {len(heard.payload)} bytes"
        )
    return f"{heard.topic}  {heard.content.model_dump_json(by_alias=True, exclude_none=True)}"
