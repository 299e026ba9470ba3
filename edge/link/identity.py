"""Who this terminal is: its signing key, its boot count, and the sequence of its decisions."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Final

from edge.contracts.decision import Decision
from edge.contracts.jws import Signer, public_jwk, write_decision
from edge.errors import LinkError
from edge.link.files import write_atomically
from edge.link.key_source import device_signer

PUBLIC_KEY_FILE: Final = "device-key.pub.jwk"
BOOT_COUNT_FILE: Final = "boot-count"
_MAX_DIGITS: Final = 15


class Identity:
    """One start of one terminal. Decisions are known by ``(device, boot_count, seq)``."""

    def __init__(self, device: str, signer: Signer, boot_count: int) -> None:
        self.device = device
        self.boot_count = boot_count
        self._signer = signer
        self._seq = itertools.count(1)

    @classmethod
    def open(cls, state_dir: Path, device: str, signer: Signer | None = None) -> Identity:
        """Once for each start of the daemon: takes the key (made at the first start), raises the boot count.

        signer: None for the key that ``device_signer`` finds.

        Raises LinkError when the folder cannot be written, or a key or count is there that cannot be used.
        """
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            signer = signer or device_signer(state_dir)
            public = public_key_file(signer, device)
            published = state_dir / PUBLIC_KEY_FILE
            if not published.is_file() or published.read_bytes() != public:
                write_atomically(published, public, mode=0o644)
            return cls(device, signer, _next_boot_count(state_dir / BOOT_COUNT_FILE))
        except OSError as error:
            raise LinkError(
                f"cannot use the state folder {state_dir}: {error.strerror} ({error.filename})",
                remedy="give the daemon's user a writable state folder",
            ) from None

    @property
    def key_id(self) -> str:
        """``kid`` of every signature: the key's RFC 7638 thumbprint."""
        return self._signer.kid

    def public_jwk(self) -> dict[str, str]:
        """For ``info`` and for enrolment by hand."""
        return public_jwk(self._signer.public, self.device)

    def next_seq(self) -> int:
        """1, 2, 3 … within this boot. May be called from any thread."""
        return next(self._seq)

    def seal(self, decision: Decision) -> bytes:
        """The payload of the ``decision`` topic, signed. May be called from any thread.

        Raises ValueError for a decision of another device or boot.
        """
        if (decision.device, decision.boot_count) != (self.device, self.boot_count):
            raise ValueError(f"{decision.device} boot {decision.boot_count} is not {self.device} {self.boot_count}")
        return write_decision(decision, self._signer)


def public_key_file(signer: Signer, device: str) -> bytes:
    """The public half as it is enrolled: a JWK that names its device."""
    return json.dumps(public_jwk(signer.public, device), indent=2).encode() + b"\n"


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
