"""``livegate lights``: the terminal's lights without a session."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import ExitCode
from edge.terminal.last_good import load_or_last_good
from edge.terminal.lights import restore_lights


@click.group()
def lights() -> None:
    """The terminal's lights without a session."""


@lights.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site's YAML file.")
def restore(config: Path) -> int:
    """Put back what a daemon that was killed has left: backlight as it was found, illuminator off.

    Not while a daemon runs: it would lose its lights in the middle of a session.
    """
    for line in restore_lights(load_or_last_good(config).loaded.settings.lights):
        click.echo(line)
    return ExitCode.OK
