"""The key that opens what is sealed to a terminal: where it lies, its next one, and keys that are enrolled."""

from __future__ import annotations

import json
import os
import stat

import pytest

from edge.contracts.jws import OKPKey
from edge.contracts.sealing import OpeningKey, Purpose, SealError, SealingKey, read_sealing_keys
from edge.errors import LinkError
from edge.link import key_rotation
from edge.link.enrolled_sealing import enrolled_sealing_key, terminal_sealing_key
from edge.link.files import claim
from edge.link.key_rotation import device_keys, rotate_sealing, write_opening_key
from edge.link.sealing_key import (
    SEALING_CREDENTIAL,
    SEALING_KEY_FILE,
    SEALING_PUBLIC_KEY_FILE,
    device_opening_key,
    private_opening_key,
)

NAMES = ("hq", "gate-1", "k3Jv0mY1Qz6uXn8s")


def opens(key: OpeningKey, public: SealingKey) -> bool:
    try:
        return key.open(public.seal(b"x", Purpose.REFERENCE_IMAGE, *NAMES), Purpose.REFERENCE_IMAGE, *NAMES) == b"x"
    except SealError:
        return False


def test_the_first_start_makes_a_key_that_nobody_else_may_read_and_its_public_half(tmp_path):
    key = device_opening_key(tmp_path / "state", "gate-1", {})
    ((public, device),) = read_sealing_keys((tmp_path / "state" / SEALING_PUBLIC_KEY_FILE).read_bytes(), "public")
    assert (public.kid, device) == (key.public.kid, "gate-1")
    assert stat.S_IMODE((tmp_path / "state" / SEALING_KEY_FILE).stat().st_mode) == 0o600
    assert b"PRIVATE" not in (tmp_path / "state" / SEALING_PUBLIC_KEY_FILE).read_bytes()
    assert opens(device_opening_key(tmp_path / "state", "gate-1", {}), public)


