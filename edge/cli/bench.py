"""``livegate bench``: what a frame costs on this machine."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.cli.options import model_options
from edge.errors import ExitCode
from edge.evaluation.bench import BenchReport, Spread, selfie
from edge.evaluation.bench import bench as measure
from edge.frames.picture import read_picture
from edge.inference.bundle import ModelChoice


@click.command()
@click.option("--picture", type=click.Path(path_type=Path), help="One frontal face; default: a synthetic person.")
@click.option("--frames", type=click.IntRange(10, 10000), default=200, show_default=True)
@model_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def bench(
    picture: Path | None,
    frames: int,
    models: ModelChoice,
    as_json: bool,
) -> int:
    """Time each stage of vision beside the bare invokes of the same models in the same run.

    The ratio is frame to evidence over the sum of the bare invokes that the frame needed.
    """
    with output.progress() as bar:
        task = bar.add_task("frames", total=2 * frames)
        report = measure(
            selfie() if picture is None else read_picture(picture),
            models.open,
            threads=models.threads,
            frames=frames,
            on_frame=lambda: bar.advance(task),
        )
    if as_json:
        output.print_json(report.to_dict())
    else:
        _print(report)
    return ExitCode.OK


def _print(report: BenchReport) -> None:
    table = Table(title=f"{report.runtime}, {report.threads} thread(s), {report.frame}, {report.machine}; ms")
    for heading in ("", "median", "p95", "n"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows: list[tuple[str, Spread]] = [
        *report.stages.items(),
        *((f"bare invoke of {name}", spread) for name, spread in report.invokes.items()),
        ("frame to evidence, tracked", report.tracked),
        ("  bare: landmarks and all PAD networks", report.tracked_bare),
        ("  ratio to its bare invokes", report.tracked_ratio),
        ("frame to evidence, with the detector", report.detected),
        ("  bare: detector, landmarks and all PAD networks", report.detected_bare),
        ("  ratio to its bare invokes", report.detected_ratio),
    ]
    for name, spread in rows:
        table.add_row(name, f"{spread.median:.2f}", f"{spread.p95:.2f}", str(spread.n))
    output.console().print(table)
    click.echo(f"models loaded and checked in {report.load_seconds:.2f} s; peak RSS {report.peak_rss_mib:.0f} MiB")
