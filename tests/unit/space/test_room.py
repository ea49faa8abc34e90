"""The reserve is left alone by whatever is written."""

import pytest

from modelhubd.errors import NoSpace
from modelhubd.space.copying import File, differing
from modelhubd.storage.room import refuse_without_room


@pytest.mark.parametrize(
    ("size", "promised", "fits"), [(50, 0, True), (51, 0, False), (40, 10, True), (41, 10, False)]
)
def test_what_fits_besides_the_reserve_and_what_is_promised_is_written(
    size: int, promised: int, fits: bool
) -> None:
    if fits:
        refuse_without_room("The models", size, reserve=50, free=100, promised=promised)
    else:
        with pytest.raises(NoSpace, match=r"The models need .* 100 B are free, of which 50 B are kept"):
            refuse_without_room("The models", size, reserve=50, free=100, promised=promised)


def test_what_differs_is_copied_and_what_is_gone_is_removed() -> None:
    second = 1_000_000_000
    here = {"a": File(1, 0), "b": File(2, 0), "c": File(3, 0), "fat": File(4, 3 * second)}
    there = {"a": File(1, 0), "b": File(9, 0), "gone": File(1, 0), "fat": File(4, 2 * second)}
    assert differing(here, there) == (["b", "c"], ["gone"])
    later = {"a": File(1, 5 * second)}
    assert differing(later, {"a": File(1, 0)}) == (["a"], [])
