"""Presentation attacks with a print: ink on paper that somebody holds, hangs up or cuts out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from artefacts import Screening, Sheet
from camera import Camera, Lattice
from light import linear, scaled
from portraits import Portrait
from presentation import Capture, Shown, first_generation, highlight, hold, lamp, noise, sheet_of, surroundings
from scene import place_of, room_white

PRINTS = ("print_full", "print_held", "print_cut", "poster")


def printed(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    settled: Capture,
    species: str,
    details: dict[str, float | str],
) -> tuple[np.ndarray, tuple[float, float, float, float], Lattice | None]:
    """Light at the sensor, face box in sensor pixels, and the halftone, of a print before the settled capture."""
    fills = species in ("print_full", "poster")
    if fills:
        aspect = settled.camera.width / settled.camera.height
        share = settled.face / settled.camera.width / rng.uniform(1.05, 1.6 if species == "print_full" else 2.5)
        face = rng.uniform(7, 16) if species == "print_full" else rng.uniform(16, 45)
    else:
        aspect = float(rng.choice([0.707, 0.75, 0.8, 1.0, 1.333, 1.414]))
        share = rng.uniform(0.28, 0.55)
        face = rng.uniform(7, 15) if rng.random() < 0.75 else rng.uniform(3, 6)
    shown = first_generation(
        portrait, backgrounds, rng, aspect=aspect, share=share, face=settled.face * rng.uniform(0.9, 1.6)
    )
    bend = float(rng.normal(0, 0.03)) * 10 / face if rng.random() < 0.6 and species != "poster" else 0.0
    sheet = sheet_of(rng, settled, face, rng.uniform(25, 70) * max(face / 10, 1), lean=9, bend=bend)
    scale = shown.box[2] / face
    origin = shown.box[0] + shown.box[2] / 2, shown.box[1] + shown.box[3] / 2
    reflectance = _inked(linear(sheet.seen(_proofed(shown.picture, rng), scale, origin)), rng)
    rows, columns = shown.picture.shape[:2]
    edges = (-origin[0] / scale, -origin[1] / scale, (columns - origin[0]) / scale, (rows - origin[1]) / scale)
    cover: np.ndarray | None = None
    surface = reflectance
    if not fills or (species == "poster" and rng.random() < 0.4):
        margin = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.2, 1.6))
        if species == "print_cut":
            cover, inked = _cut_out(portrait, shown, rng, sheet, face)
        else:
            inked = sheet.inside(*edges)
            edges = edges[0] - margin, edges[1] - margin, edges[2] + margin, edges[3] + margin
            cover = sheet.inside(*edges)
        surface = cv2.blendLinear(reflectance, np.ones_like(reflectance), inked, 1 - inked)
    gloss = float(rng.beta(1.2, 3)) if rng.random() < 0.6 else 0.0
    light = _lit(surface, rng, sheet, face, gloss)
    if cover is not None:
        light = cv2.blendLinear(light, surroundings(backgrounds, rng, settled), cover, 1 - cover)
    if not fills:
        hold(light, rng, sheet, edges, face)
    light = scaled(light, room_white(rng))
    details |= {"centimetres": float(face), "bend": bend, "gloss": gloss}
    tall = face * shown.box[3] / shown.box[2]
    box = sheet.box(-face / 2, -tall / 2, face / 2, tall / 2)
    if rng.random() > (0.9 if species == "poster" else 0.45):
        return light, box, None  # inkjet: its dots are too fine and have no period
    screening = Screening(float(rng.uniform(25, 60) if species == "poster" else rng.uniform(39, 79)))
    details["ruling"] = screening.ruling

    def lattice(camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        return screening.factor(sheet, camera, colours, reflectance)

    return light, box, lattice


def _lit(surface: np.ndarray, rng: np.random.Generator, sheet: Sheet, face: float, gloss: float) -> np.ndarray:
    """Paper, curved and folded as it may be, under a lamp that it may mirror. gloss: 0..1."""
    coarse = sheet.coarse
    shade = lamp(rng, coarse, 1.5 * face)
    if sheet.bend:
        slope = np.float32(sheet.bend * rng.choice([-1, 1]) * 3) * coarse.where[0]
        shade = shade * (1 + np.float32(rng.uniform(0.1, 0.5)) * np.tanh(slope))
    shade = sheet.fine(shade)
    fibres = noise(rng, sheet.columns, sheet.rows, float(rng.uniform(0.002, 0.015)))[..., 0]
    shade = shade * (1 + fibres)
    if rng.random() < 0.25:  # folded and opened again
        across = sheet.where[int(rng.integers(2))]
        step = (across - np.float32(rng.normal(0, 1.2) * face)) * np.float32(sheet.scale / 2)
        shade *= 1 + np.float32(rng.normal(0, 0.08)) * np.tanh(step) - 0.12 * np.exp(-(step**2))
    veil = sheet.fine(highlight(rng, coarse, 1.5 * face, gloss)) + np.float32(gloss * rng.uniform(0, 0.04))
    paper = np.array([rng.uniform(0.82, 0.93), 0.9, rng.uniform(0.88, 0.92)]) * 0.95
    light = cv2.multiply(scaled(surface, paper), cv2.merge([shade] * 3))
    return np.asarray(cv2.add(light, cv2.merge([veil] * 3)))


def _proofed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture as a driver prints it: ink gamut, contrast and cast."""
    saturation = rng.uniform(0.7, 1.1)
    grey = np.array([0.114, 0.587, 0.299], np.float32)
    matrix = np.eye(3, dtype=np.float32) * np.float32(saturation) + np.float32(1 - saturation) * grey[None]
    matrix = matrix * np.exp(rng.normal(0, 0.035, 3)).astype(np.float32)[:, None]
    table = np.arange(256, dtype=np.float32) / 255
    table = table ** np.float32(np.exp(rng.normal(0, 0.15)))
    table = (np.clip(table * rng.uniform(0.92, 1.0), 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.transform(picture, matrix), table))


