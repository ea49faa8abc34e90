"""The catalog as a whole: its sources, one entry in full, choosing what to download."""

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from modelhubd.catalog import recent, service, store, sync, watch
from modelhubd.catalog.search import SearchQuery
from modelhubd.errors import Conflict, InvalidInput, NotFound, Unavailable
from modelhubd.storage.database import Database
from modelhubd.tasks import TaskOwner
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogInfo
from tests.unit.catalog.conftest import NOW, Shelf, make_shelf, option
from tests.unit.catalog.samples import SHA, device, entry_json, file_json, option_json


async def test_the_sources_are_described(shelf: Shelf) -> None:
    shelf.write("a.json", entry_json("me/a"), entry_json("Bad"), entry_json("qwen/qwen3-8b"))
    info = await shelf.catalog.sync()
    assert (info.source, info.models, info.local_entries) == ("floor", 5, 1)
    assert info.synced_at == "2026-01-02T03:04:05.000Z"
    assert [(fault.file, fault.pointer) for fault in info.faults] == [
        ("a.json", "/1/id"),
        ("a.json", "/2/id"),
    ]
    assert await shelf.catalog.info() == info


async def test_news_that_come_before_the_start_do_no_harm(shelf: Shelf) -> None:
    await shelf.catalog.device_changed()
    shelf.catalog.installed_changed()
    assert (await shelf.catalog.sync()).models == 4


async def test_the_last_that_readers_are_told_is_what_the_catalog_says(shelf: Shelf) -> None:
    """Whether the entries have changed or only the time they were looked at."""
    for minute, changed in enumerate((True, False, True)):
        if changed:
            shelf.write("a.json", entry_json(f"me/a{minute}"))
        shelf.now = NOW + timedelta(minutes=minute)
        before, info = await shelf.catalog.info(), await shelf.catalog.sync()
        _, events = shelf.bus.since(f"{shelf.bus.epoch}-0")
        assert events[-1].type == "catalog.synced"
        assert msgspec.json.decode(events[-1].data, type=CatalogInfo) == info
        assert len(events) == minute + 1
        assert await shelf.catalog.info() == info
        assert info.synced_at == rfc3339(shelf.now)
        assert (info.revision != before.revision) is changed


