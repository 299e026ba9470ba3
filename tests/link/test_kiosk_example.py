"""docs/examples/kiosk_screen.py as an integrator runs it, and what it makes of messages."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from edge.contracts.enums import Prompt, TerminalState
from edge.contracts.session import SessionProgress
from edge.guidance.texts import texts
from edge.link.options import LinkOptions

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "kiosk_screen.py"
SESSION, NEXT = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def kiosk():
    spec = importlib.util.spec_from_file_location("kiosk_screen", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up.
    sys.modules["kiosk_screen"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["kiosk_screen"]


def progress(state, prompt=None, share=None, left=None, session=SESSION):
    return SessionProgress(
        session_id=session,
        attempt_id=1,
        state=state,
        prompt=prompt,
        text=texts("en")[prompt] if prompt else None,
        progress=share,
        seconds_left=left,
    )


def event(*args, **named):
    return progress(*args, **named).model_dump(mode="json", by_alias=True, exclude_none=True)


def test_it_prints_prompts_progress_countdown_and_result_of_a_session(embedded, run, start_terminal, topics):
    told = [
        progress("preparing", Prompt.LOOK_AT_CAMERA, 0.0),
        progress("positioning", None, 0.25, 9),
        progress("motion_challenge", Prompt.TURN_LEFT, 0.5),
        progress("done", Prompt.ACCEPTED, 1.0),
    ]

    async def scenario():
        async with start_terminal(LinkOptions(embedded.host, embedded.port)) as terminal:
            place = ["--port", str(embedded.port), "--prefix", topics.prefix, "--site", topics.site]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(EXAMPLE),
                *place,
                *("--device", topics.device, "--result-seconds", "0.01", "--results", "1"),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                assert await process.stdout.readline() == f"following {topics.base}\n".encode()
                for each in told:
                    terminal.link.publish_progress(each)
                lines = (await process.stdout.read()).decode().splitlines()
                assert await process.wait() == 0
            finally:
                if process.returncode is None:
                    process.kill()
        assert lines[:3] == [
            "[                    ]       Look at the camera",
            "[#####               ]  9 s  Look at the camera",
            "[##########          ]       Turn your head left",
        ]
        assert lines[3].strip() == "Thank you, all done"
        assert lines[4:] == [""]

    run(scenario())


def test_what_was_asked_last_stays_until_something_else_is_asked(kiosk):
    follower = kiosk.Follower()
    follower.session_event(event("positioning", Prompt.COME_CLOSER, 0.1))
    page = follower.session_event(event("positioning", None, 0.2))
    assert (page.prompt, page.progress) == ("come_closer", 0.2)


def test_a_session_that_it_did_not_see_begin_has_no_words_of_the_one_before(kiosk):
    follower = kiosk.Follower()
    follower.session_event(event("done", Prompt.ACCEPTED, 1.0))
    page = follower.session_event(event("positioning", None, 0.2, session=NEXT))
    assert (page.words, page.prompt) == ("", None)


def test_a_terminal_that_is_lost_is_out_of_order_until_it_is_ready_again(kiosk):
    follower = kiosk.Follower()
    assert follower.state({"state": TerminalState.BUSY.value}) is None
    assert follower.state({"state": TerminalState.LOST.value}).words == "Out of order"
    assert follower.state({"state": TerminalState.READY.value}).words == ""
    assert set(TerminalState) - kiosk.OUT_OF_ORDER == {TerminalState.INIT, TerminalState.READY, TerminalState.BUSY}
