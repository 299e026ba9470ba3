"""What the disk still holds of a decision that was delivered: docs/privacy.md tells it."""

import pytest

from edge.link.outbox import Outbox

MARK = b"somebody-was-here-"
LARGE = bytes(128 * 1024)
# Of SQLite by default (wal_autocheckpoint): 1000 pages, and what one transaction goes beyond them.
MOST_OF_A_JOURNAL = 5 * 2**20


def holding(folder):
    """Names of the files with the mark in them."""
    return {path.name for path in folder.iterdir() if MARK in path.read_bytes()}


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield outbox
    outbox.close()


def test_a_stop_in_order_leaves_nothing_of_what_was_delivered(outbox, tmp_path):
    outbox.remove(outbox.add(MARK * 100))
    assert holding(tmp_path) == {"outbox.sqlite-wal"}
    outbox.close()
    assert holding(tmp_path) == set()
    assert not (tmp_path / "outbox.sqlite-wal").exists()


def test_the_journal_of_one_that_runs_on_is_written_over_from_its_beginning(outbox, tmp_path):
    outbox.remove(outbox.add(MARK * 100))
    for _ in range(40):
        outbox.remove(outbox.add(LARGE))
    assert holding(tmp_path) == set()
    assert (tmp_path / "outbox.sqlite-wal").stat().st_size < MOST_OF_A_JOURNAL


def test_of_one_that_was_killed_the_next_stop_in_order_leaves_nothing(tmp_path):
    killed = Outbox(tmp_path / "outbox.sqlite")
    killed.remove(killed.add(MARK * 100))
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    killed.close()
    after = tmp_path / "after"
    after.mkdir()
    for name, content in left.items():
        (after / name).write_bytes(content)
    assert holding(after) == {"outbox.sqlite-wal"}
    Outbox(after / "outbox.sqlite").close()
    assert holding(after) == set()
