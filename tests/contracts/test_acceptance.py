"""What a controller takes for enough: every rule alone, any mixture of them, and any order of deliveries."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.acceptance import Acceptance, Nonces, Reason
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    ErrorCode,
    LivenessDecision,
    SessionStatus,
    TerminalState,
)
from edge.contracts.jws import EnrolledKey, EnrolledKeys, OKPKey, thumbprint, write_decision
from edge.contracts.session import AttemptError
from edge.contracts.verification import VerifyResult
from edge.errors import LinkError

LIFETIME = 90.0
SESSION, OTHER_SESSION = "a" * 32, "b" * 32
READY = TerminalState.READY
DOOR = Acceptance()


@pytest.fixture(scope="session")
def good(decision):
    """A decision that a door opens on, for a nonce."""
    numbers = count(1)
    attempt = decision.attempt.model_copy(
        update={
            "result": decision.attempt.result.model_copy(update={"liveness_decision": LivenessDecision.REALFACE}),
            "assurance": decision.attempt.assurance.model_copy(update={"level": AssuranceLevel.LIGHT}),
        }
    )

    def make(nonce, /, **changes):
        inner = {name: changes.pop(name) for name in tuple(changes) if name in type(attempt).model_fields}
        level = {name: changes.pop(name) for name in ("level", "alternative") if name in changes}
        inner = {"assurance": attempt.assurance.model_copy(update=level)} | inner
        return decision.model_copy(
            update={
                "seq": next(numbers),
                "session_id": SESSION,
                "nonce": nonce,
                "capture": CaptureKind.LIVE,
                "attempt": attempt.model_copy(update=inner),
            }
            | changes
        )

    return make


@pytest.fixture
def nonces():
    return Nonces(lifetime=LIFETIME)


def asked(nonces, now=0.0, **named):
    nonce = nonces.ask("hq", "gate-1", now, **named)
    nonces.started(nonce, SESSION)
    return nonce


@pytest.fixture
def judge(key, keys, nonces):
    """Of a decision, by a door's rule."""

    def judged(decision, *, rule=DOOR, now=1.0, state=READY, keys=keys, signer=key):
        return rule.judge(write_decision(decision, signer), keys=keys, nonces=nonces, now=now, state=state)

    return judged


def spoof(decision):
    result = decision.attempt.result.model_copy(update={"liveness_decision": LivenessDecision.SPOOFFACE})
    return decision.model_copy(update={"attempt": decision.attempt.model_copy(update={"result": result})})


def test_a_live_fresh_answer_with_enough_assurance_is_accepted_once(good, judge, nonces):
    verdict = judge(good(asked(nonces)))
    assert (verdict.accepted, bool(verdict), verdict.reason) == (True, True, Reason.ACCEPTED)
    assert verdict.decision.device == "gate-1"
    assert nonces.outstanding(1.0) == 0


def provenance(decision, policy):
    return decision.provenance.model_copy(update={"policy": policy})


FAILED = {
    "attempt_status": SessionStatus.FAILED,
    "result": None,
    "error": AttemptError(code=ErrorCode.NO_FACE_DETECTED, message="no face"),
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": None}, Reason.NO_NONCE),
        ({"nonce": "x" * 32}, Reason.NONCE_NOT_OURS),
        ({"site": "annexe"}, Reason.OTHER_TERMINAL),
        ({"session_id": OTHER_SESSION}, Reason.OTHER_SESSION),
        ({"capture": CaptureKind.SIMULATED}, Reason.NOT_LIVE),
        ({"capture": CaptureKind.REPLAY}, Reason.NOT_LIVE),
        (FAILED, Reason.NOT_SUCCEEDED),
        ({"error": FAILED["error"]}, Reason.NOT_SUCCEEDED),
        ({"attempt_status": SessionStatus.CANCELED}, Reason.NOT_SUCCEEDED),
        ({"result": None}, Reason.NOT_SUCCEEDED),
        ({"level": AssuranceLevel.NONE}, Reason.ASSURANCE_TOO_LOW),
        ({"level": AssuranceLevel.NETWORKS}, Reason.ASSURANCE_TOO_LOW),
        ({"level": AssuranceLevel.MOTION}, Reason.ASSURANCE_TOO_LOW),
        ({"alternative": Alternative.WITHOUT_FLASH}, Reason.ALTERNATIVE_NOT_ASKED),
    ],
)
def test_one_thing_that_is_wrong_is_enough_and_is_named(good, judge, nonces, changes, reason):
    verdict = judge(good(asked(nonces), **changes))
    assert (verdict.reason, verdict.accepted, bool(verdict)) == (reason, False, False)
    assert verdict.words


