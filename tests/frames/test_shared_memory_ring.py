from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.frames.frame import BayerOrder, ColourOrder, Exposure, Frame, LightState, Mosaic, Tone
from edge.frames.ring import SLOTS, RingWriter, create_ring, has_raw, pack_header, size_of, unpack_header
from tests.frames.ring_writer import VALUES, uniform, with_raw

WIDTH, HEIGHT = 64, 48
PATIENCE_SECONDS = 20.0
WRITER = Path(__file__).with_name("ring_writer.py")

finite = st.floats(allow_nan=False)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
mosaics = st.builds(
    lambda order, levels: (order, *sorted(levels)),
    st.sampled_from(BayerOrder),
    st.lists(st.integers(0, 2**16 - 1), min_size=2, max_size=2, unique=True),
)


def of_size(size, mosaic, **rest):
    raw = None if mosaic is None else Mosaic(np.zeros(size, np.uint16), *mosaic)
    return Frame(np.zeros((*size, 3), np.uint8), raw=raw, **rest)


frames = st.builds(
    of_size,
    size=sizes,
    mosaic=st.none() | mosaics,
    colour=st.sampled_from(ColourOrder),
    sequence=st.integers(0, 2**64 - 1),
    captured_at=finite,
    capture=st.sampled_from(CaptureKind),
    exposure=st.none() | st.builds(Exposure, start=finite, duration=finite, line_time=finite, gain=finite),
    light=st.builds(LightState, display=st.none() | finite, infrared=finite, white=finite, settled=st.booleans()),
    still=st.booleans(),
    lux=st.none() | finite,
    tone=st.none() | st.sampled_from(Tone),
    colour_gains=st.none() | st.tuples(finite, finite),
)


def facts(frame):
    told = {field.name: getattr(frame, field.name) for field in dataclasses.fields(frame) if field.name != "pixels"}
    raw = told["raw"]
    return {**told, "raw": None if raw is None else (raw.values.tobytes(), raw.order, raw.black, raw.white)}


def has_its_raw(frame):
    return bool((frame.raw.values == with_raw(frame).raw.values).all())


@pytest.fixture
def ring():
    reader, handle = create_ring(WIDTH, HEIGHT)
    with reader, RingWriter(handle) as writer:
        yield reader, writer


@pytest.fixture
def raw_ring():
    reader, handle = create_ring(WIDTH, HEIGHT, raw=True)
    with reader, RingWriter(handle) as writer:
        yield reader, writer


