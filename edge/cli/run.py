"""``livegate run``: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import ExitCode
from edge.terminal import logs
from edge.terminal.again import bury_what_was_left, start_again
from edge.terminal.daemon import serve
from edge.terminal.last_good import load_or_last_good


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The site's YAML file.")
def run(config: Path) -> int:
    """Serve as a terminal until SIGTERM, SIGHUP or Ctrl-C, or until it is told to restart.

    A broker that cannot be reached is tried again for ever; models that cannot be used make the terminal
    `degraded`. For a bad configuration the last good one stands in, if what protects is the same in both. Only a bad
    configuration without a last good one, or an unusable state folder, ends it. To apply a configuration that was
    pushed to it, it starts itself again: same process id, same command line.
    """
    start = load_or_last_good(config)
    logs.log_to(start.loaded.settings.log)
    bury_what_was_left()
    if serve(start):
        start_again()
    return ExitCode.OK
