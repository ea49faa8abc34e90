"""Death at each step of a bundle's install: nothing is lost, and nothing half is ever in the library."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub_client import ClientError
from modelhubd.wire.jobs import Job
from tests.contract.world import until
from tests.crash.doomed import WholeDaemon
from tests.crash.traps import VARIABLE, Trap
from tests.disks import disk_of
from tests.integration.packages.world import ended, installed, write_bundle
from tests.running import RunningDaemon

MODELS = {"acme/one": b"1" * 3_000_000, "acme/two": b"2" * 1_000_000}
STEPS = [
    ("placing.stage", 1, "before"), ("arrivals.add", 1, "before"), ("placing.stage", 1, "after"),
    ("packages_store.drop_placing", 1, "after"), ("placing.stage", 2, "after"),
    ("packages_store.put_placing", 1, "after"), ("root.rename", 1, "before"), ("root.rename", 1, "after"),
    ("root.rename", 2, "after"),
]  # fmt: skip
"""In such an order that none is met while the next start makes up for the one before."""


class Whole(WholeDaemon):
    def dies_at(self, trap: Trap | None) -> None:
        self.environ[VARIABLE] = json.dumps({"traps": [trap] if trap else []})


def nothing_is_half(daemon: RunningDaemon) -> None:
    """What is in the models directory is in the library, whole; nothing else is left."""
    listed = {
        f"{item.model}/{item.version}/{item.option}/{file.name}": file.sha256
        for item in daemon.client.library().items
        if item.state == "ok"
        for file in item.files
    }
    models = daemon.home / "models"
    found = {
        path.relative_to(models).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in models.rglob("*")
        if path.is_file() and path.name != ".modelhub"
    }
    assert found == listed
    assert not list(models.glob(".bundles*"))


@pytest.mark.timeout(300)
def test_death_at_each_step_leaves_only_whole_models_and_the_install_can_be_done_again(
    tmp_path: Path,
) -> None:
    bundle = write_bundle(tmp_path / "kit", MODELS)
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    daemon = Whole(tmp_path / "home", {"MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"})
    try:
        for number, (call, count, moment) in enumerate(STEPS):
            sprung = tmp_path / f"sprung-{number}"
            trap: Trap = {
                "call": call, "count": count, "moment": moment, "do": "die", "file": str(sprung),
            }  # fmt: skip
            daemon.dies_at(trap)
            daemon.start()
            nothing_is_half(daemon)
            for artifact in daemon.client.library().items:
                daemon.client.remove(artifact.id)
            with contextlib.suppress(ClientError, OSError, AssertionError):
                ended(daemon, daemon.client.install_bundle(bundle))
            assert daemon.process is not None
            assert daemon.process.wait(30) == -9, (call, count, moment)
            assert sprung.exists()
        daemon.dies_at(None)
        daemon.start()
        nothing_is_half(daemon)
        job = ended(daemon, daemon.client.install_bundle(bundle))
        assert job.state == "completed", job
        nothing_is_half(daemon)
        assert installed(daemon) == {"acme/one@1:gguf": "bundle", "acme/two@1:gguf": "bundle"}
        assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.stop()


@pytest.mark.timeout(300)
def test_a_drive_that_is_pulled_out_in_the_middle_is_away_and_all_can_be_done_again(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "kit", MODELS)
    (tmp_path / "home").mkdir()
    with disk_of("tmpfs", tmp_path / "home/models") as disk:
        disk.folder.chmod(0o700)
        settings = {"MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"}
        daemon = Whole(tmp_path / "home", settings)
        held = [tmp_path / "held-placing", tmp_path / "held-making"]
        calls = ("placing.place", "making._write_files")
        traps: list[Trap] = [
            {"call": call, "count": 1, "moment": "before", "do": "hold", "file": str(file)}
            for call, file in zip(calls, held, strict=True)
        ]
        daemon.environ[VARIABLE] = json.dumps({"traps": traps})
        daemon.start()
        works: list[Callable[[], Job]] = [
            lambda: daemon.client.install_bundle(bundle),
            lambda: daemon.client.create_bundle(tmp_path / "made", sorted(MODELS)),
        ]
        try:
            for work, file in zip(works, held, strict=True):
                job = work()
                until(file.exists, bool)
                disk.unplug()
                file.unlink()
                job = ended(daemon, job)
                assert job.error is not None and job.error.code == "storage_offline", job
                assert not list(disk.folder.iterdir()), "nothing is written to the mount point"
                assert not [path for path in tmp_path.iterdir() if "made" in path.name]
                disk.plug_in()
                until(lambda: daemon.client.device().models_dir_present, bool)
                until(lambda: {str(one.state) for one in daemon.client.library().items} <= {"ok"}, bool)
                assert ended(daemon, work()).state == "completed"
            assert installed(daemon).keys() == {"acme/one@1:gguf", "acme/two@1:gguf"}
        finally:
            daemon.stop()


@pytest.mark.timeout(300)
def test_what_death_left_on_a_drive_that_is_away_at_the_start_goes_when_it_is_back(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "kit", MODELS)
    (tmp_path / "home").mkdir()
    settings = {"MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"}
    daemon = Whole(tmp_path / "home", settings)
    with disk_of("tmpfs", tmp_path / "stick") as stick, disk_of("tmpfs", tmp_path / "home/models") as disk:
        disk.folder.chmod(0o700)
        try:

            def dies(trap: Trap, work: Callable[[], Job]) -> None:
                daemon.dies_at(trap)
                daemon.start()
                with contextlib.suppress(ClientError, OSError, AssertionError):
                    ended(daemon, work())
                assert daemon.process is not None
                assert daemon.process.wait(30) == -9, trap
                daemon.dies_at(None)

            sprung = [str(tmp_path / f"sprung-{number}") for number in range(2)]
            # One model is placed and not in the library yet, the other one is aside.
            dies(
                {"call": "root.rename", "count": 1, "moment": "after", "do": "die", "file": sprung[0]},
                lambda: daemon.client.install_bundle(bundle),
            )
            assert (disk.folder / ".bundles").exists()
            disk.unplug()
            daemon.start()
            assert installed(daemon) == {}, "it is started, and not just answers"
            disk.plug_in()
            until(lambda: installed(daemon), lambda found: found == {"acme/one@1:gguf": "bundle"})
            until(lambda: (disk.folder / ".bundles").exists(), lambda there: not there)
            nothing_is_half(daemon)
            assert ended(daemon, daemon.client.install_bundle(bundle)).state == "completed"
            daemon.stop()
            dies(
                {"call": "making._write", "count": 2, "moment": "before", "do": "die", "file": sprung[1]},
                lambda: daemon.client.create_bundle(stick.folder / "made", sorted(MODELS)),
            )
            left = [path.name for path in stick.folder.iterdir()]
            assert left == [".made.modelhub-partial"]
            stick.unplug()
            daemon.start()
            assert len(installed(daemon)) == len(MODELS)
            stick.plug_in()
            until(lambda: list(stick.folder.iterdir()), lambda found: not found)
            (cleanup,) = until(lambda: [job for job in daemon.client.jobs().items if job.state.ended], bool)
            assert (cleanup.kind, cleanup.state) == ("bundle cleanup", "completed")
            daemon.stop()
            # The drive goes in the middle, with no death.
            hold = tmp_path / "held"
            daemon.dies_at(
                {"call": "making._write", "count": 2, "moment": "before", "do": "hold", "file": str(hold)}
            )
            daemon.start()
            job = daemon.client.create_bundle(stick.folder / "made", sorted(MODELS))
            until(hold.exists, bool)
            stick.unplug()
            hold.unlink()
            assert ended(daemon, job).state == "failed"
            stick.plug_in()
            until(lambda: list(stick.folder.iterdir()), lambda found: not found)
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.stop()


@pytest.mark.timeout(120)
def test_what_is_disallowed_while_it_is_copied_is_not_installed(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "kit", MODELS)
    hold = tmp_path / "held"
    daemon = Whole(tmp_path / "home", {"MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"})
    daemon.dies_at({"call": "placing.stage", "count": 1, "moment": "after", "do": "hold", "file": str(hold)})
    daemon.start()
    try:
        job = daemon.client.install_bundle(bundle)
        until(hold.exists, bool)
        daemon.client.change_policy(allowed_publishers=("lab",))
        hold.unlink()
        done = ended(daemon, job)
        assert done.error is not None and done.error.code == "refused_by_policy", done
        assert installed(daemon) == {}
        nothing_is_half(daemon)
    finally:
        daemon.stop()
