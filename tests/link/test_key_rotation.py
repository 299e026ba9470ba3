"""The device's next key, and the switch to it."""

from __future__ import annotations

import datetime
import json
import os
import stat

import pytest

from edge.contracts.jws import EnrolledKeys, KeySigner, OKPKey, read_decision, read_public_keys
from edge.errors import LinkError
from edge.link import key_rotation
from edge.link.enrolled import read_enrolled
from edge.link.files import claim
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.key_rotation import NEXT_PUBLIC_KEY_FILE, device_keys, prepare, rotate, write_requester_key
from edge.link.key_source import KEY_FILE, NEXT_KEY_FILE, read_key_file

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)


def open_identity(folder):
    return Identity.open(folder, "gate-1")


def test_controllers_that_enrolled_the_next_key_verify_before_and_after_the_switch(tmp_path, make_decision):
    before = open_identity(tmp_path)
    enrolled = EnrolledKeys(
        [
            *read_public_keys((tmp_path / PUBLIC_KEY_FILE).read_bytes(), "current").values(),
            *read_public_keys(json.dumps(prepare(tmp_path, "gate-1")).encode(), "next").values(),
        ]
    )
    first = make_decision(before)
    assert read_decision(before.seal(first), enrolled) == first
    old, new = rotate(tmp_path, "gate-1", NOW)
    after = open_identity(tmp_path)
    second = make_decision(after)
    assert read_decision(after.seal(second), enrolled) == second
    assert (old["kid"], new["kid"]) == (before.key_id, after.key_id)
    assert before.key_id != after.key_id


def test_preparing_changes_nothing_and_gives_the_same_key_again(tmp_path):
    identity = open_identity(tmp_path)
    running = claim(tmp_path)
    assert prepare(tmp_path, "gate-1") == prepare(tmp_path, "gate-1")
    os.close(running)
    assert open_identity(tmp_path).key_id == identity.key_id
    assert stat.S_IMODE((tmp_path / NEXT_KEY_FILE).stat().st_mode) == 0o600


def test_the_old_private_key_is_gone_and_its_public_half_stays_with_dates(tmp_path):
    identity = open_identity(tmp_path)
    os.utime(tmp_path / KEY_FILE, (0, 0))
    private = (tmp_path / KEY_FILE).read_bytes()
    prepare(tmp_path, "gate-1")
    rotate(tmp_path, "gate-1", NOW)
    keys = device_keys(tmp_path)
    (retired,) = keys.retired
    assert (retired["kid"], retired["device"]) == (identity.key_id, "gate-1")
    assert (retired["madeAt"], retired["retiredAt"]) == ("1970-01-01T00:00:00Z", "2026-03-01T12:00:00Z")
    assert keys.next is None
    assert not any(path.read_bytes() == private for path in tmp_path.iterdir())
    assert set(read_enrolled(tmp_path.glob("*.jwk"))) == {identity.key_id, keys.current["kid"]}


def test_nothing_is_switched_while_the_daemon_runs(tmp_path):
    open_identity(tmp_path)
    prepare(tmp_path, "gate-1")
    before = (tmp_path / KEY_FILE).read_bytes()
    running = claim(tmp_path)
    with pytest.raises(LinkError, match="another terminal runs"):
        rotate(tmp_path, "gate-1", NOW)
    os.close(running)
    assert (tmp_path / KEY_FILE).read_bytes() == before


def test_nothing_is_switched_that_nobody_could_have_enrolled(tmp_path):
    open_identity(tmp_path)
    with pytest.raises(LinkError, match="no next key") as refused:
        rotate(tmp_path, "gate-1", NOW)
    assert "--at-once" in refused.value.remedy


def test_a_terminal_that_never_ran_and_one_whose_key_is_a_credential_have_nothing_to_rotate(tmp_path):
    with pytest.raises(LinkError, match="no key in"):
        prepare(tmp_path, "gate-1")
    open_identity(tmp_path)
    (tmp_path / KEY_FILE).unlink()
    for step in (lambda: prepare(tmp_path, "gate-1"), lambda: rotate(tmp_path, "gate-1", NOW)):
        with pytest.raises(LinkError, match="credential"):
            step()


