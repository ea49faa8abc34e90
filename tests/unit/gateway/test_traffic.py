"""Who waits, who is answered, and the limit."""

import contextlib

import pytest

from modelhubd.errors import Unavailable
from modelhubd.gateway.traffic import Traffic
from modelhubd.gateway.usage import Usage


def test_as_many_may_wait_as_are_allowed_and_each_model_counts_for_itself() -> None:
    traffic = Traffic(2)
    with contextlib.ExitStack() as waiting:
        waiting.enter_context(traffic.wait("lab/a"))
        waiting.enter_context(traffic.wait("lab/a"))
        with pytest.raises(Unavailable) as refused, traffic.wait("lab/a"):
            pass
        assert (refused.value.code, refused.value.retry_after_s) == ("too_many_waiting", 5)
        with traffic.wait("lab/b"):
            assert traffic.waiting == {"lab/a": 2, "lab/b": 1}
    assert not traffic.waiting
    with traffic.wait("lab/a"):
        assert traffic.waiting.total() == 1


def test_a_name_of_a_strangers_says_nothing_to_a_terminal() -> None:
    traffic = Traffic(0)
    with pytest.raises(Unavailable) as refused, traffic.wait("\x1b[2J" + "x" * 9999):
        pass
    assert "\x1b" not in refused.value.detail
    assert len(refused.value.detail) < 300


def test_answers_and_tokens_are_counted_by_model() -> None:
    traffic = Traffic(2)
    with traffic.answer("lab/a", "mine", 200):
        assert traffic.answering == {("lab/a", "mine"): 1}
    with contextlib.suppress(RuntimeError), traffic.answer("lab/a", "mine", 200):
        raise RuntimeError
    assert not traffic.answering
    traffic.took("lab/a", Usage(prompt=3, generated=4))
    traffic.took("lab/a", Usage(prompt=1, generated=2))
    assert traffic.answered == {("lab/a", 200): 2}
    assert traffic.tokens == {("lab/a", "prompt"): 4, ("lab/a", "generated"): 6}
