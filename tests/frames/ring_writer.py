"""A writing process for the tests of the ring: python ring_writer.py HANDLE endless|half, HANDLE as JSON."""

from __future__ import annotations

import itertools
import json
import signal
import sys
from dataclasses import replace

import numpy as np

from edge.contracts.enums import CaptureKind
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic
from edge.frames.ring import RingHandle, RingWriter

VALUES = 251


def uniform(sequence: int, width: int, height: int) -> Frame:
    pixels = np.full((height, width, 3), sequence % VALUES, np.uint8)
    return Frame(pixels, ColourOrder.BGR, sequence, float(sequence), CaptureKind.SIMULATED)


def with_raw(frame: Frame) -> Frame:
    values = np.full((frame.height, frame.width), 1000 + frame.sequence % VALUES, np.uint16)
    return replace(frame, raw=Mosaic(values, BayerOrder.GRBG, 64, 4095))


def write_half(writer: RingWriter, handle: RingHandle) -> None:
    """Publishes one frame, fills half of the next and hangs."""
    writer.write(uniform(0, handle.width, handle.height))
    slot = writer._take_slot()
    writer._slots.pixels(slot, handle.width, handle.height)[: handle.height // 2] = 255
    sys.stdout.write("half\n")
    sys.stdout.flush()
    signal.pause()


def main() -> None:
    handle = RingHandle(**json.loads(sys.argv[1]))
    with RingWriter(handle) as writer:
        if sys.argv[2] == "half":
            write_half(writer, handle)
        for sequence in itertools.count():
            if writer.closed:
                return
            frame = uniform(sequence, handle.width, handle.height)
            writer.write(with_raw(frame) if handle.raw else frame)


if __name__ == "__main__":
    main()
