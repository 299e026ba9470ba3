"""Leaks that are planted in a terminal, and what the proof must say of each."""

from __future__ import annotations

import sys
from typing import Final

from tests.proof.lives import Kind

# A pattern that one of the findings must have.
CAUGHT: Final = {
    "raw-file": r"STATE/frame\.raw is not on the list|marks of the live face",
    "jpeg-in-tmp": r"/tmp/livegate-planted-leak\.jpg is not on the list",
    "base64-in-log": r"RUN/terminal\.log.*marks of the live face.* in base64",
    "compressed-in-log": r"RUN/terminal\.log.*a blob.* in base64",
    "embedding-in-log": r"RUN/terminal\.log.*marks of an embedding of the live face.* in base64",
    "base64-in-outbox": r"STATE/outbox\.sqlite-wal.*marks of the live face.* in base64",
    "jpeg-in-event": r"/event: the beginning of JPEG in base64",
    "retained-state": r"/state: marks of the live face.* in hexadecimal",
    "unwiped-buffer": r"in covered buffers after the sessions: \d+ marks of the live face",
    "mapped-file": r"STATE/\.boot-count\.partial afterwards: marks of the live face",
    "renamed": r"renam\w+: .*\.boot-count\.partial becomes .*thumbnail",
    "in-exception": r"RUN/terminal\.log.*marks of the live face.* in decimal numbers",
    "pixels-in-log": r"RUN/terminal\.log.*marks of the live face.* in escapes of text",
    "anonymous-file": r"memory with the name 'cache'",
    "datagram": r"connect: .*sin_port=htons\(9\)",
    "other-program": r"runs /usr/bin/head",
    "copied-by-kernel": r"sendfile\(",
    "stored-image": r"/image: (?:retained|at QoS 1)",
    "unsealed-image": r"/image: the beginning of JPEG in base64",
    "reference-in-file": r"STATE/\.failures\.json\.partial: marks of the file of the reference",
    "core": r"a core of process \d+, killed by SIGSEGV",
}
# Only there is anything to be seen in memory.
SCANNED: Final = frozenset(("unwiped-buffer",))
_SHOWS_IN: Final = {
    "core": Kind.CRASHED,
    "stored-image": Kind.IMAGE,
    "unsealed-image": Kind.IMAGE,
    "reference-in-file": Kind.REFERENCE,
}


def command(leak: str) -> tuple[str, ...]:
    """What runs the terminal with this fault."""
    return (sys.executable, "-m", "tests.proof.leaking", leak, "run")


def kinds(leak: str) -> tuple[Kind, ...]:
    """Of the sessions in which it shows."""
    return (_SHOWS_IN.get(leak, Kind.ACCEPTED),)