def test_a_file_that_a_credential_stands_before_is_not_rotated(tmp_path):
    open_identity(tmp_path)
    Identity.open(tmp_path, "gate-1", KeySigner(OKPKey.generate_key("Ed25519")))
    with pytest.raises(LinkError, match="another key"):
        prepare(tmp_path, "gate-1")


class PowerCutError(Exception):
    """Nothing after it is done."""


@pytest.mark.parametrize("survives", range(5))
def test_cut_off_at_any_step_it_has_a_key_that_was_enrolled_and_goes_on_from_there(tmp_path, monkeypatch, survives):
    current = open_identity(tmp_path).key_id
    coming = prepare(tmp_path, "gate-1")["kid"]
    steps = iter(range(10))
    real_write, real_replace = key_rotation.write_atomically, type(tmp_path).replace

    def step(real):
        def run(*args, **named):
            if next(steps) >= survives:
                raise PowerCutError
            return real(*args, **named)

        return run

    monkeypatch.setattr(key_rotation, "write_atomically", step(real_write))
    monkeypatch.setattr(type(tmp_path), "replace", step(real_replace))
    try:
        rotate(tmp_path, "gate-1", NOW)
    except PowerCutError:
        pass
    else:
        pytest.fail("there are more steps than this test cuts off")
    finally:
        monkeypatch.undo()
    found = read_key_file(tmp_path / KEY_FILE).kid
    assert found in {current, coming}
    assert open_identity(tmp_path).key_id == found
    assert device_keys(tmp_path).current["kid"] == found
    if found == current:
        assert rotate(tmp_path, "gate-1", NOW)[1]["kid"] == coming
    assert [each["kid"] for each in device_keys(tmp_path).retired] == [current]
    assert device_keys(tmp_path).next is None
    assert prepare(tmp_path, "gate-1")["kid"] not in {current, coming}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_folders_owner(tmp_path):
    open_identity(tmp_path)
    for each in (tmp_path, *tmp_path.iterdir()):
        os.chown(each, 12345, 12345)
    prepare(tmp_path, "gate-1")
    rotate(tmp_path, "gate-1", NOW)
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {12345}


def test_a_requesters_key_pair_is_made_once_and_never_overwritten(tmp_path):
    public, jwk = write_requester_key(tmp_path / "nurse.pem")
    assert read_key_file(tmp_path / "nurse.pem").kid == jwk["kid"]
    assert (public.name, list(read_enrolled([public]))) == ("nurse.pub.jwk", [jwk["kid"]])
    with pytest.raises(LinkError, match="there already"):
        write_requester_key(tmp_path / "nurse.pem")


def test_the_next_public_half_without_its_key_is_no_next_key(tmp_path):
    open_identity(tmp_path)
    prepare(tmp_path, "gate-1")
    (tmp_path / NEXT_KEY_FILE).unlink()
    assert (tmp_path / NEXT_PUBLIC_KEY_FILE).exists()
    assert device_keys(tmp_path).next is None


def test_a_folder_of_keys_is_read_and_two_devices_cannot_share_one(tmp_path):
    for name in ("gate-1", "gate-2"):
        Identity.open(tmp_path / name, name)
        (tmp_path / f"{name}.jwk").write_bytes((tmp_path / name / PUBLIC_KEY_FILE).read_bytes())
    (tmp_path / "README").write_text("no key")
    assert {key.device for key in read_enrolled([tmp_path]).values()} == {"gate-1", "gate-2"}
    stolen = json.loads((tmp_path / "gate-1.jwk").read_text()) | {"device": "gate-3"}
    (tmp_path / "gate-3.jwk").write_text(json.dumps(stolen))
    with pytest.raises(LinkError, match=r"gate-3\.jwk"):
        read_enrolled([tmp_path])


def test_a_folder_without_keys_is_named(tmp_path):
    with pytest.raises(LinkError, match="no keys in"):
        read_enrolled([tmp_path])
