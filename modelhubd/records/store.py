"""The SQL of records."""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from modelhubd.records.rows import Kept, moment, record_of
from modelhubd.storage.database import Reader, Transaction
from modelhubd.wire.records import Content, Gap, Record

SUMS = (
    "count(*) AS requests, sum(outcome = 'pass') AS passed, sum(outcome = 'fail') AS failed,"
    " sum(outcome = 'cancelled') AS cancelled, sum(coalesce(mark = 'good', 0)) AS good,"
    " sum(coalesce(mark = 'bad', 0)) AS bad, sum(coalesce(prompt_tokens, 0)) AS prompt_tokens,"
    " sum(coalesce(cached_tokens, 0)) AS cached_tokens,"
    " sum(coalesce(completion_tokens, 0)) AS completion_tokens,"
    " sum(coalesce(confidence, 0.0)) AS confidence_sum, count(confidence) AS confidence_count"
)
"""Of records; the names are those of the columns of `day`, in their order."""
COUNTED = tuple(part.rpartition(" ")[2] for part in SUMS.split(", ") if " AS " in part)
KINDS = {"all": "''", "reference": "reference", "app": "app", "node": "node"}
"""What `day` counts by, and where the name stands in a record."""
_KINDS = ", ".join(f"'{kind}'" for kind in KINDS)
"""So that the key of the days serves."""
DAY_MS = 24 * 3600 * 1000
NAMES_MAX = 200
"""Names that a part of one may mean."""
FIGURES = ("ttft", "speed", "latency")


class Where(Struct, frozen=True, kw_only=True):
    """Which records; None is any."""

    model: str | None = None
    app: str | None = None
    node: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None
    any_of: dict[str, list[str]] | None = None
    """By column; one of these values must be there."""

    def sql(self) -> tuple[str, list[Any]]:
        """A condition on `record` and its values."""
        found: list[tuple[str, Any]] = [
            (condition, value)
            for condition, value in (
                ("model = ?", self.model),
                ("app = ?", self.app),
                ("node = ?", self.node),
                ("outcome = ?", self.outcome),
                ("at >= ?", self.since),
                ("at < ?", self.until),
            )
            if value is not None
        ]
        if self.app:
            found.append(("app <> ?", ""))  # so that the partial index serves
        if self.node:
            found.append(("node <> ?", ""))
        parts, values = [part for part, _ in found], [value for _, value in found]
        if self.outcome not in (None, "pass"):
            parts.append("outcome <> 'pass'")
        if self.any_of is not None:
            some = [f"{column} IN ({', '.join('?' * len(names))})" for column, names in self.any_of.items()]
            parts.append(f"({' OR '.join(some) or '0'})")
            values += [name for names in self.any_of.values() for name in names]
        return " AND ".join(parts) or "1", values


class OfDay(Struct, frozen=True, kw_only=True):
    """Some records of a day: how many, the numbers of the first and the last, and how many it has in all."""

    day: int
    records: int
    first: int
    last: int
    of_all: int

    @property
    def whole(self) -> bool:
        return self.records == self.of_all


async def names_with(reader: Reader, part: str) -> dict[str, list[str]]:
    """Models, apps, nodes and codes that have this in their names, as `Where.any_of` takes them."""
    pattern = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found: dict[str, list[str]] = {}
    for column, kind in (("model", "reference"), ("app", "app"), ("node", "node")):
        rows = await reader.fetch_all(
            r"SELECT DISTINCT name FROM day WHERE kind = ? AND name LIKE ? ESCAPE '\' LIMIT ?",
            (kind, f"%{pattern}%", NAMES_MAX),
        )
        found[column] = sorted({row[0].partition("@")[0] if column == "model" else row[0] for row in rows})
    rows = await reader.fetch_all(
        r"SELECT DISTINCT code FROM record WHERE outcome <> 'pass' AND code LIKE ? ESCAPE '\' LIMIT ?",
        (f"%{pattern}%", NAMES_MAX),
    )
    return {column: names for column, names in (found | {"code": [row[0] for row in rows]}).items() if names}


async def prepare(tx: Transaction) -> None:
    """What is deleted is overwritten."""
    await tx.fetch_all("PRAGMA secure_delete = ON")


async def insert(tx: Transaction, rows: Sequence[tuple[dict[str, Any], Kept | None]]) -> None:
    """Add these, which have not been written before, to records and days."""
    before = await _last_seq(tx)
    columns = list(rows[0][0])
    names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    await tx.execute_many(
        f"INSERT OR IGNORE INTO record ({names}) VALUES ({marks})",  # noqa: S608
        [row for row, _ in rows],
    )
    await tx.execute_many(
        "INSERT OR IGNORE INTO content (seq, keep, request, answer, too_long, expires_at)"
        " SELECT seq, ?, ?, ?, ?, ? FROM record WHERE id = ?",
        [
            (kept.keep, kept.request, kept.answer, kept.too_long, kept.expires_at, row["id"])
            for row, kept in rows
            if kept is not None
        ],
    )
    await count_since(tx, before)


