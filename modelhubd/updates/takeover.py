"""The moment at which another artifact becomes what a model's name means, and back. Each is a part of one
transaction: after a kill there is the old one or the new one, with its settings."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from modelhubd.errors import Conflict
from modelhubd.library.service import Library
from modelhubd.llama.saved import SavedSettings
from modelhubd.storage.database import Reader, Transaction
from modelhubd.updates import store
from modelhubd.updates.decision import Plan
from modelhubd.updates.states import UNDER_WAY, Event, State, advance
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import Artifact, ArtifactState, Finished
from modelhubd.wire.updates import Switch


class Takeover:
    """`on_taken` is called after a commit with the plan by which another artifact took over in it,
    `on_given_up` when one will not."""

    def __init__(
        self,
        library: Library,
        saved: Callable[[], SavedSettings],
        clock: Callable[[], datetime],
        on_taken: Callable[[Plan], None],
        on_given_up: Callable[[], None],
    ) -> None:
        self._library = library
        self._saved = saved
        self._clock = clock
        self._on_taken = on_taken
        self._on_given_up = on_given_up

    @contextlib.asynccontextmanager
    async def around_install(self, tx: Transaction, finished: Finished) -> AsyncIterator[None]:
        """Around the library's record of a finished download: if somebody asked for it as an update, it takes
        the place of the old one in the same transaction; one that is to be tried first does not."""
        before = _active(await self._library.of_model(tx, finished.model))
        yield
        plan = await store.plan(tx, finished.model, finished.version, finished.option)
        if plan is None or plan.state not in UNDER_WAY:
            return
        artifacts = await self._library.of_model(tx, finished.model)
        old = artifacts.get(plan.from_id)
        was_active = before is None or before.id == plan.from_id
        event = Event.INSTALLED_IN_USE if old is not None and old.loaded_by else Event.INSTALLED
        plan = replace(plan, was_active=was_active)
        if plan.trial and before is not None:
            await self._library.make_active(tx, plan.model, before.id)
            await self._settle(tx, plan, Event.INSTALLED_TO_TRY)
        elif was_active:
            await self.take(tx, plan, event)
        else:
            # Whatever else the name means stays what it means.
            now = _active(artifacts)
            if now is not None and before is not None and now.id != before.id:
                await self._library.make_active(tx, plan.model, before.id)
            await self._settle(tx, await self._with_settings(tx, plan), event)

    async def take(self, tx: Transaction, plan: Plan, event: Event) -> None:
        """Have the plan's new version be what the model's name means, with the settings of the old one.

        Raises:
            Conflict: the new version is not there, or not whole.
        """
        artifacts = await self._library.of_model(tx, plan.model)
        place = (plan.to_version, plan.to_option)
        new = next((one for one in artifacts.values() if (one.version, one.option) == place), None)
        if new is None or new.state is not ArtifactState.OK:
            raise _unusable(plan.model, plan.to_version, plan.to_option)
        await self._library.make_active(tx, plan.model, new.id)
        await self._settle(tx, await self._with_settings(tx, plan), event)

    async def keep_beside(self, tx: Transaction, plan: Plan) -> None:
        """The plan's new version is here and is to be tried: what the name means stays."""
        before = _active(await self._library.of_model(tx, plan.model))
        if before is not None:
            await self._library.make_active(tx, plan.model, before.id)
        await self._settle(tx, plan, Event.INSTALLED_TO_TRY)

    async def on_trial(self, reader: Reader) -> tuple[Plan, ...]:
        """Updates that are installed beside the old version to be tried."""
        plans = await store.all_plans(reader)
        return tuple(plan for plan in plans if plan.state is State.TRYING)

    async def adopt(
        self,
        tx: Transaction,
        *,
        model: str,
        from_id: str,
        from_place: tuple[int, str],
        to_place: tuple[int, str],
        switch: Switch,
    ) -> None:
        """Have another installed version or option (`to_place`) be what a model's name means instead of that
        of `from_place`: with its settings, and a way back.

        Raises:
            Conflict: (`version_gone`) it is not here, or not whole.
        """
        known = await store.plan(tx, model, *to_place)
        plan = Plan(
            model=model,
            from_id=from_id,
            from_version=from_place[0],
            from_option=from_place[1],
            to_version=to_place[0],
            to_option=to_place[1],
            state=State.WANTED,
            was_active=True,
        )
        if known is not None and known.state in (State.TRYING, State.ROLLED_BACK):
            plan = replace(plan, state=known.state, settings_after=known.settings_after)
        old = (await self._library.of_model(tx, model)).get(from_id)
        in_use = old is not None and old.loaded_by
        plan = replace(plan, switch_now=switch == "now")
        await self.take(tx, plan, Event.INSTALLED_IN_USE if in_use else Event.INSTALLED)

    async def given_up(self, tx: Transaction, model: str, version: int, option: str) -> None:
        """The trial of this version is over, and it has not taken the place of the old one."""
        plan = await store.plan(tx, model, version, option)
        if plan is not None and plan.state is State.TRYING:
            await store.forget(tx, plan)
            tx.after_commit(self._on_given_up)

    async def give_back(self, tx: Transaction, plan: Plan) -> None:
        """Have the plan's old version be what the model's name means again, with its settings.

        Raises:
            Conflict: it is gone, or not whole.
        """
        old = (await self._library.of_model(tx, plan.model)).get(plan.from_id)
        if old is None or old.state is not ArtifactState.OK:
            raise _unusable(plan.model, plan.from_version, plan.from_option)
        await self._library.make_active(tx, plan.model, old.id)
        if plan.from_option == plan.to_option:
            saved = self._saved()
            if await store.plan(tx, plan.model, plan.to_version, plan.to_option) is None:
                after = await saved.text_of(tx, plan.model, plan.from_option)  # nobody knows of others
            else:
                after = await saved.exchange(tx, plan.model, plan.from_option, plan.settings_before)
            plan = replace(plan, settings_after=after)
        await self._settle(tx, plan, Event.ROLL_BACK)

    async def _with_settings(self, tx: Transaction, plan: Plan) -> Plan:
        """Settings are kept by option, so that a version of the same option has them; another option gets
        them unless it has its own."""
        saved = self._saved()
        before = await saved.text_of(tx, plan.model, plan.from_option)
        if plan.from_option == plan.to_option:
            if plan.state is State.ROLLED_BACK:
                await saved.exchange(tx, plan.model, plan.to_option, plan.settings_after)
        elif before is not None and await saved.text_of(tx, plan.model, plan.to_option) is None:
            await saved.exchange(tx, plan.model, plan.to_option, before)
        return replace(plan, settings_before=before)

    async def _settle(self, tx: Transaction, plan: Plan, event: Event) -> None:
        state = advance(plan.state, event)
        assert state is not None
        settled = replace(plan, state=state, error_code=None, error_detail=None)
        await store.put(tx, settled, rfc3339(self._clock()))
        tx.after_commit(lambda: self._on_taken(settled))


def _active(artifacts: Mapping[str, Artifact]) -> Artifact | None:
    return next((one for one in artifacts.values() if one.active), None)


def _unusable(model: str, version: int, option: str) -> Conflict:
    name = f"{model}@{version}:{option}"
    return Conflict(
        f"{name} is not here, or not whole, any more. Get it again: modelhub pull {name}", code="version_gone"
    )
