"""How near two answers are in meaning, by an embedding model that is loaded anyway; none is loaded for it."""

import asyncio
from collections.abc import Sequence

import aiohttp
import msgspec

from modelhubd.trials.agreement import cosine
from modelhubd.wire.base import Message

LIMIT_S = 10.0
MOST = 4000
"""Characters of each answer that are embedded: these models read little at a time."""


class _Vector(Message, frozen=True, kw_only=True):
    embedding: tuple[float, ...]


class _Vectors(Message, frozen=True, kw_only=True):
    data: tuple[_Vector, ...]


async def similarity(embedder: aiohttp.ClientSession | None, texts: Sequence[str]) -> float | None:
    """Cosine of the embeddings of two texts; None without an embedding model, or where it does not answer."""
    if embedder is None or embedder.closed or not all(text.strip() for text in texts):
        return None
    try:
        async with asyncio.timeout(LIMIT_S):
            asked = {"input": [text[:MOST] for text in texts]}
            async with embedder.post("/v1/embeddings", json=asked) as answer:
                if answer.status != 200:
                    return None
                found = msgspec.json.decode(await answer.read(), type=_Vectors)
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
        return None
    vectors = [one.embedding for one in found.data]
    return cosine(*vectors) if len(vectors) == 2 else None
