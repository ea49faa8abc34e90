"""The moment at which another artifact becomes what a model's name means, and back. Each is a part of one
transaction: after a kill there is the old one or the new one, with its settings."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from modelhubd.errors import Conflict
from modelhubd.library.service import Library
from modelhubd.llama.saved import SavedSettings
from modelhubd.storage.database import Transaction
from modelhubd.updates import store
from modelhubd.updates.decision import Plan
from modelhubd.updates.states import UNDER_WAY, Event, State, advance
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import Artifact, ArtifactState, Finished


class Takeover:
    """`on_taken` is called after a commit with the plan by which another artifact took over in it."""

    def __init__(
        self,
        library: Library,
        saved: Callable[[], SavedSettings],
        clock: Callable[[], datetime],
        on_taken: Callable[[Plan], None],
    ) -> None:
        self._library = library
        self._saved = saved
        self._clock = clock
        self._on_taken = on_taken

    @contextlib.asynccontextmanager
    async def around_install(self, tx: Transaction, finished: Finished) -> AsyncIterator[None]:
        """Around the library's record of a finished download: if somebody asked for it as an update, it takes
        the place of the old one in the same transaction."""
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
        if was_active:
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
