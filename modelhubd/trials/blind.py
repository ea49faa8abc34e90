"""Decides which pair is marked next, in which order its answers are shown, and what a mark means. No I/O."""

from collections.abc import Collection, Sequence

from modelhubd.wire.trials import Better, BlindPair, PairContent, Preferred, Side


def next_pair(
    to_mark: Sequence[tuple[int, Side | None]], chance: float, side_chance: float
) -> tuple[int, Side] | None:
    """(pair, side that is shown first); None where nothing is left. One that was shown and not marked comes
    again, in the same order: asking twice tells nothing. `chance` and `side_chance` are in [0, 1)."""
    if not to_mark:
        return None
    for n, shown_first in to_mark:
        if shown_first is not None:
            return n, shown_first
    n, _ = to_mark[int(chance * len(to_mark))]
    return n, "active" if side_chance < 0.5 else "candidate"


def shown(n: int, first: Side, content: PairContent, left: int) -> BlindPair:
    """The pair without names."""
    answers = (content.active, content.candidate)
    one, other = answers if first == "active" else answers[::-1]
    return BlindPair(pair=n, question=content.question, first=one, second=other, left=left)


def meaning(better: Better, shown_first: Side) -> Preferred:
    """Whose answer was the better one."""
    if better in ("tie", "both_bad"):
        return better
    second: Side = "candidate" if shown_first == "active" else "active"
    return shown_first if better == "first" else second


def to_forget(kept: Sequence[int], marked: Collection[int], keep: int) -> list[int]:
    """Pairs whose content makes way so that `keep` remain: those that are marked, then the oldest."""
    ordered = sorted(kept, key=lambda n: (n not in marked, n))
    return ordered[: max(len(kept) - keep, 0)]
