"""A bundle that is made leaves the reserve of the disk of the models directory alone, and what it costs is
asked of the disk that it is made on."""

from pathlib import Path

import pytest

from modelhubd.errors import NoSpace
from modelhubd.packages.making import refuse_copies
from modelhubd.storage.confined import ConfinedRoot
from tests.disks import disk_of
from tests.integration.imports.test_clones import is_shared
from tests.integration.packages.world import ended, write_bundle
from tests.running import RunningDaemon

MUCH = 1 << 60


@pytest.mark.timeout(120)
def test_a_bundle_does_not_eat_the_reserve_and_links_cost_nothing(tmp_path: Path) -> None:
    kit = write_bundle(tmp_path / "kit", {"acme/one": b"1" * 100_000})
    daemon = RunningDaemon(tmp_path / "home", {"MODELHUB_MODELS_RESERVE_BYTES": "0"})
    daemon.start()
    try:
        assert ended(daemon, daemon.client.install_bundle(kit)).state == "completed"
        daemon.stop()
        daemon.environ["MODELHUB_MODELS_RESERVE_BYTES"] = str(MUCH)
        daemon.start()
        job = ended(daemon, daemon.client.create_bundle(tmp_path / "made", ["acme/one"]))
        assert job.error is not None and job.error.code == "disk_full", job
        assert "in reserve" in job.error.detail
        assert not [path for path in tmp_path.iterdir() if "made" in path.name]
        job = ended(daemon, daemon.client.create_bundle(tmp_path / "made", ["acme/one"], link=True))
        assert job.state == "completed", job
    finally:
        daemon.stop()


@pytest.mark.timeout(120)
def test_bytes_that_the_library_has_are_not_stored_twice_by_a_bundle(tmp_path: Path) -> None:
    kit = write_bundle(tmp_path / "kit", {"acme/one": b"same" * 100_000, "acme/two": b"same" * 100_000})
    daemon = RunningDaemon(tmp_path / "home", {"MODELHUB_MODELS_RESERVE_BYTES": "0"})
    daemon.start()
    try:
        assert ended(daemon, daemon.client.install_bundle(kit)).state == "completed"
        one, two = (tmp_path / f"home/models/acme/{name}/1/gguf/m.gguf" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes() == b"same" * 100_000
        assert one.stat().st_ino == two.stat().st_ino or is_shared(two)
        assert {item.state.value for item in daemon.client.library().items} == {"ok"}
        assert all(item.verified_at for item in daemon.client.library().items)
        assert (kit / "acme/one/1/gguf/m.gguf").stat().st_nlink == 1
    finally:
        daemon.stop()


def test_another_disk_is_asked_what_it_holds_and_has_no_reserve(tmp_path: Path) -> None:
    models = ConfinedRoot(tmp_path)
    with pytest.raises(NoSpace):
        refuse_copies(models, 1, tmp_path, reserve=MUCH, promised=0)
    with pytest.raises(NoSpace):
        refuse_copies(models, 1, tmp_path, reserve=0, promised=MUCH)
    with disk_of("tmpfs", tmp_path / "stick") as stick:
        refuse_copies(models, 1, stick.folder, reserve=MUCH, promised=MUCH)
        with pytest.raises(NoSpace):
            refuse_copies(models, 1 << 40, stick.folder, reserve=0, promised=0)
