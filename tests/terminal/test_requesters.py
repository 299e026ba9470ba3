"""Who may ask a terminal for an alternative challenge."""

from __future__ import annotations

import json

import pytest

from edge.config.loader import load_bytes
from edge.contracts.enums import Alternative, CommandErrorCode
from edge.contracts.jws import OKPKey, public_jwk
from edge.contracts.request_authorization import RequestAuthorization, write_authorization
from edge.contracts.session import SessionStart
from edge.link.payloads import CommandRefused
from edge.terminal.requesters import check_requester

NOW = 1_700_000_000.0
NURSE, PORTER = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")


def settings(folder, link="{requesters: requesters.jwk}"):
    text = f"camera: {{driver: replay, sources: [face.png]}}\ndevice: {{id: gate-1, site: hq}}\nlink: {link}\n"
    return load_bytes(text.encode(), folder / "livegate.yaml").settings


def enrol(folder, *keys):
    (folder / "requesters.jwk").write_text(json.dumps({"keys": [public_jwk(key) for key in keys]}))


def request(key=None, alternative=Alternative.WITHOUT_FLASH):
    word = RequestAuthorization(
        command="k3Jv0mY1Qz6uXn8s",
        site="hq",
        device="gate-1",
        alternative=Alternative.WITHOUT_FLASH,
        expires_at=NOW + 30,
    )
    return SessionStart(
        id=word.command,
        expires_at=NOW + 30,
        alternative=alternative,
        authorization=write_authorization(word, key) if key else None,
    )


def refused(asked, settings):
    with pytest.raises(CommandRefused) as refusal:
        check_requester(asked, settings, NOW)
    assert refusal.value.code is CommandErrorCode.UNAUTHORIZED
    return refusal.value.message


def test_who_asks_for_no_alternative_needs_nobodys_word(tmp_path):
    check_requester(request(alternative=None), settings(tmp_path, "{}"), NOW)


def test_without_requesters_nobody_may_ask_for_one(tmp_path):
    assert "link.requesters" in refused(request(NURSE), settings(tmp_path, "{}"))


def test_each_enrolled_requester_may_and_nobody_else(tmp_path):
    enrol(tmp_path, NURSE, PORTER)
    check_requester(request(NURSE), settings(tmp_path), NOW)
    check_requester(request(PORTER), settings(tmp_path), NOW)
    assert "not enrolled" in refused(request(OKPKey.generate_key("Ed25519")), settings(tmp_path))
    assert "needs the word" in refused(request(), settings(tmp_path))


def test_a_key_that_was_taken_out_counts_no_more(tmp_path):
    chosen = settings(tmp_path)
    enrol(tmp_path, NURSE, PORTER)
    check_requester(request(PORTER), chosen, NOW)
    enrol(tmp_path, NURSE)
    assert "not enrolled" in refused(request(PORTER), chosen)


@pytest.mark.parametrize("content", [None, "", "{}", "no keys"])
def test_a_file_that_cannot_be_used_lets_nobody_in(tmp_path, content):
    if content is not None:
        (tmp_path / "requesters.jwk").write_text(content)
    message = refused(request(NURSE), settings(tmp_path))
    assert "cannot be used" in message
    assert str(tmp_path) not in message
