"""Answers ``GET /metrics`` on the loopback interface, and nothing else.

Whoever asks may be anybody on this board, so one who sends too much, or nothing, is hung up on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog

from edge.config.presence import Metrics
from edge.errors import LivegateError
from edge.terminal.metrics import Counters, Sources, exposition

log = structlog.get_logger(__name__)

# Of Prometheus' text format 0.0.4.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MAX_REQUEST: Final = 8192
MAX_READERS: Final = 8
# For a reader to send its request, and again to take the answer.
PATIENCE_SECONDS: Final = 5.0
_PATH: Final = b"/metrics"


async def serve_metrics(
    metrics: Metrics, counters: Counters, sources: Sources, *, on_fault: Callable[[str], None]
) -> None:
    """Until it is cancelled; not at all where no port is configured. on_fault: why nobody is answered."""
    if metrics.port is None:
        return
    try:
        await MetricsServer(metrics.address, metrics.port, exposition(counters, sources)).run()
    except (LivegateError, OSError) as error:
        log.error("no metrics are served", error=str(error))
        on_fault(f"no metrics are served: {error}")


class MetricsServer:
    """One request to a connection.

    read: makes the body; called on the event loop's thread.
    """

    def __init__(
        self, address: str, port: int, read: Callable[[], bytes], *, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._address, self._port, self._read, self._patience = address, port, read, patience
        self._readers = 0
        self.port: int | None = None

    async def run(self) -> None:
        """Until it is cancelled. Raises OSError where the port cannot be had.

        ``port`` is known from then on, where it was given as 0.
        """
        server = await asyncio.start_server(self._serve, self._address, self._port, limit=MAX_REQUEST)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._readers >= MAX_READERS:
            writer.close()
            return
        self._readers += 1
        # So that ``drain`` waits until all is sent: closing would wait for a reader who takes nothing.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            async with asyncio.timeout(self._patience):
                head = await _head(reader)
            writer.write(self._answer(head))
            async with asyncio.timeout(self._patience):
                await writer.drain()
        except (TimeoutError, OSError):
            writer.transport.abort()
        except Exception:
            log.exception("metrics could not be read")
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._readers -= 1

    def _answer(self, head: bytes | None) -> bytes:
        if head is None:
            return _response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST)
        method, target, _ = words
        if target.split(b"?", 1)[0] != _PATH:
            return _response(HTTPStatus.NOT_FOUND)
        if method != b"GET":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, more="Allow: GET\r\n")
        return _response(HTTPStatus.OK, self._read())


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    """The request's line and fields; None: they are longer than is read."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return None
    except asyncio.IncompleteReadError as error:
        return bytes(error.partial)


def _response(status: HTTPStatus, body: bytes = b"", *, more: str = "") -> bytes:
    content = body or f"{status.value} {status.phrase}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(content)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + content