async def test_readers_are_told_after_the_change_is_durable(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[list[tuple[int]]] = []
    publish = shelf.bus.publish

    def look(event_type: str, resource: str, value: object) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as connection:
            durable.append(connection.execute("SELECT generation FROM catalog_source").fetchall())
        publish(event_type, resource, value)

    monkeypatch.setattr(shelf.bus, "publish", look)
    await shelf.catalog.sync()
    shelf.write("a.json", entry_json("me/a"))
    await shelf.catalog.sync()
    assert durable == [[(1,)], [(2,)]]


async def test_an_entry_that_leaves_its_file_leaves_the_catalog(shelf: Shelf) -> None:
    shelf.write("a.json", entry_json("me/a"))
    await shelf.catalog.sync()
    assert await shelf.catalog.entry("me/a") is not None
    (shelf.local / "a.json").unlink()
    await shelf.catalog.sync()
    assert await shelf.catalog.entry("me/a") is None
    assert (await shelf.catalog.search(SearchQuery(q="me/a"))).total == 0


async def test_an_unchanged_catalog_is_not_indexed_again(
    tmp_path: Path, floor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "catalog.d"
    local.mkdir()
    async with Database.open(tmp_path / "test.db") as database:
        first = make_shelf(database, local)
        first.write("a.json", entry_json("me/a"), {})
        before = await first.catalog.sync()
    monkeypatch.setattr(service, "understand", None)
    async with Database.open(tmp_path / "test.db") as database:
        second = make_shelf(database, local)
        assert await second.catalog.sync() == before
        assert before.faults
        assert (await second.catalog.search(SearchQuery(q="qwen3"))).total == 3


async def test_a_newer_program_with_another_floor_is_indexed(
    tmp_path: Path, floor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Database.open(tmp_path / "test.db") as database:
        await make_shelf(database, tmp_path / "none").catalog.sync()
    monkeypatch.setattr(sync, "floor_bytes", lambda: b'{"schema":1,"models":[]}')
    async with Database.open(tmp_path / "test.db") as database:
        assert (await make_shelf(database, tmp_path / "none").catalog.sync()).models == 0


async def test_entries_of_ones_own_can_be_switched_off(tmp_path: Path, floor: None) -> None:
    local = tmp_path / "catalog.d"
    local.mkdir()
    async with Database.open(tmp_path / "test.db") as database, TaskOwner("test") as tasks:
        shelf = make_shelf(database, local, local_entries=False)
        shelf.write("a.json", entry_json("me/a"), {})
        await shelf.catalog.start(tasks)
        info = await shelf.catalog.info()
        assert (info.models, info.local_entries, info.faults) == (4, 0, ())


async def test_a_failed_write_leaves_the_catalog_as_it_was(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.catalog.sync()
    shelf.write("a.json", entry_json("me/a"))
    monkeypatch.setattr(store, "_texts", lambda entries: [(1,)])
    with pytest.raises(Exception, match="binding"):
        await shelf.catalog.sync()
    assert (await shelf.catalog.search(SearchQuery(q="qwen3"))).total == 3
    assert (await shelf.catalog.info()).models == 4
    monkeypatch.undo()


async def test_the_folder_is_watched(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.5)
    async with TaskOwner("test") as tasks:
        await shelf.catalog.start(tasks)
        for number in range(3):
            shelf.write("a.json", *(entry_json(f"me/{n}") for n in range(number + 1)))
            await until(shelf, 5 + number)
        (shelf.local / "a.json").unlink()
        await until(shelf, 4)
        shelf.local.rename(shelf.local.with_name("away"))
        await asyncio.sleep(0.1)
        shelf.local.mkdir()
        shelf.write("b.json", entry_json("me/b"))
        await until(shelf, 5)


async def test_a_folder_that_is_made_later_is_watched_from_then_on(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.1)
    shelf.local.rmdir()
    async with TaskOwner("test") as tasks:
        await shelf.catalog.start(tasks)
        await asyncio.sleep(0.05)
        shelf.local.mkdir()
        shelf.write("a.json", entry_json("me/a"))
        await until(shelf, 5)


async def test_words_that_were_asked_for_lately_are_kept_but_not_for_ever(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    for number in range(3 * recent.RECENT_MAX):
        await shelf.catalog.search(SearchQuery(q=f"qwen{number}"))
    assert len(shelf.catalog._recent.kept) == recent.RECENT_MAX
    shelf.write("a.json", entry_json("me/qwen47"))
    assert (await shelf.catalog.search(SearchQuery(q="qwen47"))).total == 0
    await shelf.catalog.sync()
    assert (await shelf.catalog.search(SearchQuery(q="qwen47"))).total == 1


async def test_tables_that_do_not_go_with_the_index_give_no_wrong_answer(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.catalog.sync()

    async def ahead(*_: object, **__: object) -> store.Matches:
        return store.Matches(99, b"")

    monkeypatch.setattr(store, "matches", ahead)
    with pytest.raises(Unavailable):
        await shelf.catalog.search(SearchQuery(q="qwen3"))


async def until(shelf: Shelf, models: int) -> None:
    async with asyncio.timeout(10):
        while (await shelf.catalog.info()).models != models:
            await asyncio.sleep(0.02)


async def test_the_whole_entry_is_judged_option_by_option(shelf: Shelf) -> None:
    two = option_json("two", files=[file_json("a.gguf"), file_json("b.gguf", role="shard", sha256=None)])
    shelf.write("a.json", entry_json("me/a", options=[option("Q4_K_M", 10**9), two]))
    shelf.installed = frozenset({("me/a", 1, "gguf-q4_k_m"), ("me/a", 7, "x"), ("me/b", 3, "x")})
    await shelf.catalog.sync()
    detail = await shelf.catalog.detail("me/a")
    assert [(item.id, item.installed, item.unverified) for item in detail.options] == [
        ("gguf-q4_k_m", True, False),
        ("two", False, True),
    ]
    assert [item.digest for item in detail.options] == [SHA, None]
    assert detail.installed_versions == (1, 7)
    assert (detail.display_name, detail.publisher, detail.source) == ("a", "me", "local")
    assert detail.best_option == "two"
    assert detail.fit == detail.options[1].fit


async def test_versions_come_newest_first_in_pages(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    first = await shelf.catalog.versions("meta/llama-3b", limit=1)
    assert [(note.version, note.published_at) for note in first.items] == [(2, "2024-09-25T00:00:00Z")]
    assert first.total == 2
    second = await shelf.catalog.versions("meta/llama-3b", limit=1, after=first.next)
    assert [note.version for note in second.items] == [1]
    assert second.next is None
    with pytest.raises(InvalidInput):
        await shelf.catalog.versions("meta/llama-3b", after="x")
    shelf.write(
        "a.json", entry_json("me/a", version=2, versions=[{"version": 1}, {"version": 2, "notes": "New."}])
    )
    await shelf.catalog.sync()
    notes = (await shelf.catalog.versions("me/a")).items
    assert [(note.version, note.notes) for note in notes] == [(2, "New."), (1, None)]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("qwen/qwn3-8b", "qwen/qwen3-8b"),
        ("qwen3-8b", "qwen/qwen3-8b"),
        ("meta/llama-3", "meta/llama-3b"),
        ("no/such-thing", None),
        ("\x00\u202e", None),
    ],
)
async def test_an_unknown_model_is_refused_with_the_nearest_ids(
    shelf: Shelf, asked: str, named: str | None
) -> None:
    await shelf.catalog.sync()
    with pytest.raises(NotFound) as refused:
        await shelf.catalog.detail(asked)
    assert refused.value.code == "model_not_found"
    assert (f"Did you mean {named}" in refused.value.detail) == (named is not None)
    assert "\u202e" not in refused.value.detail


async def test_a_bare_download_gets_the_largest_option_that_fits(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    chosen = await shelf.catalog.choose("qwen/qwen3-8b")
    assert (chosen.option.id, chosen.version, chosen.fit.verdict) == ("gguf-q4_k_m", 1, "compatible")
    shelf.device = device(64)
    assert (await shelf.catalog.choose("qwen/qwen3-8b")).option.id == "gguf-q8_0"


async def test_what_does_not_fit_is_refused_with_figures_and_can_be_forced(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    for wanted in (None, "gguf-q4_k_m"):
        with pytest.raises(Conflict) as refused:
            await shelf.catalog.choose("qwen/qwen3-70b", 1, wanted)
        assert refused.value.code == "does_not_fit"
        assert "42.0 GB" in refused.value.detail
        assert (
            await shelf.catalog.choose("qwen/qwen3-70b", 1, wanted, force=True)
        ).option.id == "gguf-q4_k_m"


async def test_an_option_that_cannot_be_judged_is_taken_only_by_name(shelf: Shelf) -> None:
    shelf.write("a.json", entry_json("me/odd", options=[option("Q4_K_M", 9_000_000_000)]))
    await shelf.catalog.sync()
    with pytest.raises(Conflict, match="Name that option"):
        await shelf.catalog.choose("me/odd")
    assert (await shelf.catalog.choose("me/odd", None, "gguf-q4_k_m")).fit.verdict == "unknown"


async def test_an_unknown_version_or_option_is_refused_with_what_there_is(shelf: Shelf) -> None:
    await shelf.catalog.sync()
    with pytest.raises(NotFound, match="version 2") as refused:
        await shelf.catalog.choose("meta/llama-3b", 1)
    assert refused.value.code == "version_not_found"
    with pytest.raises(NotFound, match="gguf-q4_k_m") as refused:
        await shelf.catalog.choose("meta/llama-3b", 2, "gguf-q1\n")
    assert refused.value.code == "option_not_found"
    assert "\n" not in refused.value.detail


async def test_the_floor_that_the_program_carries_can_be_searched(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "test.db") as database:
        shelf = make_shelf(database, tmp_path / "none")
        assert (await shelf.catalog.sync()).models >= 100
        page = await shelf.catalog.search(SearchQuery(q="qwen3 8b", compatible=True))
        assert page.items[0].id == "qwen/qwen3-8b"


async def test_faults_are_told_as_far_as_anybody_reads_them(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        shelf.write(f"{number}.json", *range(90), entry_json(f"me/good-{number}"))
    info = await shelf.catalog.sync()
    assert info.local_entries == 5
    assert len(info.faults) == sync.FAULTS_MAX + 1
    assert info.faults[-1].file == "catalog.d"
    assert info.faults[-1].reason == f"{450 - sync.FAULTS_MAX} more faults; they show once these are mended"
    assert len(caplog.records) == len(info.faults)


async def test_the_catalog_that_we_carry_leads_with_what_people_look_for(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "test.db") as database:
        shelf = make_shelf(database, tmp_path / "none")
        await shelf.catalog.sync()
        for q in ("", "qwen", "qwen3", "8b", "qwen 3", "gemma", "chat"):
            first = (await shelf.catalog.search(SearchQuery(q=q))).items[:5]
            assert all("chat" in item.capabilities for item in first), q
            assert all(item.fit.verdict == "compatible" for item in first), q
        found = await shelf.catalog.search(SearchQuery(q="embedding"))
        assert "embedding" in found.items[0].capabilities
        found = await shelf.catalog.search(SearchQuery(q="code"))
        assert "code" in found.items[0].capabilities
