import json
from itertools import pairwise

import pytest

from edge.contracts.decision import Decision
from edge.contracts.enums import AssuranceLevel
from edge.contracts.jws import read_decision, sign
from edge.contracts.session import Assurance


def test_levels_are_ordered_by_what_they_prove_and_not_by_the_alphabet():
    levels = list(AssuranceLevel)
    assert [level.value for level in levels] == ["none", "networks", "motion", "light", "light_and_motion"]
    assert sorted(set(levels)) == levels
    for lower, higher in pairwise(levels):
        assert lower < higher
        assert lower <= higher
        assert higher > lower
        assert higher >= lower
        assert not lower >= higher
    assert AssuranceLevel.MOTION < AssuranceLevel.LIGHT
    assert max(AssuranceLevel.NONE, AssuranceLevel.NETWORKS) is AssuranceLevel.NETWORKS


def test_a_level_may_be_held_against_its_word():
    assert AssuranceLevel.LIGHT >= "motion"
    assert AssuranceLevel.LIGHT >= "motion"
    assert AssuranceLevel.LIGHT == "light"
    with pytest.raises(ValueError, match="certainty"):
        assert AssuranceLevel.LIGHT >= "certainty"


def test_a_decision_from_before_there_were_levels_reads_as_none(decision, key, keys):
    older = json.loads(decision.to_json())
    for name in ("level", "path", "alternative"):
        older["attempt"]["assurance"].pop(name, None)
    message = json.dumps({"decision": older, "jws": sign(json.dumps(older).encode(), key)}).encode()
    assert read_decision(message, keys).attempt.assurance.level is AssuranceLevel.NONE


def test_the_level_is_signed_and_what_was_not_left_out_is_absent(decision):
    assurance = Assurance(level=AssuranceLevel.LIGHT, confirmed=(), frames_judged=5, temporal=True)
    attempt = decision.attempt.model_copy(update={"assurance": assurance})
    signed = json.loads(decision.model_copy(update={"attempt": attempt}).to_json())["attempt"]["assurance"]
    assert signed == {"level": "light", "confirmed": [], "framesJudged": 5, "temporal": True}
    assert Decision.model_validate_json(decision.to_json()) == decision
