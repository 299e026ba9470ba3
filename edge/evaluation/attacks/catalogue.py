"""What is presented: people, and presentation attack instruments by species, each drawn anew for every session.

A session is named by species, condition and number. Everything about it is drawn from those three, so that the same
name is the same session, whatever else a run consists of.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from edge.contracts.enums import Label, LivenessOperationMode
from edge.errors import InputError
from edge.evaluation.attacks.conditions import CONDITIONS, Condition, Level, level_of
from edge.simulation import openpeople
from edge.simulation.cast import with_head
from edge.simulation.face_texture import skin_reflectance
from edge.simulation.optics import GREEN
from edge.simulation.scene import Scene, load_scene, scene_files

SET_ASIDE: Final = 1000
"""Numbers from here on are set aside: nothing is tuned on them. Those below are for development."""

BONA_FIDE: Final = "bonafide"
SKIN_BINS: Final = 6
# Tones of a scene's file, from the palest skin to the deepest.
_TONES: Final = (-0.2, 1.3)
# What a person wears; each as keys of a scene's file. Half of the people wear nothing of it.
_WORN: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "glasses": {"glasses": True},
        "beard": {"beard": True},
        "cap": {"head_cover": "cap"},
        "scarf": {"head_cover": "scarf"},
    }
)
PEOPLE: Final = tuple(f"{openpeople.PREFIX}P{number:03d}" for number in range(1, 11))

Drawn = dict[str, Any]
"""Keys of a subject in a scene's file."""


class Chance:
    """What is drawn for one session."""

    def __init__(self, species: str, condition: str, number: int) -> None:
        self.number = number
        # By checksums of the names: what a session is does not hang on what else the catalogue holds.
        self._rng = np.random.default_rng([number, zlib.crc32(species.encode()), zlib.crc32(condition.encode())])

    def between(self, low: float, high: float) -> float:
        return round(float(self._rng.uniform(low, high)), 4)

    def one_of(self, *choices: Any) -> Any:
        return choices[int(self._rng.integers(len(choices)))]

    def seed(self) -> int:
        return int(self._rng.integers(1 << 31))

    def person(self, low: float = 0.4, high: float = 0.6) -> Drawn:
        """Somebody ``low`` to ``high`` metres away. Skin goes through all bins of reflectance, number by number."""
        edges = np.linspace(*_TONES, SKIN_BINS + 1)
        place = self.number % SKIN_BINS
        return {
            "face": self.one_of(*PEOPLE),
            "tone": self.between(float(edges[place]), float(edges[place + 1])),
            "distance": self.between(low, high),
            "right": self.between(-0.03, 0.03),
            "down": self.between(-0.02, 0.03),
        }

    def held(self, yaw: float, pitch: float) -> Drawn:
        """At an angle of up to so many degrees; half of what is held is turned by hand when a turn is asked for."""
        return {
            "yaw": self.between(-yaw, yaw),
            "pitch": self.between(-pitch, pitch),
            "roll": self.between(-5, 5),
            "turned": self.between(12, 25) if self.between(0, 1) < 0.5 else None,
        }

    def paper(self, low: float = 0.38, high: float = 0.6) -> Drawn:
        """A picture of about a face's own size, held by hand."""
        return {
            "photo": self.one_of(*PEOPLE),
            "width": self.between(0.26, 0.33),
            "distance": self.between(low, high),
            **self.held(20, 10),
        }

    def ink(self, *finishes: str) -> Drawn:
        return {"finish": self.one_of(*finishes), "printer": self.one_of("inkjet", "laser")}

    def screen(self, device: str, low: float, high: float, kind: str = "screen") -> Drawn:
        return {
            "kind": kind,
            "device": device,
            "photo": self.one_of(*PEOPLE),
            "luminance": self.between(150, 600),
            "distance": self.between(low, high),
            **self.held(15, 8),
        }


@dataclass(frozen=True, slots=True)
class Species:
    """A kind of presentation.

    draw: the subject. may_win: why nothing of the method stands against it for certain; empty where it is to be refused
    always.
    """

    name: str
    draw: Callable[[Chance], Drawn]
    may_win: str = ""
    label: Label = Label.ATTACK


def _person(chance: Chance) -> Drawn:
    person = {"kind": "person", **chance.person()}
    if chance.between(0, 1) < 0.5:
        return person
    return {**person, **_WORN[chance.one_of(*_WORN)]}


def _matte(chance: Chance) -> Drawn:
    return {"kind": "print", **chance.paper(), **chance.ink("matte")}


def _glossy(chance: Chance) -> Drawn:
    return {"kind": "print", **chance.paper(), **chance.ink("glossy")}


