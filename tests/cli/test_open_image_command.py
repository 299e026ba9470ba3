"""``livegate open-image`` for somebody who has a stored message."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edge.cli.open_image import open_image as open_image_command
from edge.contracts.base64url import to_base64url
from edge.contracts.decision import Decision, Provenance
from edge.contracts.enums import CaptureKind, ErrorCode, LightLevel, LivenessOperationMode, SessionStatus
from edge.contracts.jws import OKPKey, SignatureError, public_jwk, write_decision
from edge.contracts.sealing import SUITE, OpeningKey, Purpose, SealError
from edge.contracts.session import Assurance, AttemptError, AttemptReport, SealedImage, SessionImageReport
from edge.errors import LinkError

SESSION, IMAGE = "a" * 32, "b" * 32
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 50
PLACE = ("--site", "hq", "--device", "gate-1")


def decision(jpeg=JPEG) -> Decision:
    return Decision(
        device="gate-1",
        site="hq",
        boot_count=1,
        seq=1,
        session_id=SESSION,
        liveness_operation_mode=LivenessOperationMode.PASSIVE,
        capture=CaptureKind.LIVE,
        issued_at=1_700_000_000.0,
        attempt=AttemptReport(
            attempt_id=1,
            attempt_status=SessionStatus.FAILED,
            error=AttemptError(code=ErrorCode.NO_FACE_DETECTED, message="no face"),
            light_level=LightLevel.NOT_MEASURED,
            light_reason="no light",
            assurance=Assurance(confirmed=(), frames_judged=0, temporal=True),
            duration_seconds=1.0,
            session_image=SessionImageReport(sent=True, sha256=hashlib.sha256(jpeg).hexdigest()),
        ),
        last_attempt=True,
        provenance=Provenance(models={}, config="c" * 64, policy="door", software="0"),
    )


@pytest.fixture
def open_image(tmp_path, monkeypatch):
    """Runs it in a folder with a message, the key for it, its decision and the terminal's enrolled key."""
    key, signer = OpeningKey.generate(), OKPKey.generate_key("Ed25519")
    sealed = key.public.seal(JPEG, Purpose.SESSION_IMAGE, "hq", "gate-1", SESSION, IMAGE)
    message = SealedImage(
        session_id=SESSION,
        attempt_id=1,
        session_image_id=IMAGE,
        suite=SUITE,
        key=key.public.kid,
        sealed=to_base64url(sealed),
    )
    for name, content in (
        ("sealed.json", message.to_json()),
        ("desk.pem", key.pem()),
        ("other.pem", OpeningKey.generate().pem()),
        ("decision.json", write_decision(decision(), signer)),
        ("another.json", write_decision(decision(JPEG + b"x"), signer)),
        ("forged.json", write_decision(decision(), OKPKey.generate_key("Ed25519"))),
        ("enrolled.jwk", json.dumps(public_jwk(signer, "gate-1")).encode()),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, key: str = "desk.pem") -> int:
        command = ("sealed.json", "--key", key, "--out", "face.jpg", *arguments)
        return open_image_command.main(list(command), standalone_mode=False)

    return run


def test_the_picture_of_a_signed_decision_is_written_for_its_owner_alone(open_image, tmp_path, capsys):
    assert open_image("--decision", "decision.json", "--keys", "enrolled.jwk") == 0
    assert (tmp_path / "face.jpg").read_bytes() == JPEG
    assert stat.S_IMODE((tmp_path / "face.jpg").stat().st_mode) == 0o600
    assert "signed by hq/gate-1 as that of its decision" in capsys.readouterr().err


def test_without_a_decision_it_opens_unproven_and_nothing_is_overwritten(open_image, tmp_path, capsys):
    assert open_image(*PLACE) == 0
    assert "unproven" in capsys.readouterr().err
    (tmp_path / "face.jpg").write_bytes(b"somebody else")
    with pytest.raises(LinkError, match="there already"):
        open_image(*PLACE)
    assert (tmp_path / "face.jpg").read_bytes() == b"somebody else"
    assert open_image(*PLACE, "--force") == 0
    assert (tmp_path / "face.jpg").read_bytes() == JPEG


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("--decision", "another.json", "--keys", "enrolled.jwk"), SealError, "not the decision's: its SHA-256"),
        (("--decision", "forged.json", "--keys", "enrolled.jwk"), SignatureError, "not enrolled"),
        (("--decision", "sealed.json", "--keys", "enrolled.jwk"), SignatureError, "not of the form"),
        (("--decision", "decision.json", "--keys", "enrolled.jwk", "--site", "a"), click.UsageError, "hq/gate-1"),
        (("--decision", "decision.json"), click.UsageError, "--keys"),
        (("--site", "hq"), click.UsageError, "--device"),
        (("--site", "hq", "--device", "gate-2"), SealError, "does not open"),
        ((*PLACE, "--key", "other.pem"), SealError, "is sealed to key"),
        ((*PLACE, "--out", "nowhere/face.jpg"), LinkError, "no folder"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written(open_image, tmp_path, arguments, error, words):
    with pytest.raises(error, match=words):
        open_image(*arguments)
    assert not (tmp_path / "face.jpg").exists()


def test_a_key_that_others_may_read_opens_nothing(open_image, tmp_path):
    (tmp_path / "desk.pem").chmod(0o644)
    with pytest.raises(LinkError, match="may be read or written by others"):
        open_image(*PLACE)
    assert not (tmp_path / "face.jpg").exists()


def test_the_command_has_its_place_and_exit_code():
    done = subprocess.run(
        [sys.executable, "-m", "edge", "open-image", "nowhere.json", "--key", "k", "--out", "o", *PLACE],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert (done.returncode, done.stdout) == (6, "")
    assert "cannot read" in done.stderr
