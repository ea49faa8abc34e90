"""What others may ask of packages: bundles, sources of models, first-run downloads."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from modelhubd.catalog.registry.service import Registry
from modelhubd.catalog.service import Catalog
from modelhubd.config import Config
from modelhubd.downloads.service import Downloads
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.packages.bundles import Bundles
from modelhubd.packages.first_run import FirstRuns
from modelhubd.packages.recovery import Install, Recovery
from modelhubd.packages.sources import Sources
from modelhubd.packages.standing import Standing, me
from modelhubd.packages.states import TEMPLATE
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.bundles import FirstRunState
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.status import FirstRunSummary


class Packages:
    """`bundles`, `sources` and `first_run` are what handlers ask. `install` puts a bundle's model into the
    library in the transaction it is given."""

    def __init__(
        self,
        config: Config,
        database: Database,
        jobs: Jobs,
        *,
        library: Library,
        downloads: Downloads,
        catalog: Catalog,
        registry: Registry,
        policies: Policies,
        install: Install,
        clock: Callable[[], datetime],
    ) -> None:
        settings, places = config.settings, config.places
        keys = tuple(bytes.fromhex(key) for key in settings.library.bundle_keys)

        async def served(model: str) -> CatalogEntry | None:
            found = await catalog.listed(model)
            return None if found is None or found.source != "registry" else found.entry

        self._registry = registry
        self.recovery = Recovery(database, jobs, library, install)
        self.bundles = Bundles(
            database=database,
            jobs=jobs,
            library=library,
            recovery=self.recovery,
            standing=Standing(
                registry=registry,
                served=served,
                vouched=policies.vouched_digest,
                words=policies.download_words,
                trusted_keys=keys,
            ),
            reserve_bytes=settings.models.reserve_bytes,
            promised=downloads.promised_bytes,
            entry=catalog.entry,
            catalog_files=registry.to_carry,
            install_one=install,
            clock=clock,
        )
        self.sources = Sources(
            database,
            jobs,
            library,
            bundles=settings.library.bundles,
            first_run=settings.library.first_run,
            bundles_d=places.bundles_d,
            packages_d=places.packages_d,
            trusted_keys=keys,
            home=Path.home(),
            me=me(),
            clock=clock,
            on_first_run=self.catalog_changed,
        )
        self.first_run = FirstRuns(
            database,
            downloads,
            declared=lambda: self.sources.declarations.first_run,
            of_registry=self._of_registry,
            usable=lambda: not registry.configured or registry.in_use is not None,
            clock=clock,
        )

    async def start(self, tasks: TaskOwner) -> None:
        """Once the library and the downloads run."""
        await self.sources.start(tasks)
        self.first_run.start(tasks)

    def catalog_changed(self) -> None:
        """First-run downloads may be had now."""
        self.first_run.changed()

    async def summary(self) -> FirstRunSummary:
        """For the status."""
        states = [item.state for item in (await self.first_run.show()).items]
        return FirstRunSummary(
            waiting=states.count(FirstRunState.PENDING) + states.count(FirstRunState.HELD),
            enqueued=states.count(FirstRunState.ENQUEUED),
            done=states.count(FirstRunState.DONE),
            skipped=states.count(FirstRunState.SKIPPED),
        )

    def _of_registry(self) -> tuple[str, ...]:
        return next((found.models for found in self._registry.templates() if found.id == TEMPLATE), ())