def test_a_public_half_that_is_another_is_written_anew(tmp_path):
    key = device_opening_key(tmp_path, "gate-1", {})
    (tmp_path / SEALING_PUBLIC_KEY_FILE).write_text("{}")
    device_opening_key(tmp_path, "gate-1", {})
    assert json.loads((tmp_path / SEALING_PUBLIC_KEY_FILE).read_text()) == key.public.jwk("gate-1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    device_opening_key(tmp_path, "gate-1", {})
    (tmp_path / SEALING_KEY_FILE).chmod(mode)
    with pytest.raises(LinkError, match="read or written by others"):
        device_opening_key(tmp_path, "gate-1", {})


def test_a_link_to_a_key_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere.pem"
    write_opening_key(elsewhere)
    state = tmp_path / "state"
    state.mkdir()
    (state / SEALING_KEY_FILE).symlink_to(elsewhere)
    with pytest.raises(LinkError, match="state folder"):
        device_opening_key(state, "gate-1", {})
    with pytest.raises(LinkError, match="cannot read"):
        private_opening_key(state / SEALING_KEY_FILE)


@pytest.mark.parametrize("content", [b"", b"no key", OKPKey.generate_key("Ed25519").as_pem(private=True)])
def test_a_damaged_key_is_an_error_and_no_new_one_is_made(tmp_path, content):
    device_opening_key(tmp_path, "gate-1", {})
    (tmp_path / SEALING_KEY_FILE).write_bytes(content)
    with pytest.raises(SealError, match=SEALING_KEY_FILE) as refused:
        device_opening_key(tmp_path, "gate-1", {})
    assert "enrol" in refused.value.remedy
    assert (tmp_path / SEALING_KEY_FILE).read_bytes() == content


@pytest.fixture
def credentials(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    key = OpeningKey.generate()
    (folder / SEALING_CREDENTIAL).write_bytes(key.pem())
    return {"CREDENTIALS_DIRECTORY": str(folder)}, key, folder / SEALING_CREDENTIAL


def test_the_services_credential_is_taken_before_the_file_and_none_is_made(tmp_path, credentials):
    environment, key, _ = credentials
    state = tmp_path / "state"
    assert opens(device_opening_key(state, "gate-1", environment), key.public)
    assert not (state / SEALING_KEY_FILE).exists()
    assert device_keys(state).sealing == key.public.jwk("gate-1")
    with pytest.raises(LinkError, match="credential"):
        rotate_sealing(state, "gate-1")


def test_a_credential_that_is_no_key_is_an_error_and_the_file_does_not_stand_in(tmp_path, credentials):
    environment, _, file = credentials
    state = tmp_path / "state"
    device_opening_key(state, "gate-1", {})
    file.write_bytes(b"no key")
    with pytest.raises(LinkError, match=SEALING_CREDENTIAL):
        device_opening_key(state, "gate-1", environment)


def test_a_file_that_a_credential_stands_before_is_not_rotated(tmp_path, credentials):
    environment, _, _ = credentials
    device_opening_key(tmp_path, "gate-1", {})
    device_opening_key(tmp_path, "gate-1", environment)
    with pytest.raises(LinkError, match="another key"):
        rotate_sealing(tmp_path, "gate-1")


def test_a_new_key_takes_the_place_of_the_old_one_which_opens_nothing_more(tmp_path):
    first = device_opening_key(tmp_path, "gate-1", {})
    old, new = rotate_sealing(tmp_path, "gate-1")
    after = device_opening_key(tmp_path, "gate-1", {})
    assert old == first.public.jwk("gate-1")
    assert new == after.public.jwk("gate-1") == device_keys(tmp_path).sealing
    assert not opens(after, first.public)
    assert not any(path.read_bytes() == first.pem() for path in tmp_path.iterdir())
    assert stat.S_IMODE((tmp_path / SEALING_KEY_FILE).stat().st_mode) == 0o600


def test_nothing_is_switched_while_the_daemon_runs_or_before_it_ever_did(tmp_path):
    with pytest.raises(LinkError, match="no sealing key"):
        rotate_sealing(tmp_path, "gate-1")
    device_opening_key(tmp_path, "gate-1", {})
    before = (tmp_path / SEALING_KEY_FILE).read_bytes()
    running = claim(tmp_path)
    with pytest.raises(LinkError, match="another terminal runs"):
        rotate_sealing(tmp_path, "gate-1")
    os.close(running)
    assert (tmp_path / SEALING_KEY_FILE).read_bytes() == before


class PowerCutError(Exception):
    """Nothing after it is done."""


@pytest.mark.parametrize("survives", [0, 1])
def test_cut_off_at_any_step_the_next_start_has_a_whole_key_and_tells_it(tmp_path, monkeypatch, survives):
    first = device_opening_key(tmp_path, "gate-1", {})
    steps, write = iter(range(10)), key_rotation.write_atomically

    def cut(*arguments, **named):
        if next(steps) >= survives:
            raise PowerCutError
        write(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(key_rotation, "write_atomically", cut)
        with pytest.raises(PowerCutError):
            rotate_sealing(tmp_path, "gate-1")
    after = device_opening_key(tmp_path, "gate-1", {})
    assert (after.public.kid == first.public.kid) == (survives == 0)
    assert device_keys(tmp_path).sealing == after.public.jwk("gate-1")
    assert rotate_sealing(tmp_path, "gate-1")[0] == after.public.jwk("gate-1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_folders_owner(tmp_path):
    device_opening_key(tmp_path, "gate-1", {})
    for each in (tmp_path, *tmp_path.iterdir()):
        os.chown(each, 12345, 12345)
    rotate_sealing(tmp_path, "gate-1")
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {12345}


def test_a_pair_for_session_images_is_made_once_and_never_overwritten(tmp_path):
    public, jwk = write_opening_key(tmp_path / "desk.pem")
    assert public.name == "desk.pub.jwk"
    assert stat.S_IMODE((tmp_path / "desk.pem").stat().st_mode) == 0o600
    assert private_opening_key(tmp_path / "desk.pem").public.jwk() == jwk == json.loads(public.read_text())
    with pytest.raises(LinkError, match="there already"):
        write_opening_key(tmp_path / "desk.pem")


def test_a_private_key_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LinkError, match=r"nobody\.pem"):
        private_opening_key(tmp_path / "nobody.pem")


@pytest.fixture
def enrolled(tmp_path):
    """A file of keys, and how to write it."""
    file = tmp_path / "keys.jwk"

    def write(document: object) -> None:
        file.write_text(json.dumps(document))

    return file, write


def test_an_enrolled_key_is_found_by_its_x_in_a_jwk_and_in_a_set(enrolled):
    file, write = enrolled
    one, two = OpeningKey.generate().public, OpeningKey.generate().public
    write({"keys": [one.jwk(), two.jwk("gate-1")]})
    assert enrolled_sealing_key(file, one.jwk()["x"], "gate-2").kid == one.kid
    assert enrolled_sealing_key(file, two.jwk()["x"], "gate-1").kid == two.kid
    write(one.jwk())
    assert enrolled_sealing_key(file, one.jwk()["x"], "gate-1").kid == one.kid


def test_a_strangers_key_and_one_of_another_device_are_not_enrolled(enrolled):
    file, write = enrolled
    key = OpeningKey.generate().public
    write(key.jwk("gate-1"))
    assert enrolled_sealing_key(file, key.jwk()["x"], "gate-2") is None
    assert enrolled_sealing_key(file, OpeningKey.generate().public.jwk()["x"], "gate-1") is None
    with pytest.raises(SealError, match="32 bytes"):
        enrolled_sealing_key(file, "AAAA", "gate-1")


def test_of_several_terminals_keys_the_one_of_this_terminal_is_taken(enrolled):
    file, write = enrolled
    one, two = OpeningKey.generate().public, OpeningKey.generate().public
    write({"keys": [one.jwk("gate-1"), two.jwk("gate-2")]})
    assert terminal_sealing_key(file, "gate-2").kid == two.kid
    with pytest.raises(SealError, match="no key of 'gate-3'"):
        terminal_sealing_key(file, "gate-3")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": ["x"]},
        {"keys": [OpeningKey.generate().public.jwk(), {"kty": "OKP", "crv": "X25519", "x": "A" * 43}]},
        {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43},
        OpeningKey.generate().public.jwk() | {"d": "A" * 43},
    ],
)
def test_a_file_with_anything_else_is_refused_as_a_whole_and_named(enrolled, document):
    file, write = enrolled
    write(document)
    with pytest.raises(SealError, match=r"keys\.jwk"):
        terminal_sealing_key(file, "gate-1")


def test_a_file_that_is_no_json_or_not_there_is_named(tmp_path):
    (tmp_path / "keys.jwk").write_text("-----BEGIN PUBLIC KEY-----")
    with pytest.raises(SealError, match=r"keys\.jwk is no JSON"):
        terminal_sealing_key(tmp_path / "keys.jwk", "gate-1")
    with pytest.raises(LinkError, match=r"none\.jwk"):
        terminal_sealing_key(tmp_path / "none.jwk", "gate-1")
