"""From answers to a report: figures of each model, and each beside the first. Pure, and seconds long for
large sets."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from msgspec import Struct

from modelhubd.trials.agreement import alike
from modelhubd.trials.evaluations.question_set import Question
from modelhubd.trials.evaluations.store import Answered
from modelhubd.trials.figures import percentile, wilson
from modelhubd.trials.verdicts import compare_values, compare_wins
from modelhubd.wire.evaluations import (
    Agreements,
    AnswerShown,
    Evaluation,
    EvaluationReport,
    ModelFigures,
    ModelPair,
    QuestionShown,
    Spread,
)
from modelhubd.wire.evidence import CheckOutcome, CheckResult, Comparison, Wanted

LONGEST_SHOWN = 4000
"""Characters of a text in a report."""
STATED_RATIO = 1.1
"""How large a difference of times and speeds `needed` is about, as a ratio."""
STATED_SHARE = 0.7
"""The same for checks: as a share of wins."""
STATED_CONFIDENCE = 0.02

Answers = Mapping[int, Answered]
"""One model's answers, by question."""


class Material(Struct, frozen=True, kw_only=True):
    """All that a report is made of. `texts` has the answer's text by model and question."""

    evaluation: Evaluation
    questions: Sequence[Question]
    answers: Sequence[Answered]
    texts: Mapping[tuple[int, int], str]
    daemon: str
    machine: str


def report_of(material: Material, *, shown: int) -> EvaluationReport:
    """The report, with at most `shown` questions and their answers."""
    evaluation = material.evaluation
    by_model: list[dict[int, Answered]] = [{} for _ in evaluation.models]
    for answered in material.answers:
        by_model[answered.model][answered.question] = answered
    first, *others = by_model
    among = max(1, len(others) * (len(evaluation.checks) + len(_FIGURES)))
    return EvaluationReport(
        evaluation=evaluation,
        daemon=material.daemon,
        machine=material.machine,
        models=tuple(
            _figures(model.reference, evaluation.checks, answers)
            for model, answers in zip(evaluation.models, by_model, strict=True)
        ),
        pairs=tuple(
            ModelPair(
                first=evaluation.models[0].reference,
                second=evaluation.models[place].reference,
                agreement=_agreement(material.texts, place, _both(first, second)),
                figures=_compared(evaluation, _both(first, second), among),
            )
            for place, second in enumerate(others, 1)
        ),
        questions=_shown(material, by_model, shown),
    )


def _figures(model: str, checks: Iterable[str], answers: Answers) -> ModelFigures:
    good = [one for one in answers.values() if one.answer.error is None]
    done = {name: [_result(one, name) for one in good] for name in checks}
    passed = {name: Counter(result.outcome for result in found if result) for name, found in done.items()}
    return ModelFigures(
        model=model,
        answered=len(answers),
        errors=dict(Counter(one.answer.error for one in answers.values() if one.answer.error)),
        checks={
            name: wilson(count[CheckOutcome.PASS], count[CheckOutcome.PASS] + count[CheckOutcome.FAIL])
            for name, count in passed.items()
        },
        check_errors={
            name: count[CheckOutcome.ERROR] for name, count in passed.items() if count[CheckOutcome.ERROR]
        },
        latency_s=_spread(one.answer.latency_s for one in good),
        first_token_s=_spread(one.answer.first_token_s for one in good),
        tokens_per_s=_spread(one.answer.tokens_per_s for one in good),
        prompt_tokens=_spread(one.answer.prompt_tokens for one in good),
        completion_tokens=_spread(one.answer.completion_tokens for one in good),
        confidence=_spread(one.answer.confidence for one in good),
    )


Pair = tuple[Answered, Answered]


def _both(first: Answers, second: Answers) -> list[Pair]:
    """Both answers to each question that both have answered."""
    return [
        (first[number], second[number])
        for number in sorted(first.keys() & second.keys())
        if first[number].answer.error is None and second[number].answer.error is None
    ]


