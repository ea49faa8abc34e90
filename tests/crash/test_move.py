"""Death at every step of a move to another drive: the models are whole in the folder that the daemon knows,
and the move comes to its end at the next start."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest

from modelhub_client import ClientError
from modelhubd.wire.downloads import DownloadState
from tests.contract.world import until
from tests.crash.test_updates import MODEL, Doomed, trap_of
from tests.crash.traps import Trap
from tests.disks import disk_of
from tests.fakes.origin import Origin, body

SHM = Path("/dev/shm")
ALL = "CRASH_KILLS" in os.environ
STEPS = [
    ("space_store.put_move", 1, "before"), ("space_store.put_move", 1, "after"),
    ("copying.mark", 1, "after"), ("copying._copy", 1, "before"), ("os.fsync", 2, "before"),
    ("copying._copy", 2, "after"), ("copying.put_list", 1, "after"),
    ("space_store.set_models_dir", 1, "after"), ("copying.clear", 1, "before"),
    ("copying._remove_if", 2, "after"), ("copying.clear", 1, "after"), ("copying.unmark", 1, "after"),
]  # fmt: skip


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Folders on two disks; on one where there is no other."""
    other = tmp_path / "other"
    if SHM.is_dir() and SHM.stat().st_dev != tmp_path.stat().st_dev:
        other = Path(mkdtemp(dir=SHM))
    yield tmp_path, other
    shutil.rmtree(other, ignore_errors=True)


@pytest.mark.timeout(600)
def test_death_at_each_step_of_a_move_loses_nothing_and_it_comes_to_its_end(
    disks: tuple[Path, Path],
) -> None:
    with Origin() as origin:
        environ = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}
        doomed = Doomed(disks[0] / "home", environ)
        doomed.offer(origin, 1)
        doomed.start_with()
        try:
            made = doomed.client.create_download(MODEL, force=True).id
            until(lambda: doomed.client.download(made).state, lambda state: state is DownloadState.COMPLETED)
            steps = STEPS if ALL else STEPS[1::2]
            sprung = 0
            for number, (call, count, moment) in enumerate(steps):
                target = disks[number % 2 == 0] / f"place-{number}"
                trap = trap_of(disks[0], f"trap-{number}", call, count, moment)
                sprung += move_and_die(doomed, target, trap)
            assert sprung >= len(steps) - 1, "the traps are where they were"
        finally:
            doomed.stop()


@pytest.mark.timeout(300)
def test_a_drive_that_is_pulled_out_in_the_middle_of_a_move_is_waited_for(tmp_path: Path) -> None:
    """First the new one, then the old one; each is plugged in again, and the same move goes on to its end."""
    (tmp_path / "home").mkdir()
    with (
        Origin() as origin,
        disk_of("tmpfs", tmp_path / "home/models") as old,
        disk_of("tmpfs", tmp_path / "to") as new,
    ):
        for disk in (old, new):
            disk.folder.chmod(0o700)
        environ = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"}
        doomed = Doomed(tmp_path / "home", environ)
        doomed.offer(origin, 1)
        held = [tmp_path / "held-1", tmp_path / "held-2"]
        traps: list[Trap] = [
            {"call": "copying._copy", "count": count, "moment": "before", "do": "hold", "file": str(file)}
            for count, file in enumerate(held, 1)
        ]
        doomed.start_with(*traps)
        try:
            made = doomed.client.create_download(MODEL, force=True).id
            until(lambda: doomed.client.download(made).state, lambda state: state is DownloadState.COMPLETED)
            for disk, file in zip((new, old), held, strict=True):
                job = doomed.client.move_models(str(new.folder)).id
                until(file.exists, bool)
                disk.unplug()
                file.unlink()
                ended = until(partial(doomed.client.job, job), lambda found: found.state.ended)
                assert ended.error is not None and ended.error.code == "storage_offline", ended
                assert not list(disk.folder.iterdir()), "nothing is written to the mount point"
                disk.plug_in()
                assert whole(old.folder)
                until(doomed.states, lambda states: states == {"ok"})
            job = doomed.client.move_models(str(new.folder)).id
            ended = until(lambda: doomed.client.job(job), lambda job: job.state.ended)
            assert ended.error is None and whole(new.folder) and under_way(doomed) is None
            assert where(doomed) == new.folder
            assert not list(old.folder.iterdir()), "nothing is there twice"
            until(doomed.states, lambda states: states == {"ok"})
        finally:
            doomed.stop()


def move_and_die(doomed: Doomed, target: Path, trap: Trap) -> bool:
    """Whether the trap was sprung; the models are at the target afterwards, and nowhere else."""
    before = where(doomed)
    doomed.stop()
    doomed.start_with(trap)
    with contextlib.suppress(ClientError, OSError):
        doomed.client.move_models(str(target))
        until(lambda: doomed.client.jobs().items, lambda jobs: all(job.state.ended for job in jobs))
    sprung = Path(trap["file"]).exists()
    if sprung:
        doomed.dies()
        assert whole(before) or whole(target), "one of the two is whole at any moment"
        doomed.start_with()
    doomed.meaning()
    if under_way(doomed) is None and where(doomed) == before:  # it died before anything was promised
        shutil.rmtree(target, ignore_errors=True)
        doomed.client.move_models(str(target))
    until(lambda: under_way(doomed), lambda move: move is None)
    assert where(doomed) == target and whole(target)
    assert not before.exists(), "the old folder is gone"
    assert not [path for path in target.rglob("*") if path.name.startswith(".modelhub-move")]
    assert doomed.meaning() == 1
    return sprung


def whole(folder: Path) -> bool:
    file = folder / MODEL / "1/q4/m.gguf"
    if not file.exists():
        return False
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return digest == hashlib.sha256(body(1, 30_000)).hexdigest()


def where(doomed: Doomed) -> Path:
    """The models directory, as the daemon has it."""
    value = doomed.client.config().values["models.dir"].value
    return Path(str(value)) if value else doomed.home / "models"


def under_way(doomed: Doomed) -> object:
    with contextlib.closing(sqlite3.connect(doomed.home / "state/modelhub.db")) as database:
        row = database.execute("SELECT value FROM setting WHERE key = 'space.move'").fetchone()
    return None if row is None else json.loads(row[0])["state"]
