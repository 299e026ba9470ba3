"""A line between a terminal and its broker that can fail in ways that processes do not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from edge.link.options import LinkOptions


class Line:
    """Bytes go through until ``stall``; connections made later stall too, until ``resume``."""

    def __init__(self, broker: LinkOptions) -> None:
        self._broker = broker
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._to_terminal: list[asyncio.StreamWriter] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.accepted = 0

    def stall(self) -> None:
        """No byte passes any more, in either direction, and no socket closes."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def half_close(self) -> None:
        """The broker's side says that nothing more comes; the terminal's words are still taken, and lost."""
        self._flowing.clear()
        for writer in self._to_terminal:
            writer.write_eof()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        from_broker, to_broker = await asyncio.open_connection(self._broker.host, self._broker.port)
        self._writers += (writer, to_broker)
        self._to_terminal.append(writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, to_broker))
                both.create_task(self._pass_on(from_broker, writer))
        except* ConnectionError:
            pass
        finally:
            self._to_terminal.remove(writer)
            writer.close()
            to_broker.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65536):
            await self._flowing.wait()
            sink.write(chunk)
            await sink.drain()
        await self._flowing.wait()
        sink.close()

    async def close(self) -> None:
        self.resume()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@contextlib.asynccontextmanager
async def line(broker: LinkOptions) -> AsyncIterator[tuple[Line, LinkOptions]]:
    """The line, and how the broker is reached over it."""
    made = Line(broker)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, replace(broker, port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await made.close()
        await server.wait_closed()
