"""What the movement of a head says of what was asked. Pure: from samples to an answer.

A movement that is asked for goes: read, turn, hold, and come back when told to. Whoever does otherwise has not done
what was asked, which is an error and no attack. What speaks for or against a live face is the texture
(``edge.vision.parallax``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final

from edge.contracts.enums import ErrorCode, EvidenceOutcome
from edge.liveness.plans import Direction, Movement
from edge.vision.parallax import Parallax

READING_SECONDS: Final = 0.2
"""Nobody answers a prompt sooner: 0.2 s is what eyes need to jump to a light, without a word to read or a direction to
choose."""

# By then nobody has moved by more than sway: from a quarter of a second on a hasty head may set off, and takes another
# tenth to get so far.
_EARLIEST: Final = 0.35
# Samples from so long before the prompt on tell where the head was.
_BEFORE: Final = 0.2
_LEAST_BEFORE: Final = 2
# Degrees: sway, blinks and the landmarks' noise stay below. Looking straight is meant loosely: a camera may stand below
# the screen, and the landmarks are some degrees off in a face or two.
_STILL: Final = 6.0
_STRAIGHT: Final = (15.0, 20.0)
# A neck turns about 75 degrees each way and nods about 55, so people who are asked for both nod less, and the landmarks
# show a nod smaller than it is. So many degrees of yaw are one of pitch.
_NOD: Final = 1.5
# Prompts tell no degrees and nobody could measure them: half of those asked for is enough, and less than eight is sway.
_ENOUGH: Final = 0.5
_LEAST: Final = 8.0
_STAYS: Final = 0.8
# Eight directions are 45 degrees apart: half of that, so that no movement answers two of them. It may sway meanwhile.
_ASIDE: Final = 22.5
_ASIDE_MEANWHILE: Final = 26.0
# Who turns first left and then up for up-left is at 45 meanwhile. A blink moves the landmarks' pitch by 4 degrees, and
# a head that comes back overshoots.
_WRONG: Final = 60.0
_ASTRAY: Final = 12.0
_BACK: Final = (8.0, 0.4)
# Whoever turned by hardly more than that must have left it all the same.
_LEFT: Final = 0.75
_SETTLED_SECONDS: Final = 0.3
# A head that turns 25 degrees in a quarter of a second, which is hasty, passes 190 degrees a second at its fastest
# (minimum jerk); twice that, and more than noise makes of one frame.
_FASTEST: Final = 400.0
_JUMP: Final = 10.0

# Of the parallax that a head is due: a head shows half of it at least, and certainly a quarter; a sheet certainly less
# than 0.4. docs/sessions.md has what heads and sheets showed.
_HEAD: Final = 0.5
_CERTAINLY_HEAD: Final = 0.25
_CERTAINLY_NO_HEAD: Final = 0.4
_CERTAIN: Final = 3.0
# Of the width of the face, a third of a pixel of what is followed: what drifts less may drift as a nose would.
_LEAST_SEEN: Final = 0.002
# The landmarks hardly see a sheet turn. By its texture it must have turned so far, since a head that stays has no
# parallax either, and be explained so well. A head that turned the wrong way is none: it shows 0.3 and more so.
_SHEET_TURN: Final = 15.0
_SHEET: Final = 0.1
_SHEET_SCATTER: Final = 1 / 3
_MOST_LOST: Final = 0.5
_FROZEN: Final = 5

_UNITS: Final = {
    Direction.LEFT: (1, 0),
    Direction.RIGHT: (-1, 0),
    Direction.UP: (0, 1),
    Direction.DOWN: (0, -1),
    Direction.UP_LEFT: (1, 1),
    Direction.UP_RIGHT: (-1, 1),
    Direction.DOWN_LEFT: (1, -1),
    Direction.DOWN_RIGHT: (-1, -1),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The head in one frame. time: seconds, when it was captured. yaw, pitch: degrees as in HeadPose."""

    time: float
    yaw: float
    pitch: float


class Stage(StrEnum):
    """How far somebody has come with a movement.

    REFUSED: that was no answer to the prompt. VOID: it cannot be told.
    """

    READING = "reading"
    TURNING = "turning"
    HELD = "held"
    BACK = "back"
    REFUSED = "refused"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Course:
    """Where a movement is, and the figures to it. held: seconds for which it has been held so far, while TURNING."""

    stage: Stage
    reason: str
    held: float = 0.0


@dataclass(frozen=True, slots=True)
class MotionAnswer:
    """What a challenge came to. error: the person did not do what was asked."""

    outcome: EvidenceOutcome
    reason: str
    margin: float | None = None
    error: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class Texture:
    """How the face's texture was followed through one movement.

    points: followed at the end. lost: largest share lost from one frame to the next. alike: frames on end that were
    the same to the last bit, where it was held. as_head: by the turn that the landmarks show, as_sheet: by that of a
    sheet; None where there were too few points.
    """

    points: int
    lost: float
    alike: int
    as_head: Parallax | None
    as_sheet: Parallax | None