def _inked(reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black ink still reflects: 1 % of white on glossy photo paper, 7 % on plain paper."""
    black = float(rng.uniform(0.015, 0.07))
    return np.asarray(cv2.addWeighted(reflectance, 1 - black, reflectance, 0, black))


def _cut_out(
    portrait: Portrait, shown: Shown, rng: np.random.Generator, sheet: Sheet, face: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cover of a print cut along the head, and where there is picture and not a rim of paper: (rows, columns)."""
    rows, columns = shown.picture.shape[:2]
    scale = shown.box[2] / face
    matte = cv2.warpAffine(portrait.matte(), place_of(portrait, shown.pose), (columns, rows), flags=cv2.INTER_LINEAR)
    # Scissors follow no hair.
    matte = cv2.GaussianBlur(matte, (0, 0), 0.12 * scale)
    rim = max(int(rng.uniform(0.0, 0.5) * scale), 1)
    wide = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1)))
    wide = cv2.GaussianBlur(wide, (0, 0), 0.15 * scale)
    u, v = sheet.where
    x = u * np.float32(scale) + np.float32(shown.box[0] + shown.box[2] / 2)
    y = v * np.float32(scale) + np.float32(shown.box[1] + shown.box[3] / 2)
    steep = max(sheet.scale / scale, 1.0) * 0.15 * scale
    covers = []
    for mask in (wide, matte):
        seen = cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(np.float32) / 255
        covers.append(np.clip((seen - 0.5) * np.float32(2.5 * steep) + 0.5, 0, 1))
    end = np.float32(shown.box[1] + rng.uniform(0.95, 1.8) * shown.box[3])
    covers[0] = covers[0] * np.clip((end - y) * np.float32(sheet.scale / scale) + 0.5, 0, 1)
    return covers[0], covers[1]
