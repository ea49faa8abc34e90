"""A report as Markdown. What models and people wrote stays text: nothing of it becomes markup."""

import re
from collections.abc import Iterable, Sequence

from modelhubd.trials.evaluations.reports import wording
from modelhubd.wire.evaluations import AnswerShown, EvaluationReport, ModelPair, QuestionShown
from modelhubd.wire.evidence import CheckOutcome

_MARKUP = re.compile(r"([\\`*_\[\]<>#|&~$])")
"""Of a text within a line: what only means something at its beginning, or after a bracket, may stay."""
_TICKS = re.compile(r"`+")
_SIGNS = {CheckOutcome.PASS: "✓", CheckOutcome.FAIL: "✗", CheckOutcome.ERROR: "?"}


def markdown(report: EvaluationReport) -> str:
    """The whole report."""
    parts = [f"# {escaped(wording.title(report.evaluation))}"]
    if missing := wording.incomplete(report.evaluation):
        parts.append(f"**{escaped(missing)}**")
    parts += ["## Models", _models(report), _checks(report)]
    for pair in report.pairs:
        parts += [f"## {escaped(pair.second)} beside {escaped(pair.first)}", _agreement(pair), _pair(pair)]
    parts += [wording.HOW, "## How to make it again", _table(("what", "value"), wording.made_of(report))]
    if report.questions:
        parts.append("## Answers")
        parts += [_question(question) for question in report.questions]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, as it would be read."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def fenced(text: str) -> str:
    """`text` as it is, in a fence that nothing in it can close."""
    longest = max((len(match) for match in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _models(report: EvaluationReport) -> str:
    rows = [
        (
            model.model,
            f"{model.answered}",
            wording.errors(model),
            wording.spread(model.latency_s, "s"),
            wording.spread(model.first_token_s, "s"),
            wording.spread(model.tokens_per_s, "tokens/s"),
            wording.spread(model.completion_tokens),
            wording.spread(model.confidence),
        )
        for model in report.models
    ]
    head = (
        "model",
        "answers",
        "errors",
        "time",
        "first token",
        "speed",
        "tokens",
        "confidence",
    )
    return _table(head, rows)


def _checks(report: EvaluationReport) -> str:
    names = report.evaluation.checks
    if not names:
        return ""
    rows = [
        (
            name,
            *(
                wording.share(model.checks[name]) + _broken(model.check_errors.get(name, 0))
                for model in report.models
            ),
        )
        for name in names
    ]
    return "## Checks\n\n" + _table(("check", *(model.model for model in report.models)), rows)


def _broken(count: int) -> str:
    return f", {count} could not be done" if count else ""


def _agreement(pair: ModelPair) -> str:
    found = pair.agreement
    text = (
        f"Answers are the same in {wording.share(found.exact)}, and say the same in"
        f" {wording.share(found.normalised)}."
    )
    if found.similarity.median is not None:
        text += f" Similarity: {wording.spread(found.similarity)}."
    return escaped(text)


def _pair(pair: ModelPair) -> str:
    rows = [
        (
            wording.figure_name(comparison),
            str(comparison.pairs),
            wording.estimate(comparison),
            wording.verdict(comparison),
            wording.needed(comparison),
        )
        for comparison in pair.figures
    ]
    return _table(("figure", "pairs", "second to first", "verdict", "still needed"), rows)


def _question(question: QuestionShown) -> str:
    parts = [f"### {escaped(question.id)}", fenced(question.question)]
    if question.expected is not None:
        parts += ["Expected:", fenced(question.expected)]
    for answer in question.answers:
        parts += [f"**{escaped(answer.model)}** {escaped(_said(answer))}", fenced(answer.text)]
    return "\n\n".join(parts)


def _said(answer: AnswerShown) -> str:
    if answer.error is not None:
        return f"no answer: {answer.error}"
    checks = ", ".join(f"{_SIGNS[result.outcome]} {result.name}" for result in answer.checks)
    return f"{wording.number(answer.latency_s, 's')}{', ' if checks else ''}{checks}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(head), _line(["---"] * len(head), as_is=True), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str], *, as_is: bool = False) -> str:
    return "| " + " | ".join(cell if as_is else escaped(cell) for cell in cells) + " |"
