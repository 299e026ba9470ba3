"""A door: asks a terminal for a session when somebody is there, and opens on a decision that may be believed.

Needs paho-mqtt, pydantic and joserfc, and of Livegate the package ``edge.contracts`` alone:

    pip install "paho-mqtt>=2.1,<3" pydantic joserfc && pip install --no-deps livegate

Put your relay in the place of ``open_door``.
"""

from __future__ import annotations

import argparse
import json
import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.contracts.acceptance import Acceptance, Nonces, Verdict
from edge.contracts.enums import AssuranceLevel, CaptureKind, LivenessOperationMode, TerminalState
from edge.contracts.jws import EnrolledKeys, read_public_keys
from edge.contracts.session import SessionStart
from edge.contracts.topics import Topics

COMMAND_SECONDS = 30
# How long the broker keeps this session, and decisions in it, while the door is away.
EXPIRY_SECONDS = 3600


def open_door(verdict: Verdict) -> None:
    """Your relay."""
    print(f"OPEN    {verdict.words}", flush=True)


def keep_closed(verdict: Verdict) -> None:
    """Your red light."""
    print(f"closed  {verdict.reason}: {verdict.words}", flush=True)


class Door:
    """What it knows, without network and clock: messages in, commands and verdicts out. now: monotonic seconds."""

    def __init__(
        self,
        topics: Topics,
        keys: EnrolledKeys,
        rule: Acceptance,
        *,
        seconds: float = 90.0,
        mode: LivenessOperationMode = LivenessOperationMode.PASSIVE,
    ) -> None:
        self.topics = topics
        self._keys, self._rule, self._mode = keys, rule, mode
        self._nonces = Nonces(lifetime=seconds)
        # Nonces whose command was not answered yet, by its id.
        self._asked: dict[str, str] = {}
        self._asked_at = 0.0
        self._state: TerminalState | None = None

    def ask(self, now: float, wall_clock: float) -> SessionStart | None:
        """A command with a nonce that was never used. None: somebody is being looked at already."""
        if self._asked and now - self._asked_at > COMMAND_SECONDS:
            for unanswered in self._asked.values():
                self._nonces.withdraw(unanswered)
        if self._nonces.outstanding(now):
            return None
        nonce = self._nonces.ask(self.topics.site, self.topics.device, now)
        command = SessionStart(
            id=secrets.token_urlsafe(16),
            expires_at=wall_clock + COMMAND_SECONDS,
            liveness_operation_mode=self._mode,
            nonce=nonce,
        )
        self._asked, self._asked_at = {command.id: nonce}, now
        return command

    def reply(self, correlation: bytes, payload: bytes) -> str:
        """The terminal's answer to ``ask``, in words; empty: it is an answer to nobody."""
        nonce, answer = self._asked.pop(correlation.decode(errors="replace"), None), _read(payload)
        if nonce is None:
            return ""
        data = answer.get("data") if answer.get("status") == "ok" else None
        session = data.get("sessionId") if isinstance(data, dict) else None
        if isinstance(session, str):
            self._nonces.started(nonce, session)
            return f"session {session}"
        self._nonces.withdraw(nonce)
        return f"refused: {json.dumps(answer.get('error'))[:200]}"

    def away(self) -> None:
        """The connection broke: whatever the terminal said may be over."""
        self._state = None

    def state(self, payload: bytes) -> None:
        """The retained state. What cannot be read is no state in which a door opens."""
        said = _read(payload).get("state")
        self._state = TerminalState(said) if said in list(TerminalState) else None

    def is_presence(self, payload: bytes) -> bool:
        """Whether an event says that somebody is there."""
        return _read(payload).get("kind") == "presence"

    def decision(self, payload: bytes, now: float) -> Verdict:
        """Open on it, or say why not."""
        return self._rule.judge(payload, keys=self._keys, nonces=self._nonces, now=now, state=self._state)


