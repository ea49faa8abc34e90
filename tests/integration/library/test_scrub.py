"""The scrub reads what is installed while nobody needs the machine, and goes on where it was."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from modelhubd.library import integrity_store
from modelhubd.library.pieces import PIECE_BYTES
from modelhubd.library.scrub import LOOK_S, Scrub
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.library import Artifact, ArtifactState
from tests.integration.library.world import NOW, World, world_in

CONTENT = b"".join(letter * PIECE_BYTES for letter in (b"a", b"b", b"c")) + b"tail"
MONTH = timedelta(days=30)


class Stopped(Exception):
    """The daemon ends."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        made.models.mkdir()
        yield made


def scrub(
    world: World,
    *,
    idle: Callable[[], bool] = lambda: True,
    on_sleep: Callable[[float], None] = lambda _: None,
    now: datetime = NOW,
    clock: Callable[[], datetime] | None = None,
) -> Scrub:
    async def is_idle() -> bool:
        return idle()

    async def sleep(seconds: float) -> None:
        on_sleep(seconds)
        await asyncio.sleep(0)

    return Scrub(
        world.database,
        ConfinedRoot(world.models),
        world.library.integrity,
        every=MONTH,
        bytes_per_s=1 << 30,
        is_idle=is_idle,
        clock=clock or (lambda: now),
        sleep=sleep,
        save_every=1,
    )


async def of(world: World, artifact: Artifact) -> Artifact:
    return await world.library.get(artifact.id)


async def test_the_first_reading_learns_the_pieces_and_later_ones_find_what_has_rotted(world: World) -> None:
    artifact = await world.install(files={"tiny.gguf": CONTENT})
    assert await scrub(world).one()
    sha256 = artifact.files[0].sha256
    assert sha256 in await integrity_store.with_pieces(world.database.reader)
    assert not await scrub(world).one(), "nothing is due"
    path = world.models / "acme/tiny/1/gguf/tiny.gguf"
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(PIECE_BYTES + 7)
        file.write(b"rot")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    slept: list[float] = []
    assert await scrub(world, now=NOW + 2 * MONTH, on_sleep=slept.append).one()
    found = await of(world, artifact)
    assert (found.state, found.verified_at) == (ArtifactState.DAMAGED, None)
    assert found.files[0].damaged == ((PIECE_BYTES, 2 * PIECE_BYTES),)
    assert sum(slept) == pytest.approx(len(CONTENT) / (1 << 30)), "it keeps to its rate"


async def test_it_goes_on_where_an_earlier_daemon_stopped(world: World) -> None:
    artifact = await world.install(files={"tiny.gguf": CONTENT})
    assert await scrub(world).one()
    left = 2

    def stop(_: float) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Stopped

    later = NOW + 2 * MONTH
    with pytest.raises(Stopped):
        await scrub(world, now=later, on_sleep=stop).one()
    place = await integrity_store.position(world.database.reader)
    assert place is not None
    assert (place.artifact_id, place.next_piece) == (artifact.id, 2)
    slept: list[float] = []
    assert await scrub(world, now=later, on_sleep=slept.append).one()
    assert sum(slept) == pytest.approx((PIECE_BYTES + 4) / (1 << 30)), "only the rest is read"
    assert await integrity_store.position(world.database.reader) is None
    assert (await of(world, artifact)).state is ArtifactState.OK


async def test_it_lets_go_of_the_file_while_somebody_needs_the_machine(world: World) -> None:
    await world.install(files={"tiny.gguf": CONTENT})
    busy = 0
    open_while_busy: list[str] = []

    def idle() -> bool:
        nonlocal busy
        busy += 1
        return busy not in (2, 3)

    def slept(seconds: float) -> None:
        if seconds == LOOK_S:
            links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
            open_while_busy.extend(link for link in links if link.endswith("tiny.gguf"))

    assert await scrub(world, idle=idle, on_sleep=slept).one()
    assert busy > 3
    assert open_while_busy == []


async def test_what_vanishes_or_changes_meanwhile_is_left_for_the_next_look(world: World) -> None:
    artifact = await world.install(files={"tiny.gguf": CONTENT})
    path = world.models / "acme/tiny/1/gguf/tiny.gguf"

    def write(_: float) -> None:
        path.write_bytes(b"other")

    assert await scrub(world, on_sleep=write).one()
    assert (await of(world, artifact)).files[0].damaged == ()
    path.unlink()
    assert await scrub(world).one()


async def test_it_runs_by_itself_and_survives_a_disk_that_fails(world: World) -> None:
    await world.install(files={"tiny.gguf": b"model"})
    looks = 0

    def slept(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Stopped
        if looks == 1:
            (world.models / "acme/tiny/1/gguf").chmod(0)
        else:
            (world.models / "acme/tiny/1/gguf").chmod(0o700)

    with pytest.raises(Stopped):
        await scrub(world, on_sleep=slept).run()


async def test_what_loses_its_date_at_every_look_is_read_once_a_day(world: World) -> None:
    """As on a network drive that makes up another inode for a file each time."""
    artifact = await world.install(files={"tiny.gguf": b"model"})
    now = NOW
    running = scrub(world, clock=lambda: now)
    assert await running.one()
    for hours, is_read in ((1, False), (23, False), (25, True), (26, False)):
        async with world.database.transaction() as tx:
            await tx.execute("UPDATE file_check SET verified_at = NULL")
        now = NOW + timedelta(hours=hours)
        assert await running.one() is is_read, hours
    assert (await of(world, artifact)).state is ArtifactState.OK
