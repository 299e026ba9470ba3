"""``livegate diagnose``: what somebody elsewhere needs to help, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli import output
from edge.errors import ExitCode
from edge.terminal.doctor.bundle import contents, write
from edge.terminal.doctor.context import context_of


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site's YAML file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to make, such as door-1.tar.gz.")
def diagnose(config: Path, out: Path) -> int:
    """Write what `livegate doctor` finds, versions, masked configuration and the service's last log into one file.

    No secrets, no pictures, no decisions, no environment variables: docs/doctor.md lists what is in it. Only its owner
    may read it; look through it before handing it on.
    """
    context = context_of(config)
    output.tell("looking at the terminal; this takes some seconds")
    files = contents(context)
    write(out, files, context.wall())
    click.echo(f"{out} holds")
    for name, content in files.items():
        click.echo(f"  {name}  {len(content)} bytes")
    return ExitCode.OK
