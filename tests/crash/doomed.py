"""A whole daemon to be killed, what it downloads, and what must hold of its disk whenever it is dead."""

import contextlib
import hashlib
import json
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from modelhubd.wire.downloads import Download, DownloadState
from tests.crash.traps import VARIABLE, Plan
from tests.fakes.origin import Origin, Rule, Step, sha256
from tests.running import RunningDaemon, still_running

MIB = 1 << 20
MODEL = "acme/doomed"
QUICK = {"first_s": 0.05, "most_s": 0.3, "storage_s": 0.2}
WORKER_LEAVES_S = 10.0


def first_seed(model: str) -> int:
    """Of its files; what is the same in two models would be fetched once."""
    return 1 if model == MODEL else 100 + zlib.crc32(model.encode())


class WholeDaemon(RunningDaemon):
    """The whole daemon, with a plan of the test's."""

    program = "tests.crash.whole_daemon"


class Doomed(WholeDaemon):
    """`plan` holds for the next start."""

    def __init__(self, home: Path, origin: Origin, **settings: str) -> None:
        super().__init__(
            home,
            {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0"} | settings,
        )
        self.origin = origin
        self.plan: Plan = {"backoff": QUICK}
        self.sizes: dict[str, int] = {}

    # What it downloads

    def offer(self, sizes: Mapping[str, int], *steps: Step, model: str = MODEL, **rest: Any) -> None:
        """Have the catalog know an option of these files, each of bytes of its own."""
        if model == MODEL:
            self.sizes = dict(sizes)
        self.serve(sizes, *steps, model=model, **rest)
        option = {
            "id": "option",
            "format": "gguf" if len(sizes) == 1 else "safetensors",
            "files": [
                {
                    "name": name,
                    "size_bytes": size,
                    "sha256": sha256(seed, size),
                    "urls": [self.origin.url + self.path(name, model)],
                }
                for seed, (name, size) in enumerate(sizes.items(), first_seed(model))
            ],
        }
        folder = self.home / "config/catalog.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{model.replace('/', '-')}.json").write_text(
            json.dumps({"id": model, "options": [option]})
        )

    def serve(
        self,
        sizes: Mapping[str, int],
        *steps: Step,
        model: str = MODEL,
        rules: tuple[Rule, ...] = (),
        **rest: Any,
    ) -> None:
        """Have the origin answer so from now on; what it is sending goes on as it was."""
        for seed, (name, size) in enumerate(sizes.items(), first_seed(model)):
            path = self.path(name, model)
            self.origin.serve(
                path, size, *steps, seed=seed, rules=list(rules), pace=self.path("", model), **rest
            )

    def path(self, name: str, model: str = MODEL) -> str:
        return f"/{self.home.parent.name}/{model}/{name}"

    def requests(self) -> list[dict[str, Any]]:
        """What it asked for of the model."""
        mine = {self.path(name) for name in self.sizes}
        return [entry for entry in self.origin.requests() if entry["path"] in mine]

    @property
    def twice(self) -> int:
        """Bytes that the origin sent more than once."""
        return sum(int(entry["sent"]) for entry in self.requests()) - sum(self.sizes.values())

    # Its life

    def spawn(self) -> "subprocess.Popen[bytes]":
        self.environ[VARIABLE] = json.dumps(self.plan)
        return super().spawn()

    def pull(self, model: str = MODEL) -> Download:
        return self.client.create_download(model, force=True)

    def worker(self) -> psutil.Process | None:
        """Its transfer process, once that is itself and no copy of the daemon any more."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.pid).children():
                with contextlib.suppress(psutil.Error):
                    if "tests.crash.worker" in child.cmdline():
                        return child
        return None

    def kill(self) -> None:
        """kill -9 of the daemon; its worker leaves by itself."""
        self.kill_with_worker(worker_too=False)

    def kill_with_worker(self, *, worker_too: bool = True) -> None:
        assert self.process is not None
        children = []
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(self.pid).children(recursive=True)
        for process in (*(children if worker_too else ()), self.process):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait(15)
        assert not still_running(children, WORKER_LEAVES_S), "the worker outlives its daemon"

    def until(
        self, id: str, fits: Callable[[Download], object] | DownloadState, within_s: float = 60
    ) -> Download:
        """The download once it fits, or is in that state."""
        deadline = time.monotonic() + within_s
        client = self.client
        while True:
            found = client.download(id)
            if found.state is fits if isinstance(fits, DownloadState) else fits(found):
                return found
            assert time.monotonic() < deadline, f"{found}\n{self.log_file.read_text()[-3000:]}"
            time.sleep(0.01)

    def died(self, within_s: float = 60) -> bool:
        """Whether it ended by a trap within that time, and its worker too."""
        assert self.process is not None
        worker = self.worker()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        assert self.process.returncode == -9, self.log_file.read_text()[-3000:]
        assert not still_running([worker] if worker else [], WORKER_LEAVES_S)
        return True

    def finish(self, id: str, within_s: float = 90) -> Download:
        """The download once it has ended, which must be well."""
        ended = self.until(id, lambda found: found.state.ended, within_s)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert ended.progress.done_bytes == ended.progress.total_bytes == sum(self.sizes.values())
        return ended

    # Its disk

    @property
    def database_file(self) -> Path:
        return self.home / "state/modelhub.db"

    @property
    def final(self) -> Path:
        return self.home / "models" / MODEL / "1/option"

    @property
    def staging(self) -> Path:
        return self.home / "models/.staging"

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.database_file)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql)]

    def assert_nothing_wrong_is_visible(self) -> None:
        for name in self.sizes:
            if (self.final / name).exists():
                self._assert_right(name)

    def assert_installed(self) -> None:
        """Every byte right, nothing left over, and all the books agree."""
        for name in self.sizes:
            self._assert_right(name)
        visible = [path for path in self.final.rglob("*") if path.is_file()]
        assert {path.relative_to(self.final).as_posix() for path in visible} == self.sizes.keys()
        assert not list(self.staging.iterdir())
        assert [row["state"] for row in self.rows("SELECT state FROM download")] == ["completed"]
        found = self.rows("SELECT model, version, option, state, source FROM artifact")
        assert found == [
            {"model": MODEL, "version": 1, "option": "option", "state": "ok", "source": "download"}
        ]
        (artifact,) = self.client.library().items
        assert {file.name: file.size_bytes for file in artifact.files} == self.sizes

    def _assert_right(self, name: str) -> None:
        seed = list(self.sizes).index(name) + 1
        with (self.final / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        assert found == sha256(seed, self.sizes[name]), f"{name} is visible and wrong"


@contextlib.contextmanager
def doomed(folder: Path, origin: Origin, **settings: str) -> Iterator[Doomed]:
    """Not started yet; whatever runs at the end is killed."""
    daemon = Doomed(folder / "home", origin, **settings)
    daemon.home.mkdir(parents=True)
    try:
        yield daemon
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill_with_worker()
