"""What was changed since its check is read again before it is loaded, where a policy asks for digests."""

import os

import pytest

from modelhubd.errors import Conflict
from tests.integration.library.world import World


async def test_a_changed_file_is_read_before_it_is_used(world: World) -> None:
    artifact = await world.install()
    prove = world.library.integrity.proven
    assert await prove(artifact, required=True) == artifact, "it was checked as it is"
    path = world.models / "acme/tiny/1/gguf/tiny.gguf"
    os.utime(path, ns=(1, 10**18))
    changed = await world.library.resolve(artifact.id)
    assert changed.verified_at is None
    assert await prove(changed, required=False) == changed, "nobody asks for it"
    proven = await prove(changed, required=True)
    assert proven.verified_at is not None
    path.write_bytes(b"wrong")
    changed = await world.library.resolve(artifact.id)
    with pytest.raises(Conflict) as refused:
        await prove(changed, required=True)
    assert refused.value.code == "artifact_damaged"


async def test_a_file_whose_time_was_set_back_is_noticed_too(world: World) -> None:
    artifact = await world.install()
    path = world.models / "acme/tiny/1/gguf/tiny.gguf"
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_ctime_ns > before.st_mtime_ns
    async with world.database.transaction() as tx:  # a minute later
        await tx.execute("UPDATE file_check SET ctime_ns = ctime_ns - 60000000000")
    changed = await world.library.resolve(artifact.id)
    assert changed.verified_at is None and changed.files[0].verified_at is None


async def test_what_has_no_digest_cannot_be_proven(world: World) -> None:
    artifact = await world.install()
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE artifact SET digest = NULL, verified_at = NULL")
    unsure = await world.library.resolve(artifact.id)
    assert await world.library.integrity.proven(unsure, required=True) == unsure
