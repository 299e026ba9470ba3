import asyncio
import json

import pytest

from edge.contracts.config import ReportedConfig
from edge.contracts.device import DeviceEvent, Info, State
from edge.contracts.enums import CommandErrorCode, ConfigStatus, LivenessOperationMode, Service, TerminalState
from edge.contracts.jws import EnrolledKey, EnrolledKeys, OKPKey, read_public_keys, thumbprint
from edge.contracts.session import SessionCancel, SessionProgress, SessionStart
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.client import publish_properties
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.options import LinkOptions
from edge.link.payloads import CommandRefused
from edge.link.requester import (
    Heard,
    HeardDecision,
    NoAnswerError,
    Requester,
    TerminalRefusedError,
    Verification,
    hear,
    hear_decision,
    listen,
)

SESSION = "0" * 32


@pytest.fixture
def broker(embedded):
    return LinkOptions(embedded.host, embedded.port)


@pytest.fixture
def keys(tmp_path):
    """Of the started terminal, enrolled from its file."""
    return lambda: read_public_keys((tmp_path / "state" / PUBLIC_KEY_FILE).read_bytes(), PUBLIC_KEY_FILE)


def deciding(terminal, make_decision, *, attempts: int = 1, nonce: str | None = None):
    """An answer to session.start that publishes the attempts' decisions at once."""

    def answer(command: SessionStart) -> dict[str, str]:
        for attempt in range(1, attempts + 1):
            decision = make_decision(
                terminal.identity,
                session_id=SESSION,
                nonce=nonce or command.nonce,
                attempt=attempt,
                last=attempt == attempts,
            )
            terminal.link.publish_decision(terminal.identity.seal(decision))
        return {"sessionId": SESSION}

    return answer


async def collect(decisions) -> list[HeardDecision]:
    return [heard async for heard in decisions]


def test_what_is_told_of_a_session_on_the_way_is_kept_apart_from_that_of_others(
    broker, run, start_terminal, topics, keys, make_decision
):
    async def scenario():
        async with (
            start_terminal(broker) as terminal,
            Requester(broker, topics, keys=keys(), name="controller-1") as requester,
        ):
            deciding_at_once = deciding(terminal, make_decision)

            def answer(command):
                for session, phase in ((SESSION, "positioning"), ("1" * 32, "passive"), (SESSION, "measuring_light")):
                    terminal.link.publish_progress(SessionProgress(session_id=session, attempt_id=1, state=phase))
                return deciding_at_once(command)

            terminal.answer = answer
            session = await requester.start()
            await collect(requester.decisions(session, within=10))
            assert [told.state for told in requester.progress(session)] == ["positioning", "measuring_light"]

    run(scenario())


def test_a_session_is_started_and_its_decisions_come_verified(broker, run, start_terminal, topics, keys, make_decision):
    async def scenario():
        async with (
            start_terminal(broker) as terminal,
            Requester(broker, topics, keys=keys(), name="controller-1") as requester,
        ):
            terminal.answer = deciding(terminal, make_decision, attempts=2)
            session = await requester.start(
                mode=LivenessOperationMode.PASSIVE_ACTIVE, attempts=2, user_correlation_id="visitor 7"
            )
            heard = await collect(requester.decisions(session, within=10))
            assert [h.verification for h in heard] == [Verification.VERIFIED] * 2
            assert [h.decision.attempt.attempt_id for h in heard] == [1, 2]
            assert {h.decision.nonce for h in heard} == {session.nonce}
            assert requester.state == terminal.state(TerminalState.READY)
            (command,) = terminal.commands
            assert command.id == session.transaction
            assert command.number_of_client_attempts_allowed == 2
            assert command.user_correlation_id == "visitor 7"

    run(scenario())


def test_each_session_gets_a_nonce_of_its_own(broker, run, start_terminal, topics):
    async def scenario():
        async with start_terminal(broker), Requester(broker, topics) as requester:
            return {(await requester.start()).nonce for _ in range(3)}

    assert len(run(scenario())) == 3


def test_a_cancel_names_the_session(broker, run, start_terminal, topics):
    async def scenario():
        async with start_terminal(broker) as terminal, Requester(broker, topics) as requester:
            terminal.answer = lambda _: None
            await requester.cancel("ab" * 16)
            (command,) = terminal.commands
            assert isinstance(command, SessionCancel)
            assert command.session_id == "ab" * 16

    run(scenario())


def test_a_refusal_comes_with_its_code_and_words(broker, run, start_terminal, topics):
    async def scenario():
        def busy(_):
            raise CommandRefused(CommandErrorCode.BUSY, "a session is running")

        async with start_terminal(broker) as terminal, Requester(broker, topics) as requester:
            terminal.answer = busy
            with pytest.raises(TerminalRefusedError) as refusal:
                await requester.start()
            assert refusal.value.code is CommandErrorCode.BUSY
            assert "Busy" in str(refusal.value)
            assert "a session is running" in str(refusal.value)

    run(scenario())


