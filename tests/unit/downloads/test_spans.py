"""Sets of byte positions."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from modelhubd.downloads.spans import Spans

SIZE = 40
some_spans = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=12)


@given(some_spans)
def test_it_is_the_set_that_was_added(added: list[tuple[int, int]]) -> None:
    spans = Spans(added)
    there = {at for start, end in added for at in range(start, end)}
    assert {at for start, end in spans for at in range(start, end)} == there
    assert spans.total == len(there)
    assert spans.end == max(there, default=-1) + 1
    assert spans.frontier == next(at for at in range(SIZE + 2) if at not in there)
    listed = list(spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(listed))


@given(some_spans, st.integers(0, SIZE))
def test_holes_are_what_is_missing(added: list[tuple[int, int]], size: int) -> None:
    spans = Spans(added)
    holes = {at for start, end in spans.holes(size) for at in range(start, end)}
    there = {at for start, end in spans for at in range(start, end)}
    assert holes == set(range(size)) - there
    assert Spans([*spans.within(size), *spans.holes(size)]) == Spans([(0, size)])


def test_cleared_it_is_empty() -> None:
    spans = Spans([(0, 5)])
    spans.clear()
    assert spans == Spans() and spans.total == spans.frontier == spans.end == 0
    assert spans != 5 and repr(Spans([(1, 2)])) == "Spans([(1, 2)])"
