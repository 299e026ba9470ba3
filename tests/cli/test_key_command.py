"""``livegate key`` as an operator runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.link.files import claim
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.key_rotation import NEXT_PUBLIC_KEY_FILE
from edge.link.key_source import read_key_file
from edge.link.sealing_key import device_opening_key, private_opening_key

SITE = """
device: {id: gate-1, site: hq}
camera: {driver: replay, sources: [face.png]}
state_directory: state
"""


@pytest.fixture
def key(tmp_path):
    (tmp_path / "livegate.yaml").write_text(SITE)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge", "key", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )

    return run


def test_a_key_is_prepared_while_the_daemon_runs_and_switched_to_once_it_is_stopped(key, tmp_path):
    site, state = ("--config", "livegate.yaml"), tmp_path / "state"
    first = Identity.open(state, "gate-1").key_id
    running = claim(state)
    prepared = key("prepare", *site)
    assert prepared.returncode == 0
    coming = json.loads(prepared.stdout)
    assert json.loads((state / NEXT_PUBLIC_KEY_FILE).read_text()) == coming
    refused = key("rotate", *site)
    assert (refused.returncode, refused.stdout) == (6, "")
    assert "another terminal runs" in refused.stderr
    os.close(running)
    assert json.loads(key("rotate", *site).stdout) == coming
    shown = json.loads(key("show", *site).stdout)
    assert (shown["current"], shown["next"]) == (coming, None)
    assert [each["kid"] for each in shown["retired"]] == [first]
    assert json.loads((state / PUBLIC_KEY_FILE).read_text()) == coming
    assert Identity.open(state, "gate-1").key_id == coming["kid"]


def test_at_once_takes_no_preparing_and_says_what_is_left_to_do(key, tmp_path):
    first = Identity.open(tmp_path / "state", "gate-1").key_id
    done = key("rotate", "--at-once", "--config", "livegate.yaml")
    assert done.returncode == 0
    assert json.loads(done.stdout)["kid"] != first
    assert "enrol the new one" in done.stderr


def test_a_requester_gets_a_key_pair_whose_public_half_is_told(key, tmp_path):
    done = key("requester", "nurse.pem")
    jwk = json.loads(done.stdout)
    assert (done.returncode, jwk["kid"]) == (0, read_key_file(tmp_path / "nurse.pem").kid)
    assert json.loads((tmp_path / "nurse.pub.jwk").read_text()) == jwk
    again = key("requester", "nurse.pem")
    assert again.returncode == 6
    assert "there already" in again.stderr


def test_the_sealing_key_is_shown_and_made_anew_once_the_daemon_is_stopped(key, tmp_path):
    site, state = ("--config", "livegate.yaml"), tmp_path / "state"
    first = device_opening_key(state, "gate-1", {}).public
    assert json.loads(key("show", *site).stdout)["sealing"] == first.jwk("gate-1")
    running = claim(state)
    refused = key("rotate-sealing", *site)
    assert (refused.returncode, refused.stdout) == (6, "")
    os.close(running)
    done = key("rotate-sealing", *site)
    assert json.loads(done.stdout) == device_opening_key(state, "gate-1", {}).public.jwk("gate-1")
    assert f"what is sealed to {first.kid} opens no more" in done.stderr


def test_a_pair_for_session_images_is_made_whose_public_half_is_told(key, tmp_path):
    done = key("sealing", "desk.pem", "--device", "gate-1")
    jwk = json.loads(done.stdout)
    assert jwk == private_opening_key(tmp_path / "desk.pem").public.jwk("gate-1")
    assert json.loads((tmp_path / "desk.pub.jwk").read_text()) == jwk
    assert "session_image.keys" in done.stderr
