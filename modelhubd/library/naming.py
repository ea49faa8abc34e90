"""What a name means, and artifacts as the wire has them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from modelhubd.errors import NotFound
from modelhubd.library import store
from modelhubd.library.active import best_fitting, candidates
from modelhubd.library.layout import LIBRARY_ID
from modelhubd.library.outside import shown
from modelhubd.library.store import Stored
from modelhubd.storage.database import Reader
from modelhubd.tasks import unhurried
from modelhubd.trust.names import Reference, parse_reference
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.device import Device
from modelhubd.wire.library import Artifact, ArtifactFile


def no_artifact() -> NotFound:
    return NotFound(
        "There is no such artifact in the library. GET /library lists those that are installed.",
        code="artifact_not_found",
    )


class Naming:
    """Knows from its callables what rows do not hold: the catalog's entry, the device, the servers."""

    def __init__(
        self,
        entry: Callable[[str], Awaitable[CatalogEntry | None]],
        device: Callable[[], Device],
        loaded: Callable[[], Mapping[str, tuple[str, ...]]],
        withdrawn: Callable[[str], str | None] = lambda model: None,
        home: Path = Path("/"),
    ) -> None:
        self._home = home
        self._withdrawn = withdrawn
        self._entry = entry
        self._device = device
        self._loaded = loaded

    def loaded_by(self, library_id: str) -> tuple[str, ...]:
        """Ids of the servers that run it."""
        return tuple(self._loaded().get(library_id, ()))

    async def meant(self, reader: Reader, text: str) -> Stored:
        """The row that a library id or a reference means.

        Raises:
            InvalidInput: neither of the two.
            NotFound: nothing of the kind is installed; names what is of the same model.
        """
        if LIBRARY_ID.fullmatch(text):
            found = await store.get(reader, text)
            if found is None:
                raise no_artifact()
            return found
        reference = parse_reference(text)
        rows = await store.of_model(reader, reference.model)
        row = await self._best(rows, reference, (await store.chosen(reader)).get(reference.model))
        if row is None:
            others = ", ".join(f"@{other.key.version}:{other.key.option}" for other in rows)
            here = f" Installed of this model: {others}." if others else ""
            raise NotFound(
                f"{reference} is not installed.{here} Download it first (modelhub pull {reference}).",
                code="not_installed",
            )
        return row

    async def artifacts(self, reader: Reader, *models: str) -> dict[str, Artifact]:
        """By id, of these models or of all; by model, newest version first."""
        rows = await (store.of_models(reader, models) if models else store.all_artifacts(reader))
        by_model: dict[str, list[Stored]] = {}
        async for row in unhurried(rows, at_once=1000):
            by_model.setdefault(row.key.model, []).append(row)
        rows.clear()
        chosen = await store.chosen(reader)
        found: dict[str, Artifact] = {}
        async for model in unhurried(tuple(by_model)):
            of_model = by_model.pop(model)  # so that rows are freed as it goes, and not all at the end
            best = await self._best(of_model, Reference(model), chosen.get(model))
            found |= {row.id: self._artifact(row, active=row is best) for row in of_model}
        return found

    def _artifact(self, row: Stored, *, active: bool) -> Artifact:
        return Artifact(
            id=row.id,
            model=row.key.model,
            version=row.key.version,
            option=row.key.option,
            format=row.format,
            quantization=row.quantization,
            source=row.source if row.bundle is None else "bundle",
            state=row.state,
            size_bytes=row.size_bytes,
            digest=row.digest,
            files=self._files(row),
            verified_at=row.verified_at,
            installed_at=row.installed_at,
            active=active,
            loaded_by=self.loaded_by(row.id),
            withdrawn=self._withdrawn(row.key.model),
            managed=row.managed,
        )

    def _files(self, row: Stored) -> tuple[ArtifactFile, ...]:
        if not row.outside:
            return row.files
        return tuple(
            file if other is None else replace(file, outside=True, where=shown(other.path, self._home))
            for file, other in zip(row.files, row.outside, strict=True)
        )

    async def _best(self, rows: Iterable[Stored], reference: Reference, chosen: str | None) -> Stored | None:
        found = candidates(rows, reference, chosen)
        if len(found) > 1:
            return best_fitting(found, await self._entry(reference.model), self._device())
        return found[0] if found else None
