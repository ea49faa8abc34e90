"""Any set of entries comes out in order, the better matches first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.catalog import orders
from modelhubd.catalog.facets import bits_of, bits_where, only
from modelhubd.catalog.orders import TIERS, Order, in_order


@given(st.lists(st.tuples(st.integers(0, TIERS - 1), st.integers()), max_size=40))
def test_what_has_a_tier_comes_by_tier_and_of_one_tier_in_the_order(entries: list[tuple[int, int]]) -> None:
    positions = sorted(range(len(entries)), key=lambda at: entries[at][1])
    tiers = bytes(tier for tier, _ in entries)
    expected = sorted((at for at in positions if tiers[at]), key=lambda at: tiers[at])
    assert list(Order(positions).select(tiers)) == expected


@given(st.lists(st.integers(0, 3), max_size=40), st.booleans(), st.integers(1, 50))
def test_runs_that_are_merged_are_one_stable_sort(keys: list[int], reverse: bool, run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "RUN", run)
        found = in_order(keys, reverse)
    assert found == sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)


@given(st.lists(st.tuples(st.integers(0, 255), st.booleans()), max_size=40))
def test_values_outside_of_a_set_become_nothing_and_the_others_stay(values: list[tuple[int, bool]]) -> None:
    bits = bits_of((at for at, (_, is_in) in enumerate(values) if is_in), len(values))
    kept = only(bytes(value for value, _ in values), bits)
    assert kept == bytes(value if is_in else 0 for value, is_in in values)
    assert bits_where(kept) == bits_where(bytes(value and is_in for value, is_in in values))
