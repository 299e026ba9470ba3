import pytest
from pydantic import ValidationError

from edge.contracts.base import MAX_PACKET_BYTES, MAX_TOLD
from edge.contracts.config import MAX_PROBLEMS, ConfigProblem, ReportedConfig
from edge.contracts.device import CommandError, CommandReply, DeviceEvent, State
from edge.contracts.enums import CommandErrorCode, ConfigStatus, EvidenceKind, EvidenceOutcome, Service, TerminalState
from edge.contracts.jws import write_decision
from edge.contracts.session import EvidenceItem
from edge.errors import LinkError


def with_words(decision, characters: int):
    item = EvidenceItem(kind=EvidenceKind.PAD, outcome=EvidenceOutcome.VETO, reason="x" * characters)
    return decision.model_copy(update={"attempt": decision.attempt.model_copy(update={"evidence": (item,)})})


def test_a_message_beyond_its_limit_is_not_written():
    fits = CommandReply(status="ok", data={"x": "y" * (100 * 1024)})
    assert len(fits.to_json()) <= CommandReply.max_bytes
    with pytest.raises(LinkError, match="at most 131072"):
        CommandReply(status="ok", data={"x": "y" * (128 * 1024)}).to_json()


def test_a_decision_that_fits_fits_signed_as_well(decision, key):
    room = type(decision).max_bytes - len(with_words(decision, 0).to_json())
    assert len(write_decision(with_words(decision, room), key)) <= 128 * 1024
    with pytest.raises(LinkError, match="Decision of"):
        write_decision(with_words(decision, room + 1), key)


def test_words_for_people_are_cut_short_rather_than_refused():
    long = "ö" * 100_000
    for message in (
        State(state=TerminalState.DEGRADED, boot_count=1, reason=long),
        DeviceEvent(kind="fault", message=long, at=1.0),
        CommandReply(status="error", error=CommandError(code=CommandErrorCode.INTERNAL, message=long)),
    ):
        sent = message.to_json()
        assert len(sent) <= 2 * MAX_TOLD + 200
        assert sent.decode().count("…") == 1


def test_words_that_are_no_unicode_can_be_sent():
    event = DeviceEvent(kind="fault", message="cannot read /mnt/\udcff.yaml", at=1.0)
    assert event.to_json() == b'{"schemaVersion":"1.0","kind":"fault","message":"cannot read /mnt/?.yaml","at":1.0}'


def test_what_is_no_text_is_no_words():
    with pytest.raises(ValidationError):
        DeviceEvent(kind="fault", message=3, at=1.0)


def test_ten_thousand_problems_of_a_configuration_fit_a_packet():
    problem = ConfigProblem(path="\U0001f600" * 9999, message="\U0001f600" * 9999)
    reported = ReportedConfig(
        status=ConfigStatus.REJECTED, service=Service.ACTIVE, config="c" * 64, problems=(problem,) * 10_000
    )
    assert len(reported.problems) == MAX_PROBLEMS
    assert len(reported.to_json()) <= MAX_PACKET_BYTES
