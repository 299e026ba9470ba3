"""The demo: an embedded broker, a simulated terminal as a process of its own, and a requester outside it.

Nothing here decides. The scenes' truth and expectations stay on this side; the terminal is told neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.config.choices import Pace
from edge.config.policy import Preset
from edge.contracts.decision import Decision
from edge.contracts.device import State
from edge.contracts.enums import (
    CaptureKind,
    ErrorCode,
    Label,
    LivenessDecision,
    TerminalState,
)
from edge.contracts.jws import EnrolledKeys, read_public_keys
from edge.contracts.topics import Topics
from edge.errors import LinkError, LivegateError
from edge.evaluation.metrics import Figures, Judged, figures
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.requester import Requester, Verification, listen
from edge.liveness.state import Phase
from edge.session.runner import LIGHTS_PUT_BACK
from edge.simulation.cast import with_head
from edge.simulation.scene import Scene, load_scene, scene_files

TOPICS = Topics("livegate", "demo", "demo-terminal")
START_SECONDS = 60.0
SESSION_SECONDS = 300.0
STOP_SECONDS = 15.0
LOG_TAIL = 2000

# What a person at the lens may be answered; any other code is a failure of the terminal.
PROPER_ERRORS: Final = frozenset(ErrorCode) - {
    ErrorCode.CAMERA_PERMISSION_DENIED,
    ErrorCode.CAMERA_STARTUP_FAILURE,
    ErrorCode.GENERIC_FAILURE,
    ErrorCode.INVALID_TOKEN,
}
# Where an attempt is decided; the others lead there.
_JUDGING: Final = {
    Phase.PASSIVE.value: "passive",
    Phase.LIGHT_CHALLENGE.value: "light",
    Phase.MOTION_CHALLENGE.value: "motion",
}


@dataclass(frozen=True, slots=True)
class DemoScene:
    """A scene and the file that it stands in."""

    file: Path
    scene: Scene

    @property
    def label(self) -> Label | None:
        """None where nobody should be judged at all."""
        return self.scene.presentation.label if self.scene.presentation else None

    @property
    def pai_species(self) -> str:
        """Empty where there is no attack."""
        return (self.scene.presentation.pai_species if self.scene.presentation else None) or ""


@dataclass(frozen=True, slots=True)
class Lights:
    """What the terminal's lights were after a session, relative; backlight None: there is none."""

    backlight: float | None
    illuminator: float


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One session as the requester saw it. ``problems`` is empty where it went as the scene expects.

    path: the judging phases that it came through, in order. lights: after it, by the terminal's log.
    """

    scene: DemoScene
    decision: Decision | None
    path: tuple[str, ...]
    lights: Lights | None
    problems: tuple[str, ...]

    @property
    def outcome(self) -> LivenessDecision | None:
        """None where the session ended with an error."""
        result = self.decision.attempt.result if self.decision else None
        return result.liveness_decision if result else None

    @property
    def error(self) -> ErrorCode | None:
        error = self.decision.attempt.error if self.decision else None
        return error.code if error else None

    @property
    def right(self) -> bool | None:
        """Whether the terminal was right about who stood there; None where it gave no decision."""
        if self.outcome is None:
            return None
        return (self.scene.label is Label.BONA_FIDE) == (self.outcome is LivenessDecision.REALFACE)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        scene = self.scene
        decision = self.decision
        return {
            "scene": scene.scene.title,
            "file": str(scene.file),
            "label": scene.label.value if scene.label else None,
            "paiSpecies": scene.pai_species or None,
            "right": self.right,
            "path": list(self.path),
            "lights": {"backlight": self.lights.backlight, "illuminator": self.lights.illuminator}
            if self.lights
            else None,
            "problems": list(self.problems),
            "decision": decision.model_dump(mode="json", by_alias=True, exclude_none=True) if decision else None,
        }


@dataclass(frozen=True, slots=True)
class DemoReport:
    """``farewells`` says how terminals stopped otherwise than they should."""

    rows: tuple[DemoRow, ...]
    farewells: tuple[str, ...]

    @property
    def proper(self) -> bool:
        """Every session went as its scene expects and its decision came back signed, whatever was decided."""
        return bool(self.rows) and not self.farewells and not any(row.problems for row in self.rows)

    @property
    def figures(self) -> Figures:
        """Of the sessions that were about a person or an attack."""
        return figures(
            Judged(row.scene.label, row.scene.pai_species, row.outcome)
            for row in self.rows
            if row.scene.label is not None
        )


def demo_scenes(folder: Path, *, head: Path | None = None) -> list[DemoScene]:
    """The scenes of a folder, by name, with the head of an OBJ file where one is given.

    Raises InputError where there are none, or no such file, and ConfigProblems for the mistakes in one.
    """
    return [DemoScene(file, with_head(load_scene(file), head)) for file in scene_files(folder)]


def run_demo(
    scenes: Sequence[DemoScene], *, head: Path | None, pace: Pace, on_row: Callable[[DemoRow], None]
) -> DemoReport:
    """Runs a terminal over the scenes, for each policy one, and takes everything down again.

    head: OBJ file for every person's head. Raises InputError or LinkError where the demo cannot begin.
    """
    rows: dict[Path, DemoRow] = {}
    farewells = []
    with tempfile.TemporaryDirectory(prefix="livegate-demo-") as name, EmbeddedBroker() as broker:
        options = LinkOptions(broker.host, broker.port)
        for policy in Preset:
            chosen = [scene for scene in scenes if scene.scene.session.policy is policy]
            if not chosen:
                continue
            folder = Path(name) / policy.value
            folder.mkdir()
            terminal = _Terminal(folder, options, _configuration(folder, chosen, options, policy, head, pace))
            farewells.append(asyncio.run(_sessions(terminal, chosen, rows, on_row)))
    return DemoReport(tuple(rows[scene.file] for scene in scenes), tuple(filter(None, farewells)))


async def _sessions(
    terminal: _Terminal, scenes: Sequence[DemoScene], rows: dict[Path, DemoRow], on_row: Callable[[DemoRow], None]
) -> str:
    """One session a scene, in order. Gives what was wrong with how the terminal stopped."""
    async with terminal.running() as process:
        async with Requester(terminal.options, TOPICS, keys=terminal.keys(), name="demo") as requester:
            for scene in scenes:
                row = await _session(terminal, requester, scene)
                rows[scene.file] = row
                on_row(row)
        process.terminate()
        return await terminal.farewell(process)


async def _session(terminal: _Terminal, requester: Requester, shown: DemoScene) -> DemoRow:
    asked = shown.scene.session
    decision, problem, path, session = None, "no decision came", [], None
    try:
        session = await requester.start(mode=asked.mode, attempts=asked.attempts, user_correlation_id=shown.scene.title)
        async for heard in requester.decisions(session, within=SESSION_SECONDS):
            decision, problem = heard.decision, heard.problem
            if heard.verification is not Verification.VERIFIED:
                break
    except LinkError as error:
        problem = str(error)
    await terminal.wait_for(TerminalState.READY)
    lights = None
    if session is not None:
        path = [_JUDGING[told.state] for told in requester.progress(session) if told.state in _JUDGING]
        lights = terminal.lights_after(session.session_id)
    problems = [problem] if problem else []
    if decision is not None and not problem:
        problems += improprieties(decision, lights, shown.scene)
    return DemoRow(shown, decision, tuple(dict.fromkeys(path)), lights, tuple(problems))


def improprieties(decision: Decision, lights: Lights | None, scene: Scene) -> list[str]:
    """What of a session's process is not as the scene expects. Who was taken for live is no matter."""
    attempt = decision.attempt
    code = attempt.error.code if attempt.error else None
    found = []
    if decision.user_correlation_id != scene.title:
        found.append("the decision is about another session")
    if decision.capture is not CaptureKind.SIMULATED:
        found.append(f"it is signed as capture {decision.capture}")
    if attempt.error is not None and attempt.error.code not in PROPER_ERRORS:
        found.append(f"the terminal failed: {attempt.error.code}: {attempt.error.message}")
    elif scene.expect is not None and code is not scene.expect.error and not _would_not_move(code, scene):
        found.append(f"it ended with {code or 'a decision'}, not {scene.expect.error or 'a decision'}")
    level = scene.expect.light_level if scene.expect is not None else None
    if level is not None and attempt.light_level is not level:
        found.append(f"light level {attempt.light_level}, not {level}")
    display = scene.terminal.display
    rest = Lights(None if display is None else display.resting_level, 0.0)
    if lights is None:
        found.append("the terminal did not say that it put its lights back")
    elif lights != rest:
        found.append(f"backlight {lights.backlight}, not {rest.backlight}; illuminator {lights.illuminator}, not 0")
    return found


