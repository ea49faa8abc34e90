"""Records: what passed the gateway, kept on this machine. `Records` listens to the gateway."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from modelhubd.errors import Conflict, InvalidInput, NotFound, Unavailable
from modelhubd.events import Bus
from modelhubd.exchange import Asked, Exchange
from modelhubd.paging import DEFAULT_LIMIT, Limit, decode_cursor, encode_cursor
from modelhubd.records import audit, figures, store
from modelhubd.records.audit_store import save_rules, saved_rules
from modelhubd.records.deleting import delete
from modelhubd.records.figures import SeriesQuery, StatsQuery, time_of
from modelhubd.records.keeping import Keeping
from modelhubd.records.retaining import Retaining
from modelhubd.records.rows import Waiting, millis
from modelhubd.records.store import Where
from modelhubd.records.writer import Writer
from modelhubd.settings import RecordsConfig
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.base import Request
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App
from modelhubd.wire.records import (
    Audit,
    AuditRule,
    Feedback,
    Outcome,
    Purge,
    Purged,
    Record,
    RecordDetail,
    RecordPage,
    RecordSeries,
    RecordsSummary,
    RecordStats,
    SetAudit,
)
from modelhubd.wire.servers import Server

log = logging.getLogger(__name__)

CLOSE_S = 2.0


class RecordsQuery(Request, frozen=True, kw_only=True):
    model: str | None = None
    app: str | None = None
    node: str | None = None
    outcome: Outcome | None = None
    since: str | None = None
    """RFC 3339."""
    until: str | None = None
    q: Annotated[str, Meta(max_length=200)] | None = None
    """Part of a model's, app's or node's name, or of a code."""
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


