"""The library's SQL."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelhubd.library.layout import Key, folder_of
from modelhubd.library.states import (
    Found,
    Outside,
    Trace,
    is_replaced,
    is_rewritten,
    is_touched,
    remounted,
    state_of,
)
from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.tasks import freed, gently, in_thread
from modelhubd.wire.library import ArtifactFile, ArtifactState

FEW = 100
"""As many artifacts are made of their rows at once; more of them in a thread."""


class Stored(Struct, frozen=True, kw_only=True, gc=False):
    """An artifact as its rows have it."""

    id: str
    key: Key
    format: str
    quantization: str | None
    source: str
    state: ArtifactState
    digest: str | None
    verified_at: str | None
    installed_at: str
    files: tuple[ArtifactFile, ...]
    mtimes_ns: tuple[int | None, ...]
    """One per file: when it was last written, as of its last check."""
    traces: tuple[Trace | None, ...] = ()
    """One per file: which inode it was then; empty where nothing is known of any."""
    outside: tuple[Outside | None, ...] = ()
    """One per file, None where it is in the models directory; empty where all are."""
    managed: str | None = None
    """The source that answers for it in the user's place."""
    bundle: str | None = None
    """Name of the bundle that it was installed from."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Of its files: relative to the models directory, absolute where a file is outside of it."""
        folder = folder_of(self.key)
        inside = (f"{folder}/{file.name}" for file in self.files)
        outside = self.outside or (None,) * len(self.files)
        return tuple(
            path if other is None else other.path for path, other in zip(inside, outside, strict=True)
        )

    @property
    def inside(self) -> tuple[str, ...]:
        """Of its files in the models directory."""
        return tuple(path for path in self.paths if not path.startswith("/"))

    @property
    def elsewhere(self) -> tuple[Outside, ...]:
        """Its files outside the models directory."""
        return tuple(file for file in self.outside if file is not None)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def seen(
        self, found: Mapping[str, Found], *, offline: bool, away: Collection[str] = frozenset()
    ) -> "Stored":
        """The same with the state that follows from the files that were found. With `offline` the models
        directory is away, and `away` are files outside of it whose drive is."""
        if (offline and self.inside) or any(file.path in away for file in self.elsewhere):
            return replace(self, state=ArtifactState.OFFLINE)
        files, traces = [], []
        nothing = (None,) * len(self.files)
        for file, path, mtime_ns, trace, outside in zip(
            self.files,
            self.paths,
            self.mtimes_ns,
            self.traces or nothing,
            self.outside or nothing,
            strict=True,
        ):
            facts = found.get(path)
            if facts is not None:
                rewritten = is_rewritten((path,), (mtime_ns,), found) or is_replaced((outside,), found)
                if rewritten or is_touched(trace, facts):
                    file = replace(file, verified_at=None, damaged=())
                elif trace is not None and trace.links != facts.links:
                    trace = Trace(facts.inode, facts.ctime_ns, facts.links)
            files.append(file)
            traces.append(trace)
        state = state_of(self.paths, [file.size_bytes for file in self.files], found)
        if state is ArtifactState.OK and any(file.damaged for file in files):
            state = ArtifactState.DAMAGED
        changed = (
            any(
                before.verified_at != after.verified_at or before.damaged != after.damaged
                for before, after in zip(self.files, files, strict=True)
            )
            or is_rewritten(self.paths, self.mtimes_ns, found)
            or is_replaced(self.outside, found)
        )
        return replace(
            self,
            state=state,
            verified_at=None if changed else self.verified_at,
            files=tuple(files),
            traces=tuple(traces) if self.traces else (),
            outside=remounted(self.outside, found),
        )

    def stamped(self, old: Mapping[str, Found], new: Mapping[str, Found]) -> "Stored | None":
        """The same with the traces of its files at another place, where they are as they were; a file that
        was touched meanwhile stays without. None where files are missing."""
        if any(path not in old or path not in new for path in self.inside):
            return None
        settled = self.seen(old, offline=False)
        traces = tuple(
            Trace(new[path].inode, new[path].ctime_ns, new[path].links) if path in new else before
            for path, before in zip(self.paths, settled.traces or (None,) * len(self.paths), strict=True)
        )
        return replace(settled, traces=traces)


async def all_artifacts(reader: Reader) -> list[Stored]:
    """By model, newest version first; those being removed are not among them."""
    return await _artifacts(reader)