def _would_not_move(code: ErrorCode | None, scene: Scene) -> bool:
    """An attack that is asked to turn and cannot is refused by that as well as by a decision."""
    return (
        code is ErrorCode.HEAD_TURN_NOT_PERFORMED
        and scene.presentation is not None
        and scene.presentation.label is Label.ATTACK
    )


@dataclass(frozen=True, slots=True)
class _Terminal:
    """A terminal that is run as a process. folder: its own."""

    folder: Path
    options: LinkOptions
    configuration: Mapping[str, Any]

    @property
    def log(self) -> Path:
        return self.folder / "terminal.log"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Ready to be asked. Raises LivegateError where it does not become so."""
        config = self.folder / "demo.yaml"
        # JSON is YAML.
        config.write_text(json.dumps(self.configuration, indent=2))
        with self.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge", "run", "--config", str(config), stdout=output, stderr=output
            )
        try:
            ready = asyncio.create_task(self.wait_for(TerminalState.READY, TerminalState.DEGRADED))
            ended = asyncio.create_task(process.wait())
            await asyncio.wait({ready, ended}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done() or ready.result().state is not TerminalState.READY:
                said = ready.result().reason if ready.done() else None
                ready.cancel()
                raise LivegateError(
                    f"the terminal did not become ready: {said or self._tail()}",
                    remedy="mend what it names, or report it",
                )
            ended.cancel()
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def farewell(self, process: asyncio.subprocess.Process) -> str:
        """What was wrong with how it stopped; empty where nothing was."""
        try:
            code = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            return f"the terminal did not stop within {STOP_SECONDS:.0f} s of SIGTERM"
        if code != 0:
            return f"the terminal ended with {code} after SIGTERM"
        await self.wait_for(TerminalState.DISCONNECTED)
        return ""

    async def wait_for(self, *states: TerminalState) -> State:
        """The retained state, once it is one of these."""
        messages = listen(self.options, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
        try:
            async with asyncio.timeout(START_SECONDS), contextlib.aclosing(messages):
                async for heard in messages:
                    if isinstance(heard.content, State) and heard.content.state in states:
                        return heard.content
        except TimeoutError:
            raise LinkError(
                f"the terminal was not {' or '.join(states)} within {START_SECONDS:g} s",
                remedy="free the machine of other work and try again",
            ) from None
        raise LinkError("the broker ended the subscription", remedy="look at the broker")

    def keys(self) -> EnrolledKeys:
        """As an operator would enrol them: carried from the terminal's state folder, not learnt from a topic."""
        path = self.folder / "state" / PUBLIC_KEY_FILE
        return read_public_keys(path.read_bytes(), str(path))

    def lights_after(self, session_id: str) -> Lights | None:
        """By the terminal's log."""
        for line in self.log.read_text(errors="replace").splitlines():
            if LIGHTS_PUT_BACK in line and session_id in line:
                told = json.loads(line)
                return Lights(told["backlight"], told["illuminator"])
        return None

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL:].strip() or "it said nothing"


def _configuration(
    folder: Path, scenes: Sequence[DemoScene], options: LinkOptions, policy: Preset, head: Path | None, pace: Pace
) -> dict[str, Any]:
    simulated = {"driver": "simulated"}
    return {
        "device": {"prefix": TOPICS.prefix, "site": TOPICS.site, "id": TOPICS.device},
        "camera": {
            **simulated,
            "scenes": [str(scene.file.absolute()) for scene in scenes],
            "head": str(head.absolute()) if head is not None else None,
            "pace": pace.value,
        },
        "lights": dict.fromkeys(("backlight", "illuminator", "screen", "ambient"), simulated),
        "policy": {"preset": policy.value},
        # Most of its visitors are attacks, one after the other.
        "back_off": {"device_longest_seconds": 0},
        "link": {"host": options.host, "port": options.port},
        "state_directory": str(folder / "state"),
        "log": {"format": "json"},
    }