def _bent(chance: Chance) -> Drawn:
    return {
        "kind": "bent_print",
        **chance.paper(),
        **chance.ink("matte", "glossy"),
        "radius": chance.between(0.11, 0.3),
        "axis": chance.one_of("vertical", "vertical", "horizontal"),
        "hollow": chance.between(0, 1) < 0.2,
    }


def _cut_out(chance: Chance) -> Drawn:
    sheet = {"kind": "cut_out", **chance.paper(0.36, 0.5), **chance.ink("matte", "glossy")}
    if chance.between(0, 1) < 0.5:
        return {**sheet, "eye_holes": False}
    # Printed eyes before those of whoever looks through.
    behind = {**chance.person(), "distance": round(sheet["distance"] + chance.between(0.05, 0.1), 4)}
    return {**sheet, "down": 0.023, "eye_holes": True, "behind": behind}


def _worn(chance: Chance) -> Drawn:
    return {
        "kind": "worn_print",
        "photo": chance.one_of(*PEOPLE),
        "width": chance.between(0.34, 0.4),
        **chance.ink("matte", "glossy"),
        "eye_holes": chance.one_of(True, True, False),
        "wearer": chance.person(),
    }


def _backlit(chance: Chance) -> Drawn:
    return {"kind": "backlit_print", **chance.paper(), "lamp_lux": chance.between(500, 6000)}


def _phone(chance: Chance) -> Drawn:
    return chance.screen("phone", 0.17, 0.24)


def _tablet(chance: Chance) -> Drawn:
    return chance.screen("tablet", 0.28, 0.42)


def _large(chance: Chance) -> Drawn:
    return {**chance.screen("large", 0.42, 0.6), "steady": True}


def _video(chance: Chance) -> Drawn:
    return {**chance.screen("tablet", 0.28, 0.42), "turning": True}


def _reactive(chance: Chance, *, obeys: bool) -> Drawn:
    """Its camera sees the terminal's display; the best that it can do is to answer a frame later."""
    return {
        **chance.screen("tablet", 0.28, 0.42, "reactive_screen"),
        "gain": chance.between(0.05, 0.5),
        "delay": chance.one_of(1.0, 1.0, 2.0),
        "relit": chance.one_of(True, True, False),
        "obeys": obeys,
    }


def _projected(chance: Chance, onto: str) -> Drawn:
    return {
        "kind": "projector",
        "onto": onto,
        **chance.paper(0.42, 0.6),
        "reflectance": chance.between(0.5, 0.85),
        "lux": chance.between(300, 2500),
        "lens_right": chance.between(-0.3, 0.3),
        "lens_down": chance.between(-0.4, -0.2),
    }


def _mask(chance: Chance) -> Drawn:
    return {
        "kind": "silicone_mask",
        "photo": chance.one_of(*PEOPLE),
        "tone": chance.between(*_TONES),
        "thickness": chance.between(0.002, 0.005),
        "wearer": chance.person(),
    }


