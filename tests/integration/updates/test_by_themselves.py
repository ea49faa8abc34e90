"""Updates that nobody asks for, on a daemon that is told to make them by itself, and within its hours."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.contract.world import a_world, until
from tests.fakes.origin import Origin
from tests.integration.updates.conftest import Updating


def is_version(wanted: int, artifact: Any) -> bool:
    return bool(artifact["version"] == wanted)


def test_within_the_hours_a_newer_version_comes_by_itself_and_the_old_one_stays(
    tmp_path: Path, origin: Origin, model_files: Path
) -> None:
    home = tmp_path / "home"
    with a_world(home, origin) as plain:
        world = Updating(plain.daemon, origin, model_files)
        old = world.have("acme/own", 1, "one")
        assert world.ask("PUT", f"/library/{old}/settings", {"ctx": 96}).status == 200
        world.offer("acme/own", 2, "two")
        assert world.update("acme/own")["state"] == "available", "nobody has said that it shall come"
    now = datetime.now().astimezone()
    for begin, wanted in ((now + timedelta(hours=2), 1), (now - timedelta(hours=1), 2)):
        window = f"{begin:%H:%M}-{begin + timedelta(hours=4):%H:%M}"
        hours = {"MODELHUB_UPDATES_AUTOMATIC": "true", "MODELHUB_UPDATES_WINDOW": window}
        with a_world(home, origin, **hours) as by_itself:
            world = Updating(by_itself.daemon, origin, model_files)
            active = until(partial(world.active, "acme/own"), partial(is_version, wanted))
            if wanted == 1:
                until(partial(world.update, "acme/own"), bool)
                assert world.get("/downloads")["total"] == 1, "not at this time of the day"
            else:
                assert world.get(f"/library/{active['id']}/settings")["saved"] == {"ctx": 96}
                assert world.get(f"/library/{old}")["state"] == "ok"
                assert world.post("/updates/rollback", {"model": "acme/own"})["to_id"] == old
                held = world.update("acme/own")
                assert held["held_back"][0]["code"] == "rolled_back", "it does not come again by itself"
