"""Death at each step of an import, by each mode: what was to be imported is never lost or touched, nothing is
half in the library, and the import can be done again."""

import contextlib
import hashlib
import json
import time
from pathlib import Path

import pytest

from modelhub_client import Client, ClientError
from modelhubd.wire.imports import ImportMode
from modelhubd.wire.jobs import Job
from tests.crash.doomed import WholeDaemon
from tests.crash.traps import VARIABLE, Trap
from tests.running import RunningDaemon

PARTS = {f"big-0000{number}-of-00002.gguf": f"part {number}".encode() * 100_000 for number in (1, 2)}
STEPS = [
    ("link", "root.link_from", 1, "after"), ("link", "root.rename", 1, "before"),
    ("link", "root.rename", 1, "after"), ("link", "arrivals.add_imported", 1, "after"),
    ("copy", "imports._stage", 1, "before"), ("copy", "root.open", 2, "after"),
    ("copy", "root.rename", 1, "after"),
    ("move", "root.link_from", 2, "after"), ("move", "root.rename", 1, "after"),
    ("move", "arrivals.add_imported", 1, "before"), ("move", "imports._settle", 1, "after"),
    ("reference", "arrivals.refer", 1, "after"),
]  # fmt: skip


class Doomed(WholeDaemon):
    def dies_at(self, trap: Trap | None) -> None:
        self.environ[VARIABLE] = json.dumps({"traps": [trap] if trap else []})


def ended(client: Client, job: Job) -> Job:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not (job := client.job(job.id)).state.ended:
        time.sleep(0.01)
    return job


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def nothing_is_half(daemon: RunningDaemon) -> None:
    """What is in the models directory is in the library, whole; nothing else is left."""
    daemon.client.scan()  # what was cut short is undone before it
    listed = {
        f"{item.model}/{item.version}/{item.option}/{file.name}": file.sha256
        for item in daemon.client.library().items
        for file in item.files
        if not file.outside
    }
    models = daemon.home / "models"
    found = {
        path.relative_to(models).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in models.rglob("*")
        if path.is_file() and path.name != ".modelhub"
    }
    assert found == listed
    assert not (models / ".importing").exists()
    assert all(item.state == "ok" for item in daemon.client.library().items)


def remove_all(daemon: RunningDaemon) -> None:
    for item in daemon.client.library().items:
        daemon.client.remove(item.id)


@pytest.mark.timeout(300)
def test_death_at_each_step_of_an_import_loses_nothing(tmp_path: Path) -> None:
    settings = {"MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"}
    daemon = Doomed(tmp_path / "home", settings)
    entry = {
        "id": "acme/big",
        "options": [
            {
                "id": "gguf-q4",
                "format": "gguf",
                "files": [
                    {
                        "name": name,
                        "role": "shard" if "-00002-" in name else "model",
                        "size_bytes": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                    }
                    for name, content in PARTS.items()
                ],
            }
        ],
    }
    local = tmp_path / "home/config/catalog.d"
    local.mkdir(parents=True)
    (local / "big.json").write_text(json.dumps(entry))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name, content in PARTS.items():
        (theirs / name).write_bytes(content)
    try:
        for number, (mode, call, count, moment) in enumerate(STEPS):
            sprung = tmp_path / f"sprung-{number}"
            trap: Trap = {"call": call, "count": count, "moment": moment, "do": "die", "file": str(sprung)}
            daemon.dies_at(trap)
            daemon.start()
            nothing_is_half(daemon)
            remove_all(daemon)
            assert contents(theirs) == PARTS, (mode, call)
            with contextlib.suppress(ClientError, OSError):
                ended(daemon.client, daemon.client.import_model(str(theirs), mode=ImportMode(mode)))
            assert daemon.process is not None
            assert daemon.process.wait(30) == -9, (mode, call, count, moment)
            assert sprung.exists()
            assert contents(theirs) == PARTS, (mode, call)
        daemon.dies_at(None)
        daemon.start()
        nothing_is_half(daemon)
        remove_all(daemon)
        for mode in ("link", "copy", "reference", "move"):
            job = ended(daemon.client, daemon.client.import_model(str(theirs), mode=ImportMode(mode)))
            assert job.state == "completed", job
            nothing_is_half(daemon)
            assert contents(theirs) == ({} if mode == "move" else PARTS)
            if mode != "move":
                remove_all(daemon)
        placed = daemon.home / "models/acme/big/1/gguf-q4"
        assert contents(placed) == PARTS
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.stop()
