"""Entry point: commands are imported when they are used, errors say what to do, exit codes are documented."""

from __future__ import annotations

import importlib
import os
import sys
import traceback

import click

from edge import __version__
from edge.errors import ExitCode, LivegateError
from edge.terminal.scrubbing import scrubbed_text

COMMANDS = {
    "attacks": "edge.cli.attacks:attacks",
    "bench": "edge.cli.bench:bench",
    "calibrate": "edge.cli.calibrate:calibrate",
    "campaign": "edge.cli.campaign:campaign",
    "config": "edge.cli.config:config",
    "demo": "edge.cli.demo:demo",
    "diagnose": "edge.cli.diagnose:diagnose",
    "doctor": "edge.cli.doctor:doctor",
    "evaluate": "edge.cli.evaluate:evaluate",
    "evaluate-verify": "edge.cli.evaluate_verify:evaluate_verify",
    "key": "edge.cli.key:key",
    "lights": "edge.cli.lights:lights",
    "listen": "edge.cli.listen:listen",
    "models": "edge.cli.models:models",
    "open-image": "edge.cli.open_image:open_image",
    "replay": "edge.cli.replay:replay",
    "run": "edge.cli.run:run",
    "safety": "edge.cli.safety:safety",
    "scene": "edge.cli.scene:scene",
    "session": "edge.cli.session:session",
    "template": "edge.cli.template:template",
}


class Lazy(click.Group):
    """A group whose commands live in modules of their own, so that ``livegate --version`` loads no library."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="livegate")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Face liveness on the device: real pictures, quantized models, signed decisions, no media kept.

    Exit codes: 0 done, 1 done with a negative or failed outcome, 2 wrong usage, 3 configuration, 4 hardware,
    5 models, 6 broker or message, 7 unreadable input, 130 interrupted.
    """
    from edge.terminal import logs  # noqa: PLC0415 - not for --version and --help

    logs.configure("debug" if debug else "warning", as_json=False)


def main() -> None:
    """Runs the command line and exits."""
    # Before numpy and OpenCV are loaded: each brings a BLAS that would start a thread for every core, here and in the
    # processes that are started from here, for systems of equations that are small.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    debug = "--debug" in sys.argv[1:]
    try:
        outcome = cli(standalone_mode=False)
        sys.stdout.flush()
        code = int(outcome) if isinstance(outcome, int) else ExitCode.OK
    except click.exceptions.Abort:
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILED
    except LivegateError as error:
        if debug:
            click.echo(scrubbed_text(traceback.format_exc()), err=True, nl=False)
        click.echo(f"livegate: {error.what}", err=True)
        click.echo(f"  {error.remedy}", err=True)
        code = error.exit_code
    except Exception as error:
        if debug:
            click.echo(scrubbed_text(traceback.format_exc()), err=True, nl=False)
        click.echo(scrubbed_text(f"livegate: unexpected {type(error).__name__}: {error}"), err=True)
        click.echo("  this is a fault in livegate; run again with --debug for the traceback", err=True)
        code = ExitCode.FAILED
    sys.exit(int(code))
