"""Pairs to compare, as a file lists them or as they are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.evaluation.pairs import pairs_from, read_pairs

HEAD = "path_a,path_b,same,subject_a,subject_b,condition\n"


@pytest.fixture
def file_of(tmp_path):
    def write(text):
        path = tmp_path / "pairs.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_paths_are_beside_the_file_and_further_columns_are_ignored(file_of):
    path = file_of("same,path_b,path_a,note\nyes,b.jpg, a.jpg ,x\n0,c.jpg,a.jpg,\n")
    one, other = read_pairs(path)
    assert (one.path_a, one.path_b, one.same) == (path.parent / "a.jpg", path.parent / "b.jpg", True)
    assert (other.same, other.subject_a, other.condition) == (False, "", "")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,,yes,,,", "line 3: no path_b"),
        (",b.jpg,yes,,,", "line 3: no path_a"),
        ("a.jpg,b.jpg,maybe,,,", "line 3: same is 'maybe', neither yes nor no"),
        ("a.jpg,b.jpg,,,,", "line 3: same is ''"),
        ("a.jpg,b.jpg,yes,P,Q,", "line 3: same is yes, and the subjects are 'P' and 'Q'"),
        ("a.jpg,b.jpg,no,P,P,", "line 3: same is no"),
        ("a.jpg,b.jpg,no,P,,", "line 3: one subject is named"),
        ("a.jpg,a.jpg,yes,,,", "line 3: both paths are one picture"),
    ],
)
def test_a_row_that_cannot_be_understood_is_named_with_its_line(file_of, row, said):
    with pytest.raises(InputError) as refused:
        read_pairs(file_of(f"{HEAD}a.jpg,b.jpg,yes,P,P,\n{row}\n"))
    assert said in refused.value.what


def test_all_wrong_rows_are_named_at_once(file_of):
    with pytest.raises(InputError, match="line 2: no path_a; line 3: no path_b"):
        read_pairs(file_of(f"{HEAD},b.jpg,yes,,,\na.jpg,,no,,,\n"))


@pytest.mark.parametrize(
    ("text", "said"), [("path_a,same\na,yes\n", "no column path_b"), (HEAD, "lists no pair"), ("\x00", "no column")]
)
def test_a_file_of_another_kind_is_refused(file_of, text, said):
    with pytest.raises(InputError, match=said):
        read_pairs(file_of(text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot read the pairs"):
        read_pairs(tmp_path / "none.csv")


@settings(deadline=None, max_examples=50)
@given(groups=st.lists(st.integers(1, 4), min_size=2, max_size=6), wanted=st.integers(0, 40), seed=st.integers(0, 9))
def test_all_mated_pairs_and_a_sample_of_the_others_are_drawn(tmp_path_factory, groups, wanted, seed):
    index = tmp_path_factory.mktemp("drawn") / "index.csv"
    rows = [(f"{s}-{n}.jpg", f"S{s}") for s, count in enumerate(groups) for n in range(count)]
    index.write_text("path,subject\n" + "".join(f"{path},{subject}\n" for path, subject in rows))
    pairs = pairs_from(index, non_mated=wanted, seed=seed)
    mated = [pair for pair in pairs if pair.same]
    others = [pair for pair in pairs if not pair.same]
    all_pairs = len(rows) * (len(rows) - 1) // 2
    assert len(mated) == sum(count * (count - 1) // 2 for count in groups)
    assert len(others) == min(wanted, all_pairs - len(mated))
    assert len({(pair.path_a, pair.path_b) for pair in pairs}) == len(pairs)
    assert all((pair.subject_a == pair.subject_b) == pair.same for pair in pairs)
    assert pairs == pairs_from(index, non_mated=wanted, seed=seed)


def test_a_large_index_is_sampled_without_listing_all_pairs(tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("path,subject\n" + "".join(f"{n}.jpg,S{n}\n" for n in range(5_000)))
    pairs = pairs_from(index, non_mated=500, seed=1)
    assert len({(pair.path_a, pair.path_b) for pair in pairs}) == 500
    assert pairs != pairs_from(index, non_mated=500, seed=2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a.jpg,P\nb.jpg,\n", "line 3: no subject"),
        ("a.jpg,P\n,Q\n", "line 3: no path"),
        ("a.jpg,P\na.jpg,Q\n", "line 3: a.jpg was listed before"),
        ("a.jpg,P\n", "fewer than two"),
    ],
)
def test_an_index_that_cannot_be_paired_is_refused(file_of, rows, said):
    with pytest.raises(InputError, match=said):
        pairs_from(file_of("path,subject\n" + rows), non_mated=1, seed=1)
