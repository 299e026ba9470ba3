"""Damage of every file of an outbox, and disks without room."""

import os
import resource
import shutil
import subprocess
import sys
import textwrap
from contextlib import closing, suppress

import pytest

from edge.errors import LinkError
from edge.link.outbox import Outbox

PAGE = 4096
FRAME = 24 + PAGE


def drain(outbox):
    payloads = []
    while row := outbox.oldest():
        payloads.append(row.payload)
        outbox.remove(row.id)
    return payloads


@pytest.fixture
def killed(tmp_path):
    """The files of an outbox whose process was killed: three decisions, all of them in the journal alone."""
    living = tmp_path / "living"
    with closing(Outbox(living / "outbox.sqlite")) as outbox:
        outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for payload in (b"a", b"b", b"c"):
            outbox.add(payload)
        shutil.copytree(living, tmp_path / "killed")
    return tmp_path / "killed" / "outbox.sqlite"


def damage(file, at, content):
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(content)


def journal_of(path):
    return path.with_name("outbox.sqlite-wal")


def test_what_a_killed_process_stored_is_there(killed):
    assert journal_of(killed).stat().st_size > 0
    with closing(Outbox(killed)) as outbox:
        assert outbox.take_set_aside() == []
        assert drain(outbox) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("content", [b"", b"\xa5" * 32768, b"\x00" * 32768])
def test_a_damaged_index_of_the_journal_costs_nothing(killed, content):
    killed.with_name("outbox.sqlite-shm").write_bytes(content)
    with closing(Outbox(killed)) as outbox:
        assert outbox.take_set_aside() == []
        assert drain(outbox) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("content", [b"\xa5" * 32, b"\x00" * 32, b"\x37\x7f\x06\x82"])
def test_a_journal_that_sqlite_would_take_for_empty_is_kept_and_told(killed, content):
    damage(journal_of(killed), 0 if len(content) == 32 else 8, content)
    damaged = journal_of(killed).read_bytes()
    with closing(Outbox(killed)) as outbox:
        (aside,) = outbox.take_set_aside()
        assert aside.with_name(f"{aside.name}-wal").read_bytes() == damaged
        assert drain(outbox) == []
        outbox.add(b"d")
    with closing(Outbox(killed)) as outbox:
        assert outbox.take_set_aside() == []
        assert drain(outbox) == [b"d"]


def test_a_journal_that_is_damaged_inside_is_kept_and_told_and_its_beginning_counts(killed):
    frames = (journal_of(killed).stat().st_size - 32) // FRAME
    per_decision = frames // 3
    assert frames == 3 * per_decision
    damage(journal_of(killed), 32 + per_decision * FRAME + 100, b"\xa5" * 64)
    damaged = journal_of(killed).read_bytes()
    with closing(Outbox(killed)) as outbox:
        (aside,) = outbox.take_set_aside()
        assert aside.with_name(f"{aside.name}-wal").read_bytes() == damaged
        assert drain(outbox) == [b"a"]


def test_a_transaction_that_was_cut_off_by_a_kill_is_no_damage(killed):
    damage(journal_of(killed), journal_of(killed).stat().st_size - 64, b"\xa5" * 64)
    with closing(Outbox(killed)) as outbox:
        assert outbox.take_set_aside() == []
        assert drain(outbox) == [b"a", b"b"]


@pytest.mark.parametrize("left", [0, 20, 32, 40, 32 + FRAME - 1])
def test_a_journal_that_was_cut_short_leaves_a_usable_outbox(killed, left):
    os.truncate(journal_of(killed), left)
    with closing(Outbox(killed)) as outbox:
        assert drain(outbox) in ([], [b"a"])
        outbox.add(b"d")
        assert drain(outbox) == [b"d"]


@pytest.mark.parametrize("left", [1, 50, 100, PAGE - 1, PAGE, PAGE + 1])
def test_a_file_that_was_cut_short_is_set_aside(tmp_path, left):
    path = tmp_path / "outbox.sqlite"
    with closing(Outbox(path)) as outbox:
        for _ in range(20):
            outbox.add(b"x" * 3000)
    os.truncate(path, left)
    with closing(Outbox(path)) as outbox:
        assert len(outbox.take_set_aside()) == 1
        assert len(outbox) == 0
        outbox.add(b"d")
        assert drain(outbox) == [b"d"]


FILLS = """
    import resource, sys
    from pathlib import Path
    from edge.errors import LinkError
    from edge.link.outbox import Outbox

    path = Path(sys.argv[1])
    outbox = Outbox(path)
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    stored = 0
    try:
        while stored < 1000:
            outbox.add(b"%04d" % stored * 500)
            stored += 1
    except LinkError as error:
        assert outbox.trouble == error.what
        assert outbox.oldest() is not None
        assert outbox.trouble == error.what, "reading says nothing of writing"
        assert len(outbox) == stored
        print(stored, error.what)
    sys.stdout.flush()
    import os
    os._exit(0)
"""


def fill(path, *limit):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FILLS), str(path), *map(str, limit)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    stored, _, error = done.stdout.partition(" ")
    assert "cannot be used" in error, done
    return int(stored)


def all_there(path, stored):
    with closing(Outbox(path)) as outbox:
        assert outbox.take_set_aside() == []
        assert drain(outbox) == [b"%04d" % n * 500 for n in range(stored)]
        outbox.add(b"room again")
        assert outbox.trouble is None


def test_a_file_that_may_not_grow_loses_nothing_of_what_was_stored(tmp_path):
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] not in (resource.RLIM_INFINITY,):
        pytest.skip("files may not grow here anyway")
    path = tmp_path / "outbox.sqlite"
    stored = fill(path, 300_000)
    assert stored > 10
    all_there(path, stored)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_full_disk_loses_nothing_of_what_was_stored(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        stored = fill(small / "outbox.sqlite")
        assert stored > 10
        shutil.copytree(small, tmp_path / "roomy")
    finally:
        subprocess.run(["umount", str(small)], check=True)
    all_there(tmp_path / "roomy" / "outbox.sqlite", stored)


def test_a_damaged_journal_that_cannot_be_kept_is_not_thrown_away(killed, monkeypatch):
    damage(journal_of(killed), 0, b"\xa5" * 32)

    def no_room(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("edge.link.outbox.shutil.copy", no_room)
        with pytest.raises(LinkError, match="No space"):
            Outbox(killed)
    with closing(Outbox(killed)) as outbox:
        assert len(outbox.take_set_aside()) == 1
    with suppress(FileNotFoundError):
        assert journal_of(killed).stat().st_size == 0
