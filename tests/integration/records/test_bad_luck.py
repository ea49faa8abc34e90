"""A full disk, a broken database, a flood: requests go on, what is missing is said, and recording goes on."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from modelhubd.errors import Unavailable
from modelhubd.records import writer
from modelhubd.records.figures import StatsQuery
from modelhubd.records.service import RecordsQuery
from modelhubd.records.setting_aside import all_set_aside
from modelhubd.storage.database import Database
from modelhubd.wire.records import Purge
from tests.disks import disk_of
from tests.integration.records.conftest import NOW, Place, exchange

EVERYTHING = RecordsQuery()


def fill(path: Path, page: bytes = b"\xa5" * 4096) -> None:
    """Write nonsense over all of a file but its first page, and drop what was to be written to it."""
    with path.open("r+b") as file:
        for at in range(4096, path.stat().st_size, 4096):
            file.seek(at)
            file.write(page)
    Path(f"{path}-wal").unlink(missing_ok=True)


async def test_a_flood_is_bounded_and_the_gap_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE", 10)
    async with place.records() as records:
        for n in range(25):
            records.ended(exchange(NOW + timedelta(minutes=n)))
        found = await records.list(EVERYTHING)
        assert found.total == 10
        (gap,) = found.gaps
        assert (gap.requests, gap.reason) == (15, "queue_full")
        assert (gap.since, gap.until) == ("2026-11-30T12:40:00.000Z", "2026-11-30T12:54:00.000Z")
        assert (await records.stats(StatsQuery())).gaps == (gap,)
        assert (await records.list(RecordsQuery(until="2026-11-30T12:39:00Z"))).gaps == ()
        summary = await records.summary()
        assert summary.missed == 15 and "15 requests could not be recorded" in summary.warnings[0]
        records.ended(exchange())
        assert (await records.list(EVERYTHING)).total == 11


async def test_on_a_full_disk_requests_go_on_and_what_waited_is_written_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE", 300)
    async with place.records() as records:
        async with records.keeping.using() as database, database.transaction() as tx:
            row = await tx.fetch_one("PRAGMA page_count")
            pages = row[0] if row else 0
            await tx.fetch_all(f"PRAGMA max_page_count = {pages + 8}")  # SQLITE_FULL, as a full disk gives it
        for n in range(400):
            records.ended(exchange(NOW + timedelta(seconds=n)))
        with pytest.raises(Unavailable):
            await records._writer.flush()
        summary = await records.summary()
        assert summary.missed == 100
        records.ended(exchange())  # still taken, and missed
        async with records.keeping.using() as database, database.transaction() as tx:
            await tx.fetch_all("PRAGMA max_page_count = 1000000")
        found = await records.list(RecordsQuery(limit=1))
        assert found.total == 300
        assert [(gap.requests, gap.reason) for gap in found.gaps] == [(101, "queue_full")]
        assert (await records.summary()).state == "on"


async def test_a_real_full_disk_marks_a_gap_for_what_could_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE", 300)
    with disk_of("tmpfs", tmp_path / "disk", 2 << 20) as disk:
        async with Database.open(tmp_path / "main.db") as main:
            place = Place(disk.folder, main)
            async with place.records() as records:
                records.ended(exchange())
                assert (await records.list(EVERYTHING)).total == 1
                filler = disk.fill()
                for n in range(400):
                    records.ended(exchange(NOW + timedelta(seconds=n)))
                with pytest.raises(Unavailable, match="full"):
                    await records._writer.flush()
                assert (await records.list(EVERYTHING)).total == 1, "what is there is read all the same"
                assert "not recorded" in (await records.summary()).warnings[0]
                filler.unlink()
                found = await records.list(RecordsQuery(limit=1))
                assert found.total == 301
                assert [(gap.requests, gap.reason) for gap in found.gaps] == [(100, "queue_full")]
                assert (await records.summary()).state == "on"
    assert all_set_aside(place.path) == [], "a full disk is no broken database"


async def test_a_broken_database_is_set_aside_at_the_start(place: Place) -> None:
    async with place.records() as records:
        records.ended(exchange())
    place.path.write_bytes(b"this is no database at all, but long enough to be taken for one" * 100)
    async with place.records() as records:
        assert (await records.list(EVERYTHING)).total == 0
        records.ended(exchange())
        found = await records.list(EVERYTHING)
        assert found.total == 1
        assert [gap.reason for gap in found.gaps] == ["set_aside"]
        (aside,) = all_set_aside(place.path)
        assert aside.read_bytes().startswith(b"this is no database")
        (warning,) = (await records.summary()).warnings
        assert aside.name in warning
        assert (await records.purge(Purge(set_aside=True))).set_aside == 1
        assert all_set_aside(place.path) == [] and (await records.summary()).warnings == ()
    assert place.path.stat().st_mode & 0o777 == 0o600


async def test_a_database_that_breaks_meanwhile_is_set_aside_and_nothing_new_is_lost(place: Place) -> None:
    async with place.records() as records:
        for n in range(300):
            records.ended(exchange(NOW + timedelta(seconds=n)))
        await records.flush()
        await records.keeping.compact()  # all of it is in the file itself
        fill(place.path)
        records.ended(exchange())
        found = await records.list(RecordsQuery(limit=200))
        if found.total != 1:  # what was in the cache could still be read
            with pytest.raises(Unavailable):
                await records.purge(Purge(all=True))
            records.ended(exchange())
            found = await records.list(EVERYTHING)
        assert found.total >= 1
        assert "set_aside" in {gap.reason for gap in found.gaps}
        assert len(all_set_aside(place.path)) == 1


async def test_a_database_of_a_newer_program_is_left_alone(place: Place) -> None:
    async with place.records() as records:
        records.ended(exchange())
    with sqlite3.connect(place.path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    before = place.path.read_bytes()
    async with place.records() as records:
        records.ended(exchange())
        with pytest.raises(Unavailable):
            await records.list(EVERYTHING)
        summary = await records.summary()
        assert summary.state == "broken" and "newer" in summary.warnings[0]
    assert place.path.read_bytes() == before
    assert all_set_aside(place.path) == []


async def test_what_cannot_be_written_for_itself_is_missed_alone(place: Place) -> None:
    async with place.records() as records:
        records.ended(exchange(figures={"latency_s": 1.0, "prompt_tokens": 2**80}))  # no database takes that
        await records.flush()
        records.ended(exchange())
        found = await records.list(EVERYTHING)
        assert found.total == 1
        assert [(gap.requests, gap.reason) for gap in found.gaps] == [(1, "not_written")]


async def test_only_the_newest_databases_that_were_set_aside_are_kept(place: Place) -> None:
    for n in range(5):
        place.path.write_bytes(b"nonsense %d" % n * 1000)
        async with place.records():
            pass
    assert [path.read_bytes()[:10] for path in all_set_aside(place.path)] == [
        b"nonsense 2", b"nonsense 3", b"nonsense 4",
    ]  # fmt: skip
