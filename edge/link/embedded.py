"""A broker for the demo and for tests: in a child process, on the loopback interface."""

from __future__ import annotations

import contextlib
import random
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from edge.errors import LinkError

if TYPE_CHECKING:
    from iotcore import Broker

_TRIES: Final = 5
_PORTS: Final = range(20000, 32768)

# rumqttd listens with MQTT 5 only when told so in a file; the keyword options of iotcore give 3.1.1.
_CONFIG: Final = """\
id = 0
[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "loopback"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 9437184
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """Context manager around iotcore (rumqttd): MQTT 5, everything in memory, no access control.

    It acknowledges with 0x00 also where nobody is subscribed: a decision that nobody waits for is lost here.
    Entering raises LinkError when the ``demo`` extra is missing, or the broker does not start.
    """

    host: Final = "127.0.0.1"

    def __init__(self, port: int | None = None) -> None:
        """port None: a free one, known once entered."""
        self._wanted = port
        self._port = port
        self._stack = contextlib.ExitStack()

    @property
    def port(self) -> int:
        """Raises RuntimeError before the broker runs, where it was not given."""
        if self._port is None:
            raise RuntimeError("the broker has not been started")
        return self._port

    def __enter__(self) -> Self:
        for left in reversed(range(_TRIES if self._wanted is None else 1)):
            self._port = self._wanted or free_port(self.host)
            try:
                self._start(self._port)
            except (OSError, RuntimeError) as error:
                self._stack.close()
                # Somebody else may have taken the port in between.
                if not left:
                    raise LinkError(
                        f"the embedded broker does not start on {self.host}:{self._port}: {error}",
                        remedy="give a free port",
                    ) from None
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self, port: int) -> None:
        broker_class = _broker_class()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="livegate-broker-")))
        config = folder / "broker.toml"
        config.write_text(_CONFIG.format(host=self.host, port=port), "ascii")
        broker = broker_class(config_path=str(config))
        self._stack.callback(broker.stop)
        broker.start()


def _broker_class() -> type[Broker]:
    try:
        from iotcore import Broker  # noqa: PLC0415 - an extra that only the demo needs
    except ImportError:
        raise LinkError(
            "the embedded broker is not installed",
            remedy="pip install 'livegate[demo]', or start a broker of your own",
        ) from None
    return Broker


def free_port(host: str) -> int:
    """A port that nobody listens on, below those that Linux gives to outgoing connections.

    A client that tries such a port again and again, waiting for a broker, in the end connects to itself: its own
    end of the connection is drawn from the same range (TCP's simultaneous open).
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port
    raise OSError(f"no port between {_PORTS.start} and {_PORTS.stop - 1} is free")
