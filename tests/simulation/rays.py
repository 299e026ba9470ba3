"""Straight ways followed one by one through the cells of a surface: slow, and free of what shadows assume."""

from __future__ import annotations

import numpy as np


def met(surface, starts, ends):
    """Whether the straight ways meet a surface (h, w, 3), whose cells are taken for two triangles each."""
    corners = [surface[:-1, :-1], surface[:-1, 1:], surface[1:, :-1], surface[1:, 1:]]
    a, b, c, d = (corner.reshape(-1, 3).astype(np.float64) for corner in corners)
    first, second, third = np.concatenate([a, d]), np.concatenate([b, c]), np.concatenate([c, b])
    one, other = second - first, third - first
    found = []
    for start, end in zip(starts, ends, strict=True):
        way = end - start
        normal = np.cross(way, other)
        scale = (one * normal).sum(axis=1)
        scale = np.where(np.abs(scale) < 1e-15, np.inf, scale)
        from_corner = start - first
        u = (from_corner * normal).sum(axis=1) / scale
        turned = np.cross(from_corner, one)
        v = turned @ way / scale
        part = (turned * other).sum(axis=1) / scale
        found.append(((u >= 0) & (v >= 0) & (u + v <= 1) & (part > 0) & (part < 1)).any())
    return np.array(found)
