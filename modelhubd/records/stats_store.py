"""The SQL of figures: of whole days as they are counted, of any other time from the records themselves.

Rows have `unit` (which day, hour or minute since the epoch; 0 where times are not told apart), `name`, and
what `store.COUNTED` names, or `figure`, `bucket` and `requests`.
"""

from typing import Any

from msgspec import Struct

from modelhubd.records.store import COUNTED, FIGURES, KINDS, SUMS
from modelhubd.storage.database import Reader, Row

_SUMMED = ", ".join(f"sum({name}) AS {name}" for name in COUNTED)


class Some(Struct, frozen=True, kw_only=True):
    """Records from `since` up to and without `until`, in milliseconds, with these names; None is any."""

    since: int | None = None
    until: int | None = None
    model: str | None = None
    app: str | None = None
    node: str | None = None

    @property
    def named(self) -> bool:
        return (self.model, self.app, self.node) != (None, None, None)

    def sql(self) -> tuple[str, list[Any]]:
        """A condition on `record` and its values."""
        found = [
            (condition, value)
            for condition, value in (
                ("at >= ?", self.since), ("at < ?", self.until), ("model = ?", self.model),
                ("app = ?", self.app), ("node = ?", self.node),
            )
            if value is not None
        ]  # fmt: skip
        return " AND ".join(part for part, _ in found) or "1", [value for _, value in found]


async def of_days(
    reader: Reader, first: int | None, end: int | None, kind: str, *, apart: bool
) -> tuple[list[Row], list[Row]]:
    """Counts and buckets of the days from `first` up to and without `end`, by the names of this kind;
    `apart` tells each day of its own."""
    day, group = ("day AS unit", "day, name") if apart else ("0 AS unit", "name")
    values = (kind, -(2**40) if first is None else first, 2**40 if end is None else end)
    condition = "WHERE kind = ? AND day >= ? AND day < ?"
    counted = await reader.fetch_all(
        f"SELECT {day}, name, {_SUMMED} FROM day {condition} GROUP BY {group}",  # noqa: S608
        values,
    )
    bucketed = await reader.fetch_all(
        f"SELECT {day}, name, figure, bucket, sum(requests) AS requests FROM day_bucket {condition}"  # noqa: S608
        f" GROUP BY {group}, figure, bucket",
        values,
    )
    return counted, bucketed


async def of_records(
    reader: Reader, some: Some, kind: str, unit_ms: int | None
) -> tuple[list[Row], list[Row]]:
    """The same of records, told apart by units of so many milliseconds."""
    condition, values = some.sql()
    unit = "0" if unit_ms is None else f"at / {unit_ms}"
    head = f"{unit} AS unit, {KINDS[kind]} AS name"
    counted = await reader.fetch_all(
        f"SELECT {head}, {SUMS} FROM record WHERE {condition} GROUP BY 1, 2",  # noqa: S608
        values,
    )
    each = " UNION ALL ".join(
        f"SELECT {head}, '{figure}' AS figure, {figure}_bucket AS bucket, count(*) AS requests FROM record"  # noqa: S608
        f" WHERE {figure}_bucket IS NOT NULL AND {condition} GROUP BY 1, 2, 4"
        for figure in FIGURES
    )
    return counted, await reader.fetch_all(each, values * len(FIGURES))
