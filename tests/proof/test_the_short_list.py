from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.files import Allowed, Doings, Judge, gather
from tests.proof.strace import read

ALLOWED = Allowed(
    state=Path("/state"),
    log=Path("/run/log"),
    programs=frozenset({"/bin/python"}),
    peers=("sin_port=htons(1883)", 'sun_path="/run/notify"'),
)


def doings(*calls: str) -> Doings:
    done = Doings()
    judge = Judge(ALLOWED, Path("/cwd"))
    for event in read(f"7 {number}.5 {call}" for number, call in enumerate(calls, 1)):
        judge.take(event, done)
    return done


@pytest.mark.parametrize(
    "call",
    [
        'openat(AT_FDCWD</cwd>, "/state/outbox.sqlite", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3</state/outbox.sqlite>',
        'openat(5</state>, ".boot-count.partial", O_WRONLY|O_CREAT|O_EXCL) = 3</state/.boot-count.partial>',
        'rename("/state/.boot-count.partial", "/state/boot-count") = 0',
        'renameat(AT_FDCWD</cwd>, "/state/.boot-count.partial", 5</state>, "boot-count") = 0',
        'openat(AT_FDCWD</cwd>, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3</etc/passwd>',
        'openat(AT_FDCWD</cwd>, "frame.raw", O_WRONLY|O_CREAT, 0600) = -1 EACCES (Permission denied)',
        'openat(AT_FDCWD</cwd>, "/dev/null", O_RDWR) = 3</dev/null<char 1:3>>',
        'write(2</run/log>, "a line\\n", 7) = 7',
        'write(5<pipe:[81]>, "\\x00", 1) = 1',
        'sendto(6<TCP:[127.0.0.1:5->127.0.0.1:1883]>, "\\xc0\\x00", 2, 0, NULL, 0) = 2',
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</state/outbox.sqlite-shm>, 0) = 0x7f00",
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</memfd:livegate-frames>(deleted), 0) = 0x7f00",
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE, 3</usr/lib/libc.so.6>, 0) = 0x7f00",
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0x7f00",
        'memfd_create("livegate-frames", MFD_CLOEXEC|MFD_ALLOW_SEALING) = 4</memfd:livegate-frames>(deleted)',
        "ftruncate(4</memfd:livegate-frames>(deleted), 22126592) = 0",
        'execve("/bin/python", ["/bin/python", "-m", "edge.terminal.capture"], 0x7ffd /* 20 vars */) = 0',
        'connect(6<TCP:[99]>, {sa_family=AF_INET, sin_port=htons(1883), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        'bind(6<TCP:[99]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
        'sendto(5<UNIX-DGRAM:[9]>, "READY=1", 7, 0, {sa_family=AF_UNIX, sun_path="/run/notify"}, 20) = 7',
    ],
)
def test_what_a_terminal_needs_is_on_the_list(call):
    assert doings(call).findings == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            'openat(AT_FDCWD</cwd>, "/state/frame.raw", O_WRONLY|O_CREAT, 0600) = 3</state/frame.raw>',
            "/state/frame.raw",
        ),
        ('openat(5</state>, "x", O_RDWR|O_TMPFILE, 0600) = 3</state/#17>(deleted)', "/state/#17"),
        ('openat2(5</state>, "x", {flags=O_RDWR, resolve=0}, 24) = 3</state/x>', "/state/x"),
        ('creat("core", 0600) = 3</cwd/core>', "/cwd/core"),
        ('openat(AT_FDCWD</cwd>, "/state/sub/boot-count", O_WRONLY|O_CREAT, 0600) = 3</state/sub/boot-count>', "sub"),
        ('rename("/state/.boot-count.partial", "/state/thumbnail") = 0', "becomes /state/thumbnail"),
        ('rename(".boot-count.partial", "thumbnail") = 0', "becomes /cwd/thumbnail"),
        ('linkat(AT_FDCWD</cwd>, "/state/boot-count", 5</srv>, "copy", 0) = 0', "becomes /srv/copy"),
        ("mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</state/boot-count>, 0) = 0x7f00", "mapped for writing"),
        ("mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, 3</memfd:cache>(deleted), 0) = 0x7f00", "mapped for writing"),
        ('memfd_create("cache", 0) = 4</memfd:cache>(deleted)', "'cache'"),
        ('write(9</state/frame.raw>, "abc", 3) = 3', "/state/frame.raw"),
        ('write(9, "abc", 3) = 3', "9 is not on the list"),
        ('truncate("notes", 0) = 0', "/cwd/notes"),
        ("sendfile(3</state/boot-count>, 4</memfd:livegate-frames>(deleted), NULL, 9) = 9", "does not show"),
        ("io_uring_setup(8, {flags=0}) = 9<anon_inode:[io_uring]>", "does not show"),
        ('fsetxattr(3</state/boot-count>, "user.face", "abc", 3, 0) = 0', "does not show"),
        ('execve("/bin/sh", ["sh"], 0x7ffd /* 20 vars */) = 0', "runs /bin/sh"),
        (
            "connect(6<TCP:[99]>, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1 EINPROGRESS (Later)",
            "htons(80)",
        ),
        (
            'sendto(6<UDP:[9]>, "abc", 3, 0, {sa_family=AF_INET, sin_port=htons(9)}, 16) = 3',
            "htons(9)",
        ),
        ('write(2</run/log>, "abc"..., 9) = 9', "a part of its buffer"),
        ("+++ killed by SIGSEGV (core dumped) +++", "a core of process 7"),
    ],
)
def test_whatever_else_is_found(call, told):
    (finding,) = doings(call).findings
    assert told in finding


def test_bytes_are_kept_by_where_they_went_in_their_order():
    done = doings(
        'write(2</run/log>, "one", 3) = 3',
        'write(5<pipe:[1]>, "x", 1) = 1',
        'write(2</run/log>, "two", 3) = 3',
    )
    assert done.sent == {"/run/log": b"onetwo", "pipe:[1]": b"x"}
    assert (done.size, done.files) == (7, {"/run/log"})


def test_doings_belong_to_the_session_in_which_they_began():
    events = read(f'7 {at}.5 write(2</run/log>, "{at}", 1) = 1' for at in (1, 2, 3))
    by_name = gather(events, Judge(ALLOWED, Path("/cwd")), [("first", 2.0), ("second", 3.0)], "start")
    assert {name: done.sent["/run/log"] for name, done in by_name.items()} == {
        "start": b"1",
        "first": b"2",
        "second": b"3",
    }
