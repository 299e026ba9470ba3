"""``livegate session start`` with a reference and a picture, and ``livegate listen`` beside it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import sys
from pathlib import Path

import click
import pytest

from edge.cli.listen import _line
from edge.cli.session import start
from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.enums import LivenessDecision, SessionStatus
from edge.contracts.sealing import SUITE, OpeningKey, Purpose, SealingKey
from edge.contracts.session import ColorTarget, LivenessResult, SealedImage, SessionImageReport, Targets
from edge.contracts.verification import FaceRectangle, VerifyResult
from edge.errors import LinkError
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.key_rotation import write_opening_key
from edge.link.options import LinkOptions
from edge.link.requester import hear
from edge.link.sealing_key import SEALING_PUBLIC_KEY_FILE, device_opening_key

SESSION, IMAGE = "0" * 32, "b" * 32
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 50
PHOTO = bytes(reversed(range(256))) * 32


@pytest.fixture
def livegate(tmp_path):
    """Runs a command beside the test's loop."""

    async def run(*arguments):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", *map(str, arguments)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), 25)
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode(), err.decode()

    return run


@pytest.fixture
def played(embedded, run, start_terminal, observe, topics, tmp_path, make_decision, livegate):
    """Plays a session: gives what the command came to, and the command that the terminal had."""
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    write_opening_key(tmp_path / "desk.pem")
    # It delivers at the subscription's QoS.
    options = LinkOptions(embedded.host, embedded.port, trusts_every_qos=True)

    def play(*more, jpeg=JPEG, told=JPEG, identical=True):
        async def scenario():
            async with start_terminal(options) as terminal, observe(options) as (client, _):
                opening = device_opening_key(tmp_path / "state", topics.device, {})

                async def answer(command):
                    content = from_base64url(command.verify_image)
                    names = (topics.site, topics.device, command.id)
                    assert opening.open(content, Purpose.REFERENCE_IMAGE, *names) == PHOTO
                    sha256 = hashlib.sha256(told).hexdigest() if told else None
                    picture = SessionImageReport(sent=told is not None, sha256=sha256, reason=None if told else "dark")
                    if command.enable_session_image and jpeg is not None:
                        image = sealed_for(command.session_image_key, jpeg, topics)
                        await client.publish(topics.session_image(SESSION), image.to_json())
                    decision = make_decision(terminal.identity, session_id=SESSION, nonce=command.nonce)
                    result = LivenessResult(
                        liveness_decision=LivenessDecision.REALFACE,
                        targets=Targets(
                            color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))
                        ),
                        digest="a" * 64,
                        verify_result=VerifyResult(
                            match_confidence=0.93, is_identical=identical, reason="over 5 pictures", pictures=5
                        ),
                        verify_image_hash=hashlib.sha256(PHOTO).hexdigest()
                        if command.return_verify_image_hash
                        else None,
                    )
                    attempt = decision.attempt.model_copy(
                        update={
                            "result": result,
                            "error": None,
                            "attempt_status": SessionStatus.SUCCEEDED,
                            "session_image": picture if command.enable_session_image else None,
                        }
                    )
                    decision = decision.model_copy(update={"attempt": attempt})
                    terminal.link.publish_decision(terminal.identity.seal(decision))
                    return {"sessionId": SESSION}

                terminal.answer = answer
                done = await livegate(
                    *("session", "start", "--port", options.port, "--prefix", topics.prefix, "--site", "hq"),
                    *("--device", topics.device, "--keys", Path("state") / PUBLIC_KEY_FILE, "--wait"),
                    *("--verify-image", "photo.jpg", "--sealing-key", Path("state") / SEALING_PUBLIC_KEY_FILE, *more),
                )
                return done, terminal.commands

        return run(scenario())

    return play


def sealed_for(x, jpeg, topics) -> SealedImage:
    key = SealingKey.from_x(x)
    content = key.seal(jpeg, Purpose.SESSION_IMAGE, topics.site, topics.device, SESSION, IMAGE)
    return SealedImage(
        session_id=SESSION,
        attempt_id=1,
        session_image_id=IMAGE,
        suite=SUITE,
        key=key.kid,
        sealed=to_base64url(content),
    )


PICTURE = ("--session-image-key", "desk.pem", "--session-image-out", "face.jpg")


def test_a_match_is_told_and_the_signed_picture_written_for_its_owner_alone(played, tmp_path):
    (code, out, err), (command,) = played("--confidence", "0.8", *PICTURE)
    assert (code, err) == (0, "")
    assert "realface" in out
    assert "identical at 0.93 (over 5 pictures), capture" in out
    assert f"session image: {len(JPEG)} bytes of attempt 1, signed by the decision" in out
    assert (tmp_path / "face.jpg").read_bytes() == JPEG
    assert stat.S_IMODE((tmp_path / "face.jpg").stat().st_mode) == 0o600
    assert command.verify_confidence_threshold == 0.8


def test_somebody_else_is_told_and_the_exit_code_says_so(played):
    (code, out, _), _ = played(identical=False)
    assert code == 1
    assert "not identical at 0.93" in out


def test_in_json_it_is_told_too_and_why_there_is_no_picture(played, tmp_path):
    (code, out, _), _ = played("--json", *PICTURE, told=None)
    document = json.loads(out)
    assert code == 0
    assert document["decisions"][0]["decision"]["attempt"]["result"]["verifyResult"]["isIdentical"] is True
    assert document["sessionImage"] == {"received": False, "reason": "dark"}
    assert not (tmp_path / "face.jpg").exists()


def test_a_picture_that_is_not_the_decisions_is_an_error_and_not_written(played, tmp_path):
    (code, out, err), _ = played(*PICTURE, jpeg=JPEG + b"forged")
    assert code == 6
    assert "realface" in out
    assert "not the decision's" in err
    assert not (tmp_path / "face.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--verify-image", "photo.jpg"), "--sealing-key"),
        (("--sealing-key", "key.jwk"), "--sealing-key"),
        (("--verify-image", "a", "--verify-template", "b", "--sealing-key", "c"), "one reference"),
        (PICTURE, "--wait"),
        (("--wait", "--session-image-key", "desk.pem"), "go together"),
        (("--wait", "--session-image-key", "nobody.pem", "--session-image-out", "x"), "nobody.pem"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_anything_is_asked(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((click.UsageError, LinkError), match=words):
        start.main(["--port", "1", *arguments], standalone_mode=False)


def test_a_picture_passes_a_listener_sealed_and_in_few_words(topics):
    message = sealed_for(OpeningKey.generate().public.jwk()["x"], JPEG, topics)
    line = _line(hear(topics.session_image(SESSION), message.to_json()))
    assert f"session image {IMAGE} of attempt 1, sealed to key {message.key}" in line
    assert message.sealed[:20] not in line
