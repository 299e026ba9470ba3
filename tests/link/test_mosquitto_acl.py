"""Who may do what on a mosquitto with the shipped configuration, and who is not let in."""

import asyncio
import contextlib
import stat

import aiomqtt
import pytest

from edge.cli.broker import Broker
from edge.contracts.topics import Topics
from edge.link.client import ACCEPTED, NO_MATCHING_SUBSCRIBERS, connected
from edge.link.requester import Requester
from edge.link.trouble import explain
from tests.link.fleet import Fleet, make_certificates

NOT_AUTHORISED = 0x87
V1 = "livegate/v1"
GATE = f"{V1}/hq/gate-1"
OTHER = f"{V1}/hq/gate-2"


def set_up(folder, need_program) -> Fleet:
    need_program("openssl", "openssl")
    fleet = Fleet(folder, need_program("mosquitto", "mosquitto"))
    fleet.make(
        terminal=("gate-1", "gate-2"), operator=("operator-1",), controller=("controller-hq",), watcher=("watcher-1",)
    )
    # The authority knows it, the access list does not.
    make_certificates(fleet.certificates, "--operator", "nobody")
    return fleet


@pytest.fixture
def topics() -> Topics:
    """The access list's."""
    return Topics("livegate", "hq", "gate-1")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, need_program):
    made = set_up(tmp_path_factory.mktemp("fleet"), need_program)
    made.start()
    yield made
    made.stop()


UP = ("state", "info", "health", "decision", "event", "session/abc/event", "session/abc/image")
UP_CONFIG = ("config/reported", "job/status", "res/session.start")
DOWN = ("cmd/session.start", "config/desired", "job")

WRITES = [
    # A terminal: its own topics, at any site, and nobody else's.
    *(("gate-1", f"{GATE}/{suffix}", True) for suffix in UP + UP_CONFIG),
    ("gate-1", f"{V1}/annex/gate-1/state", True),
    *(("gate-1", f"{OTHER}/{suffix}", False) for suffix in UP + UP_CONFIG + DOWN),
    *(("gate-1", f"{GATE}/{suffix}", False) for suffix in DOWN),
    ("gate-1", f"{GATE}/decision/more", False),
    ("gate-1", f"{GATE}/session/abc/other", False),
    ("gate-1", GATE, False),
    ("gate-1", f"other/{GATE}/state", False),
    ("gate-1", "$SYS/broker/version", False),
    ("gate-1", f"{V1}/_reply/controller-hq/token", True),
    # Operators.
    ("operator-1", f"{GATE}/cmd/session.start", True),
    ("operator-1", f"{V1}/annex/gate-2/cmd/restart", True),
    ("operator-1", f"{GATE}/config/desired", True),
    ("operator-1", f"{GATE}/job", True),
    *(("operator-1", f"{GATE}/{suffix}", False) for suffix in UP + UP_CONFIG),
    # A controller: sessions at its own site.
    ("controller-hq", f"{GATE}/cmd/session.start", True),
    ("controller-hq", f"{GATE}/cmd/session.cancel", True),
    ("controller-hq", f"{GATE}/cmd/ping", True),
    ("controller-hq", f"{GATE}/cmd/restart", False),
    ("controller-hq", f"{V1}/annex/gate-1/cmd/session.start", False),
    *(("controller-hq", f"{GATE}/{suffix}", False) for suffix in (*UP, *UP_CONFIG, "config/desired", "job")),
    # Those who command nothing.
    *((who, f"{GATE}/{suffix}", False) for who in ("watcher-1", "nobody") for suffix in (*UP, *DOWN)),
]


@pytest.mark.parametrize(("who", "topic", "allowed"), WRITES)
def test_who_may_write(fleet, run, who, topic, allowed):
    async def publish() -> int:
        async with connected(fleet.options(who), who) as client:
            return await client.publish_acknowledged(topic, b"{}")

    assert run(publish()) in ({ACCEPTED, NO_MATCHING_SUBSCRIBERS} if allowed else {NOT_AUTHORISED})


