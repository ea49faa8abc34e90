"""Damage is found by piece, and only what is wrong is fetched again: real daemon, origin and files."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhub_cli.main import run
from tests.contract.world import World, a_world, entry, option, until
from tests.fakes.origin import Origin, body, sha256

MIB = 1 << 20
PIECE = 16 * MIB
SIZE = 40 * MIB
MODEL = "acme/large"
NO_DIGEST = {"sha256": None}


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
            entry("acme/other", found.serve("other.gguf", size=50_000, seed=11)),
            entry(
                "acme/unsure",
                found.serve("unsure.gguf", {"prefix": "GGUF"}, size=50_000, seed=10) | NO_DIGEST,
            ),
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
    path: Path = world.daemon.home / "models" / folder / artifact["files"][place]["name"]
    return path


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


def test_without_known_pieces_the_whole_file_is_fetched_again(world: World) -> None:
    artifact = installed(world, "acme/small")
    path = path_of(world, artifact)
    spoil(path, 10)
    since = time.monotonic()
    assert verified(world, artifact)["files"][0]["damaged"] == [[0, 50_000]]
    assert repaired(world, artifact) is not None
    assert sum(sent for _, sent in asked_bytes(world, "/small.gguf", since)) == 50_000
    assert path.read_bytes() == body(9, 50_000)


def test_a_missing_file_is_fetched_and_its_whole_sibling_is_not(world: World) -> None:
    artifact = installed(world, "acme/two")
    path_of(world, artifact, 1).unlink()
    assert until(lambda: world.get(f"/library/{artifact['id']}")["state"], lambda state: state == "missing")
    assert verified(world, artifact)["state"] == "missing"
    since = time.monotonic()
    assert repaired(world, artifact) is not None
    assert asked_bytes(world, "/two-00001-of-00002.gguf", since) == []
    assert path_of(world, artifact, 1).read_bytes() == body(22, 60_000)
    assert world.get(f"/library/{artifact['id']}")["state"] == "ok"


def test_a_file_that_is_put_back_is_whole_again_by_itself(world: World) -> None:
    artifact = installed(world, "acme/small")
    path = path_of(world, artifact)
    kept = world.daemon.home / "elsewhere"
    path.rename(kept)
    until(lambda: world.get(f"/library/{artifact['id']}")["state"], lambda state: state == "missing")
    kept.rename(path)
    until(lambda: world.get(f"/library/{artifact['id']}")["state"], lambda state: state == "ok")


def test_a_file_without_a_digest_is_compared_with_its_first_reading(world: World) -> None:
    artifact = installed(world, "acme/unsure")
    first = verified(world, artifact)
    assert (first["state"], first["files"][0]["promised"]) == ("ok", False)
    assert world.get(f"/library/{artifact['id']}")["verified_at"] is None, "nobody vouches for it"
    spoil(path_of(world, artifact), 20_000)
    found = verified(world, artifact)
    assert found["state"] == "damaged"
    assert found["files"][0]["damaged"] == [[0, 50_000]]
    assert repaired(world, artifact) is not None
    assert verified(world, artifact)["state"] == "ok"


def test_what_is_whole_has_nothing_to_be_repaired(world: World) -> None:
    artifact = installed(world, "acme/small")
    assert repaired(world, artifact) is None


def test_jobs_are_listed_and_refused_in_words(world: World) -> None:
    artifact = installed(world, "acme/small")
    verified(world, artifact)
    jobs = world.get("/library/jobs")
    assert jobs["total"] == len(jobs["items"]) and jobs["items"][0]["kind"] == "verify"
    job = jobs["items"][0]["id"]
    assert world.refused("POST", f"/library/jobs/{job}/cancel", 409)["code"] == "job_ended"
    assert world.refused("GET", "/library/jobs/ffff", 404)["code"] == "job_not_found"
    assert world.refused("POST", "/library/0000000000000000/verify", 404)["code"] == "artifact_not_found"
    assert world.refused("POST", "/library/0000000000000000/repair", 404)["code"] == "artifact_not_found"


def test_a_repair_that_nobody_can_serve_leaves_the_damaged_file_as_it_is(world: World) -> None:
    artifact = installed(world, "acme/small")
    path = path_of(world, artifact)
    spoil(path, 100)
    broken = path.read_bytes()
    verified(world, artifact)
    world.serve("small.gguf", {"status": 404}, size=50_000, seed=9)
    job = ended(world, world.post(f"/library/{artifact['id']}/repair", status=202))
    world.reached(job["result"]["download"], "failed")
    assert path.read_bytes() == broken
    assert world.get(f"/library/{artifact['id']}")["state"] == "damaged"
    world.serve("small.gguf", size=50_000, seed=9)
    assert repaired(world, artifact) is not None
    assert path.read_bytes() == body(9, 50_000)


def test_the_same_bytes_are_fetched_and_stored_once(world: World) -> None:
    first = installed(world, MODEL)
    verified(world, first)
    since = time.monotonic()
    used = world.get("/status")["disk_used_bytes"]
    world.list_locally(
        entry("acme/twin", world.serve("twin.gguf", size=SIZE, seed=5)),
        file="twins",
    )
    twin = installed(world, "acme/twin")
    assert asked_bytes(world, "/twin.gguf", since) == [], "nothing came over the network"
    assert twin["verified_at"] is not None
    assert path_of(world, twin).read_bytes() == body(5, SIZE)
    if path_of(world, twin).stat().st_nlink > 1:
        assert world.get("/status")["disk_used_bytes"] == used, "what both share counts once"
    now = world.get(f"/library/{first['id']}")
    assert now["verified_at"] is not None, "a second name is no change of the bytes"
    world.ask("DELETE", f"/library/{first['id']}")
    assert path_of(world, twin).read_bytes() == body(5, SIZE), "the other one keeps them"
    assert verified(world, twin)["state"] == "ok"


def test_bytes_that_have_rotted_are_not_passed_on(world: World) -> None:
    artifact = installed(world, "acme/other")
    spoil(path_of(world, artifact), 1000)
    world.list_locally(entry("acme/heir", world.serve("heir.gguf", size=50_000, seed=11)), file="heirs")
    heir = installed(world, "acme/heir")
    assert path_of(world, heir).read_bytes() == body(11, 50_000)
    assert path_of(world, heir).stat().st_nlink == 1


def test_of_two_that_fetch_the_same_bytes_at_once_the_later_shares_the_earlier_s(world: World) -> None:
    names = ("one", "other")
    files = {
        name: world.serve(f"twin-{name}.gguf", {"rate": 200_000}, size=400_000, seed=31) for name in names
    }
    world.list_locally(*(entry(f"acme/{name}-twin", files[name]) for name in names), file="twins")
    begun = [world.download(f"acme/{name}-twin")["id"] for name in names]
    for each in begun:
        until(lambda: world.get(f"/downloads/{each}"), lambda found: found["progress"]["done_bytes"] > 0)  # noqa: B023
    assert not [item for item in world.get("/library")["items"] if item["model"].endswith("-twin")]
    for each in begun:
        world.reached(each, "completed")
    twins = [path_of(world, installed(world, f"acme/{name}-twin")) for name in names]
    assert {path.read_bytes() for path in twins} == {body(31, 400_000)}
    assert {path.stat().st_nlink for path in twins} == {2}
    assert list((world.daemon.home / "models/.staging").iterdir()) == []


def modelhub(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str]:
    """Exit code and all that was printed."""
    for name in [name for name in os.environ if name.startswith("MODELHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MODELHUB_HOME", str(world.daemon.home))
    code = run(arguments)
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_commands_say_what_is_wrong_and_mend_it(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = installed(world, "acme/two")
    name = f"{artifact['model']}@{artifact['version']}:{artifact['option']}"
    code, told = modelhub(world, capsys, monkeypatch, "verify", "acme/two")
    assert (code, name in told) == (0, True)
    code, told = modelhub(world, capsys, monkeypatch, "repair", "acme/two")
    assert code == 0
    spoil(path_of(world, artifact), 100)
    code, told = modelhub(world, capsys, monkeypatch, "verify", "acme/two")
    assert code == 8
    assert "two-00001-of-00002.gguf is damaged, 60.0 kB of it" in told
    assert f"modelhub repair {name}" in told
    code, told = modelhub(world, capsys, monkeypatch, "repair", "acme/two")
    assert code == 0, told
    assert "60.0 kB are fetched again" in told and "completed" in told
    assert path_of(world, artifact).read_bytes() == body(21, 60_000)
    code, told = modelhub(world, capsys, monkeypatch, "verify", "--all", "-d", "-q")
    ids = told.split()
    assert code == 0 and len(ids) == world.get("/library")["total"]
    assert modelhub(world, capsys, monkeypatch, "jobs", "watch", *ids)[0] == 0
    code, told = modelhub(world, capsys, monkeypatch, "jobs", "list")
    assert code == 0 and ids[0] in told
    assert modelhub(world, capsys, monkeypatch, "jobs", "cancel", ids[0])[0] == 5
    assert modelhub(world, capsys, monkeypatch, "jobs", "cancel", "none")[0] == 3
    assert modelhub(world, capsys, monkeypatch, "verify")[0] == 2
    assert modelhub(world, capsys, monkeypatch, "verify", "acme/none")[0] == 3