@pytest.mark.parametrize("decided", [LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN])
def test_another_decision_than_realface_is_refused(good, judge, nonces, decided):
    decision = good(asked(nonces))
    result = decision.attempt.result.model_copy(update={"liveness_decision": decided})
    changed = decision.attempt.model_copy(update={"result": result})
    assert judge(decision.model_copy(update={"attempt": changed})).reason is Reason.NOT_REAL


def test_a_decision_of_another_policy_is_refused_unless_the_rule_names_it_or_takes_any(good, judge, nonces):
    for policies, reason in (
        (DOOR.policies, Reason.OTHER_POLICY),
        ({"front"}, Reason.ACCEPTED),
        (None, Reason.ACCEPTED),
    ):
        decision = good(asked(nonces))
        changed = decision.model_copy(update={"provenance": provenance(decision, "front")})
        assert judge(changed, rule=Acceptance(policies=policies)).reason is reason


@pytest.mark.parametrize("state", [None, *TerminalState])
def test_a_terminal_that_is_not_at_work_opens_nothing(good, judge, nonces, state):
    at_work = state in {TerminalState.READY, TerminalState.BUSY}
    verdict = judge(good(asked(nonces)), state=state)
    assert verdict.reason is (Reason.ACCEPTED if at_work else Reason.TERMINAL_STATE)
    assert judge(good(asked(nonces)), state=state, rule=Acceptance(states=None)).accepted


def test_the_time_is_up_by_the_controllers_clock_alone(good, judge, nonces):
    nonce = asked(nonces, 1000.0)
    late = good(nonce, issued_at=9e9)
    assert judge(late, now=1000.0 + LIFETIME + 0.1).reason is Reason.LATE
    assert judge(late, now=999.9).reason is Reason.LATE
    assert judge(good(nonce, issued_at=0.0), now=1000.0 + LIFETIME).accepted


def test_another_terminal_with_an_enrolled_key_cannot_answer_for_the_one_that_was_asked(good, judge, nonces, keys):
    stranger = OKPKey.generate_key("Ed25519")
    both = EnrolledKeys([*keys.values(), EnrolledKey(thumbprint(stranger), stranger, "gate-2")])
    nonce = asked(nonces)
    assert judge(good(nonce, device="gate-2"), keys=both, signer=stranger).reason is Reason.OTHER_TERMINAL
    assert judge(good(nonce), keys=both, signer=stranger).reason is Reason.SIGNATURE
    assert judge(good(nonce), keys=both).accepted


def test_a_key_that_names_no_device_is_refused_unless_the_rule_says_otherwise(good, judge, nonces, key):
    bare = EnrolledKeys([EnrolledKey(thumbprint(key), key)])
    nonce = asked(nonces)
    assert judge(good(nonce), keys=bare).reason is Reason.KEY_NOT_BOUND
    assert judge(good(nonce), keys=bare, rule=Acceptance(unbound_keys=True)).accepted


def test_a_session_that_the_terminal_has_not_named_yet_is_refused_and_may_still_come(good, judge, nonces):
    nonce = nonces.ask("hq", "gate-1", 0.0)
    decision = good(nonce)
    assert judge(decision).reason is Reason.SESSION_NOT_KNOWN
    nonces.started(nonce, SESSION)
    assert judge(decision).accepted


