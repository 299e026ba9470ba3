from __future__ import annotations

from edge.evaluation.transactions import transactions
from tests.evaluation.given import Given


def test_a_transaction_is_accepted_if_any_attempt_is():
    given = Given().attacks("print", -1, -1, 1, subject="a").bona_fide(-1, 1, subject="b")
    result = transactions(given.scores, 3)
    assert (result.figures.apcer["print"].errors, result.figures.apcer["print"].n) == (1, 1)
    assert (result.figures.bpcer.errors, result.figures.bpcer.n) == (0, 1)


def test_a_transaction_whose_attempts_all_fail_is_refused():
    result = transactions(Given().bona_fide(-1, None, -2, subject="b").scores, 3)
    assert (result.figures.bpcer.errors, result.figures.bpcer.n) == (1, 1)


def test_a_transaction_without_any_decision_is_a_non_response():
    result = transactions(Given().bona_fide(None, None, subject="b").scores, 3)
    assert (result.figures.bpcer.n, result.figures.bpnrr.errors, result.figures.bpnrr.n) == (0, 1, 1)


def test_attempts_are_cut_in_order_without_regard_to_their_outcomes():
    result = transactions(Given().bona_fide(1, -1, -1, -1, -1, subject="b").scores, 2)
    assert (result.formed, result.full) == (3, 2)
    assert (result.figures.bpcer.errors, result.figures.bpcer.n) == (2, 3)


def test_other_people_sources_and_species_between_begin_another_transaction():
    given = Given()
    given.bona_fide(-1, subject="a").bona_fide(-1, subject="b").bona_fide(1, subject="a")
    given.bona_fide(1, subject="a", source="elsewhere")
    given.attacks("print", -1, -1, subject="a").attacks("screen", -1, subject="a")
    result = transactions(given.scores, 3)
    assert result.formed == 6
    assert result.figures.bpcer.n == 4


def test_what_cannot_be_read_is_no_attempt():
    given = Given().bona_fide(-1, subject="a").unreadable("broken.jpg").bona_fide(1, subject="a")
    result = transactions(given.scores, 3)
    assert (result.formed, result.figures.bpcer.errors) == (1, 0)


def test_rows_are_neighbours_by_their_numbers_however_they_stand_in_the_file():
    given = Given().bona_fide(-1, 1, subject="a").bona_fide(-1, 1, subject="b")
    first, second, third, fourth = given.scores
    assert transactions([third, first, fourth, second], 2) == transactions(given.scores, 2)


def test_one_attempt_each_or_no_subject_gives_no_transactions():
    assert transactions(Given().bona_fide(1, subject="a").bona_fide(1, subject="b").scores, 3) is None
    assert transactions(Given().bona_fide(1, 1, 1).scores, 3) is None
    assert transactions(Given().bona_fide(1, 1, subject="a").scores, 1) is None
