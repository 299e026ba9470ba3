"""Failed attempts, counted and kept: no id is written down, only its hash with a salt of this terminal's own."""

from __future__ import annotations

import hmac
import json
import math
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from edge.config.back_off import BackOff as BackOffSettings
from edge.contracts.enums import CommandErrorCode, ErrorCode, LivenessDecision
from edge.contracts.session import AttemptReport, SessionStart
from edge.link.files import write_atomically
from edge.link.payloads import CommandRefused
from edge.terminal.back_off import MAX_IDS, BackOff, Limits, Record, restored

log = structlog.get_logger(__name__)

FAILURES_FILE: Final = "failures.json"
_SALT_BYTES: Final = 32
_HASH_BYTES: Final = 16
# The terminal's own faults, and an end that somebody else wanted, are no failure of the person's.
_NOBODYS: Final = frozenset(
    {
        ErrorCode.CAMERA_PERMISSION_DENIED,
        ErrorCode.CAMERA_STARTUP_FAILURE,
        ErrorCode.GENERIC_FAILURE,
        ErrorCode.USER_CANCELED_SESSION,
        ErrorCode.INVALID_TOKEN,
    }
)


class Failures:
    """May be used from any thread. A file that is damaged, or cannot be written, is logged, and counting goes on."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        *,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = folder / FAILURES_FILE
        self._lock = threading.Lock()
        self._monotonic = monotonic
        # A clock that is set while the terminal runs changes no wait.
        self._ahead = wall_clock() - monotonic()
        self._salt = secrets.token_bytes(_SALT_BYTES)
        self._unwritten: str | None = None
        self._back_off = self._read(limits)

    def check(self, request: SessionStart) -> None:
        """Raises CommandRefused while whoever this is for has to wait."""
        with self._lock:
            who, now = self._who(request), self._now()
            seconds = math.ceil(self._back_off.remaining(who, now))
            if seconds == 0:
                return
            reason = (
                "too many attempts with this correlation id failed"
                if self._back_off.concerns_id(who, now)
                else "the last attempts failed, whoever made them"
            )
        raise CommandRefused(CommandErrorCode.BACKING_OFF, f"{reason}: try again in {seconds} s")

    def note(self, request: SessionStart, attempt: AttemptReport) -> None:
        """Of each attempt, once it has ended. Never raises."""
        if attempt.error is not None and attempt.error.code in _NOBODYS:
            return
        result = attempt.result
        passed = result is not None and result.liveness_decision is LivenessDecision.REALFACE
        # Who is taken for somebody else is told how alike they are, so they may not try again and again.
        if passed and result is not None and result.verify_result is not None:
            passed = result.verify_result.is_identical
        with self._lock:
            who, now = self._who(request), self._now()
            changed = self._back_off.succeeded(who, now) if passed else self._back_off.failed(who, now)
            if changed:
                self._write()

    def _now(self) -> float:
        return self._monotonic() + self._ahead

    def _who(self, request: SessionStart) -> str | None:
        if request.user_correlation_id is not None:
            told = f"user {request.user_correlation_id}"
        elif request.device_correlation_id is not None:
            told = f"device {request.device_correlation_id}"
        else:
            return None
        return hmac.digest(self._salt, told.encode(errors="surrogatepass"), "sha256")[:_HASH_BYTES].hex()

    def _read(self, limits: Limits) -> BackOff:
        try:
            kept = json.loads(self._file.read_bytes())
            salt = _salt(kept["salt"])
            records = {who: _record(record) for who, record in list(kept["ids"].items())[-MAX_IDS:]}
            back_off = restored(limits, records, _finite(kept["latest"]), self._now())
        except FileNotFoundError:
            return BackOff(limits)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("failed attempts of before are forgotten", file=str(self._file), error=type(error).__name__)
            return BackOff(limits)
        self._salt = salt
        return back_off

    def _write(self) -> None:
        document = {
            "salt": self._salt.hex(),
            "latest": self._back_off.latest,
            "ids": {
                who: {"failedAt": record.failed_at, "waits": record.waits, "until": record.until}
                for who, record in self._back_off.records.items()
            },
        }
        try:
            write_atomically(self._file, json.dumps(document).encode())
        except OSError as error:
            told = str(error.strerror)
            if told != self._unwritten:
                log.warning("failed attempts are counted, but not kept", file=str(self._file), error=told)
            self._unwritten = told
        else:
            self._unwritten = None


def limits_of(settings: BackOffSettings) -> Limits:
    """As configured."""
    return Limits(
        failures=settings.failures,
        window=settings.window_seconds,
        first=settings.first_seconds,
        longest=settings.longest_seconds,
        device_failures=settings.device_failures,
        device_longest=settings.device_longest_seconds,
    )


def _salt(kept: str) -> bytes:
    salt = bytes.fromhex(kept)
    if len(salt) != _SALT_BYTES:
        raise ValueError("a salt of another length")
    return salt


def _record(kept: dict[str, Any]) -> Record:
    waits = kept["waits"]
    if type(waits) is not int or waits < 0:
        raise ValueError("not a count")
    return Record(tuple(_finite(at) for at in kept["failedAt"]), waits, _finite(kept["until"]))


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a time")
    return float(value)
