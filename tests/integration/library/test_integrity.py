"""Damage is found by piece, and only what is wrong is fetched again: a real daemon, a real origin, real files."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World, a_world, entry, option, until
from tests.fakes.origin import Origin, body, sha256

MIB = 1 << 20
PIECE = 16 * MIB
SIZE = 40 * MIB
MODEL = "acme/large"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        Origin() as origin,
        a_world(tmp_path_factory.mktemp("home"), origin, MODELHUB_LIBRARY_SCRUB="off") as found,
    ):
        found.list_locally(
            entry(MODEL, found.serve("large.gguf", size=SIZE, seed=5)),
            {"id": "acme/two", "options": [option("gguf-q4", *_two(found))]},
            entry("acme/small", found.serve("small.gguf", size=50_000, seed=9)),
            entry(
                "acme/unsure",
                found.serve(
                    "unsure.json",
                    size=50_000,
                    seed=10,
                )
                | {"sha256": None},
            )
            if False
            else entry("acme/other", found.serve("other.gguf", size=50_000, seed=11)),
        )
        yield found


def _two(world: World) -> list[dict[str, Any]]:
    parts = [world.serve(f"two-0000{n}-of-00002.gguf", size=60_000, seed=20 + n) for n in (1, 2)]
    return [parts[0], parts[1] | {"role": "shard"}]


def installed(world: World, model: str) -> Any:
    """The artifact, installed whole."""
    found = [item for item in world.get("/library")["items"] if item["model"] == model]
    if not found or found[0]["state"] != "ok":
        world.download(model, until="completed")
    (artifact,) = (item for item in world.get("/library")["items"] if item["model"] == model)
    return artifact


def path_of(world: World, artifact: Any, place: int = 0) -> Path:
    folder = f"{artifact['model']}/{artifact['version']}/{artifact['option']}"
    return world.daemon.home / "models" / folder / artifact["files"][place]["name"]


def ended(world: World, job: Any) -> Any:
    return until(lambda: world.get(f"/library/jobs/{job['id']}"), lambda found: found["state"] != "running")


def verified(world: World, artifact: Any) -> Any:
    job = ended(world, world.post(f"/library/{artifact['id']}/verify", status=202))
    assert job["state"] == "completed", job["error"]
    return job["result"]


def repaired(world: World, artifact: Any) -> Any:
    """The download that the repair came to."""
    job = ended(world, world.post(f"/library/{artifact['id']}/repair", status=202))
    assert job["state"] == "completed", job["error"]
    return (
        None if job["result"]["download"] is None else world.reached(job["result"]["download"], "completed")
    )


def spoil(path: Path, at: int, data: bytes = b"rot") -> None:
    """Other bytes, and the times of before, as a failing disk leaves it."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def asked_bytes(world: World, path: str, since: float) -> list[tuple[int, int]]:
    return sorted(
        (entry["first"], entry["sent"])
        for entry in world.origin.requests(path)
        if entry["at"] >= since and entry["method"] == "GET"
    )


def test_only_the_damaged_piece_is_fetched_again(world: World) -> None:
    artifact = installed(world, MODEL)
    path = path_of(world, artifact)
    before = verified(world, artifact)
    assert before["state"] == "ok"
    assert before["files"][0]["sha256"] == sha256(5, SIZE)
    spoil(path, PIECE + 1000)
    spoil(path, PIECE + 5 * MIB)
    found = verified(world, artifact)
    assert found["state"] == "damaged"
    assert found["files"][0]["damaged"] == [[PIECE, 2 * PIECE]]
    now = world.get(f"/library/{artifact['id']}")
    assert (now["state"], now["verified_at"]) == ("damaged", None)
    assert (
        world.refused("POST", "/servers", 409, {"library_id": artifact["id"]})["code"] == "artifact_damaged"
    )
    since = time.monotonic()
    assert repaired(world, artifact) is not None
    asked = asked_bytes(world, "/large.gguf", since)
    assert sum(sent for _, sent in asked) <= PIECE + 2 * MIB, asked
    assert all(PIECE <= first < 2 * PIECE for first, _ in asked)
    assert path.read_bytes() == body(5, SIZE)
    now = world.get(f"/library/{artifact['id']}")
    assert now["state"] == "ok" and now["verified_at"] is not None
    assert [item.name for item in path.parent.iterdir()] == [path.name], "nothing is left beside it"
    assert verified(world, artifact)["state"] == "ok"