async def count_since(tx: Transaction, seq: int) -> None:
    """Add all records behind this number to their days."""
    await _count(tx, 1, "seq > ?", [seq])


async def _last_seq(tx: Transaction) -> int:
    row = await tx.fetch_one("SELECT seq FROM sqlite_sequence WHERE name = 'record'")
    return 0 if row is None else int(row[0])


async def _count(tx: Transaction, sign: int, which: str, values: Sequence[Any]) -> None:
    """Add these records to their days, or take them off."""
    names = ", ".join(COUNTED)
    signed = ", ".join(f"{sign} * {name}" for name in COUNTED)
    grown = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTED)
    for kind, column in KINDS.items():
        await tx.execute(
            f"INSERT INTO day (day, kind, name, {names}) SELECT day, '{kind}', name, {signed} FROM"  # noqa: S608
            f" (SELECT at / {DAY_MS} AS day, {column} AS name, {SUMS} FROM record"
            f" WHERE {which} GROUP BY 1, 2)"
            f" WHERE true ON CONFLICT DO UPDATE SET {grown}",
            values,
        )
        for figure in FIGURES:
            await tx.execute(
                "INSERT INTO day_bucket (day, kind, name, figure, bucket, requests)"  # noqa: S608
                f" SELECT at / {DAY_MS}, '{kind}', {column}, '{figure}', {figure}_bucket, {sign} * count(*)"
                f" FROM record WHERE {figure}_bucket IS NOT NULL AND {which} GROUP BY 1, 3, 5"
                " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
                values,
            )


async def by_day(reader: Reader, where: Where, last: int, limit: int) -> list[OfDay]:
    """The oldest `limit` of these up to number `last`, told apart by their days."""
    condition, values = where.sql()
    rows = await reader.fetch_all(
        "SELECT some.day, records, first, last, coalesce(requests, 0) AS of_all FROM ("  # noqa: S608
        f" SELECT at / {DAY_MS} AS day, count(*) AS records, min(seq) AS first, max(seq) AS last FROM ("
        f"  SELECT seq, at FROM record WHERE {condition} AND seq <= ? ORDER BY seq LIMIT ?) GROUP BY 1"
        ") AS some LEFT JOIN day ON day.kind = 'all' AND day.day = some.day AND day.name = ''",
        [*values, last, limit],
    )
    return [OfDay(**dict(zip(OfDay.__struct_fields__, row, strict=True))) for row in rows]


async def delete_days(tx: Transaction, days: Sequence[OfDay]) -> int:
    """Take off whole days with all that they came to: nothing has to be counted down. How many records that
    were."""
    first, last = min(one.first for one in days), max(one.last for one in days)
    numbers = ", ".join(str(one.day) for one in days)
    gone = await tx.execute(
        f"DELETE FROM record WHERE seq BETWEEN ? AND ? AND at / {DAY_MS} IN ({numbers})",  # noqa: S608
        (first, last),
    )
    for table in ("day", "day_bucket"):
        await tx.execute(f"DELETE FROM {table} WHERE kind IN ({_KINDS}) AND day IN ({numbers})")  # noqa: S608
    return gone


async def delete_some(tx: Transaction, where: Where, last: int, limit: int) -> int:
    """Take off the oldest `limit` of these up to number `last`, their content and their part of the days with
    them. How many that were."""
    condition, values = where.sql()
    row = await tx.fetch_one(
        "SELECT min(seq), max(seq), count(*), min(at), max(at) FROM"  # noqa: S608
        f" (SELECT seq, at FROM record WHERE {condition} AND seq <= ? ORDER BY seq LIMIT ?)",
        [*values, last, limit],
    )
    assert row is not None
    first, end, records, *times = row
    if not records:
        return 0
    which, values = f"{condition} AND seq BETWEEN ? AND ?", [*values, first, end]
    await _count(tx, -1, which, values)
    await tx.execute(f"DELETE FROM record WHERE {which}", values)  # noqa: S608
    for table in ("day", "day_bucket"):
        await tx.execute(
            f"DELETE FROM {table} WHERE kind IN ({_KINDS}) AND day BETWEEN ? AND ? AND requests <= 0",  # noqa: S608
            [_day_of(at) for at in times],
        )
    return int(records)


def _day_of(at: int) -> int:
    """As the database divides: towards zero."""
    return at // DAY_MS if at >= 0 else -(-at // DAY_MS)


async def last_number(reader: Reader) -> int:
    """Of the newest record; 0 where there is none."""
    row = await reader.fetch_one("SELECT coalesce(max(seq), 0) FROM record")
    assert row is not None
    return int(row[0])


