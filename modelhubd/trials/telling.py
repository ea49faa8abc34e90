"""How trials are shown, and readers told of what changes."""

from collections.abc import Mapping

from modelhubd.events import Bus
from modelhubd.storage.database import Database
from modelhubd.tasks import in_thread
from modelhubd.trials import store
from modelhubd.trials.replayer import Replayer
from modelhubd.trials.store import Stored
from modelhubd.trials.user_checks import names_of
from modelhubd.wire.events import Removed
from modelhubd.wire.trials import Trial, TrialCounts, TrialReason, TrialState


class Telling:
    """`running` are the owners of those that run, by id."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        running: Mapping[str, Replayer],
    ) -> None:
        self._database = database
        self._bus = bus
        self._running = running

    async def shown(self, trial: Stored) -> Trial:
        """As it is told, without its evidence."""
        running = self._running.get(trial.id)
        reason = None
        if trial.reason_code is not None:
            reason = TrialReason(code=trial.reason_code, detail=trial.reason_detail or "")
        return Trial(
            id=trial.id,
            state=trial.state,
            reason=reason,
            waits_for=running.waits_for if running and trial.state is TrialState.RUNNING else None,
            active=trial.active,
            candidate=trial.candidate,
            sample=trial.sample,
            when=trial.when,
            keep=trial.keep,
            max_pending=trial.max_pending,
            max_pairs=trial.max_pairs,
            checks=await in_thread(lambda: names_of(trial.checks)) if trial.checks else (),
            from_update=trial.from_update,
            notes=trial.notes,
            counts=await self.counts(trial),
            created_at=trial.created_at,
            changed_at=trial.changed_at,
            ended_at=trial.ended_at,
        )

    async def counts(self, trial: Stored) -> TrialCounts:
        """Of its pairs, and of what waits."""
        tally = await store.tally(self._database.reader, trial.id)
        running = self._running.get(trial.id)
        return TrialCounts(
            pairs=tally.pairs,
            failed=tally.failed,
            marked=tally.marked,
            kept=tally.kept,
            pending=running.pending if running else 0,
            pending_bytes=running.pending_bytes if running else 0,
            skipped=trial.skipped + (running.skipped if running else 0),
        )

    async def changed(self, trial: Stored) -> Trial:
        """Tell readers how it is now."""
        shown = await self.shown(trial)
        self._bus.publish("trial.changed", trial.id, shown)
        return shown

    def removed(self, trial_id: str) -> None:
        """It is gone."""
        self._bus.publish("trial.removed", trial_id, Removed(id=trial_id))