def test_without_keys_no_decision_counts_as_verified(broker, run, start_terminal, topics, make_decision):
    async def scenario():
        async with start_terminal(broker) as terminal, Requester(broker, topics) as requester:
            terminal.answer = deciding(terminal, make_decision)
            (heard,) = await collect(requester.decisions(await requester.start(), within=10))
            assert heard.verification is Verification.NOT_CHECKED
            assert heard.decision is not None

    run(scenario())


def test_a_decision_of_a_key_that_is_not_enrolled_is_refused_and_ends_nothing(
    broker, run, start_terminal, topics, make_decision
):
    async def scenario():
        stranger = OKPKey.generate_key("Ed25519")
        other = EnrolledKeys([EnrolledKey(thumbprint(stranger), stranger)])
        async with start_terminal(broker) as terminal, Requester(broker, topics, keys=other) as requester:
            terminal.answer = deciding(terminal, make_decision)
            waiting = requester.decisions(await requester.start(), within=0.5)
            heard = await anext(waiting)
            assert heard.verification is Verification.REFUSED
            assert "not enrolled" in heard.problem
            with pytest.raises(NoAnswerError, match="1 were refused"):
                await anext(waiting)

    run(scenario())


def test_a_decision_with_another_nonce_is_refused(broker, run, start_terminal, topics, keys, make_decision):
    async def scenario():
        async with (
            start_terminal(broker) as terminal,
            Requester(broker, topics, keys=keys()) as requester,
        ):
            terminal.answer = deciding(terminal, make_decision, nonce="an-older-nonce-0000")
            async for heard in requester.decisions(await requester.start(), within=10):
                assert heard.verification is Verification.REFUSED
                assert "another nonce" in heard.problem
                break

    run(scenario())


def test_a_decision_that_is_delivered_twice_is_heard_once(
    broker, run, until, start_terminal, topics, keys, make_decision
):
    async def scenario():
        async with (
            start_terminal(broker) as terminal,
            Requester(broker, topics, keys=keys()) as requester,
        ):

            def answer(command):
                first, last = (
                    terminal.identity.seal(
                        make_decision(
                            terminal.identity, session_id=SESSION, nonce=command.nonce, attempt=n, last=n == 2
                        )
                    )
                    for n in (1, 2)
                )
                for payload in (first, first, last):
                    terminal.link.publish_decision(payload)
                return {"sessionId": SESSION}

            terminal.answer = answer
            heard = await collect(requester.decisions(await requester.start(), within=10))
            assert [h.decision.seq for h in heard] == [1, 2]

    run(scenario())


def test_no_decision_in_time_says_how_the_terminal_is(broker, run, until, start_terminal, topics):
    async def scenario():
        async with start_terminal(broker) as terminal, Requester(broker, topics) as requester:
            session = await requester.start()
            terminal.link.publish_state(terminal.state(TerminalState.BUSY))
            await until(lambda: requester.state == terminal.state(TerminalState.BUSY), "busy")
            with pytest.raises(NoAnswerError, match="'busy'"):
                await collect(requester.decisions(session, within=0.2))

    run(scenario())


def test_no_broker_is_told(run, topics):
    async def scenario():
        async with Requester(LinkOptions("127.0.0.1", 1), topics):
            pass

    with pytest.raises(LinkError, match=r"nothing listens at mqtt://127\.0\.0\.1:1"):
        run(scenario())


def test_no_terminal_is_told(broker, run, topics):
    async def scenario():
        async with Requester(broker, topics, reply_seconds=0.3) as requester:
            with pytest.raises(NoAnswerError, match="never announced itself"):
                await requester.start()

    run(scenario())


def test_a_broker_that_knows_of_no_listener_says_so_at_once(mosquitto, run, topics):
    async def scenario():
        async with Requester(mosquitto.start(), topics) as requester:
            with pytest.raises(NoAnswerError, match="no terminal listens"):
                await requester.start()

    run(scenario())


def test_a_terminal_that_went_away_is_told_by_its_state(broker, run, until, start_terminal, topics):
    async def scenario():
        async with start_terminal(broker):
            pass
        async with Requester(broker, topics, reply_seconds=0.5) as requester:
            await until(lambda: requester.state, "the retained state")
            with pytest.raises(NoAnswerError, match="'disconnected'"):
                await requester.start()

    run(scenario())


