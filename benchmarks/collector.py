"""A subscriber that misses nothing: the broker keeps its session, and it acknowledges what it has recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.link.options import TlsOptions

RETRY_SECONDS: Final = 0.005
SESSION_SECONDS: Final = 86400


class Collector:
    """Hands each message to ``record`` on its own thread, and acknowledges when that has returned."""

    def __init__(self, port: int, ca: Path, topic: str, record: Callable[[MQTTMessage], None]) -> None:
        """record: must not raise."""
        self._port = port
        self._topic = topic
        self._connected = threading.Event()
        self._ends = False
        self._record = record
        client = Client(
            CallbackAPIVersion.VERSION2, client_id="collector", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        client.tls_set_context(TlsOptions(ca).context())
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._connected.set()
        client.on_disconnect = lambda *_: self._connected.clear()
        client.on_message = self._on_message
        self._client = client
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Connects, and again whenever the connection is lost."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Until it is subscribed; False: not in time."""
        return self._connected.wait(seconds)

    def stop(self) -> None:
        """Ends the connection and the thread."""
        self._ends = True
        self._client.disconnect()
        self._thread.join(10.0)

    def _on_connect(self, client: Client, *_: Any) -> None:
        # Also where the broker has kept the session, for one that was killed before it wrote it down.
        client.subscribe(self._topic, options=SubscribeOptions(qos=1))

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._record(message)
        self._client.ack(message.mid, message.qos)

    def _run(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_SECONDS
        properties.ReceiveMaximum = 65535
        while not self._ends:
            try:
                self._client.connect("127.0.0.1", self._port, keepalive=30, clean_start=False, properties=properties)
                while self._client.loop(0.1) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    pass
            except (OSError, ValueError):
                pass
            time.sleep(RETRY_SECONDS)
