"""The SQL of exports: only the columns that one may look at."""

from collections.abc import Sequence

from modelhubd.records.anonymous import Source
from modelhubd.storage.database import Reader, Row

_COLUMNS = Source.__struct_fields__
_NAMES = ", ".join(_COLUMNS)


async def rows(reader: Reader, since: int | None, until: int | None, limit: int) -> list[Row]:
    """The newest of this time. Which ones they are is found in an index: to sort whole rows takes seconds."""
    newest = "ORDER BY seq DESC LIMIT ?"
    if since is None and until is None:
        return await reader.fetch_all(f"SELECT {_NAMES} FROM record {newest}", (limit,))  # noqa: S608
    return await reader.fetch_all(
        f"SELECT {_NAMES} FROM record WHERE seq IN (SELECT seq FROM record WHERE at >= ? AND at < ? {newest})"  # noqa: S608
        " ORDER BY seq DESC",
        (-(2**62) if since is None else since, 2**62 if until is None else until, limit),
    )


def sources_of(rows: Sequence[Row]) -> list[Source]:
    """It computes for a while."""
    return [
        Source(**dict(zip(_COLUMNS, row, strict=True)) | {"streamed": bool(row["streamed"])}) for row in rows
    ]
