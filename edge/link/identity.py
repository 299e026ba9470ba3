"""Who this terminal is: its signing key, its boot count, and the sequence of its decisions."""

from __future__ import annotations

import itertools
import json
import os
import stat
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError

from edge.contracts.decision import Decision
from edge.contracts.jws import OKPKey, public_jwk, thumbprint, write_decision
from edge.errors import LinkError
from edge.link.files import write_atomically

KEY_FILE: Final = "device-key.pem"
PUBLIC_KEY_FILE: Final = "device-key.pub.jwk"
BOOT_COUNT_FILE: Final = "boot-count"
_MAX_DIGITS: Final = 15


class Identity:
    """One start of one terminal. Decisions are known by ``(device, boot_count, seq)``."""

    def __init__(self, device: str, key: OKPKey, boot_count: int) -> None:
        self.device = device
        self.boot_count = boot_count
        self._key = key
        self._seq = itertools.count(1)

    @classmethod
    def open(cls, state_dir: Path, device: str) -> Identity:
        """Once for each start of the daemon: reads the key (made at the first start), raises the boot count.

        Raises LinkError when the folder cannot be written, or a key or count is there that cannot be used.
        """
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = _device_key(state_dir / KEY_FILE)
            public = json.dumps(public_jwk(key, device), indent=2).encode() + b"\n"
            published = state_dir / PUBLIC_KEY_FILE
            if not published.is_file() or published.read_bytes() != public:
                write_atomically(published, public, mode=0o644)
            return cls(device, key, _next_boot_count(state_dir / BOOT_COUNT_FILE))
        except OSError as error:
            raise LinkError(
                f"cannot use the state folder {state_dir}: {error.strerror} ({error.filename})",
                remedy="give the daemon's user a writable state folder",
            ) from None

    @property
    def key_id(self) -> str:
        """``kid`` of every signature: the key's RFC 7638 thumbprint."""
        return thumbprint(self._key)

    def public_jwk(self) -> dict[str, str]:
        """For ``info`` and for enrolment by hand."""
        return public_jwk(self._key, self.device)

    def next_seq(self) -> int:
        """1, 2, 3 … within this boot. May be called from any thread."""
        return next(self._seq)

    def seal(self, decision: Decision) -> bytes:
        """The payload of the ``decision`` topic, signed. May be called from any thread.

        Raises ValueError for a decision of another device or boot.
        """
        if (decision.device, decision.boot_count) != (self.device, self.boot_count):
            raise ValueError(f"{decision.device} boot {decision.boot_count} is not {self.device} {self.boot_count}")
        return write_decision(decision, self._key)


def _device_key(path: Path) -> OKPKey:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        key = OKPKey.generate_key("Ed25519")
        write_atomically(path, key.as_pem(private=True))
        return key
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        content = file.read(16 * 1024)
    if mode & 0o077:
        raise LinkError(
            f"the device key {path} may be read or written by others (mode {mode:04o})",
            remedy=f"if nobody had access, chmod 600 {path}; otherwise delete it and enrol the new key",
        )
    try:
        key = OKPKey.import_key(content)
        usable = key.is_private and key.curve_name == "Ed25519"
    except (JoseError, ValueError, TypeError) as error:
        raise LinkError(
            f"the device key {path} cannot be read: {error}",
            remedy="restore it from a backup, or delete it and enrol the new key that the next start makes",
        ) from None
    if not usable:
        raise LinkError(
            f"the device key {path} is not an Ed25519 private key", remedy="delete it and enrol the new key"
        )
    return key


def _next_boot_count(path: Path) -> int:
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        last = 0
    except UnicodeDecodeError:
        text = "?"
        last = -1
    else:
        last = int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else -1
    if last < 0:
        # Starting over would give two decisions the same identity.
        raise LinkError(
            f"the boot count {path} is damaged",
            remedy="write a number into it that is above the last bootCount seen in 'state'",
        )
    write_atomically(path, b"%d\n" % (last + 1))
    return last + 1
