"""aiomqtt with what it leaves out: reason codes of acknowledgements, and an end that names its reason."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Self, cast

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, ConnectFlags, DisconnectFlags
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.contracts.base import MAX_PACKET_BYTES
from edge.link.causes import BrokerError, Cause
from edge.link.incoming import IncomingQueue
from edge.link.options import LinkOptions, RefusalSocket

ACCEPTED: Final = 0x00
NO_MATCHING_SUBSCRIBERS: Final = 0x10
FIRST_ERROR: Final = 0x80


class ClosedBeforeAnswerError(aiomqtt.MqttError):
    """The broker took the connection and closed it without a CONNACK."""


def publish_properties(
    *,
    response_topic: str | None = None,
    correlation: bytes | None = None,
    expiry_seconds: int | None = None,
) -> Properties | None:
    """Properties of a PUBLISH; None when there are none."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    if correlation is not None:
        properties.CorrelationData = correlation
    if expiry_seconds is not None:
        properties.MessageExpiryInterval = expiry_seconds
    return None if properties.isEmpty() else properties  # type: ignore[no-untyped-call]


class Client(aiomqtt.Client):
    """One connection; make a new one for the next."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._acknowledgements: dict[int, asyncio.Future[int]] = {}
        self._opened: socket.socket | None = None
        for step in ("_create_socket_connection", "_ssl_wrap_socket"):
            setattr(self._client, step, self._remembering(getattr(self._client, step)))
        self._end: ReasonCode | None = None
        self.largest_packet: int | None = None
        """What the broker takes, in bytes, once it is connected; None: it says of no limit."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        # aiomqtt forgets an end that came at once after the CONNACK, and would wait for another one.
        if not self._client.is_connected():
            ended = aiomqtt.MqttCodeError(self._end, "Disconnected after CONNACK")
            if not self._disconnected.done():
                self._disconnected.set_exception(ended)
                self._disconnected.exception()
            raise ended
        return self

    async def publish_acknowledged(
        self, topic: str, payload: bytes, *, retain: bool = False, properties: Properties | None = None
    ) -> int:
        """Publish at QoS 1; the PUBACK's reason code (MQTT 5, 3.4.2.1): 0x00 taken, 0x10 nobody subscribed.

        Raises aiomqtt.MqttError when the connection ends or no PUBACK comes in time.
        """
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        # No await since publish: the PUBACK is read by this very loop and cannot have come before.
        acknowledged: asyncio.Future[int] = self._loop.create_future()
        self._acknowledgements[info.mid] = acknowledged
        try:
            await asyncio.wait(
                (acknowledged, self._disconnected), timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            del self._acknowledgements[info.mid]
        if acknowledged.done():
            return acknowledged.result()
        if self._disconnected.done():
            raise aiomqtt.MqttError("Disconnected before PUBACK") from self._disconnected.exception()
        raise aiomqtt.MqttError("No PUBACK in time")

    async def subscribe_all(self, filters: Sequence[str], *, retain_as_published: bool = False) -> None:
        """QoS 1. Raises LinkError naming the first filter that the broker refuses, aiomqtt.MqttError."""
        options = SubscribeOptions(qos=1, retainAsPublished=retain_as_published)
        # aiomqtt would wait for the SUBACK of a connection that has ended.
        subscribing = asyncio.ensure_future(self.subscribe([(topic, options) for topic in filters]))
        try:
            await asyncio.wait((subscribing, self._disconnected), return_when=asyncio.FIRST_COMPLETED)
            if not subscribing.done():
                raise aiomqtt.MqttError("Disconnected before SUBACK") from self._disconnected.exception()
            granted = subscribing.result()
        finally:
            subscribing.cancel()
        for topic, code in zip(filters, cast("list[ReasonCode]", granted), strict=True):
            value = code.value
            if value >= FIRST_ERROR:
                raise BrokerError(
                    f"the broker does not let {self.identifier!r} subscribe to {topic} (0x{value:02x})",
                    remedy="allow it in the broker's access list, or use credentials that may",
                    cause=Cause.ACCESS,
                )

    async def leave(self, *, with_will: bool) -> None:
        """End the connection; never raises. with_will: as if it broke, so that the broker publishes the will."""
        # What ended by an exception may hold its socket still; aiomqtt would leave its reader in the loop.
        connection = self._client.socket()
        if connection is not None:
            with contextlib.suppress(OSError, ValueError):
                if with_will:
                    # Reason code 0x04 asks for the will too, but not every broker listens.
                    _break(connection.fileno())
                else:
                    # Without a reason code: rumqttd publishes the will when one is given, even 0x00.
                    self._client.disconnect()
        if not self._disconnected.done() and self._connected.done():
            await asyncio.wait((self._disconnected,), timeout=self.timeout)
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Marks it as read: that it ended is no news here.
            self._disconnected.exception()

    def _remembering(self, step: Callable[..., socket.socket]) -> Callable[..., socket.socket]:
        def remembered(*args: socket.socket) -> socket.socket:
            self._opened = step(*args)
            return self._opened

        return remembered

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except BaseException:
            # paho leaves a socket open over which the websocket handshake failed.
            if self._opened is not None:
                self._opened.close()
            raise

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.largest_packet = getattr(properties, "MaximumPacketSize", None)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        waiting = self._acknowledgements.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason_code.value)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # Otherwise aiomqtt waits for its time-out and calls it one. May run on the connecting thread.
        self._loop.call_soon_threadsafe(self._give_up_connecting, reason_code)
        self._end = reason_code
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Marks it as read, should nobody come to wait for it.
            self._disconnected.exception()

    def _give_up_connecting(self, reason_code: ReasonCode) -> None:
        if not self._connected.done():
            closed = ClosedBeforeAnswerError(str(reason_code))
            closed.__cause__ = self._opened.alert if isinstance(self._opened, RefusalSocket) else None
            self._connected.set_exception(closed)
            # Marks it as read: nobody waits for it when connecting itself raised.
            self._connected.exception()


def _break(descriptor: int) -> None:
    """End the connection below TLS and websockets, which would say goodbye first. Closes nothing."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.shutdown(socket.SHUT_RDWR)


@contextlib.asynccontextmanager
async def connected(
    options: LinkOptions,
    identifier: str,
    *,
    will: aiomqtt.Will | None = None,
    answer_seconds: float = 10.0,
    max_incoming: int = 0,
) -> AsyncIterator[Client]:
    """A clean MQTT 5 connection. Leaving by an exception lets the broker publish the will.

    max_incoming: messages that may wait to be read, of together as many bytes as that many packets of the contract's
    size have; further ones are dropped; 0: no limit.
    Raises LinkError for files of ``options``, aiomqtt.MqttError for the rest.
    """
    context = await asyncio.to_thread(options.tls.context) if options.tls else None
    password = await asyncio.to_thread(options.password)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = options.max_packet_bytes
    queue = functools.partial(IncomingQueue, most_bytes=max_incoming * MAX_PACKET_BYTES)
    client = Client(
        hostname=options.host,
        port=options.port,
        username=options.username,
        password=password,
        identifier=identifier,
        transport="tcp" if options.websocket_path is None else "websockets",
        websocket_path=options.websocket_path,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        properties=properties,
        keepalive=options.keepalive,
        tls_context=context,
        timeout=answer_seconds,
        will=will,
        queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", queue) if max_incoming else None,
        max_queued_incoming_messages=max_incoming,
    )
    try:
        await client.__aenter__()
        yield client
    except BaseException:
        await client.leave(with_will=True)
        raise
    else:
        await client.leave(with_will=False)
