"""What the registry says of itself."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from aiohttp import web

from modelhubd.errors import Unavailable
from modelhubd.registry.database import RETRY_S
from modelhubd.registry.routing import RegistryAsk
from modelhubd.web.routing import reply
from modelhubd.wire.status import Health


async def health(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    if not await ask.parts.database.answers():
        raise Unavailable(
            "The registry's database does not answer.", code="database_away", retry_after_s=RETRY_S
        )
    return reply(Health())


def document(make: Callable[[], bytes]) -> Any:
    """The handler that answers the OpenAPI document, made when it is first asked for."""
    made = functools.cache(make)

    async def openapi(ask: RegistryAsk[None, None]) -> web.StreamResponse:
        return web.Response(body=await asyncio.to_thread(made), content_type="application/json")

    return openapi
