"""A chart that stands alone as an SVG file, for viewers that know no variables of style sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 860
_LEFT: Final = 62
_RIGHT: Final = 16
_TOP: Final = 16
_HEIGHT: Final = 260
# Colours of Okabe and Ito (2008), and a dash each.
_SERIES: Final = (("#0072b2", "none"), ("#d55e00", "8 3"), ("#00785a", "2 3"), ("#b0508c", "8 3 2 3"))
_STYLE: Final = (
    "text{fill:#1b2026;font:12px system-ui,sans-serif}.tick{fill:#56606b;font-size:11px}.grid{stroke:#d5dbe1}"
    ".limit{stroke:#1b2026;stroke-dasharray:5 3}.line{fill:none;stroke-width:1.5}"
    + "".join(f".s{number}{{stroke:{ink};stroke-dasharray:{dash}}}" for number, (ink, dash) in enumerate(_SERIES))
)


@dataclass(frozen=True, slots=True)
class Line:
    """points: across and upwards, rising across."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(title: str, description: str, across: str, upwards: str, lines: Sequence[Line], *, limit: float) -> str:
    """The document. Upwards from 0; limit: where a line is drawn across, an aim. lines: at most four."""
    highest = max(limit, *(y for line in lines for _, y in line.points)) * 1.06
    last = max(x for line in lines for x, _ in line.points)
    right, bottom = _WIDTH - _RIGHT, _TOP + _HEIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        return _LEFT + (right - _LEFT) * x / last, bottom - _HEIGHT * y / highest

    parts = []
    for tick in _ticks(highest):
        y = at(0, tick)[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{tick:g}", "tick", "end"))
    for tick in _ticks(last):
        x = at(tick, 0)[0]
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 18, f"{tick:g}", "tick", "middle"))
    y = at(0, limit)[1]
    parts.append(f'<line class="limit" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
    parts.append(_text(right, y + 14, f"aim {limit:g}", "tick", "end"))
    for number, line in enumerate(lines):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line.points))
        parts.append(f'<polyline class="line s{number}" points="{path}"/>')
        row = bottom + 62 + 20 * number
        y = row - 4
        parts.append(f'<line class="line s{number}" x1="{_LEFT}" y1="{y}" x2="{_LEFT + 36}" y2="{y}"/>')
        parts.append(_text(_LEFT + 46, row, line.name, "label", "start"))
    parts.append(_text((_LEFT + right) / 2, bottom + 38, across, "axis", "middle"))
    turned = f'transform="translate(16 {_TOP + _HEIGHT / 2}) rotate(-90)"'
    parts.append(f'<text class="axis" text-anchor="middle" {turned}>{escape(upwards)}</text>')
    height = bottom + 62 + 20 * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img"><title>{escape(title)}</title><desc>{escape(description)}</desc><style>{_STYLE}</style>'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _ticks(highest: float) -> list[float]:
    size = next(base * 10**power for power in range(-2, 9) for base in (1, 2, 5) if highest / (base * 10**power) <= 8)
    return [number * size for number in range(int(highest // size) + 1)]


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
