"""Death in the middle of what else the library does: removing, pruning, repairing, making a bundle,
scrubbing, what a first run fetches. One home for all of them; each start makes up for the death before."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client, ClientError
from modelhubd.wire.library import Artifact
from tests.crash.doomed import WholeDaemon
from tests.crash.traps import VARIABLE, Plan, Trap
from tests.fakes.origin import Origin, sha256
from tests.integration.packages.world import ended, until

MIB = 1 << 20
PIECE = 16 * MIB
PARTS = {"m-00001-of-00002.gguf": 40_000, "m-00002-of-00002.gguf": 30_000}
Step = tuple[str, int, str]


class Doomed(WholeDaemon):
    """What it knows is in `entries`; what it installed must be whole whenever it is alive."""

    def __init__(self, home: Path, origin: Origin, **settings: str) -> None:
        super().__init__(
            home,
            {
                "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
                "MODELHUB_MODELS_RESERVE_BYTES": "0",
                "MODELHUB_LIBRARY_SCRUB": "off",
                "MODELHUB_SERVER_TCP": "false",
            }
            | settings,
        )
        self.origin = origin
        self.models = home / "models"
        self.entries: dict[str, Any] = {}
        self.promised: dict[str, str] = {}
        """SHA-256 by path beneath the models directory."""
        self._seed = 0
        self._traps = 0

    def offer(self, model: str, sizes: Mapping[str, int], *, version: int = 1) -> None:
        files = []
        for name, size in sizes.items():
            self._seed += 1
            digest = sha256(self._seed, size)
            url = self.origin.serve(f"/{self._seed}.gguf", size, seed=self._seed)
            role = "shard" if "-00002-" in name else "model"
            files.append(
                {"name": name, "size_bytes": size, "sha256": digest, "urls": [url], "role": role}
            )  # fmt: skip
            self.promised[f"{model}/{version}/q4/{name}"] = digest
        option = {"id": "q4", "format": "gguf", "files": files}
        self.entries[model] = {"id": model, "version": version, "options": [option]}
        folder = self.home / "config/catalog.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "all.json").write_text(json.dumps(list(self.entries.values())))

    def have(self, model: str) -> Artifact:
        """It is installed, as its newest version."""
        if self.process is not None and self.process.poll() is None:
            self.client.sync_catalog(wait=True)
        with contextlib.suppress(ClientError):
            self.client.create_download(model, force=True)
        version = self.entries[model]["version"]
        return until(lambda: [one for one in self.items(model) if one.version == version])[0]

    def items(self, model: str) -> list[Artifact]:
        return [one for one in self.client.library(limit=200).items if one.model == model]

    def start_with(self, *traps: Trap, **plan: Any) -> None:
        made: Plan = {"backoff": {"first_s": 0.05, "most_s": 0.3, "storage_s": 0.2}, "traps": list(traps)}
        self.environ[VARIABLE] = json.dumps(made | plan)
        self.start()

    def dies(self, step: Step, work: Callable[[Client], object] | None = None, **plan: Any) -> None:
        """It is started with a trap at this step, which `work` springs, or else its start; then it is started
        again."""
        self._traps += 1
        sprung, armed = (self.home / f"{what}-{self._traps}" for what in ("sprung", "armed"))
        call, count, moment = step
        trap: Trap = {
            "call": call, "count": count, "moment": moment, "do": "die", "file": str(sprung),
            "armed": str(armed),
        }  # fmt: skip
        self.stop()
        if work is None:
            armed.touch()
        with contextlib.suppress(ClientError, OSError, AssertionError):
            self.start_with(trap, **plan)
            armed.touch()
            if work is not None:
                work(self.client)
        assert self.process is not None
        assert self.process.wait(30) == -9, step
        assert sprung.exists()
        self.start_with()
        self.nothing_is_half()

    def nothing_is_half(self) -> None:
        """What is in the models directory is in the library, and is what was promised; nothing else is there
        that is not shown."""
        self.client.scan(tools=False)
        listed = {
            f"{item.model}/{item.version}/{item.option}/{file.name}"
            for item in self.client.library(limit=200).items
            for file in item.files
        }
        found = {
            path.relative_to(self.models).as_posix(): path
            for path in self.models.rglob("*")
            if path.is_file() and not path.relative_to(self.models).parts[0].startswith(".")
        }
        assert found.keys() == listed
        for name, path in found.items():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == self.promised[name], name
        assert {item.state.value for item in self.client.library(limit=200).items} <= {"ok"}


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    with Origin() as origin:
        daemon = Doomed(tmp_path_factory.mktemp("doomed") / "home", origin)
        daemon.offer("acme/kept", PARTS)
        daemon.start_with()
        try:
            daemon.have("acme/kept")
            yield daemon
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.stop()


REMOVE: list[Step] = [
    ("library_store.set_removing", 1, "after"), ("root.unlink", 1, "after"),
    ("removal.delete_files", 1, "after"), ("library_store.forget_removed", 1, "after"),
]  # fmt: skip


@pytest.mark.timeout(180)
def test_a_removal_is_not_begun_or_comes_to_its_end(doomed: Doomed) -> None:
    doomed.offer("acme/goes", PARTS)
    for step in REMOVE:
        artifact = doomed.have("acme/goes")
        doomed.dies(step, partial(Client.remove, library_id=artifact.id))
        begun = step != REMOVE[0]
        assert bool(doomed.items("acme/goes")) != begun
        assert (doomed.models / "acme/goes").exists() != begun
    for item in doomed.items("acme/goes"):
        doomed.client.remove(item.id)
    assert doomed.items("acme/kept")


@pytest.mark.timeout(180)
def test_a_prune_takes_what_is_old_and_nothing_else(doomed: Doomed) -> None:
    def three_versions() -> None:
        for version in (1, 2, 3):
            doomed.offer("acme/aged", PARTS, version=version)
            doomed.have("acme/aged")

    steps: list[Step] = [("removal.delete_files", 2, "before"), ("space._removed", 1, "after")]
    for step in steps:
        three_versions()
        left = doomed.models / ".staging/0123456789abcdef/part"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"of nobody")
        doomed.dies(step, lambda client: client.prune(keep_old=0))
        versions = {item.version for item in doomed.items("acme/aged")}
        assert 3 in versions and len(versions) < 3, versions
        active = [item.version for item in doomed.items("acme/aged") if item.active]
        assert active == [3]
        doomed.client.prune(keep_old=0)
        assert {item.version for item in doomed.items("acme/aged")} == {3}
        assert not left.exists()
        for item in doomed.items("acme/aged"):
            doomed.client.remove(item.id)
        del doomed.entries["acme/aged"]


@pytest.mark.timeout(180)
def test_a_bundle_is_whole_or_not_there_and_what_is_left_of_it_goes(doomed: Doomed, tmp_path: Path) -> None:
    target = tmp_path / "kit"

    def kept() -> dict[Path, tuple[int, ...]]:
        facts = {path: path.stat() for path in (doomed.models / "acme/kept").rglob("*")}
        return {path: (now.st_ino, now.st_size, now.st_mtime_ns, now.st_nlink) for path, now in facts.items()}

    before = kept()

    def make(client: Client) -> None:
        job = ended(doomed, client.create_bundle(target, ["acme/kept"]))
        assert job.state == "completed", job

    steps: list[Step] = [
        ("making._write_files", 1, "after"), ("making._write", 2, "before"), ("root.rename", 1, "before"),
        ("root.rename", 1, "after"),
    ]  # fmt: skip
    for step in steps:
        doomed.dies(step, make)
        renamed = step == steps[-1]
        assert target.exists() == renamed
        assert [path for path in tmp_path.iterdir() if path != target] == [], "gigabytes, and nobody knows"
        if not renamed:
            make(doomed.client)
        job = ended(doomed, doomed.client.verify_bundle(target))
        assert job.state == "completed", job
        assert {check["what"]: check["outcome"] for check in job.result["checks"]}["files"] == "good"
        shutil.rmtree(target)
    assert kept() == before


@pytest.mark.timeout(180)
def test_a_repair_leaves_the_damaged_file_or_the_whole_one(doomed: Doomed) -> None:
    name, size = "large.gguf", PIECE + 1000
    doomed.offer("acme/rots", {name: size})
    artifact = doomed.have("acme/rots")
    path = doomed.models / "acme/rots/1/q4" / name
    whole = path.read_bytes()

    def verify(client: Client) -> str:
        return str(ended(doomed, client.verify(artifact.id)).result["state"])

    def repair(client: Client) -> None:
        job = ended(doomed, client.repair(artifact.id))
        assert job.result is not None, job
        until(lambda: client.download(job.result["download"]).state.ended)

    assert verify(doomed.client) == "ok"
    steps: list[Step] = [
        ("seeding.seed", 1, "after"), ("store.insert", 1, "after"), ("root.replace", 1, "before"),
        ("root.replace", 1, "after"), ("arrivals.add", 1, "before"), ("arrivals.add", 1, "after"),
    ]  # fmt: skip
    for step in steps:
        spoil(path, PIECE + 7)
        assert verify(doomed.client) == "damaged"
        broken = path.read_bytes()
        since = len(doomed.origin.requests())
        with contextlib.suppress(AssertionError):  # it may be damaged still
            doomed.dies(step, repair)
        assert path.read_bytes() in (broken, whole)
        under_way = [one for one in doomed.client.downloads().items if not one.state.ended]
        if not under_way and doomed.items("acme/rots")[0].state != "ok":
            repair(doomed.client)
        until(lambda: {item.state.value for item in doomed.items("acme/rots")} == {"ok"})
        assert path.read_bytes() == whole
        assert [other.name for other in path.parent.iterdir()] == [name]
        sent = sum(int(one["sent"]) for one in doomed.origin.requests()[since:])
        assert sent < PIECE, "what was good is not fetched again"
        assert verify(doomed.client) == "ok"
        doomed.client.prune(keep_old=9)
        doomed.nothing_is_half()
    doomed.client.remove(artifact.id)


@pytest.mark.timeout(180)
def test_the_scrub_tells_what_it_has_read_and_nothing_else(doomed: Doomed) -> None:
    """What rots is found though it was killed; what is whole is never said to be damaged."""
    doomed.offer("acme/read", {"a.gguf": PIECE + 5})
    artifact = doomed.have("acme/read")
    path = doomed.models / "acme/read/1/q4/a.gguf"
    whole = path.read_bytes()
    plan: dict[str, Any] = {"scrub_look_s": 0.05}
    doomed.environ["MODELHUB_LIBRARY_SCRUB"] = "weekly"
    steps: list[Step] = [("examination.step", 1, "after"), ("integrity.record", 2, "after")]
    for step in steps:
        doomed.dies(step, **plan)
        assert doomed.items("acme/read")[0].state == "ok"
        assert path.read_bytes() == whole
    doomed.stop()
    doomed.start_with(**plan)
    # The first reading learns its pieces; a later one goes by them.
    until(lambda: pieces_known(doomed.home, doomed.promised["acme/read/1/q4/a.gguf"]))
    doomed.environ["MODELHUB_LIBRARY_SCRUB"] = "off"
    doomed.stop()
    doomed.start_with()
    assert doomed.items("acme/read")[0].state == "ok"
    doomed.client.remove(artifact.id)


@pytest.mark.timeout(180)
def test_what_is_wanted_at_the_first_run_is_fetched_once(doomed: Doomed) -> None:
    steps: list[Step] = [
        ("downloads.create", 1, "before"), ("downloads.create", 1, "after"),
        ("packages_store.decide", 1, "before"), ("packages_store.decide", 1, "after"),
        ("arrivals.add", 1, "after"),
    ]  # fmt: skip
    for number, step in enumerate(steps):
        model = f"acme/first-{number}"
        doomed.offer(model, {"f.gguf": 30_000})
        doomed.environ["MODELHUB_LIBRARY_FIRST_RUN"] = model
        doomed.client.sync_catalog(wait=True)
        doomed.dies(step)
        until(lambda: {one.state.value for one in doomed.client.first_run().items} == {"done"})
        (item,) = doomed.items(model)
        fetched = [one for one in doomed.client.downloads(limit=200).items if one.model == model]
        assert len(fetched) == 1, "once"
        doomed.client.remove(item.id)
    doomed.stop()
    doomed.start_with()
    assert not doomed.items(model), "never again after it was removed"


def spoil(path: Path, at: int) -> None:
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"rot")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def pieces_known(home: Path, digest: str) -> bool:
    with contextlib.closing(sqlite3.connect(home / "state/modelhub.db")) as database:
        return bool(database.execute("SELECT 1 FROM content_pieces WHERE sha256 = ?", (digest,)).fetchone())
