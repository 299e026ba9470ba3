"""The simulator's light against that of Mitsuba 3, which follows rays: a head, its shoulders and a sheet beside them.

Prints one JSON document: for each lamp and thing, by how much the simulator's exitance is off on average and how much
that differs from pixel to pixel (standard deviation), relative to the reference's mean; the reference's own noise; and
what a frame takes each of them. All surfaces are matt and reflect half of the light. Needs ``pip install mitsuba``,
which nothing else does.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import mitsuba as mi
import numpy as np

from edge.simulation.head import Anthropometry, parametric_head
from edge.simulation.lamps import Distant, Dome, Panel, white
from edge.simulation.optics import BANDS, GREEN, Lamp, Layer, Map, Material, Pinhole, Pose, turn
from edge.simulation.person import shoulders
from edge.simulation.renderer import Renderer
from edge.simulation.sheet import Sheet
from edge.simulation.signals import Steady

CAMERA: Final = Pinhole(320, 240, 300.0)
SAMPLES: Final = 256
# Ways of light by up to one other surface; the simulator knows no more.
DEPTH: Final = 3
ALBEDO: Final = 0.5
# What the head leaves of a pixel's edge is not compared.
WHOLE: Final = 0.999

PANEL: Final = Panel(np.array([0.0, 0.06, 0.0]), 0.154, 0.086, 300.0, white(), Steady())
SUN: Final = Distant(1000.0, np.array([0.55, -0.5, -0.67]) / math.sqrt(0.55**2 + 0.5**2 + 0.67**2), white(), Steady())
DOME: Final = Dome(100.0, white(), Steady(), above=0.0)


def main() -> None:
    mi.set_variant("scalar_rgb")
    things = {"shoulders": 0, "head": 1, "sheet": 2}
    layers = scene()
    document = {}
    for name, lamp, emitter in (
        ("display", PANEL, display()),
        ("sun", SUN, {"type": "directional", "direction": (-SUN.direction).tolist(), "irradiance": grey(1000.0)}),
        ("all round", DOME, {"type": "constant", "radiance": grey(100.0 / math.pi)}),
    ):
        begin = time.perf_counter()
        ours = simulated(layers, lamp)
        half = time.perf_counter()
        theirs, again = (traced(layers, emitter, seed) for seed in (1, 2))
        end = time.perf_counter()
        document[name] = {
            "seconds": {"simulator": round(half - begin, 3), "reference": round((end - half) / 2, 3)},
            **{thing: compared(ours, theirs, again, layers, number) for thing, number in things.items()},
        }
    print(json.dumps(document, indent=2))


def scene() -> Sequence[Layer]:
    """Farthest first: shoulders, head, and a sheet beside it that is turned towards it."""
    head = parametric_head(Anthropometry())
    albedo = np.full((2, 2, BANDS), ALBEDO, np.float32)
    matt = Material(albedo)
    body, pose = shoulders(head), Pose(position=np.array([0.0, 0.0, 0.5]) - head.face)
    held = Pose(turn(yaw=-35), np.array([0.16, 0.0, 0.5]))
    return [Layer(body, pose, matt), Layer(head.relief, pose, matt), Layer(Sheet(0.15, 0.2), held, matt)]


def simulated(layers: Sequence[Layer], lamp: Lamp) -> Map:
    """(h, w) exitance."""
    picture = Renderer(CAMERA, [lamp]).render(layers, np.zeros(CAMERA.height), 0.01)
    return np.asarray(picture[:, :, GREEN], np.float32)


def traced(layers: Sequence[Layer], emitter: Mapping[str, Any], seed: int) -> Map:
    """(h, w) exitance."""
    described: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": DEPTH},
        "sensor": {
            "type": "perspective",
            "fov_axis": "x",
            "fov": math.degrees(2 * math.atan(CAMERA.width / 2 / CAMERA.focal)),
            "to_world": mi.ScalarTransform4f().look_at(origin=[0, 0, 0], target=[0, 0, 1], up=[0, -1, 0]),
            "film": {
                "type": "hdrfilm",
                "width": CAMERA.width,
                "height": CAMERA.height,
                "rfilter": {"type": "box"},
                "pixel_format": "luminance",
            },
        },
        "emitter": dict(emitter),
    }
    for number, layer in enumerate(layers):
        described[f"thing{number}"] = mesh(layer, f"thing{number}")
    radiance = np.asarray(mi.render(mi.load_dict(described), spp=SAMPLES, seed=seed))
    return np.asarray(radiance[:, :, 0] * math.pi, np.float32)


def mesh(layer: Layer, name: str) -> Any:
    """The shape's grid in triangles, its normals smooth."""
    rows, columns = layer.shape.points.shape[:2]
    points = layer.pose.to_world(layer.shape.points).reshape(-1, 3)
    normals = layer.pose.turned(layer.shape.normals).reshape(-1, 3)
    number = np.arange(rows * columns).reshape(rows, columns)
    corners = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    upper_left, upper_right, lower_right, lower_left = (corner.ravel() for corner in corners)
    faces = np.concatenate(
        [
            np.stack([upper_left, lower_left, upper_right], axis=1),
            np.stack([upper_right, lower_left, lower_right], axis=1),
        ]
    )
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(
        {"type": "twosided", "inner": {"type": "diffuse", "reflectance": {"type": "rgb", "value": ALBEDO}}}
    )
    made = mi.Mesh(name, len(points), len(faces), has_vertex_normals=True, props=properties)
    values = mi.traverse(made)
    values["vertex_positions"] = points.ravel()
    values["vertex_normals"] = normals.ravel()
    values["faces"] = faces.ravel().astype(np.uint32)
    values.update()
    return made


def display() -> Mapping[str, Any]:
    """A rectangle that shines away from the camera."""
    to_world = mi.ScalarTransform4f().translate(PANEL.centre.tolist()).scale([PANEL.width / 2, PANEL.height / 2, 1.0])
    return {
        "type": "rectangle",
        "to_world": to_world,
        "emitter": {"type": "area", "radiance": grey(PANEL.luminance)},
    }


def grey(value: float) -> Mapping[str, Any]:
    return {"type": "rgb", "value": value}


def compared(ours: Map, theirs: Map, again: Map, layers: Sequence[Layer], number: int) -> Mapping[str, float]:
    """Over the pixels in which the thing is seen whole."""
    seen = np.zeros(ours.shape, bool)
    for layer in layers[number:]:
        footprint = layer.shape.footprint(layer.pose, CAMERA)
        if footprint is None:
            continue
        height, width = footprint.coverage.shape
        window = np.s_[footprint.top : footprint.top + height, footprint.left : footprint.left + width]
        if layer is layers[number]:
            seen[window] = footprint.coverage >= WHOLE
        else:
            seen[window] &= footprint.coverage <= 0
    reference = (theirs[seen] + again[seen]) / 2
    off = (ours[seen] - reference) / reference.mean()
    noise = (theirs[seen] - again[seen]).std() / 2 / reference.mean()
    return {
        "mean": round(float(off.mean()), 3),
        "deviation": round(float(off.std()), 3),
        "noise": round(float(noise), 3),
        "pixels": int(seen.sum()),
    }


if __name__ == "__main__":
    main()
