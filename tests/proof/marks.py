"""Pictures that can be recognised byte for byte: what is planted in frames, and how it is found again in any bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Added to each value of a picture: enough that no eight pixels of it are like any others, little enough that networks
# judge it as before.
AMPLITUDE: Final = 3
BLOCK: Final = 24
# One needle in so many pixels of each row: a piece of 24 pixels of any row holds one whole.
EVERY: Final = 16
_BYTES: Final = 24
# Of float32: as many values as 16 pixels have in one channel; they are less various.
_FLOAT_BYTES: Final = 64
_KEY: Final = 8
_DISTINCT: Final = 5
_DISTINCT_KEY: Final = {1: 3, 4: 2}
_BITS: Final = 22
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_CHUNK: Final = 1 << 20


def plant(picture: Picture, seed: int) -> Picture:
    """A copy of (h, w, 3) with noise in every pixel, face and all, and a random block in the corner at the top left.

    The picture is first drawn in between 8 and 247, so that noise is cut off nowhere.
    """
    rng = np.random.default_rng(seed)
    narrowed = 8.0 + picture.astype(np.float64) * (239 / 255)
    noise = rng.integers(-AMPLITUDE, AMPLITUDE + 1, picture.shape)
    planted = (np.rint(narrowed).astype(np.int64) + noise).astype(np.uint8)
    planted[:BLOCK, :BLOCK] = rng.integers(0, 256, (BLOCK, BLOCK, 3))
    return planted


@dataclass(frozen=True, slots=True)
class Found:
    """count: of needles of what is called ``name``. first: where, bytes."""

    name: str
    count: int
    first: int


@dataclass(frozen=True, slots=True)
class _Index:
    """Pieces of one length, sorted by their first bytes. alike: how many begin with the same, at most."""

    keys: NDArray[np.uint64]
    pieces: NDArray[np.uint8]
    numbers: NDArray[np.intp]
    alike: int


class Marks:
    """Needles: short pieces of rows of known pictures, in the forms in which a program may hold them."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._added: dict[int, list[tuple[NDArray[np.uint8], int]]] = {}
        self._built: tuple[NDArray[np.bool_], list[_Index]] | None = None

    def __len__(self) -> int:
        return sum(len(pieces) for added in self._added.values() for pieces, _ in added)

    def add_frame(self, name: str, pixels: Picture) -> None:
        """(h, w, 3) uint8 BGR: every second row as it is, with the colours the other way round, and its luma."""
        rows = pixels[::2]
        self.add_crop(name, rows)
        self.add_rows(name, np.asarray(cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_BGR2GRAY))[..., None])

    def add_crop(self, name: str, pixels: Picture) -> None:
        """(h, w, 3) uint8: every row as it is, and with the colours the other way round."""
        self.add_rows(name, pixels)
        self.add_rows(name, pixels[..., ::-1])

    def add_rows(self, name: str, values: NDArray[Any]) -> None:
        """(h, w, channels) of any kind, by its own bytes."""
        length = _BYTES if values.itemsize == 1 else _FLOAT_BYTES
        step = EVERY * values.shape[2] * values.itemsize
        rows = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
        self._add_pieces(name, rows, length, step, values.itemsize)

    def add_bytes(self, name: str, content: bytes) -> None:
        """Of a file, as it is."""
        self._add_pieces(name, np.frombuffer(content, np.uint8)[None], _BYTES, _BYTES, 1)

    def _add_pieces(self, name: str, rows: NDArray[np.uint8], length: int, step: int, size: int) -> None:
        if rows.shape[1] < length:
            return
        pieces = np.lib.stride_tricks.sliding_window_view(rows, length, axis=1)[:, ::step].reshape(-1, length)
        values = np.ascontiguousarray(pieces).view(f"<u{size}")
        # What has few values may stand anywhere, and what begins with few is looked for everywhere.
        various = (_distinct(values) >= _DISTINCT) & (_distinct(values[:, : _KEY // size]) >= _DISTINCT_KEY[size])
        if name not in self._names:
            self._names.append(name)
        self._added.setdefault(length, []).append((pieces[various], self._names.index(name)))
        self._built = None

    def find(self, content: bytes | bytearray | memoryview) -> list[Found]:
        """At whatever offset they stand; what was found most comes first."""
        counts: Counter[int] = Counter()
        first: dict[int, int] = {}
        whole = np.frombuffer(content, np.uint8)
        for start in range(0, max(len(whole) - _KEY + 1, 0), _CHUNK):
            for at, numbers in self._hits(whole[start : start + _CHUNK + _FLOAT_BYTES - 1]):
                for number in np.unique(numbers).tolist():
                    mine = numbers == number
                    counts[number] += int(mine.sum())
                    begin = start + int(at[mine].min())
                    first[number] = min(first.get(number, begin), begin)
        return [Found(self._names[number], count, first[number]) for number, count in counts.most_common()]

    def _hits(self, chunk: NDArray[np.uint8]) -> Iterable[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Of pieces that begin within _CHUNK bytes: where, and the number of the name of each."""
        if self._built is None:
            self._built = self._build()
        table, indices = self._built
        for offset in range(min(_KEY, len(chunk) - _KEY + 1)):
            windows = np.frombuffer(chunk, "<u8", count=(len(chunk) - offset) // _KEY, offset=offset)
            likely = np.flatnonzero(table[(windows * _MIX) >> np.uint64(64 - _BITS)])
            for index in indices if likely.size else ():
                length = index.pieces.shape[1]
                at = likely * _KEY + offset
                keys = windows[likely[(at < _CHUNK) & (at + length <= len(chunk))]]
                at = at[(at < _CHUNK) & (at + length <= len(chunk))]
                places = np.searchsorted(index.keys, keys)
                for further in range(index.alike):
                    place = np.minimum(places + further, len(index.keys) - 1)
                    same = index.keys[place] == keys
                    if not same.any():
                        break
                    whole = np.lib.stride_tricks.sliding_window_view(chunk, length)[at[same]]
                    equal = (whole == index.pieces[place[same]]).all(axis=1)
                    yield at[same][equal], index.numbers[place[same][equal]]

    def _build(self) -> tuple[NDArray[np.bool_], list[_Index]]:
        table = np.zeros(1 << _BITS, np.bool_)
        indices = []
        for added in self._added.values():
            pieces, where = np.unique(np.concatenate([some for some, _ in added]), axis=0, return_index=True)
            if not len(pieces):
                continue
            numbers = np.concatenate([np.full(len(some), number) for some, number in added])[where]
            keys = np.ascontiguousarray(pieces[:, :_KEY]).view("<u8")[:, 0]
            order = np.argsort(keys, kind="stable")
            table[(keys * _MIX) >> np.uint64(64 - _BITS)] = True
            _, counts = np.unique(keys, return_counts=True)
            indices.append(_Index(keys[order], pieces[order], numbers[order], int(counts.max())))
        return table, indices


def _distinct(values: NDArray[Any]) -> NDArray[np.intp]:
    """How many different ones are in each row."""
    return np.count_nonzero(np.diff(np.sort(values, axis=1), axis=1), axis=1) + 1
