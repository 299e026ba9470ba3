"""``livegate replay``: sessions over recorded pictures."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli import output, tables
from edge.cli.options import replay_options
from edge.contracts.session import SessionReport
from edge.errors import ExitCode
from edge.evaluation.index import read_index
from edge.evaluation.metrics import figures
from edge.evaluation.performance import outcomes
from edge.evaluation.provenance import calibration_facts
from edge.evaluation.replay import ReplaySetup
from edge.evaluation.scores import counted


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--index", type=click.Path(path_type=Path), help="CSV of labelled presentations; see the documentation.")
@replay_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def replay(
    path: Path | None,
    index: Path | None,
    setup: ReplaySetup,
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
    replayer = setup.open()
    tables.tell_calibration(setup.calibration)
    if path is not None:
        _print_session(replayer.replay((path,)), as_json=as_json)
        return ExitCode.OK
    replayed = []
    with output.progress() as bar:
        task = bar.add_task("replaying", total=len(presentations))
        for result in replayer.replay_all(presentations):
            replayed.append(result)
            bar.advance(task)
    scores = [result.score(number) for number, result in enumerate(replayed, 1)]
    read = counted(scores)
    shown = figures(score.judged for score in read)
    if as_json:
        output.print_json(
            {
                "index": str(index),
                "policy": setup.floor.name,
                "mode": setup.mode,
                "models": replayer.model_hashes,
                "calibration": calibration_facts(setup.calibration),
                "figures": shown.to_dict(),
                "presentations": [result.to_dict() for result in replayed],
            }
        )
    else:
        tables.print_outcomes(outcomes(read))
        tables.print_figures(shown)
        tables.tell_uncounted(scores)
    return ExitCode.INPUT if any(result.problem for result in replayed) else ExitCode.OK


def _print_session(report: SessionReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, exclude_none=True, indent=2))
        return
    for attempt in report.attempts:
        if attempt.result is not None:
            decided_by = ", ".join(attempt.decided_by) or "a policy that requires nothing"
            click.echo(f"{attempt.result.liveness_decision}, decided by {decided_by}")
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
