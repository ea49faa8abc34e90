"""COMPOSITION ROOT: what exists, who knows whom, and in which order it stops."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelhubd import __version__
from modelhubd.api.access import Access
from modelhubd.api.application import application
from modelhubd.api.parts import Parts
from modelhubd.catalog.governance import Governance
from modelhubd.catalog.headers import RemoteHeaders
from modelhubd.catalog.permits import Permits
from modelhubd.catalog.registry.address import base_of, is_reachable
from modelhubd.catalog.registry.asking import Asking
from modelhubd.catalog.registry.fetching import Line
from modelhubd.catalog.registry.popularity import Popularity
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.service import Registry
from modelhubd.catalog.service import Catalog
from modelhubd.config import Config
from modelhubd.device import DeviceProbe, available_ram, boot_id, process_start_time, rss_bytes
from modelhubd.device_watch import DeviceWatch
from modelhubd.downloads import credentials
from modelhubd.downloads.headers import HeaderReader
from modelhubd.downloads.limits import Configured, local_time
from modelhubd.downloads.proxies import proxy_for
from modelhubd.downloads.service import Downloads
from modelhubd.entries.requirements import Programs
from modelhubd.errors import CannotStart
from modelhubd.events import Bus
from modelhubd.gateway.proxy import Gateway
from modelhubd.instance import only_instance
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.llama.settings import Configured as ConfiguredLoads
from modelhubd.metrics.tally import Tally
from modelhubd.notify import activated_sockets, ping_watchdog, sd_notify
from modelhubd.outbound import OutboundLog
from modelhubd.places import private_dir
from modelhubd.policy.layers import Layers
from modelhubd.policy.service import Policies
from modelhubd.space.service import Space
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner
from modelhubd.updates.automatic import keep_updated
from modelhubd.updates.service import Updates
from modelhubd.web.callers import Gate
from modelhubd.web.listening import bounded, loopback_socket, unix_socket
from modelhubd.web.problems import SECURITY_HEADERS
from modelhubd.web.serving import serving
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App
from modelhubd.wire.status import API_MAX, RuntimeInfo

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
        _make_folders(config)
        database = await stack.enter_async_context(Database.open(config.places.database))
        bus = Bus(secrets.token_hex(4))
        listeners, port, warnings = _listen(config, stack)
        tasks = await stack.enter_async_context(TaskOwner("daemon"))
        outbound = OutboundLog()
        headers = HeaderReader(
            allow_origins=config.settings.downloads.allow_origins,
            config_dir=config.places.config_dir,
            outbound=outbound.note,
            allowed=lambda: not parts.policies.offline,
        )
        stack.push_async_callback(headers.close)
        parts = _build(config, database, bus, tasks, outbound, headers, port, warnings)
        await parts.access.start()
        await parts.policies.load()
        stack.push_async_callback(parts.servers.close)
        stack.push_async_callback(parts.downloads.close)
        stack.push_async_callback(parts.jobs.close)
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
        stack.enter_context(_runtime_file(config, parts))
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


def _build(
    config: Config,
    database: Database,
    bus: Bus,
    tasks: TaskOwner,
    outbound: OutboundLog,
    headers: HeaderReader,
    port: int | None,
    warnings: tuple[str, ...],
) -> Parts:
    """Every part, knowing of the others only the callables it needs."""
    settings, places = config.settings, config.places
    clock = _now
    tally = Tally(time.monotonic)
    bus.observe(tally.saw)
    probe = DeviceProbe(
        models_dir=config.models_dir, reserve_bytes=settings.models.reserve_bytes, home=Path.home()
    )
    device = DeviceWatch(probe, bus, builds=lambda: servers.builds())
    policies = Policies(
        database,
        bus,
        Layers.of(config),
        listed=lambda model: catalog.listed(model),
        publisher_keys=lambda publisher: registry.publisher_keys(publisher),
        tombstones=lambda: registry.tombstones(),
    )
    permits = Permits(
        policies, lambda app: _programs(device, app), listed=lambda model: catalog.listed(model)
    )
    asking = Asking(_line_to_registry(config), outbound=outbound.note, offline=lambda: policies.rules.offline)
    popularity = Popularity(
        database,
        asking=asking,
        configured=is_reachable(settings.catalog.registry_url, settings.downloads.allow_origins),
        served=lambda model: catalog.is_from("registry", model),
        report=lambda: policies.reports_installs,
        on_counters=lambda: catalog.counters_changed(),
        clock=clock,
    )
    registry = Registry(
        database,
        config=settings.catalog,
        allow_origins=settings.downloads.allow_origins,
        folder=places.state_dir / "registry",
        asking=asking,
        popularity=popularity,
        catalog=lambda: catalog,
        clock=clock,
    )
    catalog = Catalog(
        database,
        bus,
        local_dir=places.local_catalog,
        local_entries=lambda: policies.rules.local_entries,
        base=registry.base,
        about=registry.about,
        withdrawn=registry.withdrawn,
        counters=lambda: popularity.counters,
        device=lambda: device.last,
        installed=lambda: library.keys(),
        on_changed=lambda: _catalog_changed(policies, library, servers, tasks),
        clock=clock,
        headers=RemoteHeaders(database, tasks, headers.shape_of, clock=clock),
        permits=permits,
    )
    jobs = Jobs(bus, clock=clock)
    library = Library(
        database,
        bus,
        models_dir=config.models_dir,
        entry=catalog.entry,
        device=lambda: device.last,
        loaded=lambda: servers.loaded(),
        clock=clock,
        on_keys_changed=lambda: _installed_changed(policies, catalog),
        staged=lambda: downloads.holds_files(),
        withdrawn=registry.withdrawn,
        jobs=jobs,
        refetch=lambda key, held, progress: downloads.repairs.begin(key, held, progress),
    )

    updates = Updates(
        database,
        bus,
        library=library,
        catalog=catalog,
        downloads=lambda: downloads,
        servers=lambda: servers,
        policies=policies,
        device=lambda: device.last,
        programs=lambda app: _programs(device, app),
        clock=clock,
    )

    async def install(tx: Transaction, finished: Finished) -> None:
        async with updates.around_install(tx, finished):
            await library.add(tx, finished)
        await popularity.installed(tx, finished.model)

    downloads = Downloads(
        database,
        bus,
        models_dir=config.models_dir,
        configured=Configured.of(config),
        allow_origins=settings.downloads.allow_origins,
        reserve_bytes=settings.models.reserve_bytes,
        boot_id=boot_id(),
        choose=catalog.choose,
        is_installed=library.has,
        install=install,
        outbound=outbound.note,
        config_dir=places.config_dir,
        storage_present=library.storage_present,
        clock=clock,
        forbidden=policies.download_words,
        offline=lambda: policies.offline,
        elsewhere=library.elsewhere,
    )
    servers = Servers(
        database,
        bus,
        config=settings.llama,
        environ=config.environ,
        runtime_dir=places.socket.parent,
        logs_dir=places.logs_dir,
        resolve=library.resolve,
        model_path=library.model_path,
        available_ram=available_ram,
        device=lambda: device.last,
        rss=rss_bytes,
        process_start_time=process_start_time,
        boot_id=boot_id,
        on_loaded_changed=library.servers_changed,
        entry=catalog.entry,
        configured=ConfiguredLoads.of(config),
        clock=clock,
        permit=permits.to_load,
        permit_served=lambda library_id: policies.refuse_served(library_id, library.get),
        on_ready=updates.server_ready,
    )
    space = Space(
        library=library,
        downloads=downloads,
        servers=servers,
        updated=updates.replaced,
        caches={
            "database": places.database,
            "metadata of the registry": places.state_dir / "registry",
        },
        logs=places.logs_dir,
        reserve_bytes=settings.models.reserve_bytes,
    )
    policies.on_change += [
        headers.policies_changed,
        downloads.policies_changed,
        catalog.policies_changed,
        servers.unload_forbidden,
    ]
    return Parts(
        config=config,
        clock=clock,
        started_at=clock(),
        started=asyncio.Event(),
        database=database,
        bus=bus,
        access=Access(database, places.token_file, clock),
        device=device,
        policies=policies,
        catalog=catalog,
        registry=registry,
        governance=Governance(catalog, policies, registry.templates),
        downloads=downloads,
        library=library,
        updates=updates,
        space=space,
        jobs=jobs,
        servers=servers,
        gateway=Gateway(
            servers,
            library.all,
            max_waiting=settings.llama.max_waiting,
            aliases=settings.llama.meaning,
        ),
        tally=tally,
        outbound=outbound,
        warnings=warnings,
        url=None if port is None else f"http://127.0.0.1:{port}",
    )


def _programs(device: DeviceWatch, app: App | None) -> Programs:
    """What entries' requirements are compared with."""
    build = next((build.build for build in device.last.llama_servers if build.usable), None)
    return Programs(daemon=__version__, llama_server=build, app=app)


