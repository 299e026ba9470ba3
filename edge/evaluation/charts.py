"""Charts of a report as inline SVG. Colours are classes that the page's style sheet defines for light, dark and print.

Each chart has a title and a description for those who do not see it; the page's tables carry the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist
from typing import Final

from edge.evaluation.metrics import Rate
from edge.evaluation.performance import Histogram, Interval

SERIES = 8
"""Colours and dashes that the style sheet tells apart."""

_WIDTH = 760
_LABEL = 26
_DET_LOW, _DET_HIGH = 0.001, 0.95
_DET_TICKS: Final = (0.00001, 0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DetLine:
    """points: rates across and upwards, APCER and BPCER or others. series: its colour. at: both at the threshold."""

    name: str
    points: Sequence[tuple[float, float]]
    series: int
    at: tuple[float, float]


def intervals(title: str, description: str, rows: Sequence[tuple[str, Rate, Interval]]) -> str:
    """One row each: the rate, its exact bounds, and the bounds over subjects where there are any."""
    left, right, top, step = 210, 150, 14, 34
    bottom = top + step * len(rows)
    highest = max([0.05, *(max(rate.high, bounds.high or 0.0) for _, rate, bounds in rows if rate.n)])
    tick = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if highest / size <= 6 or size == 0.25)
    end = min(1.0, -(-highest // tick) * tick)

    def x(rate: float) -> float:
        return left + (_WIDTH - left - right) * min(rate, end) / end

    parts = []
    for number in range(round(end / tick) + 1):
        at = x(number * tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom}"/>')
        parts.append(_text(at, bottom + 18, f"{number * tick:.0%}", "tick", anchor="middle"))
    for number, (name, rate, bounds) in enumerate(rows):
        y = top + step * (number + 0.5)
        parts.append(_name(left - 12, y + 4, name))
        if rate.value is None:
            parts.append(_text(left + 6, y + 4, "no response", "tick"))
            continue
        if bounds.low is not None and bounds.high is not None:
            parts.append(
                f'<line class="subjects" x1="{x(bounds.low):.1f}" y1="{y + 8}" x2="{x(bounds.high):.1f}" y2="{y + 8}"/>'
            )
        low, high, at = x(rate.low), x(rate.high), x(rate.value)
        parts.append(f'<line class="whisker" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>')
        parts += [
            f'<line class="whisker" x1="{end:.1f}" y1="{y - 5}" x2="{end:.1f}" y2="{y + 5}"/>' for end in (low, high)
        ]
        parts.append(f'<circle class="point" cx="{at:.1f}" cy="{y}" r="5"/>')
        parts.append(_text(_WIDTH - right + 14, y + 4, f"{rate.value:.1%}  ({rate.errors}/{rate.n})", "value"))
    return _svg(title, description, bottom + 28, parts)


def det(
    title: str,
    description: str,
    lines: Sequence[DetLine],
    *,
    axes: tuple[str, str] = ("APCER", "BPCER"),
    threshold: str = "the terminal's threshold",
    lowest: float = _DET_LOW,
) -> str:
    """Two rates, across and upwards, on normal-deviate axes; rates outside them are drawn at the edge.

    threshold: what a dot is. lowest: rate where the axes begin.
    """
    left, top, side = 74, 14, 430
    bottom = top + side

    def place(rate: float) -> float:
        low, high = _NORMAL.inv_cdf(lowest), _NORMAL.inv_cdf(_DET_HIGH)
        return (_NORMAL.inv_cdf(min(max(rate, lowest), _DET_HIGH)) - low) / (high - low)

    def x(rate: float) -> float:
        return left + side * place(rate)

    def y(rate: float) -> float:
        return bottom - side * place(rate)

    parts = []
    for tick in (tick for tick in _DET_TICKS if tick >= lowest):
        label = f"{tick * 100:g}"
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" y1="{top}" x2="{x(tick):.1f}" y2="{bottom}"/>')
        parts.append(f'<line class="grid" x1="{left}" y1="{y(tick):.1f}" x2="{left + side}" y2="{y(tick):.1f}"/>')
        parts.append(_text(x(tick), bottom + 18, label, "tick", anchor="middle"))
        parts.append(_text(left - 8, y(tick) + 4, label, "tick", anchor="end"))
    parts.append(
        f'<line class="diagonal" x1="{x(lowest):.1f}" y1="{y(lowest):.1f}" '
        f'x2="{x(_DET_HIGH):.1f}" y2="{y(_DET_HIGH):.1f}"/>'
    )
    parts.append(f'<rect class="frame" x="{left}" y="{top}" width="{side}" height="{side}"/>')
    for number, line in enumerate(lines):
        path = " ".join(f"{x(apcer):.1f},{y(bpcer):.1f}" for apcer, bpcer in line.points)
        parts.append(f'<polyline class="line s{line.series}" points="{path}"/>')
        parts.append(f'<circle class="dot s{line.series}" cx="{x(line.at[0]):.1f}" cy="{y(line.at[1]):.1f}" r="5"/>')
        row = top + 12 + 24 * number
        key = left + side + 24
        parts.append(f'<line class="line s{line.series}" x1="{key}" y1="{row}" x2="{key + 30}" y2="{row}"/>')
        parts.append(_name(key + 40, row + 4, line.name, anchor="start"))
    row = top + 12 + 24 * len(lines)
    parts.append(f'<circle class="dot key" cx="{left + side + 39}" cy="{row}" r="5"/>')
    parts.append(_text(left + side + 64, row + 4, threshold, "label"))
    parts.append(_text(left + side / 2, bottom + 40, f"{axes[0]}, %", "axis", anchor="middle"))
    parts.append(
        '<text class="axis" text-anchor="middle" '
        f'transform="translate(20 {top + side / 2}) rotate(-90)">{axes[1]}, %</text>'
    )
    return _svg(title, description, bottom + 52, parts)


def histograms(
    title: str,
    description: str,
    histogram: Histogram,
    threshold: float,
    *,
    wanted: str = "bona fide",
    axis: str = "fused PAD margin: refused left, live right",
) -> str:
    """One strip for what is to be accepted and each kind of what is not, each to its own height.

    wanted: name of the former. axis: what the scores are.
    """
    left, right, top, step, height = 210, 90, 22, 62, 46
    names = list(histogram.counts)
    bottom = top + step * len(names)
    low, high = histogram.edges[0], histogram.edges[-1]
    width = _WIDTH - left - right

    def x(score: float) -> float:
        return left + width * (score - low) / (high - low)

    parts = []
    ticks = _round_ticks(low, high)
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" y1="{top}" x2="{x(tick):.1f}" y2="{bottom}"/>')
        parts.append(_text(x(tick), bottom + 18, f"{tick:g}", "tick", anchor="middle"))
    for number, name in enumerate(names):
        counts = histogram.counts[name]
        base = top + step * (number + 1) - 8
        kind = "bonafide" if name is None else "attack"
        tallest = max(counts)
        for edge, following, count in zip(histogram.edges, histogram.edges[1:], counts, strict=False):
            if count:
                tall = max(1.0, height * count / tallest)
                parts.append(
                    f'<rect class="bar {kind}" x="{x(edge):.1f}" y="{base - tall:.1f}" '
                    f'width="{max(1.0, x(following) - x(edge) - 1):.1f}" height="{tall:.1f}">'
                    f"<title>{edge:.2f} to {following:.2f}: {count}</title></rect>"
                )
        parts.append(f'<line class="frame" x1="{left}" y1="{base}" x2="{left + width}" y2="{base}"/>')
        parts.append(_name(left - 12, base - 8, wanted if name is None else name))
        parts.append(_text(left + width + 12, base - 8, f"n = {sum(counts)}", "value"))
    if low <= threshold <= high:
        at = x(threshold)
        parts.append(f'<line class="threshold" x1="{at:.1f}" y1="{top - 6}" x2="{at:.1f}" y2="{bottom}"/>')
        parts.append(_text(at, top - 10, f"threshold {threshold:g}", "tick", anchor="middle"))
    parts.append(_text(left + width / 2, bottom + 38, axis, "axis", anchor="middle"))
    return _svg(title, description, bottom + 48, parts)


def _round_ticks(low: float, high: float) -> list[float]:
    size = next((size for size in (0.1, 0.2, 0.5, 1, 2, 5, 10) if (high - low) / size <= 10), (high - low) / 5)
    first = -(-low // size)
    return [(first + number) * size for number in range(int((high - first * size) // size) + 1)]


def _svg(title: str, description: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _name(x: float, y: float, name: str, *, anchor: str = "end") -> str:
    short = name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"
    return (
        f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(short)}'
        f"<title>{escape(name)}</title></text>"
    )
