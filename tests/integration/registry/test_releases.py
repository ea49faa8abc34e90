"""What is served is signed: python-tuf's own client follows it, and nothing else gets through."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tuf.api.exceptions import RepositoryError

from modelhubd.entries.content import content_sha256, notes_of
from modelhubd.entries.older import offered
from modelhubd.registry.release import catalog_store, store
from modelhubd.registry.release.catalog import Texts
from modelhubd.trust.notes import open_checkpoint
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.registry import SignedCatalog
from tests.fakes.registry import Registry, running_registry
from tests.fakes.tuf_client import Client, Fetcher
from tests.integration.registry.publishes import approved
from tests.unit.registry.samples import OTHER, file_json, option_json


@pytest.fixture
async def client(registry: Registry, tmp_path: Path) -> AsyncIterator[Client]:
    assert registry.reader.token is not None
    root = (await registry.reader.get("/tuf/1.root.json")).body
    yield Client(tmp_path / "client", registry.url, root, Fetcher(registry.reader.token))


async def suspended(registry: Registry, name: str) -> None:
    """A change of what is served."""
    answer = await registry.admin.patch(f"/publishers/{name}", {"status": "suspended", "reason": "a test"})
    assert answer.status == 200, answer.body


async def test_a_change_that_is_not_signed_in_time_says_so_and_can_be_followed(registry: Registry) -> None:
    model = (await registry.reader.get("/models?limit=1")).json["items"][0]["id"]
    registry.parts.releases.within_s = 0
    kept = await registry.admin.put(f"/models/{model}/verification")
    assert kept.status == 200
    assert kept.json["changed"]
    unsigned = int(kept.headers["Modelhub-Unsigned-Revision"])
    async with asyncio.timeout(10):
        while (now := (await registry.reader.get("/changes")).json)["released"] < unsigned:
            assert now["revision"] >= unsigned
    assert (await registry.reader.get(f"/models/{model}")).json["verified"]
    registry.parts.releases.within_s = 10
    signed = await registry.admin.delete(f"/models/{model}/verification")
    assert signed.status == 200
    assert "Modelhub-Unsigned-Revision" not in signed.headers


def entry_of(catalog: SignedCatalog, number: int = 0) -> CatalogEntry:
    return msgspec.json.decode(catalog.entries[number], type=CatalogEntry)


async def test_the_seed_is_signed_at_the_first_start(registry: Registry, client: Client) -> None:
    catalog = await client.refresh()
    assert catalog.registry == "registry.test"
    assert len(catalog.entries) > 10
    first = entry_of(catalog)
    assert first.published_by == "seed"
    assert first.version == 1
    assert [note.version for note in first.versions] == [1]
    ids = [entry_of(catalog, number).id for number in range(len(catalog.entries))]
    assert ids == sorted(ids)


async def test_the_digest_that_was_approved_is_that_of_the_entry_that_is_served(
    registry: Registry, client: Client
) -> None:
    from modelhubd.registry.schema import version

    catalog = await client.refresh()
    async with registry.parts.database.reading() as connection:
        rows = {row.model: row.content_sha256 for row in await connection.execute(version.select())}
    for number in range(len(catalog.entries)):
        entry = entry_of(catalog, number)
        assert content_sha256(entry, notes_of(entry)) == rows[entry.id]


async def test_a_client_follows_release_after_release(registry: Registry, client: Client) -> None:
    before = await client.refresh()
    await suspended(registry, "acme")
    after = await client.refresh()
    assert after.revision > before.revision
    assert {one.name: one.status for one in after.publishers}["acme"] == "suspended"
    await suspended(registry, "globex")
    assert (await client.refresh()).revision > after.revision


async def test_the_checkpoint_in_the_catalog_is_that_of_the_log(registry: Registry, client: Client) -> None:
    catalog = await client.refresh()
    checkpoint = open_checkpoint(catalog.checkpoint, catalog.audit_key)
    assert checkpoint.origin == "registry.test"
    proof = await registry.reader.get(f"/audit/proof/consistency?from=0&to={checkpoint.size}")
    assert proof.json["root_hash"] == checkpoint.root.hex()


async def test_a_refresh_that_finds_nothing_new_moves_less_than_a_kilobyte(client: Client) -> None:
    await client.refresh()
    client.fetcher.received, client.fetcher.asked = 0, []
    await client.refresh()
    assert client.fetcher.asked == ["2.root.json", "timestamp.json"]
    assert client.fetcher.received < 2048  # heads of answers and all
    body = sum(
        [
            len((await _asked(client, name)).body)
            for name in client.fetcher.asked
        ]
    )  # fmt: skip
    assert body < 1024


async def _asked(client: Client, name: str):  # type: ignore[no-untyped-def]
    import aiohttp

    from tests.fakes.registry import Person

    async with aiohttp.ClientSession() as session:
        return await Person(url=client.url, token=client.fetcher.token, session=session).get(f"/tuf/{name}")


async def test_older_metadata_is_refused(registry: Registry, client: Client) -> None:
    old = (await registry.reader.get("/tuf/timestamp.json")).body
    await client.refresh()
    await suspended(registry, "acme")
    await client.refresh()
    client.fetcher.changed["timestamp.json"] = old
    with pytest.raises(RepositoryError, match="version"):
        await client.refresh()


async def test_a_changed_byte_is_refused(registry: Registry, client: Client) -> None:
    timestamp = (await registry.reader.get("/tuf/timestamp.json")).body
    client.fetcher.changed["timestamp.json"] = timestamp.replace(b'"version":1', b'"version":2')
    with pytest.raises(RepositoryError):
        await client.refresh()


def _newest(names: Iterable[str]) -> list[str]:
    """The last two, by their numbers."""
    return sorted(names, key=lambda name: int(name.partition(".")[0]))[-2:]


async def test_metadata_of_two_releases_is_not_mixed(registry: Registry, client: Client) -> None:
    await client.refresh()
    await suspended(registry, "acme")
    names = await _names(registry)
    older, newer = _newest(name for name in names if name.endswith(".snapshot.json"))
    client.fetcher.changed[newer] = (await registry.reader.get(f"/tuf/{older}")).body
    with pytest.raises(RepositoryError):
        await client.refresh()
    older, newer = _newest(name for name in names if name.endswith(".targets.json"))
    client.fetcher.changed = {newer: (await registry.reader.get(f"/tuf/{older}")).body}
    with pytest.raises(RepositoryError):
        await client.refresh()


async def test_a_catalog_that_is_not_the_signed_one_is_refused(registry: Registry, client: Client) -> None:
    await client.refresh()
    await suspended(registry, "acme")
    name = next(name for name in await _names(registry) if name.startswith("targets/"))
    good = (await registry.reader.get("/catalog", headers={"Accept-Encoding": "identity"})).body
    forged = gzip.compress(good.replace(b"suspended", b"activated"))
    for target in [name for name in await _names(registry) if name.startswith("targets/")]:
        client.fetcher.changed[target] = forged
    assert name in client.fetcher.changed
    with pytest.raises(RepositoryError):
        await client.refresh()


async def _names(registry: Registry) -> list[str]:
    async with registry.parts.database.reading() as connection:
        return [file.name for file in await store.listed(connection)]


async def test_older_versions_are_served_to_programs_that_cannot_use_the_newest(
    registry: Registry, client: Client
) -> None:
    pins: tuple[dict[str, Any], ...] = (
        {},
        {"app": {"editor": ">=1"}},
        {"app": {"editor": ">=1"}},
        {"app": {"editor": ">=2"}},
    )
    made = [
        await approved(registry, description=f"Text {number}.", notes=f"Of {number}.", requires=requires)
        for number, requires in enumerate(pins, 1)
    ]
    found = {one.id: one for one in _entries(await client.refresh())}
    served, third, first = offered(found["acme/tiny"])
    assert [one.version for one in (served, third, first)] == [4, 3, 1]
    for one in (served, third, first):
        assert content_sha256(one, notes_of(one)) == made[one.version - 1]["content_sha256"]
    assert not any(one.older for one in found.values() if one.id != "acme/tiny")
    gone = await registry.admin.post("/models/acme/tiny/versions/3/withdraw", {"reason": "It leaks."})
    assert gone.status == 200
    found = {one.id: one for one in _entries(await client.refresh())}
    assert [one.version for one in offered(found["acme/tiny"])] == [4, 2, 1]


async def test_what_is_kept_of_the_document_before_makes_the_next_one_no_other(registry: Registry) -> None:
    tiny = "/models/acme/tiny"
    acts = (
        lambda: approved(registry, requires={"app": {"editor": ">=1"}}),
        lambda: registry.admin.put(f"{tiny}/verification"),
        lambda: approved(registry, requires={"app": {"editor": ">=2"}}),
        lambda: approved(registry, "globex/small", options=[option_json(files=[file_json(sha256=OTHER)])]),
        lambda: registry.admin.delete(f"{tiny}/verification"),
        lambda: registry.admin.post(f"{tiny}/versions/1/withdraw", {"reason": "a test"}),
        lambda: registry.admin.post("/models/globex/small/versions/1/withdraw", {"reason": "a test"}),
    )
    kept = catalog_store.Known()
    seen = set()
    for act in acts:
        await act()
        async with registry.parts.database.reading() as connection:
            anew = await catalog_store.catalog(connection)
            read = 0
            for _ in range(2):
                found = await catalog_store.catalog(connection, kept)
                read = sum(not one.is_bare for one in found.served)
                assert kept.texts.of(found.served, found.history) == Texts().of(anew.served, anew.history)
                assert replace(found, served=()) == replace(anew, served=())
            assert read == 0
        seen |= {(one.model, one.version, one.verified, len(one.older)) for one in anew.served}
    acme = {place[1:] for place in seen if place[0] == "acme/tiny"}
    assert acme == {(1, False, 0), (1, True, 0), (2, True, 1), (2, False, 1), (2, False, 0)}


def _entries(found: SignedCatalog) -> list[CatalogEntry]:
    return [entry_of(found, number) for number in range(len(found.entries))]


async def test_the_catalog_has_a_strong_etag_and_answers_304(registry: Registry) -> None:
    packed = await registry.reader.get("/catalog", headers={"Accept-Encoding": "gzip"})
    plain = await registry.reader.get("/catalog", headers={"Accept-Encoding": "identity"})
    assert packed.status == plain.status == 200
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.body == plain.body  # aiohttp has unpacked the first
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["ETag"].startswith('"')
    assert plain.headers["Vary"] == "Accept-Encoding"
    for answer in (packed, plain):
        again = await registry.reader.get("/catalog", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
    await suspended(registry, "acme")
    changed = await registry.reader.get("/catalog", headers={"If-None-Match": packed.headers["ETag"]})
    assert changed.status == 200
    assert changed.headers["ETag"] != packed.headers["ETag"]


async def test_numbered_files_may_be_kept_for_ever_and_the_timestamp_not(registry: Registry) -> None:
    root = await registry.reader.get("/tuf/1.root.json")
    timestamp = await registry.reader.get("/tuf/timestamp.json")
    assert "immutable" in root.headers["Cache-Control"]
    assert "no-cache" in timestamp.headers["Cache-Control"]
    again = await registry.reader.get(
        "/tuf/timestamp.json", headers={"If-None-Match": timestamp.headers["ETag"]}
    )
    assert again.status == 304


async def test_what_is_not_released_is_not_found(registry: Registry) -> None:
    for name in (
        "2.root.json",
        "0.root.json",
        "root.json",
        "timestamp.json.bak",
        "..%2Fcatalog",
        "1.targets.json",
        "catalog.json.gz",
        "9" * 41 + ".root.json",
        "targets/" + "0" * 64 + ".catalog.json.gz",
        "targets/catalog.json.gz",
    ):
        answer = await registry.reader.get(f"/tuf/{name}")
        assert (answer.status, answer.code) == (404, "not_found"), name


async def test_nothing_is_told_without_a_token(registry: Registry) -> None:
    for path in ("/catalog", "/tuf/timestamp.json", "/tuf/1.root.json", "/audit/checkpoint"):
        assert (await registry.anybody.get(path)).status == 401


async def test_a_root_that_runs_out_soon_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running_registry(tmp_path / "registry", root_s=20 * 86_400), asyncio.timeout(20):
        while not [record for record in caplog.records if "the root runs out on" in record.getMessage()]:
            await asyncio.sleep(0.02)
    caplog.clear()
    async with running_registry(tmp_path / "other"):
        assert not [record for record in caplog.records if "the root runs out on" in record.getMessage()]