def _read(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


class Connection:
    """MQTT 5 with a session that outlives the connection, so that decisions at QoS 1 wait in the broker."""

    def __init__(self, options: argparse.Namespace, topics: Topics) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage | str] = queue.Queue()
        self.replies = f"{topics.reply_root()}{options.name}/session"
        self._topics = topics
        wanted = [(each, 1) for each in (topics.decision, topics.state, topics.event, self.replies)]
        self._client = client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=options.name, protocol=mqtt.MQTTv5
        )
        client.on_connect = lambda *_: client.subscribe(wanted)
        client.on_subscribe = lambda *_: self.messages.put("connected")
        client.on_disconnect = lambda *_: self.messages.put("disconnected")
        client.on_message = lambda _, __, message: self.messages.put(message)
        if options.username:
            password = options.password_file.read_text().strip() if options.password_file else None
            client.username_pw_set(options.username, password)
        if options.ca:
            client.tls_set(str(options.ca), certfile=options.cert, keyfile=options.cert_key)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = EXPIRY_SECONDS
        client.connect(options.host, options.port, clean_start=False, properties=properties)
        client.loop_start()

    def send(self, command: SessionStart) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = self.replies
        properties.CorrelationData = command.id.encode()
        properties.MessageExpiryInterval = COMMAND_SECONDS
        payload = command.model_dump_json(by_alias=True, exclude_none=True)
        self._client.publish(self._topics.command("session.start"), payload, qos=1, properties=properties)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def serve(door: Door, connection: Connection, verdicts: int = 0) -> None:
    """Until it is interrupted, or after so many verdicts."""
    given = 0
    while not verdicts or given < verdicts:
        message, now = connection.messages.get(), time.monotonic()
        if isinstance(message, str):
            print(message, flush=True)
            wanted = message == "pressed"
            if message == "disconnected":
                door.away()
        else:
            wanted = message.topic == door.topics.event and not message.retain and door.is_presence(message.payload)
        if wanted:
            command = door.ask(now, time.time())
            if command is not None:
                connection.send(command)
        elif isinstance(message, str):
            continue
        elif message.topic == door.topics.state:
            door.state(message.payload)
        elif message.topic == connection.replies:
            said = door.reply(getattr(message.properties, "CorrelationData", b""), message.payload)
            if said:
                print(said, flush=True)
        elif message.topic == door.topics.decision:
            verdict = door.decision(message.payload, now)
            (open_door if verdict else keep_closed)(verdict)
            given += 1


def presses(say: Callable[[str], None]) -> None:
    """A line on standard input is a press of the button."""
    for _ in sys.stdin:
        say("pressed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--ca", type=Path, help="of the broker's certificate; with it the connection is encrypted")
    parser.add_argument("--cert", help="of this door, where the broker asks for one")
    parser.add_argument("--cert-key")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--name", default="door-1", help="client id: nobody else's, and the same at each start")
    parser.add_argument("--prefix", default="livegate")
    parser.add_argument("--site", default="default")
    parser.add_argument("--device", default="terminal-1")
    parser.add_argument("--keys", type=Path, required=True, help="the terminal's public key: JWK or JWK Set")
    parser.add_argument("--policy", default="door", help="what decisions must have been judged by")
    parser.add_argument("--assurance", default=AssuranceLevel.LIGHT, type=AssuranceLevel, help="at least")
    parser.add_argument("--mode", default=LivenessOperationMode.PASSIVE, type=LivenessOperationMode)
    parser.add_argument("--seconds", type=float, default=90.0, help="from asking to the last moment that counts")
    parser.add_argument("--button", action="store_true", help="ask at each line on standard input too")
    parser.add_argument("--trial", action="store_true", help="open on simulated people: never at a real door")
    parser.add_argument("--verdicts", type=int, default=0, help="stop after so many; 0: never")
    options = parser.parse_args()

    topics = Topics(options.prefix, options.site, options.device)
    captures = frozenset({CaptureKind.SIMULATED if options.trial else CaptureKind.LIVE})
    rule = Acceptance(policies=frozenset({options.policy}), least=options.assurance, captures=captures)
    keys = read_public_keys(options.keys.read_bytes(), str(options.keys))
    door = Door(topics, keys, rule, seconds=options.seconds, mode=options.mode)
    connection = Connection(options, topics)
    if options.button:
        threading.Thread(target=presses, args=(connection.messages.put,), daemon=True).start()
    try:
        serve(door, connection, options.verdicts)
    except KeyboardInterrupt:
        pass
    finally:
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
