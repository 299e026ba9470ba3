"""A requester's word for an alternative challenge: for one command, one terminal, one alternative, for a while."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.enums import Alternative
from edge.contracts.jws import (
    DECISION_TYPE,
    EnrolledKey,
    EnrolledKeys,
    OKPKey,
    SignatureError,
    sign,
    thumbprint,
    write_decision,
)
from edge.contracts.request_authorization import (
    REQUEST_TYPE,
    RequestAuthorization,
    check_authorization,
    write_authorization,
)
from edge.contracts.session import SessionStart

NOW, END = 1_700_000_000.0, 1_700_000_030.0
COMMAND = "k3Jv0mY1Qz6uXn8s"


@pytest.fixture(scope="module")
def requester():
    return OKPKey.generate_key("Ed25519")


@pytest.fixture(scope="module")
def requesters(requester):
    return EnrolledKeys([EnrolledKey(thumbprint(requester), requester)])


def content(**changes):
    fields = {"command": COMMAND, "site": "hq", "device": "gate-1", "alternative": Alternative.WITHOUT_FLASH}
    return RequestAuthorization(**{**fields, "expires_at": END, **changes})


def start(authorization, **changes):
    return SessionStart(
        **{
            "id": COMMAND,
            "expires_at": END,
            "alternative": Alternative.WITHOUT_FLASH,
            "authorization": authorization,
            **changes,
        }
    )


def check(command, keys, now=NOW):
    check_authorization(command, keys, site="hq", device="gate-1", now=now)


def test_the_word_of_an_enrolled_requester_counts(requester, requesters):
    check(start(write_authorization(content(), requester)), requesters)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"command": "another-command"}, "another command"),
        ({"site": "annexe"}, "another site"),
        ({"device": "gate-2"}, "another device"),
        ({"alternative": Alternative.WITHOUT_MOVEMENT}, "another alternative"),
        ({"expires_at": NOW}, "expired"),
        ({"expires_at": END + 0.5}, "outlives its command"),
    ],
)
def test_it_counts_for_nothing_else(requester, requesters, changes, named):
    with pytest.raises(SignatureError, match=named):
        check(start(write_authorization(content(**changes), requester)), requesters)


def test_no_word_is_none(requesters):
    with pytest.raises(SignatureError, match="needs the word"):
        check(start(None), requesters)


def test_a_strangers_word_and_one_under_an_enrolled_name_are_refused(requester, requesters):
    stranger = OKPKey.generate_key("Ed25519")
    with pytest.raises(SignatureError, match="not enrolled"):
        check(start(write_authorization(content(), stranger)), requesters)
    head = write_authorization(content(), requester).split(".")[0]
    forged = ".".join([head, *write_authorization(content(), stranger).split(".")[1:]])
    with pytest.raises(SignatureError, match="does not fit"):
        check(start(forged), requesters)


def test_a_key_that_names_a_terminal_counts_there_alone(requester):
    token = start(write_authorization(content(), requester))
    check(token, EnrolledKeys([EnrolledKey(thumbprint(requester), requester, "gate-1")]))
    with pytest.raises(SignatureError, match="device of its key"):
        check(token, EnrolledKeys([EnrolledKey(thumbprint(requester), requester, "gate-2")]))


def test_a_decision_is_no_authorization_whoever_signed_it(decision, requester, requesters):
    token = json.loads(write_decision(decision, requester))["jws"]
    with pytest.raises(SignatureError, match="header"):
        check(start(token), requesters)
    with pytest.raises(SignatureError, match="header"):
        check(start(sign(content().model_dump_json(by_alias=True).encode(), requester, typ=DECISION_TYPE)), requesters)


def test_a_field_that_nobody_knows_is_refused(requester, requesters):
    more = json.loads(content().model_dump_json(by_alias=True)) | {"until": "ever"}
    with pytest.raises(SignatureError, match="until"):
        check(start(sign(json.dumps(more).encode(), requester, typ=REQUEST_TYPE)), requesters)


def test_a_field_by_its_python_name_or_there_twice_is_refused(requester, requesters):
    signed = content().model_dump_json(by_alias=True)
    for other, named in (
        (signed.replace('"expiresAt"', '"expires_at"'), "expires_at|expiresAt"),
        (signed.replace("{", '{"device":"gate-2",', 1), "twice"),
    ):
        with pytest.raises(SignatureError, match=named):
            check(start(sign(other.encode(), requester, typ=REQUEST_TYPE)), requesters)


@settings(deadline=None, max_examples=200)
@given(payload=st.binary(max_size=80), now=st.floats(0, 2e9))
def test_whatever_was_signed_is_refused_in_words_or_counts(requester, requesters, payload, now):
    with pytest.raises(SignatureError) as refused:
        check(start(sign(payload, requester, typ=REQUEST_TYPE)), requesters, now)
    assert refused.value.remedy
