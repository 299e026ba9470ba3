"""``livegate evaluate``: how often the terminal is fooled, and how often it refuses a person."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import click

from edge.cli import output, tables
from edge.cli.options import replay_options
from edge.errors import ExitCode
from edge.evaluation.evaluate import identity, judge, open_run
from edge.evaluation.index import read_index
from edge.evaluation.provenance import Provenance, models_of
from edge.evaluation.replay import ReplaySetup
from edge.evaluation.report import Report
from edge.evaluation.scores import Score


@click.command()
@click.argument("index", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for scores.csv, report.json and report.html."
)
@click.option("--fresh", is_flag=True, help="Throw away what the folder has of an earlier run.")
@replay_options
@click.option(
    "--attempts", type=click.IntRange(1, 100), help="Most attempts of a transaction; default: those of the policy."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; default: one for each processor.")
@click.option("--json", "as_json", is_flag=True, help="Print what report.json has.")
def evaluate(
    index: Path,
    out: Path,
    fresh: bool,
    attempts: int | None,
    jobs: int | None,
    setup: ReplaySetup,
    as_json: bool,
) -> int:
    """Run a session over each presentation of INDEX, and report ISO/IEC 30107-3 figures with bounds.

    Every score is kept in the folder as soon as it is there: the same command goes on after an interruption.

    Exit code 0: all of it could be read, whatever was decided; 7: some of it could not.
    """
    started, clock = datetime.now().astimezone(), time.monotonic()
    presentations = read_index(index)
    replayer = setup.open()
    tables.tell_calibration(setup.calibration)
    facts = identity(index, setup, replayer.bundle)
    jobs = jobs or os.cpu_count() or 1
    with open_run(out, presentations, replayer.networks, facts, fresh=fresh) as run:
        with output.progress() as bar:
            task = bar.add_task("judging", total=len(presentations), completed=run.resumed)

            def keep(score: Score) -> None:
                run.add(score)
                bar.advance(task)

            try:
                judge(setup, replayer, run.remaining, jobs, keep)
            except KeyboardInterrupt:
                output.tell(
                    f"livegate: stopped with {len(run.scores)} of {len(presentations)} presentations judged; "
                    "the same command goes on"
                )
                raise
        scores = run.finish()
        provenance = Provenance(
            subject="recorded presentations",
            models=models_of(replayer.bundle),
            runtime=str(replayer.bundle.runtime),
            policy=setup.floor.name,
            mode=setup.mode.value,
            pad_margin=setup.floor.pad_margin,
            pad_margin_with_light=setup.floor.pad_margin_with_light,
            pad_veto_margin=setup.floor.pad_veto_margin,
            attempts=attempts or setup.floor.max_attempts,
            calibration=setup.calibration,
            index=index.name,
            index_sha256=facts["indexSha256"],
            files=len({path for presentation in presentations for path in presentation.paths}),
            jobs=jobs,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
            judged=len(scores) - run.resumed,
            resumed=run.resumed,
        )
        with output.progress() as bar:
            bar.add_task("resampling", total=None)
            report = Report.of(scores, provenance)
        report.write(out)
    tables.print_report(report, out, as_json=as_json)
    return ExitCode.INPUT if report.performance.unreadable else ExitCode.OK
