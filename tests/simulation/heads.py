"""A head, and OBJ files of heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.simulation.head import Anthropometry, Head, KeyPoint, parametric_head

HEAD = parametric_head(Anthropometry(face_width=0.135, nose_protrusion=0.022))


def write(
    path: Path, head: Head, *, metres: float = 1.0, swap: np.ndarray | None = None, face_only: bool = False
) -> Path:
    """The grid as quads; ``swap`` (3, 3) takes x right, y up, z out of the face to the file's axes."""
    vertices = head.relief.points.astype(float) * [1, -1, -1] / metres + [3.0, -2.0, 1.5]
    vertices = vertices @ (np.eye(3) if swap is None else swap).T
    rows, columns = vertices.shape[:2]
    number = np.arange(rows * columns).reshape(rows, columns) + 1
    quads = np.stack((number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]), axis=-1)
    if face_only:
        points = head.relief.points
        front = (
            (points[..., 2] < -0.02) & (points[..., 1] > -0.055) & (points[..., 1] < head.points[KeyPoint.MENTON][1])
        )
        quads = quads[front[:-1, :-1] & front[1:, 1:]]
    lines = ["# a head", "mtllib none.mtl"]
    lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.reshape(-1, 3)]
    lines += ["f " + " ".join(f"{corner}//1" for corner in quad) for quad in quads.reshape(-1, 4)]
    path.write_text("\n".join(lines))
    return path