READS = [
    # A terminal: what is for it, by whatever filter.
    *(("gate-1", f"{GATE}/{suffix}", f"{GATE}/{suffix}", True) for suffix in DOWN),
    ("gate-1", "#", f"{GATE}/cmd/session.start", True),
    ("gate-1", f"{V1}/+/gate-1/cmd/+", f"{GATE}/cmd/ping", True),
    *(("gate-2", filter_, f"{GATE}/{suffix}", False) for filter_ in ("#", f"{GATE}/#") for suffix in UP + DOWN),
    ("gate-2", f"{V1}/+/+/cmd/+", f"{GATE}/cmd/session.start", False),
    ("gate-2", f"{V1}/hq/+/decision", f"{GATE}/decision", False),
    ("gate-2", f"{GATE}/decision", f"{GATE}/decision", False),
    # Not even what it says itself.
    ("gate-1", "#", f"{GATE}/decision", False),
    # Replies: one's own.
    ("controller-hq", f"{V1}/_reply/controller-hq/#", f"{V1}/_reply/controller-hq/token", True),
    *((who, "#", f"{V1}/_reply/controller-hq/token", False) for who in ("operator-1", "watcher-1", "gate-2", "nobody")),
    # Operators: all that terminals say.
    *(("operator-1", f"{V1}/#", f"{GATE}/{suffix}", True) for suffix in (*UP[:-1], *UP_CONFIG)),
    ("operator-1", f"{GATE}/config/desired", f"{GATE}/config/desired", True),
    ("operator-1", "#", f"{GATE}/session/abc/image", False),
    ("operator-1", "#", f"{GATE}/cmd/session.start", False),
    # A controller: decisions of its site.
    *(
        ("controller-hq", f"{V1}/hq/+/#", f"{GATE}/{suffix}", True)
        for suffix in ("state", "info", "decision", "event", "session/abc/event", "session/abc/image")
    ),
    *(("controller-hq", "#", f"{V1}/annex/gate-1/{suffix}", False) for suffix in ("state", "decision", "event")),
    *(("controller-hq", "#", f"{GATE}/{suffix}", False) for suffix in ("cmd/session.start", "config/desired")),
    # A watcher: all but images, commands and their answers.
    *(("watcher-1", f"{V1}/+/+/{suffix}", f"{GATE}/{suffix}", True) for suffix in (*UP[:5], *UP_CONFIG[:2])),
    ("watcher-1", f"{V1}/+/+/session/+/event", f"{GATE}/session/abc/event", True),
    *(
        ("watcher-1", "#", f"{GATE}/{suffix}", False)
        for suffix in ("session/abc/image", "cmd/session.start", "res/session.start", "config/desired")
    ),
    *(("nobody", "#", f"{GATE}/{suffix}", False) for suffix in UP + DOWN),
]


async def read_until(client: aiomqtt.Client, fence: str) -> list[str]:
    """The topics that come before the fence does."""
    seen = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            if message.topic.value == fence:
                return seen
            seen.append(message.topic.value)
    raise AssertionError("unreachable")


@pytest.mark.parametrize(("who", "filter_", "topic", "allowed"), READS)
def test_who_may_read(fleet, run, who, filter_, topic, allowed):
    """mosquitto 2.0 grants every subscription and asks at each delivery."""
    downwards = "/cmd/" in topic or topic.endswith(("/config/desired", "/job"))
    writer = "operator-1" if downwards else "gate-1"
    fence = f"{V1}/_reply/{who}/fence"

    async def scenario() -> list[str]:
        async with contextlib.AsyncExitStack() as stack:
            clients = {
                name: await stack.enter_async_context(connected(fleet.options(name), name))
                for name in {who, writer, "gate-1"}
            }
            await clients[who].subscribe_all([filter_, fence])
            assert await clients[writer].publish_acknowledged(topic, b"{}") != NOT_AUTHORISED
            assert await clients["gate-1"].publish_acknowledged(fence, b"{}") == ACCEPTED
            return await read_until(clients[who], fence)

    assert run(scenario()) == ([topic] if allowed else [])


