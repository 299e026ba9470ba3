"""The state folder, looked at without a trace."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from edge.contracts.doctor import Verdict
from edge.errors import LinkError
from edge.link.files import claim
from edge.link.identity import Identity
from edge.link.outbox import Outbox
from edge.link.waiting import DAY, MAX_ROWS
from edge.terminal.doctor import state
from edge.terminal.doctor.context import Roots, User, context_of
from edge.terminal.doctor.daemon import daemon_pid, family
from edge.terminal.doctor.outbox import read_counts
from tests.terminal.doctor.conftest import NOW, written

HERE = User("here", os.geteuid(), frozenset())


def found(context):
    return {check.name.partition(".")[2]: check for check in state.checks(context)}


def snapshot(folder):
    return {
        str(file.relative_to(folder)): (file.lstat().st_mtime_ns, file.lstat().st_size, file.lstat().st_ino)
        for file in [folder, *folder.rglob("*")]
    }


@pytest.fixture
def used(tmp_path):
    """A state folder as a daemon leaves it."""
    folder = tmp_path / "state"
    Identity.open(folder, "terminal-1")
    with closing(Outbox(folder / "outbox.sqlite", wall_clock=lambda: NOW)) as outbox:
        outbox.add(b"{}")
    return folder


def test_a_folder_that_is_not_there_yet_is_no_trouble(context, tmp_path):
    checks = found(context(user=HERE))
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert not (tmp_path / "state").exists()


def test_a_used_folder_is_well_and_is_left_as_it_was(context, used):
    before = snapshot(used)
    checks = found(context(user=HERE))
    assert {check.verdict for check in checks.values()} == {Verdict.OK}, checks
    assert "1 of 2000 decisions wait" in checks["outbox"].seen
    assert "started 1 time" in checks["boot_count"].seen
    assert snapshot(used) == before


def test_the_outbox_of_a_running_daemon_is_read_and_left_as_it_was(used):
    with closing(Outbox(used / "outbox.sqlite")) as outbox:
        outbox.add(b"{}")
        assert (used / "outbox.sqlite-wal").stat().st_size > 0
        before = snapshot(used)
        assert read_counts(used / "outbox.sqlite").decisions == 2
        assert snapshot(used) == before
        outbox.add(b"{}")
        assert len(outbox) == 3


def test_what_a_killed_daemon_left_in_the_journal_counts(used, tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from edge.link.outbox import Outbox\n"
        "Outbox(Path(sys.argv[1])).add(b'{}'); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(used / "outbox.sqlite")], check=False, env=environment, timeout=60)
    before = snapshot(used)
    assert read_counts(used / "outbox.sqlite").decisions == 2
    assert snapshot(used) == before


def test_a_journal_without_an_index_is_not_guessed_at(used):
    with closing(Outbox(used / "outbox.sqlite")) as outbox:
        outbox.add(b"{}")
        copy = used.parent / "copy"
        copy.mkdir()
        for name in ("outbox.sqlite", "outbox.sqlite-wal"):
            (copy / name).write_bytes((used / name).read_bytes())
    with pytest.raises(LinkError, match="no index"):
        read_counts(copy / "outbox.sqlite")


def test_a_full_outbox_fails_and_a_filling_one_warns(context, used):
    with closing(sqlite3.connect(used / "outbox.sqlite")) as db:
        db.execute(
            "INSERT INTO decision (payload, created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {MAX_ROWS // 2}) SELECT x'00', {NOW} FROM n"
        )
        db.commit()
    assert found(context(user=HERE))["outbox"].verdict is Verdict.WARN
    with closing(sqlite3.connect(used / "outbox.sqlite")) as db:
        db.execute("INSERT INTO decision (payload, created_at) SELECT payload, created_at FROM decision")
        db.commit()
    assert found(context(user=HERE))["outbox"].verdict is Verdict.FAIL


def test_decisions_that_nobody_has_fetched_for_too_long_fail(context, used):
    check = found(context(user=HERE, wall=lambda: NOW + 8 * DAY))["outbox"]
    assert check.verdict is Verdict.FAIL
    assert "7 days" in check.seen


def test_the_sites_own_limits_of_the_outbox_count(context, used):
    assert found(context(user=HERE, link={"outbox": {"rows": 1}}))["outbox"].verdict is Verdict.FAIL


def test_a_damaged_outbox_fails(context, used):
    (used / "outbox.sqlite").write_bytes(b"nothing of a database" * 100)
    assert found(context(user=HERE))["outbox"].verdict is Verdict.FAIL


def test_outboxes_that_were_set_aside_are_told(context, used):
    (used / "outbox.sqlite.damaged-1").touch()
    assert found(context(user=HERE))["outbox"].verdict is Verdict.WARN


def test_a_key_that_others_may_read_fails(context, used):
    (used / "device-key.pem").chmod(0o640)
    assert found(context(user=HERE))["key"].verdict is Verdict.FAIL


def test_a_key_that_is_gone_is_told(context, used):
    (used / "device-key.pem").unlink()
    assert found(context(user=HERE))["key"].verdict is Verdict.WARN


def test_a_damaged_boot_count_fails(context, used):
    (used / "boot-count").write_text("many")
    assert found(context(user=HERE))["boot_count"].verdict is Verdict.FAIL


def test_a_folder_of_another_user_fails(context, used):
    check = found(context(user=User("livegate", os.geteuid() + 77, frozenset())))["folder"]
    assert check.verdict is Verdict.FAIL
    assert "livegate cannot use it" in check.seen


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away takes root")
def test_files_that_a_start_by_root_has_left_fail_by_name(context, used):
    os.chown(used, 4711, 4711)
    for file in used.iterdir():
        os.chown(file, 4711, 4711)
    assert found(context())["folder"].verdict is Verdict.OK
    os.chown(used / "boot-count", 0, 0)
    check = found(context())["folder"]
    assert check.verdict is Verdict.FAIL
    assert "boot-count" in check.seen


def test_a_folder_that_others_may_look_into_is_told(context, used):
    used.chmod(0o755)
    assert found(context(user=HERE))["folder"].verdict is Verdict.WARN


def test_a_daemon_is_seen_by_its_lock_without_touching_it(site, used):
    context = context_of(site())
    assert daemon_pid(context) is None
    handle = claim(used)
    try:
        assert daemon_pid(context) == os.getpid()
    finally:
        os.close(handle)
    assert daemon_pid(context) is None


def test_other_locks_are_no_daemon(context, roots, used):
    inode = used.stat().st_ino
    device = f"{os.major(used.stat().st_dev):02x}:{os.minor(used.stat().st_dev):02x}"
    written(
        roots.proc / "locks",
        f"1: POSIX  ADVISORY  WRITE 11 {device}:{inode} 0 EOF\n"
        f"2: FLOCK  ADVISORY  WRITE 12 {device}:{inode + 1} 0 EOF\n"
        f"2: -> FLOCK  ADVISORY  WRITE 13 {device}:{inode} 0 EOF\n"
        f"3: FLOCK  ADVISORY  WRITE 14 ff:ff:{inode} 0 EOF\n"
        "nonsense\n",
    )
    assert daemon_pid(context()) is None
    written(roots.proc / "14/cmdline", "/opt/livegate/bin/livegate\0run\0")
    assert daemon_pid(context()) == 14


def test_children_are_of_the_family(roots):
    written(roots.proc / "20/stat", "20 (a (b) c) S 1 20 20\n")
    written(roots.proc / "21/stat", "21 (python3) S 20 20 20\n")
    written(roots.proc / "22/stat", "22 (python3) S 21 20 20\n")
    assert family(roots, 20) == [20, 21]


def test_the_real_proc_is_readable():
    assert (Roots().proc / "locks").read_text() is not None
