"""How many reports of one principal count."""

from modelhubd.registry.counters.inflation import Inflation


def test_a_few_in_an_hour_count_and_later_a_few_more() -> None:
    inflation = Inflation(most=3, window_s=100)
    assert [inflation.counts("one", "a/b", at) for at in (0, 1, 2, 3, 99)] == [True, True, True, False, False]
    assert [inflation.counts("one", "a/b", at) for at in (100, 100.5, 101)] == [True, False, True]


def test_each_principal_and_each_model_is_counted_alone() -> None:
    inflation = Inflation(most=1)
    for principal in ("one", "two"):
        for model in ("a/b", "a/c"):
            assert inflation.counts(principal, model, 0)
            assert not inflation.counts(principal, model, 1)


def test_it_remembers_only_so_many_and_forgets_who_reported_longest_ago() -> None:
    inflation = Inflation(most=1, remembered=2)
    for principal in ("one", "two"):
        assert inflation.counts(principal, "a/b", 0)
    assert not inflation.counts("one", "a/b", 1)
    assert inflation.counts("three", "a/b", 2)
    assert inflation.counts("two", "a/b", 3)
    assert not inflation.counts("three", "a/b", 4)
