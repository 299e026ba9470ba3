"""Which hypothesis foretells simulated faces and attacks best, and how well that tells them apart.

Prints one JSON document, after some minutes. Beside the odds of a head it holds the head's part in the ratio of the
display's light to the room's, and both with the room's light as a nuisance: second-order harmonics of the landmarks'
normals, integrated out over a normal prior, for sheets and heads alike.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

import numpy as np
import structlog
from numpy.typing import NDArray

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import EvidenceOutcome, LivenessOperationMode
from edge.evaluation.attacks.catalogue import BONA_FIDE, named_case
from edge.evaluation.replay import policy_for
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session import lit_face
from edge.session.relief_answer import ReliefAnswer, relief_answer
from edge.session.runner import Devices, SessionRunner
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.terminal.threads import keep_to_one_thread
from edge.vision.face_patch import Grid, Surface
from edge.vision.hypotheses import LENT, OF_A_HEAD, Linear, Scores, left_out, scores_of
from edge.vision.pipeline import FaceVision
from edge.vision.relief import Relief, relief

PRINTS: Final = ("print_matte", "print_bent", "print_glossy", "print_cut_out", "print_worn")
SPECIES: Final = (BONA_FIDE, *PRINTS, "screen_tablet")
CONDITIONS: Final = ("dim-40-tungsten", "dim-150-led", "bright-600-led", "bright-1000-daylight")
# For development, and others than the method was tried on first.
NUMBERS: Final = range(840, 844)
# How much each harmonic of the room's light may differ, against its mean.
DEVIATIONS: Final = (0.01, 0.03, 0.1, 0.3)
# Of sessions: what follows tells nothing of the relief.
FOLLOWING: Final = ("motion_challenge", "passive")


@dataclass(slots=True)
class Seen:
    """What a session has found of the relief so far; the last counts."""

    found: Relief | None = None
    answer: ReliefAnswer | None = None
    surface: Surface | None = None
    room: tuple[Linear, NDArray[np.bool_]] | None = None

    def scores_of(self, light: Linear, cells: NDArray[np.bool_]) -> Scores:
        # Of the halves' cells, and of those away from the outline, there are no more.
        if self.room is None or cells.sum() >= self.room[1].sum():
            self.room = light, cells
        return scores_of(light, cells)

    def relief(self, *given: Any, **more: Any) -> Relief | None:
        self.surface, self.room = given[1], None
        return relief(*given, **more)

    def relief_answer(self, found: Relief, *given: Any, **more: Any) -> ReliefAnswer:
        self.found, self.answer = found, relief_answer(found, *given, **more)
        return self.answer


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one session. part: of a head's shape against its deviation. odds: of a head. Both without harmonics under 0,
    and by the deviation of these.
    """

    species: str
    best: str
    confirmed: bool
    part: dict[float, float] = field(default_factory=dict)
    odds: dict[float, float] = field(default_factory=dict)


def main() -> None:
    keep_to_one_thread()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    models = ModelBundle.load(default_models_dir(), verify=False)
    names = [f"{kind}/{where}/{number}" for kind in SPECIES for where in CONDITIONS for number in NUMBERS]
    told = [figures(name.split("/")[0], played(named_case(name).scene, models)) for name in names]
    print(json.dumps(document([one for one in told if one is not None]), indent=2))


def played(scene: Scene, models: ModelBundle) -> Seen:
    """Until its light has been judged."""
    seen = Seen()
    unit = SimulatedTerminal([lambda: build(scene, models)])
    devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    runner = SessionRunner(devices, FaceVision(models), lambda: unit.clock)
    mode = LivenessOperationMode.PASSIVE_ACTIVE
    phases: list[str] = []
    with (
        mock.patch.object(lit_face, "relief", seen.relief),
        mock.patch("edge.vision.relief.scores_of", seen.scores_of),
        mock.patch("edge.session.light_step.relief_answer", seen.relief_answer),
        mock.patch("edge.session.light_challenge.relief_answer", seen.relief_answer),
    ):
        runner.run(
            "0" * 32,
            policy_for(PRESETS[Preset.DOOR], mode),
            mode,
            on_progress=lambda progress: phases.append(progress.phase),
            cancelled=lambda: "the light has been judged" if phases and phases[-1] in FOLLOWING else None,
        )
    return seen


