from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.proof.strace import ARGUMENTS, Call, End, read, unescape

LINES = r"""
100  1000.5 openat(AT_FDCWD</srv>, "state/\x62\xff", O_WRONLY|O_CREAT|O_CLOEXEC, 0600) = 3</srv/state/\x62\xff>
100  1000.6 write(3</srv/state/\x62\xff>, "a \"quoted\" line\n", 16) = 16
101  1000.7 writev(4<pipe:[7]>, [{iov_base="\xff\xd8", iov_len=2}, {iov_base="<...", iov_len=4}], 2 <unfinished ...>
100  1000.8 openat(AT_FDCWD</srv>, "missing", O_RDONLY) = -1 ENOENT (No such file or directory)
100  1000.8 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---
101  1000.9 <... writev resumed>)             = 5
100  1001.0 sendmsg(5<UNIX:[9]>, {msg_name={sa_family=AF_UNIX, sun_path="/n"}, msg_iov=[{iov_base="READY=1"}]}, 0) = 7
100  1001.1 sendto(6<TCP:[127.0.0.1:41000->127.0.0.1:1883]>, "abcdef", 6, 0, NULL, 0) = 4
100  1001.2 memfd_create("cache", MFD_CLOEXEC) = 7</memfd:cache>(deleted)
101  1001.3 write(2</srv/log>, "the last", 8 <unfinished ...>
101  1001.4 +++ killed by SIGSEGV (core dumped) +++
100  1001.5 +++ exited with 0 +++
""".strip().split("\n")


def events():
    return list(read(LINES))


def test_calls_that_others_interrupt_are_put_together():
    writev = next(event for event in events() if isinstance(event, Call) and event.name == "writev")
    assert (writev.pid, writev.at, writev.target) == (101, 1000.7, "pipe:[7]")
    assert writev.content == b"\xff\xd8<.."


def test_paths_and_contents_come_as_bytes_whatever_strace_escapes():
    opened, written, *_ = events()
    assert opened.strings == [b"state/b\xff"]
    assert opened.opened == written.target == "/srv/state/b�"
    assert written.content == b'a "quoted" line\n'


def test_a_call_that_failed_did_nothing():
    assert [event.failed for event in events() if isinstance(event, Call) and event.name == "openat"] == [False, True]


def test_of_what_was_sent_the_receivers_name_is_no_part():
    message = next(event for event in events() if event.name == "sendmsg")
    assert message.addressed
    assert message.content == b"READY=1"


def test_what_a_socket_did_not_take_was_not_sent():
    sent = next(event for event in events() if isinstance(event, Call) and event.name == "sendto")
    assert (sent.target, sent.content) == ("TCP:[127.0.0.1:41000->127.0.0.1:1883]", b"abcd")


def test_what_a_process_wrote_as_it_was_killed_counts_and_its_core_is_told():
    *_, written, killed, ended = events()
    assert (written.content, written.failed) == (b"the last", False)
    assert killed == End(101, 1001.4, "killed by SIGSEGV", core=True)
    assert ended == End(100, 1001.5, "exited with 0", core=False)


def test_a_buffer_that_strace_cut_off_is_noticed():
    (call,) = read([r'1 2.5 write(1</x>, "abc"..., 9) = 9'])
    assert call.cut_off
    (whole,) = read([r'1 2.5 write(1</x>, "abc...", 6) = 6'])
    assert not whole.cut_off


def test_a_line_that_is_none_of_strace_is_no_trace():
    with pytest.raises(ValueError, match="no line of strace"):
        list(read(["hello"]))
    with pytest.raises(ValueError, match="no call"):
        list(read(["1 2.5 hello"]))


@pytest.mark.parametrize(
    ("text", "content"),
    [("", b""), (r"\x00\xff", b"\0\xff"), (r"a\n\"\\\t", b'a\n"\\\t'), (r"\0\12\377", b"\0\n\xff"), (r"x\x41", b"xA")],
)
def test_strings_are_read_in_both_ways_in_which_strace_quotes(text, content):
    assert unescape(text) == content


WRITER = """
import os, socket
file = os.open("written", os.O_RDWR | os.O_CREAT)
os.write(file, bytes(range(256)))
os.pwritev(file, [b"one", b"two"], 256)
os.rename("written", "renamed")
left, right = socket.socketpair()
left.sendmsg([b"to the ", b"right"])
if os.fork() == 0:
    os.write(file, b"of the child")
    os._exit(0)
os.wait()
"""


def test_a_trace_of_this_system_has_every_byte(tmp_path, need_program):
    need_program("strace", "strace")
    trace = tmp_path / "trace"
    command = [shutil.which("strace"), *ARGUMENTS, "-o", str(trace), sys.executable, "-c", WRITER]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "ptrace" in tried.stderr:
        pytest.skip(f"this system lets nobody trace: {tried.stderr.strip()}")
    calls = [event for event in read(trace.read_text().splitlines()) if isinstance(event, Call)]
    calls = [call for call in calls if call.name in {"write", "pwritev", "pwritev2", "sendmsg"}]
    file = os.fspath(tmp_path / "written")
    sent = [call.content for call in calls if call.target in {file, os.fspath(tmp_path / "renamed")}]
    assert sent == [bytes(range(256)), b"onetwo", b"of the child"]
    assert [call.content for call in calls if call.name == "sendmsg"] == [b"to the right"]
