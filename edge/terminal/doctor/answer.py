"""The doctor's report for ``cmd/diagnostics``: made in a process of its own, without secrets, and of bounded size.

A child, so that what the doctor loads is gone with it, and a library that crashes takes no terminal along. Camera and
lights are the daemon's, and loading all networks once more is too much for a small board; ``selftest`` tries them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge.contracts.doctor import Check, DoctorReport, Verdict
from edge.terminal.doctor.context import Context, context_of
from edge.terminal.doctor.redaction import Redactor, secrets_of
from edge.terminal.doctor.registry import AREAS, run

MODULE: Final = "edge.terminal.doctor.answer"
LEFT_OUT: Final = frozenset({"camera", "lights", "models"})
# Of an answer, with what MQTT and the reply put around it.
MOST_BYTES: Final = 60 * 1024
# What a report says beside its checks.
_AROUND: Final = 1024
LONGEST_TEXT: Final = 1000
SECONDS: Final = 60.0
_NICEST: Final = 19


def answer(context: Context) -> dict[str, Any]:
    """A DoctorReport as JSON, at most `MOST_BYTES`: long texts are cut, and where that is not enough checks are left
    out, those that are well before the others.
    """
    redact = Redactor(secrets_of(context))
    report = bounded(run(context, [area for area in AREAS if area not in LEFT_OUT]), redact.known)
    if redact.holds_secret(report.to_json()):
        raise RuntimeError("the report still holds a secret")
    return report.model_dump(mode="json", by_alias=True, exclude_none=True)


def bounded(report: DoctorReport, redacted: Callable[[str], str]) -> DoctorReport:
    """redacted: takes secrets out of a text."""
    checks = [
        Check(
            name=check.name,
            verdict=check.verdict,
            seen=_short(redacted(check.seen)),
            remedy=None if check.remedy is None else _short(redacted(check.remedy)),
        )
        for check in report.checks
    ]
    for verdict in (Verdict.SKIPPED, Verdict.OK, Verdict.WARN, Verdict.FAIL):
        for check in [each for each in reversed(checks) if each.verdict is verdict]:
            if sum(len(each.to_json()) + 1 for each in checks) <= MOST_BYTES - _AROUND:
                break
            checks.remove(check)
    return report.model_copy(update={"checks": tuple(checks)})


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


async def ask(config: Path, seconds: float = SECONDS) -> dict[str, Any]:
    """From the event loop: the answer of a child, which is ended when it takes longer or nobody waits for it any more.

    Raises TimeoutError, and OSError where no process can be started; ValueError where it says nothing that counts.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Its own children end with it.
        start_new_session=True,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()
    found = json.loads(said.rstrip().rsplit(b"\n", 1)[-1])
    if not isinstance(found, dict):
        raise ValueError("no report")  # noqa: TRY004 - of a child's words, not of an argument
    return found


def _command(config: Path) -> list[str]:
    # -P: nothing is imported from the current folder, except where the parent does so too.
    return [sys.executable, "-P", "-m", MODULE, str(config.absolute())]


def _environment() -> dict[str, str]:
    # What systemd told the daemon is not for a child.
    told = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    return {**told, "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}


def main() -> None:
    """The child's side: one JSON object as the last line of standard output."""
    os.nice(_NICEST)
    sys.stdout.write(f"\n{json.dumps(answer(context_of(Path(sys.argv[1]))), ensure_ascii=False)}\n")


if __name__ == "__main__":
    main()
