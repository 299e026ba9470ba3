"""Draws docs/pictures/data-flow.svg: where a person's data go; with --check only tells whether it is current.

Names of files and topics come from the code, so that the picture follows them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from generated import write_or_check

from edge.contracts.topics import Topics
from edge.frames.ring import SLOTS
from edge.link.identity import BOOT_COUNT_FILE
from edge.link.key_source import KEY_FILE
from edge.link.outbox import OUTBOX_FILE
from edge.terminal.failures import FAILURES_FILE

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "data-flow.svg"
WIDTH: Final = 1120
HEIGHT: Final = 712
LINE: Final = 16
TITLE: Final = "Where a person's data go"
DESCRIPTION: Final = (
    "Light of a face reaches the camera in the capture process. Frames go through a ring in shared memory to the "
    "inference thread of the daemon, where vision makes evidence and the heart a decision. The decision is signed, "
    "stored in the outbox on disk and sent to the broker, and from there to the back end. A reference comes in sealed "
    "and is opened in memory; a session image is sealed in memory and goes out once. Frames, crops, landmarks, "
    "embeddings, references and pictures are never on disk."
)
# Of a light page and of a dark one; text has a contrast of 4.5 to 1 and more on each ground that it stands on.
LIGHT: Final = {
    "ground": "#ffffff",
    "text": "#1b2026",
    "faint": "#56606b",
    "zone": "#8a949e",
    "plain": "#f1f3f5",
    "memory": "#e4effa",
    "memory-edge": "#0b5fa5",
    "disk": "#fbe6d0",
    "disk-edge": "#a5480b",
    "sealed": "#7a2a86",
}
DARK: Final = {
    "ground": "#14181d",
    "text": "#e8ecf0",
    "faint": "#a7b1bb",
    "zone": "#77818b",
    "plain": "#252b32",
    "memory": "#16304a",
    "memory-edge": "#6cb4f2",
    "disk": "#46290f",
    "disk-edge": "#f0a060",
    "sealed": "#d896e2",
}
SHAPES: Final = (
    "text{font:12px system-ui,sans-serif}.head{font-weight:600}.zone,.flow,.sealed{fill:none}"
    ".zone{stroke-dasharray:7 4}.inner{stroke-dasharray:2 3}.disk{stroke-width:2}.flow{stroke-width:1.4}"
    ".sealed{stroke-width:2;stroke-dasharray:6 3}"
)


def colours(of: Mapping[str, str]) -> str:
    """Rules for the classes, without variables, which not every program that draws SVG knows."""
    fills = {"text": "text", ".note": "faint", ".ground": "ground", ".tip": "text", ".sealed-tip": "sealed"}
    edges = {".zone": "zone", ".flow": "text", ".sealed": "sealed", ".plain": "zone"}
    both = {".memory": "memory", ".disk": "disk"}
    return "".join(
        (
            *(f"{name}{{fill:{of[colour]}}}" for name, colour in fills.items()),
            *(f"{name}{{stroke:{of[colour]}}}" for name, colour in edges.items()),
            *(f"{name}{{fill:{of[colour]};stroke:{of[colour + '-edge']}}}" for name, colour in both.items()),
            f".plain{{fill:{of['plain']}}}",
        )
    )


STYLE: Final = f"{SHAPES}{colours(LIGHT)}@media (prefers-color-scheme:dark){{{colours(DARK)}}}"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """left, top, width, height: pixels. kind: its class in STYLE. lines: the first one is its name."""

    left: float
    top: float
    width: float
    height: float
    kind: str
    lines: tuple[str, ...]

    def svg(self) -> Iterator[str]:
        yield (
            f'<rect class="{self.kind}" x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" '
            f'height="{self.height:g}" rx="4"/>'
        )
        first = self.top + (self.height - LINE * len(self.lines)) / 2 + 12
        for number, line in enumerate(self.lines):
            kind = ' class="head"' if number == 0 else ""
            yield _text(self.left + self.width / 2, first + number * LINE, line, f'{kind} text-anchor="middle"')


@dataclass(frozen=True, slots=True)
class Zone:
    """A boundary that data cross."""

    left: float
    top: float
    width: float
    height: float
    name: str
    inner: bool = False

    def svg(self) -> Iterator[str]:
        kind = "zone inner" if self.inner else "zone"
        yield (
            f'<rect class="{kind}" x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" height="{self.height:g}" '
            'rx="8"/>'
        )
        yield _text(self.left + 9, self.top + 17, self.name, ' class="note"')


@dataclass(frozen=True, slots=True)
class Arrow:
    """Along straight lines; the last one ends in a tip. sealed: what goes there opens with one key alone."""

    points: tuple[Point, ...]
    label: str = ""
    at: Point = (0, 0)
    sealed: bool = False

    def svg(self) -> Iterator[str]:
        kind = "sealed" if self.sealed else "flow"
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in self.points)
        yield f'<path class="{kind}" d="{path}"/>'
        yield f'<path class="{"sealed-tip" if self.sealed else "tip"}" d="{_tip(self.points[-2], self.points[-1])}"/>'
        if self.label:
            yield _text(*self.at, self.label, ' class="note"')


def _tip(start: Point, end: Point) -> str:
    """Of an arrow that goes along one of the axes."""
    (x, y), along = end, (end[0] - start[0], end[1] - start[1])
    right, down = (along[0] > 0) - (along[0] < 0), (along[1] > 0) - (along[1] < 0)
    first = (x - 8 * right + 4 * down, y - 8 * down + 4 * right)
    second = (x - 8 * right - 4 * down, y - 8 * down - 4 * right)
    return f"M{x:g} {y:g} L{first[0]:g} {first[1]:g} L{second[0]:g} {second[1]:g} Z"


def _text(x: float, y: float, content: str, attributes: str) -> str:
    return f'<text x="{x:g}" y="{y:g}"{attributes}>{escape(content)}</text>'


def suffix(topic: str) -> str:
    """What follows the device's own part of a topic."""
    return topic.removeprefix(f"{TOPICS.base}/")


