"""The life of a connection, without a clock, a socket or a loop: sequences of events and what each asks for."""

import random
from dataclasses import dataclass, field

import pytest

from edge.contracts.device import State
from edge.contracts.enums import TerminalState
from edge.link.backoff import FullJitter
from edge.link.causes import BrokerError, Cause
from edge.link.connection import (
    LEAVE_SECONDS,
    TRANSITIONS,
    Announce,
    Announced,
    Close,
    Closed,
    Connect,
    Connected,
    Connection,
    Effects,
    Event,
    Lost,
    Phase,
    Refused,
    RepublishRest,
    Serve,
    Started,
    StopWanted,
    TakeLeave,
    TellConnected,
    TellTrouble,
    TimePassed,
)

WILL = State(state=TerminalState.LOST, boot_count=7)
FAREWELL = State(state=TerminalState.DISCONNECTED, boot_count=7)


def trouble(what: str, cause: Cause = Cause.NETWORK) -> tuple[BrokerError, Cause]:
    return BrokerError(what, remedy="look", cause=cause), cause


DOWN = trouble("nothing listens")
ENDED = trouble("the broker ended the connection", Cause.ENDED)


@dataclass
class Told:
    """A machine whose dice always fall highest, with the time of its own."""

    spread: float = 2.0
    now: float = 100.0
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        backoff = FullJitter(lambda: 1.0, base=1.0, cap=60.0, stable_after=30.0)
        self.connection = Connection(backoff, boot_count=7, spread_seconds=self.spread)

    def __call__(self, *events: Event, after: float = 0.0) -> Effects:
        """What the last of the events asks for."""
        self.now += after
        effects: Effects = ()
        for event in events:
            effects = self.connection.handle(event, self.now)
        return effects

    def wait(self) -> tuple[float, Effects]:
        """Until the deadline: how long that took, and what it asks for."""
        waited = self.connection.deadline - self.now
        self.now = self.connection.deadline
        return waited, self(TimePassed())

    def serve(self) -> None:
        while self.connection.phase is not Phase.CONNECTING:
            self.wait() if self.connection.phase is Phase.BACKING_OFF else self(Started())
        self(Connected(), Announced())


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_connection_is_opened_with_the_will_of_this_boot_announced_and_served(told):
    assert told(Started()) == (Connect(WILL),)
    assert told(Connected()) == (Announce(),)
    assert told.connection.connections == 0
    assert told(Announced()) == (Serve(), TellConnected(), RepublishRest())
    assert (told.connection.phase, told.connection.connections, told.connection.trouble) == (Phase.SERVING, 1, None)


def test_what_is_retained_beside_the_state_is_spread_over_seconds_when_it_comes_back(told):
    told.serve()
    told(Lost(*ENDED))
    told.serve()
    assert told.wait() == (2.0, (RepublishRest(),))
    assert told.wait() == (28.0, ())
    assert told.connection.deadline is None


def test_a_thousand_terminals_that_come_back_do_not_publish_the_rest_at_once():
    moments = []
    for n in range(1000):
        connection = Connection(FullJitter(lambda n=n: n / 1000), boot_count=1)
        for event in (Started(), Connected(), Announced(), Lost(*ENDED)):
            connection.handle(event, -1.0)
        for event in (TimePassed(), Connected(), Announced()):
            connection.handle(event, 0.0)
        moments.append(connection.deadline)
    for tenth in range(20):
        assert sum(tenth / 10 <= moment < (tenth + 1) / 10 for moment in moments) == pytest.approx(50, abs=5)


def test_without_a_connection_it_waits_longer_each_time_up_to_the_cap_and_tells_it_once(told):
    told(Started())
    assert told(Refused(*DOWN)) == (TellTrouble(DOWN[0]),)
    assert told.connection.trouble is DOWN[0]
    waits = []
    for _ in range(8):
        waited, effects = told.wait()
        waits.append(waited)
        assert effects == (Connect(WILL),)
        assert told(Refused(*DOWN)) == ()
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_another_trouble_is_told(told):
    told(Started(), Refused(*DOWN))
    told.wait()
    other = trouble("the name is not known here")
    assert told(Refused(*other)) == (TellTrouble(other[0]),)


def test_nothing_is_tried_before_the_delay_is_over(told):
    told(Started(), Refused(*DOWN))
    assert told(TimePassed(), after=0.999) == ()
    assert told(TimePassed(), after=0.001) == (Connect(WILL),)


@pytest.mark.parametrize("held", [0.0, 29.9])
def test_a_broker_that_accepts_and_drops_at_once_is_not_hammered_and_fills_no_log(told, held):
    told.serve()
    assert told(Lost(*ENDED), after=held) == (TellTrouble(ENDED[0]),)
    waited, _ = told.wait()
    assert told(Connected(), Announced()) == (Serve(), TellConnected())
    assert told(Lost(*ENDED), after=held) == (TellTrouble(ENDED[0], again=True),)
    waits = [waited]
    for _ in range(6):
        waited, _ = told.wait()
        waits.append(waited)
        assert told(Connected(), Announced()) == (Serve(),)
        assert told.connection.trouble is None
        assert told(Lost(*ENDED), after=held) == ()
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]