async def oldest(reader: Reader, after: int, limit: int) -> list[tuple[int, int]]:
    """(seq, time) of the oldest behind `after`, in the order they came."""
    rows = await reader.fetch_all(
        "SELECT seq, at FROM record WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    )
    return [(row[0], row[1]) for row in rows]


async def page(reader: Reader, where: Where, before: int | None, limit: int) -> list[tuple[int, Record]]:
    """The newest of these that came before number `before`."""
    condition, values = where.sql()
    if before is not None:
        condition, values = f"{condition} AND record.seq < ?", [*values, before]
    rows = await reader.fetch_all(
        "SELECT record.*, keep FROM record LEFT JOIN content USING (seq)"  # noqa: S608
        f" WHERE {condition} ORDER BY record.seq DESC LIMIT ?",
        [*values, limit],
    )
    return [(row["seq"], record_of(row)) for row in rows]  # type: ignore[arg-type]  # a Row has the methods


async def get(reader: Reader, id: str) -> tuple[Record, Content | None] | None:
    row = await reader.fetch_one(
        "SELECT record.*, keep, request, answer, too_long, expires_at"
        " FROM record LEFT JOIN content USING (seq) WHERE id = ?",
        (id,),
    )
    if row is None:
        return None
    content = None
    if row["keep"] is not None:
        content = Content(
            keep=row["keep"],
            request=row["request"],
            answer=row["answer"],
            too_long=bool(row["too_long"]),
            expires_at=moment(row["expires_at"]),
        )
    return record_of(row), content  # type: ignore[arg-type]  # a Row has the methods


async def mark(tx: Transaction, id: str, value: str | None, reason: str | None, at: int) -> bool:
    """Whether there is such a record."""
    row = await tx.fetch_one("SELECT seq FROM record WHERE id = ?", (id,))
    if row is None:
        return False
    await _count(tx, -1, "seq = ?", [row[0]])
    await tx.execute(
        "UPDATE record SET mark = ?, mark_reason = ?, marked_at = ? WHERE seq = ?",
        (value, reason, None if value is None else at, row[0]),
    )
    await _count(tx, 1, "seq = ?", [row[0]])
    return True


async def count(reader: Reader, where: Where | None = None) -> int:
    condition, values = (where or Where()).sql()
    row = await reader.fetch_one(f"SELECT count(*) FROM record WHERE {condition}", values)  # noqa: S608
    return int(row[0]) if row else 0


async def count_all(reader: Reader) -> int:
    """How many records there are, without looking at them."""
    row = await reader.fetch_one("SELECT coalesce(sum(requests), 0) FROM day WHERE kind = 'all'")
    return int(row[0]) if row else 0


async def count_contents(reader: Reader) -> int:
    row = await reader.fetch_one("SELECT count(*) FROM content")
    return int(row[0]) if row else 0


async def latest(reader: Reader) -> str | None:
    row = await reader.fetch_one("SELECT id FROM record ORDER BY seq DESC LIMIT 1")
    return None if row is None else str(row[0])


async def expire_contents(tx: Transaction, now: int) -> int:
    return await tx.execute("DELETE FROM content WHERE expires_at < ?", (now,))


async def forget_contents(tx: Transaction, where: Where) -> int:
    """Of these records."""
    condition, values = where.sql()
    return await tx.execute(
        "DELETE FROM content WHERE seq IN"  # noqa: S608
        f" (SELECT seq FROM content CROSS JOIN record USING (seq) WHERE {condition})",  # of a few, not of all
        values,
    )


async def forget_uncovered(tx: Transaction, keep: str, covered: Mapping[str, Iterable[str]]) -> int:
    """Contents kept so, of records whose node, app and model are none of these."""
    values: list[str] = [keep]
    parts = []
    for column, names in covered.items():
        found = list(names)
        parts.append(f"{column} NOT IN ({', '.join('?' * len(found))})")
        values += found
    return await tx.execute(
        "DELETE FROM content WHERE keep = ? AND seq IN"  # noqa: S608
        f" (SELECT seq FROM content JOIN record USING (seq) WHERE {' AND '.join(parts)})",
        values,
    )


async def note_gap(tx: Transaction, since: int, until: int, requests: int, reason: str) -> None:
    await tx.execute("INSERT INTO gap VALUES (?, ?, ?, ?)", (since, until, requests, reason))


async def forget_gaps(tx: Transaction, before: int | None = None) -> None:
    """Those that ended before; None is all."""
    await tx.execute("DELETE FROM gap WHERE until < coalesce(?, until + 1)", (before,))


async def gaps(reader: Reader, since: int | None, until: int | None) -> tuple[Gap, ...]:
    """Those that touch this time, the newest 100."""
    rows = await reader.fetch_all(
        "SELECT * FROM gap WHERE until >= ? AND since <= ? ORDER BY rowid DESC LIMIT 100",
        (-(2**62) if since is None else since, 2**62 if until is None else until),
    )
    return tuple(
        Gap(
            since=moment(row["since"]), until=moment(row["until"]), requests=row["requests"],
            reason=row["reason"],
        )
        for row in rows
    )  # fmt: skip


async def used_bytes(reader: Reader) -> int:
    """Of the pages that hold something."""
    row = await reader.fetch_one(
        "SELECT (page_count - freelist_count) * page_size"
        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    return int(row[0]) if row else 0


def compact(path: Path) -> None:
    """Give back what deleted records have left in the files, as far as nobody is just using them."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=2)) as connection,
    ):
        connection.execute("PRAGMA secure_delete = ON")
        free, pages = (
            connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("freelist_count", "page_count")
        )
        if free * 2 > pages:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
