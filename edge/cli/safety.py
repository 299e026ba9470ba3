"""``livegate safety``: what light the terminal may give to eyes."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from edge.cli import output
from edge.config.loader import load
from edge.config.safety import FLASHES, cornea_limit
from edge.errors import ExitCode
from edge.terminal.safety_report import COVERED, SafetyReport, safety_report


@click.group()
def safety() -> None:
    """What light the terminal may give to eyes, and what covers which failure."""


@safety.command()
@click.option("--config", type=click.Path(path_type=Path), help="The site's YAML file, for its lamp.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(config: Path | None, as_json: bool) -> int:
    """Print every limit, what is used of it and how that was reckoned, and which failure is covered by what.

    Designed to keep to IEC 62471 and WCAG 2.3.1, certified by nobody: have your hardware measured. Exit code 3 where
    the configured lamp breaks a limit: the message says by how much.
    """
    report = safety_report(None if config is None else load(config).settings)
    if as_json:
        output.print_json(report.to_dict())
    else:
        _print(report)
    return ExitCode.OK if report.kept else ExitCode.FAILED


def _print(report: SafetyReport) -> None:
    console = output.console()
    for lamp in report.lamps:
        table = Table(title=f"{escape(lamp.origin)}: {lamp.figures.band} (IEC 62471, always on, on its axis)")
        for heading in ("limit on", "reckoned", "is", "may be", "used", "margin"):
            table.add_column(heading)
        for line in lamp.lines:
            table.add_row(
                line.name,
                line.formula,
                f"{line.figure:.4g} {line.unit}",
                f"{line.limit:.4g} {line.unit}",
                f"{line.share:.1%}",
                f"{1 - line.share:.1%}",
            )
        for name, group in (("retina", lamp.figures.retinal_risk), ("blue light", lamp.figures.blue_light_risk)):
            if group is not None:
                table.add_row(name, "risk group, as declared", group, "", "", "")
        console.print(table)
        for problem in lamp.problems:
            click.echo(problem)
    if not report.lamps:
        click.echo("no illuminator is configured: nothing but the display gives light")
    limits = ", ".join(f"{seconds:g} s {cornea_limit(seconds):.4g}" for seconds in (1, 10, 100, 1000))
    click.echo(f"the cornea would bear more for a short time, which is not used (W/m2): {limits}")
    table = Table(title="Flashes in any second (WCAG 2.3.1); the guard refuses a fourth")
    for heading in ("of", "how", "changes", "flashes", "may be", "used"):
        table.add_column(heading)
    for flash in report.flashes:
        used = f"{flash.flashes / FLASHES:.0%}"
        table.add_row(flash.name, flash.how, str(flash.changes), str(flash.flashes), str(FLASHES), used)
    console.print(table)
    table = Table(title="What covers which failure")
    for heading in ("failure", "timer in the daemon", "supervisor", "hardware one-shot"):
        table.add_column(heading)
    for each in COVERED:
        table.add_row(each.failure, each.timer, each.supervisor, each.one_shot)
    console.print(table)
