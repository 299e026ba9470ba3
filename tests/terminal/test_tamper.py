"""The contact of the case: when it counts, what is told, and that a terminal whose case is open takes no session."""

from __future__ import annotations

import asyncio

import pytest

from edge.config.tamper import NO_CONTACT, GpioContact, NoContact, SimulatedContact
from edge.contracts.device import DeviceEvent
from edge.contracts.enums import CommandErrorCode, ErrorCode, TerminalState
from edge.errors import HardwareError
from edge.hardware.gpio_input import GpioInput
from edge.link.requester import Requester, TerminalRefusedError
from edge.session.clock import FrameClock
from edge.simulation.case_contact import SimulatedCaseContact
from edge.terminal import tamper as tamper_module
from edge.terminal.tamper import OPEN, TamperMinder, open_configured
from tests.extras import missing
from tests.hardware.contracts.lines import InputLineContract
from tests.terminal import test_daemon as given
from tests.terminal.test_daemon import PATIENCE, TOPICS, Endless, configuration, heard_until, is_state, running

broker = given.broker
needs_gpiozero = pytest.mark.skipif(missing("gpiozero"), reason="gpiozero is in the extras 'gpio' and 'dev'")
CONTACT = GpioContact(driver="gpio", line=17)


def mock_factory():
    from gpiozero.pins.mock import MockFactory  # noqa: PLC0415 - in an extra

    return MockFactory()


class TestSimulatedContact(InputLineContract):
    @pytest.fixture
    def line(self):
        # Open, which is not active.
        now = iter([0.0, 15.0])
        return SimulatedCaseContact(20.0, 10.0, clock=lambda: next(now, 15.0))


def test_a_simulated_contact_opens_at_the_end_of_each_period():
    now = [100.0]
    contact = SimulatedCaseContact(20.0, 5.0, clock=lambda: now[0])
    open_at = []
    for second in range(45):
        now[0] = 100.0 + second
        if not contact.level():
            open_at.append(second)
    assert open_at == [*range(15, 20), *range(35, 40)]


@needs_gpiozero
@pytest.mark.parametrize("closed_low", [True, False])
def test_a_wire_that_is_cut_reads_as_open(monkeypatch, closed_low):
    factory = mock_factory()
    monkeypatch.setattr("edge.hardware.gpio_input.line_factory", lambda label, *, key: factory)
    line = open_configured(GpioContact(driver="gpio", line=17, closed_low=closed_low))
    assert isinstance(line, GpioInput)
    pin = factory.pin("GPIO17")
    # Nothing drives it.
    assert pin.pull == ("up" if closed_low else "down")
    assert line.level() is False
    (pin.drive_low if closed_low else pin.drive_high)()
    assert line.level() is True
    line.close()


def test_what_is_configured_is_opened():
    assert open_configured(NO_CONTACT) is None
    assert open_configured(SimulatedContact(driver="simulated")).level() is True


def test_a_missing_chip_is_told_with_the_key(monkeypatch, tmp_path):
    from edge.hardware.gpio_illuminator import line_factory  # noqa: PLC0415 - before it is replaced

    def look(label, *, key):
        assert key == "tamper"
        return line_factory(label, dev=tmp_path, key=key)

    monkeypatch.setattr("edge.hardware.gpio_input.line_factory", look)
    with pytest.raises(HardwareError, match="no GPIO chip"):
        open_configured(CONTACT)


class Line:
    """Says one after the other whether the case is closed, or raises; the last one ends the watching."""

    def __init__(self, *script):
        self.script, self.closed = list(script), 0

    def level(self):
        if not self.script:
            raise asyncio.CancelledError
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self):
        self.closed += 1


class Watched:
    """A minder that is run to the end of its lines, half a second of its clock from look to look."""

    def __init__(self, *lines, contact=CONTACT):
        self.lines, self.told, self.slept, self.now = list(lines), [], [], 0.0
        self.troubles = []
        self.minder = TamperMinder(
            contact,
            tell=lambda kind, message: self.told.append((kind, message)),
            on_change=lambda: self.troubles.append(self.minder.trouble),
            open_contact=self.open,
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )

    def open(self, contact):
        step = self.lines.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def run(self):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(self.minder.run())
        return self


def test_each_opening_and_closing_is_told_once_and_in_between_nothing_is_to_be_believed():
    line = Line(True, False, False, False, False, True, True, True)
    watched = Watched(line).run()
    assert watched.told == [("tamper", "the case was opened"), ("tamper", "the case was closed")]
    assert watched.troubles == [OPEN, None]
    assert line.closed == 1


def test_a_case_that_is_open_at_the_start_is_told():
    assert Watched(Line(False, False, False)).run().told == [("tamper", "the case was opened")]


def test_a_contact_that_cannot_be_read_is_a_fault_until_it_can():
    gone = HardwareError("GPIO line 17 cannot be read", remedy="look")
    lost = Line(True, gone)
    watched = Watched(gone, gone, lost, Line(True)).run()
    told = f"the contact of the case cannot be read: {gone}"
    back = ("recovered", "the contact of the case can be read again")
    assert watched.told == [("fault", told), back, ("fault", told), back]
    assert watched.troubles == [told, None, told, None]
    assert lost.closed == 1
    assert watched.slept[:2] == [5.0, 10.0]


def test_a_case_that_was_open_when_its_contact_was_lost_stays_open():
    gone = HardwareError("GPIO line 17 cannot be read", remedy="look")
    watched = Watched(Line(False, False, gone), Line(False)).run()
    assert watched.minder.trouble == OPEN


def test_tries_become_rare():
    gone = HardwareError("gone", remedy="look")
    watched = Watched(*[gone] * 9, Line()).run()
    assert watched.slept == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert len(watched.told) == 1


def test_without_a_contact_nothing_is_watched():
    watched = Watched(contact=NoContact(driver="none"))
    asyncio.run(watched.minder.run())
    assert watched.minder.trouble is None
    assert watched.slept == []


def test_an_open_case_ends_the_session_and_takes_no_other_until_it_is_closed(tmp_path, broker, monkeypatch):
    class Case:
        closed = True

        def level(self):
            return self.closed

        def close(self): ...

    case = Case()
    monkeypatch.setattr(tamper_module, "open_configured", lambda contact: case)
    monkeypatch.setattr(tamper_module, "POLL_SECONDS", 0.01)
    site = configuration(tmp_path, broker.port, more="tamper: {driver: simulated, debounce_seconds: 0}")

    async def scenario():
        async with running(site, monkeypatch, camera=Endless([None] * 10_000_000)):
            monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
            events = asyncio.create_task(heard_until(broker, is_tamper))
            async with Requester(broker, TOPICS) as requester:
                started = await requester.start()
                case.closed = False
                (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
                assert heard.decision.attempt.error.code is ErrorCode.USER_CANCELED_SESSION
                assert OPEN in heard.decision.attempt.error.message
                assert (await heard_until(broker, is_state(TerminalState.DEGRADED)))[-1].content.reason == OPEN
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
                assert refused.value.code is CommandErrorCode.DEGRADED
                case.closed = True
                await heard_until(broker, is_state(TerminalState.READY))
            await events

    asyncio.run(scenario())


def is_tamper(content):
    return isinstance(content, DeviceEvent) and content.kind == "tamper"