def _installed_changed(policies: Policies, catalog: Catalog) -> None:
    policies.forget()
    catalog.installed_changed()


def _catalog_changed(policies: Policies, library: Library, servers: Servers, tasks: TaskOwner) -> None:
    """What runs may be forbidden by now: a model was withdrawn, or is not verified any more."""
    policies.forget()
    library.look_again()
    tasks.start(servers.unload_forbidden(), name="unload what is forbidden")


async def _start(parts: Parts, tasks: TaskOwner) -> None:
    """Start what runs by itself, each after what it needs. `/health` answers meanwhile, all else waits."""
    await parts.registry.load()
    await parts.catalog.start(tasks)
    await parts.library.start(tasks)
    await parts.servers.start(tasks)
    await parts.downloads.start()
    await parts.updates.start(tasks)
    if (wanted := parts.config.settings.updates).automatic:
        work = keep_updated(
            parts.updates,
            window=wanted.window,
            clock=parts.clock,
            local=local_time,
            offline=lambda: parts.policies.offline,
        )
        tasks.start(work, name="automatic updates")
    parts.registry.start(tasks)

    def judge_for_the_device() -> None:
        tasks.start(parts.catalog.device_changed(), name="judge for the device")

    parts.device.on_change.append(judge_for_the_device)
    tasks.start(parts.device.keep_fresh(), name="device")


