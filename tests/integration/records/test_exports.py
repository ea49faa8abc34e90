"""An export is what its preview showed, byte by byte, and nothing is written without one."""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelhubd.errors import InvalidInput, NoSpace, NotFound
from modelhubd.records import export_store
from modelhubd.records import exports as exporting
from modelhubd.records.exports import Exports
from modelhubd.records.service import Records
from modelhubd.wire.records import ExportRequest, WriteExport
from tests.disks import disk_of
from tests.integration.records.conftest import NOW, Clock, Place, exchange, server

PUBLIC, OWN = "lab/public", "me/secret-project"


@contextlib.asynccontextmanager
async def filled(place: Place) -> AsyncIterator[Records]:
    """Thirty requests to each of two models on each of three days."""
    async with place.records() as records:
        for n in range(180):
            model = OWN if n % 2 else PUBLIC
            at = NOW - timedelta(days=n // 60, seconds=n)
            records.ended(exchange(at, server=server(model), model=model))
        yield records


def exports_of(records: Records, folder: Path, clock: Clock) -> Exports:
    async def is_from(source: str, model: str) -> bool:
        return source == "registry" and model == PUBLIC

    return Exports(
        records.keeping, folder, is_from=is_from, flush=records.flush, clock=lambda: clock.now,
        steady=lambda: clock.steady,
    )  # fmt: skip


async def test_what_is_written_is_what_was_shown_whatever_comes_in_between(
    place: Place, tmp_path: Path
) -> None:
    async with filled(place) as records:
        exports = exports_of(records, tmp_path / "exports", place.clock)
        shown = await exports.preview(ExportRequest())
        assert shown.whole and (shown.rows, shown.left_out) == (180, False)
        assert not (tmp_path / "exports").exists()
        for _ in range(50):
            records.ended(exchange())
        written = await exports.write(WriteExport(preview=shown.id))
        (file,) = (tmp_path / "exports").iterdir()
        assert (file.name, file.read_bytes()) == (written.name, shown.text.encode())
        assert written.sha256 == shown.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        with pytest.raises(NotFound):
            await exports.write(WriteExport(preview=shown.id))


async def test_a_preview_holds_for_ten_minutes_and_until_the_next(place: Place, tmp_path: Path) -> None:
    async with filled(place) as records:
        exports = exports_of(records, tmp_path / "exports", place.clock)
        first = await exports.preview(ExportRequest())
        second = await exports.preview(ExportRequest())
        with pytest.raises(NotFound, match="one is kept"):
            await exports.write(WriteExport(preview=first.id))
        place.clock.later(seconds=601)
        with pytest.raises(NotFound) as gone:
            await exports.write(WriteExport(preview=second.id))
        assert gone.value.code == "preview_not_found"
        assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, 180), ({"since": NOW - timedelta(days=1, hours=6)}, 120),
        ({"until": NOW - timedelta(hours=6)}, 120),
        ({"since": NOW - timedelta(days=1, hours=6), "until": NOW - timedelta(hours=6)}, 60),
        ({"since": NOW + timedelta(days=1)}, 0), ({"rows": False}, 0),
    ],
)  # fmt: skip
async def test_it_is_of_the_time_that_is_asked_for(
    place: Place, tmp_path: Path, asked: dict[str, Any], rows: int
) -> None:
    times = {name: value.isoformat() for name, value in asked.items() if name != "rows"}
    async with filled(place) as records:
        exports = exports_of(records, tmp_path / "exports", place.clock)
        shown = await exports.preview(ExportRequest(**times, rows=asked.get("rows", True)))
        assert (shown.rows, len(json.loads(shown.text)["rows"])) == (rows, rows)
        groups = json.loads(shown.text)["groups"]
        assert len(groups) == shown.groups
        if "rows" not in asked:
            assert sum(group["requests"] for group in groups) == rows
        with pytest.raises(InvalidInput):
            await exports.preview(ExportRequest(since="yesterday"))


async def test_only_ids_of_public_catalogs_stand_in_it_and_only_where_asked(
    place: Place, tmp_path: Path
) -> None:
    async with filled(place) as records:
        exports = exports_of(records, tmp_path / "exports", place.clock)
        hidden = (await exports.preview(ExportRequest())).text
        named = (await exports.preview(ExportRequest(name_models=True))).text
    assert PUBLIC not in hidden and PUBLIC in named
    assert OWN not in hidden and OWN not in named


async def test_of_many_the_newest_are_taken_and_the_beginning_is_shown(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 60)
    monkeypatch.setattr(exporting, "SHOWN_BYTES", 1000)
    async with filled(place) as records:
        exports = exports_of(records, tmp_path / "exports", place.clock)
        shown = await exports.preview(ExportRequest(k=2))
        assert (shown.rows, shown.left_out, shown.whole) == (60, True, False)
        assert len(shown.text) <= 1000 and shown.text.endswith("\n")
        whole, at = shown.text, len(shown.text)
        while (part := exports.part(shown.id, at)).next is not None:
            assert len(part.text) <= 1000 and part.text.endswith("\n")
            whole, at = whole + part.text, part.next
        assert exports.part(shown.id, 10**9).text == ""
        with pytest.raises(NotFound):
            exports.part("another", 0)
        written = await exports.write(WriteExport(preview=shown.id))
    text = (tmp_path / "exports" / written.name).read_text()
    assert text == whole + part.text and len(text) == shown.size_bytes, "all of it can be seen before"
    assert {row["day"] for row in json.loads(text)["rows"]} == {"2026-11-28"}, "those that came last"


async def test_on_a_full_disk_it_is_refused_and_can_be_written_later(place: Place, tmp_path: Path) -> None:
    with disk_of("tmpfs", tmp_path / "exports", 1 << 20) as disk:
        async with filled(place) as records:
            exports = exports_of(records, disk.folder, place.clock)
            shown = await exports.preview(ExportRequest())
            filler = disk.fill()
            with pytest.raises(NoSpace, match="No space left"):
                await exports.write(WriteExport(preview=shown.id))
            filler.unlink()
            assert list(disk.folder.iterdir()) == [], "nothing half is left"
            written = await exports.write(WriteExport(preview=shown.id))
            assert (disk.folder / written.name).read_text() == shown.text


@pytest.mark.parametrize(("slice_of", "limit"), [(1, 180), (7, 50), (60, 120), (200, 10)])
async def test_what_is_read_in_slices_is_the_newest_of_the_time(
    place: Place, monkeypatch: pytest.MonkeyPatch, slice_of: int, limit: int
) -> None:
    monkeypatch.setattr(export_store, "SLICE", slice_of)
    begin, end = (round((NOW - timedelta(days=ago)).timestamp() * 1000) for ago in (1.5, 0.5))
    times: list[tuple[int | None, int | None, str]] = [
        (None, None, "1"),
        (begin, end, f"at >= {begin} AND at < {end}"),
    ]
    async with filled(place) as records:
        await records.flush()
        async with records.keeping.using(reading=True) as database:
            for since, until, condition in times:
                found = [
                    (source.at, source.model)
                    async for some in export_store.sources(database.reader, since, until, limit)
                    for source in some
                ]
                rows = await database.reader.fetch_all(
                    f"SELECT at, model FROM record WHERE {condition} ORDER BY seq DESC LIMIT {limit}"
                )
                assert found == [tuple(row) for row in rows]
                assert found
