from __future__ import annotations

from tests.proof import leaking, planted


def test_the_proof_knows_what_it_must_say_of_each_planted_leak():
    assert set(planted.CAUGHT) == {*leaking.LEAKS, *leaking.FAULTS}
