"""What others may ask of trials."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from modelhubd.errors import Conflict, NotFound, Refused
from modelhubd.events import Bus
from modelhubd.library.service import Library
from modelhubd.llama.planning import is_encoder
from modelhubd.llama.service import Servers
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner, in_thread
from modelhubd.trials import store
from modelhubd.trials.deciding import Deciding
from modelhubd.trials.judging import Judging
from modelhubd.trials.replayer import Around, Replayer
from modelhubd.trials.sampling import Sampling
from modelhubd.trials.spool import end_all_but
from modelhubd.trials.starting import Contender, notes, refuse
from modelhubd.trials.states import Event, advance
from modelhubd.trials.store import Stored
from modelhubd.trials.telling import Telling
from modelhubd.trials.turn import ENOUGH, more_pairs
from modelhubd.trials.user_checks import UserChecks
from modelhubd.trust.text import printable
from modelhubd.updates.decision import Plan
from modelhubd.updates.takeover import Takeover
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.servers import LoadSettings
from modelhubd.wire.trials import (
    PromoteTrial,
    RemoveTrial,
    StartTrial,
    Trial,
    TrialDecision,
    TrialReason,
    TrialState,
)

log = logging.getLogger(__name__)

HALT_S = 30.0
"""Longer than the end of a candidate's server takes."""


