"""Enrolled public keys, from files and folders of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge.contracts.jws import EnrolledKey, EnrolledKeys, SignatureError, read_public_keys
from edge.link.options import read_file

KEY_SUFFIXES: Final = (".jwk", ".jwks", ".json", ".pem")


def read_enrolled(paths: Iterable[Path]) -> EnrolledKeys:
    """The keys of all these files, and of the files in folders that end in .jwk, .jwks, .json or .pem.

    Raises LinkError for a file that holds no public key, a folder without any, and a key enrolled for two devices.
    """
    keys: dict[str, EnrolledKey] = {}
    for file in [file for path in paths for file in _files(path)]:
        for kid, key in read_public_keys(read_file(file), str(file)).items():
            if keys.setdefault(kid, key).device != key.device:
                raise SignatureError(
                    f"{file}: key {kid} is enrolled for {keys[kid].device!r} elsewhere", remedy="keep one of the two"
                )
    return EnrolledKeys(keys.values())


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix in KEY_SUFFIXES and each.is_file())
    if not found:
        raise SignatureError(
            f"no keys in {path}", remedy=f"put files of keys there that end in {', '.join(KEY_SUFFIXES)}"
        )
    return found
