"""Trying a library in a child process, and what its end means."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.terminal.doctor.context import Context

SECONDS: Final = 60.0
_CODE: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from edge.terminal.doctor.probes import main; main(*sys.argv[2:])"
)
# What extensions say that were built for another numpy: its C API's and the loader's own words, and Cython's.
_CLASH: Final = re.compile(
    r"numpy\.\w+ size changed|_ARRAY_API not found|compiled using NumPy 1|compiled against (ABI|API) version"
    r"|numpy\.core\.multiarray failed to import|numpy\._core\.multiarray failed to import"
)
CLASH: Final = "it was built for another numpy than the one that is installed"


@dataclass(frozen=True, slots=True)
class Probe:
    """found: None where it did not work, and then ``what`` tells; ``missing`` names a module that is not there."""

    found: Mapping[str, Any] | None
    what: str = ""
    remedy: str | None = None
    missing: str | None = None
    clash: bool = False


def probe(context: Context, name: str, *arguments: str) -> Probe:
    """One of `probes.PROBES`, with the modules that this process has. Never raises on what happens in the child."""
    # What the interpreter was told by its environment would not outlive -P, and the current folder is not trusted.
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path])
    try:
        done = context.command([sys.executable, "-P", "-c", _CODE, path, name, *arguments], SECONDS)
    except TimeoutError:
        return Probe(None, f"did not end within {SECONDS:g} s")
    if done is None:
        return Probe(None, f"{sys.executable} cannot be run")
    clash = bool(_CLASH.search(done.stderr))
    if done.status < 0:
        return Probe(None, f"the process was ended by {_signal(-done.status)}", clash=clash)
    try:
        said = json.loads(done.stdout.rstrip().rsplit("\n", 1)[-1])
    except ValueError:
        last = (done.stderr.strip() or "without a word").rsplit("\n", 1)[-1]
        return Probe(None, f"the process ended with status {done.status}: {last}", clash=clash)
    what = str(said.get("what", ""))
    return Probe(said.get("found"), what, said.get("remedy"), said.get("missing"), clash or bool(_CLASH.search(what)))


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name}: it was built for another processor" if name == "SIGILL" else name