def test_a_second_answer_cannot_rename_the_session(good, judge, nonces):
    nonce = asked(nonces)
    nonces.started(nonce, OTHER_SESSION)
    assert judge(good(nonce, session_id=OTHER_SESSION)).reason is Reason.OTHER_SESSION


def test_a_repetition_is_told_from_a_replay_and_neither_opens(good, judge, nonces):
    nonce = asked(nonces)
    decision = good(nonce)
    assert judge(decision).accepted
    again = judge(decision, now=10 * LIFETIME)
    assert (again.reason, again.earlier) == (Reason.REPEATED, Reason.ACCEPTED)
    assert judge(good(nonce)).reason is Reason.NONCE_USED
    assert judge(good("an-old-nonce-of-another-day")).reason is Reason.NONCE_NOT_OURS


def test_a_repetition_of_a_refused_one_says_so(good, judge, nonces):
    decision = spoof(good(asked(nonces)))
    assert judge(decision).reason is Reason.NOT_REAL
    assert judge(decision).earlier is Reason.NOT_REAL


def test_two_decisions_of_one_identity_are_a_trouble_of_their_own(good, judge, nonces):
    first, second = good(asked(nonces)), good(asked(nonces))
    assert judge(first).accepted
    assert judge(second.model_copy(update={"seq": first.seq})).reason is Reason.IDENTITY_USED_TWICE


def test_an_attempt_that_is_not_the_last_leaves_the_nonce_for_the_next(good, judge, nonces):
    nonce = asked(nonces)
    first = spoof(good(nonce)).model_copy(update={"last_attempt": False})
    assert judge(first).reason is Reason.NOT_REAL
    assert judge(first).reason is Reason.REPEATED
    assert judge(good(nonce)).accepted


def test_a_last_attempt_that_failed_uses_the_nonce_up(good, judge, nonces):
    nonce = asked(nonces)
    assert judge(good(nonce, **FAILED)).reason is Reason.NOT_SUCCEEDED
    assert judge(good(nonce)).reason is Reason.NONCE_USED


def test_nobody_else_can_use_a_nonce_up(good, judge, nonces):
    nonce = asked(nonces)
    for changes in ({"site": "annexe"}, {"session_id": OTHER_SESSION}):
        assert not judge(good(nonce, **changes))
    assert not judge(good(nonce), signer=OKPKey.generate_key("Ed25519"))
    assert judge(good(nonce)).accepted


def test_a_session_that_was_given_up_opens_nothing(good, judge, nonces):
    nonce = asked(nonces)
    nonces.withdraw(nonce)
    assert judge(good(nonce)).reason is Reason.NONCE_USED


def test_an_alternative_counts_only_as_asked_and_at_the_level_that_the_rule_gives_it(good, judge, nonces):
    without_flash, without_movement = Alternative.WITHOUT_FLASH, Alternative.WITHOUT_MOVEMENT
    lower = Acceptance(least_with={without_flash: AssuranceLevel.MOTION})
    motion = {"alternative": without_flash, "level": AssuranceLevel.MOTION}
    wanted = [
        (without_flash, motion, lower, Reason.ACCEPTED),
        (without_flash, motion, DOOR, Reason.ASSURANCE_TOO_LOW),
        (without_flash, {"level": AssuranceLevel.MOTION}, lower, Reason.ASSURANCE_TOO_LOW),
        (without_movement, motion, lower, Reason.ALTERNATIVE_NOT_ASKED),
        (None, motion, lower, Reason.ALTERNATIVE_NOT_ASKED),
        (without_movement, {}, DOOR, Reason.ACCEPTED),
    ]
    for alternative, changes, rule, reason in wanted:
        assert judge(good(asked(nonces, alternative=alternative), **changes), rule=rule).reason is reason


