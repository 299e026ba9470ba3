"""What checks are given: the configuration, where the system shows itself, clocks, and ways to look further."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge.config.loader import Loaded, load
from edge.config.settings import Settings
from edge.errors import LivegateError

if TYPE_CHECKING:
    from edge.hardware.ports import Camera

SERVICE_USER = "livegate"


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the system's trees begin; made-up ones in tests."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    dev: Path = Path("/dev")
    run: Path = Path("/run")
    etc: Path = Path("/etc")
    usr: Path = Path("/usr")


class Finished(NamedTuple):
    """A program that ran. status: its exit status; minus the signal's number where one ended it."""

    status: int
    stdout: str
    stderr: str


Command = Callable[[Sequence[str], float], Finished | None]


def run_command(arguments: Sequence[str], seconds: float) -> Finished | None:
    """Without standard input. None where it is not there; raises TimeoutError when it was killed in the end."""
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, and no shell reads them
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        return None
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{arguments[0]} did not end within {seconds:g} s") from None
    return Finished(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class User:
    """Whose permissions count. groups: names of all that the user is in."""

    name: str
    uid: int
    groups: frozenset[str]


def daemon_user() -> User:
    """The service's where root asks and there is one; else who asks."""
    if os.geteuid() == 0:
        try:
            entry = pwd.getpwnam(SERVICE_USER)
        except KeyError:
            pass
        else:
            return User(entry.pw_name, entry.pw_uid, _names(os.getgrouplist(entry.pw_name, entry.pw_gid)))
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    return User(name, os.geteuid(), _names([os.getegid(), *os.getgroups()]))


def _names(groups: Sequence[int]) -> frozenset[str]:
    known = {entry.gr_gid: entry.gr_name for entry in grp.getgrall()}
    return frozenset(known.get(group, str(group)) for group in groups)


def configured_camera(settings: Settings) -> Camera:
    """Not opened yet. Raises HardwareError for a simulated one, which comes with its scene."""
    from edge.terminal.assembly import make_camera  # noqa: PLC0415 - its libraries may be what is wrong

    return make_camera(settings.camera)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run of the doctor.

    config: the site's file. loaded: what it says; None where it cannot be used, and then ``trouble`` says why.
    wall: Unix seconds. monotonic: seconds. sleep: takes seconds.
    open_camera: makes the configured camera, not opened yet; raises LivegateError.
    command: runs a program within a limit of seconds (`run_command`).
    """

    config: Path
    loaded: Loaded | None = None
    trouble: LivegateError | None = None
    roots: Roots = Roots()
    user: User = field(default_factory=daemon_user)
    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    open_camera: Callable[[Settings], Camera] = configured_camera
    command: Command = run_command

    @property
    def settings(self) -> Settings | None:
        """The values in effect."""
        return None if self.loaded is None else self.loaded.settings


def context_of(config: Path) -> Context:
    """With the real system, also where the file is missing or wrong."""
    try:
        return Context(config=config, loaded=load(config))
    except LivegateError as error:
        return Context(config=config, trouble=error)