def test_a_retained_message_is_for_its_terminal_alone(fleet, run):
    desired = f"{GATE}/config/desired"

    async def heard(who: str) -> list[str]:
        fence = f"{V1}/_reply/{who}/fence"
        async with connected(fleet.options(who), who) as client:
            await client.subscribe_all(["#", fence])
            await client.publish_acknowledged(fence, b"{}")
            return await read_until(client, fence)

    async def scenario():
        async with connected(fleet.options("operator-1"), "operator-1") as operator:
            await operator.publish_acknowledged(desired, b"{}", retain=True)
        try:
            assert await heard("gate-2") == []
            assert await heard("gate-1") == [desired]
        finally:
            async with connected(fleet.options("operator-1"), "operator-1") as operator:
                await operator.publish_acknowledged(desired, b"", retain=True)

    run(scenario())


def test_a_subscriber_who_may_not_read_hides_that_nobody_has_the_decision(fleet, run):
    """What docs/broker.md warns of: mosquitto 2.0 counts him, and answers 0x00 in place of 0x10."""

    async def scenario():
        async with connected(fleet.options("gate-1"), "gate-1") as terminal:
            assert await terminal.publish_acknowledged(f"{GATE}/decision", b"{}") == NO_MATCHING_SUBSCRIBERS
            async with connected(fleet.options("gate-2"), "gate-2") as curious:
                await curious.subscribe_all(["#"])
                assert await terminal.publish_acknowledged(f"{GATE}/decision", b"{}") == ACCEPTED

    run(scenario())


@pytest.mark.parametrize(("topic", "published"), [(f"{GATE}/state", True), (f"{OTHER}/state", False)])
def test_a_will_is_published_on_an_own_topic_alone(fleet, run, topic, published):
    async def scenario() -> list[str]:
        async with connected(fleet.options("watcher-1"), "watcher-1") as watcher:
            await watcher.subscribe_all([f"{V1}/+/+/state", f"{GATE}/info"])
            with contextlib.suppress(ZeroDivisionError):
                async with connected(fleet.options("gate-1"), "gate-1", will=aiomqtt.Will(topic, b"{}", qos=1)):
                    raise ZeroDivisionError
            # The broker is done with the broken connection before it takes the next of the same client.
            async with connected(fleet.options("gate-1"), "gate-1") as again:
                await again.publish_acknowledged(f"{GATE}/info", b"{}")
            return await read_until(watcher, f"{GATE}/info")

    assert run(scenario()) == ([topic] if published else [])


@pytest.mark.parametrize("websockets", [False, True])
def test_the_client_id_is_the_certificates_whatever_is_said(fleet, run, websockets):
    async def scenario():
        async with connected(fleet.options("gate-2"), "gate-2") as victim:
            async with connected(fleet.options("gate-1", websockets=websockets), "gate-2") as impostor:
                assert await impostor.publish_acknowledged(f"{OTHER}/state", b"{}") == NOT_AUTHORISED
                assert await impostor.publish_acknowledged(f"{GATE}/state", b"{}") != NOT_AUTHORISED
            # Still there.
            assert await victim.publish_acknowledged(f"{OTHER}/state", b"{}") != NOT_AUTHORISED

    run(scenario())


def test_a_second_connection_with_a_certificate_ends_the_first(fleet, run):
    async def scenario():
        options = fleet.options("operator-1")
        async with connected(options, "one") as first, connected(options, "two"):
            with pytest.raises(aiomqtt.MqttError) as lost:
                async with asyncio.timeout(5):
                    await anext(first.messages)
            return str(explain(lost.value, options, "one"))

    assert "another client" in run(scenario())


def refusal(fleet: Fleet, run, options) -> str:
    async def connect() -> None:
        async with connected(options, "gate-1", answer_seconds=2.0):
            pass

    with pytest.raises(aiomqtt.MqttError) as refused:
        run(connect())
    return str(explain(refused.value, options, "gate-1"))


@pytest.mark.parametrize("websockets", [False, True])
@pytest.mark.parametrize("shown", ["nothing", "foreign", "expired", "not yet valid", "the broker's"])
def test_who_is_not_let_in(fleet, run, shown, websockets):
    stem = {
        "nothing": lambda: None,
        "foreign": lambda: fleet.issue("gate-1", foreign=True),
        "expired": lambda: fleet.issue("gate-1", days=(-10, -1)),
        "not yet valid": lambda: fleet.issue("gate-1", days=(5, 10)),
        "the broker's": lambda: "broker",
    }[shown]()
    options = fleet.options(stem, websockets=websockets)
    # A connection that the broker has reset meanwhile may take its alert along.
    told = [refusal(fleet, run, options) for _ in range(3)]
    assert any("does not accept this client's certificate" in words for words in told), told


