"""A site's own thresholds, from sessions with its own bona fide persons.

Only where the persons' margins lie is estimated, one shift for each network, and that is shrunk towards the maker's
reference. With θ the camera's shift in units of the manifest's spread, before any capture θ ~ N(0, c²); the median of
n persons, whose margins spread by s, is N(reference + θ, (π/2) s²/n) (for large n; the variance of a sample's median
under a normal law). The posterior mean of θ (the normal-normal model; Efron and Morris, JASA 70, 1975, after James and
Stein, 1961) is

    n / (n + k) * (location - reference),   k = (π/2) s² / c²

c is the manifest's ``cameraSpread``; where it states none, c is the reference's own spread between persons: a prior
worth one observation (Kass and Wasserman, JASA 90, 1995). s is the larger of the reference's and the site's (1.4826
times the median absolute deviation), so that a mixed crowd is believed less.
"""

from __future__ import annotations

import datetime
import io
import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import Label, LivenessOperationMode
from edge.contracts.session import AttemptReport
from edge.errors import ConfigError, InputError, ModelError
from edge.evaluation.index import SHOWN_PROBLEMS, read_index
from edge.evaluation.metrics import Rate
from edge.evaluation.replay import Replayer, policy_for
from edge.frames.frame import Frame
from edge.frames.picture import PICTURE_SUFFIXES
from edge.hardware.replay import VIDEO_SUFFIXES
from edge.inference.calibration import CameraIdentity, NetworkShift, SiteCalibration
from edge.inference.manifest import Manifest, Pad
from edge.link.files import write_atomically
from edge.liveness.evidence import FrameEvidence
from edge.liveness.fusion import best_frames, judge_pad, may_be_judged
from edge.session.clock import Clock
from edge.session.runner import Devices, SessionRunner, Vision
from edge.vision.face_patch import Points
from edge.vision.identity import Embedding

# A median of fewer lets one person decide.
FEWEST_PEOPLE = 3
ADVISED_PEOPLE = 20
# Of a normal law: its standard deviation over its median absolute deviation.
MAD_TO_SIGMA = 1.4826
# The networks alone judge, and nobody is asked for anything: what the margins are is all that is wanted.
FLOOR = PRESETS[Preset.KIOSK]
MODE = LivenessOperationMode.PASSIVE


@dataclass(frozen=True, slots=True)
class Capture:
    """One session with one bona fide person.

    margins: by the model file's SHA-256, each network's median over the judged frames, no shift applied.
    """

    person: str
    margins: tuple[tuple[str, float], ...]
    frames: int


@dataclass(frozen=True, slots=True)
class NetworkEstimate:
    """One network: the site's location and shrinkage, and the shift in logits of its file."""

    manifest: Manifest
    pad: Pad
    location: float
    reference: float
    shrink: float
    shift: float

    @property
    def suits(self) -> bool:
        """Whether the threshold stays at or above the manifest's floor."""
        return self.shift >= self.pad.lowest_shift

    @property
    def problem(self) -> str | None:
        """Why this camera does not suit the network, in words."""
        if self.suits:
            return None
        needs = f"{self.manifest.id} would need the threshold {self.threshold:.4f}"
        if self.pad.lowest_threshold is None:
            return (
                f"{needs}, below its own {self.pad.threshold:.4f}; "
                "its manifest states no pad.lowestThreshold, so it may only rise"
            )
        return f"{needs}, below the pad.lowestThreshold {self.pad.lowest_threshold:.4f} of its manifest"

    @property
    def threshold(self) -> float:
        """The shifted one, probability of live."""
        return 0.5 + 0.5 * math.tanh((self.pad.threshold_logit + self.shift) / 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a site needs. ``before`` and ``after``: persons refused at the manifests' and at the shifted thresholds.

    Their bounds say less than those of an evaluation: the same persons gave the shift.
    """

    networks: tuple[NetworkEstimate, ...]
    people: int
    frames: int
    before: Rate
    after: Rate

    @property
    def suits(self) -> bool:
        """False: this camera would need a threshold below a network's floor."""
        return all(network.suits for network in self.networks)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "suits": self.suits,
            "people": self.people,
            "frames": self.frames,
            "networks": [
                {
                    "id": network.manifest.id,
                    "sha256": network.manifest.sha256,
                    "location": network.location,
                    "reference": network.reference,
                    "shrink": network.shrink,
                    "shift": network.shift,
                    "threshold": network.pad.threshold,
                    "shiftedThreshold": network.threshold,
                    "floor": network.pad.floor,
                    "suits": network.suits,
                    "problem": network.problem,
                }
                for network in self.networks
            ],
            "refusedBefore": self.before.to_dict(),
            "refusedAfter": self.after.to_dict(),
        }

    def calibration(self, camera: CameraIdentity, date: datetime.date) -> SiteCalibration:
        """The overlay. Raises ValueError where the camera does not suit."""
        if not self.suits:
            raise ValueError("a camera that does not suit gets no calibration")
        return SiteCalibration.made(
            date=date,
            camera=camera,
            people=self.people,
            frames=self.frames,
            models=[
                NetworkShift(
                    id=network.manifest.id,
                    sha256=network.manifest.sha256,
                    shift=network.shift,
                    floor=network.pad.floor,
                    location=network.location,
                    reference=network.reference,
                    shrink=network.shrink,
                )
                for network in self.networks
            ],
        )


