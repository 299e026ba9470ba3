"""``livegate listen``: everything that terminals publish."""

from __future__ import annotations

import asyncio
import contextlib
import json

import click

from edge.cli import output
from edge.cli.broker import Broker, broker_options
from edge.errors import ExitCode
from edge.link.requester import Heard, HeardDecision
from edge.link.requester import listen as listen_to


@click.command()
@broker_options
@click.option("--all", "everybody", is_flag=True, help="Every terminal of the prefix, not --site and --device only.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many decisions.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listen(broker: Broker, everybody: bool, count: int | None, as_json: bool) -> int:
    """Print states, events and decisions as they come, until Ctrl-C; decisions verified where --key is given."""
    asyncio.run(_listen(broker, everybody, count, as_json))
    return ExitCode.OK


async def _listen(broker: Broker, everybody: bool, count: int | None, as_json: bool) -> None:
    site, device = ("+", "+") if everybody else (broker.topics.site, broker.topics.device)
    decisions = 0
    messages = listen_to(broker.options, broker.topics.prefix, site=site, device=device, keys=broker.keys)
    async with contextlib.aclosing(messages):
        async for heard in messages:
            click.echo(json.dumps(_facts(heard), ensure_ascii=False) if as_json else _line(heard))
            decisions += isinstance(heard.content, HeardDecision)
            if decisions == count:
                return


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
    return f"{heard.topic}  {heard.content.model_dump_json(by_alias=True, exclude_none=True)}"
