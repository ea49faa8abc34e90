"""Requests do not start a broken model again and again."""

import pytest

from modelhubd.llama.hold_off import LONGEST_S, REMEMBERED_S, Failure, remembered, wait_s


def failures(*times: float, code: str = "killed") -> tuple[Failure, ...]:
    return tuple(Failure(at=at, code=code, detail="It failed.", server_id="a") for at in times)


def test_what_never_failed_may_be_loaded() -> None:
    assert wait_s((), 0.0) == 0.0


def test_each_failure_is_followed_by_twice_the_wait_up_to_five_minutes() -> None:
    waits = [wait_s(failures(*[100.0] * n), 100.0) for n in range(1, 9)]
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    assert wait_s(failures(*[100.0] * 500), 100.0) == LONGEST_S


@pytest.mark.parametrize("code", ["bad_model", "unsupported_architecture", "bad_setting", "binary_missing"])
def test_what_will_not_pass_by_itself_waits_for_a_minute_at_once(code: str) -> None:
    assert wait_s(failures(0.0, code=code), 0.0) == 60.0


def test_the_wait_runs_from_the_last_failure_and_ends() -> None:
    assert wait_s(failures(90.0, 100.0), 104.0) == 6.0
    assert wait_s(failures(90.0, 100.0), 110.0) == 0.0
    assert wait_s(failures(90.0, 100.0), 5000.0) == 0.0


def test_a_failure_is_forgotten_after_an_hour() -> None:
    old, new = failures(0.0, REMEMBERED_S)
    assert remembered((old, new), REMEMBERED_S) == (new,)
    assert wait_s((old, new), REMEMBERED_S) == 5.0
