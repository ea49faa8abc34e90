"""What handlers may ask."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modelhubd.registry.accounts.service import Accounts
from modelhubd.registry.changes.service import Changes
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.counters.popularity import Counted
from modelhubd.registry.counters.reports import Reports
from modelhubd.registry.database import Database
from modelhubd.registry.rates import Rates
from modelhubd.registry.release.service import Releases
from modelhubd.registry.traffic import Traffic
from modelhubd.tasks import TaskOwner


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The registry's parts, as its composition root put them together."""

    config: RegistryConfig
    name: str
    """Of the registry, as the database keeps it."""
    clock: Callable[[], datetime]
    database: Database
    accounts: Accounts
    releases: Releases
    changes: Changes
    tasks: TaskOwner
    rates: Rates
    reports: Reports
    counted: Counted
    traffic: Traffic
