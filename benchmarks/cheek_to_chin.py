"""How much brighter cheeks are than the chin under the camera's own infrared lamp, in the dark and washed out.

Prints one JSON document, after some minutes. It stands beside what irlume published (github.com/archledger/irlume,
docs/pad-results/2026-08-04-ambient.md): levels of cheeks and chin of one person, bearded and with glasses, at a window
with the daylight from the left, in 8-bit pictures of an infrared camera: 107.7 and 55.4 under camera lamp and daylight,
57.5 and 39.3 under daylight alone. The same person had ratios of 1.76 to 2.19 in a dark room, in four frames of another
day (2026-08-04-landmark-relief.md, section of 2026-08-10). The camera's curve, where its lamp is, how far the person
was and how the head was held were not published.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Prompt, Spectrum
from edge.frames.frame import Exposure, Frame
from edge.frames.linear import to_linear
from edge.simulation.artefacts import Wall
from edge.simulation.face_texture import Skin, plain_skin
from edge.simulation.head import Anthropometry, FaceRegion, Head, face_regions, parametric_head
from edge.simulation.illuminants import DAYLIGHT, TUNGSTEN, blackbody
from edge.simulation.lamps import Distant, Dome, NearPoint, infrared
from edge.simulation.optics import INFRARED, Footprint, Lamp, Layer, Map, Pinhole, Placed, Pose, Subject, turn
from edge.simulation.person import Person, Place
from edge.simulation.sampling import sampled
from edge.simulation.sensor import SensorModel
from edge.simulation.signals import Commanded, Steady
from edge.simulation.terminal import SimulatedTerminal, Stage

# Lamp and light of the room together, and lamp alone (their difference).
PUBLISHED_TOGETHER: Final = 1.911
PUBLISHED_DIFFERENCE: Final = 3.056
PUBLISHED_DARK: Final = (1.76, 2.19)
# Of the cheeks' level, how much the room's light gave.
PUBLISHED_SHARE: Final = 57.5 / 107.7

DISTANCE: Final = 0.45
# Of bare geometry: heads, and height of the lamp over the lens, metres, with the pitch of the head, degrees.
HEADS: Final = 30
CASES: Final = ((0.01, 0.0), (0.05, 0.0), (0.01, -8.0))
# Of pictures.
PEOPLE: Final = 8
HEIGHTS: Final = (0.01, 0.03, 0.06, 0.09, 0.12, 0.15)
# Where these people's mean comes to the published difference, metres.
HIGH: Final = 0.15
# Irradiance by the room's light, on the surface that it favours, over that by the lamp on one that faces it.
STRENGTHS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
# W/sr.
INTENSITY: Final = 0.2
LAMP: Final = INTENSITY / DISTANCE**2
# Its pixels are as large as those of 640 across 66 degrees; the picture is cut to the face.
CAMERA: Final = Pinhole(320, 320, 493.0)
# Frames until automatic exposure has found its level.
SETTLING: Final = 30


def main() -> None:
    cv2.setNumThreads(1)
    document = {"geometryAlone": [cheek_to_chin(*case) for case in CASES], "inFrames": cheek_to_chin_in_frames()}
    print(json.dumps(document, indent=2))


def cheek_to_chin(above: float, pitch: float) -> dict[str, Any]:
    """Irradiance of the regions by an infrared lamp over the lens: geometry alone, no reflectance, no scatter."""
    lamp = NearPoint(np.array([0.0, -above, 0.0]), 1.0, 60.0, infrared(), Steady())
    ratios = [_ratio(head, lamp, pitch) for head in heads(HEADS)]
    return {
        "lampAboveLensMetres": above,
        "pitchDegrees": pitch,
        "mean": round(statistics.mean(ratios), 2),
        "deviation": round(statistics.stdev(ratios), 2),
    }


def _ratio(head: Head, lamp: NearPoint, pitch: float) -> float:
    rotation = turn(pitch=pitch)
    pose = Pose(rotation, np.array([0.0, 0.0, DISTANCE]) - rotation @ head.face)
    light, _ = lamp.arriving(Placed(Layer(head.relief, pose, plain_skin())))
    regions = face_regions(head)
    return float(light[regions[FaceRegion.CHEEKS]].mean() / light[regions[FaceRegion.CHIN]].mean())


def heads(count: int) -> list[Head]:
    """The same ones every time."""
    rng = np.random.default_rng(2)
    return [parametric_head(Anthropometry.draw(rng)) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Still:
    """Surfaces that do not move."""

    surfaces: tuple[Layer, ...]

    def layers(self, now: float) -> Sequence[Layer]:
        return self.surfaces

    def told(self, prompt: Prompt | None, now: float) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class CheekAndChin:
    """Linear levels of cheeks and chin, (pairs, 2) each, in pairs of neighbouring frames with the lamp on and off."""

    lit: NDArray[np.float64]
    unlit: NDArray[np.float64]

    @property
    def together(self) -> float:
        """Ratio under the lamp and the room's light."""
        return _quotient(self.lit.mean(axis=0))

    @property
    def ambient(self) -> float:
        """Ratio under the room's light alone."""
        return _quotient(self.unlit.mean(axis=0))

    @property
    def difference(self) -> float:
        """Ratio of what the lamp adds."""
        return _quotient((self.lit - self.unlit).mean(axis=0))

    @property
    def error(self) -> float:
        """Standard error of ``difference``, by the scatter of the pairs."""
        added = self.lit - self.unlit
        off = added[:, 0] - self.difference * added[:, 1]
        return float(off.std(ddof=1) / np.sqrt(len(off)) / added[:, 1].mean())

    @property
    def share(self) -> float:
        """Of the cheeks' level, how much the room's light gives."""
        return float(self.unlit[:, 0].mean() / self.lit[:, 0].mean())


