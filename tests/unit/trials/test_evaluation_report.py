"""What an evaluation has come to, and how it is told: figures, Markdown, a page, plots."""

import random
from collections.abc import Sequence
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from modelhubd.trials.evaluations.asking import Answer
from modelhubd.trials.evaluations.contents import Place
from modelhubd.trials.evaluations.evidence import LONGEST_SHOWN, Material, report_of
from modelhubd.trials.evaluations.question_set import Question, QuestionMessage
from modelhubd.trials.evaluations.reports import wording
from modelhubd.trials.evaluations.reports.markdown import escaped, fenced, markdown
from modelhubd.trials.evaluations.reports.page import page
from modelhubd.trials.evaluations.reports.plots import Row, range_plot, ticks_of
from modelhubd.trials.evaluations.store import Answered
from modelhubd.wire.evaluations import (
    EvaluatedModel,
    Evaluation,
    EvaluationError,
    EvaluationReport,
    EvaluationState,
    Sampling,
    Spread,
)
from modelhubd.wire.evidence import CheckOutcome, CheckResult, Comparison, Interval, Share, Word
from modelhubd.wire.servers import LoadSettings

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\n```\n# no heading | [no](link) &amp;"


def model(name: str, answered: int) -> EvaluatedModel:
    return EvaluatedModel(
        asked=name, library_id=name, model=name, version=1, option="q4", digest="d" * 64, answered=answered,
        builds=("b1",),
    )  # fmt: skip


def result(name: str, good: bool | None) -> CheckResult:
    outcome = CheckOutcome.ERROR if good is None else CheckOutcome.PASS if good else CheckOutcome.FAIL
    return CheckResult(name=name, outcome=outcome)


def made(
    n: int, texts: Sequence[str] = ("same", "same"), *, name: str = "n", shown: int = 100
) -> EvaluationReport:
    """Two models: the second is slower, passes `right` less often, and its `odd` cannot be done."""
    numbers = random.Random(1)
    answers = [
        Answered(
            model=place, question=k, build="b1", place=Place(0, 0, ""),
            answer=Answer(
                latency_s=numbers.uniform(1.0, 1.2) * (1 + place), first_token_s=0.1, tokens_per_s=20.0,
                prompt_tokens=5, completion_tokens=9, confidence=0.9 - 0.1 * place, finish_reason="stop",
            ),
            checks=(result("right", place == 0 or k % 2 == 0), result("odd", None if place else True)),
            similarity=0.5 if place else None,
        )
        for place in (0, 1)
        for k in range(n)
    ]  # fmt: skip
    evaluation = Evaluation(
        id="0123456789ab", name=name, state=EvaluationState.COMPLETED,
        models=(model("lab/one", n), model("lab/two", n)), questions=n, checks=("right", "odd"), seed=1,
        sampling=Sampling(), load=LoadSettings(), set_digest="a" * 64, checks_digest=None,
        created_at="2026-01-01T00:00:00.000Z",
    )  # fmt: skip
    question = (QuestionMessage(role="user", content=texts[0]),)
    return report_of(
        Material(
            evaluation=evaluation,
            questions=[Question(id=f"{name}{k}", messages=question, expected=texts[1]) for k in range(n)],
            answers=answers,
            texts={(place, k): texts[place] for place in (0, 1) for k in range(n)},
            daemon="1.0",
            machine="Linux x86_64",
        ),
        shown=shown,
    )


def test_figures_are_each_models_own_and_the_second_is_compared_with_the_first() -> None:
    report = made(60)
    one, two = report.models
    assert (one.checks["right"].count, two.checks["right"].count, two.checks["right"].of) == (60, 30, 60)
    assert (two.checks["odd"].of, two.check_errors, one.check_errors) == (0, {"odd": 60}, {})
    assert one.latency_s.median is not None
    assert 1.0 < one.latency_s.median < 1.2
    (pair,) = report.pairs
    words = {each.figure: each.verdict for each in pair.figures}
    assert words == {
        "check:right": Word.WORSE, "check:odd": Word.NOT_ENOUGH, "latency_s": Word.WORSE,
        "first_token_s": Word.NO_DIFFERENCE_SHOWN, "tokens_per_s": Word.NO_DIFFERENCE_SHOWN,
        "completion_tokens": Word.NO_DIFFERENCE_SHOWN, "confidence": Word.WORSE,
    }  # fmt: skip
    assert {each.error for each in pair.figures} == {0.05 / 7}
    assert (pair.agreement.exact.count, pair.agreement.similarity.median) == (60, 0.5)


def test_errors_are_counted_and_left_out_of_everything_else() -> None:
    report = made(4)
    evaluation = replace(report.evaluation, checks=())
    broken = Answered(
        model=0, question=0, build=None, place=Place(0, 0, ""),
        answer=Answer(error="timeout", latency_s=300.0),
    )  # fmt: skip
    found = report_of(
        Material(
            evaluation=evaluation, questions=[Question(id="q", messages=())], answers=[broken],
            texts={(0, 0): ""}, daemon="1", machine="m",
        ),
        shown=1,
    )  # fmt: skip
    assert found.models[0].errors == {"timeout": 1}
    assert found.models[0].latency_s == Spread()
    assert found.pairs[0].agreement.exact.of == 0
    (shown,) = found.questions
    assert [answer.error for answer in shown.answers] == ["timeout"]
    assert "no answer: timeout" in page(found)
    assert "no answer: timeout" in markdown(found)


def test_questions_on_which_models_differ_come_first_and_long_texts_are_cut() -> None:
    report = made(6, ("x" * (LONGEST_SHOWN + 1), "y"), shown=3)
    assert [question.id for question in report.questions] == ["n0", "n1", "n2"]
    assert report.questions[0].question.endswith(" …")
    assert len(report.questions[0].answers[0].text) == LONGEST_SHOWN + 2
    assert made(6, shown=0).questions == ()


class Seen(HTMLParser):
    """Every tag and every attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]


@pytest.mark.parametrize(
    "hostile", [HOSTILE, "\"'><svg onload=alert(1)>", "{{x}} ${x} <!-- ]]>", "\x00\ud800"]
)
def test_what_models_and_people_wrote_never_becomes_markup(hostile: str) -> None:
    report = made(2, (hostile, hostile), name=hostile.replace("\ud800", ""))
    text = page(report)
    seen = Seen(text)
    assert seen.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "div", "table",
        "thead",
        "tbody", "tr", "th", "td", "span", "pre", "section", "strong", "svg", "line", "circle", "text",
    }  # fmt: skip
    assert not any(name.startswith("on") for name in seen.attributes)
    assert seen.addresses == [], "nothing comes from elsewhere"
    assert "default-src &#x27;none&#x27;" in text
    written = markdown(report)
    outside = [line for line in without_fences(written) if not line.startswith("|")]
    assert not any("<script" in line.replace("\\<", "") for line in outside)


def without_fences(text: str) -> list[str]:
    """The lines of a Markdown text that are in no fence."""
    found, fence = [], ""
    for line in text.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line.removesuffix("text")
        else:
            found.append(line)
    assert not fence, "a fence is open"
    return found


def test_markdown_is_escaped_and_fences_hold() -> None:
    assert escaped("a|b\n*c* <d> [e](f) `g`") == r"a\|b \*c\* \<d\> \[e\](f) \`g\`"
    assert fenced("```` x").splitlines()[0] == "`````text"
    assert fenced("x") == "```text\nx\n```"


