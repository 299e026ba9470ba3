"""``livegate demo``: everything at work without hardware or broker."""

from __future__ import annotations

import click
from rich.table import Table

from edge.cli import output
from edge.errors import ExitCode
from edge.evaluation.demo import DemoReport, DemoRow, run_demo
from edge.evaluation.replay import figures_to_dict


@click.command()
@click.option("--people", type=click.IntRange(1, 10), default=3, show_default=True, help="How many people stand there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def demo(people: int, as_json: bool) -> int:
    """Show synthetic people, and recaptures made from them, to a terminal of its own process; decisions come back
    signed over an embedded MQTT 5 broker.

    Exit code 0: every session ended properly and its decision came back signed. Whether the networks were right
    is reported, and decides nothing.
    """
    if not as_json:
        click.echo("Making pictures of synthetic people, and recaptures of them: prints, screens ...", err=True)
    with output.progress() as bar:
        making = bar.add_task("pictures", total=None)
        judging = bar.add_task("sessions over MQTT", total=None)

        def on_picture(_: object) -> None:
            bar.advance(making)

        def on_row(_: DemoRow) -> None:
            bar.advance(judging)

        report = run_demo(people=people, on_picture=on_picture, on_row=on_row)
    if as_json:
        output.print_json(
            {
                "proper": report.proper,
                "farewell": report.farewell or None,
                "figures": figures_to_dict(report.figures),
                "sessions": [row.to_dict() for row in report.rows],
            }
        )
    else:
        _print(report)
    return ExitCode.OK if report.proper else ExitCode.FAILED


def _print(report: DemoReport) -> None:
    console = output.console()
    table = Table(title="Sessions over MQTT, as the requester saw them")
    for heading in ("shown", "truth", "light", "decided", "networks", "", "s", "signed"):
        table.add_column(heading)
    for row in report.rows:
        table.add_row(*_cells(row))
    console.print(table)
    result = report.figures
    for species, rate in result.apcer.items():
        console.print(f"APCER {species}: {output.percent(rate)}")
    console.print(f"BPCER: {output.percent(result.bpcer)}; without response {output.percent(result.bpnrr)}")
    console.print("Synthetic pictures, few of them: these figures show that the parts work together, nothing more.")
    for row in report.rows:
        if row.problem:
            console.print(f"[red]{row.picture.title}: {row.problem}[/red]")
    if report.farewell:
        console.print(f"[red]{report.farewell}[/red]")
    if report.proper:
        console.print(f"{len(report.rows)} sessions ended properly; every decision came back signed for its session.")


def _cells(row: DemoRow) -> tuple[str, ...]:
    attempt = row.decision.attempt if row.decision else None
    truth = row.picture.pai_species or (row.picture.label.value if row.picture.label else "nobody to judge")
    decided = str(row.error or "")
    if row.outcome is not None:
        decided = f"[{output.STYLES[row.outcome]}]{row.outcome}[/]"
    margins = ", ".join(f"{network.margin:+.1f}" for network in attempt.networks) if attempt else ""
    right = {True: "right", False: "[bold red]WRONG[/]", None: ""}[row.right]
    light = str(attempt.light_level) if attempt else ""
    signed = "[red]no[/]" if row.problem else "yes"
    return row.picture.title, truth, light, decided, margins, right, f"{row.seconds:.1f}", signed
