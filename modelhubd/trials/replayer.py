"""Owns one trial while it runs: takes what is sampled into the spool, gives it to the candidate one by one
when nobody is in the way, and writes the pairs."""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.full_disk import is_full
from modelhubd.llama.aside import Aside
from modelhubd.storage.database import Database
from modelhubd.tasks import in_thread
from modelhubd.trials import store
from modelhubd.trials.blind import to_forget
from modelhubd.trials.candidate import Replayed, ask
from modelhubd.trials.comparing import Checks, compare
from modelhubd.trials.persisting import until_written
from modelhubd.trials.questions import why_not_replayed
from modelhubd.trials.spool import MAX_KEPT_BYTES, Sampled, Spool, open_spool
from modelhubd.trials.states import Event, advance
from modelhubd.trials.store import Stored
from modelhubd.trials.turn import (
    ENOUGH,
    Outcome,
    Situation,
    enough_after,
    failures_after,
    fault_after,
    is_given_up,
    makes_a_pair,
    waits_for,
)
from modelhubd.wire.base import rfc3339
from modelhubd.wire.servers import LoadSettings
from modelhubd.wire.trials import Trial, TrialReason, TrialState

log = logging.getLogger(__name__)

LOOK_S = {"parallel": 0.1, "idle": 1.0}
"""Between two looks whether the candidate may be asked."""
NO_ROOM_S = 5.0
"""Before the next try where memory does not hold both."""
PAUSE_S, MOST_PAUSES = 0.05, 20
"""What is handed over is sealed once nobody has asked for so long, at the latest after so many of these."""
MOST_HANDED_OVER = 256
MOST_HANDED_BYTES = 32 * 1024**2
"""Of what the gateway has handed over and the spool has not taken yet."""


class Around(Struct, frozen=True, kw_only=True):
    """What every trial needs. `changed` tells readers of a trial by its id; `settings` are those that the
    candidate is loaded with; `gone` says what of the trial is not installed any more."""

    database: Database
    aside: Aside
    root: Path
    clock: Callable[[], datetime]
    is_idle: Callable[[], Awaitable[bool]]
    settings: Callable[[Stored], Awaitable[LoadSettings]]
    gone: Callable[[Stored], Awaitable[TrialReason | None]]
    checks: Checks
    changed: Callable[[Stored], Awaitable[Trial]]


def server_name(trial_id: str) -> str:
    """What the candidate's server is called."""
    return f"trial-{trial_id}"


