"""``livegate open-image``: a stored session image, opened."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli import output, private_file
from edge.cli.broker import IDENTIFIER
from edge.contracts.jws import read_decision
from edge.errors import ExitCode
from edge.link import session_image
from edge.link.enrolled import read_enrolled
from edge.link.options import read_file
from edge.link.sealing_key import private_opening_key

path_type = click.Path(path_type=Path)


@click.command("open-image")
@click.argument("sealed", type=path_type)
@click.option("--key", "key_file", type=path_type, required=True, help="What opens it (`livegate key sealing`).")
@click.option("--site", callback=IDENTIFIER, help="Of the topic that it came on; else that of the decision.")
@click.option("--device", callback=IDENTIFIER, help="Likewise.")
@click.option("--decision", type=path_type, help="A stored message of the decision that names it; needs --keys.")
@click.option("--keys", type=path_type, multiple=True, help="Enrolled public keys: JWK, JWK Set, PEM, or a folder.")
@click.option("--out", type=path_type, required=True, help="The JPEG, which nobody else may read (0600).")
@click.option("--force", is_flag=True, help="Overwrite it.")
def open_image(
    sealed: Path,
    key_file: Path,
    site: str | None,
    device: str | None,
    decision: Path | None,
    keys: tuple[Path, ...],
    out: Path,
    force: bool,
) -> int:
    """Open SEALED, a stored message of the topic session/<id>/image.

    With --decision nothing is written unless an enrolled key signed it and it names this very picture; without, the
    picture may be anybody's: to seal one takes the public key alone.
    """
    if decision is not None and not keys:
        raise click.UsageError("--decision needs --keys: without enrolled keys it proves nothing.")
    if decision is None and (site is None or device is None):
        raise click.UsageError("--site and --device are needed, or --decision, which names both.")
    private_file.refuse_existing(out, force)
    key = private_opening_key(key_file)
    message = session_image.read_sealed_image(read_file(sealed))
    if decision is None:
        opened = session_image.open_image(message, key, str(site), str(device))
        worth = "unproven: no decision was given"
    else:
        signed = read_decision(read_file(decision), read_enrolled(keys))
        if (site or signed.site, device or signed.device) != (signed.site, signed.device):
            raise click.UsageError(f"The decision is of {signed.site}/{signed.device}.")
        opened = session_image.open_image(message, key, signed.site, signed.device)
        session_image.check_named(opened, signed)
        worth = f"signed by {signed.site}/{signed.device} as that of its decision"
    private_file.write(out, opened.jpeg, force=force)
    output.tell(f"{out}: {len(opened.jpeg)} bytes, attempt {opened.attempt_id} of session {opened.session_id}, {worth}")
    return ExitCode.OK