def estimate(
    captures: Sequence[Capture], networks: Iterable[Manifest], *, pad_margin: float = 0.0, pad_veto_margin: float = 0.0
) -> Estimate:
    """pad_margin, pad_veto_margin: of the site's policy, by which a person counts as refused.

    Raises ModelError for a network whose manifest has no reference, InputError for fewer than ``FEWEST_PEOPLE`` people.
    """
    references = [_reference(manifest) for manifest in networks]
    people: dict[str, list[Capture]] = {}
    for capture in captures:
        people.setdefault(capture.person, []).append(capture)
    if len(people) < FEWEST_PEOPLE:
        raise InputError(
            f"{len(people)} bona fide person{'s' * (len(people) != 1)} could be judged",
            remedy=f"capture {FEWEST_PEOPLE} or more; {ADVISED_PEOPLE} are advised",
        )
    estimates = tuple(_estimate_network(people.values(), *reference) for reference in references)

    def refused(shifts: Sequence[float]) -> Rate:
        margins = [median(_fused(capture, estimates, shifts) for capture in given) for given in people.values()]
        passed = sum(margin >= pad_margin and margin > -pad_veto_margin for margin in margins)
        return Rate(len(margins) - passed, len(margins))

    return Estimate(
        networks=estimates,
        people=len(people),
        frames=sum(capture.frames for capture in captures),
        before=refused([0.0] * len(estimates)),
        after=refused([network.shift for network in estimates]),
    )


def write_calibration(path: Path, calibration: SiteCalibration, *, overwrite: bool = False) -> None:
    """Old content or new, never half. Raises ConfigError where it cannot be written, or is there already."""
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} is there already", remedy="name another file, or allow it to be replaced")
    out = io.BytesIO()
    YAML(pure=True).dump(calibration.model_dump(mode="json"), out)
    try:
        write_atomically(path, out.getvalue(), mode=0o644)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", remedy="name a file in a folder that can be written"
        ) from error


def check_references(networks: Iterable[Manifest]) -> None:
    """Raises ModelError for a network that no site can calibrate: better said before people are captured."""
    for manifest in networks:
        _reference(manifest)


def _reference(manifest: Manifest) -> tuple[Manifest, Pad, float, float]:
    """With location and spread of the reference's bona fide persons."""
    pad = manifest.pad
    if pad is None or pad.bona_fide_location is None or pad.bona_fide_spread is None:
        raise ModelError(
            f"{manifest.id} cannot be calibrated: its manifest does not say where bona fide persons lie",
            remedy='state "bonaFideLocation" and "bonaFideSpread" in its "pad" section (docs/calibration.md), '
            "or use another network",
        )
    return manifest, pad, pad.bona_fide_location, pad.bona_fide_spread


def _estimate_network(
    people: Iterable[Sequence[Capture]], manifest: Manifest, pad: Pad, reference: float, spread: float
) -> NetworkEstimate:
    margins = [median(dict(capture.margins)[manifest.sha256] for capture in given) for given in people]
    location = median(margins)
    between = max(spread, MAD_TO_SIGMA * median(abs(margin - location) for margin in margins))
    k = math.pi / 2 * (between / (pad.camera_spread or spread)) ** 2
    shrink = len(margins) / (len(margins) + k)
    # From units of the spread to logits of the file.
    shift = pad.spread * shrink * (location - reference)
    return NetworkEstimate(manifest, pad, location, reference, shrink, shift)


def _fused(capture: Capture, networks: Sequence[NetworkEstimate], shifts: Sequence[float]) -> float:
    """As ``edge.liveness.fusion.judge_pad`` joins networks; a median moves with what all of its values move by."""
    margins = dict(capture.margins)
    weighted = (
        network.pad.weight * (margins[network.manifest.sha256] - shift / network.pad.spread)
        for network, shift in zip(networks, shifts, strict=True)
    )
    return math.fsum(weighted) / math.fsum(network.pad.weight for network in networks)


