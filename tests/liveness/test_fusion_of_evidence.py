from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.enums import EvidenceKind, EvidenceOutcome, LivenessDecision, QualityFailure
from edge.liveness.evidence import FrameEvidence, PadScore
from edge.liveness.fusion import best_frames, decide, decided_by, digest, judge_pad, may_be_judged
from edge.liveness.outcome import Finding

FIXED = settings(derandomize=True, database=None, deadline=None)
FINDINGS = st.lists(
    st.builds(Finding, st.sampled_from(EvidenceKind), st.sampled_from(EvidenceOutcome), st.just("because")),
    max_size=6,
)
KINDS = st.frozensets(st.sampled_from(EvidenceKind))


def found(kind, outcome):
    return Finding(kind, outcome, "because")


def make(sequence, captured_at, quality):
    return FrameEvidence(sequence, captured_at, 1, None, quality=quality)


def scored(frame, sequence, *margins, weights=(1.0, 1.0, 1.0)):
    pad = tuple(
        PadScore(f"net{place}", "b" * 64, margin, weight)
        for place, (margin, weight) in enumerate(zip(margins, weights, strict=False))
    )
    return frame(sequence, sequence / 10, pad=pad)


@FIXED
@given(FINDINGS, KINDS)
def test_any_veto_is_spoofface_whatever_else_was_confirmed(findings, required):
    vetoed = [*findings, found(EvidenceKind.LIGHT, EvidenceOutcome.VETO)]
    assert decide(vetoed, required) is LivenessDecision.SPOOFFACE


@FIXED
@given(FINDINGS, KINDS)
def test_realface_needs_every_required_kind_confirmed(findings, required):
    if decide(findings, required) is LivenessDecision.REALFACE:
        assert required
        for kind in required:
            assert any(f.kind is kind and f.outcome is EvidenceOutcome.CONFIRMED for f in findings)


@FIXED
@given(FINDINGS, KINDS, KINDS)
def test_what_passes_under_more_demands_passes_under_fewer(findings, some, more):
    if some and decide(findings, some | more) is LivenessDecision.REALFACE:
        assert decide(findings, some) is LivenessDecision.REALFACE


def test_all_that_is_required_confirmed_is_realface():
    confirmed = [found(kind, EvidenceOutcome.CONFIRMED) for kind in EvidenceKind]
    assert decide(confirmed, frozenset(EvidenceKind)) is LivenessDecision.REALFACE


@pytest.mark.parametrize("outcome", [EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.NOT_APPLICABLE])
def test_a_required_kind_without_proof_is_uncertain(outcome):
    findings = [found(EvidenceKind.PAD, EvidenceOutcome.CONFIRMED), found(EvidenceKind.LIGHT, outcome)]
    required = frozenset({EvidenceKind.PAD, EvidenceKind.LIGHT})
    assert decide(findings, required) is LivenessDecision.UNCERTAIN


def test_a_policy_that_requires_nothing_passes_nobody():
    confirmed = [found(kind, EvidenceOutcome.CONFIRMED) for kind in EvidenceKind]
    assert decide(confirmed, frozenset()) is LivenessDecision.UNCERTAIN


@pytest.mark.parametrize(
    ("margin", "outcome"),
    [
        (2.0, EvidenceOutcome.CONFIRMED),
        (1.0, EvidenceOutcome.CONFIRMED),
        (0.99, EvidenceOutcome.INSUFFICIENT),
        (-0.49, EvidenceOutcome.INSUFFICIENT),
        (-0.5, EvidenceOutcome.VETO),
        (-3.0, EvidenceOutcome.VETO),
    ],
)
def test_the_pad_margin_confirms_and_the_veto_margin_vetoes(frame, margin, outcome):
    finding, _ = judge_pad([frame(1, 0.1, margin=margin)], pad_margin=1.0, pad_veto_margin=0.5)
    assert (finding.outcome, finding.margin) == (outcome, margin)


