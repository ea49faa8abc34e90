"""A report as a page of its own: one file, without scripts and without anything from elsewhere.

Every text is escaped where it is put in, and the page forbids itself everything but its own style: should a
word of a model ever become markup, it could do nothing.
"""

from collections.abc import Iterable, Sequence
from html import escape

from modelhubd.trials.evaluations.reports import wording
from modelhubd.trials.evaluations.reports.plots import Row, range_plot
from modelhubd.wire.evaluations import AnswerShown, EvaluationReport, ModelPair, QuestionShown, Spread
from modelhubd.wire.evidence import CheckOutcome, Word

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --quiet: #60646c; --line: #d9d9e0;
  --mark: #0d74ce; --good: #218358; --bad: #ce2c31; --tint: #f4f4f6; }
@media (prefers-color-scheme: dark) { :root { --paper: #18191b; --ink: #edeef0; --quiet: #b0b4ba; --line:
#43484e;
  --mark: #70b8ff; --good: #3dd68c; --bad: #ff9592; --tint: #212225; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid
var(--line); } th { color: var(--quiet); font-weight: 500; } td { overflow-wrap: anywhere; min-width: 6rem; }
pre { background: var(--tint); padding: .75rem; border-radius: 6px; white-space: pre-wrap; overflow-wrap:
anywhere;
  margin: .25rem 0 .75rem; } .quiet-text { color: var(--quiet); }
.better, .pass { color: var(--good); } .worse, .fail { color: var(--bad); } .warning { color: var(--bad); }
.answers { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.plot { width: 100%; min-width: 32rem; max-width: 44rem; height: auto; display: block; }
.plot text { fill: currentColor;
font-size: 12px; } .plot .quiet { stroke: var(--line); } .plot .even { stroke: var(--quiet);
stroke-dasharray: 4 3; } .plot .bar { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; } .plot
.mark { fill: var(--mark); }
"""
SIGNS = {CheckOutcome.PASS: "✓", CheckOutcome.FAIL: "✗", CheckOutcome.ERROR: "?"}


def page(report: EvaluationReport) -> str:
    """The whole page."""
    title = escape(wording.title(report.evaluation))
    parts = [f"<h1>{title}</h1>"]
    if missing := wording.incomplete(report.evaluation):
        parts.append(f'<p class="warning">{escape(missing)}</p>')
    parts += ["<h2>Models</h2>", _models(report), *_plots(report)]
    for pair in report.pairs:
        parts += _pair(pair)
    parts += [f'<p class="quiet-text">{escape(wording.HOW)}</p>', "<h2>How to make it again</h2>"]
    parts.append(_table(("what", "value"), wording.made_of(report)))
    if report.questions:
        parts += ["<h2>Answers</h2>", *map(_question, report.questions)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _models(report: EvaluationReport) -> str:
    rows = [
        (
            model.model,
            str(model.answered),
            wording.errors(model),
            wording.spread(model.latency_s, "s"),
            wording.spread(model.first_token_s, "s"),
            wording.spread(model.tokens_per_s, "tokens/s"),
            wording.spread(model.completion_tokens),
            wording.spread(model.confidence),
        )
        for model in report.models
    ]
    head = ("model", "answers", "errors", "time", "first token", "speed", "tokens", "confidence")
    return _table(head, rows)


def _plots(report: EvaluationReport) -> list[str]:
    parts = []
    for name in report.evaluation.checks:
        shares = [(model.model, model.checks[name]) for model in report.models]
        rows = [
            Row(
                label=model, low=found.interval.low, middle=found.share, high=found.interval.high,
                text=f"{found.count} of {found.of}",
            )
            for model, found in shares
            if found.share is not None and found.interval is not None
        ]  # fmt: skip
        broken = sum(model.check_errors.get(name, 0) for model in report.models)
        parts.append(f"<h3>Passes {escape(name)}</h3>")
        parts.append(_plot(range_plot(f"Share that passes {name}", rows, bounds=(0.0, 1.0))))
        if broken:
            parts.append(f'<p class="warning">{broken} times the check could not be done.</p>')
    for heading, figure, unit in (
        ("Time for an answer (s)", "latency_s", "s"),
        ("Speed (tokens/s)", "tokens_per_s", ""),
    ):
        spreads = [(model.model, getattr(model, figure)) for model in report.models]
        parts += [f"<h3>{heading}</h3>", _plot(range_plot(heading, _spreads(spreads, unit)))]
    return parts


def _plot(drawn: str) -> str:
    """A plot that can be moved sideways where the page is narrow."""
    return f'<div class="table">{drawn}</div>'


def _spreads(spreads: Iterable[tuple[str, Spread]], unit: str) -> list[Row]:
    return [
        Row(
            label=label, low=found.p5, middle=found.median, high=found.p95,
            text=wording.number(found.median, unit),
        )
        for label, found in spreads
        if found.p5 is not None and found.median is not None and found.p95 is not None
    ]  # fmt: skip


def _pair(pair: ModelPair) -> list[str]:
    found = pair.agreement
    said = (
        f"Answers are the same in {wording.share(found.exact)}, and say the same in"
        f" {wording.share(found.normalised)}."
    )
    if found.similarity.median is not None:
        said += f" Similarity: {wording.spread(found.similarity)}."
    rows = [
        Row(
            label=wording.figure_name(each), low=each.interval.low, middle=each.estimate,
            high=each.interval.high, text=wording.verdict(each),
        )
        for each in pair.figures
        if each.kind == "ratio" and each.interval is not None and each.estimate is not None
    ]  # fmt: skip
    lines = "".join(
        _row(
            (
                escape(wording.figure_name(each)),
                str(each.pairs),
                escape(wording.estimate(each)),
                f'<span class="{_class(each.figure, each.verdict)}">{escape(wording.verdict(each))}</span>',
                escape(wording.needed(each)),
            )
        )
        for each in pair.figures
    )
    head = ("figure", "pairs", "second to first", "verdict", "still needed")
    heading = f"{escape(pair.second)} beside {escape(pair.first)}"
    return [
        f"<h2>{heading}</h2>",
        f"<p>{escape(said)}</p>",
        _framed(head, lines),
        _plot(range_plot("Second to first; 1 is no difference", rows, line_at=1.0)),
    ]


def _class(figure: str, word: Word) -> str:
    return word.value if word in (Word.BETTER, Word.WORSE) and figure != "completion_tokens" else "quiet-text"


def _question(question: QuestionShown) -> str:
    expected = "" if question.expected is None else f"<p>Expected:</p><pre>{escape(question.expected)}</pre>"
    answers = "".join(map(_answer, question.answers))
    return (
        f"<section><h3>{escape(question.id)}</h3><pre>{escape(question.question)}</pre>{expected}"
        f'<div class="answers">{answers}</div></section>'
    )


def _answer(answer: AnswerShown) -> str:
    checks = " ".join(
        f'<span class="{result.outcome.value}">{SIGNS[result.outcome]} {escape(result.name)}</span>'
        for result in answer.checks
    )
    said = (
        f'<span class="warning">no answer: {escape(answer.error)}</span>'
        if answer.error
        else f"{escape(wording.number(answer.latency_s, 's'))} {checks}"
    )
    return f"<div><strong>{escape(answer.model)}</strong> {said}<pre>{escape(answer.text)}</pre></div>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _framed(head, "".join(_row([escape(cell) for cell in row]) for row in rows))


def _framed(head: Sequence[str], lines: str) -> str:
    headings = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    return f'<div class="table"><table><thead><tr>{headings}</tr></thead><tbody>{lines}</tbody></table></div>'


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
