"""The library with ten thousand files: a look at all of them, at one change, at what other tools hold; import
by link and by copy, and reading all of it again, beside what the programs of the system need; real bytes and
holes."""

import argparse
import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from modelhubd.library import store
from modelhubd.library.found.service import look_at_tools
from modelhubd.library.layout import Key, folder_of
from modelhubd.library.scan import look, look_again
from modelhubd.library.states import Found
from modelhubd.library.store import Stored
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.tasks import TaskOwner
from modelhubd.wire.jobs import Job, JobState
from modelhubd.wire.library import ArtifactFile, ArtifactState
from tests.benchmarks.figures import ms, percentile, table
from tests.benchmarks.loop_lag import as_the_daemon
from tests.integration.imports.tools import hugging_face
from tests.integration.imports.world import World, world_in

RENAMES = 5
PATIENCE_S = 60
SMALL = b"a file of one model of very many"


async def main_async(files: int, gigabytes: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-imports-") as text:
        async with world_in(Path(text)) as world:
            rows: list[list[str]] = []
            keys = [Key(f"acme/m{number:05}", 1, "gguf") for number in range(files)]
            for key in keys:
                path = world.models / folder_of(key) / "m.gguf"
                path.parent.mkdir(parents=True)
                path.write_bytes(SMALL)
            await _install(world, keys)
            as_the_daemon()
            await _row(rows, "scan, first", files, world.library.scan)
            await _row(rows, "scan, nothing changed", files, world.library.scan)
            root = ConfinedRoot(world.models)
            sight = await asyncio.to_thread(look, root)
            changed = frozenset({folder_of(keys[files // 2])})
            (world.models / folder_of(keys[files // 2]) / "m.gguf").write_bytes(SMALL + b"!")

            async def again() -> None:
                found: dict[str, Found] = (await asyncio.to_thread(look_again, root, sight, changed)).files
                assert len(found) == files

            await _row(rows, "look at one changed folder", 1, again)
            looked = partial(world.library._look, changed)
            await _row(rows, "the same with its rows", 1, looked)
            seen = await _until_seen(world, keys[0])
            cache = world.home / ".cache/huggingface/hub"
            for number in range(files // 10):
                hugging_face(cache, f"acme/h{number:05}", {"model.gguf": SMALL + str(number).encode()})
            await _row(
                rows, "what other tools hold", files // 10,
                lambda: asyncio.to_thread(look_at_tools, {}, world.home),
            )  # fmt: skip
            beside: list[list[str]] = []
            listed = await _program("find", str(world.models), "-type", "f", "-printf", "%p %s %T@ %i\\n")
            _compare(beside, "scan, nothing changed", float(rows[1][2]), {"find -printf": listed})
            await _of_many_files(world, rows, files)
            for kind in ("real", "holes"):
                await _of_a_large_file(world, rows, beside, kind, gigabytes)
            head = ["", "files", "seconds", "longest pause of the loop", "of it computing"]
            print(table("The library", head, rows))
            head = ["", "median", "longest"]
            print(
                table(
                    f"Watched, {files} files: until a name that somebody else changed is seen", head, [seen]
                )
            )
            head = ["", "seconds", "beside", "seconds", "ratio"]
            print(table("Beside the system's own programs, in the same run", head, beside))


async def _until_seen(world: World, key: Key) -> list[str]:
    """After each of some renames away and back."""
    file = world.models / folder_of(key) / "m.gguf"
    took = []
    async with TaskOwner("watched") as owner:
        await world.library.start(owner)
        artifact = await world.library.resolve(str(key))
        for number in range(RENAMES + 1):
            for source, target, state in (
                (file, file.with_name("x"), "missing"),
                (file.with_name("x"), file, "ok"),
            ):
                began = time.monotonic()
                source.rename(target)
                while (await world.library.get(artifact.id)).state != state:
                    if time.monotonic() - began > PATIENCE_S:
                        return ["from the rename to the row", "never", f"over {PATIENCE_S} s"]
                    await asyncio.sleep(0.01)
                if number:  # the watch may only have begun with the first
                    took.append(time.monotonic() - began)
    print(f"  seen after {sorted(took)}", file=sys.stderr, flush=True)
    return ["from the rename to the row", f"{percentile(took, 0.5):.3f} s", f"{max(took):.3f} s"]


async def _of_many_files(world: World, rows: list[list[str]], files: int) -> None:
    """A folder of very many models, each its own, imported in one job; each read again in one of its own."""
    folder, entries = world.home / "many", []
    folder.mkdir()
    for number in range(files):
        content = b"GGUF" + str(number).encode()
        (folder / f"{number:05}.gguf").write_bytes(content)
        entries.append(_entry(f"acme/n{number:05}", f"{number:05}.gguf", content))
    (world.folder / "catalog.d/many.json").write_text(f"[{', '.join(entries)}]")
    await world.catalog.sync()
    await _row(rows, "import by link, of a folder", files, partial(_done, world, world.start(folder, "link")))
    ids = [item.id for item in await world.library.all() if item.model.startswith("acme/n")]
    assert len(ids) == files

    async def verify_all() -> None:
        for library_id in ids:
            job = await world.library.integrity.verify(library_id)
            assert await world.jobs.ended(job.id, within_s=PATIENCE_S)
            assert world.jobs.get(job.id).state is JobState.COMPLETED

    await _row(rows, "verify, one job each", files, verify_all)


async def _of_a_large_file(
    world: World, rows: list[list[str]], beside: list[list[str]], kind: str, gigabytes: float
) -> None:
    """Imported, read again, removed; nothing of it stays on the disk."""
    size, source = int(gigabytes * 1e9), world.home / f"{kind}.gguf"
    digest = await asyncio.to_thread(_make, source, size, holes=kind == "holes")
    await _know(world, f"acme/{kind}", source.name, size, digest)
    sums = {
        "sha256sum": await _program("sha256sum", str(source)),
        "openssl dgst": await _program("openssl", "dgst", "-sha256", str(source)),
    }
    other = world.home / "other"
    copied = await _program("cp", str(source), str(other)) + await _program("sync", str(other))
    other.unlink()
    linked, said = dict(sums), f"{gigabytes:g} GB of {kind}"
    try:
        cloned = await _program("cp", "--reflink=always", str(source), str(other))
        linked |= {f"{name}, cp --reflink": took + cloned for name, took in sums.items()}
    except OSError:
        print("  this file system has no clones", file=sys.stderr, flush=True)
    other.unlink(missing_ok=True)
    peers = {"link": linked, "copy": {f"{name}, cp, sync": took + copied for name, took in sums.items()}}
    for mode, of_mode in peers.items():
        what = f"import by {mode}, {said}"
        took = await _row(rows, what, 1, partial(_done, world, world.start(source, mode)))
        _compare(beside, what, took, of_mode)
        artifact = await world.library.resolve(f"acme/{kind}")
        if mode == "link":
            verify = world.library.integrity.verify(artifact.id)
            took = await _row(rows, f"verify, {said}", 1, partial(_done, world, verify))
            _compare(beside, f"verify, {said}", took, sums)
        await world.library.remove(artifact.id)
    source.unlink()


async def _program(*command: str) -> float:
    """The seconds that it takes.

    Raises:
        OSError: it cannot do that here.
    """
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    code = await process.wait()
    took = time.monotonic() - began
    print(f"  {command[0]}: {took:.3f} s", file=sys.stderr, flush=True)
    if code:
        raise OSError(f"{command[0]} ended with {code}")
    return took


def _compare(beside: list[list[str]], what: str, ours: float, theirs: Mapping[str, float]) -> None:
    for peer, took in theirs.items():
        beside.append([what, f"{ours:.3f}", peer, f"{took:.3f}", f"{ours / took:.2f}"])


async def _row(rows: list[list[str]], what: str, files: int, work: Callable[[], Awaitable[object]]) -> float:
    pause = asyncio.create_task(_longest_pause())
    await asyncio.sleep(0)
    began = time.monotonic()
    await work()
    took = time.monotonic() - began
    pause.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await pause
    print(f"  {what}: {took:.3f} s", file=sys.stderr, flush=True)
    rows.append([what, str(files), f"{took:.3f}", ms(PAUSE[0]), ms(PAUSE[1])])
    return took


PAUSE = [0.0, 0.0]


async def _longest_pause() -> None:
    """By the clock, which also tells of a busy machine, and by what the loop's own thread computed."""
    PAUSE[:] = 0.0, 0.0
    while True:
        before, computed = time.monotonic(), time.thread_time()
        await asyncio.sleep(0.001)
        PAUSE[0] = max(PAUSE[0], time.monotonic() - before - 0.001)
        PAUSE[1] = max(PAUSE[1], time.thread_time() - computed)


async def _done(world: World, starting: Awaitable[Job]) -> None:
    job = await starting
    while not (job := world.jobs.get(job.id)).state.ended:
        await asyncio.sleep(0.01)
    assert job.state is JobState.COMPLETED, job.error


async def _install(world: World, keys: Sequence[Key]) -> None:
    file = ArtifactFile(
        name="m.gguf", role="model", size_bytes=len(SMALL), sha256=hashlib.sha256(SMALL).hexdigest()
    )
    async with world.database.transaction() as tx:
        for number, key in enumerate(keys):
            await store.put(
                tx,
                Stored(
                    id=f"{number:016x}", key=key, format="gguf", quantization=None, source="scan",
                    state=ArtifactState.OK, digest=file.sha256, verified_at=None,
                    installed_at="2026-03-01T12:00:00.000Z", files=(file,), mtimes_ns=(None,),
                ),
            )  # fmt: skip


async def _know(world: World, model: str, name: str, size: int, digest: str) -> None:
    entry = _entry_of(model, name, size, digest)
    (world.folder / "catalog.d" / f"{model.replace('/', '-')}.json").write_text(entry)
    await world.catalog.sync()


def _entry(model: str, name: str, content: bytes) -> str:
    return _entry_of(model, name, len(content), hashlib.sha256(content).hexdigest())


def _entry_of(model: str, name: str, size: int, digest: str) -> str:
    return (
        f'{{"id": "{model}", "options": [{{"id": "gguf", "format": "gguf", "files": '
        f'[{{"name": "{name}", "size_bytes": {size}, "sha256": "{digest}"}}]}}]}}'
    )


def _make(path: Path, size: int, *, holes: bool) -> str:
    digest = hashlib.sha256()
    block = bytes(1 << 20) if holes else os.urandom(1 << 20)
    with path.open("wb") as file:
        left = size
        while left:
            piece = block[: min(left, len(block))]
            if holes:
                file.seek(len(piece), os.SEEK_CUR)
            else:
                file.write(piece)
            digest.update(piece)
            left -= len(piece)
        file.truncate(size)
    return digest.hexdigest()


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="imports")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--gigabytes", type=float, default=10.0, help="of each kind")
    chosen = parser.parse_args(arguments)
    asyncio.run(main_async(chosen.files, chosen.gigabytes))
