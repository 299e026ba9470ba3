"""What a run of the bench shows. Every figure is of simulated presentations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from edge.contracts.enums import EvidenceKind, EvidenceOutcome, Label, LivenessDecision
from edge.evaluation.attacks.catalogue import SPECIES, accessory, skin_bin
from edge.evaluation.attacks.conditions import CONDITIONS
from edge.evaluation.attacks.rows import Row, in_order
from edge.evaluation.metrics import Figures, Rate, figures
from edge.evaluation.provenance import Provenance
from edge.evaluation.words import COUNTING

SCHEMA_VERSION: Final = "1.0"
SIMULATED: Final = (
    "All of this is simulated: people, attacks, light, camera and display. The figures are of a model of the world "
    "whose makers also made the method; they say what the method does there, and nothing about how often it errs on "
    "people."
)
PHYSICS: Final = (
    "By physics: as if light, motion and whatever else is no PAD network decided alone. Those networks saw pictures of "
    "the same simulator and the same faces in training, so what they add here says little."
)
INDEPENDENCE: Final = (
    "Exact bounds (Clopper-Pearson, two-sided 95 %) take sessions as independent. Each draws subject, pose, "
    "surroundings, noise and head shape anew, but there are ten faces only."
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of n values; None where there is none."""

    median: float | None
    most: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        there = [value for value in values if value is not None]
        return cls(median(there) if there else None, max(there, default=None), len(there))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"median": self.median, "most": self.most, "n": self.n}


@dataclass(frozen=True, slots=True)
class Figured:
    """The same presentations counted in two ways.

    decided: as the terminal decided. physics: as light and motion alone would have. accepted: of all attacks that were
    presented, by species, those without a response among them.
    """

    decided: Figures
    physics: Figures
    accepted: dict[str, Rate]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Figured:
        attacks: dict[str, list[Row]] = {}
        for row in rows:
            if row.label is Label.ATTACK:
                attacks.setdefault(row.species, []).append(row)
        return cls(
            figures(row.judged for row in rows),
            figures(row.by_physics for row in rows),
            {
                species: Rate(sum(row.decision is LivenessDecision.REALFACE for row in some), len(some))
                for species, some in sorted(attacks.items())
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "decided": self.decided.to_dict(),
            "physics": self.physics.to_dict(),
            "acceptedOfPresented": {species: rate.to_dict() for species, rate in self.accepted.items()},
        }


@dataclass(frozen=True, slots=True)
class BonaFide:
    """People of one kind: refused of those with a response, and without one of all."""

    bpcer: Rate
    bpnrr: Rate

    @classmethod
    def of(cls, rows: Iterable[Row]) -> BonaFide:
        figured = figures(row.judged for row in rows)
        return cls(figured.bpcer, figured.bpnrr)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"bpcer": self.bpcer.to_dict(), "bpnrr": self.bpnrr.to_dict()}


@dataclass(frozen=True, slots=True)
class Drawn:
    """Attacks that may not win, pooled, for which something was drawn within a range: accepted of those that were
    presented, and by physics of those with a response.
    """

    what: str
    accepted: Rate
    physics: Rate

    @classmethod
    def all_of(cls, rows: Iterable[Row]) -> tuple[Drawn, ...]:
        """rows: of attacks."""
        groups: dict[str, list[Row]] = {}
        for key, ranges in _RANGES.items():
            groups |= {f"{key} {name}": [] for name, _ in ranges}
        for row in rows:
            for key, ranges in _RANGES.items():
                if key in row.drawn:
                    for name, holds in ranges:
                        if holds(row.drawn[key]):
                            groups[f"{key} {name}"].append(row)
        return tuple(
            cls(
                what,
                Rate(sum(row.decision is LivenessDecision.REALFACE for row in some), len(some)),
                Rate(
                    sum(row.by_physics.decision is LivenessDecision.REALFACE for row in some),
                    sum(row.decision is not None for row in some),
                ),
            )
            for what, some in groups.items()
            if some
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"what": self.what, "accepted": self.accepted.to_dict(), "physics": self.physics.to_dict()}


