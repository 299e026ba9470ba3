"""Arithmetic of face boxes."""

from __future__ import annotations

from edge.liveness.evidence import FaceBox


def centre(box: FaceBox) -> tuple[float, float]:
    """(x, y), pixels."""
    return box.left + box.width / 2, box.top + box.height / 2


def middle(box: FaceBox, share: float, width: int, height: int) -> tuple[float, float, float, float]:
    """Top, bottom, left and right of the middle ``share`` of a box each way, within a picture, pixels."""
    edge = (1 - share) / 2
    top, bottom = (min(max(box.top + box.height * part, 0), height) for part in (edge, 1 - edge))
    left, right = (min(max(box.left + box.width * part, 0), width) for part in (edge, 1 - edge))
    return top, bottom, left, right


def square(x: float, y: float, side: float) -> FaceBox:
    """The square of ``side`` about (x, y)."""
    return FaceBox(x - side / 2, y - side / 2, side, side)


def shared_area(a: FaceBox, b: FaceBox) -> float:
    """Square pixels that both cover."""
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return max(width, 0.0) * max(height, 0.0)


def overlap(a: FaceBox, b: FaceBox) -> float:
    """Intersection over union, 0..1."""
    shared = shared_area(a, b)
    union = a.width * a.height + b.width * b.height - shared
    return shared / union if union > 0 else 0.0
