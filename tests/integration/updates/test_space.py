"""What everything costs, and what is given back: the routes and the commands."""

import json
import os

import pytest

from tests.contract.world import option, until
from tests.integration.updates.conftest import Updating
from tests.integration.updates.test_update_commands import types

MODEL = "acme/space"


@pytest.fixture(scope="module")
def stocked(world: Updating) -> Updating:
    """Four versions of a model, the last one active, a single one of another, a leftover, a stranger's file
    and a download that waits half done."""
    for version, name in enumerate(("one", "two", "three", "four"), 1):
        world.have(MODEL, version, name)
    world.offer("acme/single", 1, "five", option_id="gguf-only")
    world.download("acme/single", until="completed")
    models = world.daemon.home / "models"
    (models / ".staging/0123456789abcdef").mkdir(parents=True)
    (models / ".staging/0123456789abcdef/part").write_bytes(b"x" * 70_000)
    (models / "notes.txt").write_bytes(b"mine" * 5000)
    file = world.serve("half.gguf", {"stall_after": 200_000}, size=400_000)
    world.offer("acme/half", 1, "one", options=[option("gguf", file)])
    made = world.download("acme/half")
    until(
        lambda: world.get(f"/downloads/{made['id']}"), lambda found: found["progress"]["done_bytes"] > 100_000
    )
    world.post(f"/downloads/{made['id']}/pause")
    return world


def test_each_version_partial_leftover_and_cache_has_its_cost(stocked: Updating) -> None:
    usage = stocked.get("/library/usage")
    items = {item["name"]: item for item in usage["items"]}
    size = stocked.file("four")["size_bytes"]
    four = items[f"{MODEL}@4:gguf-q4"]
    assert (four["kind"], four["size_bytes"], four["active"], four["old"]) == ("artifact", size, True, False)
    assert size <= four["disk_bytes"] < size + 8192
    assert [items[f"{MODEL}@{version}:gguf-q4"]["old"] for version in (1, 2, 3)] == [True] * 3
    assert [items[f"{MODEL}@{version}:gguf-q4"]["prunable"] for version in (1, 2, 3)] == [True, True, False]
    assert (items["0123456789abcdef"]["kind"], items["0123456789abcdef"]["size_bytes"]) == (
        "leftover",
        70_000,
    )
    assert (items["notes.txt"]["kind"], items["notes.txt"]["prunable"]) == ("unknown", False)
    partial = items["acme/half@1:gguf"]
    assert (partial["kind"], partial["model"]) == ("partial", "acme/half")
    assert items["database"]["kind"] == "cache" and items["database"]["size_bytes"] > 0
    assert usage["disk_bytes"] == sum(item["disk_bytes"] for item in usage["items"])
    assert usage["free_bytes"] <= usage["disk_total_bytes"]
    (model,) = [one for one in usage["models"] if one["model"] == MODEL]
    assert (model["versions"], model["old_bytes"]) == (
        4, sum(items[f"{MODEL}@{version}:gguf-q4"]["disk_bytes"] for version in (1, 2, 3)),
    )  # fmt: skip


def test_bytes_under_two_names_are_counted_once(stocked: Updating) -> None:
    models = stocked.daemon.home / "models"
    before = stocked.get("/library/usage")["disk_bytes"]
    os.link(models / MODEL / "4/gguf-q4/model.gguf", models / "copy.gguf")
    try:
        usage = stocked.get("/library/usage")
        (link,) = [item for item in usage["items"] if item["name"] == "copy.gguf"]
        assert (link["disk_bytes"], link["shared_bytes"] > 0) == (0, True)
        assert usage["shared_bytes"] == link["shared_bytes"]
        assert abs(usage["disk_bytes"] - before) < 200_000, "the database may have grown"
    finally:
        (models / "copy.gguf").unlink()


def test_a_dry_run_says_exactly_what_a_prune_then_removes(stocked: Updating) -> None:
    assert "acme/space@4" not in types(stocked, "prune", "--dry-run").stdout
    tried = stocked.post("/library/prune", {"dry_run": True, "caches": False})
    names = [item["name"] for item in tried["items"]]
    assert names == [f"{MODEL}@2:gguf-q4", f"{MODEL}@1:gguf-q4", "0123456789abcdef"]
    asked = types(stocked, "prune", "--no-caches")
    assert asked.returncode == 0 and "modelhub prune --yes" in asked.stderr
    assert stocked.get("/library/usage")["prunable_bytes"] > 0, "nothing was removed without a word"
    done = json.loads(types(stocked, "prune", "--no-caches", "--yes", "--json").stdout)
    assert [item["name"] for item in done["items"]] == names
    assert (done["freed_bytes"], done["kept"]) == (tried["freed_bytes"], [])
    models = stocked.daemon.home / "models"
    assert sorted(path.name for path in (models / MODEL).iterdir()) == ["3", "4"]
    assert not (models / ".staging/0123456789abcdef").exists()
    assert (models / "notes.txt").exists(), "a stranger's file stays"
    assert stocked.active("acme/single")["state"] == "ok"


def test_rm_old_removes_what_is_kept_for_a_rollback(stocked: Updating) -> None:
    other = types(stocked, "rm", "--old", "acme/single")
    assert (other.returncode, other.stdout) == (0, ""), other.stderr
    done = types(stocked, "rm", "--old", MODEL)
    assert done.returncode == 0 and "acme/space@3:gguf-q4" in done.stderr
    models = stocked.daemon.home / "models"
    assert [path.name for path in (models / MODEL).iterdir()] == ["4"]
    assert types(stocked, "rm").returncode == 2


def test_usage_is_told_as_lines_and_by_model(stocked: Updating) -> None:
    lines = types(stocked, "usage")
    assert "artifact\tacme/space@4:gguf-q4\t" in lines.stdout
    assert "are free" in lines.stderr
    assert "acme/space\t" in types(stocked, "usage", "--models").stdout