@contextmanager
def writing_process(mode, width=WIDTH, height=HEIGHT, raw=False):
    reader, handle = create_ring(width, height, raw=raw)
    with reader:
        process = subprocess.Popen(
            [sys.executable, str(WRITER), json.dumps(dataclasses.asdict(handle)), mode],
            pass_fds=handle.fds,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        handle.close()
        with process:
            try:
                yield reader, process
            finally:
                process.kill()


def is_uniform(frame):
    return bool((frame.pixels == frame.sequence % VALUES).all())


def shared_memory(writer):
    return os.pread(writer._handle.memory, 10_000_000, 0)


@given(frames)
def test_everything_but_the_pixels_survives_the_header(frame):
    header = pack_header(frame)
    assert size_of(header) == (frame.width, frame.height)
    assert has_raw(header) == (frame.raw is not None)
    values = None if frame.raw is None else frame.raw.values
    assert facts(unpack_header(header, frame.pixels, values)) == facts(frame)


def test_a_frame_arrives_as_it_was_written(ring):
    reader, writer = ring
    pixels = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    frame = Frame(pixels, ColourOrder.RGB, 7, 1.5, CaptureKind.LIVE, Exposure(1.4, 0.01, 3e-5, 2.0), lux=300.0)
    assert writer.write(frame)
    received = reader.read()
    assert np.array_equal(received.pixels, pixels)
    assert facts(received) == facts(frame)


def test_raw_values_arrive_as_they_were_written(raw_ring):
    reader, writer = raw_ring
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    values = rng.integers(0, 2**16, (HEIGHT, WIDTH)).astype(np.uint16)
    frame = Frame(pixels, ColourOrder.RGB, 7, 1.5, CaptureKind.LIVE, raw=Mosaic(values, BayerOrder.RGGB, 256, 4095))
    writer.write(frame)
    received = reader.read()
    assert np.array_equal(received.pixels, pixels)
    assert facts(received) == facts(frame)


def test_frames_with_and_without_raw_values_take_turns(raw_ring):
    reader, writer = raw_ring
    for sequence, (width, height) in enumerate(((WIDTH, HEIGHT), (3, 5), (HEIGHT, WIDTH), (1, 1))):
        writer.write(with_raw(uniform(sequence, width, height)))
        received = reader.read()
        assert is_uniform(received)
        assert has_its_raw(received)
        writer.write(uniform(sequence, width, height))
        received = reader.read()
        assert is_uniform(received)
        assert received.raw is None


def test_only_a_ring_with_room_for_raw_values_takes_them(ring):
    reader, writer = ring
    with pytest.raises(ValueError, match="frames without"):
        writer.write(with_raw(uniform(1, WIDTH, HEIGHT)))
    writer.write(uniform(2, WIDTH, HEIGHT))
    assert is_uniform(reader.read())


def test_room_for_raw_values_is_paid_for_only_where_it_was_asked_for():
    def size(**options):
        reader, handle = create_ring(640, 480, **options)
        with reader:
            handle_size = os.fstat(handle.memory).st_size
            handle.close()
        return handle_size

    page = os.sysconf("SC_PAGESIZE")
    # The header has less than a page, and a slot ends with one.
    assert size() <= SLOTS * (640 * 480 * 3 + 2 * page)
    assert size(raw=True) - size() == pytest.approx(SLOTS * 640 * 480 * 2, abs=SLOTS * page)


def test_pixels_that_do_not_lie_in_order_are_copied_right(ring):
    reader, writer = ring
    pixels = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    writer.write(Frame(pixels[:, :, ::-1], ColourOrder.RGB, 0, 0.0, CaptureKind.LIVE))
    assert np.array_equal(reader.read().pixels, pixels[:, :, ::-1])


def test_a_frame_is_read_once(ring):
    reader, writer = ring
    writer.write(uniform(1, WIDTH, HEIGHT))
    assert reader.read() is not None
    assert reader.read() is None


def test_a_slow_reader_gets_the_newest_frame_and_the_writer_never_waits(ring):
    reader, writer = ring
    assert all(writer.write(uniform(sequence, WIDTH, HEIGHT)) for sequence in range(100))
    assert reader.read().sequence == 99
    assert reader.read() is None


def test_smaller_frames_of_any_shape_fit(ring):
    reader, writer = ring
    for width, height in ((1, 1), (HEIGHT, WIDTH), (WIDTH, HEIGHT)):
        writer.write(uniform(9, width, height))
        received = reader.read()
        assert (received.width, received.height) == (width, height)
        assert is_uniform(received)


def test_a_larger_frame_is_refused_naming_both_sizes_and_the_ring_goes_on(ring):
    reader, writer = ring
    with pytest.raises(HardwareError, match="frames of 65 x 48 pixels, more than the 64 x 48"):
        writer.write(uniform(0, WIDTH + 1, HEIGHT))
    writer.write(uniform(1, WIDTH, HEIGHT))
    assert is_uniform(reader.read())


@pytest.mark.parametrize("size", [(0, 10), (10, -1)])
def test_a_ring_without_pixels_is_a_programmers_error(size):
    with pytest.raises(ValueError, match="1 x 1"):
        create_ring(*size)


def test_a_frame_does_not_change_while_anybody_refers_to_it_or_a_part_of_it(ring):
    reader, writer = ring
    writer.write(uniform(1, WIDTH, HEIGHT))
    part = reader.read().pixels[10:20].reshape(-1)[::2]
    for sequence in range(2, 10):
        writer.write(uniform(sequence, WIDTH, HEIGHT))
        reader.read()
    assert (part == 1).all()


def test_buffers_of_frames_that_nobody_keeps_are_used_again(ring):
    reader, writer = ring
    for sequence in range(50):
        writer.write(uniform(sequence, WIDTH, HEIGHT))
        assert is_uniform(reader.read())
    assert len(reader._copies._lent) == 1


def test_raw_values_do_not_change_while_anybody_refers_to_a_part_of_them(raw_ring):
    reader, writer = raw_ring
    writer.write(with_raw(uniform(1, WIDTH, HEIGHT)))
    part = reader.read().raw.values[10:20].reshape(-1)[::2]
    for sequence in range(2, 10):
        writer.write(with_raw(uniform(sequence, WIDTH, HEIGHT)))
        reader.read()
    assert (part == with_raw(uniform(1, 1, 1)).raw.values).all()


def test_buffers_of_raw_values_that_nobody_keeps_are_used_again(raw_ring):
    reader, writer = raw_ring
    for sequence in range(50):
        writer.write(with_raw(uniform(sequence, WIDTH, HEIGHT)))
        assert has_its_raw(reader.read())
    assert len(reader._copies._lent) == 1
    assert len(reader._raw_copies._lent) == 1


def test_waiting_for_a_frame_ends_when_it_comes_or_when_the_time_is_over(ring):
    reader, writer = ring
    assert reader.read(0.01) is None
    writer.write(uniform(3, WIDTH, HEIGHT))
    assert reader.read(PATIENCE_SECONDS).sequence == 3


def test_poll_sees_a_waiting_frame(ring):
    reader, writer = ring
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(0) == []
    writer.write(uniform(3, WIDTH, HEIGHT))
    assert poll.poll(0) == [(reader.fileno(), select.POLLIN)]


def test_the_writer_learns_that_no_more_is_wanted_and_the_last_frame_stays(ring):
    reader, writer = ring
    assert not writer.closed
    writer.write(uniform(3, WIDTH, HEIGHT))
    reader.stop()
    assert writer.closed
    assert reader.read().sequence == 3


def test_what_was_published_can_be_read_after_the_writer_is_gone():
    reader, handle = create_ring(WIDTH, HEIGHT)
    with reader:
        with RingWriter(handle) as writer:
            writer.write(uniform(5, WIDTH, HEIGHT))
        assert reader.read(PATIENCE_SECONDS).sequence == 5
        assert reader.read(PATIENCE_SECONDS) is None


def test_wiping_overwrites_waiting_and_read_frames_and_capture_goes_on(ring):
    reader, writer = ring
    for sequence in (11, 12, 13):
        writer.write(uniform(sequence, WIDTH, HEIGHT))
    held = reader.read()
    writer.write(uniform(14, WIDTH, HEIGHT))
    assert any(shared_memory(writer))
    assert reader.wipe() == 1
    assert not any(shared_memory(writer))
    assert not held.pixels.any()
    assert reader.read() is None
    assert all(writer.write(uniform(sequence, WIDTH, HEIGHT)) for sequence in range(20, 20 + 2 * SLOTS))
    assert is_uniform(reader.read())


def test_wiping_leaves_alone_the_slot_that_is_being_written(ring):
    reader, writer = ring
    slot = writer._take_slot()
    writer._slots.pixels(slot, WIDTH, HEIGHT)[:] = 200
    reader.wipe()
    assert (writer._slots.pixels(slot, WIDTH, HEIGHT) == 200).all()


def test_closing_overwrites_everything_also_the_slot_of_a_killed_writer(ring):
    reader, writer = ring
    writer.write(uniform(11, WIDTH, HEIGHT))
    held = reader.read()
    writer._slots.pixels(writer._take_slot(), WIDTH, HEIGHT)[:] = 200
    reader.close()
    reader.close()
    assert not any(shared_memory(writer))
    assert not held.pixels.any()


def test_overwriting_takes_no_memory_where_frames_were_smaller_than_they_may_be():
    reader, handle = create_ring(2000, 2000)
    with reader, RingWriter(handle) as writer:
        for sequence in range(1, 2 * SLOTS):
            writer.write(uniform(sequence, WIDTH, HEIGHT))
            reader.read()
        before = os.fstat(handle.memory).st_blocks
        reader.wipe()
        assert not any(shared_memory(writer))
        reader.close()
        assert 0 < before == os.fstat(handle.memory).st_blocks


def test_wiping_and_closing_overwrite_raw_values_too(raw_ring):
    reader, writer = raw_ring
    for end in (reader.wipe, reader.close):
        writer.write(with_raw(uniform(11, WIDTH, HEIGHT)))
        held = reader.read()
        writer.write(with_raw(uniform(12, WIDTH, HEIGHT)))
        writer.write(with_raw(uniform(0, WIDTH, HEIGHT)))
        assert held.raw.values.all()
        end()
        assert not any(shared_memory(writer))
        assert not held.pixels.any()
        assert not held.raw.values.any()


def test_closing_overwrites_raw_values_of_a_killed_writer(raw_ring):
    reader, writer = raw_ring
    writer._slots.values(writer._take_slot(), WIDTH, HEIGHT)[:] = 60_000
    reader.close()
    assert not any(shared_memory(writer))


def mappings():
    """Start, end, description and flags of this process's mappings; proc_pid_smaps(5)."""
    mapping = None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if first == "VmFlags:":
            yield *mapping, rest
        elif not first.endswith(":"):
            start, end = first.split("-")
            mapping = int(start, 16), int(end, 16), line


def flags_at(array):
    address = array.__array_interface__["data"][0]
    (flags,) = [flags for start, end, _, flags in mappings() if start <= address < end]
    return flags


def test_the_memory_is_left_out_of_core_dumps(raw_ring):
    reader, writer = raw_ring
    writer.write(with_raw(uniform(11, WIDTH, HEIGHT)))
    frame = reader.read()
    shared = [flags for *_, description, flags in mappings() if "memfd:livegate-frames" in description]
    # One mapping at each end of the ring.
    assert len(shared) == 2
    copies = [flags_at(array) for array in (frame.pixels, frame.raw.values)]
    assert all("dd" in flags for flags in [*shared, *copies])


def test_rings_leave_nothing_behind():
    def open_files():
        return len(list(Path("/proc/self/fd").iterdir()))

    def address_space():
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")

    def one_ring():
        reader, handle = create_ring(640, 480, raw=True)
        with reader, RingWriter(handle) as writer:
            writer.write(with_raw(uniform(1, 640, 480)))
            assert reader.read() is not None
            # Nothing with a name that could stay behind.
            assert "/dev/shm" not in Path("/proc/self/maps").read_text()

    one_ring()
    before = open_files(), address_space()
    for _ in range(200):
        one_ring()
    assert open_files() == before[0]
    assert address_space() - before[1] < 5 * 640 * 480 * 3
    assert "memfd:livegate-frames" not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("raw", [False, True])
def test_no_frame_is_torn_while_another_process_writes_without_pause_or_is_killed(raw):
    def is_whole(frame):
        return is_uniform(frame) and (has_its_raw(frame) if raw else frame.raw is None)

    with writing_process("endless", 1280, 720, raw=raw) as (reader, process):
        sequences = []
        for _ in range(150):
            frame = reader.read(PATIENCE_SECONDS)
            assert is_whole(frame)
            sequences.append(frame.sequence)
        assert sequences == sorted(set(sequences))
        process.kill()
        process.wait(PATIENCE_SECONDS)
        while (frame := reader.read()) is not None:
            assert is_whole(frame)


def test_a_frame_half_written_by_a_killed_process_is_never_read():
    with writing_process("half") as (reader, process):
        assert process.stdout.readline() == b"half\n"
        process.kill()
        process.wait(PATIENCE_SECONDS)
        assert reader.read().sequence == 0
        assert reader.read(PATIENCE_SECONDS) is None


def test_a_writing_process_ends_when_no_more_is_wanted():
    with writing_process("endless") as (reader, process):
        assert reader.read(PATIENCE_SECONDS) is not None
        reader.stop()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_neither_side_can_shrink_the_memory_under_the_other(ring):
    _, writer = ring
    with pytest.raises(PermissionError):
        os.truncate(writer._handle.memory, 0)
