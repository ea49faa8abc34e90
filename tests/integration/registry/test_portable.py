"""A registry moves between databases and comes back from backups, and is the same afterwards."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelhubd.errors import CannotStart
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.database import Database
from modelhubd.registry.opening import now
from modelhubd.registry.portable.archive import TABLES
from modelhubd.registry.portable.backups import backup, restore
from modelhubd.registry.portable.service import check_log, export, import_
from modelhubd.registry.release import building, catalog, tuf
from modelhubd.registry.release.keys import read_online_keys
from modelhubd.registry.schema import metadata
from tests.fakes.postgres import fresh_database
from tests.fakes.registry import Registry, running_registry
from tests.fakes.registry_template import copied_registry, template
from tests.fakes.tuf_client import Client, Fetcher


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A second empty database, of either kind."""
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            yield stack.enter_context(fresh_database())
        else:
            yield f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"


@pytest.fixture
async def other(other_url: str) -> AsyncIterator[Database]:
    async with Database.open(other_url) as database:
        yield database


async def live(registry: Registry) -> None:
    """Something in every table that can hold something."""
    admin, database = registry.admin, registry.parts.database
    key = {"public_key": "ab" * 32}
    assert (await admin.post("/publishers/acme/keys", key)).status == 201
    assert (
        await admin.patch("/publishers/globex", {"status": "suspended", "reason": "a test"})
    ).status == 200
    async with database.changing() as connection:
        for statement in LIFE:
            await connection.execute(sa.text(statement))
        await connection.execute(sa.text("UPDATE hub_head SET revision = revision + 1"))
    await registry.parts.releases.released()


AT = "2026-01-02T03:04:05.000Z"
DIGEST = "e5d4b2a8aa9a7bb0a9e9fbf19bc1b0fdaf19d8ef6ae7c0b4d8ba3d4c1e6ab7b3"


def _version(number: int) -> list[str]:
    import hashlib

    content = f'{{"id":"acme/tiny","notes":"number {number}","options":[]}}'
    digest = hashlib.sha256(content.encode()).hexdigest()
    return [
        "UPDATE model SET last_version = last_version + 1 WHERE id = 'acme/tiny'",
        "INSERT INTO version (model, version, status, content, content_sha256, envelopes, published_by, "
        f"published_at, four_eyes, words) VALUES ('acme/tiny', {number}, 'pending', '{content}', '{digest}', "
        f"'[]', 'author', '{AT}', true, 'acme/tiny\n')",
    ]


def _decided(number: int, status: str, reason: str = "fine") -> str:
    return (
        f"UPDATE version SET status = '{status}', decided_by = 'reviewer', decided_at = '{AT}', "
        f"reason = '{reason}' WHERE model = 'acme/tiny' AND version = {number}"
    )


LIFE = [
    f"INSERT INTO model (id, publisher, last_version, created_at) VALUES ('acme/tiny', 'acme', 0, '{AT}')",
    *_version(1),
    _decided(1, "approved"),
    *_version(2),
    _decided(2, "rejected", "no"),
    *_version(3),
    _decided(3, "approved"),
    f"UPDATE version SET status = 'withdrawn', withdrawn_by = 'admin', withdrawn_at = '{AT}', "
    "withdraw_reason = 'bad' WHERE model = 'acme/tiny' AND version = 3",
    *_version(4),
    *_version(5),
    "UPDATE version SET status = 'cancelled' WHERE model = 'acme/tiny' AND version = 5",
    "INSERT INTO served (model, version, status) VALUES ('acme/tiny', 1, 'approved')",
    f"INSERT INTO verification (model, verified_by, verified_at) VALUES ('acme/tiny', 'admin', '{AT}')",
    "INSERT INTO issue (model, version, position, code, severity, pointer, message) VALUES "
    "('acme/tiny', 1, 0, 'x', 'info', '', 'a word')",
    "INSERT INTO template (id, name, description, updated_at, updated_by) VALUES "
    f"('t', 'T', '', '{AT}', 'admin')",
    "INSERT INTO template_model (template, model) VALUES ('t', 'acme/tiny')",
    "INSERT INTO counter (model, downloads) SELECT id, 7 FROM model WHERE id = 'acme/tiny'",
    "INSERT INTO star (model, principal) VALUES ('acme/tiny', 'reader')",
    f"INSERT INTO tombstone (model, withdrawn_at, reason) SELECT min(id), '{AT}', 'bad' FROM model",
]


