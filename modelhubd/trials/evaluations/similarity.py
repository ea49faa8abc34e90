"""How near answers are in meaning, by an embedding model that is loaded anyway: none is loaded for it."""

import asyncio
from collections.abc import Iterable, Sequence

import aiohttp
import msgspec

from modelhubd.trials.agreement import cosine
from modelhubd.trials.evaluations.run import Upstream
from modelhubd.wire.base import Message

LIMIT_S = 10.0
LONGEST = 4000
"""Characters of each text: such models read little at a time."""
LEAST_DIMENSIONS = 8
"""What has fewer is no embedding, but a reranker's score."""


class _Vector(Message, frozen=True, kw_only=True):
    embedding: tuple[float, ...]


class _Vectors(Message, frozen=True, kw_only=True):
    data: tuple[_Vector, ...]


async def embedder_of(upstreams: Iterable[Upstream]) -> aiohttp.ClientSession | None:
    """The first of the servers that embeds texts; the others say at once that they do not."""
    for upstream in upstreams:
        if await _vectors(upstream.session, ("one", "other")) is not None:
            return upstream.session
    return None


async def similarity(embedder: aiohttp.ClientSession, first: str, second: str) -> float | None:
    """Cosine of the texts' embeddings, -1 to 1; None for an empty text, or where the model does not
    answer."""
    if not (first.strip() and second.strip()):
        return None
    vectors = await _vectors(embedder, (first[:LONGEST], second[:LONGEST]))
    return None if vectors is None else cosine(*vectors)


async def _vectors(
    session: aiohttp.ClientSession, texts: Sequence[str]
) -> tuple[Sequence[float], Sequence[float]] | None:
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            session.post("/v1/embeddings", json={"input": list(texts)}) as answer,
        ):
            if answer.status != 200:
                return None
            found = msgspec.json.decode(await answer.read(), type=_Vectors).data
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
        return None
    if len(found) != 2 or min(len(one.embedding) for one in found) < LEAST_DIMENSIONS:
        return None
    return found[0].embedding, found[1].embedding