class Trials:
    """`sampling` is for the gateway to listen with, `judging` shows pairs and takes marks. `start` it once.

    `permit` raises NotAllowed for an artifact that may not be run; `is_idle` says whether the machine is, but
    for trials.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        library: Library,
        servers: Servers,
        takeover: Takeover,
        permit: Callable[[Artifact], Awaitable[None]],
        is_idle: Callable[[], Awaitable[bool]],
        root: Path,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        new_id: Callable[[], str] = lambda: secrets.token_hex(4),
        checks: UserChecks,
    ) -> None:
        self.sampling = Sampling(chance)
        self._database = database
        self._library = library
        self._servers = servers
        self._takeover = takeover
        self._checks = checks
        self._permit = permit
        self._clock = clock
        self._new_id = new_id
        self._root = root
        self._running: dict[str, Replayer] = {}
        self._owners: dict[str, asyncio.Task[None]] = {}
        self._tasks: TaskOwner | None = None
        self._one = asyncio.Lock()
        self._telling = Telling(database, bus, self._running)
        self.judging = Judging(
            database,
            self._telling,
            self._running,
            root=root,
            clock=clock,
            chance=chance,
        )
        self._deciding = Deciding(
            database, library, takeover, root=root, clock=clock, telling=self._telling, permit=permit
        )
        self._around = Around(
            database=database,
            aside=servers.aside,
            root=root,
            clock=clock,
            is_idle=is_idle,
            settings=self._settings,
            gone=self._gone,
            checks=checks.run,
            changed=self._telling.changed,
        )

    async def start(self, tasks: TaskOwner) -> None:
        """Remove what dead trials have left, and go on with those that run."""
        self._tasks = tasks
        trials = await store.all_trials(self._database.reader)
        alive = [trial for trial in trials if trial.state is not TrialState.PROMOTED]
        try:
            for dead in await in_thread(lambda: end_all_but(self._root, {trial.id for trial in alive})):
                log.info("the spool of the trial %s, which is over, was removed", printable(dead)[:40])
        except OSError as error:
            log.warning("what ended trials have left cannot be removed: %s", error.strerror)
        for trial in alive:
            if trial.state is TrialState.RUNNING:
                self._run(trial)
        for plan in await self._takeover.on_trial(self._database.reader):
            await self.try_update(plan)

    # What may be asked

    async def begin(self, request: StartTrial, *, from_update: bool = False) -> Trial:
        """Begin to try one model beside another.

        Raises:
            NotFound: one of them is not installed.
            NotAllowed: `refused_by_policy`.
            InvalidInput: a reference, or a check, that cannot be read.
            Conflict: `same_artifact`, `trial_exists`, `no_embeddings`, `no_ranking`, `no_text`, or one of the
                two cannot be run.
        """
        await self._checks.prove(request.checks)
        async with self._one:
            active, candidate = (
                await self._contender(request.active),
                await self._contender(request.candidate),
            )
            refuse(active, candidate, await store.all_trials(self._database.reader))
            await self._permit(candidate.artifact)
            now = rfc3339(self._clock())
            trial = Stored(
                id=self._new_id(),
                state=TrialState.RUNNING,
                active=active.model,
                candidate=candidate.model,
                sample=request.sample,
                when=request.when,
                keep=request.keep,
                max_pending=request.max_pending,
                max_pairs=request.max_pairs,
                checks=request.checks,
                notes=notes(active, candidate),
                from_update=from_update,
                created_at=now,
                changed_at=now,
            )
            async with self._database.transaction(durable=True) as tx:
                await store.put(tx, trial)
            self._run(trial)
            return await self._telling.changed(trial)

    async def try_update(self, plan: Plan) -> None:
        """Begin the trial that an update waits for, unless it is there."""
        if self._tasks is None:
            return  # `start` does it
        artifacts = await self._library.of_model(self._database.reader, plan.model)
        place = (plan.to_version, plan.to_option)
        new = next((one for one in artifacts.values() if (one.version, one.option) == place), None)
        if new is None or plan.from_id not in artifacts:
            return
        for trial in await store.all_trials(self._database.reader):
            if trial.candidate.library_id == new.id and trial.state is not TrialState.PROMOTED:
                return
        try:
            await self.begin(StartTrial(active=plan.from_id, candidate=new.id), from_update=True)
        except Refused as refusal:
            log.warning("the update of %s cannot be tried first: %s", plan.model, refusal.detail)

    async def every(self) -> tuple[Trial, ...]:
        """The newest first, without their evidence."""
        return tuple(
            [await self._telling.shown(one) for one in await store.all_trials(self._database.reader)]
        )

    async def get(self, trial_id: str) -> Trial:
        """With its evidence. Raises NotFound."""
        trial = await self._stored(trial_id)
        evidence = await self.judging.evidence(trial)
        return replace(await self._telling.shown(trial), evidence=evidence)

    async def pause(self, trial_id: str) -> Trial:
        """Sample nothing and ask the candidate nothing until it is resumed; what waits stays.

        Raises NotFound, Conflict `wrong_state`."""
        async with self._one:
            trial = await self._stored(trial_id)
            state = advance(trial.state, Event.PAUSE)
            reason = TrialReason(code="by_hand", detail="Paused by hand.")
            async with self._at_rest(trial_id) as trial:
                return await self._set(trial, state, reason)

    async def resume(self, trial_id: str) -> Trial:
        """Go on; with as many pairs again, where it has those it was begun for.

        Raises NotFound, Conflict `wrong_state`, or `enough_pairs`: it can have no more."""
        async with self._one:
            trial = await self._stored(trial_id)
            state = advance(trial.state, Event.RESUME)
            await self._halt(trial_id)
            trial = await self._stored(trial_id)
            most = more_pairs(await store.count_pairs(self._database.reader, trial_id), trial.max_pairs)
            if most is None:
                raise Conflict(
                    f"It has {trial.max_pairs} pairs, and can have no more. Promote or remove it.",
                    code=ENOUGH,
                )
            changed = await self._set(replace(trial, failures=0, max_pairs=most), state, None)
            self._run(await self._stored(trial_id))
            return changed

    async def promote(self, trial_id: str, request: PromoteTrial, by: str) -> Trial:
        """See `Deciding.promote`."""
        async with self._one:
            trial = await self._stored(trial_id)
            await self._deciding.refuse_promotion(trial)
            evidence = await self.judging.evidence(trial)
            if request.dry_run:
                return replace(await self._telling.shown(trial), evidence=evidence)
            async with self._at_rest(trial_id) as trial:
                await self._deciding.promote(trial, evidence, request.switch, by)
        return await self.get(trial_id)

    async def remove(self, trial_id: str, request: RemoveTrial, by: str) -> TrialDecision:
        """See `Deciding.remove`."""
        async with self._one:
            trial = await self._stored(trial_id)
            if request.remove_candidate:
                await self._deciding.refuse_removal(trial)
            evidence, too = await self.judging.evidence(trial), request.remove_candidate
            async with self._at_rest(trial_id) as trial:
                return await self._deciding.remove(trial, evidence, by, candidate_too=too)

    async def decisions(self) -> Page[TrialDecision]:
        """What was decided, the newest first."""
        found = tuple(await store.decisions(self._database.reader))
        return Page(items=found, total=len(found))

    async def close(self) -> None:
        """End every trial's owner; each goes on at the next start."""
        for trial_id in tuple(self._owners):
            await self._halt(trial_id)
        await self._checks.close()

    # How it is done

    def _run(self, trial: Stored) -> None:
        assert self._tasks is not None, "start() comes first"
        replayer = self._running[trial.id] = Replayer(trial, self._around)
        self.sampling.begin(replayer)
        self._owners[trial.id] = self._tasks.start(self._own(replayer), name=f"trial {trial.id}")

    async def _own(self, replayer: Replayer) -> None:
        try:
            await replayer.run()
        finally:
            self.sampling.end(replayer)
            if self._running.get(replayer.trial.id) is replayer:
                del self._running[replayer.trial.id]

    async def _halt(self, trial_id: str) -> None:
        """End its owner, and wait until nothing of it runs."""
        task = self._owners.pop(trial_id, None)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=HALT_S)

    @contextlib.asynccontextmanager
    async def _at_rest(self, trial_id: str) -> AsyncIterator[Stored]:
        """The trial while nobody works on it. What fails meanwhile leaves it as it was, at work."""
        await self._halt(trial_id)
        try:
            yield await self._stored(trial_id)
        except Exception:
            if (trial := await self._stored(trial_id)).state is TrialState.RUNNING:
                self._run(trial)
            raise

    async def _set(self, trial: Stored, state: TrialState, reason: TrialReason | None) -> Trial:
        changed = replace(
            trial,
            state=state,
            reason_code=None if reason is None else reason.code,
            reason_detail=None if reason is None else reason.detail,
            changed_at=rfc3339(self._clock()),
        )
        async with self._database.transaction() as tx:
            await store.put(tx, changed)
        return await self._telling.changed(changed)

    async def _stored(self, trial_id: str) -> Stored:
        return await self.judging.stored(trial_id)

    async def _contender(self, reference: str) -> Contender:
        artifact, facts = await self._servers.saved.opened(reference)
        return Contender(artifact=artifact, facts=facts, embeds=is_encoder(facts))

    async def _settings(self, trial: Stored) -> LoadSettings:
        """Those that the candidate would have if it were promoted: its own, else the active one's."""
        reader, saved = self._database.reader, self._servers.saved
        if await saved.text_of(reader, trial.candidate.model, trial.candidate.option) is not None:
            return LoadSettings()
        text = await saved.text_of(reader, trial.active.model, trial.active.option)
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(text, type=LoadSettings) if text else LoadSettings()
        return LoadSettings()

    async def _gone(self, trial: Stored) -> TrialReason | None:
        for which, one in (("active", trial.active), ("candidate", trial.candidate)):
            name = f"{one.model}@{one.version}:{one.option}"
            try:
                artifact = await self._library.get(one.library_id)
            except NotFound:
                return TrialReason(code=f"{which}_gone", detail=f"{name} was removed from the library.")
            if which == "candidate" and artifact.state in (ArtifactState.MISSING, ArtifactState.DAMAGED):
                return TrialReason(code="candidate_gone", detail=f"The files of {name} are {artifact.state}.")
        return None
