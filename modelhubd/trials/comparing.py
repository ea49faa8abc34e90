"""Holds two answers against each other: alike, near in meaning, passing the user's checks."""

from collections.abc import Awaitable, Callable

import aiohttp
from msgspec import Struct

from modelhubd.tasks import in_thread
from modelhubd.trials import pairing
from modelhubd.trials.candidate import Replayed
from modelhubd.trials.similarity import similarity
from modelhubd.trials.spool import Sampled
from modelhubd.trials.turn import Outcome
from modelhubd.wire.trials import Pair, PairContent

Checks = Callable[[str, str], Awaitable[dict[str, bool]]]
"""(the user's checks, answer) → by name, whether it passes."""


class Compared(Struct, frozen=True, kw_only=True):
    """A pair that has no number yet, and what people may be shown of it."""

    pair: Pair
    content: PairContent | None


async def compare(
    sampled: Sampled,
    replayed: Replayed,
    *,
    checks: str,
    run_checks: Checks,
    embedder: aiohttp.ClientSession | None,
) -> Compared:
    """What both made of the request; `embedder` is an embedding model that is loaded anyway."""
    is_answer = replayed.outcome is Outcome.ANSWERED
    answers = await in_thread(lambda: pairing.answers_of(sampled, replayed.answer if is_answer else None))
    content = await in_thread(lambda: pairing.content_of(sampled, answers))
    alike = None
    if content is not None:
        alike = await similarity(embedder, (content.active, content.candidate))
    passed = [
        {} if one is None else await run_checks(checks, one.text)
        for one in (answers.active, answers.candidate)
    ]
    pair = await in_thread(
        lambda: pairing.pair_of(
            0, sampled, replayed.side, answers,
            similarity=alike, active_checks=passed[0], candidate_checks=passed[1],
        )
    )  # fmt: skip
    return Compared(pair=pair, content=content)