def _quotient(levels: NDArray[np.float64]) -> float:
    return float(levels[0] / levels[1])


def watch(
    head: Head,
    ambient: Sequence[Lamp] = (),
    *,
    above: float,
    pairs: int = 8,
    seed: int = 0,
    still: bool = False,
) -> CheekAndChin:
    """A person before an infrared-passing camera whose lamp goes on and off, through lens, sensor and 8-bit picture.

    above: of the lamp over the lens, metres. seed: of all movement and noise. still: no movement.
    """
    output = Commanded(0.0)
    lamp = NearPoint(np.array([0.0, -above, 0.0]), INTENSITY, 60.0, infrared(), output)
    subject: Subject = Person(head, Skin((plain_skin(),)), np.random.default_rng(seed), Place(DISTANCE))
    if still:
        subject = Still(tuple(subject.layers(0.0)))
    sensor = SensorModel(spectrum=Spectrum.IR_PASS)
    scene = [Wall(2.0, 0.5), subject]
    stage = Stage(scene, [*ambient, lamp], CAMERA, sensor, fps=30.0, seed=seed, illuminator=output)
    terminal = SimulatedTerminal([lambda: stage])
    with terminal.camera:
        frames = strobed(terminal, pairs)
    regions = {region: mask.astype(np.float32) for region, mask in face_regions(head).items()}
    lit, unlit = (np.array([_levels(frame, subject, regions) for frame in half]) for half in frames)
    return CheekAndChin(lit, unlit)


def strobed(terminal: SimulatedTerminal, pairs: int) -> tuple[list[Frame], list[Frame]]:
    """Frames wholly under the lamp, and the ones wholly without it that follow them, all exposed alike."""
    terminal.illuminator.set_output(1.0, terminal.clock.now())
    read(terminal, SETTLING)
    terminal.camera.lock(None)
    read(terminal, 6)
    changes, frames = [], []
    # Frames arrive late: some more are read than are used.
    for number in range(2 * pairs + 4):
        changes.append(terminal.illuminator.set_output(1.0 - number % 2, terminal.clock.now()))
        # Two are the fewest with one among them whose rows all see the lamp alike.
        frames += read(terminal, 2)
    chosen = [
        next(frame for frame in frames if _within(frame, begin.settled_at, end.commanded_at))
        for begin, end in pairwise(changes[: 2 * pairs + 1])
    ]
    return chosen[::2], chosen[1::2]


def _within(frame: Frame, begin: float, end: float) -> bool:
    return cast(Exposure, frame.exposure).start >= begin and frame.captured_at <= end


def read(terminal: SimulatedTerminal, count: int) -> list[Frame]:
    frames = [terminal.camera.read(1.0) for _ in range(count)]
    return [frame for frame in frames if frame is not None]


def _levels(frame: Frame, subject: Subject, regions: Mapping[FaceRegion, Map]) -> tuple[float, float]:
    """Linear means of cheeks and chin, where they were in the middle of the frame's exposure."""
    exposure = cast(Exposure, frame.exposure)
    moment = exposure.start + (exposure.duration + frame.height * exposure.line_time) / 2
    head = subject.layers(moment)[-1]
    seen = cast(Footprint, head.shape.footprint(head.pose, CAMERA))
    height, width = seen.coverage.shape
    window = to_linear(frame.pixels[seen.top : seen.top + height, seen.left : seen.left + width, 1])
    cheeks, chin = (
        float(window[(sampled(regions[region], seen.x, seen.y) >= 0.5) & (seen.coverage == 1)].mean())
        for region in (FaceRegion.CHEEKS, FaceRegion.CHIN)
    )
    return cheeks, chin


