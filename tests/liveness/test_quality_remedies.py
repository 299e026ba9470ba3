from __future__ import annotations

from edge.contracts.enums import ErrorCode, Prompt, QualityFailure
from edge.liveness.quality import REMEDIES, RETRYABLE


def test_every_quality_failure_has_one_prompt_and_one_error_code():
    assert set(REMEDIES) == set(QualityFailure)
    for remedy in REMEDIES.values():
        assert isinstance(remedy.prompt, Prompt)
        assert isinstance(remedy.error, ErrorCode)


def test_no_two_quality_failures_are_told_with_the_same_prompt():
    assert len({remedy.prompt for remedy in REMEDIES.values()}) == len(QualityFailure)


def test_only_what_the_person_can_do_better_is_tried_again():
    assert ErrorCode.HEAD_TURN_NOT_PERFORMED in RETRYABLE
    for code in (
        ErrorCode.CAMERA_PERMISSION_DENIED,
        ErrorCode.CAMERA_STARTUP_FAILURE,
        ErrorCode.ENVIRONMENT_NOT_SUPPORTED,
        ErrorCode.USER_CANCELED_SESSION,
        ErrorCode.INVALID_TOKEN,
        ErrorCode.GENERIC_FAILURE,
    ):
        assert code not in RETRYABLE
