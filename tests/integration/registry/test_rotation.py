"""Keys are replaced, by plan or after a theft, and clients follow the registry and not the thief."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from modelhubd.errors import CannotStart, Untrusted
from modelhubd.registry.database import Database
from modelhubd.registry.release import files, keys, tuf
from modelhubd.registry.release.first import ensure_root, make_keys
from modelhubd.registry.release.rotation import NewRoot, Rotation, rotate
from modelhubd.registry.release.tuf import Lifetimes
from modelhubd.trust.notes import open_checkpoint
from tests.fakes.registry import Registry
from tests.fakes.tuf_client import Client, Fetcher

HUGE = 2**60


def now() -> datetime:
    return datetime.now(UTC)


async def client_of(registry: Registry, folder: Path) -> Client:
    assert registry.reader.token is not None
    root = (await registry.reader.get("/tuf/1.root.json")).body
    return Client(folder, registry.url, root, Fetcher(registry.reader.token))


def offline(registry: Registry) -> Path:
    return registry.parts.config.state_dir / "offline-root"


async def rotated(registry: Registry, **changes: object) -> int:
    """As the command does it, in another process's database connection, while the service runs."""
    config = registry.parts.config
    wanted = {"root_folders": (offline(registry),), "reason": "a test", **changes}
    async with Database.open(config.database_url) as database:
        return await rotate(
            database,
            config.state_dir,
            Rotation(**wanted),  # type: ignore[arg-type]
            now=now(),
            lifetimes=Lifetimes(),
        )


async def test_clients_follow_a_rotation_while_the_service_runs(registry: Registry, tmp_path: Path) -> None:
    client = await client_of(registry, tmp_path / "client")
    before = await client.refresh()
    assert await rotated(registry) == 2
    registry.parts.releases.served.forget()
    after = await client.refresh()
    assert after.revision > before.revision
    assert after.audit_key != before.audit_key
    assert open_checkpoint(after.checkpoint, after.audit_key).size > 0
    entries = (await registry.admin.get("/audit?action=keys.rotated")).json["items"]
    assert [entry["detail"]["root_version"] for entry in entries] == [2]
    answer = await registry.admin.patch("/publishers/acme", {"status": "suspended", "reason": "a test"})
    assert answer.status == 200
    assert (await client.refresh()).revision > after.revision  # signed with the new keys
    checkpoint = (await registry.reader.get("/audit/checkpoint")).json
    assert checkpoint["key"] == after.audit_key


async def test_a_thief_of_the_online_keys_is_shut_out(registry: Registry, tmp_path: Path) -> None:
    client = await client_of(registry, tmp_path / "client")
    await client.refresh()
    stolen = keys.read_online_keys(registry.parts.config.state_dir / "keys")
    forged = await _forged(registry, stolen)
    client.fetcher.changed = forged
    await client.refresh()  # the thief has the keys: nothing can be told before they are revoked
    client.fetcher.changed = {}
    with pytest.raises(RepositoryError):
        await client.refresh()  # and has frozen the client out of the true catalog

    await rotated(registry, reason="a key was stolen", beyond_version=HUGE)
    registry.parts.releases.served.forget()
    assert (await client.refresh()).registry == "registry.test"
    served = Metadata[Timestamp].from_bytes((await registry.reader.get("/tuf/timestamp.json")).body).signed
    assert served.version > HUGE
    client.fetcher.changed = forged
    with pytest.raises(RepositoryError):
        await client.refresh()  # what the thief signs counts for nothing now


async def _forged(registry: Registry, stolen: keys.Keyring) -> dict[str, bytes]:
    """A timestamp and snapshot with huge versions, signed by the registry's own keys."""
    root = tuf.read_root((await registry.reader.get("/tuf/1.root.json")).body)
    timestamp = (await registry.reader.get("/tuf/timestamp.json")).body
    snapshot = (await registry.reader.get(f"/tuf/{tuf.snapshot_name(timestamp)}")).body
    targets = (await registry.reader.get(f"/tuf/{tuf.targets_name(snapshot)}")).body
    current = tuf.read_current(timestamp, snapshot, targets)
    return tuf.release(
        catalog=None, current=current, beyond=HUGE - 1, again=True, root=root, keyring=stolen, now=now(),
        lifetimes=Lifetimes(),
    )  # fmt: skip


async def test_the_recovery_works_without_knowing_what_the_thief_signed(
    registry: Registry, tmp_path: Path
) -> None:
    client = await client_of(registry, tmp_path / "client")
    await client.refresh()
    client.fetcher.changed = await _forged(
        registry, keys.read_online_keys(registry.parts.config.state_dir / "keys")
    )
    await client.refresh()
    client.fetcher.changed = {}
    await rotated(registry)
    registry.parts.releases.served.forget()
    assert (await client.refresh()).registry == "registry.test"


