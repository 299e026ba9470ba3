from __future__ import annotations

import hashlib
import json

import pytest

from edge.contracts.base64url import from_base64url
from edge.contracts.enums import LightLevel, SessionStatus
from edge.contracts.sealing import OpeningKey, Purpose
from edge.contracts.session import Assurance, AttemptReport
from edge.session.best_picture import Picture
from edge.terminal.session_image import NO_CONNECTION, NO_PICTURE, PictureSender

SESSION = "5" * 32
KEY = OpeningKey.generate()
ATTEMPT = AttemptReport(
    attempt_id=2,
    attempt_status=SessionStatus.SUCCEEDED,
    light_level=LightLevel.DIM,
    light_reason="dim",
    assurance=Assurance(confirmed=(), frames_judged=1, temporal=True),
    duration_seconds=1.0,
)


def jpeg():
    """Nobody else holds it."""
    return bytes([0xFF, 0xD8]) + bytes(range(256))


@pytest.fixture
def published():
    return []


def sender(published, *, connected=True):
    return PictureSender("hq", "gate-1", SESSION, KEY.public, lambda: connected, published.append)


def test_a_picture_is_sealed_to_its_key_for_this_session_and_told_by_its_hash(published):
    sent = sender(published)(Picture(jpeg(), 0.8), ATTEMPT)
    (message,) = published
    assert (message.session_id, message.attempt_id, message.session_image_id) == (SESSION, 2, sent.identifier)
    names = ("hq", "gate-1", SESSION, sent.identifier)
    opened = KEY.open(from_base64url(message.sealed), Purpose.SESSION_IMAGE, *names)
    assert opened == jpeg()
    assert sent.report.sha256 == hashlib.sha256(jpeg()).hexdigest()
    assert (sent.report.sent, sent.report.quality, sent.report.key) == (True, 0.8, KEY.public.kid)


def test_nothing_of_the_picture_is_readable_in_the_message(published):
    sender(published)(Picture(jpeg(), 0.8), ATTEMPT)
    content = json.loads(published[0].to_json())
    assert jpeg()[:16] not in from_base64url(content["sealed"])


def test_without_a_connection_it_is_dropped_and_said_so(published):
    sent = sender(published, connected=False)(Picture(jpeg(), 0.8), ATTEMPT)
    assert (published, sent.identifier) == ([], None)
    assert (sent.report.sent, sent.report.reason, sent.report.sha256) == (False, NO_CONNECTION, None)


def test_without_a_frame_that_was_good_enough_none_is_sent(published):
    sent = sender(published)(None, ATTEMPT)
    assert (published, sent.report.sent, sent.report.reason) == ([], False, NO_PICTURE)


@pytest.mark.parametrize("connected", [True, False])
def test_the_jpeg_is_overwritten_whether_it_was_sent_or_not(published, connected):
    picture = Picture(jpeg(), 0.8)
    sender(published, connected=connected)(picture, ATTEMPT)
    assert picture.jpeg == bytes(len(jpeg()))


def test_sealing_is_anew_each_time(published):
    for _ in range(2):
        sender(published)(Picture(jpeg(), 0.8), ATTEMPT)
    assert published[0].sealed != published[1].sealed
    assert published[0].session_image_id != published[1].session_image_id
