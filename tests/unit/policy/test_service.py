"""What policies make of entries of a signed snapshot and of what is installed: a real database, real keys."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from modelhubd.catalog.governance import standing_of
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.permits import Permits
from modelhubd.entries.content import content_sha256
from modelhubd.entries.requirements import Programs
from modelhubd.errors import Conflict, NotAllowed
from modelhubd.events import Bus
from modelhubd.policy import store
from modelhubd.policy.layers import Layers
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Database
from modelhubd.trust.digests import option_digest
from modelhubd.trust.signing import key_id, new_key
from modelhubd.trust.statements import sign_version
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.governance import Standing
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.policy import App, ChangePolicy
from modelhubd.wire.registry import PublisherKey, Tombstone
from tests.unit.catalog.samples import entry

PRIVATE, PUBLIC = new_key()
KEY = PublisherKey(key_id=key_id(PUBLIC), public_key=PUBLIC.hex())


def signed(found: CatalogEntry) -> CatalogEntry:
    publisher = found.id.partition("/")[0]
    return replace(
        found, envelopes=(sign_version(found.id, publisher, content_sha256(found, None), PRIVATE),)
    )


def artifact_of(found: CatalogEntry, **more: Any) -> Artifact:
    option = found.options[0]
    values: dict[str, Any] = {
        "id": "a" * 16, "model": found.id, "version": found.version, "option": option.id, "format": "gguf",
        "quantization": None, "source": "download", "state": ArtifactState.OK, "size_bytes": 1,
        "digest": option_digest(option.files), "files": (), "verified_at": "2026-01-01T00:00:00Z",
        "installed_at": "2026-01-01T00:00:00Z", "active": True,
    }  # fmt: skip
    return Artifact(**(values | more))


@dataclass
class Hall:
    """Policies, and the catalog that they judge."""

    policies: Policies
    listed: dict[str, Sourced] = field(default_factory=dict)
    keys: dict[str, tuple[PublisherKey, ...]] = field(default_factory=dict)
    tombstones: tuple[Tombstone, ...] = ()

    def serve(self, found: CatalogEntry, source: str = "registry") -> CatalogEntry:
        self.listed[found.id] = Sourced(found, source)
        self.policies.forget()
        return found

    async def allows(self, found: CatalogEntry, source: str = "registry") -> bool:
        return await self.policies.entry_reason(found, source, found.options[0]) is None

    async def runs(self, artifact: Artifact) -> bool:
        return await self.policies.artifact_reason(artifact) is None


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async def listed(model: str) -> Sourced | None:
        return made.listed.get(model)

    async with Database.open(tmp_path / "test.db") as database:
        policies = Policies(
            database,
            Bus("0123abcd"),
            Layers(),
            listed=listed,
            publisher_keys=lambda publisher: made.keys.get(publisher, ()),
            tombstones=lambda: made.tombstones,
        )
        await policies.load()
        made = Hall(policies)
        yield made


async def change(hall: Hall, **values: Any) -> None:
    await hall.policies.change(ChangePolicy(**values), None)


async def test_only_the_signed_snapshot_says_what_is_verified(hall: Hall) -> None:
    await change(hall, require_verified=True)
    good = entry("me/tiny", verified=True)
    assert await hall.allows(good)
    for source in ("floor", "local"):
        assert not await hall.allows(good, source)
    assert not await hall.allows(entry("me/tiny"))


async def test_a_signature_must_be_by_a_key_that_the_registry_pins_for_this_publisher(hall: Hall) -> None:
    await change(hall, require_signature=True)
    good = signed(entry("me/tiny"))
    hall.serve(good)
    assert not await hall.allows(good), "no key is pinned"
    hall.keys = {"you": (KEY,)}
    hall.policies.forget()
    assert not await hall.allows(good), "it is another publisher's"
    hall.keys = {"me": (KEY,)}
    hall.policies.forget()
    assert await hall.allows(good)
    hall.keys = {"me": (replace(KEY, revoked_at="2026-01-01T00:00:00Z"),)}
    assert await hall.allows(good), "it is computed once per state of the catalog"
    hall.policies.forget()
    assert not await hall.allows(good), "the key is revoked"


async def test_a_signature_is_over_this_content_and_this_model(hall: Hall) -> None:
    await change(hall, require_signature=True)
    hall.keys = {"me": (KEY,)}
    good = signed(entry("me/tiny"))
    for other in (
        replace(good, description="another"),
        replace(good, id="me/other"),
        replace(good, options=(replace(good.options[0], id="gguf-q8"),)),
        replace(good, context_length=7),
        replace(good, envelopes=()),
    ):
        hall.policies.forget()
        assert not await hall.allows(other), other.id
    hall.policies.forget()
    assert await hall.allows(replace(good, verified=True, published_by="somebody", version=1))


async def test_what_is_installed_must_be_what_is_vouched_for(hall: Hall) -> None:
    found = hall.serve(entry("me/tiny", verified=True, version=2))
    same = artifact_of(found)
    others = [
        artifact_of(found, digest="0" * 64),
        artifact_of(found, verified_at=None, source="scan"),
        artifact_of(found, version=1),
        artifact_of(found, option="gguf-q8"),
    ]
    for artifact in (same, *others):
        assert await hall.runs(artifact)
    await change(hall, require_verified=True)
    assert await hall.runs(same)
    assert [await hall.runs(artifact) for artifact in others] == [False] * 4


async def test_what_was_never_checked_against_a_digest_is_not_run_where_one_is_required(hall: Hall) -> None:
    found = hall.serve(entry("me/tiny"))
    await change(hall, require_digest=True)
    assert await hall.runs(artifact_of(found))
    assert not await hall.runs(artifact_of(found, verified_at=None))
    assert not await hall.runs(artifact_of(found, version=7, digest=None))


async def test_a_version_that_is_not_served_has_no_signature(hall: Hall) -> None:
    hall.keys = {"me": (KEY,)}
    found = hall.serve(signed(entry("me/tiny")))
    await change(hall, require_signature=True)
    assert await hall.runs(artifact_of(found))
    assert not await hall.runs(artifact_of(found, version=2))
    assert not await hall.runs(artifact_of(entry("me/gone")))


async def test_an_older_version_is_judged_by_what_was_served_when_it_was_downloaded(hall: Hall) -> None:
    hall.keys = {"me": (KEY,)}
    await change(hall, require_signature=True)
    first = hall.serve(signed(entry("me/tiny", verified=True)))
    option = first.options[0]
    digest = option_digest(option.files)
    assert await hall.policies.download_words("me/tiny", 1, option.id, digest) is None
    hall.serve(signed(entry("me/tiny", version=2, description="newer")))
    assert await hall.runs(artifact_of(first))
    assert not await hall.runs(artifact_of(first, digest="0" * 64)), "other bytes under its name"
    assert not await hall.runs(artifact_of(first, option="gguf-q8", digest=None)), "never was an option"
    hall.keys = {"me": (replace(KEY, revoked_at="2026-01-01T00:00:00Z"),)}
    assert not await hall.runs(artifact_of(first)), "the keys of now count"


async def test_only_what_the_registry_serves_is_kept(hall: Hall) -> None:
    for source in ("floor", "local"):
        found = hall.serve(signed(entry("me/tiny")), source)
        await hall.policies.download_words("me/tiny", 1, found.options[0].id, None)
    assert await store.vouched(hall.policies._database.reader, "me/tiny", 1) is None


async def test_a_withdrawn_model_is_refused_by_no_policy_and_by_none_allowed(hall: Hall) -> None:
    gone = artifact_of(entry("me/gone"))
    assert await hall.runs(gone)
    hall.tombstones = (Tombstone(id="me/gone", withdrawn_at="2026-01-01T00:00:00Z", reason="It was unsafe."),)
    with pytest.raises(NotAllowed, match=r"withdrawn it: It was unsafe\. Choose") as refused:
        await hall.policies.refuse_artifact(gone)
    assert refused.value.code == "refused_by_policy"
    words = await hall.policies.download_words("me/gone", 1, "gguf", None)
    assert words is not None and "withdrawn" in words
    reason = await hall.policies.model_reason("me/gone")
    assert standing_of("me/gone", None, reason, words).code is Standing.WITHDRAWN


async def test_a_download_is_judged_by_what_its_files_promise(hall: Hall) -> None:
    found = hall.serve(entry("me/tiny"))
    option = found.options[0]
    asked = (found.id, found.version, option.id)
    await change(hall, require_digest=True)
    assert await hall.policies.download_words(*asked, option_digest(option.files)) is None
    assert "require_digest" in str(await hall.policies.download_words(*asked, None))
    assert "require_digest" in str(await hall.policies.download_words(*asked, "0" * 64)), "it has changed"


async def test_standings_tell_approved_from_verified_from_allowed(hall: Hall) -> None:
    await change(hall, require_verified=True)
    cases = {
        "me/good": (entry("me/good", verified=True), "registry", Standing.APPROVED, True),
        "me/plain": (entry("me/plain"), "registry", Standing.REFUSED_BY_POLICY, False),
        "me/floor": (entry("me/floor", verified=True), "floor", Standing.NOT_APPROVED, False),
    }
    for model, (found, source, code, allowed) in cases.items():
        hall.serve(found, source)
        reason = await hall.policies.model_reason(model)
        words = None if reason is None else hall.policies.words(model, reason)
        standing = standing_of(model, hall.listed[model], reason, words)
        assert (standing.code, standing.allowed) == (code, allowed)
        assert standing.verified is (model == "me/good")
        assert (standing.version is not None) is (source == "registry")
        assert (standing.policy, standing.reason is None) == (
            (None, True) if allowed else ("require_verified", False)
        )


async def test_what_is_refused_while_it_runs_is_told_from_memory_until_something_changes(hall: Hall) -> None:
    found = hall.serve(entry("me/tiny"))
    artifact, asked = artifact_of(found), []

    async def get(library_id: str) -> Artifact:
        asked.append(library_id)
        return artifact

    for _ in range(3):
        await hall.policies.refuse_served(artifact.id, get)
    assert len(asked) == 1
    await change(hall, allowed_publishers=("you",))
    for _ in range(2):
        with pytest.raises(NotAllowed):
            await hall.policies.refuse_served(artifact.id, get)
    await change(hall, allowed_publishers=None)
    await hall.policies.refuse_served(artifact.id, get)


async def test_offline_and_addresses_of_ones_own_are_refused_with_the_reason(hall: Hall) -> None:
    hall.policies.refuse_offline("It")
    hall.policies.refuse_direct("It")
    assert hall.policies.reports_installs
    await change(hall, offline=True, direct_urls=False)
    assert hall.policies.offline and not hall.policies.reports_installs
    with pytest.raises(NotAllowed, match=r"policy offline \(set through the API\)"):
        hall.policies.refuse_offline("It")
    with pytest.raises(NotAllowed, match="policy direct_urls"):
        hall.policies.refuse_direct("It")


async def test_what_was_saved_and_cannot_be_is_ignored(hall: Hall) -> None:
    database = hall.policies._database
    async with database.transaction() as tx:
        await store.save(tx, {"policy.offline": "perhaps", "policy.require_digest": True})
    await hall.policies.load()
    assert (hall.policies.show().offline.source, hall.policies.rules.require_digest) == ("default", True)


async def test_a_part_that_fails_to_take_up_a_change_keeps_none_of_the_others_from_it(hall: Hall) -> None:
    told = []

    async def fails() -> None:
        raise OSError("no")

    async def works() -> None:
        told.append(hall.policies.rules.offline)

    hall.policies.on_change += [fails, works]
    await change(hall, offline=True)
    await change(hall, offline=True)
    assert told == [True], "the second time nothing has changed"


async def test_the_many_signatures_that_are_kept_are_bounded(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelhubd.policy.service.KEPT_MAX", 3)
    await change(hall, require_signature=True)
    for number in range(10):
        await hall.allows(entry(f"me/m{number}"))
    assert len(hall.policies._signatures) <= 3


async def test_pins_hold_downloads_and_loads_back_unless_they_are_forced(hall: Hall) -> None:
    async def listed(model: str) -> Sourced | None:
        return hall.listed.get(model)

    permits = Permits(hall.policies, lambda app: Programs(daemon="1.0", app=app), listed)
    found = hall.serve(entry("me/tiny", requires={"app": {"editor": ">=2"}}))
    old, new = App(id="editor", version="1.9"), App(id="editor", version="2.0")
    artifact = artifact_of(found)
    await permits.to_load(artifact, new, False)
    await permits.to_load(artifact, None, False)
    await permits.to_load(artifact, old, True)
    await permits.to_load(replace(artifact, version=9), old, False)
    with pytest.raises(Conflict, match=r"needs editor >=2, and this is 1\.9") as refused:
        await permits.to_load(artifact, old, False)
    assert refused.value.code == "requirement_not_met"
