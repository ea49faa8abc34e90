"""A trial's evidence, as a table and in words."""

from modelhub_cli.output import Column, Output
from modelhubd.wire.evidence import Comparison, Share
from modelhubd.wire.trials import Evidence

Named = tuple[str, Share]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _interval(one: Comparison) -> str:
    if one.estimate is None:
        return "–"
    sign = "× " if one.kind == "ratio" else ""
    around = f" ({_number(one.interval.low)} to {_number(one.interval.high)})" if one.interval else ""
    return f"{sign}{_number(one.estimate)}{around}"


COMPARISONS: tuple[Column[Comparison], ...] = (
    Column(title="figure", raw=lambda one: one.figure, style="bold"),
    Column(title="pairs", raw=lambda one: one.pairs, right=True),
    Column(title="active", raw=lambda one: one.first, shown=lambda one: _number(one.first), right=True),
    Column(title="candidate", raw=lambda one: one.second, shown=lambda one: _number(one.second), right=True),
    Column(title="candidate is", raw=lambda one: one.estimate, shown=_interval),
    Column(
        title="verdict", raw=lambda one: one.verdict.value, shown=lambda one: one.verdict.replace("_", " ")
    ),
    Column(title="more needed", raw=lambda one: one.needed, right=True, from_width=100),
)


def _share(share: Share) -> str:
    if share.share is None or share.interval is None:
        return "–"
    low, high = share.interval.low, share.interval.high
    return f"{share.share:.0%} ({low:.0%} to {high:.0%})"


SHARES: tuple[Column[Named], ...] = (
    Column(title="of pairs", raw=lambda one: one[0], style="bold"),
    Column(title="count", raw=lambda one: one[1].count, right=True),
    Column(title="of", raw=lambda one: one[1].of, right=True),
    Column(title="share", raw=lambda one: one[1].share, shown=lambda one: _share(one[1])),
)


def print_evidence(out: Output, evidence: Evidence) -> None:
    """Shares, comparisons, then what may be said of them."""
    shares = [
        ("answered", evidence.answered),
        ("the same text", evidence.exact),
        ("the same but for writing", evidence.normalised),
        ("the same tools called", evidence.tool_calls),
    ]
    for check in evidence.checks:
        shares += [
            (f"active passes {check.check}", check.active),
            (f"candidate passes {check.check}", check.candidate),
        ]
    compared = [
        *([evidence.preference] if evidence.preference else []),
        *(one.comparison for one in evidence.checks),
    ]
    out.items([one for one in shares if one[1].of], SHARES, lambda one: one[0])
    if evidence.pairs:
        out.items([*compared, *evidence.figures], COMPARISONS, lambda one: one.figure)
    if evidence.similarity is not None:
        out.say(
            f"Similarity of the answers: {evidence.similarity:.3f} over {evidence.similarity_pairs} pairs."
        )
    for words in evidence.words:
        out.say(words)
