"""What a process may still write once it is bound. Each test binds a process of its own, for there is no way back."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from edge.terminal import landlock
from edge.terminal.landlock import LandlockUnavailableError, version

FIRST = """
import errno, os, pathlib, sqlite3, subprocess, sys, threading
from edge.terminal.landlock import Binding, LandlockUnavailableError, Writable, bind, version
inside, outside = map(pathlib.Path, sys.argv[1:3])

def refused(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        # Across folders: not to be moved, which is told as on two disks.
        return error.errno in {errno.EACCES, errno.EXDEV}
    return False
"""


@pytest.fixture(scope="module")
def needs_landlock():
    try:
        return version()
    except LandlockUnavailableError as why:
        pytest.skip(f"no Landlock: {why}")


@pytest.fixture
def run(needs_landlock, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        (folder / "below" / "empty").mkdir(parents=True)
        for name in ("old", "below/file", "below/gone"):
            (folder / name).write_text("old")

    def run(program, *arguments, **environment):
        command = [sys.executable, "-c", FIRST + textwrap.dedent(program), inside, outside, *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
        assert said.returncode == 0, said.stderr
        return said.stdout.splitlines()

    return run


# In this order each can be done where nothing is refused.
WRITING = """
def everything(folder):
    yield "write anew", (folder / "new").write_text, "new"
    yield "write over", (folder / "old").write_text, "shorter"
    yield "append", (folder / "old").open, "a"
    yield "truncate", os.truncate, folder / "old", 1
    yield "mkdir", (folder / "made").mkdir,
    yield "rmdir", (folder / "below" / "empty").rmdir,
    yield "symlink", (folder / "link").symlink_to, "anywhere"
    yield "hard link", (folder / "other name").hardlink_to, folder / "old"
    yield "pipe", os.mkfifo, folder / "pipe"
    yield "rename", (folder / "old").rename, folder / "renamed"
    yield "move", (folder / "below" / "file").rename, folder / "moved"
    yield "unlink", (folder / "below" / "gone").unlink,

bind(Writable((inside,)))
"""


def test_below_its_folders_a_bound_process_does_as_before(run):
    assert run(f"{WRITING}\nfor _, action, *given in everything(inside): action(*given)") == []


def test_elsewhere_it_writes_makes_moves_and_removes_nothing(run):
    free = run(f"""{WRITING}
for name, action, *given in everything(outside):
    if not refused(action, *given):
        print(name)
""")
    assert free == []


def test_it_moves_nothing_out_or_in_and_reads_what_it_likes(run):
    said = run("""
        bind(Writable((inside,)))
        print(refused((inside / "old").rename, outside / "taken"), refused((outside / "old").rename, inside / "taken"))
        print((outside / "old").read_text())
    """)
    assert said == ["True True", "old"]


def test_it_makes_no_device_anywhere(run):
    if os.geteuid() != 0:
        pytest.skip("only root might")
    assert run("""
        bind(Writable((inside,)))
        print([refused(os.mknod, folder / "node", 0o20600, os.makedev(1, 3)) for folder in (inside, outside)])
    """) == ["[True, True]"]


def test_what_is_below_a_node_can_be_written_and_no_more(run):
    assert run("""
        bind(Writable((inside,), (outside, pathlib.Path("/dev"))))
        (outside / "old").write_text("1")
        open("/dev/null", "w").write("1")
        print(refused((outside / "new").touch), refused((outside / "old").unlink))
    """) == ["True True"]


def test_threads_and_programs_that_it_starts_are_bound_too(run):
    assert run("""
        bind(Writable((inside,)))
        told = []
        thread = threading.Thread(target=lambda: told.append(refused((outside / "new").touch)))
        thread.start()
        thread.join()
        child = subprocess.run([sys.executable, "-c", f"open({str(outside / 'new')!r}, 'w')"], capture_output=True)
        print(*told, b"PermissionError" in child.stderr)
    """) == ["True True"]


def test_a_database_with_a_write_ahead_log_works(run):
    assert run("""
        bind(Writable((inside,)))
        database = sqlite3.connect(inside / "outbox.sqlite3")
        print(*database.execute("PRAGMA journal_mode=WAL").fetchone())
        with database:
            database.execute("CREATE TABLE kept (row BLOB)")
            database.executemany("INSERT INTO kept VALUES (?)", [(bytes(1000),)] * 3000)
        print(*database.execute("SELECT count(*) FROM kept").fetchone())
        database.close()
    """) == ["wal", "3000"]


def test_one_that_starts_itself_again_is_bound_once(run):
    # The kernel refuses the seventeenth layer.
    said = run(
        """
        count = int(sys.argv[3])
        binding = bind(Writable((inside,)))
        print(binding.value, refused((outside / "new").touch), flush=True)
        if count:
            os.execv(sys.executable, [*sys.orig_argv[:-1], str(count - 1)])
    """,
        "20",
    )
    assert said == ["now True", *["before True"] * 20]


def test_other_folders_than_before_exec_are_told(run):
    assert run(
        """
        if sys.argv[3] == "first":
            bind(Writable((inside,)))
            os.execv(sys.executable, [*sys.orig_argv[:-1], "again"])
        print(bind(Writable((outside,))).value, refused((outside / "new").touch))
    """,
        "first",
    ) == ["otherwise True"]


def test_the_mark_of_another_process_counts_for_nothing(run):
    said = run("print(bind(Writable((inside,))).value)", LIVEGATE_WRITES=f"{os.getpid()} 1 abcdef")
    assert said == ["now"]


def test_a_folder_that_is_missing_is_left_out(run):
    said = run("""
        bind(Writable((inside, outside / "missing")))
        print(refused((outside / "missing").mkdir))
    """)
    assert said == ["True"]


class Without:
    """A C library over a kernel without Landlock."""

    def syscall(self, *_):
        landlock.ctypes.set_errno(38)
        return -1


def test_a_system_without_it_is_told_in_words(monkeypatch):
    monkeypatch.setattr(landlock, "_libc", Without)
    with pytest.raises(LandlockUnavailableError, match="the kernel has none"):
        version()
    with pytest.raises(LandlockUnavailableError, match="the kernel has none"):
        landlock.bind(landlock.Writable(()))
    assert landlock.MARK not in os.environ


def test_the_daemon_writes_below_its_state_folder_and_needs_no_other_for_a_moment(run):
    assert run("""
        import tempfile
        from edge.config.settings import Settings
        from edge.terminal.confinement import confine
        camera = {"driver": "replay", "sources": ["pictures"]}
        confine(Settings.model_validate({"camera": camera, "state_directory": str(inside / "state")}))
        (inside / "state" / "kept").write_text("kept")
        with tempfile.TemporaryDirectory() as folder:
            print(refused((outside / "new").touch), refused((inside / "new").touch))
    """) == ["True True"]
