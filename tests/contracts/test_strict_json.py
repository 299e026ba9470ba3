import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contracts.strict_json import read_json

exact = st.integers(-(2**53) + 1, 2**53 - 1)
documents = st.recursive(
    st.none() | st.booleans() | exact | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(documents)
def test_what_every_reader_understands_alike_is_read(document):
    assert read_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "twice"),
        (b"NaN", "no number"),
        (b"[-Infinity]", "no number"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"9007199254740992", "too large"),
        (b"-9007199254740992", "too large"),
        (b"1" * 100_000, "too large"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ("{}".encode("utf-16"), "decode"),
        (b"\xc0\xaf", "decode"),
        (b"[" * 100_000, "deeply"),
        (b"{} {}", "Extra data"),
        (b"", "Expecting value"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_in_words(content, named):
    with pytest.raises(ValueError, match=named):
        read_json(content)