async def test_root_keys_are_replaced_with_a_threshold(registry: Registry, tmp_path: Path) -> None:
    client = await client_of(registry, tmp_path / "client")
    await client.refresh()
    several = tmp_path / "several"
    await rotated(registry, new_root=NewRoot(folder=several, count=3, threshold=2))
    registry.parts.releases.served.forget()
    await client.refresh()
    apart = sorted(several.glob("*.pem"))
    assert len(apart) == 3
    for too_few in ((apart[0],), (offline(registry),), (offline(registry), apart[2])):
        with pytest.raises(Untrusted, match="needs 2 root keys"):
            await rotated(registry, root_folders=too_few)
    assert await rotated(registry, root_folders=(apart[0], apart[2])) == 3
    registry.parts.releases.served.forget()
    assert (await client.refresh()).registry == "registry.test"
    newcomer = await client_of(registry, tmp_path / "newcomer")
    assert (await newcomer.refresh()).registry == "registry.test"


async def test_a_rotation_that_fails_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    keys.write_keys(stranger, keys.root_keys(1))
    before = (await registry.admin.get("/audit")).json["total"]
    folder = registry.parts.config.state_dir / "keys"
    known = sorted(path.name for path in folder.iterdir())
    with pytest.raises(Untrusted):
        await rotated(registry, root_folders=(stranger,))
    assert (await registry.admin.get("/audit")).json["total"] == before
    assert sorted(path.name for path in folder.iterdir()) == known
    assert (await registry.reader.get("/tuf/2.root.json")).status == 404


async def test_old_keys_stay_for_one_rotation_and_stolen_ones_not_at_all(registry: Registry) -> None:
    folder = registry.parts.config.state_dir / "keys"

    def held() -> set[str]:
        return set(keys.read_online_keys(folder).private)

    async def counting(root: int) -> set[str]:
        return set(
            tuf.public_keys(
                tuf.read_root((await registry.reader.get(f"/tuf/{root}.root.json")).body)
            ).values()
        )

    first = held()
    assert len(first) == 4
    await rotated(registry)
    registry.parts.releases.served.forget()
    assert held() == first | await counting(2)
    await rotated(registry)
    registry.parts.releases.served.forget()
    assert held() == await counting(2) | await counting(3)
    await rotated(registry, stolen=True)
    registry.parts.releases.served.forget()
    assert held() == await counting(4)
    assert (
        await registry.admin.patch("/publishers/acme", {"status": "suspended", "reason": "x"})
    ).status == 200
    await registry.parts.releases.released()
    assert registry.parts.releases.fault is None


async def test_metadata_that_is_too_old_is_not_taken_for_fresh(registry: Registry, tmp_path: Path) -> None:
    """A mirror that answers yesterday's catalog for ever: its timestamp runs out."""
    client = await client_of(registry, tmp_path / "client")
    root = tuf.read_root(client.root)
    timestamp = (await registry.reader.get("/tuf/timestamp.json")).body
    snapshot = (await registry.reader.get(f"/tuf/{tuf.snapshot_name(timestamp)}")).body
    targets = (await registry.reader.get(f"/tuf/{tuf.targets_name(snapshot)}")).body
    client.fetcher.changed = tuf.release(
        catalog=None,
        current=tuf.read_current(timestamp, snapshot, targets),
        beyond=0,
        again=False,
        root=root,
        keyring=keys.read_online_keys(registry.parts.config.state_dir / "keys"),
        now=now() - timedelta(days=2),
        lifetimes=Lifetimes(),
    )
    with pytest.raises(RepositoryError, match="expired"):
        await client.refresh()


async def test_keys_are_readable_by_nobody_else(registry: Registry) -> None:
    state = registry.parts.config.state_dir
    for folder in (state / "keys", state / "offline-root"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for path in folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (state / "keys").chmod(0o750)
    with pytest.raises(CannotStart, match="can be read by others"):
        keys.read_online_keys(state / "keys")
    (state / "keys").chmod(0o700)
    next((state / "keys").glob("*.pem")).chmod(0o640)
    with pytest.raises(CannotStart, match="can be read by others"):
        keys.read_online_keys(state / "keys")


async def test_a_process_without_the_registry_s_keys_does_not_start(
    registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(CannotStart, match="Copy that folder"):
        await ensure_root(registry.parts.database, tmp_path / "elsewhere", now(), Lifetimes())


def test_prepared_keys_are_made_once(tmp_path: Path) -> None:
    wanted = {"count": 3, "threshold": 2, "now": now(), "lifetimes": Lifetimes()}
    root = tuf.read_root(make_keys(tmp_path / "state", tmp_path / "offline", **wanted))  # type: ignore[arg-type]
    assert root.roles["root"].threshold == 2
    assert len(root.roles["root"].keyids) == 3
    assert len(list((tmp_path / "offline").glob("root-*.pem"))) == 3
    with pytest.raises(CannotStart, match="already"):
        make_keys(tmp_path / "state", tmp_path / "other", **wanted)  # type: ignore[arg-type]


def test_the_type_of_a_snapshot_is_that_of_its_name() -> None:
    assert files.versioned(7, Snapshot.type) == "7.snapshot.json"
