"""The packages that the models are made of, fetched with pip and npm and checked against their SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


class BuildError(Exception):
    """Said in one line to whoever runs the builder."""


@dataclass(frozen=True)
class Source:
    """One package file. ``command`` writes it into the current folder."""

    file: str
    sha256: str
    command: tuple[str, ...]


def _pip(requirement: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, requirement)


MEDIAPIPE = Source(
    "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    _pip(
        "mediapipe==0.10.21",
        "--only-binary=:all:",
        "--platform=manylinux_2_28_x86_64",
        "--python-version=3.11",
        "--implementation=cp",
        "--abi=cp311",
    ),
)
OPENPEOPLE = Source(
    "openpeople-0.1.2-py3-none-any.whl",
    "6faee04493aa7e3e913ba7bc720db90bb9e5f4b7e65eaaf74cd77f74c74e609f",
    _pip("openpeople==0.1.2", "--only-binary=:all:"),
)
FACEPLUGIN = Source(
    "faceplugin-face-recognition-js-0.0.1.tgz",
    "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
    ("npm", "pack", "--silent", "faceplugin-face-recognition-js@0.0.1"),
)
SOURCES = (MEDIAPIPE, OPENPEOPLE, FACEPLUGIN)


def fetch(source: Source, folder: Path) -> Path:
    """The package file in ``folder``, downloaded if it is not there. Raises BuildError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / source.file
    if not path.exists():
        program = shutil.which(source.command[0])
        if program is None:
            raise BuildError(f"{source.command[0]} is needed to fetch {source.file}")
        command = [program, *source.command[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands
        if done.returncode or not path.exists():
            raise BuildError(f"{source.file} could not be fetched: {' '.join(done.stderr.split())[-300:]}")
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != source.sha256:
        raise BuildError(f"{path} has SHA-256 {actual}, expected {source.sha256}")
    return path
