"""Looking at what a trial has come to: its pairs, its figures, and blind marks by people."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from modelhubd.errors import Conflict, NotFound
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.storage.database import Database
from modelhubd.tasks import freed, gently, in_thread
from modelhubd.trials import store
from modelhubd.trials.blind import meaning, next_pair, shown
from modelhubd.trials.evidence import evidence_of
from modelhubd.trials.replayer import Replayer
from modelhubd.trials.spool import Spool, open_spool
from modelhubd.trials.store import Stored
from modelhubd.trials.telling import Telling
from modelhubd.trials.user_checks import names_of
from modelhubd.trust.text import printable
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.trials import BlindPair, Evidence, MarkPair, Pair, Trial

SLICE = 100
"""Pairs read in a row, in about 1 ms."""


class Judging:
    """`chance` decides which pair comes next and whose answer is first; nobody else knows."""

    def __init__(
        self,
        database: Database,
        telling: Telling,
        running: Mapping[str, Replayer],
        *,
        root: Path,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._telling = telling
        self._running = running
        self._root = root
        self._clock = clock
        self._chance = chance
        self._one = asyncio.Lock()

    async def stored(self, trial_id: str) -> Stored:
        """Raises NotFound."""
        trial = await store.get(self._database.reader, trial_id)
        if trial is None:
            raise NotFound(
                f"There is no trial {printable(trial_id)[:40]}. GET /trials lists them.",
                code="trial_not_found",
            )
        return trial

    async def evidence(self, trial: Stored) -> Evidence:
        """Its figures by now."""
        pairs: list[Pair] = []

        def figures() -> Evidence:
            try:
                return evidence_of(pairs, names_of(trial.checks), trial.id)
            finally:
                freed(pairs)

        with gently():
            while rows := await store.rows_of_pairs(
                self._database.reader, trial.id, after=pairs[-1].n if pairs else 0, limit=SLICE
            ):
                pairs += [one.pair for one in store.read_pairs(rows)]
            return await in_thread(figures)

    async def pairs(
        self, trial_id: str, *, limit: int = 50, after: str | None = None, content: bool = False
    ) -> Page[Pair]:
        """Figures of the pairs, in order; with `content`, also what is kept of each, but for one that is
        shown for a blind mark.

        Raises:
            NotFound: no such trial.
            InvalidInput: `after` is no cursor of this list.
        """
        trial = await self.stored(trial_id)
        reader = self._database.reader
        last = 0 if after is None else decode_cursor(after, tuple[int])[0]
        rows = store.read_pairs(await store.rows_of_pairs(reader, trial_id, after=last, limit=limit + 1))
        more, rows = len(rows) > limit, rows[:limit]
        blind = {row.pair.n for row in rows if row.shown_first is not None and row.pair.mark is None}
        page = Page(
            items=tuple(row.pair for row in rows),
            next=encode_cursor((rows[-1].pair.n,)) if more else None,
            total=await store.count_pairs(reader, trial_id),
        )
        if not content or not any(pair.has_content for pair in page.items):
            return page
        spool = await self._spool(trial)
        items = [
            replace(pair, content=await in_thread(lambda n=pair.n: spool.content(n)))  # type: ignore[misc]
            if pair.has_content and pair.n not in blind
            else pair
            for pair in page.items
        ]
        return replace(page, items=tuple(items))

    async def blind(self, trial_id: str) -> BlindPair:
        """Two answers to the same request, in an order that only the daemon knows.

        Raises:
            NotFound: no such trial, or (`nothing_to_mark`) no pair with content is left to mark.
        """
        async with self._one:
            trial = await self.stored(trial_id)
            left = await store.to_mark(self._database.reader, trial_id)
            if (chosen := next_pair(left, self._chance(), self._chance())) is None:
                how = (
                    "Begin a trial with `keep` to have any."
                    if not trial.keep
                    else "Ask the active model more."
                )
                raise NotFound(f"No pair whose answers differ is left to mark. {how}", code="nothing_to_mark")
            n, first = chosen
            spool = await self._spool(trial)
            content = await in_thread(lambda: spool.content(n))
            async with self._database.transaction() as tx:
                if content is None:
                    await store.forget_content(tx, trial_id, [n])
                else:
                    await store.show_first(tx, trial_id, n, first)
        if content is None:
            return await self.blind(trial_id)
        return shown(n, first, content, len(left))

    async def mark(self, trial_id: str, n: int, request: MarkPair) -> Trial:
        """Say which of the two was better; saying it again changes it.

        Raises:
            NotFound: no such trial or pair.
            Conflict: `not_shown`: it was never shown for a mark.
        """
        async with self._one:
            await self.stored(trial_id)
            row = await store.pair(self._database.reader, trial_id, n)
            if row is None:
                raise NotFound(f"The trial {trial_id} has no pair {n}.", code="pair_not_found")
            if row.shown_first is None:
                raise Conflict(
                    f"Pair {n} was not shown for a blind mark. Ask for one: GET /trials/{trial_id}/blind",
                    code="not_shown",
                )
            meant = meaning(request.better, row.shown_first)
            async with self._database.transaction() as tx:
                await store.mark(tx, trial_id, n, meant, rfc3339(self._clock()))
            return await self._telling.changed(await self.stored(trial_id))

    async def _spool(self, trial: Stored) -> Spool:
        """Of the one that runs, or opened to be read."""
        running = self._running.get(trial.id)
        if running is not None and running.spool is not None:
            return running.spool
        return await in_thread(lambda: open_spool(self._root, trial.id))