def course(
    samples: Sequence[Sample], movement: Movement, asked_at: float, back_at: float | None, *, settles: bool = True
) -> Course:
    """How far the movement has come.

    samples: in order of time, from 0.2 s or more before the prompt on, where there are any. asked_at: when the prompt
    was shown; back_at: when the person was told to look straight again, None before that. settles: whether the head
    must stay straight for a moment to be back, as it must before it is asked for another movement.
    """
    for one, other in pairwise(samples):
        jump = math.hypot(other.yaw - one.yaw, other.pitch - one.pitch)
        if jump > _JUMP and jump > _FASTEST * (other.time - one.time):
            seconds = other.time - one.time
            return Course(Stage.VOID, f"the head jumped by {jump:.0f} degrees in {seconds:.2f} s: the picture was cut")
    read_at = asked_at + READING_SECONDS
    first = [sample for sample in samples if asked_at - _BEFORE <= sample.time <= asked_at + _EARLIEST]
    early = max(_spread([sample.yaw for sample in first]), _spread([sample.pitch for sample in first]))
    if early > _STILL:
        return Course(Stage.REFUSED, f"the head moved by {early:.0f} degrees before the prompt could be answered")
    if not samples or samples[-1].time <= read_at:
        return Course(Stage.READING, "the head was not seen after the prompt could be read")
    before = [sample for sample in first if sample.time <= read_at]
    if len(before) < _LEAST_BEFORE:
        return Course(Stage.VOID, "too few frames while the prompt came to tell where the head was")
    rest = Sample(read_at, median(sample.yaw for sample in before), median(sample.pitch for sample in before))
    if abs(rest.yaw) > _STRAIGHT[0] or abs(rest.pitch) > _STRAIGHT[1]:
        return Course(
            Stage.REFUSED, f"the head looked aside when the prompt came: yaw {rest.yaw:.0f}, pitch {rest.pitch:.0f}"
        )
    turns = [_Turn.of(sample, rest, movement.direction) for sample in samples if sample.time > read_at]
    return _turned(turns, movement, back_at, _SETTLED_SECONDS if settles else 0.0)


def motion_answer(textures: Sequence[Texture]) -> MotionAnswer:
    """Of a challenge whose movements were all performed. textures: one of each movement."""
    each = [_texture_answer(texture) for texture in textures]
    heads = [texture.as_head for texture in textures if texture.as_head is not None]
    vetoed = any(answer.outcome is EvidenceOutcome.VETO for answer in each)
    if not vetoed and len(heads) == len(textures) > 1:
        each = [_texture_answer(_together(textures, heads))]
    for outcome in (EvidenceOutcome.VETO, EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.CONFIRMED):
        found = [answer for answer in each if answer.outcome is outcome]
        if found:
            return min(found, key=lambda answer: math.inf if answer.margin is None else answer.margin)
    return MotionAnswer(EvidenceOutcome.INSUFFICIENT, "no movement was asked for")


def not_performed(reason: str, as_sheets: Sequence[Parallax]) -> MotionAnswer:
    """Of a challenge that was not followed. as_sheets: of the movement that failed, as far as it went.

    A sheet that is turned as asked hardly turns by its landmarks: its texture speaks all the same.
    """
    for parallax in as_sheets:
        if _is_clear_sheet(parallax):
            return MotionAnswer(EvidenceOutcome.VETO, f"{_sheet(parallax)}; {reason}", parallax.share)
    return MotionAnswer(EvidenceOutcome.INSUFFICIENT, reason, error=ErrorCode.HEAD_TURN_NOT_PERFORMED)


@dataclass(frozen=True, slots=True)
class _Turn:
    """From rest. size: degrees, a nod counted larger. off: degrees between its direction and that asked for."""

    time: float
    yaw: float
    pitch: float
    size: float
    off: float

    @classmethod
    def of(cls, sample: Sample, rest: Sample, asked: Direction) -> _Turn:
        yaw, pitch = sample.yaw - rest.yaw, sample.pitch - rest.pitch
        across, up = _UNITS[asked]
        went, due = math.atan2(_NOD * pitch, yaw), math.atan2(up, across)
        off = abs(math.degrees(math.remainder(went - due, 2 * math.pi)))
        return cls(sample.time, yaw, pitch, math.hypot(yaw, _NOD * pitch), off)

    @property
    def text(self) -> str:
        """In the person's own directions."""
        sides = "left" if self.yaw >= 0 else "right", "up" if self.pitch >= 0 else "down"
        return f"{abs(self.yaw):.0f} degrees {sides[0]} and {abs(self.pitch):.0f} {sides[1]}"