def test_commands_that_the_access_list_forbids_are_told(mosquitto, run, topics, tmp_path):
    async def scenario():
        acl = tmp_path / "acl"
        acl.write_text(f"topic read {topics.prefix}/#\n")
        broker = mosquitto.start("allow_anonymous true", f"acl_file {acl}")
        async with Requester(broker, topics) as requester:
            with pytest.raises(LinkError, match="does not let this client publish"):
                await requester.start()

    run(scenario())


def test_a_broker_that_goes_away_ends_the_waiting(run, topics, start_terminal):
    async def scenario():
        with EmbeddedBroker() as broker:
            options = LinkOptions(broker.host, broker.port)
            async with start_terminal(options), Requester(options, topics) as requester:
                session = await requester.start()
                waiting = asyncio.create_task(collect(requester.decisions(session, within=20)))
                await asyncio.to_thread(broker.__exit__, None, None, None)
                with pytest.raises(LinkError, match=r"ended the connection|broke"):
                    await waiting
                with pytest.raises(LinkError, match=r"ended the connection|broke"):
                    await requester.start()

    run(scenario())


def test_a_reply_that_breaks_the_contract_is_told(broker, run, until, observe, topics):
    async def scenario():
        async with observe(broker) as (client, seen), Requester(broker, topics, reply_seconds=5) as requester:

            async def answer_badly() -> None:
                await until(lambda: seen, "the command")
                asked = seen[0][1].properties
                await client.publish(
                    asked.ResponseTopic,
                    b'{"status": "perhaps"}',
                    properties=publish_properties(correlation=asked.CorrelationData),
                )

            answering = asyncio.create_task(answer_badly())
            with pytest.raises(LinkError, match="breaks the contract"):
                await requester.start()
            await answering

    run(scenario())


def test_listening_tells_everything_apart(broker, run, until, start_terminal, topics, keys, make_decision):
    async def scenario():
        async with start_terminal(broker) as terminal:
            heard: list[Heard] = []

            async def read() -> None:
                async for one in listen(broker, topics.prefix, keys=keys()):
                    heard.append(one)  # noqa: PERF401 - looked at while it grows

            listening = asyncio.create_task(read())
            await until(lambda: len(heard) >= 2, "the retained messages")
            terminal.link.publish_progress(SessionProgress(session_id=SESSION, attempt_id=1, state="passive"))
            terminal.link.publish_event(DeviceEvent(kind="presence", message="somebody", at=1.0))
            terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
            await until(lambda: len(heard) >= 5, "the others")
            listening.cancel()
            await asyncio.wait((listening,))
            kinds = {type(one.content): one for one in heard}
            assert set(kinds) == {State, Info, SessionProgress, DeviceEvent, HeardDecision}
            assert kinds[State].retained
            assert not kinds[DeviceEvent].retained
            assert kinds[HeardDecision].content.verification is Verification.VERIFIED
            assert all(one.problem == "" for one in heard)

    run(scenario())


def test_listening_without_a_broker_is_told(run):
    async def scenario():
        async for _ in listen(LinkOptions("127.0.0.1", 1), "livegate"):
            pass

    with pytest.raises(LinkError, match="nothing listens"):
        run(scenario())


@pytest.mark.parametrize(
    "suffix",
    ["state", "info", "health", "config/reported", "event", "decision", f"session/{SESSION}/event", "else"],
)
@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{}", b'{"state": "asleep"}'])
def test_what_breaks_the_contract_is_heard_with_its_problem(suffix, payload):
    heard = hear(f"{Topics('livegate', 'hq', 'gate-1').base}/{suffix}", payload)
    assert heard.problem
    assert heard.payload == payload
    assert heard.content is None or heard.content.decision is None


def test_a_state_with_fields_of_a_newer_terminal_is_heard():
    payload = json.dumps({"schemaVersion": "1.0", "state": "ready", "bootCount": 3, "mood": "fine"}).encode()
    assert hear("livegate/v1/hq/gate-1/state", payload).content == State(state=TerminalState.READY, boot_count=3)


def test_what_became_of_a_pushed_configuration_is_heard():
    payload = json.dumps({"status": "applied", "rev": 7, "service": "active", "config": "c" * 64}).encode()
    content = hear("livegate/v1/hq/gate-1/config/reported", payload, retained=True).content
    assert content == ReportedConfig(status=ConfigStatus.APPLIED, rev=7, service=Service.ACTIVE, config="c" * 64)


def test_a_forged_readable_copy_is_shown_as_it_was_signed(tmp_path, make_decision):
    identity = Identity.open(tmp_path, "gate-1")
    message = json.loads(identity.seal(make_decision(identity)))
    message["decision"]["lastAttempt"] = False
    keys = read_public_keys((tmp_path / PUBLIC_KEY_FILE).read_bytes(), "key")
    heard = hear_decision(json.dumps(message).encode(), keys)
    assert heard.verification is Verification.REFUSED
    assert heard.decision.last_attempt
