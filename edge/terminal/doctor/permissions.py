"""Who may read a file, asked for another user by owner, group and mode; access lists are not looked at."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from edge.terminal.doctor.context import User


def is_missing(path: Path) -> bool:
    """For certain: what is in a folder that this process may not enter counts as there."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def may_read(user: User, path: Path) -> bool:
    """Whether the user may read the file, or list the folder. path: absolute; links are followed."""
    if user.uid == 0:
        return True
    if user.uid == os.geteuid():
        return os.access(path, os.R_OK)
    try:
        target = path.resolve(strict=True)
        folders = all(_permits(user, folder, stat.S_IXOTH) for folder in target.parents)
        return folders and _permits(user, target, stat.S_IROTH)
    except OSError:
        return False


def _permits(user: User, path: Path, bit: int) -> bool:
    """bit: as of others."""
    found = path.stat()
    if found.st_uid == user.uid:
        return bool(found.st_mode & bit << 6)
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        group = str(found.st_gid)
    return bool(found.st_mode & (bit << 3 if group in user.groups else bit))
