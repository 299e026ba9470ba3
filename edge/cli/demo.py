"""``livegate demo``: everything at work without hardware or broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.cli.options import head_option
from edge.config.choices import Pace
from edge.contracts.enums import EvidenceOutcome, LivenessDecision
from edge.errors import ExitCode
from edge.evaluation.demo import DemoReport, DemoRow, demo_scenes, run_demo
from edge.simulation.scene import shipped_scenes


@click.command()
@click.option(
    "--scenes", type=click.Path(path_type=Path), help="Folder of scene files; default: those that come with livegate."
)
@head_option
@click.option("--realtime", is_flag=True, help="As fast as a camera gives frames; default: as fast as they are judged.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def demo(scenes: Path | None, head: Path | None, realtime: bool, as_json: bool) -> int:
    """Play scenes to a simulated terminal of its own process, a session each; decisions come back signed over an
    embedded MQTT 5 broker.

    Exit code 0: every session went as its scene expects (light level, error or decision, lights put back) and its
    decision came back signed. Whether the networks were right is reported, and decides nothing.
    """
    chosen = demo_scenes(scenes or shipped_scenes(), head=head)
    with output.progress() as bar:
        playing = bar.add_task("sessions over MQTT", total=len(chosen))
        report = run_demo(
            chosen,
            head=head,
            pace=Pace.REALTIME if realtime else Pace.SIMULATED,
            on_row=lambda _: bar.advance(playing),
        )
    if as_json:
        output.print_json(
            {
                "proper": report.proper,
                "farewells": list(report.farewells),
                "figures": report.figures.to_dict(),
                "sessions": [row.to_dict() for row in report.rows],
            }
        )
    else:
        _print(report)
    return ExitCode.OK if report.proper else ExitCode.FAILED


def _print(report: DemoReport) -> None:
    console = output.console()
    table = Table(title="Sessions over MQTT, as the requester saw them")
    for heading, least in (
        ("scene", 24),
        ("asked", 13),
        ("path", 6),
        ("light level, and why", 44),
        ("s", 4),
        ("decided", 14),
        ("evidence", 20),
        ("process", 11),
    ):
        table.add_column(heading, min_width=least)
    for row in report.rows:
        table.add_row(*_cells(row), end_section=True)
    console.print(table)
    result = report.figures
    for species, rate in result.apcer.items():
        console.print(f"APCER {species}: {output.percent(rate)}")
    console.print(f"BPCER: {output.percent(result.bpcer)}; without response {output.percent(result.bpnrr)}")
    console.print("Simulated scenes, few of them: these figures show that the parts work together, nothing more.")
    for row in report.rows:
        for problem in row.problems:
            console.print(f"[red]{row.scene.scene.title}: {problem}[/red]")
    for farewell in report.farewells:
        console.print(f"[red]{farewell}[/red]")
    proper = sum(not row.problems for row in report.rows)
    console.print(
        f"{proper} of {len(report.rows)} sessions went as their scenes expect: light level, error or decision, "
        "lights put back, decision signed for its session."
    )


def _cells(row: DemoRow) -> Iterator[str]:
    scene = row.scene
    yield f"{scene.scene.title}\n[dim]{scene.pai_species or scene.label or 'nobody to judge'}[/]"
    yield f"{scene.scene.session.mode}\n[dim]{scene.scene.session.policy}[/]"
    yield ", ".join(row.path) or "none"
    attempt = row.decision.attempt if row.decision else None
    yield f"{attempt.light_level}: {attempt.light_reason}" if attempt else ""
    yield f"{attempt.duration_seconds:.1f}" if attempt else ""
    yield _decided(row)
    yield "\n".join(
        f"{item.kind} {item.outcome}" + ("" if item.margin is None else f" {item.margin:+.2f}")
        for item in (attempt.evidence if attempt else ())
        if item.outcome is not EvidenceOutcome.NOT_APPLICABLE
    )
    yield "[red]NOT as expected[/]" if row.problems else "as expected"


def _decided(row: DemoRow) -> str:
    if row.outcome is None:
        return str(row.error or "")
    decided = f"[{output.STYLES[row.outcome]}]{row.outcome}[/]"
    if row.right:
        return decided
    missed = "accepted" if row.outcome is LivenessDecision.REALFACE else "refused"
    return f"{decided}\n[bold red]MISS: {missed}[/]"
