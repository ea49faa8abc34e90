"""Typed client of modelhubd.

    from modelhub_client import Client

    with Client() as client:
        for model in client.search("qwen", compatible=True).items:
            print(model.id, model.fit.verdict)

`AsyncClient` has the same methods for asyncio. What they answer are the structs of `modelhubd.wire`.
"""

from typing import TYPE_CHECKING, Any

from modelhub_client.chat import ChatMessage, ChatPiece, ChatReply
from modelhub_client.client import Client
from modelhub_client.errors import (
    ClientError,
    Conflict,
    InvalidRequest,
    LoadFailed,
    ModelhubUnreachable,
    NoSpace,
    NotFound,
    NotPermitted,
    PreconditionFailed,
    ProblemError,
    Refused,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from modelhub_client.events import Event, Snapshot
from modelhub_client.state import State, StateAnswer

if TYPE_CHECKING:
    from modelhub_client.aio import AsyncClient

__all__ = [
    "AsyncClient",
    "ChatMessage",
    "ChatPiece",
    "ChatReply",
    "Client",
    "ClientError",
    "Conflict",
    "Event",
    "InvalidRequest",
    "LoadFailed",
    "ModelhubUnreachable",
    "NoSpace",
    "NotFound",
    "NotPermitted",
    "PreconditionFailed",
    "ProblemError",
    "Refused",
    "Snapshot",
    "State",
    "StateAnswer",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
]


def __getattr__(name: str) -> Any:
    """`AsyncClient` on first use, so that sync programs do not wait for aiohttp to be imported."""
    if name == "AsyncClient":
        from modelhub_client.aio import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
