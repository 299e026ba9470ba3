from __future__ import annotations

import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.config.fields import fields
from edge.config.loader import load_bytes
from edge.config.problems import ConfigProblems, Problem

SOURCE = Path("/etc/livegate/site.yaml")
NAMES = sorted({info.path[-1] for info in fields().values()})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["none", "replay", "door", "kiosk", "pad", "~", "*a", "&a", "!t x", "%", "- ", "a: b", "\ud800"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), values, max_size=8)
signs = [*":-[]{},'\"|>&*!%#?@`~\n\t=. ", "---", "...", "<<", "\n  ", ": "]
marks = st.sampled_from([*NAMES, *signs])


def mistakes(content: bytes) -> tuple[Problem, ...]:
    """Anything but ConfigProblems fails the test that calls this."""
    try:
        load_bytes(content, SOURCE)
    except ConfigProblems as error:
        return error.problems
    return ()


def check(content: bytes) -> None:
    lines = len(content.decode("utf-8", errors="replace").splitlines()) + 1
    for problem in mistakes(content):
        assert (problem.line == 0) == (problem.column == 0)
        assert 0 <= problem.line <= lines
        assert problem.describe(SOURCE).isprintable()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_give_settings_or_a_config_error(content):
    check(content)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_random_text_gives_settings_or_a_config_error(text):
    check(text.encode(errors="surrogatepass"))


@settings(deadline=None)
@given(st.lists(marks, max_size=40).map("".join))
@example("a: !!float x")
@example("a: !!bool x")
@example("a: !!set {a, b}")
@example("? !!str")
@example("- ? - : -")
def test_random_yaml_gives_settings_or_a_config_error(text):
    check(text.encode())


@settings(deadline=None, max_examples=300)
@given(documents)
def test_random_values_below_known_keys_give_settings_or_a_config_error(document):
    check(json.dumps(document).encode())
