"""``livegate run``: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from edge.config.loader import load
from edge.config.settings import LogFormat
from edge.errors import ExitCode
from edge.terminal import logs
from edge.terminal.daemon import serve


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The site's YAML file.")
def run(config: Path) -> int:
    """Serve as a terminal until SIGTERM, SIGHUP or Ctrl-C.

    A broker that cannot be reached is tried again for ever; models that cannot be used make the terminal
    `degraded`. Only a bad configuration or an unusable state folder ends it.
    """
    loaded = load(config)
    log = loaded.settings.log
    logs.configure(log.level.value, as_json=log.format is LogFormat.JSON)
    serve(loaded)
    return ExitCode.OK