async def of_model(reader: Reader, model: str) -> list[Stored]:
    return await _artifacts(reader, models=(model,))


async def of_models(reader: Reader, models: Collection[str]) -> list[Stored]:
    """In the order of `all_artifacts`."""
    return await _artifacts(reader, models=models)


async def with_content(reader: Reader, sha256: str) -> list[Stored]:
    """Those that have a file of this digest."""
    rows = await reader.fetch_all(
        "SELECT DISTINCT model FROM artifact JOIN artifact_file ON artifact_id = id WHERE sha256 = ?",
        (sha256,),
    )
    return await of_models(reader, [row["model"] for row in rows])


async def get(reader: Reader, artifact_id: str) -> Stored | None:
    found = await _artifacts(reader, artifact_id=artifact_id)
    return found[0] if found else None


async def being_removed(reader: Reader) -> list[Stored]:
    return await _artifacts(reader, removing=True)


async def _artifacts(
    reader: Reader,
    *,
    artifact_id: str | None = None,
    models: Collection[str] | None = None,
    managed: str | None = None,
    removing: bool = False,
) -> list[Stored]:
    which = "removing = :removing"
    which += "" if artifact_id is None else " AND id = :id"
    which += "" if models is None else " AND model IN (SELECT value FROM json_each(:models))"
    which += "" if managed is None else " AND managed = :managed"
    wanted = {
        "removing": int(removing),
        "id": artifact_id,
        "managed": managed,
        "models": msgspec.json.encode(tuple(models or ())).decode(),
    }
    with gently():
        files = await reader.fetch_all(
            "SELECT file.*, inode, ctime_ns, links, file_check.verified_at, damaged FROM artifact "  # noqa: S608
            "CROSS JOIN artifact_file AS file ON artifact.id = file.artifact_id "
            f"LEFT JOIN file_check USING (artifact_id, name) WHERE {which} ORDER BY position",
            wanted,
        )
        rows = await reader.fetch_all(
            f"SELECT * FROM artifact WHERE {which} ORDER BY model, version DESC, option",  # noqa: S608
            wanted,
        )
        if len(rows) <= FEW:
            return _all_stored(rows, files)
        return await in_thread(partial(_all_stored, rows, files))


def _all_stored(rows: list[Row], files: list[Row]) -> list[Stored]:
    """Both lists are empty then."""
    of: dict[str, list[Row]] = {}
    for file in files:
        of.setdefault(file["artifact_id"], []).append(file)
    freed(files)
    found = [_stored(row, of.pop(row["id"], ())) for row in rows]
    freed(rows)
    return found


def _stored(row: Row, files: Sequence[Row]) -> Stored:
    return Stored(
        id=row["id"],
        key=Key(row["model"], row["version"], row["option"]),
        format=row["format"],
        quantization=row["quantization"],
        source=row["source"],
        state=ArtifactState(row["state"]),
        digest=row["digest"],
        verified_at=row["verified_at"],
        installed_at=row["installed_at"],
        files=tuple(
            ArtifactFile(
                name=file["name"],
                role=file["role"],
                size_bytes=file["size_bytes"],
                sha256=file["sha256"],
                verified_at=file["verified_at"],
                damaged=_damaged(file["damaged"]),
            )
            for file in files
        ),
        mtimes_ns=tuple(file["mtime_ns"] for file in files),
        traces=tuple(
            None if file["inode"] is None else Trace(file["inode"], file["ctime_ns"], file["links"])
            for file in files
        ),
        outside=tuple(_outside(file) for file in files) if any(file["outside"] for file in files) else (),
        managed=row["managed"],
        bundle=row["bundle"],
    )


def _damaged(text: str | None) -> tuple[tuple[int, int], ...]:
    return () if text is None else msgspec.json.decode(text, type=tuple[tuple[int, int], ...])


def _outside(file: Row) -> Outside | None:
    if file["outside"] is None:
        return None
    return Outside(file["outside"], file["outside_device"], file["outside_inode"], file["mtime_ns"] or 0)