# Of what is drawn for a subject, by its key in a scene's file: metres, degrees, cd/m2.
_RANGES: Final[Mapping[str, tuple[tuple[str, Callable[[Any], bool]], ...]]] = {
    "distance": (("under 0.4", lambda value: value < 0.4), ("0.4 or more", lambda value: value >= 0.4)),
    "yaw": (
        ("within 7", lambda value: abs(value) <= 7),
        ("7 to 14", lambda value: 7 < abs(value) <= 14),
        ("beyond 14", lambda value: abs(value) > 14),
    ),
    "turned": (("no", lambda value: value is None), ("by hand", lambda value: value is not None)),
    "finish": (("matte", lambda value: value == "matte"), ("glossy", lambda value: value == "glossy")),
    "radius": (("under 0.2", lambda value: value < 0.2), ("0.2 or more", lambda value: value >= 0.2)),
    "luminance": (("under 375", lambda value: value < 375), ("375 or more", lambda value: value >= 375)),
}


@dataclass(frozen=True, slots=True)
class AttackReport:
    """Figures of a run.

    by_level, by_condition: of the presentations there. skin, accessories: people by the reflectance of their skin in
    green light and by what they wear; only what the catalogue drew. vetoes, unproven: by surroundings (``all`` among
    them) and kind of evidence: of the people with a response, those whom it vetoed, and those whom it was asked about
    and did not confirm.
    drawn: attacks by what was drawn for them. light: by species and condition, what the light said: outcomes of
    evidence, and ``error`` without a response. errors: by species, of presentations without a response.
    active_seconds, passive_seconds: that people's attempts with a response took. light_seconds: of every light
    challenge. milliseconds: of the processor for a frame, of all sessions; worst_milliseconds: for the one frame of a
    session that took the longest.
    """

    rows: tuple[Row, ...]
    provenance: Provenance
    numbers: str
    overall: Figured
    by_level: dict[str, Figured]
    by_condition: dict[str, Figured]
    skin: dict[str, BonaFide]
    accessories: dict[str, BonaFide]
    vetoes: dict[str, dict[EvidenceKind, Rate]]
    unproven: dict[str, dict[EvidenceKind, Rate]]
    drawn: tuple[Drawn, ...]
    light: dict[str, dict[str, Counter[str]]]
    errors: dict[str, Counter[str]]
    active_seconds: Spread
    passive_seconds: Spread
    light_seconds: Spread
    milliseconds: Spread
    worst_milliseconds: Spread

    @classmethod
    def of(cls, rows: Iterable[Row], provenance: Provenance, *, numbers: str) -> AttackReport:
        """numbers: which sessions, in words. Deterministic."""
        listed = in_order(rows)
        people = [row for row in listed if row.label is Label.BONA_FIDE]
        answered = [row for row in people if row.decision is not None]
        levels = {"all": answered} | _grouped(answered, lambda row: row.level.value)
        errors: dict[str, Counter[str]] = {}
        for row in listed:
            if row.error is not None:
                errors.setdefault(row.species, Counter())[row.error.value] += 1
        return cls(
            rows=tuple(listed),
            provenance=provenance,
            numbers=numbers,
            overall=Figured.of(listed),
            by_level={name: Figured.of(some) for name, some in _grouped(listed, lambda row: row.level.value).items()},
            by_condition={name: Figured.of(some) for name, some in _grouped(listed, _condition).items()},
            skin={
                name: BonaFide.of(some)
                for name, some in _grouped([row for row in people if "tone" in row.drawn], _skin).items()
            },
            accessories={
                name: BonaFide.of(some)
                for name, some in _grouped(
                    [row for row in people if row.drawn], lambda row: accessory(row.drawn)
                ).items()
            },
            vetoes={name: _shares(some, {EvidenceOutcome.VETO}) for name, some in levels.items()},
            unproven={name: _shares(some, {EvidenceOutcome.INSUFFICIENT}) for name, some in levels.items()},
            drawn=Drawn.all_of(row for row in listed if row.label is Label.ATTACK and not may_win(row.species)),
            light={
                species: {name: Counter(map(_light, there)) for name, there in _grouped(some, _condition).items()}
                for species, some in _grouped(listed, lambda row: row.species).items()
            },
            errors=errors,
            active_seconds=Spread.of(row.seconds for row in answered if row.active),
            passive_seconds=Spread.of(row.seconds for row in answered if not row.active),
            light_seconds=Spread.of(row.light_seconds for row in listed),
            milliseconds=Spread.of(row.milliseconds for row in listed),
            worst_milliseconds=Spread.of(row.worst_milliseconds for row in listed),
        )

    @property
    def accepted(self) -> list[Row]:
        """Attacks that were taken for a person."""
        return [r for r in self.rows if r.label is Label.ATTACK and r.decision is LivenessDecision.REALFACE]

    @property
    def refused(self) -> list[Row]:
        """People who were not."""
        return [
            r for r in self.rows if r.label is Label.BONA_FIDE and r.decision not in {None, LivenessDecision.REALFACE}
        ]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``docs/attacks.md`` defines the figures."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "simulated": True,
            "notes": [SIMULATED, PHYSICS, INDEPENDENCE, COUNTING, *own_modes(self.rows)],
            "provenance": self.provenance.to_dict(),
            "numbers": self.numbers,
            "sessions": len(self.rows),
            "figures": self.overall.to_dict(),
            "byLevel": {name: figured.to_dict() for name, figured in self.by_level.items()},
            "byCondition": {name: figured.to_dict() for name, figured in self.by_condition.items()},
            "mayWin": {name: may_win(name) for name in self.overall.accepted if may_win(name)},
            "bonaFide": {
                "bySkinReflectance": {name: kind.to_dict() for name, kind in self.skin.items()},
                "byAccessory": {name: kind.to_dict() for name, kind in self.accessories.items()},
                "vetoes": _rates(self.vetoes),
                "unproven": _rates(self.unproven),
            },
            "byDrawn": [drawn.to_dict() for drawn in self.drawn],
            "light": {
                species: {name: dict(counts) for name, counts in there.items()} for species, there in self.light.items()
            },
            "errors": {species: dict(counts) for species, counts in self.errors.items()},
            "seconds": {
                "bonaFideActive": self.active_seconds.to_dict(),
                "bonaFidePassive": self.passive_seconds.to_dict(),
                "lightChallenge": self.light_seconds.to_dict(),
            },
            "millisecondsPerFrame": self.milliseconds.to_dict(),
            "millisecondsOfWorstFrame": self.worst_milliseconds.to_dict(),
            "accepted": [_facts(row) for row in self.accepted],
            "refused": [_facts(row) for row in self.refused],
        }


