"""A route of the registry with the scope it takes, and what its handler is asked with."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from modelhubd.registry.access import Caller
from modelhubd.registry.parts import Parts
from modelhubd.web.routing import Ask, Route

B = TypeVar("B", covariant=True)
Q = TypeVar("Q", covariant=True)

ANYBODY: tuple[str, ...] = ()
"""The scope of what is answered without a token."""
CALLER = web.RequestKey("caller", Caller)
PUBLISH_BYTES = 256 * 1024
BODY_BYTES = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class RegistryRoute(Route):
    """`scope` names the scopes of which a caller needs one: `ANYBODY`, or `read`, `review`, `verify`,
    `admin`, `publish:{publisher}` with a name from the path."""

    scope: tuple[str, ...]
    max_body_bytes: int = BODY_BYTES
    rated: bool = True
    """Whether it counts against the principal's rate. What machines fetch by the thousand does not."""

    @property
    def is_open(self) -> bool:
        return self.scope == ANYBODY


@dataclass(frozen=True, kw_only=True)
class RegistryAsk(Ask[Parts, B, Q], Generic[B, Q]):
    @property
    def caller(self) -> Caller:
        """Who asks; a route for anybody has none."""
        return self.request[CALLER]
