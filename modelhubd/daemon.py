"""ROOT: in which order the daemon starts and stops; `composition` says what exists and who knows whom."""

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator

from modelhubd import __version__
from modelhubd.api.application import application
from modelhubd.api.parts import Parts
from modelhubd.composition import build
from modelhubd.config import Config
from modelhubd.downloads.headers import HeaderReader
from modelhubd.downloads.limits import local_time
from modelhubd.events import Bus
from modelhubd.instance import only_instance
from modelhubd.notify import ping_watchdog, sd_notify
from modelhubd.outbound import OutboundLog
from modelhubd.sockets import listen, make_folders, runtime_file
from modelhubd.space.store import models_dir
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.updates.automatic import keep_updated
from modelhubd.web.callers import Gate
from modelhubd.web.problems import SECURITY_HEADERS
from modelhubd.web.serving import serving

log = logging.getLogger(__name__)

GRACE_S = 2.0
"""Time that requests in flight get once the streams have ended."""


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[Parts]:
    """The whole daemon, answering on its sockets until the context ends; stops in reverse order.

    Raises:
        CannotStart: another instance holds this home, or something essential cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(only_instance(config.places.lock_file))
        make_folders(config)
        database = await stack.enter_async_context(Database.open(config.places.database))
        config = config.with_models_dir(await models_dir(database.reader))
        bus = Bus(secrets.token_hex(4))
        listeners, port, warnings = listen(config, stack)
        tasks = await stack.enter_async_context(TaskOwner("daemon"))
        outbound = OutboundLog()
        headers = HeaderReader(
            allow_origins=config.settings.downloads.allow_origins,
            config_dir=config.places.config_dir,
            outbound=outbound.note,
            allowed=lambda: not parts.policies.offline,
        )
        stack.push_async_callback(headers.close)
        parts = build(config, database, bus, tasks, outbound, headers, port, warnings)
        await parts.access.start()
        await parts.policies.load()
        stack.push_async_callback(parts.outbound_keeping.close)
        stack.push_async_callback(parts.records.close)
        stack.push_async_callback(parts.servers.close)
        stack.push_async_callback(parts.trials.close)
        stack.push_async_callback(parts.evaluations.close)
        stack.push_async_callback(parts.downloads.close)
        stack.push_async_callback(parts.jobs.close)
        stack.callback(parts.moving.close)
        stack.callback(parts.registry.close)
        gate = (
            None
            if port is None
            else Gate(port=port, allow_origins=frozenset(config.settings.server.allow_origins))
        )
        app = application(parts, gate, parts.gateway.routes(), tasks)
        await stack.enter_async_context(
            serving(app, listeners, headers=SECURITY_HEADERS, grace_s=GRACE_S, abandon=True)
        )
        stack.callback(bus.close)
        stack.enter_context(runtime_file(config, parts.url, parts.bus.epoch))
        stack.callback(sd_notify, "STOPPING=1", config.environ)
        await _start(parts, tasks)
        parts.started.set()
        sd_notify("READY=1", config.environ)
        tasks.start(ping_watchdog(config.environ), name="watchdog")
        log.info(
            "modelhubd %s answers on %s%s",
            __version__,
            config.places.socket,
            f" and {parts.url}" if parts.url else "",
        )
        yield parts


async def _start(parts: Parts, tasks: TaskOwner) -> None:
    """Start what runs by itself, each after what it needs. `/health` answers meanwhile, all else waits."""
    await parts.outbound_keeping.start(tasks)
    await parts.registry.load()
    await parts.catalog.start(tasks)
    await parts.packages.recovery.start(tasks)
    await parts.library.start(tasks)
    await parts.servers.start(tasks)
    await parts.records.start(tasks)
    await parts.moving.take_up()
    await parts.downloads.start()
    await parts.updates.start(tasks)
    await parts.trials.start(tasks)
    await parts.evaluations.start()
    if (wanted := parts.config.settings.updates).automatic:
        work = keep_updated(
            parts.updates,
            window=wanted.window,
            clock=parts.clock,
            local=local_time,
            offline=lambda: parts.policies.offline,
        )
        tasks.start(work, name="automatic updates")
    await parts.packages.start(tasks)
    parts.registry.start(tasks)
    parts.library.scrub(parts.config.settings.library, parts.is_idle, tasks)

    def judge_for_the_device() -> None:
        tasks.start(parts.catalog.device_changed(), name="judge for the device")

    parts.device.on_change.append(judge_for_the_device)
    tasks.start(parts.device.keep_fresh(), name="device")
