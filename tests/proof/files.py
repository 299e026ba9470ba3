"""The short list: what the daemon may open for writing, send to, or run; and all that it did otherwise."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.link.identity import BOOT_COUNT_FILE, PUBLIC_KEY_FILE
from edge.link.key_rotation import NEXT_PUBLIC_KEY_FILE
from edge.link.key_source import KEY_FILE, NEXT_KEY_FILE
from edge.link.outbox import OUTBOX_FILE
from edge.link.sealing_key import SEALING_KEY_FILE, SEALING_PUBLIC_KEY_FILE
from edge.terminal.desired_record import DESIRED_FILE
from edge.terminal.failures import FAILURES_FILE
from edge.terminal.last_good import LAST_GOOD_FILE
from edge.terminal.reboot import RECORD_FILE
from tests.proof.strace import Call, End

# DESIGN's list of the state folder. A file that is written whole has a sibling first (edge/link/files.py).
WRITTEN_WHOLE: Final = (
    *(BOOT_COUNT_FILE, KEY_FILE, NEXT_KEY_FILE, PUBLIC_KEY_FILE, NEXT_PUBLIC_KEY_FILE),
    *(SEALING_KEY_FILE, SEALING_PUBLIC_KEY_FILE),
    *(LAST_GOOD_FILE, DESIRED_FILE, FAILURES_FILE, RECORD_FILE),
)
STATE_FILES: Final = frozenset(
    (
        *WRITTEN_WHOLE,
        *(f".{name}.partial" for name in WRITTEN_WHOLE),
        *(f"{OUTBOX_FILE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    )
)
# SQLite's index of its journal, which processes share (https://www.sqlite.org/walformat.html#the_wal_index_file_format).
MAPPED: Final = frozenset((f"{OUTBOX_FILE}-shm",))
DEVICES: Final = frozenset(("/dev/null",))
# The ring: shared by two processes, without a name in any file system.
RING: Final = "livegate-frames"
MEMORY_FILES: Final = frozenset((RING,))

_WRITING: Final = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b")
_OPENING: Final = {"open", "openat", "openat2", "creat", "open_by_handle_at"}
_SENDING: Final = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"}
_NAMING: Final = {"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"}
_SIZING: Final = {"truncate", "ftruncate", "fallocate"}
# What they carry does not show in a trace; the daemon uses none.
_UNSEEN: Final = {
    *("sendfile", "copy_file_range", "splice", "tee", "vmsplice", "process_vm_writev", "io_uring_setup"),
    *(
        "mknod",
        "mknodat",
        "memfd_secret",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "shmget",
        "mq_open",
        "add_key",
        "mount",
    ),
    "ptrace",
}
_ANONYMOUS: Final = re.compile(r"(pipe|socket|anon_inode|UNIX|UNIX-STREAM|UNIX-DGRAM|TCP|TCPv6|UDP|UDPv6|NETLINK):")


@dataclass(frozen=True, slots=True)
class Allowed:
    """state: the state folder. log: what standard output and error go to. programs: that may be run.
    peers: addresses as strace writes them, or a part of them, that may be connected to.
    """

    state: Path
    log: Path
    programs: frozenset[str]
    peers: tuple[str, ...]

    def may_write(self, path: str) -> bool:
        """Whether a file of this name may be opened for writing, made, or be given the name."""
        file = Path(path)
        return path in DEVICES or file == self.log or (file.parent == self.state and file.name in STATE_FILES)


@dataclass(slots=True)
class Doings:
    """Of some stretch of time. files: that were opened for writing, made or renamed to. sent: by where to, all bytes in
    the order in which they went.
    """

    files: set[str] = field(default_factory=set)
    sent: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    findings: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.sent.values()))


class Judge:
    """Takes calls in order. Paths that are not absolute are taken from ``cwd``."""

    def __init__(self, allowed: Allowed, cwd: Path) -> None:
        self._allowed = allowed
        self._cwd = cwd
        self._judges = (
            (_OPENING, self._opened),
            (_SENDING, self._sent),
            (_NAMING, self._named),
            (_SIZING, self._sized),
            ({"mmap"}, self._mapped),
            ({"memfd_create"}, self._shared),
            ({"execve", "execveat"}, self._run),
            ({"connect", "bind"}, self._connected),
            (_UNSEEN, self._unseen),
        )

    def take(self, event: Call | End, doings: Doings) -> None:
        """What it did, into ``doings``."""
        if isinstance(event, End):
            if event.core:
                doings.findings.append(f"a core of process {event.pid}, {event.how}")
        elif not event.failed:
            self._take_call(event, doings)

    def _take_call(self, call: Call, doings: Doings) -> None:
        if call.cut_off:
            doings.findings.append(f"{call.name}: the trace has a part of its buffer only")
        for names, judge in self._judges:
            if call.name in names:
                judge(call, doings)
                return

    def _unseen(self, call: Call, doings: Doings) -> None:
        doings.findings.append(f"{call.name}({call.arguments[:200]}): what it carries does not show in a trace")

    def _shared(self, call: Call, doings: Doings) -> None:
        name = call.strings[0].decode("utf-8", "replace")
        if name not in MEMORY_FILES:
            doings.findings.append(f"memory with the name {name!r}, which may be shared")

    def _run(self, call: Call, doings: Doings) -> None:
        program = call.strings[0].decode("utf-8", "replace")
        if program not in self._allowed.programs:
            doings.findings.append(f"runs {program}")

    def _connected(self, call: Call, doings: Doings) -> None:
        # Whatever port the kernel gives: the near end of a connection.
        free = call.name == "bind" and "sin_port=htons(0)" in call.arguments
        if not free and not any(peer in call.arguments for peer in self._allowed.peers):
            doings.findings.append(f"{call.name}: {call.arguments[:200]}")

    def _sized(self, call: Call, doings: Doings) -> None:
        self._touched(call, self._absolute(call, 0) if call.name == "truncate" else call.target, doings)

    def _opened(self, call: Call, doings: Doings) -> None:
        if call.name == "creat" or _WRITING.search(call.arguments):
            self._touched(call, call.opened or self._absolute(call, 0), doings)

    def _sent(self, call: Call, doings: Doings) -> None:
        target = call.target
        # What a call did not take is given to the next one.
        doings.sent[target] += call.content
        if call.addressed:
            self._connected(call, doings)
        if not _ANONYMOUS.match(target):
            self._touched(call, target, doings)

    def _named(self, call: Call, doings: Doings) -> None:
        target = self._absolute(call, -1)
        doings.files.add(target)
        if not self._allowed.may_write(target):
            doings.findings.append(f"{call.name}: {call.strings[0].decode('utf-8', 'replace')} becomes {target}")

    def _mapped(self, call: Call, doings: Doings) -> None:
        if "MAP_SHARED" not in call.arguments or "PROT_WRITE" not in call.arguments or not call.descriptors:
            return
        path = call.descriptors[0]
        if _memory_file(path) not in MEMORY_FILES and Path(path) not in {self._allowed.state / name for name in MAPPED}:
            doings.findings.append(f"mmap: {path} is mapped for writing, which shows in no call")

    def _touched(self, call: Call, path: str, doings: Doings) -> None:
        name = _memory_file(path)
        if name in MEMORY_FILES:
            return
        doings.files.add(path)
        if not self._allowed.may_write(path):
            doings.findings.append(f"{call.name}: {path} is not on the list")

    def _absolute(self, call: Call, which: int) -> str:
        """The path that a call names, from the folder that a descriptor before it stands for."""
        name = call.strings[which].decode("utf-8", "replace")
        folders = call.descriptors
        folder = Path(folders[which]) if folders else self._cwd
        return str(folder / name)


def _memory_file(path: str) -> str | None:
    return path.removeprefix("/memfd:").removesuffix(" (deleted)") if path.startswith("/memfd:") else None


def gather(
    events: Iterable[Call | End], judge: Judge, spans: Iterable[tuple[str, float]], otherwise: str
) -> dict[str, Doings]:
    """By stretch of time: ``spans`` are its names and Unix times of its begin, in order; before the first is
    ``otherwise``.
    """
    begins = list(spans)
    doings: dict[str, Doings] = defaultdict(Doings)
    for event in events:
        name = next((name for name, begin in reversed(begins) if event.at >= begin), otherwise)
        judge.take(event, doings[name])
    return doings