def test_a_report_says_how_it_is_made_again_and_that_it_is_not_whole() -> None:
    report = made(2)
    half = replace(
        report,
        evaluation=replace(
            report.evaluation,
            state=EvaluationState.FAILED,
            models=(model("lab/one", 2), model("lab/two", 0)),
            error=EvaluationError(code="server_gone", detail="It went away."),
        ),
    )
    for text in (page(half), markdown(half)):
        assert "Not whole: 2 of 4 answers, failed" in text.replace("\\", "")
        assert "a" * 64 in text and "d" * 64 in text and "b1" in text
    assert "Not whole" not in page(report)
    assert wording.title(replace(report.evaluation, name=None)) == "Evaluation 0123456789ab"


def test_a_report_without_checks_or_a_second_model_is_one_too() -> None:
    report = made(2)
    alone = replace(
        report,
        pairs=(),
        evaluation=replace(report.evaluation, checks=(), models=report.evaluation.models[:1]),
    )
    assert "## Checks" not in markdown(alone)
    figures = made(2, shown=0)
    assert "Answers</h2>" not in page(figures) and "## Answers" not in markdown(figures)
    assert "beside" not in page(alone)
    bare = replace(report.pairs[0], agreement=replace(report.pairs[0].agreement, similarity=Spread()))
    for text in (page(replace(report, pairs=(bare,))), markdown(replace(report, pairs=(bare,)))):
        assert "Similarity" not in text