def _turned(turns: Sequence[_Turn], movement: Movement, back_at: float | None, settled: float) -> Course:
    asked = movement.direction.value.replace("_", " ")
    needed = max(_LEAST, _ENOUGH * movement.degrees)
    since: float | None = None
    held = False
    for turn in turns:
        if turn.size >= _ASTRAY and turn.off > _WRONG:
            return Course(Stage.REFUSED, f"the head went {turn.text} where {asked} was asked for")
        aside, least = (_ASIDE, needed) if since is None else (_ASIDE_MEANWHILE, _STAYS * needed)
        right = turn.off <= aside and turn.size >= least
        since = (turn.time if since is None else since) if right else None
        if since is not None and turn.time - since >= movement.hold_seconds:
            held = True
            break
    peak = max(turns, key=lambda turn: turn.size)
    if not held:
        so_far = 0.0 if since is None else turns[-1].time - since
        reason = f"the head went at most {peak.text} where {asked} was asked for, to be held"
        return Course(Stage.TURNING, reason, so_far)
    if back_at is None:
        return Course(Stage.HELD, f"the head went {asked} and stayed: {peak.text}")
    return _returned(turns, peak, back_at, asked, settled)


def _returned(turns: Sequence[_Turn], peak: _Turn, back_at: float, asked: str, settled: float) -> Course:
    later = [turn for turn in turns if turn.time > back_at]
    for turn in later:
        if turn.size >= _ASTRAY and turn.off > _WRONG:
            return Course(Stage.REFUSED, f"the head went on {turn.text} where it was to look straight")
    near = min(max(_BACK[0], _BACK[1] * peak.size), _LEFT * peak.size)
    for first in later:
        if first.size > near or later[-1].time - first.time < settled:
            continue
        stay = [turn for turn in later if first.time <= turn.time <= first.time + settled]
        if all(turn.size <= near for turn in stay):
            return Course(Stage.BACK, f"the head went {asked} and came back: {peak.text}")
    return Course(Stage.HELD, f"the head went {peak.text} and did not come back")


def _texture_answer(texture: Texture) -> MotionAnswer:
    if texture.lost > _MOST_LOST:
        reason = f"{texture.lost:.0%} of the face's texture went from one frame to the next: the picture was cut"
        return MotionAnswer(EvidenceOutcome.INSUFFICIENT, reason)
    if texture.alike >= _FROZEN:
        reason = f"{texture.alike} frames on end are the same to the last bit: the picture stood still"
        return MotionAnswer(EvidenceOutcome.INSUFFICIENT, reason)
    parallax, sheet = texture.as_head, texture.as_sheet
    if parallax is None:
        reason = f"too little texture on the face to tell a head from a sheet: {texture.points} points"
        return MotionAnswer(EvidenceOutcome.INSUFFICIENT, reason)
    certainly = parallax.share - _CERTAIN * parallax.error
    if parallax.share >= _HEAD and certainly >= _CERTAINLY_HEAD and certainly * parallax.due >= _LEAST_SEEN:
        reason = f"the head turned as asked, and its texture moved as on a head: {_figures(parallax)}"
        return MotionAnswer(EvidenceOutcome.CONFIRMED, reason, parallax.share)
    if parallax.share + _CERTAIN * parallax.error <= _CERTAINLY_NO_HEAD:
        return MotionAnswer(EvidenceOutcome.VETO, _sheet(parallax), parallax.share)
    if sheet is not None and _is_clear_sheet(sheet):
        return MotionAnswer(EvidenceOutcome.VETO, _sheet(sheet), sheet.share)
    reason = f"the face's texture tells no head from a sheet: {_figures(parallax)}"
    return MotionAnswer(EvidenceOutcome.INSUFFICIENT, reason, parallax.share)


def _together(textures: Sequence[Texture], heads: Sequence[Parallax]) -> Texture:
    """All movements as one, each share by its error."""
    weights = [1 / max(head.error, 1e-6) ** 2 for head in heads]

    def mean(values: Sequence[float]) -> float:
        return math.fsum(map(math.prod, zip(weights, values, strict=True))) / math.fsum(weights)

    together = Parallax(
        points=sum(head.points for head in heads),
        turn=mean([head.turn for head in heads]),
        due=mean([head.due for head in heads]),
        scatter=mean([head.scatter for head in heads]),
        share=mean([head.share for head in heads]),
        error=math.fsum(weights) ** -0.5,
    )
    return Texture(
        points=together.points,
        lost=max(texture.lost for texture in textures),
        alike=max(texture.alike for texture in textures),
        as_head=together,
        as_sheet=None,
    )


def _is_clear_sheet(parallax: Parallax) -> bool:
    return (
        parallax.turn >= _SHEET_TURN
        and parallax.scatter <= _SHEET_SCATTER * parallax.due
        and parallax.share + _CERTAIN * parallax.error <= _SHEET
    )


def _sheet(parallax: Parallax) -> str:
    return f"the face turned like a sheet, flat or bent: {_figures(parallax)}"


def _figures(parallax: Parallax) -> str:
    # Adding zero keeps rounding from telling -0 %.
    return (
        f"{round(parallax.share, 2) + 0.0:.0%} +- {parallax.error:.0%} of the parallax of a head that turns by "
        f"{parallax.turn:.0f} degrees, {parallax.due:.1%} of its width (scatter {parallax.scatter:.1%}, "
        f"{parallax.points} points)"
    )


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values) if values else 0.0