def test_with_both_margins_zero_the_threshold_itself_counts_as_an_attack(frame):
    for margin, outcome in ((0.0, EvidenceOutcome.VETO), (0.01, EvidenceOutcome.CONFIRMED)):
        finding, _ = judge_pad([frame(1, 0.1, margin=margin)], pad_margin=0.0, pad_veto_margin=0.0)
        assert finding.outcome is outcome


def test_one_frame_of_many_does_not_decide(frame):
    frames = [frame(n, n / 10, margin=-1.0) for n in range(4)] + [frame(5, 0.5, margin=90.0)]
    finding, networks = judge_pad(frames, pad_margin=0.0, pad_veto_margin=0.0)
    assert finding.outcome is EvidenceOutcome.VETO
    assert (networks[0].margin, networks[0].frames) == (-1.0, 5)


def test_networks_are_joined_by_their_weights(frame):
    frames = [scored(frame, n, 3.0, -1.0, weights=(1.0, 3.0)) for n in range(3)]
    finding, networks = judge_pad(frames, pad_margin=0.5, pad_veto_margin=0.5)
    assert finding.margin == pytest.approx(0.0)
    assert finding.outcome is EvidenceOutcome.INSUFFICIENT
    assert [network.margin for network in networks] == [3.0, -1.0]


def test_the_reason_names_each_networks_median_the_frames_that_agree_and_the_strongest(frame):
    frames = [scored(frame, n, a, b, weights=(1.0, 3.0)) for n, (a, b) in enumerate([(4, -2), (3, -2), (-1, 2)])]
    finding, _ = judge_pad(frames, pad_margin=1.0, pad_veto_margin=0.5)
    # Medians 3 and -2: (3 - 6) / 4 = -0.75. The last frame alone: (-1 + 6) / 4 = 1.25, confirmed.
    assert finding.reason == (
        "2 PAD networks over 3 frames for an attack: -0.75, veto up to -0.50; 2 of 3 frames alone agree; "
        "net0 +3.00, net1 -2.00 (strongest)"
    )


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ((2.0, 2.0), "1 PAD network over 2 frames for a live face: +2.00, confirmed from +1.00; 2 of 2 frames alone"),
        ((0.5, -0.1), "over 2 frames for neither: +0.20, veto up to +0.00, confirmed from +1.00; 1 of 2 frames alone"),
        ((-4.0,), "1 PAD network over 1 frame for an attack: -4.00, veto up to +0.00; 1 of 1 frame alone agrees"),
    ],
)
def test_the_reason_says_by_how_much(frame, margins, said):
    frames = [frame(n, n / 10, margin=margin) for n, margin in enumerate(margins)]
    finding, _ = judge_pad(frames, pad_margin=1.0, pad_veto_margin=0.0)
    assert said in finding.reason
    assert "strongest" not in finding.reason


def test_a_veto_decides_alone_a_pass_is_decided_by_all_that_is_required_and_doubt_by_what_is_missing():
    pad, light, motion = EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION
    confirmed, veto, no_proof = EvidenceOutcome.CONFIRMED, EvidenceOutcome.VETO, EvidenceOutcome.INSUFFICIENT
    cases = [
        ([(pad, confirmed), (light, veto), (motion, no_proof)], {pad, motion}, (light,)),
        ([(light, veto), (pad, veto)], {pad}, (pad, light)),
        ([(light, confirmed), (pad, confirmed), (motion, no_proof)], {light, pad}, (pad, light)),
        ([(pad, confirmed), (light, no_proof)], {pad, light, motion}, (light, motion)),
        ([(pad, confirmed)], set(), ()),
    ]
    for findings, required, deciding in cases:
        assert decided_by([found(*finding) for finding in findings], frozenset(required)) == deciding


