"""What handlers may ask."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from modelhubd.api.access import Access
from modelhubd.catalog.governance import Governance
from modelhubd.catalog.registry.service import Registry
from modelhubd.catalog.service import Catalog
from modelhubd.config import Config
from modelhubd.device import on_battery
from modelhubd.device_watch import DeviceWatch
from modelhubd.downloads.service import Downloads
from modelhubd.events import Bus
from modelhubd.gateway.proxy import Gateway
from modelhubd.library.found.service import Finder
from modelhubd.library.imports.service import Imports
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.metrics.tally import Tally
from modelhubd.outbound import OutboundLog
from modelhubd.packages.service import Packages
from modelhubd.policy.service import Policies
from modelhubd.records.exports import Exports
from modelhubd.records.outbound import OutboundKeeping
from modelhubd.records.service import Records
from modelhubd.space.moving import Moving
from modelhubd.space.service import Space
from modelhubd.storage.database import Database
from modelhubd.trials.evaluations.service import Evaluations
from modelhubd.trials.service import Trials
from modelhubd.updates.service import Updates


class Parts(Struct, frozen=True, kw_only=True):
    """The daemon's parts, as its composition root put them together."""

    config: Config
    clock: Callable[[], datetime]
    started_at: datetime
    started: asyncio.Event
    """Set once every part runs."""
    database: Database
    bus: Bus
    access: Access
    device: DeviceWatch
    policies: Policies
    catalog: Catalog
    registry: Registry
    governance: Governance
    downloads: Downloads
    library: Library
    updates: Updates
    trials: Trials
    space: Space
    moving: Moving
    jobs: Jobs
    imports: Imports
    finder: Finder
    packages: Packages
    servers: Servers
    gateway: Gateway
    records: Records
    exports: Exports
    evaluations: Evaluations
    tally: Tally
    outbound: OutboundLog
    outbound_keeping: OutboundKeeping
    warnings: tuple[str, ...] = ()
    url: str | None = None

    async def is_idle(self) -> bool:
        """Whether nobody needs this machine for models just now: what is not urgent may be done."""
        return await is_idle(self.jobs, self.servers, self.downloads)


async def is_idle(jobs: Jobs, servers: Servers, downloads: Downloads) -> bool:
    """See `Parts.is_idle`."""
    if jobs.busy or servers.in_use or (await downloads.summary()).active:
        return False
    return not await asyncio.to_thread(on_battery)
