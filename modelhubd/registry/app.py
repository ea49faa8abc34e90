"""COMPOSITION ROOT: what exists, who knows whom, and in which order it stops."""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from modelhubd import __version__
from modelhubd.errors import CannotStart, Unavailable
from modelhubd.registry.accounts.service import Accounts
from modelhubd.registry.application import SECURITY_HEADERS, application
from modelhubd.registry.changes.service import Changes
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.counters.popularity import Counted
from modelhubd.registry.counters.reports import Reports
from modelhubd.registry.opening import now, ready_database
from modelhubd.registry.parts import Parts
from modelhubd.registry.rates import Rates
from modelhubd.registry.release.service import Releases
from modelhubd.registry.traffic import Traffic
from modelhubd.tasks import TaskOwner
from modelhubd.web.listening import BACKLOG, BoundedSocket
from modelhubd.web.serving import serving

log = logging.getLogger(__name__)

UNWRITABLE_MS = 30_000
LAST_REPORTS_S = 3.0
HEAD_S = 30.0
"""How long a connection may be without a whole request head, at its beginning and between two requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A registry that answers at `url`."""

    parts: Parts
    url: str


@contextlib.asynccontextmanager
async def running(config: RegistryConfig, clock: Callable[[], datetime] = now) -> AsyncIterator[Running]:
    """The whole registry, answering on its port until the context ends; stops in reverse order.

    Raises:
        CannotStart: something essential cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        database, name = await stack.enter_async_context(ready_database(config, clock))
        tasks = await stack.enter_async_context(TaskOwner("registry"))
        counted = Counted(database)
        parts = Parts(
            config=config,
            name=name,
            clock=clock,
            database=database,
            accounts=Accounts(database, tasks, clock),
            releases=Releases(database, config=config, name=name, tasks=tasks, clock=clock),
            changes=Changes(database, tasks),
            reports=Reports(database, clock, counted.forget),
            counted=counted,
            tasks=tasks,
            rates=Rates(per_s=config.requests_per_s, at_once=config.requests_at_once, clock=time.monotonic),
            traffic=Traffic(),
        )
        await parts.releases.start()
        parts.changes.start()
        parts.reports.start(tasks)
        stack.push_async_callback(_write_the_rest, parts.reports)
        listener = _listen(config)
        stack.callback(listener.close)
        answering = serving(
            application(parts),
            [listener],
            headers=SECURITY_HEADERS,
            grace_s=config.drain_s,
            idle_s=HEAD_S,
            tls=_tls(config),
        )
        await stack.enter_async_context(answering)
        stack.callback(parts.changes.end)
        url = _url(config, listener)
        log.info("modelhub-registry %s, %s, answers on %s", __version__, name, url)
        log.info("its console, for people with a token: %s/", url)
        yield Running(parts=parts, url=url)
        log.info("stopping")


async def _write_the_rest(reports: Reports) -> None:
    try:
        async with asyncio.timeout(LAST_REPORTS_S):
            await reports.written()
    except (Unavailable, TimeoutError):
        log.warning("downloads that were told of last are not counted")


def _listen(config: RegistryConfig) -> socket.socket:
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        listening = BoundedSocket(family, kind)
    except OSError as error:
        raise CannotStart(f"The registry cannot listen on {config.host}: {error.strerror}.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux's: a reader who takes nothing is cut off
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNWRITABLE_MS)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise CannotStart(
            f"Port {config.port} cannot be used ({error.strerror}). "
            "Choose another one with --port, or 0 for a free one."
        ) from error
    return listening


def _tls(config: RegistryConfig) -> ssl.SSLContext | None:
    if not config.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"The certificate or its key cannot be used: {error}.") from error
    return context


def _url(config: RegistryConfig, listener: socket.socket) -> str:
    scheme = "https" if config.tls_cert else "http"
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{scheme}://{host}:{listener.getsockname()[1]}"
