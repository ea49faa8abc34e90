"""A client with little patience, for what says how things stand."""

from typing import TypeVar

import msgspec

from modelhub_client.call import Call
from modelhub_client.client import Client

T = TypeVar("T")


class BriefClient(Client):
    """A daemon that accepts and never answers is unreachable to it within seconds; a call may be briefer."""

    patience_s = 5.0

    def run(self, call: Call[T], /) -> T:
        return super().run(msgspec.structs.replace(call, timeout_s=min(call.timeout_s, self.patience_s)))