def own_modes(rows: Iterable[Row]) -> list[str]:
    """Sentences on the conditions whose sessions are not of the run's mode."""
    names: dict[str, set[str]] = {}
    for row in rows:
        condition = CONDITIONS.get(row.condition)
        if condition is not None and condition.mode is not None:
            names.setdefault(condition.mode.value, set()).add(row.condition)
    return [f"Sessions under {', '.join(sorted(there))} are {mode}." for mode, there in sorted(names.items())]


def may_win(species: str) -> str:
    """Why an attack may be accepted by the method as it is; empty where it is to be refused always."""
    known = SPECIES.get(species)
    return known.may_win if known else ""


def _condition(row: Row) -> str:
    return row.condition


def _light(row: Row) -> str:
    return row.evidence.get(EvidenceKind.LIGHT, EvidenceOutcome.INSUFFICIENT).value if row.decision else "error"


def _skin(row: Row) -> str:
    return skin_bin(float(row.drawn["tone"]))


def _grouped(rows: Iterable[Row], by: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(by(row), []).append(row)
    return dict(sorted(groups.items()))


def _shares(rows: Sequence[Row], outcomes: set[EvidenceOutcome]) -> dict[EvidenceKind, Rate]:
    return {
        kind: Rate(sum(row.evidence.get(kind) in outcomes for row in rows), len(rows))
        for kind in EvidenceKind
        if any(kind in row.evidence for row in rows)
    }


def _rates(groups: Mapping[str, Mapping[EvidenceKind, Rate]]) -> dict[str, Any]:
    return {name: {kind.value: rate.to_dict() for kind, rate in rates.items()} for name, rates in groups.items()}


def _facts(row: Row) -> dict[str, Any]:
    return {
        "case": f"{row.species}/{row.condition}/{row.number}",
        "decision": row.decision,
        "evidence": {kind.value: outcome.value for kind, outcome in row.evidence.items()},
        "reason": row.reason,
        "drawn": dict(row.drawn),
    }
