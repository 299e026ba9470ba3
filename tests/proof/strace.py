"""What strace wrote, read: one call or end of a process at a time, with all the bytes that went through it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

# Larger than any message or page that is written at once. What is cut off all the same is told, and fails the proof.
STRING_BYTES: Final = 8 << 20

# How something can get out of the process's own memory, or a file can get another name. Those with "?" are not on every
# architecture or in every kernel.
TRACED: Final = (
    *(
        "?open",
        "openat",
        "?openat2",
        "?creat",
        "?open_by_handle_at",
        "memfd_create",
        "?memfd_secret",
        "?mknod",
        "mknodat",
    ),
    *("write", "pwrite64", "writev", "pwritev", "?pwritev2", "sendto", "sendmsg", "?sendmmsg"),
    *("?rename", "renameat", "?renameat2", "?link", "linkat", "?symlink", "symlinkat"),
    *("truncate", "ftruncate", "fallocate", "?setxattr", "?lsetxattr", "?fsetxattr"),
    *("mmap", "sendfile", "?copy_file_range", "splice", "tee", "vmsplice", "?process_vm_writev", "?io_uring_setup"),
    *("connect", "bind", "execve", "?execveat", "?shmget", "?mq_open", "?add_key", "mount", "ptrace"),
)
ARGUMENTS: Final = (
    "-f",
    "-ttt",
    "-yy",
    "-x",
    "--seccomp-bpf",
    "-s",
    str(STRING_BYTES),
    "-e",
    f"trace={','.join(TRACED)}",
)

_LINE: Final = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
_UNFINISHED: Final = " <unfinished ...>"
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (.*)", re.DOTALL)
_END: Final = re.compile(r"\+\+\+ (exited with (\d+)|killed by (\w+)( \(core dumped\))?) \+\+\+")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?', re.DOTALL)
_DESCRIPTOR: Final = re.compile(r"(?:AT_FDCWD|-?\d+)<((?:->|[^<>])*)>(\(deleted\))?")
_ADDRESS: Final = re.compile(r'sun_path=@?"(?:[^"\\]|\\.)*"')
_ESCAPE: Final = re.compile(r"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_CONTROL: Final = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12, "a": 7, "b": 8}


@dataclass(frozen=True)
class Call:
    """One system call. at: Unix seconds when it began. arguments, result: as strace writes them."""

    pid: int
    at: float
    name: str
    arguments: str
    result: str

    @property
    def failed(self) -> bool:
        """Nothing was done. A connection that is not there at once still comes."""
        return self.result.startswith("-1 ") and not self.result.startswith("-1 EINPROGRESS")

    @property
    def value(self) -> int:
        """What it returned; -1 where that is no number: the process ended within it."""
        match = re.match(r"-?\d+", self.result)
        return int(match.group()) if match else -1

    @cached_property
    def strings(self) -> list[bytes]:
        """Every text or buffer among the arguments."""
        return [unescape(match.group(1)) for match in _STRING.finditer(self.arguments)]

    @cached_property
    def content(self) -> bytes:
        """What was sent or written, as far as the system took it."""
        addressless = _ADDRESS.sub("", self.arguments)
        whole = b"".join(unescape(match.group(1)) for match in _STRING.finditer(addressless))
        # Of several messages what is returned is their number.
        return whole if self.value < 0 or self.name == "sendmmsg" else whole[: self.value]

    @property
    def cut_off(self) -> bool:
        """Whether strace left out a part of a buffer."""
        return any(match.group(2) for match in _STRING.finditer(self.arguments))

    @cached_property
    def descriptors(self) -> list[str]:
        """What the descriptors among the arguments stand for: a path, ``pipe:[7]``, ``TCP:[…]``, ``/memfd:name``."""
        outside = _STRING.sub('""', self.arguments)
        return [path_of(match.group(1)) for match in _DESCRIPTOR.finditer(outside)]

    @property
    def target(self) -> str:
        """What the first descriptor stands for; its number where strace cannot tell."""
        return self.descriptors[0] if self.descriptors else self.arguments.split(",", 1)[0]

    @property
    def addressed(self) -> bool:
        """Whether a receiver is named, beside the descriptor."""
        return "sa_family=" in _STRING.sub('""', self.arguments)

    @property
    def opened(self) -> str | None:
        """What the descriptor stands for that it returned."""
        match = _DESCRIPTOR.match(self.result)
        return path_of(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class End:
    """Of a thread or process. how: ``exited with 0``, ``killed by SIGSEGV``."""

    pid: int
    at: float
    how: str
    core: bool


def read(lines: Iterable[str]) -> Iterator[Call | End]:
    """lines: of ``strace`` with ARGUMENTS, to a file. Raises ValueError for a line that is none of its."""
    begun: dict[int, tuple[float, str]] = {}
    for line in lines:
        match = _LINE.fullmatch(line.rstrip("\n"))
        if match is None:
            raise ValueError(f"this is no line of strace: {line[:200]!r}")
        pid, at, text = int(match.group(1)), float(match.group(2)), match.group(3)
        if end := _END.match(text):
            # Its last call never returned: what it was given may have gone out all the same.
            if pid in begun:
                yield _call(pid, *begun.pop(pid), resumed=") = ?")
            how = f"killed by {end.group(3)}" if end.group(3) else end.group(1)
            yield End(pid, at, how, bool(end.group(4)))
        elif text.startswith(("--- ", "strace: ")):
            continue
        elif text.endswith(_UNFINISHED):
            begun[pid] = at, text.removesuffix(_UNFINISHED)
        elif resumed := _RESUMED.match(text):
            if pid in begun:
                yield _call(pid, *begun.pop(pid), resumed=resumed.group(2))
        elif _CALL.match(text):
            yield _call(pid, at, text)
        else:
            raise ValueError(f"this is no call: {line[:200]!r}")


def _call(pid: int, at: float, text: str, resumed: str = "") -> Call:
    match = _CALL.match(text + resumed)
    if match is None:
        raise ValueError(f"this is no call: {(text + resumed)[:200]!r}")
    return Call(pid, at, *match.groups())


def unescape(text: str) -> bytes:
    """The bytes of a string that strace quoted."""
    if text.startswith("\\x") and text.count("\\x") * 4 == len(text):
        return bytes.fromhex(text.replace("\\x", ""))
    return _ESCAPE.sub(_character, text).encode("latin-1")


def _character(match: re.Match[str]) -> str:
    escape = match.group(1)
    if escape[0] == "x" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return chr(int(escape, 8)) if escape[0].isdigit() else chr(_CONTROL.get(escape, ord(escape)))


def path_of(text: str) -> str:
    """As the file system has it."""
    return unescape(text).decode("utf-8", "replace") if "\\" in text else text
