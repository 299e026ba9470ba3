"""``livegate key``: the device's keys, the one after it, and requesters' keys."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import click

from edge.cli import output
from edge.cli.broker import IDENTIFIER
from edge.config.loader import load
from edge.errors import ExitCode
from edge.link import key_rotation
from edge.link.sealing_key import SEALING_PUBLIC_KEY_FILE

config_option = click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="The site's YAML file: where the state folder is."
)


@click.group()
def key() -> None:
    """The keys that sign decisions and open what is sealed: show them, make the next one. Keys of requesters."""


@key.command()
@config_option
def show(config: Path) -> int:
    """Print the public halves as JSON: the current key, the prepared one, those that were retired, the sealing key."""
    keys = key_rotation.device_keys(load(config).settings.state_directory)
    output.print_json(
        {"current": keys.current, "next": keys.next, "retired": list(keys.retired), "sealing": keys.sealing}
    )
    return ExitCode.OK


@key.command()
@config_option
def prepare(config: Path) -> int:
    """Make the next key beside the current one, and print its public half to be enrolled. The daemon may run."""
    settings = load(config).settings
    jwk = key_rotation.prepare(settings.state_directory, settings.device.id)
    output.print_json(jwk)
    output.tell(f"enrol it beside the current one: {settings.state_directory / key_rotation.NEXT_PUBLIC_KEY_FILE}")
    output.tell("then stop the daemon, `livegate key rotate`, and start it again")
    return ExitCode.OK


@key.command()
@config_option
@click.option("--at-once", is_flag=True, help="Without `key prepare`: nobody has enrolled the new key yet.")
def rotate(config: Path, at_once: bool) -> int:
    """Switch to the key that was prepared; the daemon must be stopped. The old private key is gone then."""
    settings = load(config).settings
    if at_once:
        key_rotation.prepare(settings.state_directory, settings.device.id)
    old, new = key_rotation.rotate(settings.state_directory, settings.device.id, datetime.datetime.now(datetime.UTC))
    output.print_json(new)
    output.tell(f"{new['kid']} signs from the next start on; {old['kid']} is retired")
    if at_once:
        output.tell("enrol the new one by hand: until then its decisions open nothing")
    return ExitCode.OK


@key.command("rotate-sealing")
@config_option
def rotate_sealing(config: Path) -> int:
    """Make a new key that opens what is sealed to this terminal; the daemon must be stopped. The old one is gone."""
    settings = load(config).settings
    old, new = key_rotation.rotate_sealing(settings.state_directory, settings.device.id)
    output.print_json(new)
    output.tell(f"enrol it wherever references are sealed: {settings.state_directory / SEALING_PUBLIC_KEY_FILE}")
    output.tell(f"what is sealed to {old['kid']} opens no more")
    return ExitCode.OK


file_argument = click.argument("file", type=click.Path(path_type=Path))
device_option = click.option("--device", callback=IDENTIFIER, help="The only terminal that it counts for.")


@key.command()
@file_argument
@device_option
def requester(file: Path, device: str | None) -> int:
    """Make a requester's key pair: the private half into FILE, the public one beside it, for link.requesters."""
    public, jwk = key_rotation.write_requester_key(file, device)
    click.echo(json.dumps(jwk))
    output.tell(f"{file} is the requester's and nobody else's; put {public} into terminals' link.requesters")
    return ExitCode.OK


@key.command()
@file_argument
@device_option
def sealing(file: Path, device: str | None) -> int:
    """Make a key pair for session images: what opens them into FILE, the public half beside it."""
    public, jwk = key_rotation.write_opening_key(file, device)
    click.echo(json.dumps(jwk))
    output.tell(f"{file} opens session images, for whoever has it; put {public} into terminals' session_image.keys")
    return ExitCode.OK
