"""A mosquitto of one's own: on loopback, and killed and started again on the same port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
PATIENCE: Final = 15.0
MAKE_CERTIFICATES: Final = Path(__file__).parents[1] / "scripts" / "make-fleet-certificates"


class NoBrokerError(Exception):
    """mosquitto is not installed, or does not start."""


def program() -> str:
    """Raises NoBrokerError."""
    # Debian keeps daemons where only root's search path leads.
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoBrokerError("mosquitto is not installed: apt install mosquitto")
    return found


def issue_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """PEM files of an authority, and of a broker's certificate and key for loopback, as an operator makes them.

    Raises NoBrokerError.
    """
    made = subprocess.run(
        [str(MAKE_CERTIFICATES), "--out", str(folder), "--broker", HOST], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise NoBrokerError(f"no certificates: {made.stderr.strip()}")
    return folder / "ca.crt", folder / "broker.crt", folder / "broker.key"


class Broker:
    """Its files are below ``folder``, its log and what it persists among them."""

    host: Final = HOST

    def __init__(self, folder: Path, lines: Sequence[str] = (), *, tls: bool = True) -> None:
        """lines: of its configuration, beside these. Raises NoBrokerError."""
        self._program = program()
        self._folder = folder
        folder.mkdir(parents=True)
        self.ca = Path()
        if tls:
            self.ca, certificate, key = issue_certificates(folder / "certificates")
            lines = [f"certfile {certificate}", f"keyfile {key}", *lines]
        with socket.create_server((HOST, 0)) as probe:
            self.port = int(probe.getsockname()[1])
        config = [
            # Started by root it becomes another user, who cannot read these files.
            "user root",
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "log_timestamp_format %s",
            *lines,
        ]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(config) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once. Raises NoBrokerError when the one before has just ended by itself."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)

    def wait(self) -> None:
        """Until it listens. Raises NoBrokerError."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    raise NoBrokerError((self._folder / "mosquitto.log").read_text()[-2000:]) from None
                time.sleep(0.01)
            else:
                return

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In good order. May be repeated."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None
