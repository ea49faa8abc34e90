"""Counters of the registry's models: read from it, and what this machine adds to them."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import msgspec

from modelhubd.catalog.index import NO_COUNTERS
from modelhubd.catalog.registry import store
from modelhubd.catalog.registry.asking import Asking
from modelhubd.catalog.registry.fetching import Answer, Fetching, Method
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.errors import Conflict, NotAllowed, NotFound, TooManyRequests, Unavailable
from modelhubd.storage.database import Database, Transaction
from modelhubd.trust.names import is_model_id
from modelhubd.trust.text import printable
from modelhubd.wire.catalog import Counters
from modelhubd.wire.registry import Popularity as Told

log = logging.getLogger(__name__)
COUNTERS_MAX = 16 * 1024 * 1024
ANSWER_MAX = 64 * 1024
AGAIN_S = 60.0
MOST_S = 3600.0
PURPOSE = "popularity"
_told = msgspec.json.Decoder(Told)


class Popularity:
    """Call `load` first. `served` says whether the registry serves a model: of others it is told nothing, and
    with `report` false of no install at all. `on_counters` is called when counters have changed."""

    def __init__(
        self,
        database: Database,
        *,
        asking: Asking,
        configured: bool,
        served: Callable[[str], Awaitable[bool]],
        report: Callable[[], bool],
        on_counters: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._asking = asking
        self._configured = configured
        self._served = served
        self._report = report
        self._on_counters = on_counters
        self._clock = clock
        self._etag = ""
        self._wake = asyncio.Event()
        self.counters: Mapping[str, Counters] = NO_COUNTERS

    async def load(self) -> None:
        """What was told last."""
        try:
            self._etag, self.counters = await store.popularity(self._database.reader)
        except msgspec.MsgspecError:
            log.warning("the counters that were kept cannot be read")

    async def refresh(self) -> None:
        """Ask for the counters, if they have changed. That they cannot be had is no failure: they are an
        ornament, and not signed."""
        try:
            answer = await self._asking.ask(self._get)
        except NotTaken as refused:
            log.info("the registry's counters cannot be had: %s", refused.detail)
            return
        if answer.status != 200:
            return
        try:
            counters = await asyncio.to_thread(_counters, answer.body)
        except (msgspec.MsgspecError, RecursionError):
            log.info("the registry's counters cannot be understood")
            return
        etag = answer.fields.get("etag", "")[:200]
        data = await asyncio.to_thread(msgspec.json.encode, counters)
        async with self._database.transaction() as tx:
            await store.put_popularity(tx, etag, data)
        self._etag, self.counters = etag, counters
        await self._on_counters()

    async def star(self, model: str, *, on: bool) -> None:
        """Give the registry's model a star of whoever this machine's token belongs to, or take it away.

        Raises:
            NotFound: the registry has no such model.
            Conflict: no registry is set.
            NotAllowed, TooManyRequests, Unavailable: as the registry answers.
        """
        if not self._configured:
            raise Conflict(
                "Stars are kept by a registry, and none is set. Set one with [catalog] registry_url.",
                code="no_registry",
            )
        if not is_model_id(model) or not await self._served(model):
            raise NotFound(f"The registry serves no model {printable(model)[:130]}.", code="model_not_found")
        try:
            answer = await self._asking.ask(
                lambda fetching: _of_model(fetching, "PUT" if on else "DELETE", model, "star")
            )
        except NotTaken as refused:
            raise Unavailable(refused.detail, code=refused.code, retry_after_s=30) from refused
        _raise_for(answer)

    async def installed(self, tx: Transaction, model: str) -> None:
        """Queue the news of an install, in the install's own transaction."""
        if not (self._configured and self._report() and await self._served(model)):
            return
        await store.queue_install(tx, secrets.token_hex(16), model, self._clock())
        tx.after_commit(self._wake.set)

    async def tell_of_installs(self) -> None:
        """Tell the registry of what is queued, as soon as it can be reached; never ends."""
        delay_s = 0.0
        while True:
            self._wake.clear()
            delay_s = await self._tell_all(delay_s)
            try:
                async with asyncio.timeout(delay_s or None):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _tell_all(self, delay_s: float) -> float:
        """Seconds until the next try; 0 where there is nothing left to tell."""
        while (install := await store.next_install(self._database.reader)) is not None:
            if self._report() and not await self._told_of(install):
                return min(MOST_S, delay_s * 2 or AGAIN_S)
            async with self._database.transaction() as tx:
                await store.drop_install(tx, install.number)
        return 0.0

    async def _told_of(self, install: store.Install) -> bool:
        """Whether there is nothing more to do about it: it was told, or nobody wants to know."""
        try:
            answer = await self._asking.ask(
                lambda fetching: _of_model(fetching, "POST", install.model, "downloads", key=install.key)
            )
        except NotTaken as refused:
            log.info("the registry is not told of an install now: %s", refused.detail)
            return False
        return answer.status < 400 or answer.status in (404, 409, 410, 422)

    def _get(self, fetching: Fetching) -> Answer:
        fetching.purpose = PURPOSE
        fields = {"If-None-Match": self._etag} if self._etag else {}
        return fetching.get("/popularity", COUNTERS_MAX, fields)


def _counters(body: bytes) -> dict[str, Counters]:
    """Sound counters by model id; what is none is left out."""
    return {
        model: counters
        for model, counters in _told.decode(body).counters.items()
        if is_model_id(model) and 0 <= counters.downloads <= 2**53 and 0 <= counters.stars <= 2**53
    }


def _of_model(fetching: Fetching, method: Method, model: str, what: str, *, key: str | None = None) -> Answer:
    fetching.purpose = PURPOSE
    fields = {} if key is None else {"Idempotency-Key": key}
    return fetching.ask(method, fetching.url(f"/models/{model}/{what}"), ANSWER_MAX, fields)


def _raise_for(answer: Answer) -> None:
    match answer.status:
        case status if status < 300:
            return
        case 401 | 403:
            raise NotAllowed(
                "The registry does not accept this machine's token. Put one of scope read for its origin "
                "into tokens.toml.",
                code="not_allowed_by_registry",
            )
        case 404:
            raise NotFound("The registry serves no such model any more.", code="model_not_found")
        case 429:
            raise TooManyRequests(
                "The registry has been asked too often. Wait a little.",
                retry_after_s=answer.retry_after_s or 30,
            )
        case status:
            raise Unavailable(f"The registry answers with status {status}. Try later.", retry_after_s=30)
