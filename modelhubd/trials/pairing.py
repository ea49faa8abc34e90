"""Makes a pair of a sampled request and what the candidate made of it. No I/O."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.trials.agreement import agreement
from modelhubd.trials.answers import Answer, read_answer
from modelhubd.trials.questions import EMBEDDING, RANKING, question_of
from modelhubd.trials.spool import Sampled
from modelhubd.wire.trials import Pair, PairContent, PairSide

NO_TEXT = EMBEDDING | RANKING
"""Routes whose answers are figures: what two models make of them cannot be held against each other."""


class Answers(Struct, frozen=True, kw_only=True):
    """What both say; None for the candidate where it has failed, and for both where there is no text."""

    active: Answer | None
    candidate: Answer | None


def answers_of(sampled: Sampled, answer: bytes | None) -> Answers:
    """Read both; `answer` is the candidate's, None where it gave none."""
    if sampled.route in NO_TEXT:
        return Answers(active=None, candidate=None)
    return Answers(
        active=read_answer(sampled.answer), candidate=None if answer is None else read_answer(answer)
    )


def content_of(sampled: Sampled, answers: Answers) -> PairContent | None:
    """What people are shown of it; None where there are not two texts."""
    if answers.active is None or answers.candidate is None:
        return None
    return PairContent(
        question=question_of(sampled.request),
        active=shown(answers.active),
        candidate=shown(answers.candidate),
    )


def shown(answer: Answer) -> str:
    """Its text, then what it calls."""
    return "\n".join([*([answer.text] if answer.text else []), *(f"{n}({a})" for n, a in answer.calls)])


def pair_of(
    n: int,
    sampled: Sampled,
    candidate: PairSide,
    answers: Answers,
    *,
    similarity: float | None = None,
    active_checks: Mapping[str, bool] | None = None,
    candidate_checks: Mapping[str, bool] | None = None,
    has_content: bool = False,
) -> Pair:
    """The pair with its number."""
    pair = Pair(
        n=n,
        route=sampled.route,
        at=sampled.at,
        active=replace(sampled.active, checks=dict(active_checks or {})),
        candidate=replace(candidate, checks=dict(candidate_checks or {})),
        has_content=has_content,
    )
    one, other = answers.active, answers.candidate
    if one is None or other is None:
        return pair
    alike = agreement(shown(one), shown(other))
    return replace(
        pair,
        exact=alike.exact,
        normalised=alike.normalised,
        similarity=similarity,
        tool_calls=one.calls == other.calls if one.calls or other.calls else None,
    )
