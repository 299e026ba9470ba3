"""``livegate config``: check, show and describe the site's file."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli import output
from edge.config import loader
from edge.errors import ExitCode

file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def config() -> None:
    """The site's YAML file: check, show, schema."""


@config.command()
@file_argument
def check(file: Path) -> int:
    """Say everything that is wrong with FILE, with line, column and suggestion. Exit code 3 if anything is."""
    loaded = loader.load(file)
    click.echo(f"{file} is correct (configuration {loaded.sha256[:16]}, policy {loaded.settings.policy.name})")
    return ExitCode.OK


@config.command()
@file_argument
def show(file: Path) -> int:
    """Print all values in effect, defaults marked, secrets masked."""
    click.echo(loader.show(loader.load(file).settings), nl=False)
    return ExitCode.OK


@config.command()
def schema() -> int:
    """Print the JSON Schema of the file, for editors."""
    output.print_json(loader.schema())
    return ExitCode.OK
