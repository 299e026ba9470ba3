"""``livegate run`` as its service starts it: a process of its own that tells a socket when it is ready."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import cv2
import numpy as np

from benchmarks.process_memory import processor_seconds
from edge.contracts.topics import Topics
from edge.evaluation.bench import selfie
from edge.inference.bundle import ModelChoice, default_models_dir
from edge.simulation.build import build
from edge.simulation.clip import film
from edge.simulation.scene import load_scene, shipped_scenes

TOPICS: Final = Topics("livegate", "bench", "bench-terminal")
PATIENCE: Final = 60.0
# A refused one, whatever the light.
PRINT: Final = "print-glossy-bright.yaml"
PRINT_SECONDS: Final = 0.7
RUN: Final = (sys.executable, "-m", "edge", "run")


def environment() -> dict[str, str]:
    """Of a terminal as its service runs it (systemd/livegate.service), that keeps the bytecode of its modules:
    without, each start would translate them anew.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    of_service = {
        "PYTHONOPTIMIZE": "2",
        "PYTHONNODEBUGRANGES": "1",
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    }
    return {**kept, **of_service}


class Listening(Protocol):
    """A broker, by where it listens without TLS."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class TerminalProcess:
    """A context manager: one terminal, from its start to its end.

    ready_seconds: from exec to READY=1. processor_seconds: what the process itself has run until then.
    """

    def __init__(
        self,
        config: Path,
        *,
        command: Sequence[str] = RUN,
        more_environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """config: what it says goes to a file beside it. command: what runs the terminal in the very process that it
        starts. folder: that it runs in; None: this one.
        """
        self._config = config
        self._command = command
        self._more_environment = more_environment or {}
        self._folder = folder
        self._log = log_of(config)
        self.pid = 0
        self.ready_seconds = 0.0
        self.processor_seconds = 0.0

    def __enter__(self) -> Self:
        address = self._config.with_suffix(".notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, self._log.open("ab") as log:
            heard.bind(str(address))
            heard.settimeout(PATIENCE)
            started = time.perf_counter()
            self._process = subprocess.Popen(
                [*self._command, "--config", str(self._config)],
                env={**environment(), **self._more_environment, "NOTIFY_SOCKET": str(address)},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
            self.pid = self._process.pid
            told: list[str] = []
            try:
                while "READY=1" not in told:
                    told = heard.recv(4096).decode().splitlines()
            except TimeoutError:
                self._process.kill()
                raise
            finally:
                address.unlink()
            self.ready_seconds = time.perf_counter() - started
            self.processor_seconds = processor_seconds(self.pid)
        if "STATUS=ready" not in told:
            self.end()
            raise RuntimeError(f"the terminal cannot judge: {self._log.read_text()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """As its service ends it."""
        self._process.terminate()
        self.wait()

    @property
    def ended(self) -> bool:
        """Whether it has, however that came."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """For its end, however that comes: the exit status, or minus the signal."""
        return self._process.wait(PATIENCE)


def write_config(
    file: Path,
    broker: Listening,
    camera: Mapping[str, Any],
    policy: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """A kiosk's settings (config/kiosk.yaml), with a state folder of its own. more: sections. Returns ``file``."""
    content = {
        "device": {"prefix": TOPICS.prefix, "site": TOPICS.site, "id": TOPICS.device},
        "camera": {"driver": "replay", **camera},
        "policy": {"preset": "kiosk", **(policy or {})},
        "link": {"host": broker.host, "port": broker.port},
        "back_off": {"device_longest_seconds": 0},
        "state_directory": str(state_of(file)),
        "log": {"level": "warning", "format": "json"},
        **(more or {}),
    }
    file.write_text(json.dumps(content), "utf-8")
    return file


def translate(config: Path) -> None:
    """A start and an end, after which the bytecode is there."""
    with TerminalProcess(config):
        pass


def log_of(config: Path) -> Path:
    """What a terminal with this configuration says."""
    return config.with_suffix(".log")


def state_of(config: Path) -> Path:
    """The state folder of a terminal with this configuration."""
    return config.with_name(f"state-{config.stem}")


def live_face() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A synthetic person's selfie, BGR: judged live."""
    return selfie()


def printed_face() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A glossy print as the simulated terminal's camera sees it, BGR: judged an attack."""
    stage = build(load_scene(shipped_scenes() / PRINT), ModelChoice(default_models_dir()).open())
    *_, last = film(stage, PRINT_SECONDS)
    return np.asarray(cv2.cvtColor(last.pixels, cv2.COLOR_RGB2BGR), np.uint8)


def wall() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Nobody, BGR, 640 x 480."""
    return np.repeat(np.tile(np.linspace(90, 160, 640).astype(np.uint8), (480, 1))[..., None], 3, axis=2)


def machine() -> str:
    """By what its figures are to be told from others."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            cpu = value.strip()
    cores = len(os.sched_getaffinity(0))
    return f"{cpu}, {cores} cores, {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
