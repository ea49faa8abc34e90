"""Typed client of modelhubd.

    from modelhub_client import Client

    with Client() as client:
        for model in client.search("qwen", compatible=True).items:
            print(model.id, model.fit.verdict)

`AsyncClient` has the same methods for asyncio, `RegistryClient` and `AsyncRegistryClient` those of a
registry. What they answer are the structs of `modelhubd.wire`.
"""

from typing import TYPE_CHECKING, Any

from modelhub_client.errors import (
    ClientError,
    Conflict,
    DaemonNotStarted,
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

if TYPE_CHECKING:
    from modelhub_client.aio import AsyncClient
    from modelhub_client.chat import ChatMessage, ChatPiece, ChatReply
    from modelhub_client.client import Client
    from modelhub_client.events import Event, Snapshot
    from modelhub_client.registry import RegistryClient
    from modelhub_client.registry_aio import AsyncRegistryClient
    from modelhub_client.starting import ensure_running
    from modelhub_client.state import State, StateAnswer

__all__ = [
    "AsyncClient",
    "AsyncRegistryClient",
    "ChatMessage",
    "ChatPiece",
    "ChatReply",
    "Client",
    "ClientError",
    "Conflict",
    "DaemonNotStarted",
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
    "ensure_running",
]


_LATER = {
    "AsyncClient": "aio",
    "AsyncRegistryClient": "registry_aio",
    "ChatMessage": "chat",
    "ChatPiece": "chat",
    "ChatReply": "chat",
    "Client": "client",
    "Event": "events",
    "RegistryClient": "registry",
    "Snapshot": "events",
    "State": "state",
    "StateAnswer": "state",
    "ensure_running": "starting",
}
"""What brings a lot along, and not everybody needs: name → module."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
