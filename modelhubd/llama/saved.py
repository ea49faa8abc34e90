"""The layers below each load, and the one of them that is saved for a model's option."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import msgspec

from modelhubd.entries.older import at_version
from modelhubd.errors import PreconditionFailed
from modelhubd.fit.verdict import default_ctx
from modelhubd.llama import saved_store
from modelhubd.llama.admission import refuse_unrunnable
from modelhubd.llama.facts import sound_facts_of
from modelhubd.llama.settings import (
    NAMES,
    Below,
    Configured,
    check,
    default_settings,
    faults,
    made,
    notes,
    refuse_locked,
)
from modelhubd.storage.database import Database, Reader, Transaction
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadSettings, SettingsAnswer

log = logging.getLogger(__name__)


async def no_entry(model: str) -> CatalogEntry | None:
    return None


class SavedSettings:
    """Knows what every load begins with. `threads` and `ttl_s` are this machine's and the configuration's."""

    def __init__(
        self,
        database: Database,
        configured: Configured,
        *,
        resolve: Callable[[str], Awaitable[Artifact]],
        model_path: Callable[[Artifact], tuple[Path, Path | None]],
        entry: Callable[[str], Awaitable[CatalogEntry | None]],
        threads: Callable[[], int],
        ttl_s: int,
    ) -> None:
        self._database = database
        self._configured = configured
        self._resolve = resolve
        self._model_path = model_path
        self._entry = entry
        self._threads = threads
        self._ttl_s = ttl_s

    async def below(self, artifact: Artifact, facts: ModelFacts) -> Below:
        """What stands below a load of this artifact."""
        below = await self._below_saved(artifact, facts)
        return below.with_layer("saved", await _read(self._database.reader, artifact))

    async def opened(self, library_id: str) -> tuple[Artifact, ModelFacts]:
        """What can be run under this id, or reference, and what its file says.

        Raises:
            NotFound: nothing installed has this id.
            Conflict: its files are gone, broken (`bad_model`), or not for llama-server.
        """
        artifact = await self._resolve(library_id)
        refuse_unrunnable(artifact)
        return artifact, await sound_facts_of(artifact, *self._model_path(artifact))

    async def show(self, library_id: str) -> SettingsAnswer:
        """What is saved, and what it makes of a load.

        Raises:
            NotFound: nothing installed has this id.
            Conflict: its files are gone, broken, or not for llama-server.
        """
        artifact, facts = await self.opened(library_id)
        below = await self._below_saved(artifact, facts)
        return _answer(below, facts, await _read(self._database.reader, artifact))

    async def replace(
        self, library_id: str, settings: LoadSettings, expected: Collection[str] | None
    ) -> SettingsAnswer:
        """Save these and no others. `expected` names the revisions that may be replaced; None is any.

        Raises:
            NotFound, Conflict: as for `show`; also Conflict `decided_elsewhere` for what is locked.
            InvalidInput: a load could not be run with them.
            PreconditionFailed: somebody else has changed them.
        """
        artifact, facts = await self.opened(library_id)
        below = await self._below_saved(artifact, facts)
        refuse_locked(settings, below, at="")
        _, effective = below.with_layer("saved", settings).lay()
        check(effective, facts.architecture, own="saved", at="")
        async with self._database.transaction() as tx:
            _expect(_answer(below, facts, await _read(tx, artifact)), expected)
            await _write(tx, artifact, settings)
        return _answer(below, facts, settings)

    async def forget(self, library_id: str, expected: Collection[str] | None) -> SettingsAnswer:
        """Save nothing. Raises: as for `replace`."""
        artifact, facts = await self.opened(library_id)
        below = await self._below_saved(artifact, facts)
        async with self._database.transaction() as tx:
            _expect(_answer(below, facts, await _read(tx, artifact)), expected)
            await saved_store.forget(tx, artifact.model, artifact.option)
        return _answer(below, facts, LoadSettings())

    async def exchange(self, tx: Transaction, model: str, option: str, settings: str | None) -> str | None:
        """Put this JSON in the place of what is saved for an option, nothing where it is None; answers what
        was saved. Revisions follow from what is saved, so that an `If-Match` of before is refused."""
        before = await saved_store.saved(tx, model, option)
        if settings is None:
            await saved_store.forget(tx, model, option)
        else:
            await saved_store.save(tx, model, option, settings)
        return before

    async def text_of(self, reader: Reader, model: str, option: str) -> str | None:
        """The JSON that is saved for an option."""
        return await saved_store.saved(reader, model, option)

    async def _below_saved(self, artifact: Artifact, facts: ModelFacts) -> Below:
        built_in = default_settings(
            ctx=default_ctx(facts.architecture), threads=self._threads(), ttl_s=self._ttl_s
        )
        below = Below(
            layers=(("default", built_in), *self._configured.layers), locked=self._configured.locked
        )
        entry = at_version(await self._entry(artifact.model), artifact.version)
        if entry is None:
            return below
        return below.with_layer("model", entry.settings)


async def _read(reader: Reader, artifact: Artifact) -> LoadSettings:
    """What is saved; without what an earlier version of the program allowed and this one does not."""
    text = await saved_store.saved(reader, artifact.model, artifact.option)
    found = LoadSettings()
    for name, value in (msgspec.json.decode(text, type=dict[str, object]) if text else {}).items():
        try:
            one = msgspec.convert({name: value}, LoadSettings)
        except msgspec.ValidationError as error:
            log.warning("the saved setting %s of %s is ignored: %s", name, artifact.model, error)
        else:
            found = msgspec.structs.replace(found, **{name: getattr(one, name)})
    return found


async def _write(tx: Transaction, artifact: Artifact, settings: LoadSettings) -> None:
    if settings == LoadSettings():
        await saved_store.forget(tx, artifact.model, artifact.option)
    else:
        text = msgspec.json.encode(settings).decode()
        await saved_store.save(tx, artifact.model, artifact.option, text)


def _answer(below: Below, facts: ModelFacts, saved: LoadSettings) -> SettingsAnswer:
    _, effective = below.with_layer("saved", saved).lay()
    _, defaults = below.lay()
    answer = SettingsAnswer(
        saved=made(saved),
        effective=effective,
        defaults=defaults,
        locked=tuple(name for name in NAMES if name in below.locked),
        notes=(
            *notes(effective, facts),
            *(f"A load is refused: {clash.reason}" for clash in faults(effective, facts.architecture)),
        ),
        revision="",
    )
    digest = hashlib.sha256(msgspec.json.encode(answer)).hexdigest()
    return msgspec.structs.replace(answer, revision=digest[:16])


def _expect(now: SettingsAnswer, expected: Collection[str] | None) -> None:
    if expected is not None and now.revision not in expected:
        raise PreconditionFailed(
            "The settings are not as you have seen them: they were changed meanwhile. Read them again."
        )
