"""`modelhub outdated` and `modelhub update`, as somebody types them."""

import json
import subprocess
import sys

from tests import forked
from tests.contract.world import option
from tests.integration.updates.conftest import Updating

PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]


def types(world: Updating, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run("modelhub_cli.main", arguments, world.daemon.environ)


def test_outdated_update_and_rollback_do_what_they_say(world: Updating) -> None:
    old = world.have("acme/typed", 1, "one", context_length=1024)
    assert types(world, "outdated").stderr == "Everything is up to date.\n"
    world.offer("acme/typed", 2, "two", context_length=2048)
    listed = types(world, "outdated", "--notes").stdout
    size = world.file("two")["size_bytes"]
    assert f"{old}\tacme/typed\t1:gguf-q4\t2:gguf-q4\t{size}\tavailable" in listed
    assert "acme/typed@2\twhat 2 brings" in listed
    assert "acme/typed\tcontext_length\t1024\t2048" in listed
    assert types(world, "update").returncode == 2
    tried = json.loads(types(world, "update", "--all", "--dry-run", "--json").stdout)
    assert [one["id"] for one in tried["applied"]] == [old]
    assert world.active("acme/typed")["id"] == old
    done = types(world, "update", "acme/typed")
    assert (done.returncode, done.stdout) == (0, "acme/typed@2:gguf-q4\n"), done.stderr
    assert world.active("acme/typed")["version"] == 2
    again = types(world, "update", "acme/typed")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "nothing newer" in again.stderr
    back = types(world, "update", "--rollback", "acme/typed")
    assert (back.returncode, back.stdout) == (0, "acme/typed@2:gguf-q4\tacme/typed@1:gguf-q4\n")
    assert world.active("acme/typed")["id"] == old
    assert types(world, "update", "nobody/here").returncode == 3


def test_what_is_held_back_is_refused_with_exit_code_7_and_its_reason(world: Updating) -> None:
    world.have("acme/held", 1, "one")
    world.offer("acme/held", 2, "two", requires={"app": {"modelhub-cli": ">=1000"}})
    listed = types(world, "outdated", "acme/held").stdout
    assert "held_back\tmodelhub-cli\tIt needs modelhub-cli >=1000" in listed
    refused = types(world, "update", "acme/held")
    assert refused.returncode == 7
    assert "It needs modelhub-cli >=1000" in refused.stderr
    second = {"id": "acme/held", "version": 2, "options": [option("gguf-q4", world.file("two"))]}
    world.offer("acme/held", 3, "three", requires={"app": {"modelhub-cli": ">=1000"}}, older=[second])
    listed = types(world, "outdated", "acme/held").stdout
    assert "2:gguf-q4" in listed
    assert "available\t\tVersion 3: It needs modelhub-cli >=1000" in listed
