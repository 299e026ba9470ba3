import json
import stat
import threading

import pytest

from edge.contracts.jws import OKPKey, read_decision, read_public_keys
from edge.errors import LinkError
from edge.link.identity import BOOT_COUNT_FILE, PUBLIC_KEY_FILE, Identity
from edge.link.key_source import KEY_FILE


def test_the_first_start_makes_a_key_and_counts_one(tmp_path):
    identity = Identity.open(tmp_path / "state", "gate-1")
    assert identity.boot_count == 1
    assert stat.S_IMODE((tmp_path / "state" / KEY_FILE).stat().st_mode) == 0o600
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == [BOOT_COUNT_FILE, KEY_FILE, PUBLIC_KEY_FILE]


def test_a_later_start_keeps_the_key_and_counts_on(tmp_path):
    first = Identity.open(tmp_path, "gate-1")
    second = Identity.open(tmp_path, "gate-1")
    assert (second.key_id, second.boot_count) == (first.key_id, 2)


def test_the_sequence_begins_anew_with_each_start_and_never_repeats_across_threads(tmp_path):
    identity = Identity.open(tmp_path, "gate-1")
    drawn: list[int] = []
    threads = [threading.Thread(target=lambda: drawn.extend(identity.next_seq() for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1, 801))
    assert Identity.open(tmp_path, "gate-1").next_seq() == 1


def test_the_public_key_file_is_ready_for_enrolment(tmp_path, make_decision):
    identity = Identity.open(tmp_path, "gate-1")
    keys = read_public_keys((tmp_path / PUBLIC_KEY_FILE).read_bytes(), PUBLIC_KEY_FILE)
    assert keys[identity.key_id].device == "gate-1"
    decision = make_decision(identity)
    assert read_decision(identity.seal(decision), keys) == decision
    assert json.loads((tmp_path / PUBLIC_KEY_FILE).read_text()) == identity.public_jwk()


def test_a_renamed_device_gets_its_name_into_the_public_key_file(tmp_path):
    Identity.open(tmp_path, "gate-1")
    Identity.open(tmp_path, "gate-2")
    assert json.loads((tmp_path / PUBLIC_KEY_FILE).read_text())["device"] == "gate-2"


def test_a_decision_of_another_boot_is_not_sealed(tmp_path, make_decision):
    first = Identity.open(tmp_path, "gate-1")
    second = Identity.open(tmp_path, "gate-1")
    with pytest.raises(ValueError, match="boot 1"):
        second.seal(make_decision(first))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    Identity.open(tmp_path, "gate-1")
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(LinkError, match="may be read or written by others") as refusal:
        Identity.open(tmp_path, "gate-1")
    assert "chmod 600" in refusal.value.remedy


@pytest.mark.parametrize("content", [b"", b"not a key", b"\x00" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_refused_and_left_alone(tmp_path, content):
    Identity.open(tmp_path, "gate-1")
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(LinkError, match="cannot be read"):
        Identity.open(tmp_path, "gate-1")
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_of_another_kind_is_refused(tmp_path):
    Identity.open(tmp_path, "gate-1")
    for other in (OKPKey.generate_key("X25519"), OKPKey.generate_key("Ed25519", private=False)):
        (tmp_path / KEY_FILE).write_bytes(other.as_pem())
        with pytest.raises(LinkError, match="not an Ed25519 private key"):
            Identity.open(tmp_path, "gate-1")


def test_a_key_behind_a_symbolic_link_is_refused(tmp_path):
    Identity.open(tmp_path / "elsewhere", "gate-1")
    state = tmp_path / "state"
    state.mkdir()
    (state / KEY_FILE).symlink_to(tmp_path / "elsewhere" / KEY_FILE)
    with pytest.raises(LinkError, match="state folder"):
        Identity.open(state, "gate-1")


@pytest.mark.parametrize("content", [b"", b"-1\n", b"one\n", b"\xff\xfe", b"9" * 40, "٣".encode()])
def test_a_damaged_boot_count_is_refused_for_it_could_repeat_identities(tmp_path, content):
    Identity.open(tmp_path, "gate-1")
    (tmp_path / BOOT_COUNT_FILE).write_bytes(content)
    with pytest.raises(LinkError, match="boot count") as refusal:
        Identity.open(tmp_path, "gate-1")
    assert "bootCount" in refusal.value.remedy
    assert (tmp_path / BOOT_COUNT_FILE).read_bytes() == content


def test_a_start_that_was_cut_off_while_writing_does_not_block_the_next(tmp_path):
    Identity.open(tmp_path, "gate-1")
    (tmp_path / f".{BOOT_COUNT_FILE}.partial").write_bytes(b"99")
    assert Identity.open(tmp_path, "gate-1").boot_count == 2


def test_a_file_where_the_state_folder_should_be_is_named(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(LinkError, match="state folder"):
        Identity.open(tmp_path / "state", "gate-1")