@dataclass(frozen=True, slots=True)
class Ambient:
    """Light of a room. kelvin: of the black body that gives it. lamp: from lux and spectrum."""

    kelvin: float
    lamp: Callable[[float, Map], Lamp]

    def lux(self, irradiance: float) -> float:
        """irradiance: W/m2 of infrared."""
        return irradiance / float(blackbody(self.kelvin)[INFRARED])

    def at(self, irradiance: float) -> Lamp:
        return self.lamp(self.lux(irradiance), blackbody(self.kelvin))


def _from_above(lux: float, spectrum: Map) -> Lamp:
    return Dome(lux, spectrum, Steady(), above=0.5)


def _all_round(lux: float, spectrum: Map) -> Lamp:
    return Dome(lux, spectrum, Steady(), above=0.0)


def _from_the_side(lux: float, spectrum: Map) -> Lamp:
    aside = np.radians(70.0)
    return Distant(lux, np.array([np.sin(aside), 0.0, -np.cos(aside)]), spectrum, Steady())


AMBIENT: Final[Mapping[str, Ambient]] = {
    "tungsten, more from above": Ambient(TUNGSTEN, _from_above),
    "daylight, alike from all round": Ambient(DAYLIGHT, _all_round),
    "daylight, 70 degrees from the side": Ambient(DAYLIGHT, _from_the_side),
}


def cheek_to_chin_in_frames() -> dict[str, Any]:
    people = heads(PEOPLE)
    alone = {
        above: [watch(head, above=above, seed=seed).difference for seed, head in enumerate(people)] for above in HEIGHTS
    }
    return {
        "published": {
            "together": PUBLISHED_TOGETHER,
            "difference": PUBLISHED_DIFFERENCE,
            "ambientShareOfCheek": round(PUBLISHED_SHARE, 2),
            "lampAloneInADarkRoom": PUBLISHED_DARK,
        },
        "lampAlone": [
            {
                "lampAboveLensMetres": above,
                "mean": round(statistics.mean(ratios), 2),
                "deviation": round(statistics.stdev(ratios), 2),
            }
            for above, ratios in alone.items()
        ],
        "ambient": [washed_out(name, people, alone[HIGH]) for name in AMBIENT],
    }


def washed_out(name: str, people: Sequence[Head], alone: Sequence[float]) -> dict[str, Any]:
    """Ratios under the lamp, ``HIGH`` above the lens, and ever stronger light of one kind.

    alone: ratios of the same people by the lamp alone.
    """
    levels = []
    for strength in STRENGTHS:
        light = AMBIENT[name].at(strength * LAMP)
        seen = [watch(head, [light], above=HIGH, seed=seed) for seed, head in enumerate(people)]
        restored = [one.difference / dark for one, dark in zip(seen, alone, strict=True)]
        levels.append(
            {
                "ambientOverLamp": strength,
                "lux": round(AMBIENT[name].lux(strength * LAMP)),
                "ambientShareOfCheek": round(statistics.mean(one.share for one in seen), 2),
                "ambientAlone": round(statistics.mean(one.ambient for one in seen), 2),
                "together": round(statistics.mean(one.together for one in seen), 2),
                "differenceOverLampAlone": {
                    "least": round(min(restored), 2),
                    "median": round(statistics.median(restored), 2),
                    "most": round(max(restored), 2),
                },
            }
        )
    return {"light": name, "asPublishedAt": as_published(levels, statistics.mean(alone)), "levels": levels}


def as_published(levels: Sequence[Mapping[str, Any]], alone: float) -> dict[str, float] | None:
    """Where lamp and ambient light together have the published ratio; None where they do not get so low.

    Levels add up, so chin over cheek goes with the ambient light's share of the cheek's level as a straight line, and
    that share over the lamp's goes with the light's strength as one through 0.
    """
    chins = [1 / alone, *(1 / level["together"] for level in levels)]
    if chins[-1] < 1 / PUBLISHED_TOGETHER:
        return None
    shares = [0.0, *(level["ambientShareOfCheek"] for level in levels)]
    share = float(np.interp(1 / PUBLISHED_TOGETHER, chins, shares))
    odds = [one / (1 - one) for one in shares]
    strength = float(np.interp(share / (1 - share), odds, [0.0, *(level["ambientOverLamp"] for level in levels)]))
    return {"ambientOverLamp": round(strength, 2), "ambientShareOfCheek": round(share, 2)}


if __name__ == "__main__":
    main()
