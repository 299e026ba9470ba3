"""``livegate evaluate-verify``: how often another person is taken for the one of a reference, and the right one not."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.config.choices import RuntimeChoice
from edge.errors import ExitCode
from edge.evaluation.evaluate import sha256_of
from edge.evaluation.metrics import Rate
from edge.evaluation.pairs import pairs_from, read_pairs
from edge.evaluation.picture_faces import PictureFaces
from edge.evaluation.report import HTML_FILE
from edge.evaluation.verify import FMR_LIMITS, ErrorRate, Verification, compare, measure, pictures_of
from edge.evaluation.verify_page import operating_row, share
from edge.evaluation.verify_provenance import VerifyProvenance
from edge.evaluation.verify_report import VerifyReport
from edge.vision.face_match import FaceMatch


@click.command("evaluate-verify")
@click.argument("pairs", type=click.Path(path_type=Path), required=False)
@click.option(
    "--pairs-from",
    "index",
    type=click.Path(path_type=Path),
    help="CSV with path and subject: all its mated pairs, and a sample of the others, in place of PAIRS.",
)
@click.option(
    "--non-mated",
    type=click.IntRange(0, 10_000_000),
    default=100_000,
    show_default=True,
    help="Most non-mated pairs that --pairs-from draws.",
)
@click.option("--seed", type=click.IntRange(0), default=19795, show_default=True, help="Of that sample.")
@click.option("--report", type=click.Path(path_type=Path), help="Folder for report.html, report.json, comparisons.csv.")
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="From which two faces match: what the site's verification.confidence says.",
)
@click.option(
    "--fmr",
    "limits",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    multiple=True,
    help="FMR to give the threshold for; repeat for several. Default: 0.01, 0.001 and 0.0001.",
)
@click.option("--models", type=click.Path(path_type=Path), help="Folder of models; what it lacks are those shipped.")
@click.option("--embedding", metavar="ID", help="Network that compares, enabled or not; default: the enabled one.")
@click.option(
    "--runtime",
    type=click.Choice([choice.value for choice in RuntimeChoice]),
    default=RuntimeChoice.AUTO.value,
    show_default=True,
    help="TFLite runtime.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what report.json has.")
def evaluate_verify(
    pairs: Path | None,
    index: Path | None,
    non_mated: int,
    seed: int,
    report: Path | None,
    confidence: float,
    limits: tuple[float, ...],
    models: Path | None,
    embedding: str | None,
    runtime: str,
    as_json: bool,
) -> int:
    """Compare the faces of PAIRS (path_a, path_b, same, subject_a, subject_b), and report FMR and FNMR with bounds.

    path_a is the reference, path_b a picture of an attempt. No picture is copied into the report.
    """
    started, clock = datetime.now().astimezone(), time.monotonic()
    match pairs, index:
        case (Path() as source, None):
            listed = read_pairs(source)
        case (None, Path() as source):
            listed = pairs_from(source, non_mated=non_mated, seed=seed)
        case _:
            raise click.UsageError("Give either PAIRS or --pairs-from.")
    faces = PictureFaces(models, embedding=embedding, runtime=RuntimeChoice(runtime))
    manifest = faces.manifest
    with output.progress() as bar:
        task = bar.add_task("looking at faces", total=sum(map(len, pictures_of(listed))))
        compared = compare(listed, faces, done=lambda: bar.advance(task))
        bar.add_task("resampling", total=None)
        result = measure(
            compared,
            threshold=FaceMatch(manifest.match).similarity(confidence) if manifest.match else None,
            limits=tuple(sorted(set(limits), reverse=True)) or FMR_LIMITS,
        )
    made = VerifyReport(
        result,
        VerifyProvenance(
            models={model.id: model.sha256 for model in faces.models},
            embedding=manifest.id,
            licence=manifest.licence,
            match=manifest.match,
            runtime=str(faces.runtime),
            source=source.name,
            source_sha256=sha256_of(source),
            drawn=None if index is None else (non_mated, seed),
            confidence=confidence,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
        ),
    )
    if report is not None:
        made.write(report, compared)
    if as_json:
        output.print_json(made.to_dict())
    else:
        _print(result, confidence)
        if report is not None:
            click.echo(f"the report is in {report / HTML_FILE}")
    return ExitCode.OK


def _print(result: Verification, confidence: float) -> None:
    at = "no threshold: the manifest has no match section"
    if result.threshold is not None:
        at = f"at confidence {confidence:g}, similarity {result.threshold:.4f}"
    table = Table(title=f"ISO/IEC 19795-1 figures {at}; zero-effort impostors; exact 95 % bounds")
    for heading in ("figure", "errors/n = rate (bounds)", "over subjects", "subjects with errors"):
        table.add_column(heading)
    for name, rate in (("FMR", result.fmr), ("FNMR", result.fnmr)):
        if rate is not None:
            table.add_row(name, _counted(rate.rate), _subjects(rate), f"{rate.amiss.errors} of {rate.amiss.n}")
    for name, failures in (("FTE", result.fte), ("FTA", result.fta)):
        why = ", ".join(f"{count} {reason}" for reason, count in failures.reasons.items())
        table.add_row(name, _counted(failures.rate), why, "")
    output.console().print(table)
    table = Table(
        title=f"Thresholds, chosen on these {result.non_mated} non-mated comparisons of {result.subjects} subjects and "
        f"{result.mated} mated ones of {result.mated_subjects}"
    )
    for heading in ("FMR at most", "threshold", "FMR", "bounds", "FNMR", "bounds"):
        table.add_column(heading)
    for point in result.operating:
        table.add_row(*operating_row(point))
    output.console().print(table)
    if result.conditions:
        table = Table(title="By condition; in no other figure")
        for heading in ("condition", "FMR", "FNMR"):
            table.add_column(heading)
        for name, (fmr, fnmr) in result.conditions.items():
            table.add_row(name, _counted(fmr), _counted(fnmr))
        output.console().print(table)


def _counted(rate: Rate) -> str:
    if rate.value is None:
        return "none of 0"
    return f"{rate.errors}/{rate.n} = {share(rate.value)} ({share(rate.low)} .. {share(rate.high)})"


def _subjects(rate: ErrorRate) -> str:
    bounds = rate.subjects
    if bounds.low is None or bounds.high is None:
        return bounds.why_not
    return f"{share(bounds.low)} .. {share(bounds.high)}"
