"""Landlock: a process gives up writing to files outside some folders, for good and for all that it starts.

By the kernel's own calls (landlock(7)): the Python packages for them are pre-releases. What is open stays usable, and
reading is not touched. Of devices the call ioctl is not either: drivers live by it, and file permissions guard them.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

# asm-generic/unistd.h: the same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
# linux/landlock.h.
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE_DEVICE: Final = 1 << 6 | 1 << 11
_MAKE_ANY: Final = sum(1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
# By which a process that started itself again knows that it is still bound: the kernel stacks 16 rulesets at most.
MARK: Final = "LIVEGATE_WRITES"


class Binding(StrEnum):
    """What became of it."""

    NOW = "now"
    """In force from now on."""
    BEFORE = "before"
    """In force since this process started itself again, or earlier."""
    OTHERWISE = "otherwise"
    """In force since then, with other folders: only a new process can have these."""


class LandlockUnavailableError(Exception):
    """The system has none, or does not let this process use it; says why."""


@dataclass(frozen=True, slots=True)
class Writable:
    """folders: files, folders, pipes and sockets below them may be written, made, renamed and removed. nodes: what is
    below these may be written. Those that are missing are left out.
    """

    folders: tuple[Path, ...]
    nodes: tuple[Path, ...] = ()


def version() -> int:
    """Of the kernel's Landlock, 1 or more. Raises LandlockUnavailableError."""
    return _called(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)


def bind(writable: Writable) -> Binding:
    """Nothing but ``writable`` may be written to any more, by this thread and all that it starts, and programs gain no
    rights any more.

    Call it while there is one thread: those that run already stay free. May be repeated, also by the process that this
    one becomes by exec. Raises LandlockUnavailableError.
    """
    mark = _mark(writable)
    before = os.environ.get(MARK, "")
    if before.startswith(f"{_process()} "):
        return Binding.BEFORE if before == mark else Binding.OTHERWISE
    known = version()
    made = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_ANY
    # Without it, nothing can be moved from one folder to another, and opening for truncation is not guarded.
    made |= (_REFER if known >= 2 else 0) | (_TRUNCATE if known >= 3 else 0)
    ruleset = _called(_CREATE_RULESET, ctypes.byref(_Ruleset(made)), ctypes.sizeof(_Ruleset), 0)
    try:
        _allow(ruleset, writable.folders, made & ~_MAKE_DEVICE)
        _allow(ruleset, writable.nodes, made & (_WRITE_FILE | _TRUNCATE))
        if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise LandlockUnavailableError(os.strerror(ctypes.get_errno()))
        _called(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    os.environ[MARK] = mark
    return Binding.NOW


class _Ruleset(ctypes.Structure):
    """Of version 1; later ones are longer, and take a shorter one."""

    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _allow(ruleset: int, paths: Iterable[Path], access: int) -> None:
    for path in paths:
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            _called(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(_PathBeneath(access, handle)), 0)
        finally:
            os.close(handle)


def _called(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if result >= 0:
        return result
    code = ctypes.get_errno()
    why = {errno.ENOSYS: "the kernel has none", errno.EOPNOTSUPP: "the kernel has it switched off"}
    raise LandlockUnavailableError(why.get(code, os.strerror(code)))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mark(writable: Writable) -> str:
    named = repr([[str(path.absolute()) for path in paths] for paths in (writable.folders, writable.nodes)])
    return f"{_process()} {hashlib.sha256(named.encode()).hexdigest()[:16]}"


def _process() -> str:
    """Of this process alone, and the same after exec: its number and when it was started (proc_pid_stat(5))."""
    started = Path("/proc/self/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()[19]
    return f"{os.getpid()} {started}"
