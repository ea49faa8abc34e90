"""Evidence from pairs: shares, comparisons, marks, and words that name no winner out of noise."""

from typing import Any

from modelhubd.trials.evidence import evidence_of
from modelhubd.trials.pairing import answers_of, content_of, pair_of
from modelhubd.trials.spool import Sampled
from modelhubd.wire.evidence import Word
from modelhubd.wire.trials import Pair, PairSide, TrialReason


def pair(n: int, *, faster: float = 1.0, **rest: Any) -> Pair:
    side: dict[str, Any] = {"tokens_per_s": 10.0, "completion_tokens": 20, "confidence": 0.5 + n % 7 / 100}
    active = PairSide(latency_s=1 + n * 7 % 11 / 50, checks=rest.pop("active_checks", {}), **side)
    candidate = PairSide(
        latency_s=(1 + n * 3 % 11 / 50) / faster,
        error=rest.pop("error", None),
        checks=rest.pop("candidate_checks", {}),
        **side,
    )
    return Pair(n=n, route="/v1/completions", at="", active=active, candidate=candidate, **rest)


def test_nothing_is_said_without_pairs() -> None:
    found = evidence_of([], ["greets"], "t")
    assert found.words == ("Nothing can be said yet: the candidate has not been asked.",)
    assert found.similarity is None and found.checks[0].active.of == 0


def test_two_alike_models_have_no_winner_and_the_marks_needed_are_told() -> None:
    alike = [pair(n, exact=False, mark=("active", "candidate", "tie")[n % 3]) for n in range(60)]
    found = evidence_of(alike, [], "t")
    assert found.preference is not None and found.preference.verdict is Word.NO_DIFFERENCE_SHOWN
    assert found.words[-1].startswith("No difference is shown by now. About ")
    unmarked = evidence_of([pair(n) for n in range(60)], [], "t")
    assert unmarked.words == ("No difference is shown by now. Mark pairs to know which answers are better.",)
    few = evidence_of([pair(n) for n in range(3)], [], "t")
    assert few.words == ("Too few pairs to tell a difference. Mark pairs to know which answers are better.",)
    assert (
        evidence_of([pair(1, mark="both_bad")], [], "t").words[-1].endswith("More marks may never show one.")
    )


def test_a_better_candidate_is_said_to_be_by_people_checks_and_figures() -> None:
    pairs = [
        pair(
            n, faster=2, mark="candidate", exact=n < 6, normalised=True, similarity=0.9,
            tool_calls=n % 2 == 0, active_checks={"greets": False}, candidate_checks={"greets": True},
        )
        for n in range(60)
    ]  # fmt: skip
    found = evidence_of(pairs, ["greets"], "t")
    assert (found.exact.count, found.normalised.count, found.tool_calls.count) == (6, 60, 30)
    assert found.similarity is not None and abs(found.similarity - 0.9) < 1e-9
    assert found.words[0] == "People prefer the candidate: 60 to 0 for the candidate."
    assert found.words[1] == "The candidate passes greets more often than the active model."
    assert found.words[2].startswith("The candidate is faster to answer: × 0.")
    assert evidence_of(pairs, ["greets"], "t") == found, "the same pairs give the same figures"


def test_a_worse_candidate_is_said_to_be_and_its_failures_come_first() -> None:
    pairs = [
        pair(n, faster=0.5, mark="active", active_checks={"c": True}, candidate_checks={"c": False})
        for n in range(60)
    ]
    failed = pair(99, error=TrialReason(code="crashed", detail="It crashed."), active_checks={"c": True})
    found = evidence_of([*pairs, failed], ["c"], "t")
    assert found.words[0] == "The candidate gave no answer to 1 of 61 requests."
    assert found.words[1].startswith("People prefer the active model")
    assert found.words[2] == "The candidate passes c less often than the active model."
    assert found.words[3].startswith("The candidate is slower to answer")
    assert (found.checks[0].candidate.count, found.checks[0].candidate.of) == (0, 61)


def sampled(route: str, request: bytes, answer: bytes) -> Sampled:
    return Sampled(
        entry="e", route=route, at="a", request=request, answer=answer, active=PairSide(latency_s=1)
    )


CHAT = b'{"choices":[{"message":{"content":"%s","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}'


def test_a_pair_says_how_alike_its_answers_are() -> None:
    one = sampled("/v1/chat/completions", b'{"messages":[]}', CHAT % b"Hello ")
    answers = answers_of(one, CHAT % b"hello")
    made = pair_of(7, one, PairSide(latency_s=2), answers, similarity=0.5, active_checks={"c": True})
    assert (made.exact, made.normalised, made.tool_calls, made.similarity) == (False, True, True, 0.5)
    assert (made.n, made.active.checks, made.candidate.checks) == (7, {"c": True}, {})
    content = content_of(one, answers)
    assert content is not None and content.active == "Hello \nf({})"


def test_a_pair_without_two_texts_is_not_compared() -> None:
    for one, answer in (
        (sampled("/v1/embeddings", b"{}", b"{}"), b"{}"), (sampled("/v1/completions", b"{}", b"{}"), None),
    ):  # fmt: skip
        answers = answers_of(one, answer)
        assert content_of(one, answers) is None
        assert pair_of(1, one, PairSide(), answers).exact is None
