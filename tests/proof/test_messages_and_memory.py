from __future__ import annotations

import json
import mmap
import os

import numpy as np
import pytest

from edge.contracts.topics import Topics
from edge.frames.covered import CoveredBuffers
from tests.proof.marks import Marks, plant
from tests.proof.memory import Where, regions, scan
from tests.proof.messages import Message, judge, kind_of
from tests.proof.mqtt import packets

TOPICS = Topics("livegate", "site", "device")
SESSION = "0123456789abcdef0123456789abcdef"
STATE = {"schemaVersion": "1.0", "state": "ready", "bootCount": 1}
PICTURE = plant(np.full((64, 64, 3), 120, np.uint8), seed=1)
MARKS = Marks()
MARKS.add_frame("a frame", PICTURE)


def findings(topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> list[str]:
    return judge(Message(topic, qos, retain, payload, 0.0), TOPICS, MARKS)


def test_a_message_of_the_contract_is_no_finding():
    assert findings(TOPICS.state, json.dumps(STATE).encode(), retain=True) == []


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (TOPICS.decision, "decision"),
        (TOPICS.config_reported, "config.reported"),
        (TOPICS.session_event(SESSION), "session.event"),
        (TOPICS.session_image(SESSION), "session.image"),
        (TOPICS.response("ping"), "reply"),
        (f"{TOPICS.reply_root()}somebody/1", "reply"),
        (f"{TOPICS.base}/frame", None),
        (f"{TOPICS.base}/session/{SESSION}/frame", None),
        ("livegate/v1/site/other/state", None),
    ],
)
def test_topics_tell_what_a_message_is(topic, kind):
    assert kind_of(topic, TOPICS) == kind


def test_pixels_in_a_field_that_the_contract_has_are_found():
    reason = PICTURE[20].tobytes()[:90].hex()
    (finding,) = findings(TOPICS.state, json.dumps({**STATE, "reason": reason}).encode(), retain=True)
    assert "marks of a frame" in finding


def test_a_field_that_the_contract_does_not_have_is_found():
    (finding,) = findings(TOPICS.state, json.dumps({**STATE, "thumbnail": "…"}).encode(), retain=True)
    assert "breaks the contract" in finding


def test_a_topic_that_the_contract_does_not_have_is_found():
    (finding,) = findings(f"{TOPICS.base}/frame", b"{}")
    assert "no topic of the contract" in finding


def test_an_image_must_pass_no_brokers_disk():
    told = " ".join(findings(TOPICS.session_image(SESSION), b"{}", qos=1, retain=True))
    assert "retained" in told
    assert "at QoS 1" in told


def test_a_stream_to_a_broker_is_cut_into_packets():
    topic, payload = b"a/b", bytes(300)
    body = len(topic).to_bytes(2, "big") + topic + b"\0" + payload
    publish = b"\x31" + bytes((len(body) & 0x7F | 0x80, len(body) >> 7)) + body
    ping, last = packets(b"\xc0\x00" + publish)
    assert (ping.topic, last.topic, last.qos, last.retain, last.content) == ("PINGREQ", "a/b", 0, True, publish)


def test_what_is_no_packet_is_kept_whole():
    (rest,) = packets(b"\x30\xff\xff\xff\xff\xff")
    assert (rest.topic, rest.content) == ("", b"\x30\xff\xff\xff\xff\xff")


SMAPS = """\
55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0                          [heap]
Size:                132 kB
VmFlags: rd wr mr mw me ac
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac dd
7f0001000000-7f0001100000 rw-s 00000000 00:01 77                         /memfd:livegate-frames (deleted)
VmFlags: rd wr sh mr mw me ms dd
7f0002000000-7f0002100000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac
7f0003000000-7f0003001000 rw-p 00005000 08:01 1234                       /usr/lib/libc.so.6
VmFlags: rd wr mr mw me ac
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
VmFlags: rd wr mr mw me gd ac
7ffd00100000-7ffd00104000 r--p 00000000 00:00 0                          [vvar]
VmFlags: rd mr pf io de dd
"""


def test_mappings_are_told_apart_by_name_and_flags():
    found = list(regions(SMAPS.splitlines()))
    assert [region.where for region in found if region.readable] == [
        Where.HEAP,
        Where.COVERED,
        Where.COVERED,
        Where.MAPPED,
        Where.FILE,
        Where.STACK,
    ]
    assert found[0].size == 0x21000


def own_memory() -> bool:
    try:
        with open("/proc/self/mem", "rb") as memory, open("/proc/self/smaps") as maps:
            memory.seek(next(regions(maps)).start)
            memory.read(1)
    except OSError:
        return False
    return True


@pytest.mark.skipif(not own_memory(), reason="this system lets a process not read its own memory through /proc")
def test_a_picture_in_covered_memory_is_found_until_it_is_overwritten():
    buffers = CoveredBuffers()
    copy = buffers.take(PICTURE.shape, np.uint8)
    assert scan(os.getpid(), MARKS, (Where.COVERED,)).of(Where.COVERED) == 0
    copy[:] = PICTURE
    found = scan(os.getpid(), MARKS, (Where.COVERED,))
    assert found.of(Where.COVERED) > 100
    assert found.size == found.covered_size
    buffers.wipe()
    assert scan(os.getpid(), MARKS, (Where.COVERED,)).of(Where.COVERED) == 0


@pytest.mark.skipif(not own_memory(), reason="this system lets a process not read its own memory through /proc")
def test_a_picture_in_other_memory_is_a_remnant():
    with mmap.mmap(-1, PICTURE.nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as somewhere:
        somewhere[:] = PICTURE.tobytes()
        found = scan(os.getpid(), MARKS)
        somewhere[:] = bytes(PICTURE.nbytes)
    assert found.of(Where.MAPPED) + found.of(Where.HEAP) > 100
    assert found.of(Where.COVERED) == 0
