"""The daemon's whole state, as `/state` answers it and as the event stream starts with."""

from modelhubd.wire.base import Message
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import Download
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import Policy
from modelhubd.wire.records import RecordsSummary
from modelhubd.wire.servers import Server
from modelhubd.wire.trials import Trial
from modelhubd.wire.updates import Update


class State(Message, frozen=True, kw_only=True):
    """Topics that were not asked for are empty. `downloads` are those not ended and the last 50 ended."""

    downloads: tuple[Download, ...] = ()
    library: tuple[Artifact, ...] = ()
    servers: tuple[Server, ...] = ()
    updates: tuple[Update, ...] = ()
    catalog: CatalogInfo | None = None
    device: Device | None = None
    policy: Policy | None = None
    records: RecordsSummary | None = None
    trials: tuple[Trial, ...] = ()


class StateAnswer(Message, frozen=True, kw_only=True):
    cursor: str
    state: State
