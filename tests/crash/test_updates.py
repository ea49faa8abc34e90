"""Death at every step of an update and of a rollback: what the model's name means is the old version or the
new one, never none, and after the next start the update comes to its end."""

import contextlib
import json
import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import ClientError
from modelhubd.wire.downloads import DownloadState
from tests.contract.world import until
from tests.crash.doomed import WholeDaemon
from tests.crash.traps import VARIABLE, Trap
from tests.disks import disk_of
from tests.fakes.origin import Origin, sha256

MODEL = "acme/doomed"
SIZE = 30_000
APPLY = [
    ("update_store.put", 1, "before"), ("update_store.put", 1, "after"), ("downloads.create", 1, "before"),
    ("downloads.create", 1, "after"), ("staging.place", 1, "after"), ("arrivals.add", 1, "before"),
    ("arrivals.add", 1, "after"), ("library.make_active", 1, "before"), ("library.make_active", 1, "after"),
    ("takeover._settle", 1, "after"), ("database._commit", 6, "before"), ("database._commit", 6, "after"),
]  # fmt: skip
BACK = [
    ("library.make_active", 1, "before"), ("library.make_active", 1, "after"),
    ("takeover._settle", 1, "after"),
]  # fmt: skip
ALL = "CRASH_KILLS" in os.environ


class Doomed(WholeDaemon):
    def start_with(self, *traps: Trap) -> None:
        self.environ[VARIABLE] = json.dumps({"traps": traps})
        self.start()

    def offer(self, origin: Origin, version: int) -> None:
        url = origin.serve(f"/{version}.gguf", SIZE, seed=version)
        file = {
            "name": "m.gguf", "size_bytes": SIZE, "sha256": sha256(version, SIZE), "urls": [url],
        }  # fmt: skip
        entry = {
            "id": MODEL,
            "version": version,
            "options": [{"id": "q4", "format": "gguf", "files": [file]}],
        }
        folder = self.home / "config/catalog.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "doomed.json").write_text(json.dumps([entry]))

    def meaning(self) -> int:
        """The version that the model's name means; each that is installed is whole."""
        items = [one for one in self.client.library(limit=200).items if one.model == MODEL]
        assert all(one.state == "ok" for one in items), items
        (active,) = [one for one in items if one.active]
        return active.version

    def state_of_update(self, version: int) -> Any:
        with contextlib.closing(sqlite3.connect(self.home / "state/modelhub.db")) as database:
            row = database.execute(
                "SELECT state FROM model_update WHERE to_version = ?", (version,)
            ).fetchone()
        return None if row is None else row[0]

    def states(self) -> set[str]:
        """Of all that is installed."""
        return {str(one.state) for one in self.client.library(limit=200).items}

    def dies(self) -> None:
        """Wait for the death that a trap brings, or end it as it is."""
        assert self.process is not None
        with contextlib.suppress(Exception):
            self.process.wait(timeout=5)
        self.kill()


@pytest.mark.timeout(600)
def test_death_at_each_step_of_an_update_leaves_the_old_or_the_new_one_and_it_comes_to_its_end(
    tmp_path: Path,
) -> None:
    with Origin() as origin:
        settings = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}
        doomed = Doomed(tmp_path / "home", settings)
        doomed.offer(origin, 1)
        doomed.start_with()
        try:
            installed(doomed, doomed.client.create_download(MODEL, force=True).id)
            version, sprung = 1, 0
            applying = APPLY if ALL else APPLY[1::2]
            going_back = BACK if ALL else BACK[2:]
            for number, (call, count, moment) in enumerate(applying):
                sprung += apply_and_die(
                    doomed, origin, version, trap_of(tmp_path, f"apply-{number}", call, count, moment)
                )
                version += 1
                assert doomed.meaning() == version
            for number, (call, count, moment) in enumerate(going_back):
                sprung += back_and_die(
                    doomed, version, trap_of(tmp_path, f"back-{number}", call, count, moment)
                )
            assert sprung >= len(applying) + len(going_back) - 1, "the traps are where they were"
        finally:
            doomed.stop()


@pytest.mark.timeout(300)
def test_a_drive_that_is_pulled_out_in_the_middle_of_an_update_is_waited_for(tmp_path: Path) -> None:
    """Before the new version has its name, and before it has the model's; it is plugged in each time."""
    (tmp_path / "home").mkdir()
    with Origin() as origin, disk_of("tmpfs", tmp_path / "home/models") as disk:
        disk.folder.chmod(0o700)
        settings = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}
        doomed = Doomed(tmp_path / "home", settings)
        doomed.offer(origin, 1)
        doomed.start_with()
        try:
            installed(doomed, doomed.client.create_download(MODEL, force=True).id)
            for version, call in ((1, "staging.place"), (2, "library.make_active")):
                doomed.stop()
                doomed.offer(origin, version + 1)
                held = tmp_path / f"held-{version}"
                trap: Trap = {"call": call, "count": 1, "moment": "before", "do": "hold", "file": str(held)}
                backoff = {"first_s": 0.05, "most_s": 0.3, "storage_s": 0.2}
                doomed.environ[VARIABLE] = json.dumps({"traps": [trap], "backoff": backoff})
                doomed.start()
                doomed.client.apply_updates()
                until(held.exists, bool)
                disk.unplug()
                held.unlink()
                until(doomed.states, lambda states: states == {"offline"})
                assert not list(disk.folder.iterdir()), "nothing is written to the mount point"
                disk.plug_in()
                until(doomed.states, lambda states: states == {"ok"})
                until(partial(doomed.state_of_update, version + 1), lambda state: state == "done")
                assert doomed.meaning() == version + 1
            assert doomed.client.roll_back(MODEL).to_version == 2
            assert doomed.meaning() == 2
        finally:
            doomed.stop()


def apply_and_die(doomed: Doomed, origin: Origin, version: int, trap: Trap) -> bool:
    """Whether the trap was sprung; the update is through afterwards."""
    doomed.stop()
    doomed.offer(origin, version + 1)
    doomed.start_with(trap)
    with contextlib.suppress(ClientError, OSError):
        begun = doomed.client.apply_updates()
        installed(doomed, begun.applied[0].download or "")
    sprung = Path(trap["file"]).exists()
    if sprung:
        doomed.dies()
        doomed.start_with()
        assert doomed.meaning() in (version, version + 1)
    if doomed.state_of_update(version + 1) is None:  # it died before anything was promised
        assert doomed.meaning() == version
        doomed.client.apply_updates()
    until(doomed.meaning, lambda meaning: meaning == version + 1)
    until(lambda: doomed.state_of_update(version + 1), lambda state: state == "done")
    return sprung


def back_and_die(doomed: Doomed, version: int, trap: Trap) -> bool:
    doomed.stop()
    doomed.start_with(trap)
    with contextlib.suppress(ClientError, OSError):
        doomed.client.roll_back(MODEL)
    sprung = Path(trap["file"]).exists()
    if sprung:
        doomed.dies()
        doomed.start_with()
    assert (doomed.meaning(), doomed.state_of_update(version)) in (
        (version, "done"), (version - 1, "rolled back"),
    )  # fmt: skip
    if doomed.meaning() == version - 1:
        (update,) = doomed.client.updates().items
        doomed.client.apply_updates([update.id])
        assert doomed.meaning() == version
    return sprung


def trap_of(folder: Path, name: str, call: str, count: int, moment: str) -> Trap:
    return {"call": call, "count": count, "moment": moment, "do": "die", "file": str(folder / name)}


def installed(doomed: Doomed, download: str) -> None:
    until(lambda: doomed.client.download(download).state, lambda state: state is DownloadState.COMPLETED)