def compared(**rest: object) -> Comparison:
    values = {
        "figure": "latency_s", "kind": "ratio", "wanted": "lower", "pairs": 9,
        "verdict": Word.NO_DIFFERENCE_SHOWN, "error": 0.05, "stated": 1.1, "needed": 12,
    }  # fmt: skip
    return Comparison(**(values | rest))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comparison", "estimate", "verdict", "needed"),
    [
        (compared(estimate=1.25, interval=Interval(low=1.0, high=1.5)), "1.25 times (1.00 to 1.50)",
         "no difference shown", "12 more to show a difference of 10 %"),
        (compared(estimate=0.5, verdict=Word.BETTER), "0.500 times", "better", ""),
        (compared(needed=0), "–", "no difference shown", "enough to show a difference of 10 %"),
        (compared(needed=None), "–", "no difference shown", "cannot be foretold"),
        (compared(stated=None), "–", "no difference shown", ""),
        (compared(kind="difference", figure="confidence", estimate=-0.1, stated=0.02,
                  interval=Interval(low=-0.2, high=0.0)), "-0.100 (-0.200 to +0.000)",
         "no difference shown", "12 more to show a difference of 0.02"),
        (compared(kind="wins", figure="check:a", first=3, second=9, ties=4, estimate=0.75, stated=0.7),
         "9 won, 3 lost, 4 alike (75 % of the decided)", "no difference shown",
         "12 more to show 70 % of the decided"),
        (compared(figure="completion_tokens", verdict=Word.WORSE), "–", "more", ""),
        (compared(figure="completion_tokens", verdict=Word.NOT_ENOUGH), "–", "not enough to say",
         "12 more to show a difference of 10 %"),
    ],
)  # fmt: skip
def test_figures_are_put_into_words(comparison: Comparison, estimate: str, verdict: str, needed: str) -> None:
    assert wording.estimate(comparison) == estimate
    assert wording.verdict(comparison) == verdict
    assert wording.needed(comparison) == needed


def test_numbers_are_short_and_shares_have_their_interval() -> None:
    assert [wording.number(value) for value in (0.1234, 1.234, 12.34, 1234.5, None)] == [
        "0.123", "1.23", "12.3", "1234", "–",
    ]  # fmt: skip
    assert wording.share(Share(count=0, of=0)) == "–"
    assert wording.figure_name(compared(figure="check:a")) == "passes a"
    assert wording.figure_name(compared(figure="new")) == "new"
    assert wording.spread(Spread()) == "–"
    assert wording.percent(None) == "–"


def test_a_plot_is_an_svg_whose_marks_are_where_its_values_are() -> None:
    rows = [
        Row(label="a<b" * 20, low=0.0, middle=0.5, high=1.0, text="&"),
        Row(label="c", low=0.2, middle=0.2, high=0.2),
    ]
    drawn = ElementTree.fromstring(range_plot('a "title" <x>', rows, bounds=(0.0, 1.0), line_at=0.5))
    assert drawn.attrib["aria-label"] == 'a "title" <x>'
    first, second = drawn.findall("circle")
    even = next(line for line in drawn.findall("line") if line.attrib["class"] == "even")
    assert first.attrib["cx"] == even.attrib["x1"]
    assert float(second.attrib["cx"]) < float(first.attrib["cx"])
    ticks = [line for line in drawn.findall("line") if line.attrib["class"] == "quiet"]
    assert len(ticks) == 6
    assert float(ticks[0].attrib["x1"]) < float(first.attrib["cx"]) < float(ticks[-1].attrib["x1"])


def test_a_plot_of_nothing_is_nothing_and_what_is_not_finite_is_left_out() -> None:
    assert range_plot("t", []) == ""
    assert range_plot("t", [Row(label="x", low=float("nan"), middle=1.0, high=2.0)]) == ""
    assert "svg" in range_plot("t", [Row(label="x", low=2.0, middle=2.0, high=2.0)])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.0, 7.0, [0.0, 2.0, 4.0, 6.0, 8.0]), (3.0, 3.0, None),
     (0.0, 0.0, None), (-1.0, 1.0, [-1.0, -0.5, 0.0, 0.5, 1.0]), (950.0, 1900.0, None)],
)  # fmt: skip
def test_ticks_are_round_and_hold_the_range(low: float, high: float, expected: list[float] | None) -> None:
    ticks = ticks_of(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8
    assert expected is None or ticks == pytest.approx(expected)
