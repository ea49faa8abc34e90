"""Tells readers what a transaction changed."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from modelhubd.events import Bus
from modelhubd.library.naming import Naming
from modelhubd.storage.database import Transaction
from modelhubd.wire.events import Removed
from modelhubd.wire.library import Artifact, ArtifactState

INSTALLED = (ArtifactState.OK, ArtifactState.OFFLINE)
"""States of what counts as installed: it need not, or just now cannot, be downloaded again."""


class Telling:
    """Compares artifacts before and after a change, so that each event is sent where its value differs and
    nowhere else. `on_keys_changed` is called when another set of them counts as installed."""

    def __init__(self, bus: Bus, naming: Naming, on_keys_changed: Callable[[], None]) -> None:
        self._bus = bus
        self._naming = naming
        self._on_keys_changed = on_keys_changed

    @contextlib.asynccontextmanager
    async def of(self, tx: Transaction, *models: str) -> AsyncIterator[None]:
        """Around a change to artifacts of `models`; one that becomes the active one by it is told of too."""
        before = await self._naming.artifacts(tx, *models)
        yield
        after = await self._naming.artifacts(tx, *models)
        tx.after_commit(lambda: self._tell(before, after))

    def loaded_by(self, library_id: str) -> tuple[str, ...]:
        """Ids of the servers that run it."""
        return self._naming.loaded_by(library_id)

    def changed(self, tx: Transaction, artifact: Artifact) -> None:
        """After the commit: this is the artifact now."""
        tx.after_commit(lambda: self._bus.publish("library.changed", artifact.id, artifact))

    def _tell(self, before: Mapping[str, Artifact], after: Mapping[str, Artifact]) -> None:
        for removed in before.keys() - after.keys():
            self._bus.publish("library.removed", removed, Removed(id=removed))
        for artifact in after.values():
            if artifact.id not in before:
                self._bus.publish("library.added", artifact.id, artifact)
            elif artifact != before[artifact.id]:
                self._bus.publish("library.changed", artifact.id, artifact)
        if _installed(before) != _installed(after):
            self._on_keys_changed()


def _installed(artifacts: Mapping[str, Artifact]) -> set[str]:
    return {artifact.id for artifact in artifacts.values() if artifact.state in INSTALLED}
