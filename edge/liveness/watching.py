"""What a frame means in each phase."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from edge.contracts.enums import Alternative, CaptureKind, ErrorCode, EvidenceOutcome, Prompt, QualityFailure
from edge.liveness import fusion
from edge.liveness.effects import Ignored, MeasureLight
from edge.liveness.events import FrameSeen
from edge.liveness.evidence import FrameEvidence
from edge.liveness.prompts import prompt_for, say, suggest
from edge.liveness.state import Attempt, Ending, Phase, SessionState, Step, end, enter, gather, judge

# Frames that tell what is wrong just now.
RECENT_FRAMES = 30


def position(state: SessionState, event: FrameSeen, now: float) -> Step:
    evidence = event.evidence
    if old := _old(state, evidence):
        return old
    state = _look(state, event)
    policy, gathered = state.policy, state.gathered
    enough = (
        gathered.held >= policy.positioning_frames
        and evidence.captured_at - gathered.held_since >= policy.positioning_seconds
    )
    if enough or (gathered.held and is_still(state, evidence)):
        state = replace(enter(state, Phase.MEASURING_LIGHT, now), measurements=state.measurements + 1)
        state, prompt = say(state, Prompt.WORKING, now)
        flash = policy.alternative is not Alternative.WITHOUT_FLASH
        return state, (*prompt, MeasureLight(state.measurements, flash))
    return suggest(state, prompt_for(evidence, Prompt.HOLD_STILL), now)


def watch_while_measuring(state: SessionState, event: FrameSeen, now: float) -> Step:
    evidence = event.evidence
    if old := _old(state, evidence):
        return old
    if _is_another(state, evidence):
        return _position_anew(state, event, now)
    return suggest(_look(state, event), prompt_for(evidence, Prompt.WORKING), now)


def collect(state: SessionState, event: FrameSeen, now: float) -> Step:
    evidence = event.evidence
    if old := _old(state, evidence):
        return old
    if _is_another(state, evidence):
        return _position_anew(state, event, now)
    state = _look(state, event)
    policy, gathered = state.policy, state.gathered
    mine = gathered.candidates[gathered.candidates_before_passive :]
    enough = len(mine) >= policy.passive_frames and mine[-1].captured_at - mine[0].captured_at >= policy.passive_seconds
    if enough or (mine and is_still(state, evidence)):
        return judge(state, "enough frames were judged", now)
    return suggest(state, prompt_for(evidence, Prompt.WORKING), now)


def watch_challenge(state: SessionState, event: FrameSeen, now: float) -> Step:
    # Quality is not counted here: a head that turns as asked is not frontal.
    evidence = event.evidence
    if old := _old(state, evidence):
        return old
    state = gather(state, last_frame_at=evidence.captured_at)
    if _is_another(state, evidence):
        # What was asked of one face must not be answered by another.
        lost = "the face was lost during the challenge, or another one took its place"
        return end(state, Ending(lost, ErrorCode.FACE_TRACKING_FAILED), now)
    state = _keep(state, event)
    if event.continuity is not None and event.continuity.outcome is EvidenceOutcome.VETO:
        # Whatever the challenge comes to, what answers it is no longer what was asked.
        return judge(state, f"the frames do not go together: {event.continuity.reason}", now)
    return state, ()


def is_still(state: SessionState, evidence: FrameEvidence) -> bool:
    # A camera that claims to be a picture must not get a picture's shorter way.
    return evidence.still and state.capture is not CaptureKind.LIVE


def lasting_failure(state: SessionState) -> QualityFailure | None:
    recent = [failure for failure in state.gathered.recent if failure is not None]
    # Of two equally frequent ones the later.
    return Counter(reversed(recent)).most_common(1)[0][0] if recent else None


def _is_another(state: SessionState, evidence: FrameEvidence) -> bool:
    return evidence.track not in {0, state.gathered.track}


def _position_anew(state: SessionState, event: FrameSeen, now: float) -> Step:
    # The light was measured on the face before, so it says nothing of this one.
    state = enter(_look(state, event), Phase.POSITIONING, now)
    return suggest(state, prompt_for(event.evidence, Prompt.HOLD_STILL), now)


def _for_another_face(gathered: Attempt, track: int) -> Attempt:
    # Whatever is not named here was the other face's.
    return Attempt(gathered.started_at, track=track, recent=gathered.recent, failures=gathered.failures)


def _look(state: SessionState, event: FrameSeen) -> SessionState:
    evidence = event.evidence
    if _is_another(state, evidence):
        state = replace(state, gathered=_for_another_face(state.gathered, evidence.track))
    gathered = state.gathered
    good = evidence.track > 0 and not evidence.failures and evidence.lit_settled
    failures = Counter(dict(gathered.failures))
    failures.update(evidence.failures)
    return gather(
        _keep(state, event),
        held=gathered.held + 1 if good else 0,
        held_since=gathered.held_since if gathered.held else evidence.captured_at,
        face_seen=gathered.face_seen or evidence.faces > 0,
        last_frame_at=evidence.captured_at,
        recent=(*gathered.recent, evidence.failures[0] if evidence.failures else None)[-RECENT_FRAMES:],
        failures=tuple(sorted(failures.items())),
    )


def _keep(state: SessionState, event: FrameSeen) -> SessionState:
    evidence = event.evidence
    if event.continuity is not None:
        state = gather(state, continuity=event.continuity)
    if not fusion.may_be_judged(evidence, by_networks=state.means.networks):
        return state
    return gather(state, candidates=(*state.gathered.candidates, evidence))


def _old(state: SessionState, evidence: FrameEvidence) -> Step | None:
    if evidence.captured_at > state.gathered.last_frame_at:
        return None
    return state, (Ignored(f"frame {evidence.sequence} is not newer than the last one"),)
