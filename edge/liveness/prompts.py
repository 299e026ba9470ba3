"""What the person is told, steadily enough to be read."""

from __future__ import annotations

from dataclasses import replace

from edge.contracts.enums import Prompt
from edge.liveness.effects import ShowPrompt
from edge.liveness.evidence import FrameEvidence
from edge.liveness.quality import REMEDIES
from edge.liveness.state import Guide, SessionState, Step

# A prompt must be wanted for so long, and the one before it be readable for so long, before it changes.
PROMPT_WANTED_SECONDS = 0.3
PROMPT_SHOWN_SECONDS = 1.0


def say(state: SessionState, prompt: Prompt, now: float) -> Step:
    return replace(state, guide=Guide(shown=prompt, shown_at=now)), (ShowPrompt(prompt),)


def suggest(state: SessionState, prompt: Prompt, now: float) -> Step:
    guide = state.guide
    if prompt is guide.shown:
        return replace(state, guide=replace(guide, wanted=None)), ()
    if prompt is not guide.wanted:
        return replace(state, guide=replace(guide, wanted=prompt, wanted_since=now)), ()
    if now - guide.wanted_since < PROMPT_WANTED_SECONDS or now - guide.shown_at < PROMPT_SHOWN_SECONDS:
        return state, ()
    return say(state, prompt, now)


def prompt_for(evidence: FrameEvidence, otherwise: Prompt) -> Prompt:
    return REMEDIES[evidence.failures[0]].prompt if evidence.failures else otherwise
