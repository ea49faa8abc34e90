"""The models directory moves: on one disk, to another one, cancelled, refused, and back at work after it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from modelhubd.wire.jobs import JobState
from tests.contract.world import option, until
from tests.integration.updates.conftest import Updating
from tests.integration.updates.test_update_commands import types

SHM = Path("/dev/shm")


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk than the tests' own."""
    if not SHM.is_dir() or SHM.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    folder = Path(mkdtemp(dir=SHM))
    yield folder
    shutil.rmtree(folder)


def ended(world: Updating, job: Any) -> Any:
    return until(
        lambda: world.get(f"/library/jobs/{job['id']}"), lambda found: JobState(found["state"]).ended
    )


def moved(world: Updating, path: Path) -> Any:
    return ended(world, world.post("/library/move", {"path": str(path)}, status=202))


def test_it_moves_on_its_disk_and_to_another_one_while_a_model_runs(
    world: Updating, tmp_path: Path, other_disk: Path
) -> None:
    artifact = world.have("acme/moved", 1, "one")
    server = world.load("acme/moved")
    file = world.serve("waits.gguf", {"stall_after": 300_000, "rate": 400_000}, size=900_000)
    world.offer("acme/waiting", 1, "one", options=[option("gguf", file)])
    download = world.download("acme/waiting")
    until(
        lambda: world.get(f"/downloads/{download['id']}"),
        lambda found: found["progress"]["done_bytes"] > 50_000,
    )
    old = world.daemon.home / "models"
    (old / "notes.txt").write_text("mine")
    before = world.get(f"/library/{artifact}")
    for target in (tmp_path / "near", other_disk / "far"):
        job = moved(world, target)
        assert job["state"] == "completed", job
        assert (job["result"]["left_behind"], job["kind"]) == (False, "move")
        assert not old.exists(), "nothing is left of the old folder"
        here = target / "acme/moved/1/gguf-q4/model.gguf"
        assert here.read_bytes() == (world.files / "one.gguf").read_bytes()
        assert here.stat().st_nlink == 1
        assert (target / "notes.txt").read_text() == "mine"
        assert not list(target.glob(".modelhub-move*"))
        settings = world.get("/config")["values"]["models.dir"]
        assert world.get("/device")["models_dir_present"]
        until(lambda: world.get(f"/library/{artifact}"), lambda now: now["loaded_by"] == [server["id"]])
        scanned = world.post("/library/scan")
        assert (scanned["missing"], scanned["changed"]) == (0, 0)
        after = world.get(f"/library/{artifact}")
        assert after["verified_at"] == before["verified_at"] and after["state"] == "ok"
        (runs,) = [one for one in world.get("/servers")["items"] if one["id"] == server["id"]]
        assert runs["state"] == "ready"
        old = target
    assert settings["source"] in ("saved", "default")
    file = world.serve("waits.gguf", size=900_000)
    world.post(f"/downloads/{download['id']}/pause")
    world.post(f"/downloads/{download['id']}/resume")
    world.reached(download["id"], "completed")
    assert (old / "acme/waiting/1/gguf/waits.gguf").stat().st_size == 900_000
    world.ask("DELETE", f"/servers/{server['id']}")
    fresh = world.load("acme/moved")
    world.ask("DELETE", f"/servers/{fresh['id']}")
    world.daemon.stop()
    world.daemon.start()
    assert world.get(f"/library/{artifact}")["state"] == "ok", "the next start knows the new place"
    assert world.get("/config")["values"]["models.dir"] == {
        "value": str(old), "source": "saved", "locked": False,
    }  # fmt: skip
    done = types(world, "move", "--yes", str(tmp_path / "typed"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "typed/acme/moved").is_dir() and not old.exists()


def test_a_folder_that_is_no_place_for_models_is_refused_and_nothing_changes(
    world: Updating, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/something").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").touch()
    here = Path(world.get("/config")["values"]["models.dir"]["value"] or world.daemon.home / "models")
    for path, words in (
        ("models", "beginning with /"), (str(here), "outside"), (str(here / "deeper"), "outside"),
        (str(here.parent), "outside"), (str(tmp_path / "full"), "not empty"),
        (str(tmp_path / "open"), "other users"), (str(tmp_path / "file"), "cannot be used"),
        (str(tmp_path / "no/such/place"), "cannot be used"),
    ):  # fmt: skip
        refused = world.refused("POST", "/library/move", 422, {"path": path})
        assert words in refused["errors"][0]["detail"], path
        assert refused["errors"][0]["pointer"] == "/path"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "open"]


def test_a_cancelled_move_leaves_the_old_folder_as_it_was_and_nothing_in_the_new_one(
    world: Updating, other_disk: Path
) -> None:
    artifact = world.have("acme/stays", 1, "two")
    here = Path(world.get("/config")["values"]["models.dir"]["value"] or world.daemon.home / "models")
    big = here / "big.bin"
    with big.open("wb") as file:
        for _ in range(24):
            file.write(os.urandom(8 << 20))
    before = sorted(path for path in here.rglob("*"))
    job = world.post("/library/move", {"path": str(other_disk / "new")}, status=202)
    until(lambda: (other_disk / "new").exists() and list((other_disk / "new").iterdir()), bool)
    assert world.refused("POST", "/library/move", 409, {"path": str(other_disk / "b")})["code"] in (
        "move_under_way", "job_under_way",
    )  # fmt: skip
    cancelled = world.post(f"/library/jobs/{job['id']}/cancel")
    big.unlink()
    if cancelled["state"] == "completed":
        pytest.fail("it was too quick to be cancelled")
    assert cancelled["state"] == "cancelled"
    assert not (other_disk / "new").exists()
    before.remove(big)
    assert sorted(path for path in here.rglob("*")) == before
    assert world.get(f"/library/{artifact}")["state"] == "ok"