@FIXED
@given(FINDINGS, KINDS)
def test_what_decided_is_what_would_have_to_change(findings, required):
    by = decided_by(findings, required)
    decision = decide(findings, required)
    if decision is LivenessDecision.SPOOFFACE:
        without = [f for f in findings if f.kind not in by]
        assert decide(without, required) is not LivenessDecision.SPOOFFACE
    elif decision is LivenessDecision.REALFACE:
        assert set(by) == required
    else:
        proven = [*findings, *(found(kind, EvidenceOutcome.CONFIRMED) for kind in by)]
        assert decide(proven, required) is (LivenessDecision.REALFACE if required else decision)


def test_a_frame_counts_only_with_a_face_in_settled_light_and_usable_scores(frame):
    good = frame(1, 0.1)
    assert may_be_judged(good)
    for changes in (
        {"failures": (QualityFailure.BLURRED,)},
        {"box": None},
        {"track": 0},
        {"lit_settled": False},
        {"pad": ()},
        {"quality": math.nan},
        {"pad": (PadScore("net", "a" * 64, math.nan),)},
        {"pad": (PadScore("net", "a" * 64, math.inf),)},
        {"pad": (PadScore("net", "a" * 64, 1.0, 0.0),)},
        {"pad": (PadScore("net", "a" * 64, 1.0), PadScore("other", "a" * 64, -math.inf))},
    ):
        assert not may_be_judged(replace(good, **changes)), changes


def test_the_best_frames_come_best_first_and_at_most_as_many_as_asked(frame):
    frames = [frame(n, n / 10, quality=(n % 7) / 7) for n in range(70)]
    best = best_frames(frames, 5)
    assert len(best) == 5
    assert [f.quality for f in best] == sorted((f.quality for f in best), reverse=True)


def test_a_burst_of_sharp_neighbours_gives_only_one_of_the_judged_frames(frame):
    burst = [frame(n, 0.001 * n, quality=0.9) for n in range(50)]
    rest = [frame(100 + n, float(n), quality=0.1) for n in range(1, 8)]
    judged = best_frames(burst + rest, 8)
    assert sum(f.quality == 0.9 for f in judged) == 1
    assert len(judged) == 8


def test_a_single_frame_and_none_at_all_can_be_asked_for(frame):
    only = frame(1, 0.1)
    assert best_frames([only], 8) == (only,)
    assert best_frames([], 8) == ()


@FIXED
@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_judged_frames_are_some_of_the_candidates_each_once_with_the_best_among_them(points, count):
    frames = [make(n, *point) for n, point in enumerate(points)]
    judged = best_frames(frames, count)
    assert 1 <= len(judged) <= count
    assert len({f.sequence for f in judged}) == len(judged)
    assert set(judged) <= set(frames)
    assert judged[0].quality == max(f.quality for f in frames)


def test_the_digest_depends_on_every_judged_value_and_on_the_order(frame):
    first, second = frame(1, 0.1), frame(2, 0.2)
    digests = {
        digest(frames)
        for frames in (
            (first, second),
            (second, first),
            (first,),
            (replace(first, sequence=3), second),
            (replace(first, captured_at=0.15), second),
            (replace(first, quality=0.6), second),
            (replace(first, pad=(replace(first.pad[0], margin=2.1),)), second),
            (replace(first, box=replace(first.box, left=11.0)), second),
        )
    }
    assert len(digests) == 8


def test_the_digest_is_the_same_for_the_same_evidence(frame):
    assert digest([frame(1, 0.1)]) == digest([frame(1, 0.1)])
    line = (
        b'{"box":{"height":120.0,"left":10.0,"top":20.0,"width":100.0},"capturedAt":0.1,'
        b'"pad":[{"margin":2.0,"network":"net","sha256":"' + b"a" * 64 + b'","weight":1.0}],'
        b'"quality":0.5,"sequence":1}\n'
    )
    assert digest([frame(1, 0.1)]) == hashlib.sha256(line).hexdigest()
