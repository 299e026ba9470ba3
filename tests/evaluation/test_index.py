from __future__ import annotations

import pytest

from edge.contracts.enums import Label
from edge.errors import InputError
from edge.evaluation.index import read_index


def write(tmp_path, text):
    path = tmp_path / "index.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_row_is_a_presentation_without_the_column(tmp_path):
    index = write(tmp_path, "path,label,pai_species,width\na.jpg,bonafide,,640\nb/c.jpg,attack,print,640\n")
    first, second = read_index(index)
    assert first.label is Label.BONA_FIDE
    assert first.paths == (tmp_path / "a.jpg",)
    assert (second.pai_species, second.paths) == ("print", (tmp_path / "b/c.jpg",))


def test_rows_of_one_presentation_are_a_sequence_in_file_order(tmp_path):
    index = write(
        tmp_path,
        "path,label,pai_species,subject,source,presentation\n"
        "2.jpg,attack,print,s,web,p1\nx.jpg,bonafide,,s,web,\n1.jpg,attack,print,s,web,p1\n",
    )
    sequence, single = read_index(index)
    assert [p.name for p in sequence.paths] == ["2.jpg", "1.jpg"]
    assert sequence.name == "p1"
    assert single.paths == (tmp_path / "x.jpg",)


def test_every_bad_row_is_named_at_once(tmp_path):
    index = write(tmp_path, "path,label,pai_species\n,bonafide,\na.jpg,real,\nb.jpg,attack,\n")
    with pytest.raises(InputError) as caught:
        read_index(index)
    assert "line 2: no path" in caught.value.what
    assert "line 3: label 'real' is neither bonafide nor attack" in caught.value.what
    assert "line 4: an attack without pai_species" in caught.value.what


def test_a_presentation_with_two_labels_is_refused(tmp_path):
    index = write(tmp_path, "path,label,pai_species,presentation\na,bonafide,,p\nb,attack,print,p\n")
    with pytest.raises(InputError, match="presentation 'p' has two labels"):
        read_index(index)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column path"),
        (b"file,label\n", "no column path"),
        (b"path,label\n", "lists no presentation"),
        (b"\xff\xfe\x00path", "not a CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_index_is_refused_in_plain_words(tmp_path, content, message):
    path = tmp_path / "index.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_index(path)


def test_a_missing_index_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_index(tmp_path / "nowhere.csv")
