"""Any policy floor that a site may write."""

from __future__ import annotations

from hypothesis import strategies as st

from edge.config.policy import PolicyFloor, WhenLightNotMeasured, WhenOverwhelmed, WhenPadNotApplicable
from edge.contracts.enums import Alternative, EvidenceKind, LivenessOperationMode

evidence = st.sets(st.sampled_from(EvidenceKind)).map(lambda kinds: tuple(kinds | {EvidenceKind.PAD}))
floors = st.builds(
    PolicyFloor,
    name=st.sampled_from(["door", "kiosk", "lab", "a-1"]),
    modes=st.sets(st.sampled_from(LivenessOperationMode), min_size=1).map(tuple),
    max_attempts=st.integers(1, 3),
    max_ttl_seconds=st.integers(60, 86400),
    attempt_timeout_seconds=st.floats(10, 120),
    require_passive=evidence,
    require_active=evidence,
    require_motion_alone=evidence,
    allow_alternatives=st.sets(st.sampled_from(Alternative)).map(tuple),
    require_without_flash=evidence,
    require_without_movement=evidence,
    pad_margin=st.floats(0, 20),
    pad_margin_with_light=st.floats(-20, 20),
    pad_veto_margin=st.floats(0, 20),
    when_light_not_measured=st.sampled_from(WhenLightNotMeasured),
    when_overwhelmed=st.sampled_from(WhenOverwhelmed),
    when_pad_not_applicable=st.sampled_from(WhenPadNotApplicable),
    positioning_frames=st.integers(1, 30),
    positioning_seconds=st.floats(0, 3),
    passive_frames=st.integers(1, 60),
    passive_seconds=st.floats(0, 6),
    judged_frames=st.integers(1, 60),
)
