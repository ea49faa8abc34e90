"""kill -9 in the middle of a verification and of a repair: nothing is lost, nothing doubled, it goes on."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.world import World, entry, until
from tests.crash.doomed import WholeDaemon
from tests.fakes.origin import Origin, body

MIB = 1 << 20
SIZE = 48 * MIB
PIECE = 16 * MIB


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Origin() as origin:
        daemon = WholeDaemon(
            tmp_path / "home",
            {
                "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
                "MODELHUB_MODELS_RESERVE_BYTES": "0",
                "MODELHUB_LIBRARY_SCRUB": "off",
            },
        )
        daemon.start()
        try:
            yield World(daemon, origin)
        finally:
            daemon.stop()


def spoil(path: Path, at: int) -> None:
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"rot")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_kill_costs_no_more_than_what_was_being_done(world: World) -> None:
    world.list_locally(entry("acme/large", world.serve("large.gguf", size=SIZE, seed=5)))
    world.download("acme/large", until="completed")
    (artifact,) = world.get("/library")["items"]
    at = f"/library/{artifact['id']}"
    path = world.daemon.home / "models/acme/large/1/gguf-q4/large.gguf"

    def verified() -> str:
        job = world.post(f"{at}/verify", status=202)["id"]
        done = until(lambda: world.get(f"/library/jobs/{job}"), lambda found: found["state"] != "running")
        return str(done["result"]["state"])

    # In the middle of a verification: the artifact is as it was.
    world.post(f"{at}/verify", status=202)
    world.daemon.kill()
    world.daemon.start()
    assert world.get(at) == artifact
    assert world.get("/library/jobs")["total"] == 0
    assert verified() == "ok"

    # Right after a repair was asked for: the damaged file is as it was, and can be repaired.
    spoil(path, PIECE + 5)
    assert verified() == "damaged"
    broken = path.read_bytes()
    world.serve("large.gguf", size=SIZE, seed=5, total_rate=4 * MIB)
    world.post(f"{at}/repair", status=202)
    world.daemon.kill()
    assert path.read_bytes() == broken
    world.daemon.start()
    assert world.get(at)["state"] == "damaged"

    # In the middle of its download: it goes on by itself, from where it was.
    job = world.post(f"{at}/repair", status=202)["id"]
    done = until(lambda: world.get(f"/library/jobs/{job}"), lambda found: found["state"] != "running")
    download = done["result"]["download"]
    until(
        lambda: world.get(f"/downloads/{download}")["progress"]["done_bytes"],
        lambda done_bytes: done_bytes > SIZE - PIECE // 2,
    )
    world.daemon.kill()
    assert path.read_bytes() == broken
    since = time.monotonic()
    world.serve("large.gguf", size=SIZE, seed=5)
    world.daemon.start()
    world.reached(download, "completed")
    assert path.read_bytes() == body(5, SIZE)
    assert sum(item["sent"] for item in world.origin.requests("/large.gguf") if item["at"] > since) < PIECE
    assert world.get(at)["state"] == "ok"
    assert [item.name for item in path.parent.iterdir()] == ["large.gguf"]
    owned = {item["name"] for item in world.get("/downloads/leftovers")["items"]}
    staged = {item.name for item in (world.daemon.home / "models/.staging").iterdir()}
    assert staged <= owned, "what a kill left behind is shown, and can be removed"
    assert verified() == "ok"
