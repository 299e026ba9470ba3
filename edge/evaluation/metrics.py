"""Figures of ISO/IEC 30107-3, with exact bounds.

A presentation ends as ``realface``, ``spoofface``, ``uncertain`` or with an error. ``uncertain`` refuses whoever
stands there, so it counts as classified as an attack: against BPCER for a person, for us with an attack. An
error is a non-response; it is outside APCER and BPCER and reported beside them (APNRR, BPNRR).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from edge.contracts.enums import Label, LivenessDecision

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """How one presentation ended; ``decision`` is None for a non-response."""

    label: Label
    pai_species: str
    decision: LivenessDecision | None


@dataclass(frozen=True, slots=True)
class Rate:
    """``errors`` of ``n``; ``low`` and ``high`` bound the true rate at 95 %, two-sided."""

    errors: int
    n: int

    @property
    def value(self) -> float | None:
        """Share of errors, None for an empty sample."""
        return self.errors / self.n if self.n else None

    @property
    def low(self) -> float:
        """Lower Clopper-Pearson bound."""
        return clopper_pearson(self.errors, self.n)[0]

    @property
    def high(self) -> float:
        """Upper Clopper-Pearson bound."""
        return clopper_pearson(self.errors, self.n)[1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        low, high = clopper_pearson(self.errors, self.n)
        return {"errors": self.errors, "n": self.n, "rate": self.value, "low95": low, "high95": high}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of presentations shows. ``apcer`` is by PAI species; the worst one counts."""

    apcer: dict[str, Rate]
    apnrr: dict[str, Rate]
    bpcer: Rate
    bpnrr: Rate

    @property
    def worst_species(self) -> str | None:
        """The PAI species with the highest APCER, None where no attack had a response."""
        answered = {name: rate.value for name, rate in self.apcer.items() if rate.value is not None}
        return max(answered, key=lambda name: (answered[name], self.apcer[name].n)) if answered else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "apcer": {species: rate.to_dict() for species, rate in self.apcer.items()},
            "apnrr": {species: rate.to_dict() for species, rate in self.apnrr.items()},
            "worstSpecies": self.worst_species,
            "bpcer": self.bpcer.to_dict(),
            "bpnrr": self.bpnrr.to_dict(),
        }


def figures(judged: Iterable[Judged]) -> Figures:
    """Counts of all presentations. Shapes nothing: an empty sample stays empty."""
    presentations = list(judged)
    bona_fide = [p for p in presentations if p.label is Label.BONA_FIDE]
    species = sorted({p.pai_species for p in presentations if p.label is Label.ATTACK})
    apcer, apnrr = {}, {}
    for name in species:
        attacks = [p for p in presentations if p.label is Label.ATTACK and p.pai_species == name]
        answered = [p for p in attacks if p.decision is not None]
        apcer[name] = Rate(sum(p.decision is LivenessDecision.REALFACE for p in answered), len(answered))
        apnrr[name] = Rate(len(attacks) - len(answered), len(attacks))
    answered = [p for p in bona_fide if p.decision is not None]
    return Figures(
        apcer=apcer,
        apnrr=apnrr,
        bpcer=Rate(sum(p.decision is not LivenessDecision.REALFACE for p in answered), len(answered)),
        bpnrr=Rate(len(bona_fide) - len(answered), len(bona_fide)),
    )


@lru_cache(maxsize=4096)
def clopper_pearson(errors: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact two-sided bounds of a binomial rate (Clopper and Pearson, 1934); (0, 1) for n = 0."""
    if not 0 <= errors <= n:
        raise ValueError(f"{errors} errors of {n}")
    if n == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    if errors > n - errors:
        # The sum below is over the errors, so it is cheaper, and as exact, for the rarer side.
        low, high = clopper_pearson(n - errors, n, confidence)
        return 1 - high, 1 - low
    k = np.arange(errors + 1)
    coefficients = np.array(
        [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(errors + 1)]
    )

    def at_most(count: int, rate: float) -> float:
        some = k[: count + 1]
        return float(np.exp(coefficients[: count + 1] + some * math.log(rate) + (n - some) * math.log1p(-rate)).sum())

    low = 0.0 if errors == 0 else _solve(lambda rate: 1 - at_most(errors - 1, rate), tail)
    high = _solve(lambda rate: -at_most(errors, rate), -tail)
    return low, high


def _solve(rising: Callable[[float], float], target: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
