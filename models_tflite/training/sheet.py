"""A contact sheet of the synthesis: `python models_tflite/training/sheet.py --pad DIR --out sheet.png`.

Two rows a species: crops of four face boxes, then crops of one and a half at the camera's own resolution.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from synthesis import SPECIES, Frame, load_backgrounds, load_portraits, make

TILE = 224


def crop(frame: Frame, factor: float) -> np.ndarray:
    """(TILE, TILE, 3) uint8 around the face, mirrored beyond the frame."""
    left, top, width, height = frame.box
    side = max(width, height) * factor
    corner = left + width / 2 - side / 2, top + height / 2 - side / 2
    scale = TILE / side
    matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    pixels = cv2.GaussianBlur(frame.pixels, (0, 0), 0.5 / scale) if scale < 0.7 else frame.pixels
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    )


def main() -> None:
    """Render the sheet."""
    parser = argparse.ArgumentParser(description="Contact sheet of synthetic camera frames, two rows a species.")
    parser.add_argument(
        "--pad", type=Path, required=True, help="folder with index.csv, faces_bbox.csv and backgrounds/"
    )
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--species", nargs="*", default=SPECIES, choices=SPECIES)
    arguments = parser.parse_args()
    root = arguments.pad / "faces" if (arguments.pad / "faces").is_dir() else arguments.pad
    portraits, backgrounds = load_portraits(root), load_backgrounds(root)
    rows = []
    for species in arguments.species:
        rng = np.random.default_rng(arguments.seed)
        chosen = rng.permutation(len(portraits))[: arguments.samples]
        frames = [make(portraits[n], backgrounds, np.random.default_rng([arguments.seed, n]), species) for n in chosen]
        for factor in (4.0, 1.5):
            row = np.hstack([crop(frame, factor) for frame in frames])
            cv2.putText(row, f"{species} x {factor}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 255, 255), 1)
            rows.append(row)
    cv2.imwrite(str(arguments.out), np.vstack(rows))


if __name__ == "__main__":
    main()
