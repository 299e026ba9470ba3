"""The chaos run in small, and that it would see what it looks for."""

import hashlib
from types import SimpleNamespace

import pytest

from benchmarks import chaos
from benchmarks.link_process import made_up
from edge.link.identity import Identity
from edge.link.outbox import OUTBOX_FILE, Outbox


@pytest.fixture
def ledger(tmp_path):
    return chaos.Ledger(tmp_path)


@pytest.fixture
def identity(tmp_path):
    Outbox(tmp_path / "gate-1" / OUTBOX_FILE).close()
    return Identity.open(tmp_path / "gate-1", "gate-1")


def message(payload, device="gate-1"):
    return SimpleNamespace(topic=f"chaos/v1/hq/{device}/decision", payload=payload)


def told(ledger, identity, seq, payload):
    ledger.hear(identity.device, f"boot {identity.boot_count}")
    ledger.hear(identity.device, f"stored {identity.boot_count} {seq} {hashlib.sha256(payload).hexdigest()}")


def faults(ledger):
    ledger.settle()
    return {kind for kind, found in ledger.faults.items() if found}


def test_what_came_as_told_and_a_repetition_are_no_fault(ledger, identity):
    sealed = identity.seal(made_up(identity, "0" * 32))
    told(ledger, identity, 1, sealed)
    ledger.record(message(sealed))
    ledger.record(message(sealed))
    assert faults(ledger) == set()
    assert ledger.repeated == 1


def test_what_was_told_and_did_not_come_is_lost(ledger, identity):
    told(ledger, identity, 1, b"whatever")
    assert faults(ledger) == {"lost"}


def test_an_altered_message_is_unsigned(ledger, identity):
    sealed = identity.seal(made_up(identity, "0" * 32))
    ledger.record(message(sealed.replace(b'"seq":1', b'"seq":2')))
    assert faults(ledger) == {"unsigned"}


def test_a_decision_of_an_unknown_key_is_unsigned(ledger, identity, tmp_path):
    ledger.enrolled("gate-1")
    (tmp_path / "gate-1" / "device-key.pem").unlink()
    another = Identity.open(tmp_path / "gate-1", "gate-1")
    told(ledger, another, 1, b"whatever")
    ledger.record(message(another.seal(made_up(another, "0" * 32))))
    assert faults(ledger) == {"unsigned", "keys that changed", "lost"}


def test_one_identity_with_two_contents_is_seen(ledger, identity):
    first, second = made_up(identity, "0" * 32), made_up(identity, "1" * 32).model_copy(update={"seq": 1})
    ledger.record(message(identity.seal(first)))
    ledger.record(message(identity.seal(second)))
    assert faults(ledger) == {"identities with two contents"}


def test_a_boot_that_is_counted_twice_is_seen(ledger, identity):
    ledger.hear("gate-1", "boot 1")
    ledger.hear("gate-1", "boot 1")
    assert faults(ledger) == {"boots counted twice"}


def test_a_decision_that_stays_behind_is_seen(ledger, identity, tmp_path):
    outbox = Outbox(tmp_path / "gate-1" / OUTBOX_FILE)
    outbox.add(b"{}")
    outbox.close()
    ledger.hear("gate-1", "boot 1")
    assert faults(ledger) == {"terminals that failed"}


def test_decisions_survive_and_arrive_though_terminals_and_broker_are_killed(need_program, tmp_path):
    need_program("openssl", "openssl")
    need_program("mosquitto", "mosquitto")
    outcome = chaos.run(tmp_path, daemon_kills=12, broker_kills=3, seed=1)
    assert {kind: found for kind, found in outcome.ledger.faults.items() if found} == {}
    assert outcome.terminal_kills >= 12
    assert outcome.ledger.received.keys() >= outcome.ledger.told.keys()
    assert len(outcome.ledger.told) > 12
