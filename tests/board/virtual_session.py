"""One session of the installed `livegate run` with the camera driver picamera2; prints the decision and the log.

Run by scripts/check-picamera2 in its root. Exit code 0: a decision with a correct signature came, captured live.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from edge.cli.output import decision_line
from edge.contracts.device import State
from edge.contracts.enums import CaptureKind, LivenessOperationMode, TerminalState
from edge.contracts.jws import read_public_keys
from edge.contracts.topics import Topics
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.requester import HeardDecision, Requester, Verification, listen

TOPICS = Topics("livegate", "default", "virtual-camera")
SECONDS = 120.0


async def ready(options: LinkOptions) -> State:
    async with asyncio.timeout(SECONDS):
        async for heard in listen(options, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device):
            state = heard.content
            if isinstance(state, State) and state.state in (TerminalState.READY, TerminalState.DEGRADED):
                return state
    raise RuntimeError("the broker ended")


async def session(options: LinkOptions, folder: Path) -> list[HeardDecision]:
    state = await ready(options)
    print(f"terminal {state.state}", state.reason or "")
    key = folder / PUBLIC_KEY_FILE
    keys = read_public_keys(key.read_bytes(), str(key))
    async with Requester(options, TOPICS, keys=keys, name="check") as requester:
        started = await requester.start(mode=LivenessOperationMode.PASSIVE, attempts=1)
        return [heard async for heard in requester.decisions(started, within=SECONDS)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, EmbeddedBroker() as broker:
        folder = Path(name)
        site = {
            "device": {"id": TOPICS.device},
            "camera": {
                "driver": "picamera2",
                "width": size.width,
                "height": size.height,
                "exposure_metadata": False,
            },
            "policy": {"preset": "kiosk"},
            "link": {"host": broker.host, "port": broker.port},
            "state_directory": str(folder / "state"),
        }
        (folder / "site.yaml").write_text(json.dumps(site))
        with (folder / "log").open("wb") as log:
            terminal = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(folder / "site.yaml")], stdout=log, stderr=log
            )
            try:
                heard = asyncio.run(session(LinkOptions(broker.host, broker.port), folder / "state"))
            finally:
                terminal.terminate()
                code = terminal.wait(30)
                print((folder / "log").read_text(errors="replace"))
    for one in heard:
        print(decision_line(one))
    right = [
        one
        for one in heard
        if one.verification is Verification.VERIFIED
        and one.decision is not None
        and one.decision.capture is CaptureKind.LIVE
        and one.decision.attempt.result is not None
    ]
    return 0 if right and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
