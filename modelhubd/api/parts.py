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
from modelhubd.device_watch import DeviceWatch
from modelhubd.downloads.service import Downloads
from modelhubd.events import Bus
from modelhubd.gateway.proxy import Gateway
from modelhubd.library.jobs import Jobs
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.metrics.tally import Tally
from modelhubd.outbound import OutboundLog
from modelhubd.policy.service import Policies
from modelhubd.space.service import Space
from modelhubd.storage.database import Database
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
    space: Space
    jobs: Jobs
    servers: Servers
    gateway: Gateway
    tally: Tally
    outbound: OutboundLog
    warnings: tuple[str, ...] = ()
    url: str | None = None
