"""What may wait, how long it has waited by clocks that are set, and files that an earlier version wrote."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.outbox import LAYOUT, Outbox, Remembered
from edge.link.waiting import DAY, STEP_SECONDS, Limits

ROOMY = Limits()
START = 1_800_000_000.0
LAYOUT_1 = """
CREATE TABLE decision (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL);
CREATE TABLE command (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, expires_at REAL NOT NULL);
INSERT INTO decision (payload) VALUES (x'00'), (x'01'), (x'02');
DELETE FROM decision WHERE payload = x'00';
INSERT INTO command (id, expires_at) VALUES ('command-1', 100.0), ('command-2', 200.0);
"""


class Clocks:
    """A wall clock that may be set, and one that only goes on."""

    def __init__(self):
        self.wall = START
        self.monotonic = 7.0

    def pass_(self, seconds):
        self.wall += seconds
        self.monotonic += seconds

    def set(self, by):
        self.wall += by

    def outbox(self, path, limits=ROOMY):
        return Outbox(path, limits, wall_clock=lambda: self.wall, monotonic=lambda: self.monotonic)


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.sqlite"


def test_bytes_fill_it_and_deliveries_make_room(clocks, path):
    with closing(clocks.outbox(path, Limits(bytes=2**20))) as outbox:
        first = outbox.add(b"x" * (2**20 - 1))
        assert not outbox.full
        second = outbox.add(b"y")
        assert "1 MiB" in outbox.why_full
        outbox.remove(second)
        assert not outbox.full
        outbox.remove(first)
        assert (len(outbox), outbox.waiting_bytes, outbox.oldest_age()) == (0, 0, None)


def test_age_fills_it_and_the_next_oldest_counts(clocks, path):
    with closing(clocks.outbox(path, Limits(age=2 * DAY))) as outbox:
        first = outbox.add(b"a")
        clocks.pass_(DAY)
        outbox.add(b"b")
        assert not outbox.full
        clocks.pass_(DAY)
        assert "2 days" in outbox.why_full
        outbox.remove(first)
        assert not outbox.full
        assert outbox.oldest_age() == DAY


def test_rows_are_told_with_their_limit(clocks, path):
    with closing(clocks.outbox(path, Limits(rows=1))) as outbox:
        outbox.add(b"a")
        assert outbox.why_full == "the outbox is full: 1 decisions or more wait"


def test_health_tells_what_waits(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        assert outbox.health().to_json() == b'{"waiting":0,"waitingBytes":0,"full":false}'
        outbox.add(b"four")
        clocks.pass_(5)
        assert outbox.health().to_json() == b'{"waiting":1,"waitingBytes":4,"oldestSeconds":5.0,"full":false}'


def test_what_waits_is_counted_again_at_the_next_start(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        outbox.add(b"four")
        outbox.add(b"three")
    clocks.pass_(3 * DAY)
    with closing(clocks.outbox(path)) as outbox:
        assert (len(outbox), outbox.waiting_bytes, outbox.oldest_age()) == (2, 9, 3 * DAY)


@pytest.mark.parametrize("by", [56 * 365 * DAY, -56 * 365 * DAY, STEP_SECONDS, -STEP_SECONDS])
def test_a_clock_that_is_set_makes_nothing_older_or_younger(clocks, path, by):
    with closing(clocks.outbox(path)) as outbox:
        outbox.add(b"a")
        clocks.pass_(100)
        clocks.set(by)
        assert outbox.oldest_age() == pytest.approx(100)
        assert not outbox.full
        newer = outbox.add(b"b")
        assert outbox.oldest_age() == pytest.approx(100)
        clocks.pass_(100)
    with closing(clocks.outbox(path)) as outbox:
        assert outbox.oldest_age() == pytest.approx(200)
        outbox.remove(outbox.oldest().id)
        assert outbox.oldest().id == newer
        assert outbox.oldest_age() == pytest.approx(100)


def test_rows_of_a_clock_that_was_ahead_are_as_old_as_this_start(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        outbox.add(b"a")
    clocks.set(-30 * DAY)
    with closing(clocks.outbox(path)) as outbox:
        assert outbox.oldest_age() == 0.0
        clocks.pass_(DAY)
        clocks.set(30 * DAY)
        assert outbox.oldest_age() == pytest.approx(DAY)


# Each step is on disk before it counts.
@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0, 3 * DAY)),
            st.tuples(st.just("set"), st.floats(-(10**9), 10**9)),
            st.tuples(st.just("add"), st.integers(0, 3)),
            st.tuples(st.just("remove"), st.just(0)),
        ),
        max_size=12,
    )
)
def test_counts_are_exact_and_an_age_is_the_time_that_passed(tmp_path_factory, steps):
    clocks, path = Clocks(), tmp_path_factory.mktemp("ages") / "outbox.sqlite"
    waiting: list[tuple[int, float]] = []
    with closing(clocks.outbox(path)) as outbox:
        for what, how_much in steps:
            match what:
                case "pass":
                    clocks.pass_(how_much)
                case "set":
                    clocks.set(how_much)
                case "add":
                    outbox.add(b"x" * how_much)
                    waiting.append((how_much, clocks.monotonic))
                case "remove" if row := outbox.oldest():
                    outbox.remove(row.id)
                    waiting.pop(0)
            assert len(outbox) == len(waiting)
            assert outbox.waiting_bytes == sum(size for size, _ in waiting)
            expected = clocks.monotonic - waiting[0][1] if waiting else None
            assert outbox.oldest_age() == (None if expected is None else pytest.approx(expected, abs=0.01))


def test_a_late_removal_takes_no_other_decision_away(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        row = outbox.add(b"a")
        outbox.remove(row)
        outbox.add(b"b")
        outbox.remove(row)
        assert outbox.oldest().payload == b"b"


def test_a_decision_and_a_command_are_synced_and_a_removal_is_not(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        said: list[str] = []
        outbox._db.set_trace_callback(said.append)
        row = outbox.add(b"a")
        outbox.remember_command("command-1", START + 60, START)
        assert not any("synchronous" in each for each in said)
        outbox.remove(row)
        settings = [each for each in said if "synchronous" in each or each == "COMMIT"]
        assert settings[-3:] == ["PRAGMA synchronous=NORMAL", "COMMIT", "PRAGMA synchronous=FULL"]
        assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_removal_that_fails_leaves_the_next_decision_synced(clocks, path):
    with closing(clocks.outbox(path)) as outbox:
        outbox._db.execute("DROP TABLE decision")
        with pytest.raises(Exception, match="no such table"):
            outbox.remove(1)
        assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_earlier_versions_rows_and_commands_are_kept(clocks, path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LAYOUT_1 + "PRAGMA user_version=1;")
    with closing(clocks.outbox(path)) as outbox:
        assert outbox.take_set_aside() == []
        assert (len(outbox), outbox.oldest_age()) == (2, 0.0)
        assert outbox.remember_command("command-2", 100.0, 50.0) is Remembered.KNOWN
        assert outbox.add(b"\3") == 4
    with closing(clocks.outbox(path)) as outbox:
        payloads = []
        while row := outbox.oldest():
            payloads.append(row.payload)
            outbox.remove(row.id)
        assert payloads == [b"\1", b"\2", b"\3"]
        assert outbox._db.execute("PRAGMA user_version").fetchone() == (LAYOUT,)


def test_an_earlier_versions_start_that_was_killed_half_way_is_taken_on(clocks, path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LAYOUT_1)
    with closing(clocks.outbox(path)) as outbox:
        assert len(outbox) == 2


def test_a_move_to_the_new_layout_that_fails_changes_nothing(clocks, path, monkeypatch):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LAYOUT_1 + "PRAGMA user_version=1;")
    with monkeypatch.context() as patched:
        patched.setattr("edge.link.outbox._TABLES", ("CREATE TABLE decision (id INTEGER)", "CREATE nonsense"))
        with pytest.raises(Exception, match="cannot be used"):
            clocks.outbox(path)
    with closing(clocks.outbox(path)) as outbox:
        assert len(outbox) == 2
