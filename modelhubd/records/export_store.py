"""The SQL of exports: only the columns that one may look at."""

from collections.abc import AsyncIterator

from modelhubd.records.anonymous import Source
from modelhubd.storage.database import Reader

_COLUMNS = Source.__struct_fields__
_NAMES = ", ".join(_COLUMNS)
SLICE = 128
"""Records read in a row, in 1 to 2 ms."""


async def sources(
    reader: Reader, since: int | None, until: int | None, limit: int
) -> AsyncIterator[list[Source]]:
    """The newest of this time, some at a time. Which ones they are is found in an index first: to sort whole
    rows takes seconds."""
    values: tuple[int, ...] = ()
    if since is None and until is None:
        times = ("1", "1")
    else:  # the second is for slices: by the index all of the time would be sorted for each of them
        times = ("at >= ? AND at < ?", "+at >= ? AND +at < ?")
        values = (-(2**62) if since is None else since, 2**62 if until is None else until)
    ends = await reader.fetch_one(
        "SELECT min(seq), max(seq) FROM"  # noqa: S608
        f" (SELECT seq FROM record WHERE {times[0]} ORDER BY seq DESC LIMIT ?)",
        (*values, limit),
    )
    if ends is None or ends[0] is None:
        return
    first, before = ends[0], ends[1] + 1
    while rows := await reader.fetch_all(
        f"SELECT seq, {_NAMES} FROM record WHERE seq >= ? AND seq < ? AND {times[1]}"  # noqa: S608
        " ORDER BY seq DESC LIMIT ?",
        (first, before, *values, SLICE),
    ):
        before = rows[-1][0]
        yield [
            Source(**dict(zip(_COLUMNS, row[1:], strict=True)) | {"streamed": bool(row["streamed"])})
            for row in rows
        ]