class Witness:
    """Vision that remembers the scores of the frames which may be judged, of the face seen last; never pixels."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision
        self._seen: list[FrameEvidence] = []

    @property
    def landmarks(self) -> Points | None:
        """What the vision behind it has."""
        return self._vision.landmarks

    def embedding(self, frame: Frame) -> Embedding | None:
        """What the vision behind it has."""
        return self._vision.embedding(frame)

    def glance(self, frame: Frame) -> float | None:
        """What the vision behind it has."""
        return self._vision.glance(frame)

    def reset(self) -> None:
        self._vision.reset()

    def forget(self) -> None:
        self._vision.forget()

    def see(self, frame: Frame, *, judge: bool = True) -> FrameEvidence:
        """Raises what the vision behind it raises."""
        evidence = self._vision.see(frame, judge=judge)
        if may_be_judged(evidence):
            if self._seen and self._seen[-1].track != evidence.track:
                self._seen.clear()
            self._seen.append(evidence)
        return evidence

    def take(self, person: str, judged_frames: int) -> Capture | None:
        """What a session would have judged since the last call; None where that is nothing."""
        judged = best_frames(self._seen, judged_frames)
        self._seen.clear()
        if not judged:
            return None
        _, networks = judge_pad(judged, pad_margin=0.0, pad_veto_margin=0.0)
        return Capture(person, tuple((network.sha256, network.margin) for network in networks), len(judged))


class LiveCaptor:
    """Captures persons before a terminal's camera, one session each."""

    def __init__(self, devices: Devices, vision: Vision, make_clock: Callable[[], Clock]) -> None:
        """vision: without a calibration."""
        self._witness = Witness(vision)
        self._runner = SessionRunner(devices, self._witness, make_clock)

    def capture(self, person: str) -> Capture:
        """Raises InputError, saying why, where no frame could be judged."""
        policy = policy_for(FLOOR, MODE)
        report = self._runner.run(uuid.uuid4().hex, policy, MODE)
        capture = self._witness.take(person, policy.judged_frames)
        if capture is None:
            raise _nothing_judged(person, report.attempts[-1])
        return capture


def capture_recorded(replayer: Replayer, person: str, paths: tuple[Path, ...]) -> Capture:
    """One session over a still, video, folder, or pictures in order.

    replayer: of ``FLOOR`` and ``MODE``, without a calibration. Raises InputError where they cannot be read, and where
    no frame can be judged.
    """
    attempt = replayer.replay(paths).attempts[-1]
    if not attempt.networks:
        raise _nothing_judged(f"{person}: {paths[0].name}", attempt)
    margins = tuple((network.sha256, network.margin) for network in attempt.networks)
    return Capture(person, margins, attempt.assurance.frames_judged)


def _nothing_judged(what: str, attempt: AttemptReport) -> InputError:
    why = f"{attempt.error.code}: {attempt.error.message}" if attempt.error else "no frame could be judged"
    return InputError(f"{what}: {why}", remedy="capture the person again, near, frontal and in good light")


@dataclass(frozen=True, slots=True)
class Recordings:
    """Bona fide presentations with their person, and how many attacks of an index were left out."""

    presentations: tuple[tuple[str, tuple[Path, ...]], ...]
    attacks: int = 0


def find_recordings(source: Path) -> Recordings:
    """An index (``edge.evaluation.index``), or a folder with one folder for each person.

    In a person's folder each picture, video and folder of pictures is a presentation. Raises InputError where nobody is
    found, and for a bona fide row without a subject.
    """
    return _of_folder(source) if source.is_dir() else _of_index(source)


def _of_folder(source: Path) -> Recordings:
    suffixes = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    found = tuple(
        (person.name, (entry,))
        for person in _visible(source)
        if person.is_dir()
        for entry in _visible(person)
        if entry.is_dir() or entry.suffix.lower() in suffixes
    )
    if not found:
        raise InputError(
            f"{source} holds no folder with pictures",
            remedy="give each person a folder in it, named by a code, with that person's pictures and videos",
        )
    return Recordings(found)


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}", remedy="check its permissions") from error


def _of_index(source: Path) -> Recordings:
    presentations = read_index(source)
    bona_fide = [presentation for presentation in presentations if presentation.label is Label.BONA_FIDE]
    nameless = [presentation.name for presentation in bona_fide if not presentation.subject]
    if nameless:
        raise InputError(
            f"{source}: bona fide without a subject: {', '.join(nameless[:SHOWN_PROBLEMS])}",
            remedy="give each person a code in the column subject; people are counted, not pictures",
        )
    if not bona_fide:
        raise InputError(f"{source} has no bona fide row", remedy="calibrate from bona fide captures of the site")
    found = tuple((presentation.subject, presentation.paths) for presentation in bona_fide)
    return Recordings(found, attacks=len(presentations) - len(bona_fide))