def test_only_what_the_rule_names_may_come_of_something_else_than_a_camera(good, judge, nonces):
    trial = Acceptance(captures=frozenset({CaptureKind.SIMULATED}))
    assert judge(good(asked(nonces), capture=CaptureKind.SIMULATED), rule=trial).accepted
    assert judge(good(asked(nonces)), rule=trial).reason is Reason.NOT_LIVE


SENT = "e" * 64
ALIKE = VerifyResult(match_confidence=0.9, is_identical=True, reason="alike", pictures=5)
UNLIKE = VerifyResult(match_confidence=0.1, is_identical=False, reason="unlike", pictures=5)
IDENTICAL = Acceptance(identical=True)


@pytest.mark.parametrize(
    ("verify", "told", "sent", "reason"),
    [
        (None, None, None, Reason.NOT_IDENTICAL),
        (None, SENT, SENT, Reason.NOT_IDENTICAL),
        (UNLIKE, SENT, SENT, Reason.NOT_IDENTICAL),
        (ALIKE, None, SENT, Reason.NOT_IDENTICAL),
        (ALIKE, "f" * 64, SENT, Reason.NOT_IDENTICAL),
        (ALIKE, SENT, SENT, Reason.ACCEPTED),
        (ALIKE, "f" * 64, None, Reason.ACCEPTED),
        (ALIKE, None, None, Reason.ACCEPTED),
    ],
)
def test_where_it_is_demanded_the_person_must_be_the_one_of_the_reference_that_was_sent(
    good, judge, nonces, verify, told, sent, reason
):
    decision = good(asked(nonces, reference=sent))
    result = decision.attempt.result.model_copy(update={"verify_result": verify, "verify_image_hash": told})
    decision = decision.model_copy(update={"attempt": decision.attempt.model_copy(update={"result": result})})
    verdict = judge(decision, rule=IDENTICAL)
    assert verdict.reason is reason
    assert verdict.words


@pytest.mark.parametrize("verify", [None, UNLIKE])
def test_a_door_that_demands_no_match_opens_without_one(good, judge, nonces, verify):
    decision = good(asked(nonces))
    result = decision.attempt.result.model_copy(update={"verify_result": verify})
    assert judge(decision.model_copy(update={"attempt": decision.attempt.model_copy(update={"result": result})}))


def test_a_match_is_no_excuse_for_anything_else(good, judge, nonces):
    decision = spoof(good(asked(nonces)))
    result = decision.attempt.result.model_copy(update={"verify_result": ALIKE})
    decision = decision.model_copy(update={"attempt": decision.attempt.model_copy(update={"result": result})})
    assert judge(decision, rule=IDENTICAL).reason is Reason.NOT_REAL


def test_no_more_nonces_are_outstanding_than_may_be_and_old_ones_make_room(good, judge):
    nonces = Nonces(lifetime=LIFETIME, most=2)
    asked(nonces, 0.0)
    asked(nonces, 1.0)
    with pytest.raises(LinkError, match="2 sessions are outstanding"):
        asked(nonces, LIFETIME)
    nonce = asked(nonces, LIFETIME + 0.5)
    assert nonces.find(nonce) is not None
    assert nonces.outstanding(LIFETIME + 0.5) == 2


def test_judged_decisions_are_forgotten_from_the_oldest_on_and_still_do_not_open(good, judge, key, keys):
    nonces = Nonces(lifetime=LIFETIME, most=2)
    decisions = []
    for now in (0.0, 1.0, 2.0):
        decisions.append(write_decision(good(asked(nonces, now)), key))
        assert DOOR.judge(decisions[-1], keys=keys, nonces=nonces, now=now, state=READY)
    again = [DOOR.judge(each, keys=keys, nonces=nonces, now=3.0, state=READY).reason for each in decisions]
    assert again == [Reason.NONCE_NOT_OURS, Reason.REPEATED, Reason.REPEATED]


@pytest.mark.parametrize("wrong", [{"lifetime": 0.0}, {"lifetime": float("nan")}, {"most": 0}])
def test_no_time_and_no_place_are_no_rule(wrong):
    with pytest.raises(ValueError, match="above 0"):
        Nonces(**wrong)