def _agreement(texts: Mapping[tuple[int, int], str], place: int, pairs: Sequence[Pair]) -> Agreements:
    both = [(texts[0, one.question], texts[place, one.question]) for one, _ in pairs]
    return Agreements(
        exact=wilson(sum(one == other for one, other in both), len(both)),
        normalised=wilson(sum(alike(one, other) for one, other in both), len(both)),
        similarity=_spread(second.similarity for _, second in pairs),
    )


class _Figure(Struct, frozen=True):
    name: str
    value: Callable[[Answered], float | None]
    wanted: Wanted
    ratio: bool
    stated: float


_FIGURES = (
    _Figure("latency_s", lambda one: one.answer.latency_s, "lower", True, STATED_RATIO),
    _Figure("first_token_s", lambda one: one.answer.first_token_s, "lower", True, STATED_RATIO),
    _Figure("tokens_per_s", lambda one: one.answer.tokens_per_s, "higher", True, STATED_RATIO),
    _Figure("completion_tokens", lambda one: one.answer.completion_tokens, "lower", True, STATED_RATIO),
    _Figure("confidence", lambda one: one.answer.confidence, "higher", False, STATED_CONFIDENCE),
)


def _compared(evaluation: Evaluation, pairs: Sequence[Pair], among: int) -> tuple[Comparison, ...]:
    checks = (_check_compared(name, pairs, among) for name in evaluation.checks)
    figures = (
        compare_values(
            figure.name,
            [
                (one, other)
                for one, other in ((figure.value(first), figure.value(second)) for first, second in pairs)
                if one is not None and other is not None
            ],
            wanted=figure.wanted,
            kind="ratio" if figure.ratio else "difference",
            seed=evaluation.seed,
            stated=figure.stated,
            among=among,
        )
        for figure in _FIGURES
    )
    return (*checks, *figures)


def _check_compared(name: str, pairs: Sequence[Pair], among: int) -> Comparison:
    """Who has passed where the other has failed."""
    results = [(_result(first, name), _result(second, name)) for first, second in pairs]
    outcomes = Counter(
        (one.outcome, other.outcome)
        for one, other in results
        if one and other and CheckOutcome.ERROR not in (one.outcome, other.outcome)
    )
    return compare_wins(
        f"check:{name}",
        first=outcomes[CheckOutcome.PASS, CheckOutcome.FAIL],
        second=outcomes[CheckOutcome.FAIL, CheckOutcome.PASS],
        ties=outcomes[CheckOutcome.PASS, CheckOutcome.PASS] + outcomes[CheckOutcome.FAIL, CheckOutcome.FAIL],
        stated=STATED_SHARE,
        among=among,
    )


def _result(answered: Answered, name: str) -> CheckResult | None:
    return next((result for result in answered.checks if result.name == name), None)


def _spread(values: Iterable[float | None]) -> Spread:
    known = [float(value) for value in values if value is not None]
    return Spread(
        count=len(known),
        mean=fmean(known) if known else None,
        p5=percentile(known, 0.05),
        median=percentile(known, 0.5),
        p95=percentile(known, 0.95),
    )


def _shown(material: Material, by_model: Sequence[Answers], most: int) -> tuple[QuestionShown, ...]:
    """Those on which the models differ come first, then in the order of the set."""
    numbers = sorted(
        range(len(material.questions)), key=lambda number: (not _differ(by_model, number), number)
    )
    return tuple(_question(material, by_model, number) for number in sorted(numbers[:most]))


def _differ(by_model: Sequence[Answers], number: int) -> bool:
    outcomes = {
        tuple(result.outcome for result in answers[number].checks)
        for answers in by_model
        if number in answers
    }
    return len(outcomes) > 1


def _question(material: Material, by_model: Sequence[Answers], number: int) -> QuestionShown:
    question = material.questions[number]
    return QuestionShown(
        id=question.id,
        question=_cut("\n".join(f"{message.role}: {message.text}" for message in question.messages)),
        expected=None if question.expected is None else _cut(question.expected),
        answers=tuple(
            AnswerShown(
                model=model.reference,
                text=_cut(material.texts[place, number]),
                error=answers[number].answer.error,
                checks=answers[number].checks,
                latency_s=answers[number].answer.latency_s,
            )
            for place, (model, answers) in enumerate(zip(material.evaluation.models, by_model, strict=True))
            if number in answers
        ),
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + " …"
