"""A requester that sends a reference and gets a picture, both sealed, and holds them against the decision."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace

import pytest

from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.enums import LivenessDecision, QualityForRecognition, SessionStatus
from edge.contracts.jws import read_public_keys
from edge.contracts.sealing import SUITE, OpeningKey, Purpose, SealError
from edge.contracts.session import (
    ColorTarget,
    LivenessResult,
    SealedImage,
    SessionImageReport,
    SessionStart,
    Targets,
)
from edge.contracts.verification import MAX_IMAGE_BYTES, FaceRectangle, FaceTemplate, VerifyResult
from edge.errors import LinkError
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.requester import HeardDecision, NoAnswerError, Requester, Verification, hear
from edge.link.session_image import MAX_IMAGES, ArrivedImages, open_image, read_sealed_image

SESSION, IMAGE = "0" * 32, "b" * 32
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 100
PHOTO = bytes(reversed(range(256))) * 32
TEMPLATE = FaceTemplate(
    network="face", sha256="a" * 64, embedding="A" * 684, quality_for_recognition=QualityForRecognition.HIGH
).model_dump_json(by_alias=True, exclude_none=True, indent=2)


def sealed(topics, jpeg=JPEG, *, key, session=SESSION, attempt=1, image=IMAGE, **changes) -> SealedImage:
    content = key.public.seal(jpeg, Purpose.SESSION_IMAGE, topics.site, topics.device, session, image)
    facts = {
        "session_id": session,
        "attempt_id": attempt,
        "session_image_id": image,
        "suite": SUITE,
        "key": key.public.kid,
        "sealed": to_base64url(content),
    }
    return SealedImage(**(facts | changes))


@pytest.fixture
def broker(embedded):
    # It delivers at the subscription's QoS.
    return LinkOptions(embedded.host, embedded.port, trusts_every_qos=True)


@pytest.fixture
def decide(make_decision):
    """A decision of a terminal, with whatever it tells of a reference and a picture."""

    def make(terminal, command, *, image=None, verify=None, verify_image_hash=None, image_id=IMAGE):
        decision = make_decision(terminal.identity, session_id=SESSION, nonce=command.nonce)
        result = LivenessResult(
            liveness_decision=LivenessDecision.REALFACE,
            targets=Targets(color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))),
            digest="a" * 64,
            session_image_id=image_id if image is not None and image.sent else None,
            verify_result=verify,
            verify_image_hash=verify_image_hash,
        )
        changes = {
            "result": result,
            "error": None,
            "attempt_status": SessionStatus.SUCCEEDED,
            "session_image": image,
        }
        return decision.model_copy(update={"attempt": decision.attempt.model_copy(update=changes)})

    return make


@dataclass
class Desk:
    """A requester with its terminal, which has a key and sees what is published."""

    requester: Requester
    terminal: object
    client: object
    topics: object
    key: OpeningKey = field(default_factory=OpeningKey.generate)

    async def publish(self, *images: SealedImage | bytes) -> None:
        for each in images:
            payload = each if isinstance(each, bytes) else each.to_json()
            await self.client.publish(self.topics.session_image(SESSION), payload, qos=0)


@pytest.fixture
def desk(broker, run, start_terminal, observe, topics, tmp_path):
    """Runs a scenario with a desk."""

    def run_with(scenario, *, enrolled=True):
        async def whole():
            async with start_terminal(broker) as terminal, observe(broker) as (client, _):
                keys = read_public_keys((tmp_path / "state" / PUBLIC_KEY_FILE).read_bytes(), "keys")
                async with Requester(broker, topics, keys=keys if enrolled else None, reply_seconds=5) as requester:
                    await scenario(Desk(requester, terminal, client, topics))

        run(whole())

    return run_with


async def collect(decisions) -> list[HeardDecision]:
    return [heard async for heard in decisions]


def report(jpeg=JPEG, **changes) -> SessionImageReport:
    return SessionImageReport(sent=True, sha256=hashlib.sha256(jpeg).hexdigest()).model_copy(update=changes)


def test_a_reference_image_opens_at_the_terminal_for_this_very_command(desk, topics):
    async def scenario(desk):
        session = await desk.requester.start(
            verify_image=PHOTO,
            sealing_key=desk.key.public,
            verify_confidence_threshold=0.75,
            return_verify_image_hash=True,
        )
        (command,) = desk.terminal.commands
        assert isinstance(command, SessionStart)
        names = (topics.site, topics.device, command.id)
        assert desk.key.open(from_base64url(command.verify_image), Purpose.REFERENCE_IMAGE, *names) == PHOTO
        assert (command.verify_template, command.verify_confidence_threshold) == (None, 0.75)
        assert command.return_verify_image_hash
        assert session.reference == hashlib.sha256(PHOTO).hexdigest()

    desk(scenario)


def test_a_template_is_sealed_as_one_without_an_editors_spaces(desk, topics):
    async def scenario(desk):
        session = await desk.requester.start(
            verify_template=TEMPLATE.encode(), sealing_key=desk.key.public, return_verify_image_hash=True
        )
        (command,) = desk.terminal.commands
        content = from_base64url(command.verify_template)
        opened = desk.key.open(content, Purpose.REFERENCE_TEMPLATE, topics.site, topics.device, command.id)
        assert FaceTemplate.model_validate_json(opened) == FaceTemplate.model_validate_json(TEMPLATE)
        assert len(opened) < len(TEMPLATE)
        assert session.reference == hashlib.sha256(opened).hexdigest()

    desk(scenario)


@pytest.mark.parametrize(("referenced", "qos"), [(True, 0), (False, 1)])
def test_a_broker_that_keeps_qos_gets_a_reference_at_0_and_other_commands_at_1(
    mosquitto, run, start_terminal, observe, topics, until, referenced, qos
):
    options = mosquitto.start()
    reference = {"verify_image": PHOTO, "sealing_key": OpeningKey.generate().public} if referenced else {}
    picture = {"enable_session_image": True, "session_image_key": OpeningKey.generate()}

    async def scenario():
        async with start_terminal(options), observe(options) as (_, seen), Requester(options, topics) as requester:
            await requester.start(**reference, **picture)
            await until(lambda: any(suffix == "cmd/session.start" for suffix, _ in seen), "the command")
            (command,) = [message for suffix, message in seen if suffix == "cmd/session.start"]
            assert (command.qos, command.retain) == (qos, False)
            assert PHOTO[:64] not in bytes(command.payload)

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"verify_image": PHOTO}, "terminal's key"),
        ({"verify_template": TEMPLATE.encode()}, "terminal's key"),
        ({"verify_image": PHOTO, "verify_template": TEMPLATE.encode(), "sealing_key": True}, "one reference"),
        ({"verify_image": b"", "sealing_key": True}, "bytes"),
        ({"verify_image": bytes(MAX_IMAGE_BYTES + 1), "sealing_key": True}, str(MAX_IMAGE_BYTES)),
        ({"verify_template": b"{}", "sealing_key": True}, "no template"),
        ({"verify_template": PHOTO, "sealing_key": True}, "no template"),
        ({"enable_session_image": True}, "none was given"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_sent(run, topics, asked, words):
    if asked.pop("sealing_key", False):
        asked["sealing_key"] = OpeningKey.generate().public
    requester = Requester(LinkOptions("127.0.0.1", 1), topics)
    with pytest.raises(LinkError, match=words):
        run(requester.start(**asked))


def test_a_terminal_that_is_not_there_gives_no_reply_to_a_reference(broker, run, topics):
    async def scenario():
        async with Requester(broker, topics, reply_seconds=0.3) as requester:
            await requester.start(verify_image=PHOTO, sealing_key=OpeningKey.generate().public)

    with pytest.raises(NoAnswerError, match="no reply"):
        run(scenario())


def test_a_command_that_the_broker_would_not_take_is_told_with_both_sizes(mosquitto, run, topics):
    options = mosquitto.start("allow_anonymous true", "max_packet_size 9000")

    async def scenario():
        async with Requester(options, topics, reply_seconds=5) as requester:
            await requester.start(verify_image=PHOTO, sealing_key=OpeningKey.generate().public)

    with pytest.raises(LinkError, match="packets of 9000 bytes") as refused:
        run(scenario())
    assert "docs/verify.md" in refused.value.remedy


def test_a_decision_about_another_reference_image_than_the_one_that_was_sent_is_refused(desk, decide):
    async def scenario(desk):
        told = {"verify": VerifyResult(match_confidence=0.9, is_identical=True, reason="alike", pictures=5)}
        hashes = ["c" * 64, None, hashlib.sha256(PHOTO).hexdigest()]

        def answer(command):
            for each in hashes:
                decision = decide(desk.terminal, command, verify_image_hash=each, **told)
                desk.terminal.link.publish_decision(desk.terminal.identity.seal(decision))
            return {"sessionId": SESSION}

        desk.terminal.answer = answer
        session = await desk.requester.start(
            verify_image=PHOTO, sealing_key=desk.key.public, return_verify_image_hash=True
        )
        heard = await collect(desk.requester.decisions(session, within=10))
        assert [each.verification for each in heard] == [
            Verification.REFUSED,
            Verification.REFUSED,
            Verification.VERIFIED,
        ]
        assert "another reference image" in heard[0].problem
        assert [each.accepts(identical=True) for each in heard] == [False, False, True]

    desk(scenario)


DIFFERS = VerifyResult(match_confidence=0.1, is_identical=False, reason="unlike", pictures=5)


@pytest.mark.parametrize("verify", [None, DIFFERS], ids=["compared with nothing", "unlike"])
def test_a_match_is_demanded_where_it_is_asked_for(desk, decide, verify):
    async def scenario(desk):
        def answer(command):
            decision = decide(desk.terminal, command, verify=verify)
            desk.terminal.link.publish_decision(desk.terminal.identity.seal(decision))
            return {"sessionId": SESSION}

        desk.terminal.answer = answer
        (heard,) = await collect(desk.requester.decisions(await desk.requester.start(), within=10))
        assert heard.accepts()
        assert not heard.accepts(identical=True)

    desk(scenario)


def picturing(desk, decide, *images, told=None, decided=True):
    """An answer that publishes pictures, and a decision about one."""

    async def answer(command):
        await desk.publish(*images)
        if decided:
            decision = decide(desk.terminal, command, image=told or report())
            desk.terminal.link.publish_decision(desk.terminal.identity.seal(decision))
        return {"sessionId": SESSION}

    return answer


async def start_with_image(desk, key):
    return await desk.requester.start(enable_session_image=True, session_image_key=key)


def test_the_picture_that_the_signed_decision_names_is_opened_and_proven(desk, decide, topics):
    key = OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key))
        session = await start_with_image(desk, key)
        opened = await desk.requester.image(session, within=10)
        assert (opened.jpeg, opened.proven, opened.session_image_id, opened.attempt_id) == (JPEG, True, IMAGE, 1)
        assert repr(JPEG[:8])[2:-1] not in repr(opened)
        (command,) = desk.terminal.commands
        assert (command.enable_session_image, command.session_image_key) == (True, key.public.jwk()["x"])
        (heard,) = await collect(desk.requester.decisions(session, within=10))
        assert heard.verification is Verification.VERIFIED

    desk(scenario)


def test_a_strangers_pictures_before_and_behind_it_do_not_take_its_place(desk, decide, topics):
    key = OpeningKey.generate()
    forged = sealed(topics, JPEG + b"forged", key=key)

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, b"{}", forged, sealed(topics, key=key), forged)
        opened = await desk.requester.image(await start_with_image(desk, key), within=10)
        assert (opened.jpeg, opened.proven) == (JPEG, True)

    desk(scenario)


@pytest.mark.parametrize(
    "changes",
    [{"jpeg": JPEG + b"forged"}, {"attempt": 2}, {"image": "c" * 32}],
    ids=["content", "attempt", "id"],
)
def test_a_picture_that_is_not_the_decisions_is_refused(desk, decide, topics, changes):
    key = OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key, **changes))
        session = await start_with_image(desk, key)
        with pytest.raises(SealError, match="not the decision's"):
            await desk.requester.image(session, within=1)

    desk(scenario)


def test_a_picture_for_another_key_is_refused_by_both_keys_names(desk, decide, topics):
    key, other = OpeningKey.generate(), OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=other))
        session = await start_with_image(desk, key)
        with pytest.raises(SealError, match=other.public.kid) as refused:
            await desk.requester.image(session, within=1)
        assert key.public.kid in refused.value.what

    desk(scenario)


def test_where_the_decision_says_that_none_was_sent_nobody_waits_and_none_is_taken(desk, decide, topics):
    key = OpeningKey.generate()
    told = SessionImageReport(sent=False, reason="no frame was good enough")

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key), told=told)
        session = await start_with_image(desk, key)
        assert await asyncio.wait_for(desk.requester.image(session, within=60), 10) is None

    desk(scenario)


def test_without_a_decision_in_time_the_picture_is_given_unproven(desk, decide, topics):
    key = OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key), decided=False)
        opened = await desk.requester.image(await start_with_image(desk, key), within=1)
        assert (opened.jpeg, opened.proven) == (JPEG, False)

    desk(scenario)


def test_without_enrolled_keys_nothing_is_proven(desk, decide, topics):
    key = OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key))
        opened = await desk.requester.image(await start_with_image(desk, key), within=10)
        assert (opened.jpeg, opened.proven) == (JPEG, False)

    desk(scenario, enrolled=False)


def test_a_picture_that_never_comes_is_none(desk, decide):
    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide)
        assert await desk.requester.image(await start_with_image(desk, OpeningKey.generate()), within=0.5) is None

    desk(scenario)


def test_nobody_hears_pictures_who_wants_none_or_cannot_open_them(desk, decide, topics):
    key = OpeningKey.generate()

    async def scenario(desk):
        desk.terminal.answer = picturing(desk, decide, sealed(topics, key=key))
        for asked in ({}, {"enable_session_image": True, "session_image_key": key.public}):
            session = await desk.requester.start(**asked)
            await collect(desk.requester.decisions(session, within=10))
            with pytest.raises(LinkError, match="no picture"):
                await desk.requester.image(session, within=1)
            forged = replace(session, image_key=key)
            assert await desk.requester.image(forged, within=0.2) is None

    desk(scenario)


def test_only_so_many_pictures_are_kept(topics):
    images = ArrivedImages()
    key = OpeningKey.generate()
    images.take(sealed(topics, key=key).to_json())
    assert images.find(SESSION, key, topics, None)[0].jpeg == JPEG
    for _ in range(MAX_IMAGES):
        images.take(b"{}")
    opened, problem = images.find(SESSION, key, topics, None)
    assert opened is None
    assert "no sealed session image" in str(problem)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"suite": "another"}, "another"),
        ({"sealed": "A" * 65}, "base64url"),
        ({"sealed": "A" * 64}, "does not open"),
        ({"jpeg": b"<svg/>"}, "no JPEG"),
    ],
)
def test_what_does_not_open_to_a_jpeg_is_refused_in_words(topics, changes, words):
    key = OpeningKey.generate()
    with pytest.raises(SealError, match=words):
        open_image(sealed(topics, key=key, **changes), key, topics.site, topics.device)


def test_a_picture_opens_for_its_own_terminal_and_session_alone(topics):
    key = OpeningKey.generate()
    message = sealed(topics, key=key)
    for site, device in (("annexe", topics.device), (topics.site, "gate-0")):
        with pytest.raises(SealError, match="does not open"):
            open_image(message, key, site, device)
    with pytest.raises(SealError, match="does not open"):
        open_image(message.model_copy(update={"session_id": "1" * 32}), key, topics.site, topics.device)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b" " * 300_000])
def test_what_is_no_message_of_the_topic_is_refused(payload):
    with pytest.raises(SealError, match="session image"):
        read_sealed_image(payload)


def test_a_listener_hears_a_picture_sealed(topics):
    message = sealed(topics, key=OpeningKey.generate())
    assert hear(topics.session_image(SESSION), message.to_json()).content == message
    broken = hear(topics.session_image(SESSION), b"{}")
    assert (broken.content, bool(broken.problem)) == (None, True)
    assert hear(f"{topics.base}/session/{SESSION}/else", b"{}").problem
