from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from modelhubd.errors import Untrusted
from modelhubd.registry.release import files, keys, tuf
from modelhubd.registry.release.keys import Keyring
from modelhubd.registry.release.tuf import Current, Lifetimes

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = int(NOW.timestamp())
LIFETIMES = Lifetimes()
ROOTS, ONLINE = keys.root_keys(1), keys.online_keys()
KEYRING = keys.keyring_of(ONLINE)
ROOT = tuf.first_root(
    root_keys=list(keys.publics(ROOTS).values()), threshold=1, online=keys.publics(ONLINE),
    signing=keys.keyring_of(ROOTS), now=NOW, lifetimes=LIFETIMES,
)  # fmt: skip


def release(
    current: Current | None, catalog: bytes | None, now: datetime = NOW, **changes: Any
) -> dict[str, bytes]:
    said = {
        "catalog": catalog, "current": current, "beyond": 0, "again": False, "root": tuf.read_root(ROOT),
        "keyring": KEYRING, "now": now, "lifetimes": LIFETIMES, **changes,
    }  # fmt: skip
    return tuf.release(**said)


def read(written: dict[str, bytes], before: Current | None = None) -> Current:
    timestamp = Metadata[Timestamp].from_bytes(written["timestamp.json"]).signed
    name = tuf.snapshot_name(written["timestamp.json"])
    if name not in written:
        assert before is not None
        return Current(timestamp=timestamp, snapshot=before.snapshot, targets=before.targets)
    snapshot = Metadata[Snapshot].from_bytes(written[name]).signed
    name = tuf.targets_name(written[name])
    if name not in written:
        assert before is not None
        return Current(timestamp=timestamp, snapshot=snapshot, targets=before.targets)
    return Current(
        timestamp=timestamp, snapshot=snapshot, targets=Metadata[Targets].from_bytes(written[name]).signed
    )


FIRST = release(None, b"one")


def test_a_new_catalog_gets_new_metadata_all_the_way_up() -> None:
    digest = files.sha256_of(b"one")
    assert set(FIRST) == {
        f"{SECOND}.targets.json", f"{SECOND}.snapshot.json", "timestamp.json",
        f"targets/{digest}.catalog.json.gz", "catalog.json.gz",
    }  # fmt: skip
    assert tuf.target_digest(read(FIRST)) == digest
    named = [FIRST[name] for name in ("timestamp.json", f"{SECOND}.snapshot.json", f"{SECOND}.targets.json")]
    tuf.check_signed(ROOT, *named)


def test_versions_follow_the_clock_and_never_go_back() -> None:
    first = read(FIRST)
    at_once = read(release(first, b"two"))
    assert at_once.targets.version == first.targets.version + 1
    later = read(release(at_once, b"three", NOW + timedelta(hours=1)))
    assert later.timestamp.version == SECOND + 3600
    slow_clock = read(release(later, b"four", NOW - timedelta(days=400)))
    assert slow_clock.timestamp.version == later.timestamp.version + 1
    beyond = read(release(later, None, again=True, beyond=2**60))
    assert {beyond.timestamp.version, beyond.snapshot.version, beyond.targets.version} == {2**60 + 1}


def test_only_what_has_grown_old_is_made_again() -> None:
    first = read(FIRST)
    assert not tuf.is_due(first, NOW + timedelta(minutes=59), LIFETIMES)
    hour = NOW + timedelta(hours=1)
    assert tuf.is_due(first, hour, LIFETIMES)
    assert set(release(first, None, hour)) == {"timestamp.json"}
    renewed = read(release(first, None, hour), first)
    assert renewed.timestamp.snapshot_meta == first.timestamp.snapshot_meta
    assert renewed.timestamp.expires == hour + LIFETIMES.timestamp
    days = NOW + timedelta(days=4)
    assert set(release(first, None, days)) == {
        f"{int(days.timestamp())}.targets.json", f"{int(days.timestamp())}.snapshot.json", "timestamp.json"
    }  # fmt: skip
    assert tuf.target_digest(read(release(first, None, days))) == tuf.target_digest(first)


def test_an_old_snapshot_over_young_targets_is_made_again_alone() -> None:
    short = Lifetimes(snapshot=timedelta(days=2))
    first = read(release(None, b"one", lifetimes=short))
    later = NOW + timedelta(days=1, hours=1)
    written = release(first, None, later, lifetimes=short)
    assert set(written) == {f"{int(later.timestamp())}.snapshot.json", "timestamp.json"}
    assert read(written, first).snapshot.meta == first.snapshot.meta
    assert tuf.is_due(
        Current(timestamp=read(written, first).timestamp, snapshot=first.snapshot, targets=first.targets),
        later,
        short,
    )


def test_metadata_is_signed_by_the_key_that_the_root_names() -> None:
    root = tuf.read_root(ROOT)
    assert tuf.missing_keys(root, KEYRING) == []
    assert set(tuf.missing_keys(root, Keyring({}))) == {"targets", "snapshot", "timestamp", "audit"}
    with pytest.raises(Untrusted, match="not in the keys folder"):
        release(None, b"one", keyring=Keyring({}))
    other = tuf.first_root(
        root_keys=list(keys.publics(ROOTS).values()), threshold=1, online=keys.publics(keys.online_keys()),
        signing=keys.keyring_of(ROOTS), now=NOW, lifetimes=LIFETIMES,
    )  # fmt: skip
    with pytest.raises(Untrusted, match="timestamp is not signed"):
        tuf.check_signed(other, FIRST["timestamp.json"], None, None)
    with pytest.raises(Untrusted, match="snapshot is not signed"):
        tuf.check_signed(ROOT, None, b"{}", None)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", FIRST["timestamp.json"], ROOT.replace(b"1", b"2", 1)]
)
def test_what_is_no_root_is_refused(data: bytes) -> None:
    with pytest.raises(Untrusted):
        tuf.read_root(data)


def test_a_root_signed_by_too_few_keys_is_never_made() -> None:
    three = keys.root_keys(3)
    one = {"root-1": three["root-1"]}
    with pytest.raises(Untrusted, match="needs 2 root keys"):
        tuf.first_root(
            root_keys=list(keys.publics(three).values()), threshold=2, online=keys.publics(ONLINE),
            signing=keys.keyring_of(one), now=NOW, lifetimes=LIFETIMES,
        )  # fmt: skip


def test_the_next_root_keeps_the_root_keys_unless_new_ones_are_given() -> None:
    online = keys.online_keys()
    made = tuf.next_root(
        ROOT, root_keys=None, threshold=None, online=keys.publics(online), signing=keys.keyring_of(ROOTS),
        now=NOW, lifetimes=LIFETIMES,
    )  # fmt: skip
    before, after = tuf.read_root(ROOT), tuf.read_root(made)
    assert (after.version, after.roles[Root.type].keyids) == (2, before.roles[Root.type].keyids)
    before.verify_delegate(
        Root.type, Metadata[Root].from_bytes(made).signed_bytes, Metadata[Root].from_bytes(made).signatures
    )
    assert tuf.public_keys(after)["audit"] == keys.publics(online)["audit"].hex()