async def tables(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that is exported, and the stored subtrees."""
    found = {}
    async with database.reading() as connection:
        for name in (*TABLES, "audit_node", "hub_head", "weight"):
            rows = await connection.execute(sa.select(metadata.tables[name]))
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def test_a_registry_moves_to_either_kind_of_database(
    registry: Registry, other: Database, tmp_path: Path
) -> None:
    await live(registry)
    before = await tables(registry.parts.database)
    told = await export(registry.parts.database, tmp_path / "export", now=now(), with_tokens=True)
    moved = await import_(other, tmp_path / "export")
    assert moved == told
    assert await tables(other) == before
    assert all(before[name] for name in TABLES), "something in every table"
    assert (await check_log(other)).audit_root == told.audit_root


async def test_the_same_rows_and_keys_give_the_same_catalog_bytes(
    registry: Registry, other: Database, tmp_path: Path
) -> None:
    await live(registry)
    await export(registry.parts.database, tmp_path / "export", now=now())
    await import_(other, tmp_path / "export")
    keyring = read_online_keys(registry.parts.config.state_dir / "keys")
    made = [await _document(database, keyring) for database in (registry.parts.database, other)]
    assert made[0] == made[1]
    assert catalog.packed(made[0]) == (await registry.parts.releases.served.catalog()).content


async def _document(database: Database, keyring: Any) -> bytes:
    async with database.reading() as connection:
        base = await building.read_base(connection)
        assert base is not None
        wanted = await building.read_wanted(connection, base.head, now(), whole=True)
        # the release was made before the log's last entry, if anything was only noted since
    assert wanted.catalog is not None
    frame = building._frame(base.head, wanted, tuf.read_root(base.root), keyring)
    return catalog.document(wanted.catalog, frame)


async def test_clients_go_on_with_the_moved_registry(
    registry: Registry, other_url: str, other: Database, tmp_path: Path
) -> None:
    assert registry.reader.token is not None
    root = (await registry.reader.get("/tuf/1.root.json")).body
    client = Client(tmp_path / "client", registry.url, root, Fetcher(registry.reader.token))
    before = await client.refresh()
    await export(registry.parts.database, tmp_path / "export", now=now(), with_tokens=True)
    await import_(other, tmp_path / "export")
    async with running_registry(registry.parts.config.state_dir, other_url) as moved:
        client.url = moved.url
        assert (await client.refresh()).revision >= before.revision
        answer = await moved.admin.patch("/publishers/acme", {"status": "suspended", "reason": "a test"})
        assert answer.status == 200
        assert (await client.refresh()).revision > before.revision


async def test_tokens_stay_behind_unless_they_are_asked_for(
    registry: Registry, other: Database, tmp_path: Path
) -> None:
    await export(registry.parts.database, tmp_path / "export", now=now())
    text = gzip.decompress((tmp_path / "export").read_bytes()).decode()
    async with registry.parts.database.reading() as connection:
        hashes = (
            (await connection.execute(sa.select(metadata.tables["token"].c.secret_sha256))).scalars().all()
        )
    assert hashes
    assert not any(known in text for known in hashes)
    await import_(other, tmp_path / "export")
    assert (await tables(other))["token"] == []


async def test_an_import_goes_into_an_empty_database_only(registry: Registry, tmp_path: Path) -> None:
    await export(registry.parts.database, tmp_path / "export", now=now())
    before = await tables(registry.parts.database)
    with pytest.raises(CannotStart, match="not empty"):
        await import_(registry.parts.database, tmp_path / "export")
    assert await tables(registry.parts.database) == before


def _changed_line(lines: list[bytes], table: str, change: Any) -> list[bytes]:
    """The export with one row of a table changed, and its digest made right again."""
    import hashlib

    found = list(lines[:-1])
    place = next(at for at, line in enumerate(found) if line.startswith(b'["%s"' % table.encode()))
    name, row = json.loads(found[place])
    change(row)
    found[place] = json.dumps([name, row], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(b"".join(line + b"\n" for line in found)).hexdigest()
    return [*found, json.dumps(["end", digest]).encode()]


FORGED = {
    "an audit entry": ("audit", lambda row: row.update(actor="somebody")),
    "an audit entry and its text": (
        "audit",
        lambda row: row.update(entry=row["entry"].replace("seed", "weed")),
    ),
    "the order of the log": ("audit", lambda row: row.update(seq=1)),
    "the content of a version": ("version", lambda row: row.update(content=row["content"].replace("a", "b"))),
    "the number of a version": ("version", lambda row: row.update(version=2)),
    "the last version of a model": ("model", lambda row: row.update(last_version=9)),
    "a signed file": ("release_file", lambda row: row.update(content="AAAA")),
    "who decided": ("version", lambda row: row.update(decided_by=row["published_by"], four_eyes=True)),
    "a column": ("model", lambda row: row.update(more=1)),
}


async def test_an_export_that_was_forged_is_refused(database_url: str, tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{template('sqlite').state_dir / 'registry.db'}") as first:
        await export(first, tmp_path / "export", now=now())
    lines = gzip.decompress((tmp_path / "export").read_bytes()).splitlines()
    async with Database.open(database_url) as database:
        for what, forged in FORGED.items():
            changed = b"\n".join(_changed_line(lines, *forged)) + b"\n"
            (tmp_path / "forged").write_bytes(gzip.compress(changed, 1))
            with pytest.raises(CannotStart):
                await import_(database, tmp_path / "forged")
                pytest.fail(f"{what} went through")
        moved = await import_(database, tmp_path / "export")  # nothing was left behind
        assert moved.name == "registry.test"


async def test_an_export_that_is_damaged_is_refused(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{template('sqlite').state_dir / 'registry.db'}") as first:
        await export(first, tmp_path / "export", now=now())
    packed = (tmp_path / "export").read_bytes()
    lines = gzip.decompress(packed).splitlines(keepends=True)
    damaged = {
        "cut": packed[:-100],
        "one line less": gzip.compress(b"".join([*lines[:-2], lines[-1]])),
        "one line more": gzip.compress(b"".join([*lines, lines[1]])),
        "no gzip": b"".join(lines),
        "another format": gzip.compress(b"".join([lines[0].replace(b"export", b"import"), *lines[1:]])),
        "gone": b"",
    }
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'second.db'}") as database:
        for how, data in damaged.items():
            (tmp_path / "bad").write_bytes(data)
            with pytest.raises(CannotStart):
                await import_(database, tmp_path / "bad")
                pytest.fail(f"{how} went through")


async def test_a_backup_is_restored_as_the_same_registry(registry: Registry, tmp_path: Path) -> None:
    await live(registry)
    config = registry.parts.config
    before = await tables(registry.parts.database)
    await backup(config, tmp_path / "backup", now=now())
    with pytest.raises(CannotStart, match="not empty"):
        await backup(config, tmp_path / "backup", now=now())
    with contextlib.ExitStack() as stack:
        url = (
            f"sqlite+aiosqlite:///{tmp_path / 'restored' / 'registry.db'}"
            if registry.parts.database.is_sqlite
            else stack.enter_context(fresh_database())
        )
        (tmp_path / "restored").mkdir(mode=0o700)
        again = RegistryConfig(state_dir=tmp_path / "restored", database=url)
        moved = await restore(again, tmp_path / "backup")
        async with Database.open(url) as database:
            assert await tables(database) == before
            assert moved.audit_root == (await check_log(database)).audit_root
        with pytest.raises(CannotStart):
            await restore(again, tmp_path / "backup")
        async with running_registry(tmp_path / "restored", url) as restored:
            assert (await restored.reader.get("/tuf/1.root.json")).body == (
                await registry.reader.get("/tuf/1.root.json")
            ).body


async def test_a_client_that_saw_more_than_the_backup_takes_the_restored_catalog(
    registry: Registry, tmp_path: Path
) -> None:
    """Version numbers follow the clock, so that those after a restore are higher than any before."""
    if not registry.parts.database.is_sqlite:
        pytest.skip("the same on PostgreSQL, where the backup is an export")
    assert registry.reader.token is not None
    root = (await registry.reader.get("/tuf/1.root.json")).body
    client = Client(tmp_path / "client", registry.url, root, Fetcher(registry.reader.token))
    await backup(registry.parts.config, tmp_path / "backup", now=now())
    for status in ("suspended", "active", "suspended"):
        await registry.admin.patch("/publishers/acme", {"status": status, "reason": "a test"})
    await client.refresh()
    (tmp_path / "restored").mkdir(mode=0o700)
    await restore(RegistryConfig(state_dir=tmp_path / "restored"), tmp_path / "backup")
    async with running_registry(tmp_path / "restored") as restored:
        await asyncio.sleep(4)  # the three changes above may have run ahead of the clock
        for status in ("active", "suspended"):
            await restored.admin.patch("/publishers/globex", {"status": status, "reason": "a test"})
        client.url, client.fetcher.token = restored.url, restored.reader.token or ""
        catalog_now = await client.refresh()
        assert {one.name: one.status for one in catalog_now.publishers}["globex"] == "suspended"


async def test_a_damaged_backup_is_not_restored(tmp_path: Path) -> None:
    async with copied_registry("sqlite", tmp_path / "registry") as registry:
        await backup(registry.parts.config, tmp_path / "backup", now=now())
    path = tmp_path / "backup" / "registry.db"
    data = bytearray(path.read_bytes())
    place = data.find(b"seed.imported")
    data[place : place + 4] = b"weed"
    path.write_bytes(data)
    (tmp_path / "restored").mkdir(mode=0o700)
    with pytest.raises(CannotStart):
        await restore(RegistryConfig(state_dir=tmp_path / "restored"), tmp_path / "backup")
    assert list((tmp_path / "restored").iterdir()) == []
    with pytest.raises(CannotStart, match="holds no backup"):
        await restore(RegistryConfig(state_dir=tmp_path / "restored"), tmp_path)
