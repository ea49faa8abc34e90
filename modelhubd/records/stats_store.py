"""The SQL of figures: from hours, and for minutes from the records themselves."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from modelhubd.records.store import FIGURES
from modelhubd.storage.database import Reader, Row

COUNTED = (
    "requests", "passed", "failed", "cancelled", "good", "bad", "prompt_tokens", "cached_tokens",
    "completion_tokens", "confidence_sum", "confidence_count",
)  # fmt: skip
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in COUNTED)
_OF_RECORDS = (
    "count(*) AS requests, sum(outcome = 'pass') AS passed, sum(outcome = 'fail') AS failed,"
    " sum(outcome = 'cancelled') AS cancelled, sum(coalesce(mark = 'good', 0)) AS good,"
    " sum(coalesce(mark = 'bad', 0)) AS bad, sum(coalesce(prompt_tokens, 0)) AS prompt_tokens,"
    " sum(coalesce(cached_tokens, 0)) AS cached_tokens,"
    " sum(coalesce(completion_tokens, 0)) AS completion_tokens,"
    " sum(coalesce(confidence, 0.0)) AS confidence_sum, count(confidence) AS confidence_count"
)


class Span(Struct, frozen=True, kw_only=True):
    """Which hours: from `since` up to and without `until`; None is any. Names as in records."""

    since: int | None = None
    until: int | None = None
    model: str | None = None
    app: str | None = None
    node: str | None = None

    def sql(self, column: str = "hour") -> tuple[str, list[Any]]:
        parts: list[str] = []
        values: list[Any] = []
        for condition, value in (
            (f"{column} >= ?", self.since), (f"{column} < ?", self.until),
            ("app = ?", self.app), ("node = ?", self.node),
        ):  # fmt: skip
            if value is not None:
                parts.append(condition)
                values.append(value)
        if self.model is not None:
            parts.append("(reference = ? OR (reference >= ? || '@' AND reference < ? || 'A'))")
            values += [self.model] * 3
        return " AND ".join(parts) or "1", values


async def counted(reader: Reader, span: Span, by: Sequence[str]) -> list[Row]:
    """Sums of COUNTED for each `reference`, `app`, `node` or `hour` that `by` names."""
    condition, values = span.sql()
    group = f" GROUP BY {', '.join(by)}" if by else ""
    return await reader.fetch_all(
        f"SELECT {''.join(f'{name}, ' for name in by)}{_SUMS} FROM hour WHERE {condition}{group}",  # noqa: S608
        values,
    )


async def bucketed(reader: Reader, span: Span, by: Sequence[str]) -> list[Row]:
    """Requests by figure and bucket for each of `by`."""
    condition, values = span.sql()
    names = "".join(f"{name}, " for name in by)
    return await reader.fetch_all(
        f"SELECT {names}figure, bucket, sum(requests) AS requests FROM hour_bucket WHERE {condition}"  # noqa: S608
        f" GROUP BY {names}figure, bucket",
        values,
    )


async def counted_by_minute(reader: Reader, span: Span, by: Sequence[str]) -> list[Row]:
    """As `counted`, from the records: `hour` is a minute, and the span's times are milliseconds."""
    condition, values = span.sql("at")
    names = "".join(f", {name}" for name in by if name != "hour")
    return await reader.fetch_all(
        f"SELECT at / 60000 AS hour{names}, {_OF_RECORDS} FROM record WHERE {condition} GROUP BY 1{names}",  # noqa: S608
        values,
    )


async def bucketed_by_minute(reader: Reader, span: Span, by: Sequence[str]) -> list[Row]:
    """As `bucketed`, from the records."""
    condition, values = span.sql("at")
    names = "".join(f", {name}" for name in by if name != "hour")
    each = " UNION ALL ".join(
        f"SELECT at / 60000 AS hour{names}, '{figure}' AS figure, {figure}_bucket AS bucket,"  # noqa: S608
        f" count(*) AS requests FROM record WHERE {figure}_bucket IS NOT NULL AND {condition}"
        f" GROUP BY 1{names}, {figure}_bucket"
        for figure in FIGURES
    )
    return await reader.fetch_all(each, values * len(FIGURES))