class Replayer:
    """`run` is its owner; `offer` hands over from the gateway and returns at once."""

    def __init__(self, trial: Stored, around: Around) -> None:
        self.trial = trial
        self.waits_for: TrialReason | None = None
        self.spool: Spool | None = None
        self._around = around
        self._handed: deque[Sampled] = deque()
        self._handed_bytes = 0
        self._skipped = 0
        self._pairs = 0
        self._wake = asyncio.Event()
        self._again_at = 0.0
        self._told = ""

    @property
    def has_enough(self) -> bool:
        """Whether no more is needed: it has its pairs, or what they are made of."""
        return self._pairs + self.pending >= self.trial.max_pairs

    @property
    def takes_more(self) -> bool:
        """Whether there is room for another one."""
        handed = len(self._handed)
        if handed >= min(MOST_HANDED_OVER, self.trial.max_pending) or self._handed_bytes >= MOST_HANDED_BYTES:
            return False
        return self.spool is None or self.spool.has_room(self._handed_bytes, self.trial.max_pending - handed)

    @property
    def pending(self) -> int:
        """How many wait for the candidate."""
        return len(self._handed) + (0 if self.spool is None else self.spool.pending)

    @property
    def pending_bytes(self) -> int:
        return self._handed_bytes + (0 if self.spool is None else self.spool.pending_bytes)

    @property
    def skipped(self) -> int:
        """How many were skipped that its row does not count yet."""
        return self._skipped

    def offer(self, sampled: Sampled) -> None:
        """Take it over; it is written when the gateway's request is through."""
        self._handed.append(sampled)
        self._handed_bytes += len(sampled.request) + len(sampled.answer)
        self._wake.set()

    def skip(self) -> None:
        """One was sampled, or should have been, and cannot be taken."""
        self._skipped += 1

    async def run(self) -> None:
        """Until it is cancelled, or pauses by itself."""
        try:
            await self._open()
            await self._pause_with_enough()
            while self.trial.state is TrialState.RUNNING:
                await self._take_over()
                await self._turn()
        except OSError as error:
            await self._pause(TrialReason(code="spool_failed", detail=f"Its spool: {error.strerror}."))
        except Exception as error:
            if is_full(error):
                detail = f"Its figures cannot be kept: {error}. Make room, then resume it."
                await self._pause(TrialReason(code="spool_failed", detail=detail))
                return
            # What it says may hold content: where it happened is told, and its name.
            where, name = "".join(traceback.format_tb(error.__traceback__)), type(error).__name__
            log.error("the trial %s cannot go on (%s)\n%s", self.trial.id, name, where)
            detail = f"It broke ({name}). Resume it, or remove it."
            await self._pause(TrialReason(code="broken", detail=detail))
        finally:
            await self._around.aside.unload(server_name(self.trial.id))

    async def _open(self) -> None:
        """What an end of the daemon has left in between is put right."""
        trial, reader = self.trial, self._around.database.reader
        spool = await in_thread(lambda: open_spool(self._around.root, trial.id))
        entries = await store.entries(reader, trial.id)
        with_content = await store.with_content(reader, trial.id)
        await in_thread(lambda: spool.drop_used(entries))
        await in_thread(lambda: spool.forget(set(spool.kept) - with_content))
        if lost := with_content - set(spool.kept):
            async with self._around.database.transaction() as tx:
                await store.forget_content(tx, trial.id, sorted(lost))
        self.spool, self._pairs = spool, len(entries)

    async def _take_over(self) -> None:
        """Seal what was handed over, all of it at once: between requests, or a second later."""
        for _ in range(MOST_PAUSES):
            if not self._handed or self._around.aside.quiet_s() >= PAUSE_S:
                break
            await asyncio.sleep(PAUSE_S)
        batch = tuple(self._handed)
        self._handed.clear()
        self._handed_bytes = 0
        if batch:
            put = self._put
            self._skipped += await in_thread(lambda: sum(put(one) is not None for one in batch))

    def _put(self, sampled: Sampled) -> str | None:
        """Into the spool, or why not."""
        assert self.spool is not None
        size = len(sampled.request) + len(sampled.answer)
        if not self.spool.has_room(size, self.trial.max_pending):
            return "too much waits already"
        if (why := why_not_replayed(sampled.request)) is None:
            self.spool.add(sampled)
        return why

    async def _turn(self) -> None:
        """One replay, or a while of waiting."""
        assert self.spool is not None
        reason = await self._why_not_now()
        self.waits_for = reason
        if reason is not None and reason.code != self._told:
            self._told = reason.code
            await self._around.changed(self.trial)
        if reason is None:
            sampled = await in_thread(self.spool.next)
            if sampled is not None:
                await self._replay(sampled)
            return
        self._wake.clear()
        if self._handed:
            return
        within_s = LOOK_S[self.trial.when] if self.spool.pending else None
        try:
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _why_not_now(self) -> TrialReason | None:
        assert self.spool is not None
        if self._again_at > asyncio.get_running_loop().time():
            return self.waits_for
        quiet = self._around.aside.quiet_s()
        now = Situation(when=self.trial.when, pending=self.spool.pending, quiet_s=quiet, idle=True)
        if (reason := waits_for(now)) is not None or now.when == "parallel":
            return reason
        return waits_for(replace(now, idle=await self._around.is_idle()))

    async def _replay(self, sampled: Sampled) -> None:
        if (gone := await self._around.gone(self.trial)) is not None:
            await self._pause(gone)
            return
        trial, name = self.trial, server_name(self.trial.id)
        settings = await self._around.settings(trial)
        replayed = await ask(self._around.aside, trial.candidate.library_id, name, settings, sampled)
        if replayed.outcome is Outcome.NO_ROOM:
            self._again_at = asyncio.get_running_loop().time() + NO_ROOM_S
            self.waits_for = replayed.reason
            await self._around.changed(trial)
        elif replayed.outcome is Outcome.INTERRUPTED:
            await self._interrupted(sampled)
        elif replayed.is_final and replayed.reason is not None:
            await self._pause(replayed.reason)
        if makes_a_pair(replayed.outcome) and not replayed.is_final:
            await self._write(sampled, replayed)

    async def _interrupted(self, sampled: Sampled) -> None:
        assert self.spool is not None
        spool, again = self.spool, replace(sampled, interrupted=sampled.interrupted + 1)
        if is_given_up(again.interrupted):
            self._skipped += 1
            await in_thread(lambda: spool.drop(sampled.entry))
        else:
            await in_thread(lambda: spool.add(again))

    async def _write(self, sampled: Sampled, replayed: Replayed) -> None:
        """The pair, then nothing is left of what it was made from. A pair is written once: it has the name of
        its entry."""
        assert self.spool is not None
        spool, database, around = self.spool, self._around.database, self._around
        compared = await compare(
            sampled,
            replayed,
            checks=self.trial.checks,
            run_checks=around.checks,
            embedder=around.aside.embedder(),
        )
        n, content = await store.next_number(database.reader, self.trial.id), compared.content
        keeps = content is not None and self.trial.keep > 0 and spool.kept_bytes < MAX_KEPT_BYTES
        if keeps and content is not None:
            await in_thread(lambda: spool.keep(n, content))
        marked = await store.marked(database.reader, self.trial.id)
        forgotten = to_forget(spool.kept, marked, self.trial.keep)
        self._alter(failures=failures_after(self.trial.failures, replayed.outcome))
        async with database.transaction() as tx:
            await store.add_pair(
                tx, self.trial.id, sampled.entry, replace(compared.pair, n=n, has_content=keeps)
            )
            await store.forget_content(tx, self.trial.id, forgotten)
            await store.put(tx, self.trial)
        self._pairs += 1
        await in_thread(lambda: spool.drop(sampled.entry))
        await in_thread(lambda: spool.forget(forgotten))
        detail = "" if replayed.reason is None else replayed.reason.detail
        if (fault := fault_after(self.trial.failures, replayed.outcome, detail)) is not None:
            await self._pause(fault)
        elif not await self._pause_with_enough():
            await around.changed(self.trial)

    async def _pause_with_enough(self) -> bool:
        """Whether it has all its pairs; then what still waits is deleted, as nobody will be asked it."""
        if (enough := enough_after(self._pairs, self.trial.max_pairs)) is None:
            return False
        assert self.spool is not None
        await in_thread(self.spool.drop_all)
        await self._pause(enough)
        return True

    async def _pause(self, reason: TrialReason) -> None:
        """By itself: `reason` is shown until somebody resumes it."""
        level = logging.INFO if reason.code == ENOUGH else logging.WARNING
        log.log(level, "the trial %s pauses: %s", self.trial.id, reason.detail)
        self.waits_for = None
        state = advance(self.trial.state, Event.FAULT)
        self._alter(state=state, reason_code=reason.code, reason_detail=reason.detail)
        await until_written(self._put_down, f"that the trial {self.trial.id} pauses")
        await self._around.changed(self.trial)

    async def _put_down(self) -> None:
        async with self._around.database.transaction() as tx:
            await store.put(tx, self.trial)

    def _alter(self, **fields: Any) -> None:
        """What its row will say, with what was skipped meanwhile."""
        skipped, now = self.trial.skipped + self._skipped, rfc3339(self._around.clock())
        self._skipped = 0
        self.trial = replace(self.trial, skipped=skipped, changed_at=now, **fields)
