"""The end of a trial: its candidate becomes the active version, or the trial goes. Both are kept on record,
on this machine alone."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from modelhubd.errors import Conflict, NotFound, Refused
from modelhubd.library.service import Library
from modelhubd.storage.database import Database
from modelhubd.tasks import in_thread
from modelhubd.trials import store
from modelhubd.trials.spool import end_spool
from modelhubd.trials.states import Event, advance
from modelhubd.trials.store import Stored
from modelhubd.trials.telling import Telling
from modelhubd.updates.takeover import Takeover
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import Artifact
from modelhubd.wire.trials import Evidence, TrialDecision
from modelhubd.wire.updates import Switch

log = logging.getLogger(__name__)


class Deciding:
    """Each trial that is decided has no owner any more: nothing of it runs."""

    def __init__(
        self,
        database: Database,
        library: Library,
        takeover: Takeover,
        *,
        root: Path,
        clock: Callable[[], datetime],
        telling: Telling,
        permit: Callable[[Artifact], Awaitable[None]],
    ) -> None:
        self._takeover = takeover
        self._database = database
        self._library = library
        self._root = root
        self._clock = clock
        self._telling = telling
        self._permit = permit

    async def refuse_promotion(self, trial: Stored) -> None:
        """
        Raises:
            Conflict: `wrong_state`; `other_model`: a name means versions of its own model alone;
                `active_changed`: the name means by now what was not tried against; `candidate_gone`.
            NotAllowed: `refused_by_policy`.
        """
        advance(trial.state, Event.PROMOTE)
        active, candidate = trial.active, trial.candidate
        if active.model != candidate.model:
            raise Conflict(
                f"{active.model} cannot come to mean {candidate.model}: a name means versions of its own"
                f" model. Have what asks name {candidate.model}, or set an alias ([llama] aliases), and"
                " remove the trial.",
                code="other_model",
            )
        artifacts = await self._library.of_model(self._database.reader, active.model)
        now = next((one for one in artifacts.values() if one.active), None)
        if now is None or now.id != active.library_id:
            means = "nothing" if now is None else f"version {now.version}:{now.option}"
            raise Conflict(
                f"{active.model} means {means} by now, which the candidate was not tried beside. Remove the"
                " trial, and begin another one.",
                code="active_changed",
            )
        if candidate.library_id not in artifacts:
            raise Conflict(
                f"{candidate.model}@{candidate.version}:{candidate.option} was removed. Pull it again, and"
                " begin another trial.",
                code="candidate_gone",
            )
        await self._permit(artifacts[candidate.library_id])

    async def promote(self, trial: Stored, evidence: Evidence, switch: Switch, by: str) -> None:
        """Have the candidate be what the name means, as an update does: with the settings, and the old one
        kept for a rollback. The trial's content dies with it; its figures stay.

        Raises:
            Conflict: the candidate is not whole any more.
        """
        now = rfc3339(self._clock())
        ended = replace(
            trial,
            state=advance(trial.state, Event.PROMOTE),
            reason_code=None,
            reason_detail=None,
            changed_at=now,
            ended_at=now,
        )
        decision = await self._decision(trial, "promoted", evidence, by, now)
        old, new = trial.active, trial.candidate
        async with self._database.transaction(durable=True) as tx:
            await self._takeover.adopt(
                tx,
                model=old.model,
                from_id=old.library_id,
                from_place=(old.version, old.option),
                to_place=(new.version, new.option),
                switch=switch,
            )
            await store.put(tx, ended)
            await store.forget_all_content(tx, trial.id)
            await store.decide(tx, decision)
        await self._end_spool(trial.id)
        await self._telling.changed(ended)

    async def refuse_removal(self, trial: Stored) -> None:
        """Raises Conflict (`candidate_in_use`) where the candidate's name means it, or a person's server runs
        it."""
        try:
            artifact = await self._library.get(trial.candidate.library_id)
        except NotFound:
            return
        if artifact.active:
            raise Conflict(
                f"{artifact.model} means the candidate: it is not removed with the trial. Remove the trial"
                " alone, or have the name mean another version first.",
                code="candidate_in_use",
            )

    async def remove(
        self, trial: Stored, evidence: Evidence, by: str, *, candidate_too: bool
    ) -> TrialDecision:
        """End it: its rows, its content, and `candidate_too` the candidate's files.

        Raises:
            Conflict: the candidate's files cannot be removed; the trial is gone all the same.
        """
        decision = await self._decision(trial, "removed", evidence, by, rfc3339(self._clock()))
        one = trial.candidate
        async with self._database.transaction(durable=True) as tx:
            await self._takeover.given_up(tx, one.model, one.version, one.option)
            await store.remove(tx, trial.id)
            await store.decide(tx, decision)
            tx.after_commit(lambda: self._telling.removed(trial.id))
        await self._end_spool(trial.id)
        if candidate_too:
            try:
                await self._library.remove(one.library_id)
            except NotFound:
                log.info("the candidate of the trial %s was removed before", trial.id)
            except Refused as refusal:
                raise Conflict(
                    f"The trial is removed, its candidate is not: {refusal.detail}", code=refusal.code
                ) from refusal
        return decision

    async def _decision(
        self, trial: Stored, what: Literal["promoted", "removed"], evidence: Evidence, by: str, now: str
    ) -> TrialDecision:
        return TrialDecision(
            trial=trial.id,
            decision=what,
            at=now,
            by=by,
            active=trial.active,
            candidate=trial.candidate,
            counts=await self._telling.counts(trial),
            evidence=evidence,
        )

    async def _end_spool(self, trial_id: str) -> None:
        """What cannot be removed now is at the next start."""
        try:
            await in_thread(lambda: end_spool(self._root, trial_id))
        except OSError as error:
            log.warning("the spool of the trial %s cannot be removed: %s", trial_id, error.strerror)
