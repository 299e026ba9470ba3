"""What a connection says of an end that aiomqtt does not see."""

import asyncio
import gc
import logging

import aiomqtt
import pytest

from edge.link.client import connected
from edge.link.options import LinkOptions

CONNACK = bytes((0x20, 0x03, 0x00, 0x00, 0x00))


def test_a_broker_that_accepts_and_hangs_up_at_once_is_noticed_at_once(run, caplog):
    async def scenario():
        async def accept_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1024)
            writer.write(CONNACK)
            writer.close()

        server = await asyncio.start_server(accept_and_hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(aiomqtt.MqttError) as ended:
                async with connected(LinkOptions("127.0.0.1", port), "gate-1", answer_seconds=3600.0) as client:
                    await client.subscribe_all(["a"])
        finally:
            # Not the end of a with block: that one waits for connections since Python 3.12.
            server.close()
        return ended.value

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        for _ in range(20):
            ended = run(scenario())
            assert isinstance(
                ended if isinstance(ended, aiomqtt.MqttCodeError) else ended.__cause__, aiomqtt.MqttCodeError
            )
        gc.collect()
    assert "never retrieved" not in caplog.text
