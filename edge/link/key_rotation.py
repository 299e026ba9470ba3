"""The device's next key: made beside the one that signs, enrolled while that still does, then put in its place.

At every moment ``device-key.pem`` is a whole key: the next one is renamed over it. So is the key that opens what is
sealed to the terminal, which is made anew in one step: nothing sealed to the old one is kept anywhere.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.contracts.jws import KeySigner, OKPKey, public_jwk
from edge.contracts.sealing import OpeningKey
from edge.errors import LinkError
from edge.link.files import claim, write_atomically
from edge.link.identity import PUBLIC_KEY_FILE, public_key_file
from edge.link.key_source import KEY_FILE, NEXT_KEY_FILE, private_key
from edge.link.sealing_key import SEALING_KEY_FILE, SEALING_PUBLIC_KEY_FILE, private_opening_key, sealing_key_file

NEXT_PUBLIC_KEY_FILE: Final = "device-key.next.pub.jwk"
_RETIRED: Final = "device-key.retired-{kid}.pub.jwk"


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """Public halves as JWKs. current: None before the first start. next: None where none was prepared.

    retired: with ``madeAt`` and ``retiredAt`` (RFC 3339, UTC), the last one first. sealing: of the key that opens;
    None before its first start.
    """

    current: dict[str, Any] | None
    next: dict[str, Any] | None
    retired: tuple[dict[str, Any], ...]
    sealing: dict[str, Any] | None


def device_keys(state_dir: Path) -> DeviceKeys:
    """What is enrolled, or may be. Reads no private key. Raises LinkError."""
    prepared = _read(state_dir / NEXT_PUBLIC_KEY_FILE)
    if not (state_dir / NEXT_KEY_FILE).exists():
        prepared = None
    retired = [each for path in state_dir.glob(_RETIRED.format(kid="*")) if (each := _read(path)) is not None]
    return DeviceKeys(
        _read(state_dir / PUBLIC_KEY_FILE),
        prepared,
        tuple(sorted(retired, key=lambda jwk: str(jwk.get("retiredAt")), reverse=True)),
        _read(state_dir / SEALING_PUBLIC_KEY_FILE),
    )


def prepare(state_dir: Path, device: str) -> dict[str, Any]:
    """The next key's public half, to be enrolled; the key is made unless there is one. The daemon may run.

    Raises LinkError where the terminal was never started, or its key lies elsewhere than in its file.
    """
    with _told(state_dir):
        _current(state_dir)
        path = state_dir / NEXT_KEY_FILE
        if path.exists():
            signer = private_key(path)
        else:
            key = OKPKey.generate_key("Ed25519")
            signer = KeySigner(key)
            _write(path, key.as_pem(private=True), mode=0o600)
        _write(state_dir / NEXT_PUBLIC_KEY_FILE, public_key_file(signer, device), mode=0o644)
        return public_jwk(signer.public, device)


def rotate(state_dir: Path, device: str, now: datetime.datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The key that was prepared becomes the device's; gives the public halves of the old one and the new.

    The old one's private half is gone then; its public half stays, with dates, for decisions that it signed.
    now: with a time zone. Raises LinkError where the daemon runs, or no key was prepared.
    """
    with _told(state_dir), _stopped(state_dir):
        current, coming = _current(state_dir), state_dir / NEXT_KEY_FILE
        if not coming.exists():
            raise LinkError(
                f"no next key was prepared in {state_dir}",
                remedy="livegate key prepare, and enrol what it writes; to switch at once, unenrolled: --at-once",
            )
        signer = private_key(coming)
        made = datetime.datetime.fromtimestamp((state_dir / KEY_FILE).stat().st_mtime, datetime.UTC)
        old = public_jwk(current.public, device)
        dated = {**old, "madeAt": _stamp(made), "retiredAt": _stamp(now)}
        retired = state_dir / _RETIRED.format(kid=current.kid)
        _write(retired, json.dumps(dated, indent=2).encode() + b"\n", mode=0o644)
        coming.replace(state_dir / KEY_FILE)
        # Syncs the folder too. Cut off before it, the next start writes the public half of the key that it finds.
        _write(state_dir / PUBLIC_KEY_FILE, public_key_file(signer, device), mode=0o644)
        (state_dir / NEXT_PUBLIC_KEY_FILE).unlink(missing_ok=True)
        return old, public_jwk(signer.public, device)


