"""Which part of a file each connection fetches."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from modelhubd.downloads.pieces import LEAST, LEAST_STOLEN, MIB, MOST, Piece, Pieces, merged, slowest
from modelhubd.downloads.spans import Spans

SIZE = 200 * MIB + 12_345


def piece(start: int, end: int, rate: float, age_s: float, now: float = 100.0) -> Piece:
    made = Piece(start, end, now - age_s)
    made.at = start + int(rate * age_s)
    return made


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 16))
def test_whatever_happens_each_byte_comes_once(seed: int, width: int) -> None:
    chance = random.Random(seed)
    have = Spans([(chance.randrange(SIZE), chance.randrange(SIZE)) for _ in range(3)])
    pieces, got, now = Pieces(SIZE, have), Spans(have), 0.0
    while not pieces.done:
        now += 0.1
        while len(pieces.claimed) < width and pieces.claim(width, now) is not None:
            pass
        for mine in list(pieces.claimed):
            step = min(chance.randrange(1, 9 * MIB), mine.left)
            before = got.total
            got.add(mine.at, mine.at + step)
            assert got.total == before + step, "nobody else had it"
            mine.at += step
            if mine.left == 0 or chance.random() < 0.05:
                pieces.give_back(mine, now)
        for slow in pieces.slow(now):
            pieces.give_back(slow, now)
    assert got == Spans([(0, SIZE)])


def test_pieces_come_in_order_grow_with_the_rate_and_shrink_to_the_end() -> None:
    pieces, now, sizes, at = Pieces(SIZE, Spans()), 0.0, [], 0
    while (mine := pieces.claim(4, now)) is not None:
        assert mine.start == at
        at = mine.end
        sizes.append(mine.left)
        now += mine.left / 100e6
        mine.at = mine.end
        pieces.give_back(mine, now)
    assert sizes[0] == 4 * MIB
    assert 4 * MIB < max(sizes) <= MOST
    assert sizes[-2] == LEAST and sorted(sizes[3:-1], reverse=True) == sizes[3:-1]


def test_a_crumb_is_not_left_for_a_request_of_its_own() -> None:
    pieces = Pieces(LEAST + LEAST_STOLEN - 1, Spans())
    mine = pieces.claim(4, 0.0)
    assert mine is not None and (mine.start, mine.end) == (0, LEAST + LEAST_STOLEN - 1)


def test_whole_takes_the_hole_and_nothing_is_taken_over() -> None:
    pieces = Pieces(SIZE, Spans([(0, 10), (20 * MIB, SIZE)]))
    mine = pieces.claim(4, 0.0, whole=True)
    assert mine is not None and (mine.start, mine.end) == (10, 20 * MIB)
    assert pieces.claim(4, 50.0, whole=True) is None
    pieces.whole(mine)
    assert (mine.start, mine.at, mine.end) == (0, 0, SIZE)


def test_a_size_that_is_learnt_ends_what_is_claimed_and_what_is_free() -> None:
    pieces = Pieces(1 << 62, Spans())
    mine = pieces.claim(1, 0.0, whole=True)
    assert mine is not None
    pieces.learn_size(5)
    assert mine.end == 5
    other = Pieces(SIZE, Spans())
    other.learn_size(7)
    assert other.unclaimed_bytes == 7


def test_at_the_tail_the_rest_of_the_slowest_is_shared() -> None:
    pieces = Pieces(2 * MIB, Spans())
    first = pieces.claim(1, 0.0)
    second = pieces.claim(1, 0.0)
    assert first is not None and second is not None
    first.at += 900_000
    second.at += 10_000
    third = pieces.claim(2, 2.0)
    assert third is not None
    assert third.end == 2 * MIB and second.end == third.start
    assert second.left <= third.left <= second.left + 1


def test_what_will_be_there_soon_is_not_shared() -> None:
    assert slowest([piece(0, 8 * MIB, 70 * MIB, 0.1)], 0.0, 100.0) is None
    assert slowest([piece(0, LEAST_STOLEN, 1, 10)], 0.0, 100.0) is None
    young = Piece(0, 8 * MIB, 99.9)
    assert slowest([young], 0.0, 100.0) is young
    assert slowest([young], 500e6, 100.0) is None, "a young claim is thought to come as usual"


def test_a_connection_under_a_tenth_of_the_usual_rate_is_slow() -> None:
    pieces = Pieces(SIZE, Spans())
    for number in range(5):
        mine = pieces.claim(5, 0.0)
        assert mine is not None
        mine.at += 3 * MIB if number else 100_000
    assert pieces.slow(1.9) == []
    assert pieces.slow(3.0) == [pieces.claimed[0]]
    alone = Pieces(SIZE, Spans())
    alone.claim(1, 0.0)
    assert alone.slow(100.0) == []


def test_holes_that_touch_are_one() -> None:
    assert merged([(5, 9), (0, 3), (3, 5), (10, 11)]) == [(0, 9), (10, 11)]


def test_what_is_given_back_at_once_says_nothing_of_the_rate() -> None:
    pieces = Pieces(SIZE, Spans())
    mine = pieces.claim(4, 0.0)
    assert mine is not None
    pieces.give_back(mine, 100.0)
    again = pieces.claim(4, 100.0)
    assert again is not None and (again.start, again.end) == (mine.start, mine.end)
