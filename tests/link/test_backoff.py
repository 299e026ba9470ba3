import random

from edge.link.backoff import FullJitter


def most(backoff: FullJitter, connected_for: float | None, times: int) -> list[float]:
    return [backoff.delay(connected_for) for _ in range(times)]


def test_the_ceiling_doubles_up_to_the_cap():
    assert most(FullJitter(lambda: 1.0, base=1.0, cap=10.0), None, 6) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_the_delay_is_drawn_from_all_of_nothing_to_the_ceiling():
    draw = random.Random(7).random
    delays = [FullJitter(draw, base=8.0, cap=8.0).delay(None) for _ in range(2000)]
    assert min(delays) < 0.1
    assert max(delays) > 7.9
    assert max(delays) <= 8.0
    assert 3.8 < sum(delays) / len(delays) < 4.2


def test_a_connection_that_held_brings_the_ceiling_down():
    backoff = FullJitter(lambda: 1.0, base=1.0, cap=60.0, stable_after=30.0)
    most(backoff, None, 5)
    assert backoff.delay(30.0) == 1.0
    assert backoff.delay(None) == 2.0


def test_a_connection_that_was_dropped_at_once_does_not():
    backoff = FullJitter(lambda: 1.0, base=1.0, cap=60.0, stable_after=30.0)
    assert most(backoff, 0.5, 4) == [1.0, 2.0, 4.0, 8.0]


def test_years_without_a_broker_do_no_harm():
    assert most(FullJitter(lambda: 1.0, cap=60.0), None, 5000)[-1] == 60.0


def test_slow_tries_begin_high_wait_at_least_half_and_stay_below_the_cap():
    for share, delays in ((0.0, [8.0, 16.0, 30.0, 30.0]), (1.0, [16.0, 32.0, 60.0, 60.0])):
        backoff = FullJitter(lambda share=share: share)
        assert [backoff.delay(None, slow=True) for _ in range(4)] == delays


def test_a_connection_that_held_brings_slow_tries_no_further_down():
    backoff = FullJitter(lambda: 1.0)
    assert [backoff.delay(3600.0, slow=True) for _ in range(4)] == [16.0, 32.0, 60.0, 60.0]
