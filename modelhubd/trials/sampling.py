"""The gateway's listener: which requests are sampled, and handing them over. It decides from what is in
memory and does no work within a request."""

from collections.abc import Callable

from modelhubd.exchange import Asked, Exchange
from modelhubd.trials.heard import side_of
from modelhubd.trials.questions import MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, REPLAYED
from modelhubd.trials.replayer import Replayer
from modelhubd.trials.spool import Sampled
from modelhubd.wire.base import rfc3339
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import Server

HTTP_OK = 200


class Sampling:
    """`begin` and `end` say which trials there are, by the artifact that answers. `chance` gives a number in
    [0, 1)."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._by_active: dict[str, Replayer] = {}

    def begin(self, replayer: Replayer) -> None:
        """Sample for this one from now on."""
        self._by_active[replayer.trial.active.library_id] = replayer

    def end(self, replayer: Replayer) -> None:
        """Sample for it no longer."""
        active = replayer.trial.active.library_id
        if self._by_active.get(active) is replayer:
            del self._by_active[active]

    # What the gateway asks, see `exchange.Listener`

    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        """Whether this request is sampled."""
        replayer = self._by_active.get(server.library_id)
        if replayer is None or server.yields or route not in REPLAYED:
            return False
        if self._chance() >= replayer.trial.sample or replayer.has_enough:
            return False
        if replayer.takes_more:
            return True
        replayer.skip()
        return False

    def ended(self, exchange: Exchange) -> None:
        """Hand over what was sampled and answered."""
        server = exchange.server
        if server is None or (replayer := self._by_active.get(server.library_id)) is None:
            return
        if exchange.too_long:
            replayer.skip()
            return
        if exchange.request is None or exchange.answer is None:
            return
        if exchange.outcome is not Outcome.PASS or exchange.status != HTTP_OK:
            return  # there is no answer to compare with
        if len(exchange.request) > MAX_REQUEST_BYTES or len(exchange.answer) > MAX_ANSWER_BYTES:
            replayer.skip()
            return
        at = rfc3339(exchange.started_at)
        replayer.offer(
            Sampled(
                entry=exchange.id,
                route=exchange.route,
                at=at,
                request=exchange.request,
                answer=exchange.answer,
                active=side_of(exchange.figures, waited=at < (server.ready_at or "")),
                streamed=exchange.streamed,
            )
        )
