"""Downloads as they are shown: one, a page of them, all that matter, and a summary."""

import asyncio
from collections.abc import Sequence

import msgspec

from modelhubd.downloads import store
from modelhubd.downloads.carrier import Carrier
from modelhubd.downloads.progress import shown
from modelhubd.downloads.rows import ListKey, StoredDownload, list_key
from modelhubd.errors import NotFound
from modelhubd.paging import decode_cursor, encode_cursor
from modelhubd.storage.database import Reader
from modelhubd.wire.base import Page
from modelhubd.wire.downloads import Download, DownloadState
from modelhubd.wire.status import QueueSummary

RECENT_ENDED = 50
SLICE = 50
"""So many are read and built before the event loop has its turn again."""

_encode = msgspec.json.Encoder().encode


class Listing:
    def __init__(self, reader: Reader, carrier: Carrier) -> None:
        self._reader = reader
        self._carrier = carrier

    async def page(self, states: Sequence[DownloadState], limit: int, after: str | None) -> Page[Download]:
        """The queue in its order, then what has ended, newest first.

        Raises:
            InvalidInput: `after` is not a `next` of this list.
        """
        start = None if after is None else decode_cursor(after, ListKey)
        rows = await store.page(self._reader, states, limit + 1, start)
        more, rows = len(rows) > limit, rows[:limit]
        positions = await store.positions(self._reader, rows)
        items: list[Download] = []
        for some in (rows[place : place + SLICE] for place in range(0, len(rows), SLICE)):
            await asyncio.sleep(0)
            items += self._shown(some, positions)
        return Page(
            items=tuple(items),
            next=encode_cursor(list_key(rows[-1])) if more else None,
            total=await store.count(self._reader, states),
        )

    async def one(self, id: str) -> Download:
        """
        Raises:
            NotFound: there is no such download.
        """
        row = await found(self._reader, id)
        return self._shown([row], await store.positions(self._reader, [row]))[0]

    async def under_way(self) -> dict[tuple[str, int, str], str]:
        """(model, version, option) → id of the download of it that is not ended."""
        return await store.all_under_way(self._reader)

    async def stored(self, ids: Sequence[str]) -> list[StoredDownload]:
        """Those of these downloads that there are, as they are stored."""
        return await store.get_all(self._reader, ids)

    async def recent(self) -> list[bytes]:
        """What is not ended, and the last 50 that are: JSON, some in each piece, separated by commas. There
        may be thousands, and a copy of them all takes longer than the event loop should be held."""
        listed = await store.recent(self._reader, RECENT_ENDED)
        parts: list[bytes] = []
        place = 0
        for start in range(0, len(listed), SLICE):
            some = listed[start : start + SLICE]
            positions = {}
            for row in some:
                place += row["waits"]
                positions[row["id"]] = place if row["waits"] else 0
            rows = await store.get_all(self._reader, list(positions))
            parts.append(b",".join(_encode(item) for item in self._shown(rows, positions)))
            await asyncio.sleep(0)
        return parts

    async def counts(self) -> QueueSummary:
        """How many there are in which state, and how fast they come."""
        counts = await store.counts(self._reader)
        running = (DownloadState.ACTIVE, DownloadState.VERIFYING, DownloadState.INSTALLING)
        return QueueSummary(
            queued=counts.get(DownloadState.QUEUED, 0),
            active=sum(counts.get(state, 0) for state in running),
            waiting=counts.get(DownloadState.WAITING, 0),
            paused=counts.get(DownloadState.PAUSED, 0),
            failed=counts.get(DownloadState.FAILED, 0),
            rate_bytes_per_s=self._carrier.rate_bytes_per_s,
        )

    def _shown(self, rows: Sequence[StoredDownload], positions: dict[str, int]) -> list[Download]:
        return [shown(row, positions.get(row.id, 0), self._carrier.live(row.id)) for row in rows]


async def found(reader: Reader, id: str) -> StoredDownload:
    """
    Raises:
        NotFound: there is no such download.
    """
    row = await store.get(reader, id)
    if row is None:
        raise NotFound(
            "There is no such download. List the downloads to see their ids.", code="download_not_found"
        )
    return row
