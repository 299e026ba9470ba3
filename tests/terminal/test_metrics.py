"""What Prometheus reads, and what is done to the socket that it reads from."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys

import pytest

from edge.config.presence import Metrics
from edge.contracts.device import Health, OutboxHealth, State
from edge.contracts.enums import CommandErrorCode, ErrorCode, LightLevel, SessionStatus, TerminalState
from edge.contracts.session import Assurance, AttemptError, AttemptReport
from edge.errors import ConfigError
from edge.terminal.metrics import Counters, LinkFigures, Sources, exposition
from edge.terminal.metrics_server import MAX_READERS, MAX_REQUEST, MetricsServer, serve_metrics
from tests.extras import missing

PATIENCE = 10
needs_library = pytest.mark.skipif(
    missing("prometheus_client"), reason="prometheus_client is in the extras 'metrics' and 'dev'"
)

# The text format 0.0.4, line by line.
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{{{_LABEL}(?:,{_LABEL})*\}})? [-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf)")
COMMENT = re.compile(r"# (?:HELP [a-zA-Z_:][a-zA-Z0-9_:]* [^\n]*|TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (?:counter|gauge))")

HEALTH = Health(
    at=1767225590.5,
    boot_count=3,
    uptime_seconds=120.25,
    clock_synchronised=True,
    frame_age_seconds=4.0,
    throttling=("under voltage", "throttled"),
    rss_bytes=150_000_000,
    sessions=2,
    decisions=3,
    connections=2,
    outbox=OutboxHealth(waiting=1, waiting_bytes=900, full=False),
)
FAILED = AttemptReport(
    attempt_id=1,
    attempt_status=SessionStatus.FAILED,
    error=AttemptError(code=ErrorCode.NO_FACE_DETECTED, message="no face"),
    light_level=LightLevel.NOT_MEASURED,
    light_reason="no light",
    assurance=Assurance(confirmed=(), frames_judged=0, temporal=True),
    duration_seconds=1.0,
)


def sources(state=TerminalState.READY):
    return Sources(
        state=lambda: State(state=state, boot_count=3),
        link=lambda: LinkFigures(True, 2, {CommandErrorCode.BUSY: 4}),
        waiting=lambda: 1,
    )


def fed():
    counters = Counters()
    counters.session_ended("realface")
    counters.session_ended("realface")
    counters.session_ended("fault")
    counters.decided(FAILED)
    counters.somebody_came("face")
    counters.health = HEALTH
    return counters


def read(counters=None, state=TerminalState.READY):
    text = exposition(counters or Counters(), sources(state))().decode()
    assert text.endswith("\n")
    for line in text.splitlines():
        assert (COMMENT if line.startswith("#") else SAMPLE).fullmatch(line), line
    return text


def samples(text):
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - an extra

    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@needs_library
class TestWhatIsRead:
    def test_state_counts_link_and_health_are_told_in_the_text_format(self):
        told = samples(read(fed()))
        assert told["livegate_sessions_total", ("outcome", "realface")] == 2
        assert told["livegate_sessions_total", ("outcome", "fault")] == 1
        assert told["livegate_decisions_total", ("kind", "error"), ("result", "NoFaceDetected")] == 1
        assert told["livegate_presences_total", ("source", "face")] == 1
        assert told["livegate_command_refusals_total", ("code", "Busy")] == 4
        assert told["livegate_link_connected",] == 1
        assert told["livegate_link_connections_total",] == 2
        assert told["livegate_outbox_waiting",] == 1
        assert told["livegate_boot_count",] == 3
        assert told["livegate_uptime_seconds",] == 120.25
        assert told["livegate_clock_synchronised",] == 1
        assert told["livegate_resident_bytes",] == 150_000_000
        assert told["livegate_throttling", ("what", "under voltage")] == 1

    @pytest.mark.parametrize("state", TerminalState)
    def test_of_the_states_exactly_the_current_one_is_1(self, state):
        told = samples(read(state=state))
        ones = [key for key, value in told.items() if key[0] == "livegate_state" and value == 1]
        assert ones == [("livegate_state", ("state", state.value))]
        assert sum(key[0] == "livegate_state" for key in told) == len(TerminalState)

    def test_what_cannot_be_had_is_absent(self):
        without = samples(read())
        assert not any(key[0] == "livegate_uptime_seconds" for key in without)
        counters = fed()
        assert counters.health is not None
        assert not any(key[0] == "livegate_temperature_celsius" for key in samples(read(counters)))

    def test_a_label_that_a_firmware_chose_cannot_break_the_format(self):
        counters = fed()
        counters.health = HEALTH.model_copy(update={"throttling": ('a"} 1\n# EOF\\',)})
        assert samples(read(counters))["livegate_throttling", ("what", 'a"} 1\n# EOF\\')] == 1


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    faults = []

    async def scenario():
        await serve_metrics(Metrics(port=19100), Counters(), sources(), on_fault=faults.append)

    asyncio.run(scenario())
    assert len(faults) == 1
    with pytest.raises(ConfigError) as refused:
        exposition(Counters(), sources())
    assert "livegate[metrics]" in refused.value.remedy


@contextlib.asynccontextmanager
async def serving(answer=lambda: b"livegate_x 1\n", address="127.0.0.1", **limits):
    server = MetricsServer(address, 0, answer, **limits)
    running = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while server.port is None:  # noqa: ASYNC110 - nobody tells when it listens
                await asyncio.sleep(0)
        yield server
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def ask(server, request, *, end=True):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(request)
            if end and writer.can_write_eof():
                writer.write_eof()
            with contextlib.suppress(ConnectionError):
                return await reader.read()
            return b""
    finally:
        writer.close()


GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_reader_gets_the_text_and_its_type():
    async def scenario():
        async with serving() as server:
            head, _, body = (await ask(server, GET, end=False)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
            assert f"Content-Length: {len(body)}".encode() in head
            assert body == b"livegate_x 1\n"
            assert (await ask(server, b"GET /metrics?a=b HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    asyncio.run(scenario())


HOSTILE = {
    "another path": (b"GET / HTTP/1.1\r\n\r\n", b"404"),
    "a path beside it": (b"GET /metrics/../etc HTTP/1.1\r\n\r\n", b"404"),
    "another method": (b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"405"),
    "a huge header": (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * (4 * MAX_REQUEST), b"431"),
    "garbage": (bytes(range(256)), b"400"),
    "nothing": (b"", b"400"),
    "a line that never ends": (b"GET /metrics", b"400"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    "spaces": (b"          \r\n\r\n", b"400"),
}


@pytest.mark.parametrize(("request_bytes", "status"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_reading_is_refused_and_the_next_reader_is_served(request_bytes, status):
    async def scenario():
        reads = []

        def answer():
            reads.append(1)
            return b"x 1\n"

        async with serving(answer) as server:
            told = await ask(server, request_bytes)
            # A connection that is closed on unread bytes may be reset before the answer is seen.
            assert told.split(b" ")[1:2] == [status] or (status == b"431" and told == b"")
            assert reads == []
            assert (await ask(server, GET)).endswith(b"x 1\n")

    asyncio.run(scenario())


def test_one_that_sends_nothing_is_hung_up_on_and_keeps_nobody_out():
    async def scenario():
        async with serving(patience=0.05) as server:
            assert await ask(server, b"GET /met", end=False) == b""
            silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3 * MAX_READERS)]
            async with asyncio.timeout(PATIENCE):
                for reader, _ in silent:
                    with contextlib.suppress(ConnectionError):
                        assert await reader.read() == b""
            for _, writer in silent:
                writer.close()
            assert (await ask(server, GET)).startswith(b"HTTP/1.1 200 ")

    asyncio.run(scenario())


def test_one_that_takes_no_answer_is_hung_up_on():
    async def scenario():
        async with serving(lambda: b"x" * 64 * 1024 * 1024, patience=0.05) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as deaf:
                deaf.sendall(GET)
                async with asyncio.timeout(PATIENCE):
                    while server._readers == 0:  # noqa: ASYNC110 - nobody tells when it was let in
                        await asyncio.sleep(0)
                    while server._readers:  # noqa: ASYNC110 - nobody tells when it was hung up on
                        await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_a_reading_that_fails_hangs_up_and_tells_nothing():
    async def scenario():
        def fault():
            raise ZeroDivisionError("secret")

        async with serving(fault) as server:
            assert await ask(server, GET) == b""

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_a_fault_and_the_terminal_works_on(monkeypatch):
    monkeypatch.setattr("edge.terminal.metrics_server.exposition", lambda *_: lambda: b"")
    faults = []

    async def scenario():
        async with serving() as server:
            await serve_metrics(Metrics(port=server.port), Counters(), sources(), on_fault=faults.append)

    asyncio.run(scenario())
    assert len(faults) == 1
    assert "in use" in faults[0]


def test_without_a_port_nothing_is_served_nor_loaded():
    code = "import edge.terminal.daemon, sys; print('prometheus_client' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "False"
    asyncio.run(serve_metrics(Metrics(), Counters(), sources(), on_fault=pytest.fail))
