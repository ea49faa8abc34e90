"""What others may ask of updates."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from modelhubd.catalog.service import Catalog
from modelhubd.downloads.service import Downloads
from modelhubd.entries.requirements import Programs
from modelhubd.errors import Conflict, InvalidInput, NotFound, Refused
from modelhubd.events import Bus
from modelhubd.library.search import matches
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.paging import page_of
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner
from modelhubd.trust.names import is_model_id
from modelhubd.trust.text import printable
from modelhubd.updates import store
from modelhubd.updates.decision import OVERRIDABLE, Plan
from modelhubd.updates.going_back import before_of
from modelhubd.updates.looking import Looking
from modelhubd.updates.review import Review
from modelhubd.updates.states import Event, State, advance, allows
from modelhubd.updates.switching import Switching, Way
from modelhubd.updates.takeover import Takeover
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import CreateDownload
from modelhubd.wire.library import Finished
from modelhubd.wire.policy import App
from modelhubd.wire.servers import Server
from modelhubd.wire.updates import (
    AppliedUpdates,
    ApplyUpdates,
    RefusedUpdate,
    RollBack,
    RolledBack,
    Update,
    UpdateState,
)

log = logging.getLogger(__name__)


async def nobody_tries(plan: Plan) -> None:
    """There are no trials."""


class Updates:
    """Knows what is newer than what is installed, and puts it in its place. `start` it once. `takeover` is
    for trials.

    Its callables: `device` and `programs` are what newer versions are judged by; `try_it` begins the trial of
    what is installed beside the old version, where `trial_first`, or who asks, says so.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        library: Library,
        catalog: Catalog,
        downloads: Callable[[], Downloads],
        servers: Callable[[], Servers],
        policies: Policies,
        device: Callable[[], Device],
        programs: Callable[[App | None], Programs],
        clock: Callable[[], datetime],
        trial_first: bool = False,
        try_it: Callable[[Plan], Awaitable[None]] = nobody_tries,
    ) -> None:
        self._trial_first, self._try_it = trial_first, try_it
        self._database = database
        self._bus = bus
        self._library = library
        self._catalog = catalog
        self._downloads = downloads
        self._servers = servers
        self._policies = policies
        self._clock = clock
        self._looking = Looking(
            database,
            library=library,
            catalog=catalog,
            downloads=downloads,
            policies=policies,
            device=device,
            programs=programs,
        )
        self.takeover = Takeover(
            library, lambda: servers().saved, clock, self._taken, lambda: self._review.soon()
        )
        self._switching = Switching(database, library, servers, clock)
        self._one = asyncio.Lock()
        self._tasks: TaskOwner | None = None
        self._review = Review(database, bus, self._looking, self._switching, downloads, self._turn)

    async def start(self, tasks: TaskOwner) -> None:
        """Take up what was asked for and not begun, then tell readers whenever something is newer."""
        self._tasks = tasks
        await self._take_up()
        self._review.soon()
        tasks.start(self._review.run(), name="updates")

    # What may be asked

    async def all(self, app: App | None = None) -> tuple[Update, ...]:
        """What is newer than what is installed, by model, as the program that asks may use it."""
        return (await self._looking.look(app)).updates

    async def list(
        self,
        *,
        q: str = "",
        format: Collection[str] = (),  # the filter's name on the wire
        capability: Collection[str] = (),
        limit: int = 50,
        after: str | None = None,
        app: App | None = None,
    ) -> Page[Update]:
        """A page of those with every word of `q` and one of each filter's values.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        seen = await self._looking.look(app)
        found = []
        for update in seen.updates:
            item = seen.entries.get(update.model)
            entry = None if item is None else item.entry
            artifact = seen.artifacts[update.id]
            if matches(artifact, entry, q=q, format=format, capability=capability, state=()):
                found.append(update)
        return page_of(found, _position, tuple[str, str], limit, after)

    async def apply(self, request: ApplyUpdates, app: App | None = None) -> AppliedUpdates:
        """Begin the named updates, or all that nothing holds back: what is not here is downloaded beside the
        old version, and takes its place when it is installed.

        Raises:
            NotFound: an id is no installed artifact's.
        """
        async with self._one:
            seen = await self._looking.look(app)
            by_id = {update.id: update for update in seen.updates}
            for asked_id in request.ids or ():
                if asked_id not in seen.artifacts:
                    raise NotFound(
                        f"{printable(asked_id)[:80]} is not in the library. See GET /updates.",
                        code="artifact_not_found",
                    )
            asked = [
                update
                for update in seen.updates
                if request.ids is None and update.state in (UpdateState.AVAILABLE, UpdateState.READY)
            ]
            asked += [by_id[one] for one in dict.fromkeys(request.ids or ()) if one in by_id]
            refused = [
                RefusedUpdate(id=one, code="up_to_date", detail="There is nothing newer.")
                for one in dict.fromkeys(request.ids or ())
                if one not in by_id
            ]
            begun = []
            for update in asked:
                try:
                    if not request.dry_run:
                        await self._begin(update, request, app)
                    else:
                        _refuse_held(update, request)
                except Refused as refusal:
                    refused.append(RefusedUpdate(id=update.id, code=refusal.code, detail=refusal.detail))
                else:
                    begun.append(update)
            after = {update.id: update for update in (await self._looking.look(app)).updates}
            self._review.soon()
        applied = tuple(after.get(update.id, _done(update)) for update in begun)
        return AppliedUpdates(applied=applied, refused=tuple(refused))

    async def roll_back(self, request: RollBack) -> RolledBack:
        """Have the version before be the active one again, with the settings it had.

        Raises:
            InvalidInput: `model` is no model id.
            NotFound: nothing of it is installed.
            NotAllowed: `refused_by_policy`: the old version may not be used.
            Conflict: (`nothing_to_roll_back`, `version_gone`) there is no version before, or it was removed.
        """
        model = request.model
        if not is_model_id(model):
            raise InvalidInput.at("/model", "write publisher/name")
        async with self._one:
            reader = self._database.reader
            plans = [plan for plan in await store.all_plans(reader) if plan.model == model]
            plan, now, old = before_of(model, await self._library.of_model(reader, model), plans)
            await self._policies.refuse_artifact(old)
            if not request.dry_run:
                async with self._database.transaction(durable=True) as tx:
                    await self.takeover.give_back(tx, plan)
        way = Way(now.id, old.id)
        if not request.dry_run and request.switch == "now":
            self._spawn(self._switching.move_back(way), f"switch {model} back")
        self._review.soon()
        return RolledBack(
            model=model,
            from_id=now.id,
            from_version=now.version,
            from_option=now.option,
            to_id=old.id,
            to_version=old.version,
            to_option=old.option,
        )

    async def replaced(self) -> dict[str, str]:
        """Library id of what was updated → of what came in its place; nothing that was rolled back."""
        here = {(one.model, one.version, one.option): one.id for one in await self._library.all()}
        done = (State.INSTALLED, State.SWITCHING, State.DONE)
        return {
            plan.from_id: here[plan.model, plan.to_version, plan.to_option]
            for plan in await store.all_plans(self._database.reader)
            if plan.state in done and (plan.model, plan.to_version, plan.to_option) in here
        }

    # What other parts tell

    def around_install(self, tx: Transaction, finished: Finished) -> AbstractAsyncContextManager[None]:
        """See `Takeover.around_install`. What the catalog says of the version is kept with it."""
        return self._around_install(tx, finished)

    @contextlib.asynccontextmanager
    async def _around_install(self, tx: Transaction, finished: Finished) -> Any:
        async with self.takeover.around_install(tx, finished):
            yield
        item = await self._catalog.listed(finished.model)
        if item is not None and item.entry.version == finished.version:
            await store.keep(tx, [item.entry])

    def server_ready(self, server: Server) -> None:
        """A server has come to answer: if it runs a new version, what runs the old one may go."""
        self._spawn(self._follow(server), f"after the load of {server.model}")

    # How it is done

    async def _begin(self, update: Update, request: ApplyUpdates, app: App | None) -> None:
        _refuse_held(update, request)
        assert update.option is not None
        now = rfc3339(self._clock())
        async with self._database.transaction(durable=True) as tx:
            known = await store.plan(tx, update.model, update.version, update.option)
            fresh = Plan(
                model=update.model,
                from_id=update.id,
                from_version=update.installed_version,
                from_option=update.installed_option,
                to_version=update.version,
                to_option=update.option,
                state=State.WANTED,
            )
            once = known is not None and known.state is State.ROLLED_BACK and update.new_id is not None
            plan = replace(
                known if known and once else fresh,
                switch_now=request.switch == "now",
                trial=self._trial_first if request.trial is None else request.trial,
            )
            if known is not None and known.state is State.TRYING and not plan.trial:
                plan = replace(known, switch_now=plan.switch_now, trial=False)
            if known is not None and known.state in (State.INSTALLED, State.SWITCHING):
                plan = replace(known, switch_now=plan.switch_now)
                await store.put(tx, plan, now)
                tx.after_commit(lambda: self._taken(plan))
                return
            if update.new_id is not None and plan.trial:
                await self.takeover.keep_beside(tx, plan)
                return
            if update.new_id is not None:
                event = Event.INSTALLED_IN_USE if update.loaded_by else Event.INSTALLED
                await self.takeover.take(tx, plan, event)
                return
            await store.put(tx, plan, now)
        await self._enqueue(plan, force=request.force, app=app)

    async def _enqueue(self, plan: Plan, *, force: bool, app: App | None) -> None:
        name = f"{plan.model}@{plan.to_version}:{plan.to_option}"
        try:
            download, _ = await self._downloads().create(CreateDownload(model=name, force=force), app)
        except Refused:
            await self._turn(plan, Event.GIVEN_UP)
            raise
        await self._turn(plan, Event.ENQUEUED, download=download.id)

    async def _turn(self, plan: Plan, event: Event, download: str | None = None) -> None:
        """Record that `event` has happened, if it still can."""
        async with self._database.transaction() as tx:
            now = await store.plan(tx, plan.model, plan.to_version, plan.to_option)
            if now is None or not allows(now.state, event):
                return
            state = advance(now.state, event)
            if state is None:
                await store.forget(tx, now)
                return
            changed = replace(now, state=state, download=download or now.download)
            await store.put(tx, changed, rfc3339(self._clock()))

    def _taken(self, plan: Plan) -> None:
        self._review.soon()
        if plan.state is State.TRYING:
            self._spawn(self._try_it(plan), f"try {plan.model}")
        if plan.state is State.INSTALLED and plan.switch_now:
            self._spawn(self._switch(plan), f"switch {plan.model}")

    async def _switch(self, plan: Plan) -> None:
        if (way := await self._way(plan)) is not None:
            await self._switching.switch(plan, way)

    async def _follow(self, server: Server) -> None:
        for plan in await store.all_plans(self._database.reader):
            if plan.state is State.INSTALLED and plan.model == server.model:
                way = await self._way(plan)
                if way is not None and way.after == server.library_id:
                    await self._switching.follow(plan, way, server.started_at)

    async def _way(self, plan: Plan) -> Way | None:
        artifacts = await self._library.of_model(self._database.reader, plan.model)
        place = (plan.to_version, plan.to_option)
        new = next((one.id for one in artifacts.values() if (one.version, one.option) == place), None)
        return None if new is None else Way(plan.from_id, new)

    async def _take_up(self) -> None:
        """After a start nothing is loaded, and what was asked for last may not have come to the queue."""
        for plan in await store.all_plans(self._database.reader):
            if allows(plan.state, Event.OLD_UNLOADED):
                await self._turn(plan, Event.OLD_UNLOADED)
            elif plan.state is State.WANTED:
                try:
                    await self._enqueue(plan, force=True, app=None)
                except Refused as refusal:
                    log.warning("the update of %s cannot go on: %s", plan.model, refusal.detail)

    def _spawn(self, work: Any, name: str) -> None:
        if self._tasks is None:
            work.close()
            return
        self._tasks.start(work, name=name)


def _refuse_held(update: Update, request: ApplyUpdates) -> None:
    """Raises Conflict with the first reason that nobody overrides."""
    for held in update.held_back:
        by_name = held.code == "rolled_back" and request.ids is not None
        if not (by_name or (request.force and held.code in OVERRIDABLE)):
            raise Conflict(held.detail, code=held.code)


def _position(update: Update) -> tuple[str, str]:
    return update.model, update.id


def _done(update: Update) -> Update:
    """As it was asked for, where nothing is left to do of it."""
    return replace(update, state=UpdateState.READY, active=False, held_back=())
