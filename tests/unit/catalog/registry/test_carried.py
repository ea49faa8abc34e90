"""A signed catalog that is carried in a folder: what of it is taken, and what never is."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelhubd.catalog.registry import store
from modelhubd.catalog.registry.carried import Carried, Taken, files_of, judge_carried, read_carried
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.witness import Seen
from tests.fakes.tuf_registry import TufRegistry, entry

NOW = datetime.now(UTC)


def folder_of(registry: TufRegistry) -> dict[str, bytes]:
    """What the registry serves now, under the names of a folder."""
    files, versions = registry.files, registry.versions
    target = next(
        data for name, data in registry.files.items()
        if name.startswith("targets/") and hashlib.sha256(data).hexdigest() in _listed(registry)
    )  # fmt: skip
    roots = {name: data for name, data in files.items() if name.endswith(".root.json")}
    return roots | {
        "timestamp.json": files["timestamp.json"],
        "snapshot.json": files[f"{versions['snapshot']}.snapshot.json"],
        "targets.json": files[f"{versions['targets']}.targets.json"],
        "catalog.json.gz": target,
    }


def _listed(registry: TufRegistry) -> str:
    return registry.files[f"{registry.versions['targets']}.targets.json"].decode()


def carried(files: dict[str, bytes]) -> Carried:
    return read_carried(sorted(files), lambda name, most: files[name][:most])


class Machine:
    """What a machine has taken so far."""

    def __init__(self, registry: TufRegistry, folder: Path) -> None:
        self.root = folder / "root.json"
        self.root.write_bytes(registry.trusted_root)
        self.kept: store.Kept | None = None
        self.seen: Seen | None = None

    def judged(self, found: Carried, now: datetime = NOW) -> Taken | None:
        return judge_carried(found, root_path=str(self.root), kept=self.kept, seen=self.seen, now=now)

    def takes(self, found: Carried) -> Taken:
        taken = self.judged(found)
        assert taken is not None
        refreshed = taken.refreshed
        self.kept = store.Kept(
            head=taken.document.head, signatures=refreshed.signatures, root_version=refreshed.root_version,
            expires_at=refreshed.expires_at, synced_at=NOW, checked_at=NOW,
        )  # fmt: skip
        self.seen = taken.seen
        return taken

    def refuses(self, found: Carried, code: str, now: datetime = NOW) -> None:
        with pytest.raises(NotTaken) as refused:
            self.judged(found, now)
        assert refused.value.code == code


@pytest.fixture
def registry() -> TufRegistry:
    made = TufRegistry()
    made.release()
    return made


@pytest.fixture
def machine(registry: TufRegistry, tmp_path: Path) -> Machine:
    return Machine(registry, tmp_path)


def test_a_carried_catalog_is_taken_once_and_carried_on(registry: TufRegistry, machine: Machine) -> None:
    files = folder_of(registry)
    taken = machine.takes(carried(files))
    assert [found.id for found in taken.document.entries] == ["lab/one"]
    assert taken.seen is not None and taken.seen.size == len(registry.log)
    assert machine.judged(carried(files)) is None, "it is the one in use"
    on = files_of(registry.trusted_root, taken.refreshed.signatures, taken.refreshed.target or b"")
    assert on == files


def test_an_expired_one_is_taken_for_what_it_is(registry: TufRegistry, machine: Machine) -> None:
    registry.release(expires={"timestamp": NOW - timedelta(days=3)})
    assert machine.takes(carried(folder_of(registry))).refreshed.expires_at < NOW


def test_nothing_older_than_what_was_seen_is_taken(registry: TufRegistry, machine: Machine) -> None:
    old = folder_of(registry)
    registry.contents.entries = [entry("lab/two")]
    registry.release()
    machine.takes(carried(folder_of(registry)))
    machine.refuses(carried(old), "rolled_back")
    mixed = folder_of(registry) | {"timestamp.json": old["timestamp.json"]}
    machine.refuses(carried(mixed), "mixed")


def test_an_older_timestamp_of_the_very_same_catalog_is_refused_too(
    registry: TufRegistry, machine: Machine
) -> None:
    old = folder_of(registry)
    registry.renew()
    machine.takes(carried(folder_of(registry)))
    machine.refuses(carried(old), "rolled_back")


def test_a_lower_revision_under_the_same_root_is_refused(registry: TufRegistry, machine: Machine) -> None:
    registry.release()
    machine.takes(carried(folder_of(registry)))
    registry.release(revision=1)
    machine.refuses(carried(folder_of(registry)), "rolled_back")


def test_another_registrys_catalog_and_a_changed_one_are_refused(
    registry: TufRegistry, machine: Machine
) -> None:
    other = TufRegistry()
    other.release()
    machine.refuses(carried(folder_of(other)), "bad_signature")
    files = folder_of(registry)
    machine.refuses(carried(files | {"catalog.json.gz": files["catalog.json.gz"] + b"x"}), "mixed")
    for missing in ("timestamp.json", "catalog.json.gz"):
        with pytest.raises(NotTaken):
            carried({name: data for name, data in files.items() if name != missing})
    with pytest.raises(NotTaken):
        carried(files | {f"{number}.root.json": b"" for number in range(1, 80)})


def test_keys_that_were_replaced_sign_nothing_any_more(registry: TufRegistry, machine: Machine) -> None:
    """Whoever stole the online keys cannot carry a catalog to a machine that has seen the new root."""
    thief = dict(registry.keys)
    registry.rotate("timestamp", "snapshot", "targets")
    registry.release()
    machine.takes(carried(folder_of(registry)))
    registry.release(signers=thief)
    stolen = folder_of(registry)
    machine.refuses(carried(stolen), "bad_signature")
    del stolen["2.root.json"]
    machine.refuses(carried(stolen), "bad_signature")


def test_a_new_root_may_begin_again_from_a_lower_version(registry: TufRegistry, machine: Machine) -> None:
    for _ in range(3):
        registry.release()
    machine.takes(carried(folder_of(registry)))
    registry.rotate("timestamp", "snapshot", "targets")
    registry.versions |= dict.fromkeys(("timestamp", "snapshot", "targets"), 0)
    registry.revision = 0
    registry.release()
    assert machine.takes(carried(folder_of(registry))).document.head.catalog.revision == 1


def test_a_longer_audit_log_is_proved_at_the_next_look(registry: TufRegistry, machine: Machine) -> None:
    machine.takes(carried(folder_of(registry)))
    seen = machine.seen
    registry.release()
    assert machine.takes(carried(folder_of(registry))).seen == seen, "the proof is asked from there"
    registry.log = [b"another log"] * len(registry.log)
    registry.release(grow=False)
    machine.seen = Seen(
        origin=registry.log_name, size=len(registry.log), root_hash="ab" * 32,
        key=machine.seen.key if machine.seen else "", note="",
    )  # fmt: skip
    machine.refuses(carried(folder_of(registry)), "audit_alarm")


def test_a_clock_that_is_far_behind_takes_nothing(registry: TufRegistry, machine: Machine) -> None:
    machine.refuses(carried(folder_of(registry)), "clock_wrong", NOW - timedelta(days=9))