async def put(tx: Transaction, artifact: Stored) -> None:
    """Write the artifact with its files; one with the same id gets these values."""
    await tx.execute(
        "INSERT INTO artifact (id, model, version, option, format, quantization, source, state, digest, "
        "verified_at, installed_at, managed, bundle) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET format = excluded.format, quantization = excluded.quantization, "
        "source = excluded.source, state = excluded.state, digest = excluded.digest, "
        "verified_at = excluded.verified_at, installed_at = excluded.installed_at, "
        "managed = excluded.managed, bundle = excluded.bundle, removing = 0",
        (
            artifact.id,
            artifact.key.model,
            artifact.key.version,
            artifact.key.option,
            artifact.format,
            artifact.quantization,
            artifact.source,
            artifact.state.value,
            artifact.digest,
            artifact.verified_at,
            artifact.installed_at,
            artifact.managed,
            artifact.bundle,
        ),
    )
    await tx.execute("DELETE FROM artifact_file WHERE artifact_id = ?", (artifact.id,))
    await tx.execute("DELETE FROM file_check WHERE artifact_id = ?", (artifact.id,))
    await set_checks(tx, artifact)
    outside = artifact.outside or (None,) * len(artifact.files)
    await tx.execute_many(
        "INSERT INTO artifact_file (artifact_id, position, name, role, size_bytes, sha256, mtime_ns, "
        "outside, outside_device, outside_inode) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (artifact.id, position, file.name, file.role, file.size_bytes, file.sha256, mtime_ns)
            + ((None, None, None) if other is None else (other.path, other.device, other.inode))
            for position, (file, mtime_ns, other) in enumerate(
                zip(artifact.files, artifact.mtimes_ns, outside, strict=True)
            )
        ],
    )


async def set_checks(tx: Transaction, artifact: Stored) -> None:
    """Write what is known of the files by their last check: their inodes, `verified_at` and `damaged`."""
    traces = artifact.traces or (None,) * len(artifact.files)
    await tx.execute_many(
        "INSERT INTO file_check (artifact_id, name, inode, ctime_ns, links, verified_at, damaged) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (artifact_id, name) DO UPDATE SET inode = excluded.inode, "
        "ctime_ns = excluded.ctime_ns, links = excluded.links, verified_at = excluded.verified_at, "
        "damaged = excluded.damaged",
        [
            (
                artifact.id,
                file.name,
                *((None, None, None) if trace is None else (trace.inode, trace.ctime_ns, trace.links)),
                file.verified_at,
                msgspec.json.encode(file.damaged).decode() if file.damaged else None,
            )
            for file, trace in zip(artifact.files, traces, strict=True)
        ],
    )


async def id_of(reader: Reader, key: Key) -> str | None:
    """The id of the artifact there is of `key`, also while it is being removed."""
    row = await reader.fetch_one(
        "SELECT id FROM artifact WHERE model = ? AND version = ? AND option = ?",
        (key.model, key.version, key.option),
    )
    return row["id"] if row else None


async def set_state(tx: Transaction, artifact_id: str, state: ArtifactState, verified_at: str | None) -> None:
    await tx.execute(
        "UPDATE artifact SET state = ?, verified_at = ? WHERE id = ?", (state.value, verified_at, artifact_id)
    )


async def set_devices(tx: Transaction, artifact_id: str, outside: Sequence[Outside | None]) -> None:
    """Where the outside files of an artifact are mounted now, and how they are numbered there."""
    await tx.execute_many(
        "UPDATE artifact_file SET outside_device = ?, outside_inode = ? "
        "WHERE artifact_id = ? AND position = ?",
        [
            (file.device, file.inode, artifact_id, place)
            for place, file in enumerate(outside)
            if file is not None
        ],
    )


async def of_managed(reader: Reader, managed: str) -> list[Stored]:
    """What this source answers for."""
    return await _artifacts(reader, managed=managed)


async def set_removing(tx: Transaction, artifact_id: str, *, removing: bool) -> None:
    await tx.execute("UPDATE artifact SET removing = ? WHERE id = ?", (int(removing), artifact_id))


async def forget_removed(tx: Transaction, artifact_id: str) -> None:
    """Delete the row, unless the artifact was installed anew meanwhile."""
    await tx.execute("DELETE FROM artifact WHERE id = ? AND removing = 1", (artifact_id,))


async def chosen(reader: Reader) -> dict[str, str]:
    """Model id → id of the artifact that somebody made the active one."""
    rows = await reader.fetch_all("SELECT model, artifact_id FROM active_artifact")
    return {row["model"]: row["artifact_id"] for row in rows}


async def choose(tx: Transaction, model: str, artifact_id: str) -> None:
    await tx.execute(
        "INSERT INTO active_artifact (model, artifact_id) VALUES (?, ?) "
        "ON CONFLICT (model) DO UPDATE SET artifact_id = excluded.artifact_id",
        (model, artifact_id),
    )