def _line_to_registry(config: Config) -> Line:
    """How the registry is reached: with the same tokens, proxies and authorities as files are."""

    def authorization(url: str) -> str | None:
        try:
            return credentials.authorization(url, config.environ, config.places.config_dir)
        except credentials.CredentialsRefused as refused:
            raise NotTaken("credentials", refused.detail) from None

    return Line(
        base_url=base_of(config.settings.catalog.registry_url),
        authorization=authorization,
        proxy=lambda url: proxy_for(url, config.environ),
        environ=config.environ,
    )


def _make_folders(config: Config) -> None:
    places = config.places
    try:
        for folder in (places.state_dir, places.runtime_dir, places.logs_dir):
            private_dir(folder)
        for folder in (places.config_dir, places.local_catalog):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise CannotStart(f"A folder of the daemon cannot be used: {error}.") from error


def _listen(
    config: Config, stack: contextlib.AsyncExitStack
) -> tuple[list[socket.socket], int | None, tuple[str, ...]]:
    """(listening sockets, TCP port if any, warnings). A taken TCP port is a warning: the socket answers."""
    listeners: list[socket.socket] = [
        bounded(sock) for sock in activated_sockets(config.environ, os.getpid())
    ]
    for listener in listeners:
        stack.callback(listener.close)
    if not listeners:
        listeners = [stack.enter_context(unix_socket(config.places.socket))]
    server = config.settings.server
    if not server.tcp:
        return listeners, None, ()
    try:
        tcp = loopback_socket(server.port)
    except OSError as error:
        text = (
            f"TCP port {server.port} cannot be used ({error.strerror}): only the Unix socket answers. "
            "Set another one with [server] port, or 0 for a free one."
        )
        log.warning("%s", text)
        return listeners, None, (text,)
    stack.callback(tcp.close)
    return [*listeners, tcp], int(tcp.getsockname()[1]), ()


@contextlib.contextmanager
def _runtime_file(config: Config, parts: Parts) -> Iterator[None]:
    """`runtime.json` while the daemon answers."""
    info = RuntimeInfo(
        pid=os.getpid(),
        socket=str(config.places.socket),
        url=parts.url,
        token_file=str(config.places.token_file),
        version=__version__,
        api=API_MAX,
        epoch=parts.bus.epoch,
    )
    path = config.places.runtime_file
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(info))
    staged.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _now() -> datetime:
    return datetime.now(UTC)
