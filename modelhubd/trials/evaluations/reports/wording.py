"""How figures and verdicts are put into words, in every form of a report. Pure."""

from collections.abc import Callable

from modelhubd.wire.evaluations import Evaluation, EvaluationReport, ModelFigures, Spread
from modelhubd.wire.evidence import Comparison, Interval, Share, Word

FIGURES = {
    "latency_s": "time for an answer",
    "first_token_s": "time to the first token",
    "tokens_per_s": "speed",
    "completion_tokens": "tokens of an answer",
    "confidence": "confidence",
}
UNITS = {"latency_s": "s", "first_token_s": "s", "tokens_per_s": "tokens/s"}
WORDS = {
    Word.BETTER: "better",
    Word.WORSE: "worse",
    Word.NO_DIFFERENCE_SHOWN: "no difference shown",
    Word.NOT_ENOUGH: "not enough to say",
}
OF_COUNT = {Word.BETTER: "fewer", Word.WORSE: "more"}
"""Fewer tokens cost less; whether that is better is for people to say."""
HOW = (
    "Intervals are 95 % intervals for these questions: Wilson's for shares, bootstrap of the pairs for "
    "times, speeds and confidence. Verdicts go by wider ones, which hold however often one looks and for all "
    "figures together with an error of 5 %. Confidence is the mean probability of an answer's tokens."
)


def number(value: float | None, unit: str = "") -> str:
    """Three significant digits, without exponents; a dash for nothing."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:.{digits}f}"
    return f"{text} {unit}" if unit else text


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"


def share(found: Share) -> str:
    """`8 of 10 (80 %, 49 % to 94 %)`."""
    if found.share is None or found.interval is None:
        return "–"
    between = f"{percent(found.interval.low)} to {percent(found.interval.high)}"
    return f"{found.count} of {found.of} ({percent(found.share)}, {between})"


def spread(found: Spread, unit: str = "") -> str:
    """`0.52 s (0.31 to 1.20)`: the median, and where nine of ten are."""
    if found.median is None:
        return "–"
    return f"{number(found.median, unit)} ({number(found.p5)} to {number(found.p95)})"


def figure_name(comparison: Comparison) -> str:
    kind, _, name = comparison.figure.partition(":")
    return f"passes {name}" if kind == "check" else FIGURES.get(comparison.figure, comparison.figure)


def estimate(comparison: Comparison) -> str:
    """`1.31 times (1.12 to 1.52)`, or what else it is."""
    if comparison.estimate is None:
        return "–"
    match comparison.kind:
        case "ratio":
            return f"{number(comparison.estimate)} times{_between(comparison.interval, number)}"
        case "difference":
            return f"{comparison.estimate:+.3f}{_between(comparison.interval, lambda value: f'{value:+.3f}')}"
        case "wins":
            won = f"{comparison.second:.0f} won, {comparison.first:.0f} lost, {comparison.ties} alike"
            return f"{won} ({percent(comparison.estimate)} of the decided)"


def verdict(comparison: Comparison) -> str:
    if comparison.figure == "completion_tokens":
        return OF_COUNT.get(comparison.verdict, WORDS[comparison.verdict])
    return WORDS[comparison.verdict]


def needed(comparison: Comparison) -> str:
    """How many more pairs would show a difference, and which; nothing where the verdict is clear."""
    if comparison.verdict in (Word.BETTER, Word.WORSE) or comparison.stated is None:
        return ""
    if comparison.needed is None:
        return "cannot be foretold"
    match comparison.kind:
        case "ratio":
            what = f"a difference of {(comparison.stated - 1) * 100:.0f} %"
        case "difference":
            what = f"a difference of {comparison.stated:g}"
        case "wins":
            what = f"{percent(comparison.stated)} of the decided"
    return f"{comparison.needed} more to show {what}" if comparison.needed else f"enough to show {what}"


def errors(model: ModelFigures) -> str:
    return ", ".join(f"{code} ×{count}" for code, count in sorted(model.errors.items())) or "none"


def title(evaluation: Evaluation) -> str:
    return evaluation.name or f"Evaluation {evaluation.id}"


def incomplete(evaluation: Evaluation) -> str:
    """What to say where not every answer is there; else nothing."""
    if evaluation.done == evaluation.total:
        return ""
    trouble = f" {evaluation.error.detail}" if evaluation.error else ""
    return f"Not whole: {evaluation.done} of {evaluation.total} answers, {evaluation.state}.{trouble}"


def made_of(report: EvaluationReport) -> tuple[tuple[str, str], ...]:
    """All that is needed to make it again: names and values."""
    evaluation = report.evaluation
    sampling = evaluation.sampling
    facts = [
        ("Evaluation", evaluation.id),
        ("Made", evaluation.created_at),
        ("Ended", evaluation.ended_at or "–"),
        ("Questions", f"{evaluation.questions}, SHA-256 {evaluation.set_digest}"),
        ("Checks", f"{len(evaluation.checks)}, SHA-256 {evaluation.checks_digest or '–'}"),
        ("Seed", f"{evaluation.seed}, and one more for each question"),
        (
            "Sampling",
            f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, at most"
            f" {sampling.max_tokens} tokens and {sampling.timeout_s:g} s",
        ),
        ("Program", f"modelhubd {report.daemon} on {report.machine}"),
    ]
    for model in evaluation.models:
        settings = ", ".join(f"{name} {value.value}" for name, value in sorted(model.settings.items()))
        facts += [
            (model.reference, f"digest {model.digest or '–'}"),
            ("its server", f"llama-server {', '.join(model.builds) or '–'}; {settings or '–'}"),
        ]
    return tuple(facts)


def _between(interval: Interval | None, shown: Callable[[float], str]) -> str:
    return "" if interval is None else f" ({shown(interval.low)} to {shown(interval.high)})"
