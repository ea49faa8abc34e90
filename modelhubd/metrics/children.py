"""The figures of each llama-server, asked of itself. It is treated as hostile: slow, endless or lying answers
cost a second and one line less."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import aiohttp

from modelhubd.metrics.exposition import Family, Sample, family, merged, read
from modelhubd.wire.servers import Server

ASK_S = 1.0
MOST_BYTES = 256 * 1024
PREFIX = "llamacpp:"


class Child(Protocol):
    @property
    def session(self) -> aiohttp.ClientSession: ...
    @property
    def server(self) -> Server: ...


async def children(running: Iterable[Child]) -> tuple[Family, ...]:
    """What each tells within a second, labelled with its model and name; and whether it told."""
    asked = tuple(running)
    told = await asyncio.gather(*(_ask(child) for child in asked))
    answering = family(
        "modelhub_server_metrics_up",
        "gauge",
        "Whether the server told its own figures.",
        *(Sample(found is not None, _labels(child)) for child, found in zip(asked, told, strict=True)),
    )
    return answering, *merged(
        read(found, PREFIX, _labels(child))
        for child, found in zip(asked, told, strict=True)
        if found is not None
    )


async def _ask(child: Child) -> str | None:
    found = bytearray()
    try:
        async with child.session.get("/metrics", timeout=aiohttp.ClientTimeout(total=ASK_S)) as answer:
            if answer.status != 200:
                return None
            async for piece in answer.content.iter_any():
                found += piece
                if len(found) > MOST_BYTES:
                    return None
    except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError):  # RuntimeError: its session has ended
        return None
    return found.decode("utf-8", "replace")


def _labels(child: Child) -> tuple[tuple[str, str], ...]:
    return ("model", child.server.model), ("server", child.server.name)
