"""Typed client of modelhubd.

    from modelhub_client import Client

    with Client() as client:
        for model in client.search("qwen", compatible=True).items:
            print(model.id, model.fit.verdict)

`AsyncClient` has the same methods for asyncio, `RegistryClient` and `AsyncRegistryClient` those of a
registry. What they answer are the structs of `modelhubd.wire`.
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
    RegistryUnreachable,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from modelhub_client.events import Event, Snapshot
from modelhub_client.state import State, StateAnswer

if TYPE_CHECKING:
    from modelhub_client.aio import AsyncClient
    from modelhub_client.registry import RegistryClient
    from modelhub_client.registry_aio import AsyncRegistryClient

__all__ = [
    "AsyncClient",
    "AsyncRegistryClient",
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
    "RegistryClient",
    "RegistryUnreachable",
    "Snapshot",
    "State",
    "StateAnswer",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
]


def __getattr__(name: str) -> Any:
    """The other clients on first use: most programs need not wait for what they import."""
    if name == "AsyncClient":
        from modelhub_client.aio import AsyncClient

        return AsyncClient
    if name == "RegistryClient":
        from modelhub_client.registry import RegistryClient

        return RegistryClient
    if name == "AsyncRegistryClient":
        from modelhub_client.registry_aio import AsyncRegistryClient

        return AsyncRegistryClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
