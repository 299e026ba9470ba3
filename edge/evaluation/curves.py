"""Error rates at every threshold, for one weighting of the presentations or many at once.

A presentation is accepted from the threshold on: APCER is the share of attacks with ``score >= threshold``, BPCER
the share of bona fide presentations with ``score < threshold``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Curve:
    """One set of attacks against the bona fide presentations.

    thresholds: (k,) the distinct scores, ascending, and infinity last, where nobody is accepted.
    apcer, bpcer: (r, k) for each of r weightings, 0..1; NaN where a weighting has none of the kind.
    """

    thresholds: Floats
    apcer: Floats
    bpcer: Floats

    def at(self, threshold: float) -> int:
        """Column of the rates at a threshold."""
        return int(np.searchsorted(self.thresholds, threshold, side="left"))

    def hter(self, threshold: float) -> Floats:
        """(r,) half total error rate: the mean of APCER and BPCER."""
        column = self.at(threshold)
        return np.asarray((self.apcer[:, column] + self.bpcer[:, column]) / 2)

    def eer(self) -> tuple[Floats, Floats]:
        """(r,) equal error rates, and the thresholds there.

        Between the neighbouring thresholds where APCER falls below BPCER both rates run straight, and so does the
        threshold; where the upper one is infinite, the threshold is the lower one.
        """
        rows = np.arange(len(self.apcer))
        difference = self.apcer - self.bpcer
        known = ~np.isnan(difference[:, 0])
        # It begins at 1 and ends at -1, so there is always a last column at or above 0 and one behind it.
        low = np.where(known, (difference >= 0).sum(axis=1) - 1, 0)
        above, below = difference[rows, low], difference[rows, low + 1]
        share = np.divide(above, above - below, out=np.zeros_like(above), where=known & (above > below))
        rate = self.apcer[rows, low] + share * (self.apcer[rows, low + 1] - self.apcer[rows, low])
        first, second = self.thresholds[low], self.thresholds[low + 1]
        threshold = np.where(
            np.isfinite(second), first + share * (np.where(np.isfinite(second), second, first) - first), first
        )
        return np.where(known, rate, np.nan), np.where(known, threshold, np.nan)

    def column_for_apcer(self, limit: float) -> Indices:
        """(r,) columns of the lowest threshold with an APCER of at most ``limit``; BPCER is lowest there."""
        return np.asarray((self.apcer > limit).sum(axis=1), np.intp)

    def column_for_bpcer(self, limit: float) -> Indices:
        """(r,) columns of the highest threshold with a BPCER of at most ``limit``; APCER is lowest there."""
        return np.asarray(np.maximum((self.bpcer <= limit).sum(axis=1) - 1, 0), np.intp)

    def auc(self) -> Floats:
        """(r,) chance that a bona fide presentation scores above an attack, ties counted half."""
        mass = self.apcer[:, :-1] - self.apcer[:, 1:]
        return np.asarray((mass * (1 - (self.bpcer[:, :-1] + self.bpcer[:, 1:]) / 2)).sum(axis=1))

    def corners(self) -> Indices:
        """Columns of the first weighting at which the curve turns; between them it runs straight."""
        moved = np.diff(self.apcer[0]) - np.diff(self.bpcer[0]) < 0
        columns = np.flatnonzero(np.concatenate(([True], moved)))
        apcer, bpcer = np.diff(self.apcer[0, columns]), np.diff(self.bpcer[0, columns])
        straight = ((apcer[:-1] == 0) & (apcer[1:] == 0)) | ((bpcer[:-1] == 0) & (bpcer[1:] == 0))
        return columns[np.concatenate(([True], ~straight, [True]))]


@dataclass(frozen=True, slots=True)
class Curves:
    """By PAI species, of all attacks together, and of the worst species at each threshold."""

    species: dict[str, Curve]
    pooled: Curve
    worst: Curve


class Scored:
    """Presentations with a score, ready to be weighted."""

    def __init__(self, scores: Floats, species: list[str]) -> None:
        """scores: (n,). species: n PAI species, empty for bona fide."""
        self.order: Indices = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        kinds = np.asarray(species, dtype=object)[self.order]
        self._bona_fide = np.asarray(kinds == "", np.float64)
        self._species = {name: np.asarray(kinds == name, np.float64) for name in sorted(set(species) - {""})}
        distinct, starts = np.unique(ordered, return_index=True)
        self._thresholds = np.append(distinct, np.inf)
        self._starts = np.append(starts, len(ordered))

    def curves(self, weights: Floats) -> Curves:
        """weights: (r, n) how often each presentation counts, in the order of ``scores``."""
        ordered = weights[:, self.order]
        bpcer, _ = self._rejected(ordered * self._bona_fide)
        species = {}
        rejected_attacks, attacks = np.zeros_like(bpcer), np.zeros((len(weights), 1))
        for name, mask in self._species.items():
            rejected, total = self._rejected(ordered * mask, share=False)
            species[name] = self._curve(_share(total - rejected, total), bpcer)
            rejected_attacks += rejected
            attacks += total
        worst = np.fmax.reduce([curve.apcer for curve in species.values()])
        return Curves(
            species, self._curve(_share(attacks - rejected_attacks, attacks), bpcer), self._curve(worst, bpcer)
        )

    def _curve(self, apcer: Floats, bpcer: Floats) -> Curve:
        return Curve(self._thresholds, apcer, bpcer)

    def _rejected(self, weights: Floats, *, share: bool = True) -> tuple[Floats, Floats]:
        below = np.zeros((weights.shape[0], weights.shape[1] + 1))
        np.cumsum(weights, axis=1, out=below[:, 1:])
        total = below[:, -1:]
        rejected = below[:, self._starts]
        return (_share(rejected, total) if share else rejected), total


def _share(part: Floats, total: Floats) -> Floats:
    return np.divide(part, total, out=np.full_like(part, np.nan), where=total > 0)
