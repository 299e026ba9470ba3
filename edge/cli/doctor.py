"""``livegate doctor``: what is wrong with this terminal, and what to do about it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from edge.cli import output
from edge.cli.signals import interrupted_by_signals
from edge.contracts.doctor import Check, DoctorReport, Verdict
from edge.errors import ExitCode
from edge.terminal.doctor.context import context_of
from edge.terminal.doctor.registry import AREAS, examine, report

STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIPPED: "dim"}


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site's YAML file.")
@click.option("--only", multiple=True, type=click.Choice(list(AREAS)), help="Look at this area alone; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (docs/schema/doctor.json).")
def doctor(config: Path, only: tuple[str, ...], as_json: bool) -> int:
    """Look at everything a terminal needs, and say of each thing what was found and what to do.

    Where no daemon runs the lights are switched, so that the camera can be seen to answer; each is put back. Else it
    changes nothing. A configuration that cannot be read is one failed check, and the rest
    is looked at as far as that goes. Exit code 1 where a check failed, 0 where there are warnings at the worst.
    """
    context = context_of(config)
    with output.progress() as progress:
        task = progress.add_task("looking", total=None)
        checks = []
        # Lights are put back whoever ends it.
        with interrupted_by_signals(), closing(examine(context, only)) as made:
            for check in made:
                progress.update(task, description=f"looked at {check.name}")
                checks.append(check)
    found = report(context, checks)
    if as_json:
        output.print_json(found.model_dump(mode="json", by_alias=True, exclude_none=True))
    else:
        _print(found)
    return ExitCode.FAILED if found.verdict is Verdict.FAIL else ExitCode.OK


def _print(found: DoctorReport) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found.checks:
        table.add_row(Text(check.verdict, STYLES[check.verdict]), check.name, _told(check))
    output.console().print(table)
    counts = ", ".join(f"{sum(check.verdict is verdict for check in found.checks)} {verdict}" for verdict in Verdict)
    output.console().print(Text(f"{found.device or 'terminal'}, livegate {found.software}: {found.verdict} ({counts})"))


def _told(check: Check) -> Text:
    text = Text(check.seen)
    if check.remedy is not None:
        text.append(f"\n→ {check.remedy}", style="bold")
    return text
