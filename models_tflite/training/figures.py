"""What a network is worth on labelled crops, and where its threshold goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median, stdev

import numpy as np
from pictures import BONA_FIDE, Crops
from rich.console import Console
from rich.table import Table

from edge.evaluation.curves import Curves, Scored

FiguresOf = dict[str, float | dict[str, float]]
Point = dict[str, float | str]

# Of people held out, by the median of each: what the threshold refuses.
REFUSED_PEOPLE = 0.05
# Calibration at a site may lower the threshold until this share of the synthetic attacks passes, and no further.
FLOOR_APCER = 0.75


@dataclass(frozen=True)
class Judged:
    """logits: of live, (n,), of each crop."""

    logits: np.ndarray
    crops: Crops

    @property
    def bona_fide(self) -> np.ndarray:
        """Their logits."""
        return self.logits[self.crops.species == BONA_FIDE]

    @property
    def attacks(self) -> np.ndarray:
        """Their logits."""
        return self.logits[self.crops.label < 0]


def curves_of(judged: Judged) -> Curves:
    """Error rates at every threshold, as evaluations of presentations have them; crops of no presentation left out."""
    shown = judged.crops.label != 0
    species = np.where(judged.crops.species == BONA_FIDE, "", judged.crops.species)[shown]
    return Scored(judged.logits[shown], species.tolist()).curves(np.ones((1, int(shown.sum()))))


def figures(judged: Judged, teacher: np.ndarray) -> FiguresOf:
    """JSON-ready: areas under the curve, equal error rate, and how far it is from the teacher's logits."""
    curves = curves_of(judged)
    return {
        "auc": round(float(curves.pooled.auc()[0]), 4),
        "eer": round(float(curves.pooled.eer()[0][0]), 4),
        "aucBySpecies": {name: round(float(curve.auc()[0]), 4) for name, curve in curves.species.items()},
        "correlationWithTeacher": round(float(np.corrcoef(judged.logits, teacher)[0, 1]), 4),
    }


def operating_point(judged: Judged) -> Point:
    """Keys of a manifest's ``pad`` section, from people held out."""
    spread = float(judged.bona_fide.std() + judged.attacks.std()) / 2
    subjects = judged.crops.subject[judged.crops.species == BONA_FIDE]
    medians = [float(np.median(judged.bona_fide[subjects == name])) for name in sorted(set(subjects))]
    logit = float(np.quantile(medians, REFUSED_PEOPLE))
    people = [(middle - logit) / spread for middle in medians]
    passing = float((judged.attacks >= logit).mean())
    floor = min(float(np.quantile(judged.attacks, 1 - FLOOR_APCER)), logit)
    return {
        "threshold": round(_probability(logit), 4),
        "thresholdFrom": (
            f"refuses {REFUSED_PEOPLE:.0%} of {len(medians)} people held out, on synthetic frames; "
            f"{passing:.0%} of the {len(judged.attacks)} synthetic attacks pass there"
        ),
        "lowestThreshold": min(round(_probability(floor), 4), round(_probability(logit), 4)),
        "spread": round(spread, 3),
        "bonaFideLocation": round(median(people), 3),
        "bonaFideSpread": round(stdev(people), 3),
    }


def print_figures(table: dict[str, dict[str, FiguresOf]]) -> None:
    """A table for each set of crops."""
    console = Console()
    for name, rows in table.items():
        species = sorted({s for row in rows.values() for s in row["aucBySpecies"]})  # type: ignore[union-attr]
        shown = Table(title=f"{name}: area under the curve")
        for heading in ("network", "AUC", "EER", "teacher r", *species):
            shown.add_column(heading)
        for title, row in rows.items():
            areas = row["aucBySpecies"]
            shown.add_row(
                title,
                f"{row['auc']:.3f}",
                f"{row['eer']:.3f}",
                f"{row['correlationWithTeacher']:.3f}",
                *(f"{areas[s]:.3f}" for s in species),  # type: ignore[index]
            )
        console.print(shown)


def _probability(logit: float) -> float:
    return min(max(1 / (1 + math.exp(-logit)), 0.0002), 0.9998)
