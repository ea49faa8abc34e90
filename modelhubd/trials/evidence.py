"""The figures of a trial, from its pairs. No I/O; it computes for a while, see `figures.mean_interval`."""

import zlib
from collections.abc import Callable, Sequence
from typing import Literal

from modelhubd.trials.figures import mean_interval, wilson
from modelhubd.trials.verdicts import compare_values, compare_wins
from modelhubd.wire.evidence import Comparison, Share, Wanted, Word
from modelhubd.wire.trials import CheckRates, Evidence, Marks, Pair, PairSide

STATED_RATIO = 1.2
"""A fifth faster or slower is what `needed` is about."""
STATED_WINS = 0.65
"""Two wins out of three, about."""
STATED_CONFIDENCE = 0.05

_FIGURES: tuple[tuple[str, Wanted, Literal["difference", "ratio"], float | None], ...] = (
    ("latency_s", "lower", "ratio", STATED_RATIO),
    ("ttft_s", "lower", "ratio", STATED_RATIO),
    ("tokens_per_s", "higher", "ratio", STATED_RATIO),
    ("completion_tokens", "lower", "ratio", STATED_RATIO),
    ("confidence", "higher", "difference", STATED_CONFIDENCE),
)


def evidence_of(pairs: Sequence[Pair], checks: Sequence[str], seed: str) -> Evidence:
    """What `pairs` tell by now; `checks` are the names of the user's. The same pairs and `seed` give the same
    figures."""
    both = [pair for pair in pairs if pair.candidate.error is None]
    among = len(_FIGURES) + len(checks) + 1
    number = zlib.crc32(seed.encode())
    marks = _marks(pairs)
    alike = [pair.similarity for pair in both if pair.similarity is not None]
    rates = tuple(_check(name, pairs, among) for name in checks)
    preference = compare_wins(
        "preference",
        first=marks.active,
        second=marks.candidate,
        ties=marks.tie + marks.both_bad,
        stated=STATED_WINS,
        among=among,
    )
    figures = tuple(
        _compare(figure, wanted, kind, stated, both, number, among)
        for figure, wanted, kind, stated in _FIGURES
    )
    answered = wilson(len(both), len(pairs))
    return Evidence(
        pairs=len(pairs),
        answered=answered,
        exact=_share(both, lambda pair: pair.exact),
        normalised=_share(both, lambda pair: pair.normalised),
        tool_calls=_share(both, lambda pair: pair.tool_calls),
        similarity=sum(alike) / len(alike) if alike else None,
        similarity_interval=mean_interval(alike, seed=number),
        similarity_pairs=len(alike),
        figures=figures,
        checks=rates,
        marks=marks,
        preference=preference,
        words=words_of(answered, preference, [rate.comparison for rate in rates], figures),
    )


def words_of(
    answered: Share, preference: Comparison, checks: Sequence[Comparison], figures: Sequence[Comparison]
) -> tuple[str, ...]:
    """A sentence for each thing that may be said. Who is faster is not who is better, and comes last."""
    if not answered.of:
        return ("Nothing can be said yet: the candidate has not been asked.",)
    said = []
    if (missing := answered.of - answered.count) > 0:
        said.append(f"The candidate gave no answer to {missing} of {answered.of} requests.")
    told = [words for one in (preference, *checks, *figures) if (words := _words(one)) is not None]
    if not told:
        few = all(one.verdict is Word.NOT_ENOUGH for one in (preference, *checks, *figures))
        by_now = "Too few pairs to tell a difference." if few else "No difference is shown by now."
        more = _needed(preference) if preference.pairs else "Mark pairs to know which answers are better."
        told = [f"{by_now} {more}"]
    return (*said, *told)


_NAMES = {
    "latency_s": ("faster", "slower", "to answer"),
    "ttft_s": ("faster", "slower", "to its first token"),
    "tokens_per_s": ("faster", "slower", "at writing"),
    "completion_tokens": ("shorter", "longer", "in its answers"),
    "confidence": ("surer", "less sure", "of its tokens"),
}


def _words(one: Comparison) -> str | None:
    if one.verdict not in (Word.BETTER, Word.WORSE):
        return None
    is_better = one.verdict is Word.BETTER
    if one.figure == "preference":
        whom = "candidate" if is_better else "active model"
        return f"People prefer the {whom}: {one.second or 0:.0f} to {one.first or 0:.0f} for the candidate."
    if one.figure.startswith("check:"):
        name, how = one.figure.removeprefix("check:"), "more often" if is_better else "less often"
        return f"The candidate passes {name} {how} than the active model."
    better, worse, at = _NAMES[one.figure]
    return f"The candidate is {better if is_better else worse} {at}: {_by(one)}."


def _by(one: Comparison) -> str:
    """How much, with its interval."""
    low, high = (one.interval.low, one.interval.high) if one.interval else (one.estimate, one.estimate)
    sign = "× " if one.kind == "ratio" else ""
    return f"{sign}{one.estimate or 0:.2f} ({low or 0:.2f} to {high or 0:.2f}) over {one.pairs} pairs"


def _needed(one: Comparison) -> str:
    if one.needed is None:
        return "More marks may never show one."
    return f"About {one.needed} more marks would show a clear preference, if there is one."


def _share(pairs: Sequence[Pair], what: Callable[[Pair], bool | None]) -> Share:
    told = [found for pair in pairs if (found := what(pair)) is not None]
    return wilson(sum(told), len(told))


def _compare(
    figure: str,
    wanted: Wanted,
    kind: Literal["difference", "ratio"],
    stated: float | None,
    pairs: Sequence[Pair],
    seed: int,
    among: int,
) -> Comparison:
    values = [
        (float(one), float(other))
        for pair in pairs
        if (one := _value(pair.active, figure)) is not None
        and (other := _value(pair.candidate, figure)) is not None
    ]
    return compare_values(figure, values, wanted=wanted, seed=seed, kind=kind, stated=stated, among=among)


def _value(side: PairSide, figure: str) -> float | None:
    found: float | None = getattr(side, figure)
    return found


def _check(name: str, pairs: Sequence[Pair], among: int) -> CheckRates:
    """A candidate that gave no answer has not passed."""
    told = [
        (pair.active.checks[name], pair.candidate.checks.get(name, False))
        for pair in pairs
        if name in pair.active.checks
    ]
    only_active = sum(one and not other for one, other in told)
    only_candidate = sum(other and not one for one, other in told)
    return CheckRates(
        check=name,
        active=wilson(sum(one for one, _ in told), len(told)),
        candidate=wilson(sum(other for _, other in told), len(told)),
        comparison=compare_wins(
            f"check:{name}",
            first=only_active,
            second=only_candidate,
            ties=len(told) - only_active - only_candidate,
            stated=STATED_WINS,
            among=among,
        ),
    )


def _marks(pairs: Sequence[Pair]) -> Marks:
    said = [pair.mark for pair in pairs if pair.mark is not None]
    return Marks(
        active=said.count("active"),
        candidate=said.count("candidate"),
        tie=said.count("tie"),
        both_bad=said.count("both_bad"),
    )
