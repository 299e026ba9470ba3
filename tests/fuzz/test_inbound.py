"""The readers under messages that Hypothesis makes: few here, many by scripts/fuzz."""

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from edge.contracts.schema import DOCUMENTS
from tests.fuzz.from_schema import from_schema
from tests.fuzz.targets import SCHEMAS, TARGETS, apart

FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_in_is_taken_for_what_it_is_or_refused_in_words(name):
    @FEW
    @given(TARGETS[name].inputs)
    def judge(drawn):
        TARGETS[name].judge(drawn)

    judge()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_keeps_a_schema_is_read_by_its_model(name):
    @settings(FEW, max_examples=10)
    @given(from_schema(SCHEMAS[name]))
    def read(document):
        Draft202012Validator(SCHEMAS[name]).validate(document)
        if name != "doctor":
            DOCUMENTS[name].model_validate(apart(document) if name == "cmd.session.start" else document)

    read()
