"""``livegate listen --verify`` beside a broker that keeps what nobody has read."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from edge.link.enrolled import read_enrolled
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.key_rotation import prepare
from edge.link.requester import HeardDecision, Verification, hear


def test_lines_and_exit_code_say_which_decisions_verify(
    mosquitto, run, start_terminal, topics, tmp_path, make_decision
):
    options = mosquitto.start()
    enrolled = tmp_path / "enrolled"
    enrolled.mkdir()

    async def listen(count, *more):
        place = ["--port", str(options.port), "--prefix", topics.prefix, "--site", "hq", "--device", topics.device]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "listen", *place, "--keys", str(enrolled), "--count", str(count), *more),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), 25)
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode().splitlines()

    async def scenario():
        async with start_terminal(options) as terminal:
            # As a fleet enrols a key before the switch to it: both are in the folder.
            for name, content in (
                ("current.jwk", (tmp_path / "state" / PUBLIC_KEY_FILE).read_text()),
                ("next.jwk", json.dumps(prepare(tmp_path / "state", topics.device))),
            ):
                (enrolled / name).write_text(content)
            good = terminal.identity.seal(make_decision(terminal.identity))
            stranger = Identity.open(tmp_path / "stranger", topics.device)
            terminal.link.publish_decision(good)
            assert await listen(1, "--verify") == (0, [f"VERIFIED  {topics.decision}  {WORDS.format(1)}verified"])
            terminal.link.publish_decision(stranger.seal(make_decision(stranger)))
            code, (line,) = await listen(1, "--verify")
            assert (code, line.startswith(f"REFUSED   {topics.decision}")) == (1, True)
            assert f"signed by key '{stranger.key_id}', which is not enrolled" in line
            terminal.link.publish_decision(stranger.seal(make_decision(stranger)))
            code, lines = await listen(1, "--json")
            assert code == 0
            assert json.loads(lines[-1])["verification"] == "refused"

    run(scenario())


WORDS = (
    "NoFaceDetected (no face)  attempt 1, assurance none, light not_measured, confirmed nothing, "
    "capture simulated, seq 1/{}, signature "
)


def test_a_decision_on_another_terminals_topic_is_refused_however_well_it_is_signed(tmp_path, make_decision):
    identity = Identity.open(tmp_path, "gate-1")
    keys = read_enrolled([tmp_path / PUBLIC_KEY_FILE])
    payload = identity.seal(make_decision(identity))
    for base, verification in (("gate-1", Verification.VERIFIED), ("gate-2", Verification.REFUSED)):
        heard = hear(f"livegate/v1/hq/{base}/decision", payload, keys=keys).content
        assert isinstance(heard, HeardDecision)
        assert heard.verification is verification
    assert "another terminal's topic" in heard.problem
