"""Whatever happens in whatever order, and however time goes on, these hold."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.link.backoff import FullJitter
from edge.link.causes import BrokerError, Cause
from edge.link.connection import (
    LEAVE_SECONDS,
    Announce,
    Announced,
    Close,
    Closed,
    Connect,
    Connected,
    Connection,
    Lost,
    Phase,
    Refused,
    RepublishRest,
    Serve,
    Started,
    StopWanted,
    TakeLeave,
    TellTrouble,
    TimePassed,
)

CAP = 20.0
STABLE_AFTER = 5.0
troubles = st.builds(
    lambda what, cause: (BrokerError(what, remedy="look", cause=cause), cause),
    st.sampled_from("ab"),
    st.sampled_from(Cause),
)


class AnyOrder(RuleBasedStateMachine):
    """A driver that carries effects out honestly, a world that does what it likes, and a caller who may stop."""

    def __init__(self) -> None:
        super().__init__()
        self.draw = 0.5
        self.backoff = FullJitter(lambda: self.draw, base=0.5, cap=CAP, stable_after=STABLE_AFTER)
        self.connection = Connection(self.backoff, boot_count=3)
        self.now = 0.0
        self.open = False
        self.stopped = False
        self.served_since: float | None = None
        self.failures_without_reset = 0
        self.last_told: str | None = None
        self.rest_published = True
        self.announced = 0

    def tell(self, event) -> None:
        before = self.connection.phase
        effects = self.connection.handle(event, self.now)
        if before is not Phase.SERVING and self.connection.phase is Phase.SERVING:
            self.announced += 1
            self.rest_published = False
            self.served_since = self.now
        for effect in effects:
            match effect:
                case Connect(will):
                    assert not self.open, "two connections at once"
                    assert not self.stopped, "connects after stop"
                    assert will.boot_count == 3
                    self.open = True
                case Announce() | Serve() | TakeLeave() | Close():
                    assert self.open
                case RepublishRest():
                    assert self.open
                    assert not self.rest_published, "published twice on one connection"
                    self.rest_published = True
                case TellTrouble(trouble, again):
                    assert again or str(trouble) != self.last_told, "told twice"
                    self.last_told = str(trouble)

    @rule(event=st.sampled_from([Started(), TimePassed()]))
    def something_that_may_come_at_any_time(self, event):
        self.tell(event)

    @rule(event=st.sampled_from([Connected(), Announced()]))
    @precondition(lambda self: self.open)
    def the_broker_answers(self, event):
        self.tell(event)

    @rule(trouble=troubles, draw=st.floats(0, 1))
    @precondition(lambda self: self.open)
    def the_connection_ends_by_itself(self, trouble, draw):
        self.draw = draw
        phase = self.connection.phase
        failures = self.backoff._failures
        held = self.now - self.served_since if phase is Phase.SERVING else None
        if held is not None and held >= STABLE_AFTER:
            self.last_told = None
        self.open = False
        self.tell(Refused(*trouble) if phase in {Phase.CONNECTING, Phase.ANNOUNCING} else Lost(*trouble))
        if phase is Phase.LEAVING:
            assert self.connection.phase is Phase.ENDED
            return
        assert self.connection.phase is Phase.BACKING_OFF, "it tries again after any trouble"
        assert self.now <= self.connection.deadline <= self.now + CAP
        assert self.connection.trouble is trouble[0]
        if held is None or held < STABLE_AFTER:
            assert self.backoff._failures == failures + 1, "brought down without a connection that held"

    @rule()
    @precondition(lambda self: self.open and self.connection.phase is Phase.LEAVING)
    def the_connection_closes_as_asked(self):
        self.open = False
        self.tell(Closed())
        assert self.connection.phase is Phase.ENDED

    @rule()
    def the_terminal_stops(self):
        self.stopped = True
        self.tell(StopWanted())
        assert self.connection.phase in {Phase.LEAVING, Phase.ENDED}

    @rule(seconds=st.floats(0, 100))
    def time_goes_on(self, seconds):
        self.now += seconds

    @rule()
    @precondition(lambda self: self.connection.deadline is not None)
    def the_deadline_comes(self):
        self.now = max(self.now, self.connection.deadline)
        phase = self.connection.phase
        if phase is Phase.SERVING and self.now - self.served_since >= STABLE_AFTER:
            self.last_told = None
        self.tell(TimePassed())
        assert self.connection.deadline is None or self.connection.deadline > self.now or phase is not Phase.BACKING_OFF
        if phase is Phase.BACKING_OFF:
            assert self.connection.phase is Phase.CONNECTING

    @invariant()
    def it_counts_what_was_announced(self):
        assert self.connection.connections == self.announced

    @invariant()
    def nothing_is_open_when_it_waits_or_has_ended(self):
        if self.connection.phase in {Phase.IDLE, Phase.BACKING_OFF, Phase.ENDED}:
            assert not self.open

    @invariant()
    def there_is_trouble_or_a_connection_or_hope(self):
        if self.connection.phase is Phase.SERVING:
            assert self.connection.trouble is None
        if self.connection.phase is Phase.BACKING_OFF:
            assert self.connection.trouble is not None

    def teardown(self):
        """Stop always ends, within the time that a leave may take."""
        self.stopped = True
        self.tell(StopWanted())
        begun = self.now
        while self.connection.phase is not Phase.ENDED and self.connection.deadline is not None:
            self.now = max(self.now, self.connection.deadline)
            self.tell(TimePassed())
        assert self.now <= begun + LEAVE_SECONDS
        if self.open:
            self.open = False
            self.tell(Closed())
        assert self.connection.phase is Phase.ENDED
        assert self.connection.deadline is None


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