def figures(species: str, seen: Seen) -> Figures | None:
    """None where the light was not judged by any relief."""
    if seen.found is None or seen.answer is None or seen.room is None or seen.surface is None:
        return None
    found, (light, cells) = seen.found, seen.room
    shapes = np.column_stack([light.head, light.sheet[:, :1] * harmonics(seen.surface.normals[cells])])
    free = np.column_stack([light.sheet, light.beside])
    bent = left_out(light, cells, free, shapes)
    scores = found.hypotheses.room
    confirmed = seen.answer.outcome is EvidenceOutcome.CONFIRMED
    told = Figures(species, found.hypotheses.best.value, confirmed)
    told.part[0.0], told.odds[0.0] = found.head / found.head_deviation, scores.odds
    for deviation in DEVIATIONS:
        more = [deviation] * (shapes.shape[1] - 1)
        none = [0.0] * len(more)
        head, lent = (bent.average(np.array([mean, *none]), np.array([own, *more])) for mean, own in (OF_A_HEAD, LENT))
        told.odds[deviation] = head - max(scores.plane, lent, scores.screen)
        told.part[deviation] = part_of_a_head(light, np.column_stack([free, shapes]), more)
    return told


def part_of_a_head(light: Linear, columns: Grid, deviations: Sequence[float]) -> float:
    """Against its deviation, by least squares with priors of the last columns, the harmonics, by their deviations."""
    precision = np.zeros(columns.shape[1])
    precision[-len(deviations) :] = np.array(deviations) ** -2
    covariance = np.linalg.inv(columns.T @ columns / light.inflation**2 + np.diag(precision))
    value = covariance @ columns.T @ (light.seen - light.about) / light.inflation**2
    place = columns.shape[1] - len(deviations) - 1
    return float(value[place] / np.sqrt(covariance[place, place]))


def harmonics(normals: Grid) -> Grid:
    """(n, 8) of first and second order of (n, 3) unit vectors, less their means; each has a mean square of 1 over the
    sphere.
    """
    x, y, z = normals.T
    first = np.sqrt(3) * normals
    second = np.column_stack([x * y, y * z, z * x, (3 * z**2 - 1) / np.sqrt(12), (x**2 - y**2) / 2]) * np.sqrt(15)
    both = np.column_stack([first, second])
    return np.asarray(both - both.mean(axis=0))


def document(told: Sequence[Figures]) -> dict[str, Any]:
    people = [one for one in told if one.species == BONA_FIDE]
    attacks = [one for one in told if one.species != BONA_FIDE]
    return {
        "numbers": [NUMBERS.start, NUMBERS.stop - 1],
        "bestBySpecies": {
            species: dict(Counter(one.best for one in told if one.species == species)) for species in SPECIES
        },
        "confirmed": {"people": sum(one.confirmed for one in people), "attacks": sum(one.confirmed for one in attacks)},
        "leastOddsOfConfirmedPeople": round(min(one.odds[0.0] for one in people if one.confirmed), 1),
        "ofPeopleAndAttacks": [len(people), len(attacks)],
        "byDeviationOfHarmonics": {
            deviation: {
                "rankOfOdds": above([one.odds[deviation] for one in people], [one.odds[deviation] for one in attacks]),
                "rankOfPart": above([one.part[deviation] for one in people], [one.part[deviation] for one in attacks]),
                "headsAmongPeople": sum(one.odds[deviation] > 0 for one in people),
                "headsAmongAttacks": sum(one.odds[deviation] > 0 for one in attacks),
            }
            for deviation in (0.0, *DEVIATIONS)
        },
    }


def above(some: Sequence[float], others: Sequence[float]) -> float:
    """How often one of some is above one of others (area under the ROC curve)."""
    return round(float((np.array(some)[:, None] > np.array(others)).mean()), 3)


if __name__ == "__main__":
    main()
