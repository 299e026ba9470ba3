import asyncio

import pytest
from aiomqtt import Message

from edge.link.incoming import IncomingQueue


def message(size: int) -> Message:
    return Message("a/topic", b"x" * size, 0, False, 1, None)


def test_it_is_full_at_so_many_messages():
    queue = IncomingQueue(3, most_bytes=1000)
    for _ in range(3):
        queue.put_nowait(message(1))
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(message(1))


def test_it_is_full_at_so_many_bytes_and_has_room_again_once_they_are_read():
    queue = IncomingQueue(100, most_bytes=1000)
    queue.put_nowait(message(600))
    queue.put_nowait(message(600))
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(message(1))
    assert len(queue.get_nowait().payload) == 600
    queue.put_nowait(message(900))
    assert queue.qsize() == 2


def test_a_message_that_is_larger_than_all_that_may_wait_comes_through_alone():
    queue = IncomingQueue(100, most_bytes=1000)
    queue.put_nowait(message(5000))
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(message(1))
    assert len(queue.get_nowait().payload) == 5000
