"""Death at every step of a sync with a registry: afterwards the snapshot is whole and of one revision, the
old one or the new one, and the next sync ends well."""

import contextlib
import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from modelhub_client import ClientError
from tests.crash.doomed import WholeDaemon
from tests.crash.traps import VARIABLE, Trap
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.integration.registry_sync.conftest import Machine

ALL = "CRASH_KILLS" in os.environ
MANY = 40
STEPS = [
    *(("updater._persist_file", count) for count in (1, 2, 3, 4)), ("updater._update_root_symlink", 1),
    ("registry.witnessed", 1), ("catalog_store.replace_all", 1), ("registry_store.put_snapshot", 1),
    ("registry_store.put_seen", 1), ("database._commit", 1), ("registry_store.put_popularity", 1),
]  # fmt: skip


class Doomed(WholeDaemon, Machine):
    traps: tuple[Trap, ...] = ()

    def spawn(self) -> "subprocess.Popen[bytes]":
        self.environ[VARIABLE] = json.dumps({"traps": self.traps})
        return super().spawn()


def revisions(home: Path) -> set[str]:
    """The revisions that everything on the disk is of: of each entry, of the snapshot, of the checkpoint."""
    with contextlib.closing(sqlite3.connect(home / "state/modelhub.db")) as database:
        found = {
            json.loads(row[0])["display_name"]
            for row in database.execute("SELECT entry FROM catalog_entry WHERE source = 'registry'")
        }
        heads = [json.loads(row[0]) for row in database.execute("SELECT head FROM registry_snapshot")]
        seen = [json.loads(row[0]) for row in database.execute("SELECT seen FROM registry_witness")]
        count = database.execute("SELECT count(*) FROM catalog_entry WHERE source = 'registry'").fetchone()[0]
    assert count in (0, MANY), "never a part of a catalog"
    found |= {f"r{head['catalog']['revision']}" for head in heads}
    return found | {f"r{one['size'] - 2}" for one in seen}


def release(registry: TufRegistry) -> None:
    name = f"r{registry.revision + 1}"
    registry.contents.entries = [entry(f"lab/m{number}", display_name=name) for number in range(MANY)]
    registry.counters = {"lab/m0": {"downloads": registry.revision + 1, "stars": 0}}
    registry.release()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_death_at_each_step_of_a_sync_leaves_one_whole_revision(moment: str, tmp_path: Path) -> None:
    with TufRegistry() as registry:
        machine = Doomed(tmp_path / "home", registry)
        release(registry)
        sprung = 0
        # In turn, or all of them at both moments.
        steps = STEPS if ALL else STEPS[moment == "after" :: 2]
        for call, count in steps:
            file, armed = tmp_path / f"{call}-{count}", tmp_path / f"{call}-{count}.armed"
            trap: Trap = {
                "call": call, "count": count, "moment": moment, "do": "die", "file": str(file),
                "armed": str(armed),
            }  # fmt: skip
            machine.traps = (trap,)
            started_well(machine, registry)
            release(registry)
            armed.touch()
            with contextlib.suppress(ClientError, OSError, AssertionError):
                machine.synced()
            assert machine.process is not None
            sprung += file.exists()
            assert machine.process.wait(30) == -9, (call, count)
            old, new = f"r{registry.revision - 1}", f"r{registry.revision}"
            assert revisions(machine.home) in ({old}, {new}), (call, count)
        machine.traps = ()
        started_well(machine, registry)
        machine.stop()
        assert revisions(machine.home) == {f"r{registry.revision}"}
        assert sprung == len(steps)


def started_well(machine: Doomed, registry: TufRegistry) -> None:
    """Started again, it takes what is served."""
    machine.start()
    info = machine.synced()
    assert (info.last_error, info.revision) == (None, str(registry.revision))
    assert revisions(machine.home) == {f"r{registry.revision}"}
