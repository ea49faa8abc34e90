"""A server that answers `/health` may yet have stopped working."""

from modelhubd.llama.hanging import Progress, begun, hung_for, seen

LIMITS = {"hang_s": 180.0, "spin_s": 1800.0}


def looked(*looks: tuple[float, object, float | None]) -> Progress:
    """After looks of (time, mark, processor time), from time 0."""
    progress = begun(0.0, 0.0)
    for now, mark, cpu_s in looks:
        progress = seen(progress, now=now, mark=mark, cpu_s=cpu_s)
    return progress


def test_one_that_moves_is_not_hung_however_long_it_takes() -> None:
    assert hung_for(looked(*((n * 10.0, n, 0.0) for n in range(1, 500)))) is None


def test_one_that_neither_moves_nor_works_is_hung_after_three_minutes() -> None:
    still = looked(*((n * 10.0, b"the same", 0.1) for n in range(1, 19)))
    assert hung_for(still, **LIMITS) is None, "the first look was itself news"
    assert hung_for(seen(still, now=190.0, mark=b"the same", cpu_s=0.1), **LIMITS) == 180.0


def test_one_that_does_not_say_is_as_still_as_one_that_says_the_same() -> None:
    assert hung_for(looked(*((n * 10.0, None, 0.1) for n in range(1, 19))), **LIMITS) == 180.0


def test_one_that_works_without_a_word_gets_half_an_hour() -> None:
    assert hung_for(looked(*((n * 10.0, None, n * 10.0) for n in range(1, 179))), **LIMITS) is None
    assert hung_for(looked(*((n * 10.0, None, n * 10.0) for n in range(1, 181))), **LIMITS) == 1800.0


def test_work_that_stopped_is_told_from_work_that_goes_on() -> None:
    worked = looked(*((n * 10.0, None, n * 10.0) for n in range(1, 60)))
    stopped = worked
    for n in range(60, 78):
        stopped = seen(stopped, now=n * 10.0, mark=None, cpu_s=worked.cpu_s)
    assert hung_for(stopped, **LIMITS) == 770.0


def test_where_the_processor_time_is_not_told_it_counts_as_work() -> None:
    assert hung_for(looked(*((n * 10.0, None, None) for n in range(1, 100))), **LIMITS) is None


def test_a_mark_after_silence_is_news_only_if_it_is_another() -> None:
    progress = looked((10.0, b"a", 0.0), (20.0, None, 0.0), (30.0, b"a", 0.0))
    assert progress.moved_at == 10.0
    assert seen(progress, now=40.0, mark=b"b", cpu_s=0.0).moved_at == 40.0
