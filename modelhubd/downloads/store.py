"""The SQL of the queue."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from modelhubd.downloads.rows import Durable, ListKey, StoredDownload, StoredFile
from modelhubd.downloads.spans import Span
from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import Format, Option, OptionFile, Role
from modelhubd.wire.downloads import DownloadState

_WAITS_TO_RUN = "state IN ('queued', 'waiting', 'paused')"


async def insert(
    tx: Transaction,
    *,
    id: str,
    model: str,
    version: int,
    option: Option,
    digest: str | None,
    priority: int,
    max_bytes_per_s: int | None,
    now: datetime,
) -> None:
    await tx.execute(
        "INSERT INTO download (id, model, version, option, format, quantization, digest, state, priority,"
        " max_bytes_per_s, rank, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?,"
        " (SELECT coalesce(max(rank), 0) + 1 FROM download WHERE ended = 0), ?, ?)",
        (
            id,
            model,
            version,
            option.id,
            option.format,
            option.quantization,
            digest,
            priority,
            max_bytes_per_s,
            rfc3339(now),
            rfc3339(now),
        ),
    )
    await _insert_files(tx, id, option)


async def _insert_files(tx: Transaction, id: str, option: Option) -> None:
    await tx.execute_many(
        "INSERT INTO download_file (download, place, name, role, size_bytes, sha256, urls)"
        " VALUES ((SELECT number FROM download WHERE id = ?), ?, ?, ?, ?, ?, ?)",
        [
            (
                id,
                place,
                file.name,
                file.role,
                file.size_bytes,
                file.sha256,
                msgspec.json.encode(file.urls).decode(),
            )
            for place, file in enumerate(option.files)
        ],
    )


async def get(reader: Reader, id: str) -> StoredDownload | None:
    found = await _with_files(reader, await reader.fetch_all("SELECT * FROM download WHERE id = ?", (id,)))
    return found[0] if found else None


async def get_all(reader: Reader, ids: Sequence[str]) -> list[StoredDownload]:
    """Those of `ids` that there are, in that order."""
    rows: list[Row] = []
    for some in (ids[start : start + 500] for start in range(0, len(ids), 500)):
        found = await reader.fetch_all(
            f"SELECT * FROM download WHERE id IN ({', '.join('?' * len(some))})",  # noqa: S608
            some,
        )
        place = {id_: number for number, id_ in enumerate(some)}
        rows.extend(sorted(found, key=lambda row: place[row["id"]]))
    return await _with_files(reader, rows)


async def under_way(reader: Reader, model: str, version: int, option: str) -> str | None:
    """Id of the download of this artifact that is not ended."""
    row = await reader.fetch_one(
        "SELECT id FROM download WHERE model = ? AND version = ? AND option = ? AND ended = 0",
        (model, version, option),
    )
    return None if row is None else str(row["id"])


async def page(
    reader: Reader, states: Collection[DownloadState], limit: int, after: ListKey | None
) -> list[StoredDownload]:
    """At most `limit` of the list, from behind the one whose `list_key` is `after`."""
    where, values = _in_states(states)
    rows: list[Row] = []
    if after is None or not after.ended:
        later = "(-priority, rank, number) > (?, ?, ?)" if after else "1"
        rows = await reader.fetch_all(
            f"SELECT * FROM download WHERE ended = 0 AND {where} AND {later}"  # noqa: S608
            " ORDER BY priority DESC, rank, number LIMIT ?",
            (*values, *(after[1:] if after else ()), limit),
        )
    if len(rows) < limit:
        later = "(-rank, number) > (?, ?)" if after and after.ended else "1"
        rows += await reader.fetch_all(
            f"SELECT * FROM download WHERE ended = 1 AND {where} AND {later}"  # noqa: S608
            " ORDER BY rank DESC, number LIMIT ?",
            (*values, *(after[2:] if after and after.ended else ()), limit - len(rows)),
        )
    return await _with_files(reader, rows)


async def count(reader: Reader, states: Collection[DownloadState]) -> int:
    where, values = _in_states(states)
    row = await reader.fetch_one(f"SELECT count(*) AS n FROM download WHERE {where}", values)  # noqa: S608
    assert row is not None
    return int(row["n"])


async def recent(reader: Reader, ended: int) -> list[Row]:
    """`id` of what is not ended and of the last `ended` that are, in the order of the list, and whether each
    `waits` to run. There may be thousands, so that they are left as the database gives them."""
    rows = await reader.fetch_all(
        f"SELECT id, {_WAITS_TO_RUN} AS waits FROM download WHERE ended = 0"  # noqa: S608
        " ORDER BY priority DESC, rank, number"
    )
    rows += await reader.fetch_all(
        "SELECT id, 0 AS waits FROM download WHERE ended = 1 ORDER BY rank DESC, number LIMIT ?", (ended,)
    )
    return rows


async def counts(reader: Reader) -> dict[DownloadState, int]:
    rows = await reader.fetch_all("SELECT state, count(*) AS n FROM download GROUP BY state")
    return {DownloadState(row["state"]): int(row["n"]) for row in rows}


async def staged_and_over(reader: Reader) -> list[str]:
    """Ids of ended downloads whose staging folder may still be there."""
    rows = await reader.fetch_all("SELECT id FROM download WHERE ended = 1 AND staged != 0")
    return [row["id"] for row in rows]


async def anything_staged(reader: Reader) -> bool:
    return await reader.fetch_one("SELECT 1 FROM download WHERE staged != 0 LIMIT 1") is not None


async def bytes_promised(reader: Reader, except_id: str | None = None) -> int:
    """Disk that the downloads that are not ended still need, but for one."""
    row = await reader.fetch_one(
        "SELECT coalesce(sum(max(coalesce(size_bytes, total_bytes, 0) - written_bytes, 0)), 0) AS n"
        " FROM download_file JOIN download ON number = download WHERE ended = 0 AND id IS NOT ?",
        (except_id,),
    )
    assert row is not None
    return int(row["n"])


async def positions(reader: Reader, downloads: Sequence[StoredDownload]) -> dict[str, int]:
    """Place in the line of those that wait to run, from 1; others are left out."""
    waiting = [item for item in downloads if item.state in ("queued", "waiting", "paused")]
    if not waiting:
        return {}
    if len(waiting) == 1:
        row = await reader.fetch_one(
            f"SELECT count(*) AS n FROM download WHERE {_WAITS_TO_RUN}"  # noqa: S608
            " AND (-priority, rank) <= (?, ?)",
            (-waiting[0].priority, waiting[0].rank),
        )
        assert row is not None
        return {waiting[0].id: int(row["n"])}
    last = max(waiting, key=lambda item: (-item.priority, item.rank))
    rows = await reader.fetch_all(
        "SELECT id, place FROM (SELECT id, row_number() OVER (ORDER BY priority DESC, rank) AS place"  # noqa: S608
        f" FROM download WHERE {_WAITS_TO_RUN} AND (-priority, rank) <= (?, ?))"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (-last.priority, last.rank, msgspec.json.encode([item.id for item in waiting]).decode()),
    )
    return {row["id"]: int(row["place"]) for row in rows}


async def set_state(
    tx: Transaction,
    id: str,
    state: DownloadState,
    now: datetime,
    *,
    attempts: int | None = None,
    next_retry_at: datetime | None = None,
    waits_for: str | None = None,
    error: tuple[str, str] | None = None,
) -> None:
    """`attempts` None leaves the count; the rest is set as given."""
    await tx.execute(
        "UPDATE download SET state = ?, ended = ?, updated_at = ?, attempts = coalesce(?, attempts),"
        " next_retry_at = ?, waits_for = ?, error_code = ?, error_detail = ? WHERE id = ?",
        (
            state,
            int(state.ended),
            rfc3339(now),
            attempts,
            rfc3339(next_retry_at) if next_retry_at else None,
            waits_for,
            *(error or (None, None)),
            id,
        ),
    )
    if state.ended:
        await tx.execute(
            "UPDATE download SET rank = (SELECT coalesce(max(rank), 0) + 1 FROM download WHERE ended = 1"
            " AND id != ?) WHERE id = ?",
            (id, id),
        )


async def set_staged(tx: Transaction, id: str, staged: int) -> None:
    await tx.execute("UPDATE download SET staged = ? WHERE id = ?", (staged, id))


async def enqueue_again(tx: Transaction, id: str, option: Option | None, digest: str | None) -> None:
    """A new life for an ended one: nothing held, last in the queue; with the files of `option`, if any."""
    await tx.execute(
        "UPDATE download SET attempts = 0, rank = (SELECT coalesce(max(rank), 0) + 1 FROM download"
        " WHERE ended = 0 AND id != ?) WHERE id = ?",
        (id, id),
    )
    await tx.execute(
        "UPDATE download_file SET url_place = 0, etag = NULL, total_bytes = NULL, changes = 0,"
        " written_bytes = 0, synced_bytes = 0, written_map = NULL, synced_map = NULL, boot_id = NULL,"
        " reached_bytes = 0, found_sha256 = NULL"
        " WHERE download = (SELECT number FROM download WHERE id = ?)",
        (id,),
    )
    if option is not None:
        await tx.execute(
            "DELETE FROM download_file WHERE download = (SELECT number FROM download WHERE id = ?)", (id,)
        )
        await tx.execute(
            "UPDATE download SET digest = ?, format = ?, quantization = ? WHERE id = ?",
            (digest, option.format, option.quantization, id),
        )
        await _insert_files(tx, id, option)


async def set_answer(
    tx: Transaction,
    number: int,
    place: int,
    *,
    total: int | None,
    etag: str | None,
    kept: bool,
    changed: bool,
) -> None:
    """What an origin answered; where the bytes are not `kept` the file starts afresh."""
    await tx.execute(
        "UPDATE download_file SET total_bytes = ?, etag = ?, changes = changes + ?"
        " WHERE download = ? AND place = ?",
        (total, etag, int(changed), number, place),
    )
    if not kept:
        await tx.execute(
            "UPDATE download_file SET written_bytes = 0, synced_bytes = 0, written_map = NULL,"
            " synced_map = NULL WHERE download = ? AND place = ?",
            (number, place),
        )


async def set_durable(tx: Transaction, number: int, place: int, durable: Durable, progressed: bool) -> None:
    """`progressed`: further than ever before, so that faults are counted from none again."""
    written = sum(end - start for start, end in durable.written)
    synced = sum(end - start for start, end in durable.synced)
    await tx.execute(
        "UPDATE download_file SET written_bytes = ?1, synced_bytes = ?2, boot_id = ?3,"
        " written_map = ?4, synced_map = ?5, reached_bytes = max(reached_bytes, ?1)"
        " WHERE download = ?6 AND place = ?7",
        (
            written,
            synced,
            durable.boot_id,
            msgspec.json.encode(durable.written).decode(),
            msgspec.json.encode(durable.synced).decode(),
            number,
            place,
        ),
    )
    if progressed:
        await tx.execute("UPDATE download SET attempts = 0 WHERE number = ? AND attempts != 0", (number,))


async def set_whole(tx: Transaction, number: int, place: int, size: int, sha256: str) -> None:
    """The file is complete, right and on the disk."""
    await tx.execute(
        "UPDATE download_file SET found_sha256 = ?1, total_bytes = ?2, written_bytes = ?2, synced_bytes = ?2,"
        " written_map = NULL, synced_map = NULL, reached_bytes = max(reached_bytes, ?2)"
        " WHERE download = ?3 AND place = ?4",
        (sha256, size, number, place),
    )


async def start_file_afresh(tx: Transaction, number: int, place: int, url_place: int) -> None:
    """From the first byte, and from that URL."""
    await tx.execute(
        "UPDATE download_file SET url_place = ?, etag = NULL, total_bytes = NULL, written_bytes = 0,"
        " synced_bytes = 0, written_map = NULL, synced_map = NULL, found_sha256 = NULL"
        " WHERE download = ? AND place = ?",
        (url_place, number, place),
    )


async def set_held(
    tx: Transaction, number: int, place: int, good: Sequence[Span], boot_id: str, replaces: str | None
) -> None:
    """What was copied of a file that is to be repaired; it is on the disk."""
    await set_durable(tx, number, place, Durable(tuple(good), tuple(good), boot_id), False)
    await tx.execute(
        "UPDATE download_file SET replaces = ? WHERE download = ? AND place = ?", (replaces, number, place)
    )


async def last_option(reader: Reader, model: str, version: int, option: str) -> Option | None:
    """What a download of it fetched last, as it was stored."""
    row = await reader.fetch_one(
        "SELECT id FROM download WHERE model = ? AND version = ? AND option = ? ORDER BY number DESC LIMIT 1",
        (model, version, option),
    )
    found = None if row is None else await get(reader, row["id"])
    if found is None:
        return None
    return Option(
        id=found.option,
        format=Format(found.format),
        quantization=found.quantization,
        files=tuple(
            OptionFile(
                name=file.name,
                role=Role(file.role),
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                urls=file.urls,
            )
            for file in found.files
        ),
    )


async def delete(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM download WHERE id = ?", (id,))


def _in_states(states: Collection[DownloadState]) -> tuple[str, tuple[str, ...]]:
    values = tuple(str(state) for state in states)
    return (f"state IN ({', '.join('?' * len(values))})" if values else "1"), values


async def _with_files(reader: Reader, rows: Sequence[Row]) -> list[StoredDownload]:
    files: dict[int, list[StoredFile]] = {}
    for some in (rows[start : start + 500] for start in range(0, len(rows), 500)):
        found = await reader.fetch_all(
            f"SELECT * FROM download_file WHERE download IN ({', '.join('?' * len(some))})"  # noqa: S608
            " ORDER BY download, place",
            [row["number"] for row in some],
        )
        for row in found:
            values: dict[str, Any] = {key: row[key] for key in row.keys() if key != "download"}  # noqa: SIM118
            values["urls"] = tuple(msgspec.json.decode(values["urls"], type=list[str]))
            for name in ("written_map", "synced_map"):
                if values[name] is not None:
                    values[name] = msgspec.json.decode(values[name], type=tuple[Span, ...])
            files.setdefault(row["download"], []).append(StoredFile(**values))
    downloads = []
    for row in rows:
        values = {key: row[key] for key in row.keys()}  # noqa: SIM118
        values["state"] = DownloadState(values["state"])
        values["ended"] = bool(values["ended"])
        downloads.append(StoredDownload(**values, files=tuple(files.get(row["number"], ()))))
    return downloads
