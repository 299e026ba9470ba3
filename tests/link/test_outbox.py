import sqlite3
import stat
import threading

import pytest

from edge.errors import LinkError
from edge.link.outbox import KEPT_DAMAGED, LAYOUT, Outbox, Remembered
from edge.link.waiting import Limits


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "outbox.db"


@pytest.fixture
def open_outbox(path):
    """Opens the one file as often as asked; the last opening is closed at the end."""
    opened: list[Outbox] = []

    def open_again(**options) -> Outbox:
        for outbox in opened:
            outbox.close()
        opened.append(Outbox(path, **options))
        return opened[-1]

    yield open_again
    opened[-1].close()


def drain(outbox: Outbox) -> list[bytes]:
    payloads = []
    while row := outbox.oldest():
        payloads.append(row.payload)
        outbox.remove(row.id)
    return payloads


def test_decisions_come_out_in_the_order_they_went_in(open_outbox):
    outbox = open_outbox()
    for n in range(20):
        outbox.add(b"%d" % n)
    assert drain(outbox) == [b"%d" % n for n in range(20)]
    assert outbox.oldest() is None


def test_reading_removes_nothing(open_outbox):
    outbox = open_outbox()
    outbox.add(b"a")
    assert outbox.oldest() == outbox.oldest()
    assert len(outbox) == 1


def test_what_was_stored_survives_a_restart_in_order(open_outbox):
    outbox = open_outbox()
    for payload in (b"a", b"b", b"c"):
        outbox.add(payload)
    outbox.remove(outbox.oldest().id)
    again = open_outbox()
    assert len(again) == 2
    again.add(b"d")
    assert drain(again) == [b"b", b"c", b"d"]


def test_a_row_is_on_disk_before_add_returns(open_outbox, path):
    outbox = open_outbox()
    outbox.add(b"a")
    other = sqlite3.connect(path)
    try:
        assert other.execute("SELECT payload FROM decision").fetchall() == [(b"a",)]
    finally:
        other.close()


def test_writes_are_synchronous_and_logged_ahead(open_outbox):
    outbox = open_outbox()
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_few_pages_are_kept_in_memory_however_many_ids_are_remembered(open_outbox):
    outbox = open_outbox()
    # Negative: KiB (https://sqlite.org/pragma.html#pragma_cache_size).
    assert -128 <= outbox._db.execute("PRAGMA cache_size").fetchone()[0] < 0


def test_removing_twice_removes_nothing_else(open_outbox):
    outbox = open_outbox()
    first = outbox.add(b"a")
    outbox.add(b"b")
    outbox.remove(first)
    outbox.remove(first)
    assert drain(outbox) == [b"b"]


def test_a_full_outbox_says_so_and_still_loses_nothing(open_outbox):
    outbox = open_outbox(limits=Limits(rows=2))
    outbox.add(b"a")
    assert not outbox.full
    outbox.add(b"b")
    assert outbox.full
    outbox.add(b"c")
    assert open_outbox(limits=Limits(rows=2)).full
    outbox = open_outbox(limits=Limits(rows=2))
    assert drain(outbox) == [b"a", b"b", b"c"]
    assert not outbox.full


def test_only_the_daemons_user_may_read_it(open_outbox, path):
    open_outbox().add(b"a")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_many_threads_may_use_it(open_outbox):
    outbox = open_outbox()
    threads = [threading.Thread(target=lambda: [outbox.add(b"x") for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outbox) == len(drain(outbox)) == 40


@pytest.mark.parametrize(
    "content", [b"this is no database, but it is long enough to be one" * 40, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(open_outbox, path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    outbox = open_outbox()
    (aside,) = outbox.take_set_aside()
    assert aside.read_bytes() == content
    assert outbox.take_set_aside() == []
    outbox.add(b"a")
    assert drain(open_outbox()) == [b"a"]


def test_a_file_damaged_inside_is_found_at_the_next_start(open_outbox, path):
    outbox = open_outbox()
    for _ in range(50):
        outbox.add(b"x" * 3000)
    outbox.close()
    content = bytearray(path.read_bytes())
    content[4096:20480] = b"\xa5" * 16384
    path.write_bytes(content)
    outbox = open_outbox()
    assert len(outbox.take_set_aside()) == 1
    assert len(outbox) == 0


def test_a_file_damaged_while_it_is_open_is_set_aside_and_the_decision_stored(open_outbox, path):
    outbox = open_outbox()
    outbox.add(b"before")
    outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Another connection's writes make this one read its pages anew.
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)
    path.write_bytes(content)
    outbox._db.execute("PRAGMA shrink_memory")
    outbox.add(b"after")
    assert len(outbox.take_set_aside()) == 1
    assert drain(outbox) == [b"after"]


def test_a_failing_disk_is_not_filled_with_damaged_files(open_outbox, path):
    path.parent.mkdir()
    for _ in range(KEPT_DAMAGED + 3):
        path.write_bytes(b"no database at all" * 100)
        outbox = open_outbox()
        outbox.close()
    assert len(list(path.parent.glob("*.damaged-*"))) <= KEPT_DAMAGED


def test_a_newer_versions_file_is_refused_and_left_alone(open_outbox, path):
    outbox = open_outbox()
    outbox.add(b"a")
    outbox._db.execute("PRAGMA user_version=9")
    outbox.close()
    with pytest.raises(LinkError, match="newer version"):
        Outbox(path)
    repaired = sqlite3.connect(path)
    repaired.execute(f"PRAGMA user_version={LAYOUT}")
    repaired.close()
    assert drain(open_outbox()) == [b"a"]


def test_a_folder_in_its_place_is_named(tmp_path):
    with pytest.raises(LinkError, match="cannot be used"):
        Outbox(tmp_path)


def test_a_disk_without_room_is_told_and_what_was_stored_stays(open_outbox):
    outbox = open_outbox()
    outbox.add(b"a")
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LinkError, match="full") as refusal:
        outbox.add(b"x" * 1_000_000)
    assert "no session should start" in refusal.value.remedy
    assert len(outbox) == 1
    assert drain(open_outbox()) == [b"a"]


def test_a_command_id_is_new_once(open_outbox):
    assert open_outbox().remember_command("command-1", 100.0, 50.0) is Remembered.NEW
    assert open_outbox().remember_command("command-1", 100.0, 50.0) is Remembered.KNOWN


def test_an_expired_id_is_remembered_while_there_is_place(open_outbox):
    outbox = open_outbox()
    outbox.remember_command("command-1", 100.0, 50.0)
    assert outbox.remember_command("command-1", 100.0, 5000.0) is Remembered.KNOWN


def test_expired_ids_make_place_and_unexpired_ones_do_not(open_outbox):
    outbox = open_outbox(max_command_ids=4)
    for n in range(4):
        assert outbox.remember_command(f"command-{n}", 100.0, 50.0) is Remembered.NEW
    assert outbox.remember_command("command-4", 100.0, 50.0) is Remembered.NO_PLACE
    assert outbox.remember_command("command-4", 300.0, 200.0) is Remembered.NEW
    assert outbox.remember_command("command-3", 100.0, 50.0) is Remembered.KNOWN


def test_an_outbox_with_ids_only_delivers_nothing(open_outbox):
    outbox = open_outbox()
    outbox.remember_command("command-1", 100.0, 50.0)
    assert outbox.oldest() is None
