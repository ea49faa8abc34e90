"""How artifacts come into the library, and leave it when their source does: rows, in the transaction of
whoever has put the files into their places."""

import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from modelhubd.errors import Conflict
from modelhubd.library import store
from modelhubd.library.layout import Key, folder_of
from modelhubd.library.looking import Looking
from modelhubd.library.states import Outside
from modelhubd.library.store import Stored
from modelhubd.library.telling import Telling
from modelhubd.storage.database import Transaction
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import ArtifactState, Finished


class Arrivals:
    """`look_again` has the models directory, and the folders outside of it, looked at soon."""

    def __init__(
        self,
        telling: Telling,
        looking: Looking,
        clock: Callable[[], datetime],
        look_again: Callable[[], None],
    ) -> None:
        self._telling = telling
        self._looking = looking
        self._clock = clock
        self._look_again = look_again

    async def add(self, tx: Transaction, finished: Finished, *, bundle: str | None = None) -> None:
        """Record what has its final names: a download, or what was installed from the bundle of that name."""
        key = Key(finished.model, finished.version, finished.option)
        if finished.directory != folder_of(key):
            raise ValueError(f"{finished.directory} is not where {key} belongs")
        await self._put(tx, key, finished, source="import" if bundle else "download", bundle=bundle)

    async def add_imported(self, tx: Transaction, finished: Finished) -> str:
        """Record what was imported and has its final names, in the import's own transaction; its id."""
        key = Key(finished.model, finished.version, finished.option)
        return await self._put(tx, key, finished, source="import")

    async def refer(
        self,
        tx: Transaction,
        finished: Finished,
        places: Mapping[str, Outside],
        *,
        managed: str | None = None,
    ) -> str:
        """Record an artifact whose files, by their names in it, lie at `places` outside the models directory.

        They are used where they are: nothing of ours ever writes to them or deletes them. `managed` names the
        source that answers for the artifact in the user's place, such as `bundle:<name>`; `forget_managed`
        takes it away again. Answers the artifact's id.

        Raises:
            ValueError: a file has no place.
            Conflict: it is installed already, and not by that source.
        """
        if missing := [file.name for file in finished.files if file.name not in places]:
            raise ValueError(f"it is not said where {missing[0]} is")
        outside = tuple(places[file.name] for file in finished.files)
        key = Key(finished.model, finished.version, finished.option)
        tx.after_commit(self._look_again)  # its folder is to be watched too
        for row in await store.of_model(tx, key.model):
            if row.key == key and (managed is None or row.managed != managed):
                raise Conflict(f"{key} is installed already. Remove it first.", code="already_installed")
        return await self._put(tx, key, finished, source="import", outside=outside, managed=managed)

    async def _put(
        self,
        tx: Transaction,
        key: Key,
        finished: Finished,
        *,
        source: str,
        outside: tuple[Outside | None, ...] = (),
        managed: str | None = None,
        bundle: str | None = None,
    ) -> str:
        artifact = Stored(
            id=await store.id_of(tx, key) or secrets.token_hex(8),
            key=key,
            format=finished.format,
            quantization=finished.quantization,
            source=source,
            state=ArtifactState.OK,
            digest=finished.digest,
            verified_at=finished.verified_at,
            installed_at=rfc3339(self._clock()),
            files=finished.files,
            mtimes_ns=(),
            outside=outside,
            managed=managed,
            bundle=bundle,
        )
        async with self._telling.of(tx, key.model):
            await self._looking.put(tx, artifact)
        return artifact.id

    async def forget_managed(self, tx: Transaction, managed: str, *, keep: Collection[str] = ()) -> int:
        """Take the artifacts of this source away, but for those whose ids are to be kept; how many. None of
        their files is touched."""
        gone = [row for row in await store.of_managed(tx, managed) if row.id not in keep]
        if not gone:
            return 0
        async with self._telling.of(tx, *(row.key.model for row in gone)):
            for row in gone:
                await store.set_removing(tx, row.id, removing=True)
                await store.forget_removed(tx, row.id)
        return len(gone)
