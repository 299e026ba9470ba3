"""A screen of your own: follows a terminal's sessions over MQTT 5 and prints what a kiosk would draw.

Needs paho-mqtt alone: pip install "paho-mqtt>=2.1,<3". Put your drawing in the place of ``draw``.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

BAR = 20
# What the terminal says while no session can run; the will of one that vanished says "lost".
OUT_OF_ORDER = {"degraded", "paused", "quarantined", "updating", "disconnected", "lost"}


@dataclass
class Page:
    """What is on the screen."""

    words: str = ""
    prompt: str | None = None
    progress: float | None = None
    seconds_left: int | None = None


def draw(page: Page) -> None:
    """One line for each new page."""
    filled = "" if page.progress is None else "#" * round(page.progress * BAR)
    bar = " " * (BAR + 2) if page.progress is None else f"[{filled:<{BAR}}]"
    left = "" if page.seconds_left is None else f"{page.seconds_left} s"
    print(f"{bar} {left:>4}  {page.words}".rstrip(), flush=True)


class Follower:
    """Turns messages into pages. A message may be lost, or come twice: each is taken for what it says by itself."""

    def __init__(self) -> None:
        self.page = Page()
        self.result = False
        self._session: str | None = None

    def session_event(self, event: dict[str, Any]) -> Page:
        """``session/<id>/event``."""
        if event["sessionId"] != self._session:
            self._session, self.page = event["sessionId"], Page()
        self.result = event["state"] == "done"
        page = Page(self.page.words, self.page.prompt)
        if "prompt" in event:
            # Its name chooses a picture, as turn_left an arrow to the left; the text is in the terminal's language.
            page.prompt, page.words = event["prompt"], event.get("text", event["prompt"])
        if not self.result:
            page.progress, page.seconds_left = event.get("progress"), event.get("secondsLeft")
        self.page = page
        return page

    def state(self, state: dict[str, Any]) -> Page | None:
        """The retained ``state``: whether anybody should stand there at all. None: it changes nothing."""
        if state["state"] in OUT_OF_ORDER:
            self._session, self.page, self.result = None, Page("Out of order"), False
            return self.page
        if state["state"] == "ready" and self.page.words == "Out of order":
            self.page = Page()
            return self.page
        return None

    def result_was_read(self) -> Page:
        """Nobody is asked for anything any more."""
        self._session, self.page, self.result = None, Page(), False
        return self.page


def main() -> int:
    """Follows one terminal until it is interrupted, or after so many results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--prefix", default="livegate")
    parser.add_argument("--site", default="default")
    parser.add_argument("--device", default="terminal-1")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca", type=Path, help="of the broker's certificate; with it the connection is encrypted")
    parser.add_argument("--result-seconds", type=float, default=5.0)
    parser.add_argument("--results", type=int, default=0, help="stop after so many; 0: never")
    options = parser.parse_args()

    base = f"{options.prefix}/v1/{options.site}/{options.device}"
    messages: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    # Again at each connection: the broker may have forgotten.
    client.on_connect = lambda *_: client.subscribe([(f"{base}/session/+/event", 0), (f"{base}/state", 1)])
    client.on_subscribe = lambda *_: messages.put(None)
    client.on_message = lambda _, __, message: messages.put((message.topic, message.payload))
    if options.username:
        password = options.password_file.read_text().strip() if options.password_file else None
        client.username_pw_set(options.username, password)
    if options.ca:
        client.tls_set(str(options.ca))
    client.connect(options.host, options.port)
    client.loop_start()

    follower, results = Follower(), 0
    try:
        while not options.results or results < options.results:
            try:
                message = messages.get(timeout=options.result_seconds if follower.result else None)
            except queue.Empty:
                draw(follower.result_was_read())
                results += 1
                continue
            if message is None:
                print(f"following {base}", flush=True)
                continue
            topic, payload = message
            told = json.loads(payload)
            page = follower.state(told) if topic == f"{base}/state" else follower.session_event(told)
            if page is not None:
                draw(page)
    except KeyboardInterrupt:
        pass
    finally:
        client.disconnect()
        client.loop_stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