def test_a_connection_that_holds_after_coming_and_going_is_told_and_the_next_trouble_too(told):
    for _ in range(3):
        told.serve()
        told(Lost(*ENDED))
    told.serve()
    assert told.wait() == (2.0, (RepublishRest(),))
    assert told.wait() == (28.0, (TellConnected(),))
    assert told(Lost(*ENDED), after=1.0) == (TellTrouble(ENDED[0]),)
    assert told.wait()[0] == 1.0


@pytest.mark.parametrize(
    "cause", [Cause.TAKEN_OVER, Cause.CREDENTIALS, Cause.ACCESS, Cause.TLS, Cause.REFUSED], ids=str
)
def test_what_a_person_must_mend_is_tried_slowly(told, cause):
    told(Started())
    waits = []
    for _ in range(4):
        told(Refused(*trouble("refused", cause)))
        waits.append(told.wait()[0])
    assert waits == [16.0, 32.0, 60.0, 60.0]


@pytest.mark.parametrize(
    "cause", [Cause.NETWORK, Cause.ENDED, Cause.BUSY, Cause.CERTIFICATE_NOT_YET_VALID, Cause.OWN_FILES, Cause.FAULT]
)
def test_what_mends_itself_is_tried_soon(told, cause):
    told(Started(), Refused(*trouble("for now", cause)))
    assert told.wait()[0] == 1.0


@pytest.mark.parametrize(
    ("cause", "dice", "most"),
    [
        (Cause.TAKEN_OVER, lambda: 0.0, 3600 / 30 + 4),
        # As mosquitto 2.0 does it: without a reason code. The delays have a mean of 30 s then.
        (Cause.ENDED, random.Random(7).random, 3600 / 30 * 1.3),
    ],
    ids=["told who took it, the dice fall lowest", "hung up on"],
)
def test_two_terminals_of_one_id_do_not_throw_each_other_out_at_full_speed(cause, dice, most):
    """Each takes the id from the other as soon as its delay is over, for an hour."""
    now, taken = 0.0, 0
    holder, other = (Connection(FullJitter(dice), boot_count=1) for _ in range(2))
    for event in (Started(), Connected(), Announced()):
        holder.handle(event, now)
    other.handle(Started(), now)
    while now < 3600.0:
        for event in (Connected(), Announced()):
            other.handle(event, now)
        holder.handle(Lost(*trouble("taken", cause)), now)
        taken += 1
        holder, other = other, holder
        while other.phase is Phase.BACKING_OFF:
            due = min((c for c in (holder, other) if c.deadline is not None), key=lambda c: c.deadline)
            now = max(now, due.deadline)
            due.handle(TimePassed(), now)
    assert taken <= most


@pytest.mark.parametrize(
    ("events", "asks", "then"),
    [
        ((), (), Phase.ENDED),
        ((Started(),), (Close(),), Phase.LEAVING),
        ((Started(), Refused(*DOWN)), (), Phase.ENDED),
        ((Started(), Connected()), (TakeLeave(FAREWELL),), Phase.LEAVING),
        ((Started(), Connected(), Announced()), (TakeLeave(FAREWELL),), Phase.LEAVING),
    ],
    ids=["before it began", "connecting", "backing off", "announcing", "serving"],
)
def test_stop_ends_it_from_wherever_it_is(told, events, asks, then):
    told(*events)
    assert told(StopWanted()) == asks
    assert told.connection.phase is then
    assert told(StopWanted()) == ()
    if then is Phase.LEAVING:
        assert told(Closed()) == ()
    assert (told.connection.phase, told.connection.deadline) == (Phase.ENDED, None)
    for event in (Started(), Connected(), Announced(), TimePassed(), StopWanted()):
        assert told(event) == ()


def test_what_was_still_to_be_published_is_before_the_farewell(told):
    told.serve()
    told(Lost(*ENDED))
    told.serve()
    assert told(StopWanted()) == (RepublishRest(), TakeLeave(FAREWELL))
    assert told.connection.deadline == told.now + LEAVE_SECONDS


def test_a_leave_that_takes_too_long_is_cut_short(told):
    told.serve()
    told(StopWanted())
    assert told(TimePassed(), after=LEAVE_SECONDS - 1) == ()
    assert told(TimePassed(), after=1.0) == (Close(),)
    assert told.connection.deadline is None
    told(Closed())
    assert told.connection.phase is Phase.ENDED


def test_a_connection_that_breaks_while_leaving_is_the_end_and_is_told(told):
    told.serve()
    told(StopWanted())
    assert told(Lost(*ENDED)) == (TellTrouble(ENDED[0]),)
    assert told.connection.phase is Phase.ENDED


def test_each_phase_but_the_last_can_be_left_and_each_can_be_reached():
    leads = {phase: {to for (where, _), t in TRANSITIONS.items() if where is phase for to in t.to} for phase in Phase}
    assert [phase for phase in Phase if not leads[phase]] == [Phase.ENDED]
    assert set().union(*leads.values()) == set(Phase) - {Phase.IDLE}


def test_a_handler_that_leads_where_the_table_does_not_fails(told, monkeypatch):
    monkeypatch.setattr(
        "edge.link.connection.TRANSITIONS",
        {(Phase.IDLE, Started): TRANSITIONS[Phase.IDLE, Started]._replace(to={})},
    )
    with pytest.raises(AssertionError, match="TRANSITIONS"):
        told(Started())