TOPICS: Final = Topics("{prefix}", "{site}", "{device}")
ZONES: Final = (
    Zone(176, 16, 576, 648, "device"),
    Zone(192, 44, 118, 232, "capture process", inner=True),
    Zone(334, 44, 406, 470, "daemon", inner=True),
    Zone(370, 72, 236, 430, "inference thread", inner=True),
    Zone(618, 72, 112, 430, "event loop", inner=True),
    Zone(192, 532, 548, 120, "disk: state folder", inner=True),
    Zone(776, 16, 170, 648, "broker"),
    Zone(968, 16, 136, 648, "back end"),
)
BOXES: Final = (
    Box(16, 110, 130, 60, "plain", ("a person", "and whoever is", "in the picture")),
    Box(204, 104, 94, 72, "memory", ("camera", "buffers of", "driver, kernel")),
    Box(240, 204, 122, 58, "memory", ("ring", f"{SLOTS} frames, shared", "memory, no file")),
    Box(204, 398, 94, 90, "plain", ("screen, lamp", "light, prompts;", "preview,", "where set")),
    Box(380, 104, 216, 58, "memory", ("reference", "decoded, embedded,", "overwritten")),
    Box(
        380,
        196,
        216,
        74,
        "memory",
        ("vision", "crops, landmarks, scores;", "embeddings, held against the", "session's own and the reference's"),
    ),
    Box(380, 310, 102, 74, "memory", ("heart", "evidence to", "decision;", "no pixels")),
    Box(492, 310, 104, 90, "memory", ("best picture", "if asked for:", "one crop, JPEG,", "sealed (HPKE)")),
    Box(380, 424, 102, 58, "memory", ("decision", "signed", "(Ed25519)")),
    Box(627, 100, 94, 90, "memory", ("command", "nonce, ids;", "reference", "unsealed")),
    Box(627, 210, 94, 74, "memory", ("link", "states,", "prompts,", "answers")),
    Box(627, 318, 94, 74, "memory", ("link", "waits for no", "connection")),
    Box(627, 424, 94, 58, "memory", ("link", "reads the", "outbox")),
    Box(
        204, 562, 164, 76, "disk", (KEY_FILE, f"other keys, {BOOT_COUNT_FILE},", "configurations,", "times of reboots")
    ),
    Box(384, 562, 150, 76, "disk", (OUTBOX_FILE, "decisions that wait,", "ids of commands")),
    Box(550, 562, 150, 76, "disk", (FAILURES_FILE, "salted hashes of", "correlation ids, times")),
    Box(786, 104, 150, 74, "plain", (suffix(TOPICS.command("session.start")), "QoS 0 with", "a reference")),
    Box(
        786,
        194,
        150,
        106,
        "plain",
        (
            suffix(TOPICS.state),
            f"{suffix(TOPICS.info)}, {suffix(TOPICS.health)}, {suffix(TOPICS.event)}",
            suffix(TOPICS.session_event("<id>")),
            suffix(TOPICS.config_reported),
            suffix(TOPICS.response("<verb>")),
        ),
    ),
    Box(786, 318, 150, 74, "plain", (suffix(TOPICS.session_image("<id>")), "QoS 0, once,", "never retained")),
    Box(786, 416, 150, 74, "plain", (suffix(TOPICS.decision), "QoS 1, never retained;", "a broker may store it")),
    Box(978, 104, 116, 74, "plain", ("requester", "seals a", "reference")),
    Box(978, 210, 116, 74, "plain", ("controller,", "operator,", "watcher")),
    Box(978, 318, 116, 74, "plain", ("who has the", "image's key", "opens it")),
    Box(978, 416, 116, 74, "plain", ("controller", "verifies signature", "and nonce")),
)
ARROWS: Final = (
    Arrow(((146, 140), (204, 140)), "light", (149, 132)),
    Arrow(((204, 443), (81, 443), (81, 170)), "light, prompts", (90, 435)),
    Arrow(((272, 176), (272, 204))),
    Arrow(((362, 233), (380, 233))),
    Arrow(((488, 162), (488, 196))),
    Arrow(((431, 270), (431, 310))),
    Arrow(((544, 270), (544, 310))),
    Arrow(((380, 347), (251, 347), (251, 398)), "what to show", (258, 340)),
    Arrow(((431, 384), (431, 424))),
    Arrow(((431, 482), (431, 562))),
    Arrow(((488, 562), (488, 522), (674, 522), (674, 482))),
    Arrow(((721, 453), (786, 453))),
    Arrow(((936, 453), (978, 453))),
    Arrow(((721, 247), (786, 247))),
    Arrow(((936, 247), (978, 247))),
    Arrow(((627, 133), (596, 133))),
    Arrow(((978, 141), (936, 141)), sealed=True),
    Arrow(((786, 141), (721, 141)), sealed=True),
    Arrow(((596, 355), (627, 355)), sealed=True),
    Arrow(((721, 355), (786, 355)), sealed=True),
    Arrow(((936, 355), (978, 355)), sealed=True),
)
LEGEND: Final = (
    Box(176, 678, 20, 16, "memory", ()),
    Box(372, 678, 20, 16, "disk", ()),
)


def legend() -> Iterator[str]:
    for box in LEGEND:
        yield from box.svg()
    yield _text(204, 691, "memory only", ' class="note"')
    yield _text(400, 691, "on disk", ' class="note"')
    yield '<path class="sealed" d="M520 686 L556 686"/>'
    yield _text(564, 691, "sealed: opens with one private key", ' class="note"')
    yield '<path class="zone" d="M800 686 L836 686"/>'
    yield _text(844, 691, "boundary", ' class="note"')


def picture(parts: Sequence[Zone | Box | Arrow]) -> str:
    """The whole file."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{escape(TITLE)}</title><desc>{escape(DESCRIPTION)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        *(line for part in parts for line in part.svg()),
        *legend(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    return write_or_check({OUT: picture((*ZONES, *ARROWS, *BOXES))}, __doc__)


if __name__ == "__main__":
    sys.exit(main())
