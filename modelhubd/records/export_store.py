"""The SQL of exports: only the columns that one may look at."""

from modelhubd.records.anonymous import Source
from modelhubd.storage.database import Reader

_COLUMNS = Source.__struct_fields__


async def sources(reader: Reader, since: int | None, until: int | None, limit: int) -> list[Source]:
    """The newest of this time."""
    rows = await reader.fetch_all(
        f"SELECT {', '.join(_COLUMNS)} FROM record WHERE at >= ? AND at < ? ORDER BY seq DESC LIMIT ?",  # noqa: S608
        (-(2**62) if since is None else since, 2**62 if until is None else until, limit),
    )
    return [
        Source(**{name: row[name] for name in _COLUMNS} | {"streamed": bool(row["streamed"])}) for row in rows
    ]