def test_a_name_that_is_a_wildcard_opens_nothing(fleet, run):
    async def scenario():
        async with connected(fleet.options(fleet.issue("+")), "gate-1") as client:
            return [await client.publish_acknowledged(f"{V1}/hq/{name}/state", b"{}") for name in ("gate-1", "x")]

    assert run(scenario()) == [NOT_AUTHORISED, NOT_AUTHORISED]


def test_a_withdrawn_certificate_is_refused_by_mqtt_and_taken_by_websockets(tmp_path, need_program, run):
    """As livegate.conf says of crlfile."""
    fleet = set_up(tmp_path, need_program)
    fleet.start(revoked="gate-2")
    try:
        assert "does not accept this client's certificate" in refusal(fleet, run, fleet.options("gate-2"))

        async def state(name: str, **how: bool) -> int:
            async with connected(fleet.options(name, **how), name) as client:
                return await client.publish_acknowledged(f"{V1}/hq/{name}/state", b"{}")

        assert run(state("gate-1")) == NO_MATCHING_SUBSCRIBERS
        assert run(state("gate-2", websockets=True)) == NO_MATCHING_SUBSCRIBERS
    finally:
        fleet.stop()


def test_a_controller_gets_its_reply_and_its_decision(fleet, run, until, start_terminal, make_decision, topics):
    broker = Broker(fleet.options("controller-hq"), topics, None)

    async def scenario():
        async with (
            start_terminal(fleet.options("gate-1")) as terminal,
            Requester(broker.options, topics, name=broker.requester()) as controller,
        ):
            terminal.answer = lambda _: {"sessionId": "a" * 32}
            started = await controller.start()
            terminal.link.publish_decision(
                terminal.identity.seal(
                    make_decision(terminal.identity, session_id=started.session_id, nonce=started.nonce)
                )
            )
            heard = [one async for one in controller.decisions(started, within=10)]
            assert [one.decision.device for one in heard] == ["gate-1"]
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")

    run(scenario())


def test_the_brokers_certificate_is_renewed_without_a_restart(tmp_path, need_program, run, until, start_terminal):
    """And the terminal, which did not trust the old one by its clock, is there by itself."""
    fleet = set_up(tmp_path, need_program)

    def use(days: tuple[int, int]) -> None:
        stem = fleet.issue("broker", days, broker=True)
        for ending in ("crt", "key"):
            (fleet.certificates / f"{stem}.{ending}").replace(fleet.certificates / f"broker.{ending}")

    async def scenario():
        async with start_terminal(fleet.options("gate-1"), wait=False) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the trouble")
            assert "is not valid yet by this device's clock" in trouble.what
            use((-1, 1))
            fleet.reload()
            await until(lambda: terminal.link.connected, "the connection")

    use((5, 10))
    fleet.start()
    try:
        run(scenario())
    finally:
        fleet.stop()


def test_the_script_makes_keys_for_their_owner_alone_and_overwrites_nothing(fleet):
    keys = [key for key in fleet.certificates.glob("*.key") if not key.stem.startswith("odd-")]
    assert {key.stem for key in keys} >= {"ca", "broker", "gate-1", "controller-hq"}
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    before = {file: file.read_bytes() for file in fleet.certificates.iterdir()}
    for wrong in (
        ("--terminal", "gate-3", "--terminal", "gate-1"),
        ("--broker", "elsewhere.example"),
        ("--terminal", "gate-3", "--operator", "gate-3"),
        ("--terminal", "Gate 3"),
        ("--terminal", "ca"),
        ("--broker", "a b"),
        ("--days", "0", "--terminal", "gate-3"),
        ("--days", "30"),
        ("--terminal",),
    ):
        refused = make_certificates(fleet.certificates, *wrong, check=False)
        assert refused.returncode == 2, wrong
        assert refused.stderr
    assert {file: file.read_bytes() for file in fleet.certificates.iterdir()} == before