SPECIES: Final[Mapping[str, Species]] = MappingProxyType(
    {
        species.name: species
        for species in (
            Species(BONA_FIDE, _person, label=Label.BONA_FIDE),
            Species("print_matte", _matte),
            Species("print_glossy", _glossy),
            Species("print_bent", _bent),
            Species("print_cut_out", _cut_out),
            Species("screen_phone", _phone),
            Species("screen_tablet", _tablet),
            Species("screen_large", _large),
            Species("screen_video", _video),
            Species("print_worn", _worn, may_win="it has much of its wearer's shape, and turns with the wearer's head"),
            Species("print_backlit", _backlit, may_win="the lamp behind it belongs to the attacker"),
            Species(
                "screen_reactive",
                lambda chance: _reactive(chance, obeys=False),
                may_win="its picture follows the display a frame later, half by half",
            ),
            Species(
                "screen_face_swap",
                lambda chance: _reactive(chance, obeys=True),
                may_win="it follows the display and turns the face shown when a turn is asked for",
            ),
            Species(
                "projector_sheet",
                lambda chance: _projected(chance, "sheet"),
                may_win="it shades a sheet as the attacker likes",
            ),
            Species(
                "projector_head",
                lambda chance: _projected(chance, "head"),
                may_win="a head's shape is there; only its colours are light",
            ),
            Species("mask_silicone", _mask, may_win="it has a head's shape and a face's colours, and moves as one"),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One session of a run.

    drawn: of the subject, as the row keeps it; empty where the scene came from a file. mode: of its condition.
    """

    species: str
    label: Label
    condition: str
    level: Level
    number: int
    scene: Scene
    drawn: Mapping[str, Any]
    mode: LivenessOperationMode | None = None

    @property
    def name(self) -> str:
        """As ``--pictures`` takes it."""
        return f"{self.species}/{self.condition}/{self.number}"

    @property
    def key(self) -> tuple[str, str, int]:
        return self.species, self.condition, self.number


def case_of(species: Species, condition: Condition, number: int, head: Path | None = None) -> Case:
    """head: OBJ file with the head that every person gets. Raises InputError without ``openpeople`` or the file."""
    chance = Chance(species.name, condition.name, number)
    drawn = species.draw(chance)
    ambient = {"lux": condition.lux, "light": condition.light, "above": chance.between(0.2, 0.8), **condition.ambient}
    surroundings: Drawn = {"ambient": ambient}
    if condition.sun:
        place = {"azimuth": chance.between(-180, 180), "elevation": chance.between(20, 60)}
        surroundings["sun"] = {"lux": condition.sun, **place}
    # A scene would call a package that is not there a mistake in its file.
    openpeople.photo("P001")
    scene = Scene.model_validate(
        {
            "title": species.name,
            "seed": chance.seed(),
            "surroundings": surroundings,
            "terminal": condition.terminal,
            "subjects": [drawn],
        }
    )
    scene = with_head(scene, head)
    return Case(species.name, species.label, condition.name, condition.level, number, scene, drawn, condition.mode)


def named_case(name: str, head: Path | None = None) -> Case:
    """name: ``TYPE/CONDITION/NUMBER``. Raises InputError where there is no such session."""
    species, _, rest = name.partition("/")
    condition, _, number = rest.partition("/")
    if species not in SPECIES or condition not in CONDITIONS or not number.isdecimal():
        raise InputError(
            f"there is no session {name}", remedy="give TYPE/CONDITION/NUMBER, such as print_bent/dim-150-led/0"
        )
    return case_of(SPECIES[species], CONDITIONS[condition], int(number), head)


def chosen_species(names: Iterable[str]) -> tuple[Species, ...]:
    """In the order of the catalogue; all where none is named. Raises InputError for an unknown one."""
    wanted = set(names) or set(SPECIES)
    unknown = wanted - set(SPECIES)
    if unknown:
        raise InputError(f"there is no type {', '.join(sorted(unknown))}", remedy=f"name some of {', '.join(SPECIES)}")
    return tuple(species for species in SPECIES.values() if species.name in wanted)


def catalogue_cases(
    species: Sequence[Species], conditions: Sequence[Condition], numbers: range, head: Path | None = None
) -> list[Case]:
    """Number by number, so that what is done of a run that was stopped is about evenly of all types and conditions."""
    return [case_of(kind, where, number, head) for number in numbers for where in conditions for kind in species]


def scene_cases(folder: Path, numbers: range, head: Path | None = None) -> tuple[list[Case], list[Path]]:
    """The scenes of a folder, each with another seed for every number; and the files that present nothing to judge.

    Raises InputError where nothing is left, and ConfigProblems for the mistakes in a file.
    """
    cases: list[tuple[int, Case]] = []
    left_out = []
    for file in scene_files(folder):
        scene = with_head(load_scene(file), head)
        if scene.presentation is None:
            left_out.append(file)
            continue
        sun = scene.surroundings.sun
        level = level_of(scene.surroundings.ambient.lux + (sun.lux if sun else 0.0))
        species = scene.presentation.pai_species or BONA_FIDE
        for number in numbers:
            seed = Chance(species, file.stem, number).seed()
            seeded = scene.model_copy(update={"seed": seed})
            cases.append((number, Case(species, scene.presentation.label, file.stem, level, number, seeded, {})))
    if not cases:
        raise InputError(f"no scene of {folder} says what is presented", remedy="give scenes with the key presentation")
    return [case for _, case in sorted(cases, key=lambda entry: entry[0])], left_out


def skin_bin(tone: float) -> str:
    """Diffuse reflectance of skin in green light, as a range: the bin that the tone lies in."""
    edges = np.linspace(*_TONES, SKIN_BINS + 1)
    place = int(np.clip(np.searchsorted(edges, tone, side="right") - 1, 0, SKIN_BINS - 1))
    light, dark = (float(skin_reflectance(float(edge))[GREEN]) for edge in edges[place : place + 2])
    return f"{dark:.2f} to {light:.2f}"


def accessory(drawn: Mapping[str, Any]) -> str:
    """What a person of the catalogue wears."""
    worn = [name for name, keys in _WORN.items() if all(drawn.get(key) == value for key, value in keys.items())]
    return worn[0] if worn else "nothing"