WRONG = {
    "nonce": {"nonce": None},
    "foreign nonce": {"nonce": "y" * 32},
    "site": {"site": "annexe"},
    "session": {"session_id": OTHER_SESSION},
    "capture": {"capture": CaptureKind.SIMULATED},
    "status": {"attempt_status": SessionStatus.FAILED},
    "level": {"level": AssuranceLevel.MOTION},
    "alternative": {"alternative": Alternative.WITHOUT_MOVEMENT},
}


@settings(deadline=None, max_examples=150)
@given(
    wrong=st.sets(st.sampled_from(sorted(WRONG)), max_size=4),
    now=st.floats(-10, 3 * LIFETIME),
    state=st.sampled_from([None, *TerminalState]),
)
def test_whatever_is_wrong_together_it_opens_only_where_nothing_is(good, key, keys, wrong, now, state):
    nonces = Nonces(lifetime=LIFETIME)
    changes = {name: value for each in sorted(wrong) for name, value in WRONG[each].items()}
    payload = write_decision(good(asked(nonces), **changes), key)
    verdict = DOOR.judge(payload, keys=keys, nonces=nonces, now=now, state=state)
    in_time, at_work = 0 <= now <= LIFETIME, state in {TerminalState.READY, TerminalState.BUSY}
    assert verdict.accepted is (not wrong and in_time and at_work)


@settings(deadline=None, max_examples=60)
@given(
    sessions=st.lists(
        st.tuples(st.floats(0, 300), st.lists(st.booleans(), min_size=1, max_size=3)), min_size=1, max_size=4
    ),
    data=st.data(),
)
def test_however_often_and_late_decisions_come_each_nonce_opens_once_at_most_and_in_time(
    good, key, keys, sessions, data
):
    nonces = Nonces(lifetime=LIFETIME, most=4)
    messages = []
    for asked_at, attempts in sessions:
        nonce = asked(nonces, asked_at)
        for number, real in enumerate(attempts, 1):
            made = good(nonce, last_attempt=number == len(attempts))
            messages.append((nonce, asked_at, write_decision(made if real else spoof(made), key)))
    opened = []
    deliveries = data.draw(st.lists(st.tuples(st.sampled_from(messages), st.floats(0, 600)), max_size=25))
    for (nonce, asked_at, payload), now in deliveries:
        if DOOR.judge(payload, keys=keys, nonces=nonces, now=now, state=READY):
            assert asked_at <= now <= asked_at + LIFETIME
            opened.append(nonce)
    assert len(opened) == len(set(opened))


@settings(deadline=None, max_examples=200)
@given(payload=st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(keys, payload):
    verdict = DOOR.judge(payload, keys=keys, nonces=Nonces(), now=0.0, state=READY)
    assert (verdict.reason, verdict.decision) == (Reason.SIGNATURE, None)
    assert verdict.words


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_changed_byte_opens_on_something_else_than_was_signed(good, key, keys, data):
    nonces = Nonces(lifetime=LIFETIME)
    decision = good(asked(nonces))
    message = bytearray(write_decision(decision, key))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    verdict = DOOR.judge(bytes(message), keys=keys, nonces=nonces, now=1.0, state=READY)
    assert verdict.decision in (None, decision)
    assert verdict.accepted or verdict.reason is Reason.SIGNATURE


def test_deep_nesting_is_refused_not_raised(keys):
    deep = json.dumps({"jws": "a.b.c"}).encode()[:-1] + b', "decision": ' + b"[" * 60_000
    assert DOOR.judge(deep, keys=keys, nonces=Nonces(), now=0.0).reason is Reason.SIGNATURE


def test_a_back_end_accepts_without_the_devices_libraries():
    check = (
        "import sys, edge.contracts.acceptance\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'cv2', 'numpy', 'aiomqtt', 'paho', 'ai_edge_litert', 'structlog', 'ruamel', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
