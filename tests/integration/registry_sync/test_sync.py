"""A daemon and a registry that behaves."""

import contextlib
import gzip
import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from modelhub_client import Conflict, NotFound
from tests.fakes.tuf_registry import ONLINE, TARGET, TufRegistry, entry
from tests.integration.registry_sync.conftest import TOKEN, Machine
from tests.raw import over_socket


def test_the_floor_is_the_catalog_until_the_first_snapshot_and_then_the_snapshot_alone(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    registry.misbehave("500")
    machine.start()
    info = machine.synced()
    assert (info.source, info.models > 5) == ("floor", True)
    assert (info.last_error and info.last_error.code, info.synced_at) == ("http_error", None)
    registry.behave()
    info = machine.synced()
    assert (info.source, info.models, info.revision, info.last_error) == ("registry", 1, "1", None)
    assert info.registry == registry.url
    assert machine.models() == {"lab/one"}
    assert machine.client.model("lab/one").source == "registry"
    assert machine.client.status().catalog == machine.client.catalog_info()


def test_the_first_sync_comes_by_itself_and_never_delays_the_start(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    registry.misbehave("silent")
    machine.start()
    assert machine.client.catalog_info().source == "floor"
    registry.behave()
    machine.stop()
    machine.start()
    machine.until(lambda client: client.catalog_info().source == "registry")


def test_a_sync_that_finds_nothing_new_moves_less_than_a_kilobyte(
    spoilt: TufRegistry, witness: Machine
) -> None:
    registry, machine = spoilt, witness
    registry.contents.entries = [entry(f"lab/m{number}") for number in range(500)]
    registry.counters = {f"lab/m{number}": {"downloads": number, "stars": 1} for number in range(500)}
    registry.release()
    machine.synced()
    registry.asked.clear()
    before = machine.client.catalog_info()
    after = machine.synced()
    assert [asked.status for asked in registry.asked] == [404, 200, 304]
    assert sum(asked.body for asked in registry.asked) < 500
    on_the_line = sum(asked.sent + asked.received for asked in registry.asked)
    token_lines = 3 * len(f"Authorization: Bearer {TOKEN}\r\n")
    assert on_the_line - token_lines < 1100
    assert (before.synced_at, before.revision) == (after.synced_at, after.revision)
    assert before.checked_at is not None
    assert after.checked_at is not None
    assert before.checked_at < after.checked_at


def test_a_change_comes_with_the_next_sync(spoilt: TufRegistry, witness: Machine) -> None:
    registry, machine = spoilt, witness
    registry.contents.entries = [entry("lab/one")]
    registry.release()
    machine.synced()
    registry.contents.entries.append(entry("lab/two", verified=True))
    registry.release()
    info = machine.synced()
    assert (info.revision, info.models) == (str(registry.revision), 2)
    assert machine.client.model("lab/two").verified
    assert info.audit is not None
    assert (info.audit.size, info.audit.alarm) == (len(registry.log), None)
    assert info.audit.root_hash == registry.tree().root.hex()


def test_only_its_token_and_nothing_about_the_machine_goes_to_the_registry(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    machine.start()
    machine.synced()
    for asked in registry.asked:
        assert asked.fields["authorization"] == f"Bearer {TOKEN}"
        assert set(asked.fields) <= {"host", "authorization", "user-agent", "if-none-match"}
    found = {(item.host, item.purpose) for item in machine.client.status().outbound}
    host = registry.url.removeprefix("http://")
    assert found == {(host, "catalog"), (host, "popularity")}


def test_a_bad_entry_drops_itself_and_is_reported(spoilt: TufRegistry, witness: Machine) -> None:
    registry, machine = spoilt, witness
    registry.contents.entries = [
        entry("lab/one"), entry("Not An Id"), entry("lab/two", display_name="a\u202eb"), "text", 7,
        entry("lab/one", display_name="again"), [entry("lab/three")],
    ]  # fmt: skip
    registry.release()
    info = machine.synced()
    assert machine.models() == {"lab/one"}
    assert machine.client.model("lab/one").display_name == "lab/one"
    where = {fault.pointer for fault in info.faults}
    assert {fault.file for fault in info.faults} == {TARGET}
    assert where == {
        "/entries/1/id", "/entries/2/display_name", "/entries/3", "/entries/4", "/entries/5/id", "/entries/6",
    }  # fmt: skip


def test_it_works_offline_from_the_first_start_after_a_sync(registry: TufRegistry, machine: Machine) -> None:
    registry.contents.tombstones = [
        {"id": "lab/gone", "withdrawn_at": "2026-01-01T00:00:00Z", "reason": "Unfit."}
    ]
    registry.release()
    machine.start()
    machine.synced()
    machine.stop()
    with registry.away():
        machine.start()
        assert machine.models() == {"lab/one"}
        info = machine.synced()
        assert info.source == "registry"
        assert info.last_error is not None
        assert info.last_error.code == "unreachable"
        assert over_socket(machine.socket, "GET", "/api/v1/catalog/models/lab/gone").json["code"] == (
            "model_withdrawn"
        )


def test_a_withdrawn_model_says_so_and_cannot_be_had_even_by_force(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.contents.entries = [entry("lab/one"), entry("lab/two")]
    registry.release()
    folder = machine.home / "config/catalog.d"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_text(json.dumps(entry("lab/two")))
    machine.environ["MODELHUB_POLICY_LOCAL_ENTRIES"] = "true"
    machine.start()
    machine.synced()
    registry.contents.entries.pop()
    registry.contents.tombstones = [
        {"id": "lab/two", "withdrawn_at": "2026-01-01T00:00:00Z", "reason": "It leaks."}
    ]
    registry.release()
    info = machine.synced()
    assert machine.models() == {"lab/one"}
    assert [fault.file for fault in info.faults] == ["mine.json"]
    with pytest.raises(NotFound, match="withdrawn by the registry: It leaks"):
        machine.client.model("lab/two")
    with pytest.raises(Conflict, match="withdrawn by the registry: It leaks"):
        machine.client.create_download("lab/two", force=True)


def test_local_entries_do_not_count_beside_a_registry_unless_policy_says_so(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    folder = machine.home / "config/catalog.d"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_text(json.dumps([entry("me/own"), entry("lab/one", display_name="mine")]))
    machine.start()
    machine.synced()
    assert machine.models() == {"lab/one"}
    machine.stop()
    machine.environ["MODELHUB_POLICY_LOCAL_ENTRIES"] = "true"
    machine.start()
    assert machine.models() == {"lab/one", "me/own"}
    assert machine.client.model("lab/one").display_name == "lab/one"


def test_without_a_root_it_says_how_to_get_one_and_asks_nobody(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    machine.environ["MODELHUB_CATALOG_REGISTRY_ROOT"] = ""
    machine.start()
    error = machine.synced().last_error
    assert error is not None
    assert error.code == "no_root"
    assert "1.root.json" in error.detail
    assert registry.asked == []


def test_a_root_that_is_none_is_refused(registry: TufRegistry, machine: Machine) -> None:
    registry.release()
    good = machine.root.read_bytes()
    machine.root.write_bytes(b"")
    machine.start()
    for content in (b"", b"{}", b"not json", b"[" * 100_000, registry.files["timestamp.json"]):
        machine.root.write_bytes(content)
        error = machine.synced().last_error
        assert error is not None, content[:20]
        assert error.code == "bad_root"
    assert registry.asked == []
    machine.root.write_bytes(good)
    assert machine.synced().source == "registry"


def test_an_address_that_must_not_be_asked_is_refused_with_the_reason(machine: Machine) -> None:
    """Which ones, tell the tests of `address`."""
    machine.environ["MODELHUB_CATALOG_REGISTRY_URL"] = "http://models.example.org"
    machine.start()
    error = machine.synced().last_error
    assert error is not None
    assert (error.code, "not https" in error.detail) == ("bad_url", True)
    assert machine.client.status().outbound == ()


def test_what_is_kept_counts_no_more_once_another_root_is_trusted(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    machine.start()
    machine.synced()
    machine.stop()
    with TufRegistry() as other:
        machine.root.write_bytes(other.trusted_root)
    machine.start()
    info = machine.synced()
    assert info.source == "floor"
    assert info.last_error is not None
    assert info.last_error.code == "wrong_root"


def test_what_is_kept_counts_no_more_once_it_was_tampered_with(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    machine.start()
    machine.synced()
    for column in ("target", "signatures", "head"):
        machine.stop()
        with contextlib.closing(sqlite3.connect(machine.home / "state/modelhub.db")) as database, database:
            (before,) = database.execute(f"SELECT {column} FROM registry_snapshot").fetchone()
            after = before.replace(b'"sha256":"', b'"sha256":"0')
            if column != "head":
                after = before[:200] + bytes((before[200] ^ 1,)) + before[201:]
            database.execute(f"UPDATE registry_snapshot SET {column} = ?", (after,))
        with registry.away():
            machine.start()
            assert machine.client.catalog_info().source == "floor", column
        assert machine.synced().source == "registry"


def test_its_folder_is_closed_to_others(witness: Machine) -> None:
    folder = witness.home / "state/registry"
    found = [folder, *folder.rglob("*")]
    assert len(found) > 5
    for path in found:
        allowed = 0o700 if path.is_dir() else 0o600
        assert path.is_symlink() or path.stat().st_mode & 0o777 == allowed, path


def test_a_catalog_that_is_shipped_with_the_root_is_there_before_any_network(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    registry.contents.entries.append(entry("lab/two"))
    registry.release()
    ship(registry, machine.root.parent)
    with registry.away():
        machine.start()
        info = machine.client.catalog_info()
        assert (info.source, info.revision) == ("registry", "2")
    registry.show_again(0)
    error = machine.synced().last_error
    assert error is not None
    assert error.code == "rolled_back"


def test_metadata_that_is_shipped_with_the_root_protects_the_first_start_from_a_rollback(
    registry: TufRegistry, machine: Machine
) -> None:
    registry.release()
    registry.release()
    ship(registry, machine.root.parent, whole=False)
    registry.show_again(0)
    machine.start()
    info = machine.synced()
    assert info.source == "floor"
    assert info.last_error is not None
    assert info.last_error.code == "rolled_back"


def ship(registry: TufRegistry, folder: Path, *, whole: bool = True) -> None:
    """What an organisation puts beside the root: the metadata of the newest release, and its catalog."""
    versions = registry.versions
    for role in ONLINE:
        name = f"{role}.json" if role == "timestamp" else f"{versions[role]}.{role}.json"
        (folder / f"{role}.json").write_bytes(registry.files[name])
    if whole:
        (name,) = [
            name for name in registry.files
            if name.startswith("targets/") and b'"revision": 2' in gzip.decompress(registry.files[name])
        ]  # fmt: skip
        (folder / TARGET).write_bytes(registry.files[name])


def test_readers_are_told_of_each_sync_and_once_of_a_failure(spoilt: TufRegistry, witness: Machine) -> None:
    registry, machine = spoilt, witness
    registry.contents.entries = [entry("lab/one")]
    registry.release()
    machine.synced()
    before, after = f"{registry.revision}", f"{registry.revision + 1}"
    stream = machine.client.events(topics=["catalog"])
    told: list[tuple[str, str | None, str]] = []

    def listen() -> None:
        for event in stream:
            if event.type.startswith("catalog."):
                error = event.data.last_error
                told.append((event.type, error and error.code, event.data.revision))
            if told and told[-1][2] == after:
                break

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(0.5)
    machine.synced()
    registry.misbehave("html")
    machine.synced()
    machine.synced()
    registry.behave()
    registry.contents.entries.append(entry("lab/two"))
    registry.release()
    machine.synced()
    listener.join(30)
    assert ("catalog.stale", "not_a_registry", before) in told
    assert [kind for kind, _, _ in told].count("catalog.stale") == 1
    assert told[-1] == ("catalog.synced", None, after)
