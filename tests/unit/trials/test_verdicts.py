"""Who is better: said when it is shown, and not before."""

import random

import pytest

from modelhubd.trials.verdicts import LEAST_PAIRS, LEAST_WON, compare_values, compare_wins
from modelhubd.wire.evidence import Word


def noisy(n: int, shift: float, seed: int = 1) -> list[tuple[float, float]]:
    numbers = random.Random(seed)
    firsts = [numbers.uniform(1.0, 2.0) for _ in range(n)]
    return [(first, first + shift + numbers.gauss(0.0, 0.1)) for first in firsts]


def test_a_clear_difference_is_shown_in_the_direction_that_is_wanted() -> None:
    slower = noisy(60, 0.3)
    assert compare_values("latency_s", slower, wanted="lower", seed=1).verdict is Word.WORSE
    assert compare_values("tokens_per_s", slower, wanted="higher", seed=1).verdict is Word.BETTER
    faster = noisy(60, -0.3)
    assert compare_values("latency_s", faster, wanted="lower", seed=1).verdict is Word.BETTER
    assert compare_values("tokens_per_s", faster, wanted="higher", seed=1).verdict is Word.WORSE


def test_few_pairs_are_not_enough_however_clear_they_look() -> None:
    found = compare_values("latency_s", noisy(LEAST_PAIRS - 1, 5.0), wanted="lower", seed=1)
    assert found.verdict is Word.NOT_ENOUGH
    assert found.interval is not None
    assert found.estimate == pytest.approx(5.0, abs=0.1)
    assert compare_values("latency_s", noisy(LEAST_PAIRS, 5.0), wanted="lower", seed=1).verdict is Word.WORSE


def test_noise_has_no_winner() -> None:
    words = [
        compare_values("latency_s", noisy(n, 0.0, seed), wanted="lower", seed=1).verdict
        for seed in range(20)
        for n in (30, 60)
    ]
    assert words.count(Word.NO_DIFFERENCE_SHOWN) == len(words)
    alike = compare_values("confidence", [(0.5, 0.5)] * 100, wanted="higher", seed=1)
    assert alike.verdict is Word.NO_DIFFERENCE_SHOWN


def test_a_difference_that_never_varies_is_a_difference() -> None:
    assert compare_values("tokens", [(4.0, 5.0)] * 30, wanted="lower", seed=1).verdict is Word.WORSE


def test_a_ratio_is_the_geometric_mean_of_the_pairs_without_those_that_have_none() -> None:
    found = compare_values("latency_s", [(1.0, 2.0), (2.0, 1.0), (1.0, 4.0), (0.0, 3.0)], wanted="lower",
                           seed=1, kind="ratio")  # fmt: skip
    assert found.estimate == pytest.approx(4 ** (1 / 3))
    assert found.pairs == 3
    assert found.interval is not None
    assert found.estimate is not None
    assert 0 < found.interval.low < found.estimate < found.interval.high


def test_nothing_compared_is_nothing_said() -> None:
    found = compare_values("latency_s", [], wanted="lower", seed=1, stated=0.1)
    assert (found.verdict, found.estimate, found.interval, found.needed) == (
        Word.NOT_ENOUGH,
        None,
        None,
        None,
    )
    wins = compare_wins("preference", first=0, second=0, ties=3, stated=0.7)
    assert (wins.verdict, wins.estimate, wins.p_value, wins.needed) == (Word.NOT_ENOUGH, None, None, None)


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [(0, LEAST_WON - 1, Word.NOT_ENOUGH), (0, LEAST_WON, Word.BETTER), (LEAST_WON, 0, Word.WORSE),
     (14, 16, Word.NO_DIFFERENCE_SHOWN), (9, 21, Word.NO_DIFFERENCE_SHOWN), (5, 25, Word.BETTER)],
)  # fmt: skip
def test_wins_decide_when_they_are_more_than_luck(first: int, second: int, word: Word) -> None:
    assert compare_wins("preference", first=first, second=second).verdict is word


def test_the_sign_tests_own_five_percent_would_have_called_a_winner_too_soon() -> None:
    found = compare_wins("preference", first=9, second=21)
    assert found.p_value is not None
    assert found.p_value < 0.05
    assert found.verdict is Word.NO_DIFFERENCE_SHOWN


def test_more_figures_at_once_ask_for_more_evidence() -> None:
    assert compare_wins("preference", first=0, second=10).verdict is Word.BETTER
    assert compare_wins("preference", first=0, second=10, among=8).verdict is Word.NO_DIFFERENCE_SHOWN
    assert compare_wins("preference", first=0, second=10, among=8).error == pytest.approx(0.05 / 8)


def test_as_many_pairs_as_are_still_needed_show_the_difference_four_times_out_of_five() -> None:
    begun = noisy(40, 0.0, seed=3)
    needed = compare_values("latency_s", begun, wanted="lower", seed=1, stated=0.05).needed
    assert needed is not None
    assert 0 < needed < 60

    def shown(n: int) -> int:
        found = (
            compare_values("latency_s", noisy(n, 0.05, seed), wanted="lower", seed=1) for seed in range(24)
        )
        return [each.verdict for each in found].count(Word.WORSE)

    assert shown(40 + needed) > 15
    assert shown(30) < 12


def test_as_many_marks_as_are_still_needed_show_the_preference_four_times_out_of_five() -> None:
    needed = compare_wins("preference", first=6, second=4, stated=0.7).needed
    assert needed is not None
    numbers = random.Random(4)
    shown = 0
    for _ in range(200):
        wins = sum(numbers.random() < 0.7 for _ in range(10 + needed))
        shown += compare_wins("preference", first=10 + needed - wins, second=wins).verdict is Word.BETTER
    assert 0.68 < shown / 200 < 0.95


def test_ties_make_more_pairs_needed() -> None:
    without = compare_wins("preference", first=6, second=4, stated=0.7).needed
    half = compare_wins("preference", first=6, second=4, ties=10, stated=0.7).needed
    assert without is not None
    assert half is not None
    assert half == pytest.approx(2 * without, abs=2)


def test_a_share_of_losses_is_as_far_from_even_as_one_of_wins() -> None:
    assert (
        compare_wins("preference", first=6, second=4, stated=0.3).needed
        == compare_wins("preference", first=6, second=4, stated=0.7).needed
    )


@pytest.mark.parametrize("stated", [0.5, 0.50001])
def test_what_cannot_be_shown_has_no_number(stated: float) -> None:
    assert compare_wins("preference", first=6, second=4, stated=stated).needed is None
    assert compare_wins("preference", first=6, second=4, ties=10**7, stated=0.7).needed is None
    assert compare_values("latency_s", noisy(40, 0.0), wanted="lower", seed=1, stated=1e-7).needed is None
    assert compare_values("latency_s", noisy(40, 0.0), wanted="lower", seed=1, stated=0.0).needed is None


def test_none_are_needed_where_there_are_enough() -> None:
    assert compare_values("latency_s", noisy(400, 0.3), wanted="lower", seed=1, stated=0.3).needed == 0
    ratio = compare_values("latency_s", noisy(40, 0.0), wanted="lower", seed=1, kind="ratio", stated=1.02)
    assert ratio.needed is not None
    assert ratio.needed > 0