def rotate_sealing(state_dir: Path, device: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new key in place of the one that opens; gives the public halves of the old one and the new.

    Nothing that was sealed to the old one opens any more. Raises LinkError where the daemon runs, or there is no key.
    """
    with _told(state_dir), _stopped(state_dir):
        path = state_dir / SEALING_KEY_FILE
        published = _read(state_dir / SEALING_PUBLIC_KEY_FILE)
        if not path.exists():
            raise _no_sealing_key(state_dir, published)
        old, new = private_opening_key(path).public, OpeningKey.generate()
        if published is not None and published.get("kid") != old.kid:
            raise LinkError(
                f"the terminal last opened with another key than that in {path}",
                remedy="start the daemon once; where it opens with a credential, delete the file and rotate that",
            )
        _write(path, new.pem(), mode=0o600)
        # Cut off before it, the next start writes the public half of the key that it finds.
        _write(state_dir / SEALING_PUBLIC_KEY_FILE, sealing_key_file(new.public, device), mode=0o644)
        return dict(old.jwk(device)), dict(new.public.jwk(device))


def write_requester_key(path: Path, device: str | None = None) -> tuple[Path, dict[str, Any]]:
    """A new key pair of a requester: the private half into ``path`` (0600), the public one beside it, which it gives.

    device: the only terminal that it counts for; None: any.

    Raises LinkError where the file is there already, or cannot be written.
    """
    key = OKPKey.generate_key("Ed25519")
    return _write_pair(path, key.as_pem(private=True), public_jwk(key, device))


def write_opening_key(path: Path, device: str | None = None) -> tuple[Path, dict[str, Any]]:
    """As ``write_requester_key``, a pair of X25519: whoever has the public half seals for the owner of the other."""
    key = OpeningKey.generate()
    return _write_pair(path, key.pem(), key.public.jwk(device))


def _write_pair(path: Path, private: bytes, jwk: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    public = path.with_suffix(".pub.jwk")
    for each in (path, public):
        if each.exists():
            raise LinkError(f"{each} is there already", remedy="name another file; a key is never overwritten")
    try:
        write_atomically(path, private)
        write_atomically(public, json.dumps(jwk, indent=2).encode() + b"\n", mode=0o644)
    except OSError as error:
        raise LinkError(f"cannot write {path}: {error.strerror}", remedy="name a folder that can be written") from None
    return public, jwk


def _current(state_dir: Path) -> KeySigner:
    path = state_dir / KEY_FILE
    published = _read(state_dir / PUBLIC_KEY_FILE)
    if path.exists():
        signer = private_key(path)
        if published is not None and published.get("kid") != signer.kid:
            raise LinkError(
                f"the terminal last signed with another key than that in {path}",
                remedy="start the daemon once; where it signs with a credential, delete the file and rotate that",
            )
        return signer
    if published is not None:
        raise LinkError(
            f"this terminal's key is not in {path}: it is a credential of the service, or elsewhere",
            remedy="rotate it where it is kept (docs/verification.md)",
        )
    raise LinkError(f"there is no key in {state_dir} yet", remedy="the daemon's first start makes one: start it")


def _no_sealing_key(state_dir: Path, published: dict[str, Any] | None) -> LinkError:
    if published is None:
        return LinkError(
            f"there is no sealing key in {state_dir} yet", remedy="the daemon's first start makes one: start it"
        )
    return LinkError(
        f"this terminal's sealing key is not in {state_dir}: it is a credential of the service",
        remedy="rotate it where it is kept (docs/verify.md)",
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        jwk = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LinkError(
            f"cannot read {path}: {error.strerror}", remedy="run this as the daemon's user or as root"
        ) from None
    except ValueError:
        jwk = None
    if not isinstance(jwk, dict):
        raise LinkError(f"{path} is no JWK", remedy="delete it: the next start, prepare or rotate writes it anew")
    return jwk


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """For the folder's owner, also where root writes: the daemon must read its key."""
    write_atomically(path, content, mode=mode)
    folder = path.parent.stat()
    if os.geteuid() == 0 and folder.st_uid != 0:
        os.chown(path, folder.st_uid, folder.st_gid)


@contextlib.contextmanager
def _stopped(state_dir: Path) -> Iterator[None]:
    handle = claim(state_dir)
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told(state_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LinkError(
            f"cannot use the state folder {state_dir}: {error.strerror} ({error.filename})",
            remedy="run this as the daemon's user or as root",
        ) from None


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
