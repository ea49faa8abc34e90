"""Registries that are stale, broken or hostile: refused with the reason; the last good catalog stays."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from modelhubd.wire.catalog import CatalogInfo
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.integration.registry_sync.conftest import Machine

PAST = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
BOMB = 300 * 1024 * 1024


@pytest.fixture
def good(registry: TufRegistry, machine: Machine) -> Machine:
    """A machine that has taken release 2, of two models."""
    registry.release()
    registry.contents.entries = [entry("lab/one"), entry("lab/two")]
    registry.release()
    machine.start()
    machine.synced()
    return machine


def refused(machine: Machine, code: str) -> CatalogInfo:
    """What the catalog says after a look that must be refused with this code: the last good one stays."""
    before, models = machine.client.catalog_info(), machine.models()
    assert before.source == "registry"
    info = machine.synced()
    assert info.last_error is not None, "it was taken"
    assert info.last_error.code == code, info.last_error
    assert (info.source, info.revision, machine.models()) == ("registry", before.revision, models)
    assert machine.client.status().catalog.last_error == info.last_error
    return info


def evil(registry: TufRegistry) -> dict[str, CryptoSigner]:
    return {role: CryptoSigner.generate_ed25519() for role in registry.keys}


def mixed_snapshot(registry: TufRegistry) -> None:
    registry.release()
    newest = registry.versions["snapshot"]
    registry.files[f"{newest}.snapshot.json"] = registry.files[f"{newest - 1}.snapshot.json"]


def mixed_targets(registry: TufRegistry) -> None:
    registry.release()
    newest = registry.versions["targets"]
    registry.files[f"{newest}.targets.json"] = registry.files[f"{newest - 1}.targets.json"]


def mixed_target(registry: TufRegistry) -> None:
    before = set(registry.files)
    registry.release()
    (name,) = [name for name in registry.files.keys() - before if name.startswith("targets/")]
    registry.files[name] = registry.files[name][:-1] + b"x"


def newest_but(registry: TufRegistry, kind: str, part: str) -> None:
    registry.release()
    registry.misbehave(kind, part)


CASES: dict[str, tuple[str, Callable[[TufRegistry], None]]] = {
    "an expired timestamp": ("expired", lambda it: it.release(expires={"timestamp": PAST})),
    "an expired list of versions": ("expired", lambda it: it.release(expires={"snapshot": PAST})),
    "an expired list of files": ("expired", lambda it: it.release(expires={"targets": PAST})),
    "an expired root": ("expired", lambda it: it.sign_root(expires=PAST)),
    "an older release": ("rolled_back", lambda it: it.show_again(0)),
    "another list of versions": ("mixed", mixed_snapshot),
    "another list of files": ("mixed", mixed_targets),
    "another catalog": ("mixed", mixed_target),
    "a timestamp signed by somebody": (
        "bad_signature", lambda it: it.release(signers={"timestamp": evil(it)["timestamp"]})
    ),
    "a list of versions signed by somebody": (
        "bad_signature", lambda it: it.release(signers={"snapshot": evil(it)["snapshot"]})
    ),
    "a list of files signed by somebody": (
        "bad_signature", lambda it: it.release(signers={"targets": evil(it)["targets"]})
    ),
    "no catalog among its files": ("incomplete", lambda it: it.release(named="other.json.gz")),
    "a lower revision": ("rolled_back", lambda it: it.release(revision=1)),
    "what is no gzip": ("bad_document", lambda it: it.release(target=b"{}")),
    "half a gzip": ("bad_document", lambda it: it.release(target=gzip.compress(b"{}" * 99)[:-9])),
    "two gzips": ("bad_document", lambda it: it.release(target=gzip.compress(b"{}") * 2)),
    "a gzip bomb": ("oversized", lambda it: it.release(target=gzip.compress(b" " * BOMB, 1))),
    "a bomb of zeros": ("bad_document", lambda it: it.release(target=gzip.compress(bytes(BOMB), 1))),
    "one endless text": (
        "oversized", lambda it: it.release(target=gzip.compress(b'{"a":"' + bytes(BOMB), 1))
    ),
    "a document that is none": ("bad_document", lambda it: it.release(target=gzip.compress(b'{"schema":1}'))),
    "a document that is deep": ("bad_document", lambda it: it.release(target=gzip.compress(b"[" * 10**6))),
    "a newer schema": ("newer_schema", lambda it: it.release(schema=2)),
    "a document of another day": (
        "clock_wrong", lambda it: it.release(published_at="2099-01-01T00:00:00Z")
    ),
    "a document without a day": ("bad_document", lambda it: it.release(published_at="lately")),
    "web pages": ("not_a_registry", lambda it: it.misbehave("html")),
    "web pages after a while": ("not_a_registry", lambda it: newest_but(it, "html", "timestamp")),
    "redirects": ("redirected", lambda it: it.misbehave("redirect")),
    "endless answers": ("oversized", lambda it: it.misbehave("endless")),
    "an endless catalog": ("oversized", lambda it: newest_but(it, "endless", "catalog.json.gz")),
    "endless heads": ("oversized", lambda it: it.misbehave("head")),
    "half an answer": ("unreachable", lambda it: newest_but(it, "cut", "snapshot")),
    "no": ("not_allowed", lambda it: it.misbehave("401")),
    "not for you": ("not_allowed", lambda it: it.misbehave("403", "timestamp")),
    "errors": ("http_error", lambda it: it.misbehave("503", "timestamp")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_a_registry_that_serves_this_is_refused_and_the_last_catalog_stays(
    spoilt: TufRegistry, witness: Machine, name: str
) -> None:
    code, spoil = CASES[name]
    before, revision = dict(spoilt.files), spoilt.revision
    spoil(spoilt)
    assert not refused(witness, code).stale
    spoilt.behave()
    spoilt.files = before
    spoilt.sign_root()
    spoilt.contents.entries.append(entry(f"lab/later-{revision}"))
    spoilt.release()
    taken = witness.synced()
    assert taken.last_error is None, taken.last_error
    assert f"lab/later-{revision}" in witness.models()


def test_a_registry_of_another_root_is_refused(registry: TufRegistry, good: Machine) -> None:
    with TufRegistry(token=registry.token) as other:
        other.release()
        registry.files = other.files
        assert refused(good, "bad_signature").source == "registry"


def test_a_stale_catalog_is_served_and_says_since_when(registry: TufRegistry, machine: Machine) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)
    registry.release(expires={"timestamp": soon})
    machine.start()
    assert not machine.synced().stale
    stale = machine.until(lambda client: (info := client.catalog_info()).stale and info, within_s=60)
    assert stale.stale_since == stale.expires_at
    assert machine.models() == {"lab/one"}
    info = machine.synced()
    assert info.last_error is not None
    assert info.last_error.code == "expired"
    assert info.stale
    registry.renew()
    info = machine.synced()
    assert (info.stale, info.stale_since, info.last_error) == (False, None, None)


def test_a_clock_that_is_far_ahead_is_told_from_a_registry_that_is_old(
    registry: TufRegistry, good: Machine
) -> None:
    registry.date_ahead = -timedelta(days=30)
    registry.release(expires={"timestamp": PAST})
    info = refused(good, "clock_wrong")
    assert info.last_error is not None
    assert "clock" in info.last_error.detail


def test_a_new_root_that_the_old_one_vouches_for_is_followed_and_another_is_not(
    registry: TufRegistry, good: Machine
) -> None:
    registry.rotate("root", "timestamp", "snapshot", "targets")
    registry.release()
    assert good.synced().last_error is None
    good.stop()
    with registry.away():
        good.start()
        assert good.client.catalog_info().source == "registry"
    registry.keys["root"] = CryptoSigner.generate_ed25519()
    registry.sign_root()
    registry.release()
    info = good.synced()
    assert info.last_error is not None
    assert (info.last_error.code, info.revision) == ("wrong_root", "3")


def test_after_a_theft_of_the_online_keys_a_new_root_may_begin_again_from_lower_numbers(
    registry: TufRegistry, good: Machine
) -> None:
    versions = dict(registry.versions)
    registry.versions |= dict.fromkeys(("timestamp", "snapshot", "targets"), 10**6)
    registry.release(revision=10**9)
    assert good.synced().revision == str(10**9)
    registry.versions = versions
    registry.rotate("timestamp", "snapshot", "targets")
    registry.contents.entries = [entry("lab/clean")]
    registry.release()
    info = good.synced()
    assert info.last_error is None, info.last_error
    assert (info.revision, good.models()) == ("4", {"lab/clean"})