class Records:
    """Use `start` once, `close` at the end. `main` is the daemon's database: audit rules are kept there, so
    that a records database that is lost takes none of them along. `artifact` gives what is installed."""

    def __init__(
        self,
        main: Database,
        bus: Bus,
        *,
        config: RecordsConfig,
        path: Path,
        artifact: Callable[[str], Awaitable[Artifact]],
        clock: Callable[[], datetime],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._main = main
        self._bus = bus
        self._config = config
        self._clock = clock
        self.keeping = Keeping(path)
        self._writer = Writer(
            self.keeping,
            artifact=artifact,
            preview_chars=config.preview_chars,
            clock=clock,
            written=self._tell,
        )
        self._retaining = Retaining(self.keeping, config, clock=clock, steady=steady)
        self._rules: tuple[AuditRule, ...] = ()
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self, tasks: TaskOwner) -> None:
        """Begin to record. A database that cannot be used is no reason not to start."""
        self._rules = await saved_rules(self._main.reader)
        try:
            async with self.keeping.using():
                pass
        except Unavailable as error:
            log.warning("%s", error)
        self._tasks = [
            tasks.start(self._writer.run(), name="records"),
            tasks.start(self._retaining.run(), name="age of records"),
        ]

    async def close(self) -> None:
        """Write what waits, and close the database for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._writer.flush()
        except (Unavailable, TimeoutError):
            self._writer.give_up()
        await self.keeping.close()

    # What the gateway calls

    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        """Whether a rule says that this one's content is kept."""
        return bool(self._rules) and self._rule(app, node, server.model) is not None

    def ended(self, exchange: Exchange) -> None:
        """Take it over for writing."""
        if not self._config.enabled:
            return
        rule = self._rule(exchange.app, exchange.node, exchange.model) if self._rules else None
        if rule is not None and not self._writer.has_room():
            rule = None
        if rule is None and exchange.request is not None:
            exchange = _bare(exchange)
        self._writer.put(Waiting(exchange=exchange, rule=rule if exchange.server else None))

    def _rule(self, app: App | None, node: str | None, model: str) -> AuditRule | None:
        if not self._config.allow_content or not self._config.enabled:
            return None
        return audit.rule_for(self._rules, node=node, app=None if app is None else app.id, model=model)

    # What others may ask

    async def list(self, query: RecordsQuery) -> RecordPage:
        """The newest first.

        Raises:
            InvalidInput: a time or a cursor that is none.
            Unavailable: the records cannot be read just now.
        """
        where = Where(
            model=query.model,
            app=query.app,
            node=query.node,
            outcome=None if query.outcome is None else query.outcome.value,
            since=time_of(query.since, "?since"),
            until=time_of(query.until, "?until"),
        )
        before = None if query.after is None else decode_cursor(query.after, tuple[int])[0]
        await self.flush()
        async with self.keeping.using(reading=True) as database:
            reader = database.reader
            if query.q:
                where = msgspec.structs.replace(where, any_of=await store.names_with(reader, query.q))
            found = await store.page(reader, where, before, query.limit + 1)
            whole = where == Where()
            total = await (store.count_all(reader) if whole else store.count(reader, where))
            gaps = await store.gaps(reader, where.since, where.until)
        shown = found[: query.limit]
        more = len(found) > query.limit
        return RecordPage(
            items=tuple(record for _, record in shown),
            next=encode_cursor((shown[-1][0],)) if more else None,
            total=total,
            gaps=gaps,
        )

    async def get(self, id: str) -> RecordDetail:
        """One, with what is kept of its content. Raises NotFound, Unavailable."""
        await self.flush()
        async with self.keeping.using(reading=True) as database:
            found = await store.get(database.reader, id)
        if found is None:
            raise _unknown()
        record, content = found
        if content is not None and time_of(content.expires_at, "") < millis(self._clock()):  # type: ignore[operator]
            content = None
        return RecordDetail(record=record, content=content)

    async def mark(self, id: str, feedback: Feedback) -> Record:
        """Note what somebody thinks of an answer. Raises NotFound, Unavailable."""
        if feedback.mark is None and feedback.reason is not None:
            raise InvalidInput.at("/reason", "only a mark has a reason")
        await self.flush()
        async with self.keeping.using() as database:
            async with database.transaction() as tx:
                if not await store.mark(tx, id, feedback.mark, feedback.reason, millis(self._clock())):
                    raise _unknown()
            found = await store.get(database.reader, id)
        if found is None:
            raise _unknown()
        return found[0]

    async def stats(self, query: StatsQuery) -> RecordStats:
        """See `figures.stats`. Raises Unavailable too."""
        await self.flush()
        async with self.keeping.using(reading=True) as database:
            return await figures.stats(database, query, self._clock)

    async def series(self, query: SeriesQuery) -> RecordSeries:
        """See `figures.series`. Raises Unavailable too."""
        await self.flush()
        async with self.keeping.using(reading=True) as database:
            return await figures.series(database, query, self._clock)

    async def purge(self, asked: Purge) -> Purged:
        """Delete records, or their content, for good.

        Raises:
            InvalidInput: nothing is named, or a time that is none.
            Unavailable: the records cannot be used just now.
        """
        where = Where(
            model=asked.model, app=asked.app, node=asked.node, until=time_of(asked.before, "/before")
        )
        if where == Where() and not asked.all and not asked.set_aside:
            raise InvalidInput.at("", "name what shall be deleted, or set all")
        aside = await self.keeping.remove_set_aside() if asked.set_aside else 0
        if where == Where() and not asked.all:
            return Purged(records=0, contents=0, set_aside=aside)
        await self.flush()
        async with self.keeping.using() as database:
            async with database.transaction() as tx:
                contents = await store.forget_contents(tx, where)
                if where == Where() and not asked.content_only:
                    await store.forget_gaps(tx)
            records = 0 if asked.content_only else await delete(database, where)
        await self.keeping.compact()
        await self._tell()
        return Purged(records=records, contents=contents, set_aside=aside)

    async def audit(self) -> Audit:
        """Whose content is kept."""
        contents = 0
        async with self.keeping.using(reading=True) as database:
            contents = await store.count_contents(database.reader)
        return Audit(rules=self._rules, allowed=self._config.allow_content, contents=contents)

    async def set_audit(self, asked: SetAudit) -> Audit:
        """Keep content by these rules from now on.

        Raises:
            InvalidInput: a rule that is unclear.
            Conflict: `content_not_allowed`: the configuration forbids it.
            Unavailable: what is covered no more cannot be deleted just now; the rules hold already.
        """
        audit.refuse_unclear(asked.rules)
        if asked.rules and not self._config.allow_content:
            raise Conflict(
                "The configuration of this machine lets no content be kept: records.allow_content is false.",
                code="content_not_allowed",
            )
        async with self._main.transaction() as tx:
            await save_rules(tx, asked.rules)
        self._rules = asked.rules
        if asked.forget:
            await self._forget_uncovered()
        found = await self.audit()
        self._bus.publish("record.audit", "records", found)
        return found

    async def _forget_uncovered(self) -> None:
        await self.flush()
        async with self.keeping.using() as database, database.transaction() as tx:
            for keep in ("preview", "whole"):
                rules = [rule for rule in self._rules if keep == "preview" or rule.keep == "whole"]
                covered = {
                    "node": [rule.node for rule in rules if rule.node is not None],
                    "app": [rule.app for rule in rules if rule.app is not None],
                    "model": [rule.model for rule in rules if rule.model is not None],
                }
                await store.forget_uncovered(tx, keep, covered)
        await self.keeping.compact()

    async def summary(self) -> RecordsSummary:
        """How recording stands; never raises."""
        records, newest = 0, None
        try:
            async with self.keeping.using(reading=True) as database:
                records = await store.count_all(database.reader)
                newest = await store.latest(database.reader)
        except Unavailable:
            pass
        return RecordsSummary(
            state="off" if not self._config.enabled else "broken" if self.keeping.trouble else "on",
            records=records,
            size_bytes=await asyncio.to_thread(self.keeping.size_bytes),
            missed=self._writer.missed,
            latest=newest,
            warnings=self._warnings(),
            audit=self._rules if self._config.allow_content else (),
        )

    def _warnings(self) -> tuple[str, ...]:
        found = []
        if self.keeping.trouble:
            found.append(f"Requests are not recorded: {self.keeping.trouble}")
        if aside := self.keeping.set_aside():
            found.append(
                f"A records database could not be read and was set aside as {aside[-1].name}; a new one was"
                " begun. Look at it or delete it: modelhub records purge --set-aside."
            )
        if self._writer.missed:
            found.append(f"{self._writer.missed} requests could not be recorded since the start.")
        return tuple(found)

    async def flush(self) -> None:
        """So that whoever reads sees what has ended. What cannot be written waits on."""
        with contextlib.suppress(Unavailable):
            await self._writer.flush()

    async def _tell(self) -> None:
        """A gauge, not a state event: a busy gateway would push everything else out of the ring."""
        if self._bus.readers:
            self._bus.gauge("record.stats", "records", await self.summary())


def _bare(exchange: Exchange) -> Exchange:
    return msgspec.structs.replace(exchange, request=None, answer=None)


def _unknown() -> NotFound:
    return NotFound(
        "There is no record with this id: it was deleted, or never there.", code="record_not_found"
    )
