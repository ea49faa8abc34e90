"""COMPOSITION: every part of the daemon, knowing of the others only the callables it needs."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from modelhubd import __version__
from modelhubd.api.access import Access
from modelhubd.api.parts import Parts, is_idle
from modelhubd.catalog.direct import Direct
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
from modelhubd.downloads.limits import Configured
from modelhubd.downloads.proxies import proxy_for
from modelhubd.downloads.service import Downloads
from modelhubd.entries.requirements import Programs
from modelhubd.events import Bus
from modelhubd.gateway.proxy import Gateway
from modelhubd.library.found.service import Finder
from modelhubd.library.imports.service import Imports
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.llama.settings import Configured as ConfiguredLoads
from modelhubd.metrics.tally import Tally
from modelhubd.outbound import OutboundLog
from modelhubd.packages.service import Packages
from modelhubd.policy.layers import Layers
from modelhubd.policy.service import Policies
from modelhubd.records.exports import Exports
from modelhubd.records.outbound import OutboundKeeping
from modelhubd.records.service import Records
from modelhubd.space.moving import Around, Moving
from modelhubd.space.service import Space
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner
from modelhubd.trials.evaluations.service import Evaluations
from modelhubd.trials.service import Trials
from modelhubd.trials.user_checks import UserChecks
from modelhubd.updates.service import Updates
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App


def build(
    config: Config,
    database: Database,
    bus: Bus,
    tasks: TaskOwner,
    outbound: OutboundLog,
    headers: HeaderReader,
    port: int | None,
    warnings: tuple[str, ...],
) -> Parts:
    """All of them; nothing runs yet."""
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
        on_changed=lambda: _catalog_changed(policies, library, servers, packages, tasks),
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
        before_look=lambda: imports.recover(),
        forgotten=catalog.forget_imported,
        jobs=jobs,
        refetch=lambda key, held, progress: downloads.repairs.begin(key, held, progress),
    )
    direct = Direct(
        database,
        look=headers.look,
        policies=policies,
        config=settings.downloads,
        environ=config.environ,
        clock=clock,
    )
    finder = Finder(database, catalog, root=library.root, environ=config.environ, clock=clock)
    imports = Imports(
        database,
        library,
        jobs,
        catalog,
        reserve_bytes=settings.models.reserve_bytes,
        promised=lambda: downloads.promised_bytes(),
        clock=clock,
        permit=policies.refuse_import,
        older=policies.served_before,
        found=finder.source,
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
        trial_first=settings.updates.trial_first,
        try_it=lambda plan: trials.try_update(plan),
    )

    async def install(tx: Transaction, finished: Finished, bundle: str | None = None) -> None:
        async with updates.around_install(tx, finished):
            await library.arrivals.add(tx, finished, bundle=bundle)
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
        resolve=direct.resolve,
        installed_at=library.installed_at,
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
        prove=lambda found: library.integrity.proven(found, required=policies.rules.require_digest),
        permit_served=lambda library_id: policies.refuse_served(library_id, library.get),
        on_ready=updates.server_ready,
        permit_app=lambda library_id, app: _permit_app(library, permits, library_id, app),
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

    def in_force(folder: Path) -> None:
        before = library.root.root
        servers.moved(before, folder)
        downloads.root.root = folder
        probe.moved(folder, Path.home())
        library.moved(folder)

    moving = Moving(
        Around(
            database=database,
            library=library,
            downloads=downloads,
            servers=servers,
            jobs=jobs,
            reserve_bytes=settings.models.reserve_bytes,
            fixed_by=config.models_dir_fixed_by,
            in_force=in_force,
        )
    )
    records = Records(
        database,
        bus,
        config=settings.records,
        path=places.state_dir / "records.db",
        artifact=library.get,
        clock=clock,
    )
    exports = Exports(
        records.keeping,
        places.state_dir / "exports",
        is_from=catalog.is_from,
        flush=records.flush,
        clock=clock,
    )
    trials = Trials(
        database,
        bus,
        library=library,
        servers=servers,
        takeover=updates.takeover,
        permit=policies.refuse_artifact,
        is_idle=lambda: is_idle(jobs, servers, downloads),
        root=places.state_dir / "trials",
        clock=clock,
        checks=UserChecks(places.state_dir / "checks"),
    )
    packages = Packages(
        config, database, jobs, library=library, downloads=downloads, catalog=catalog, registry=registry,
        policies=policies, install=install, clock=clock,
    )  # fmt: skip
    evaluations = Evaluations(
        database,
        bus,
        folder=places.state_dir / "evaluations",
        loads=servers,
        resolve=library.resolve,
        embedder=servers.aside.embedder,
        version=__version__,
        clock=clock,
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
        trials=trials,
        space=space,
        moving=moving,
        jobs=jobs,
        imports=imports,
        finder=finder,
        packages=packages,
        servers=servers,
        gateway=Gateway(
            servers,
            library.all,
            max_waiting=settings.llama.max_waiting,
            aliases=settings.llama.meaning,
            usable=permits.may_ask,
            listeners=(records, trials.sampling) if settings.records.enabled else (trials.sampling,),
            ask_confidence=lambda: settings.records.enabled and settings.records.confidence == "always",
            clock=clock,
        ),
        records=records,
        exports=exports,
        evaluations=evaluations,
        tally=tally,
        outbound=outbound,
        outbound_keeping=OutboundKeeping(database, outbound),
        warnings=warnings,
        url=None if port is None else f"http://127.0.0.1:{port}",
    )


def _programs(device: DeviceWatch, app: App | None) -> Programs:
    """What entries' requirements are compared with."""
    build = next((build.build for build in device.last.llama_servers if build.usable), None)
    return Programs(daemon=__version__, llama_server=build, app=app)


async def _permit_app(library: Library, permits: Permits, library_id: str, app: App) -> None:
    await permits.to_ask(await library.get(library_id), app)


def _installed_changed(policies: Policies, catalog: Catalog) -> None:
    policies.forget()
    catalog.installed_changed()


def _catalog_changed(
    policies: Policies, library: Library, servers: Servers, packages: Packages, tasks: TaskOwner
) -> None:
    """What runs may be forbidden by now: a model was withdrawn, or is not verified any more."""
    policies.forget()
    library.look_again()
    packages.catalog_changed()
    tasks.start(servers.unload_forbidden(), name="unload what is forbidden")


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


def _now() -> datetime:
    return datetime.now(UTC)
