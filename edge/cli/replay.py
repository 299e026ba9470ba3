"""``livegate replay``: sessions over recorded pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.cli.options import mode_option, model_options, open_bundle
from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import LivenessOperationMode
from edge.contracts.session import SessionReport
from edge.errors import ExitCode
from edge.evaluation.index import read_index
from edge.evaluation.metrics import Figures
from edge.evaluation.replay import Replayed, Replayer, figures_of


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--index", type=click.Path(path_type=Path), help="CSV of labelled presentations; see the documentation.")
@mode_option
@click.option(
    "--policy",
    type=click.Choice([preset.value for preset in Preset]),
    default=Preset.KIOSK.value,
    show_default=True,
    help="What must be proven. door asks for light evidence, which a replay cannot give.",
)
@model_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def replay(
    path: Path | None,
    index: Path | None,
    mode: str,
    policy: str,
    models: Path | None,
    active: tuple[str, ...],
    runtime: str,
    threads: int,
    as_json: bool,
) -> int:
    """Run a session over PATH (a picture, a video, or a folder of pictures as one sequence), or one over each
    presentation of an index, and say what was seen and decided.

    Of an index it prints counts, and APCER by PAI species and BPCER with exact 95 % bounds.

    Exit code 0: all of it could be read, whatever was decided; 7: some of it could not.
    """
    if (path is None) == (index is None):
        raise click.UsageError("give either PATH or --index CSV")
    presentations = read_index(index) if index is not None else ()
    replayer = Replayer(
        open_bundle(models, active, runtime, threads), PRESETS[Preset(policy)], LivenessOperationMode(mode)
    )
    if path is not None:
        _print_session(replayer.replay((path,)), as_json=as_json)
        return ExitCode.OK
    replayed = []
    with output.progress() as bar:
        task = bar.add_task("replaying", total=len(presentations))
        for result in replayer.replay_all(presentations):
            replayed.append(result)
            bar.advance(task)
    if as_json:
        output.print_json(
            {
                "index": str(index),
                "policy": policy,
                "mode": mode,
                "models": replayer.model_hashes,
                "figures": figures_of(replayed).to_dict(),
                "presentations": [result.to_dict() for result in replayed],
            }
        )
    else:
        _print_counts(replayed)
        _print_figures(figures_of(replayed))
        for result in replayed:
            if result.problem is not None:
                click.echo(f"not read: {result.problem}", err=True)
    return ExitCode.INPUT if any(result.problem for result in replayed) else ExitCode.OK


def _print_session(report: SessionReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, exclude_none=True, indent=2))
        return
    for attempt in report.attempts:
        if attempt.result is not None:
            click.echo(f"{attempt.result.liveness_decision}")
        elif attempt.error is not None:
            click.echo(f"{attempt.error.code}: {attempt.error.message}")
        click.echo(f"  light     {attempt.light_level}: {attempt.light_reason}")
        for item in attempt.evidence:
            margin = "" if item.margin is None else f" ({item.margin:+.2f})"
            click.echo(f"  {item.kind:<9} {item.outcome}{margin}: {item.reason}")
        for network in attempt.networks:
            click.echo(f"  network   {network.network} {network.margin:+.2f} over {_frames(network.frames)}")
        for failure, count in attempt.quality_failures.items():
            click.echo(f"  not judged, {failure}: {_frames(count)}")


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _print_counts(replayed: list[Replayed]) -> None:
    table = Table(title="What was decided")
    for heading in ("label", "PAI species", "n", "realface", "spoofface", "uncertain", "errors"):
        table.add_column(heading)
    groups: dict[tuple[str, str], Counter[str]] = {}
    for result in replayed:
        if result.report is not None:
            key = (result.presentation.label.value, result.presentation.pai_species)
            error = result.attempt.error if result.attempt else None
            outcome = result.decision.value if result.decision else f"{error.code}" if error else ""
            groups.setdefault(key, Counter())[outcome] += 1
    decisions = ("realface", "spoofface", "uncertain")
    for (label, species), counts in sorted(groups.items()):
        errors = ", ".join(f"{n} {code}" for code, n in counts.most_common() if code not in decisions)
        table.add_row(
            label, species, str(counts.total()), *(str(counts[decision]) for decision in decisions), errors or "0"
        )
    output.console().print(table)


def _print_figures(result: Figures) -> None:
    table = Table(title="ISO/IEC 30107-3 figures, exact 95 % bounds; uncertain counts as refused")
    table.add_column("figure")
    table.add_column("PAI species")
    table.add_column("errors/n = rate (bounds)")
    for species, rate in result.apcer.items():
        worst = " (the worst counts)" if species == result.worst_species else ""
        table.add_row("APCER", species + worst, output.percent(rate))
    for species, rate in result.apnrr.items():
        table.add_row("APNRR", species, output.percent(rate))
    table.add_row("BPCER", "", output.percent(result.bpcer))
    table.add_row("BPNRR", "", output.percent(result.bpnrr))
    output.console().print(table)
