"""Ours: a real daemon, asked through its API, timed from the request to `completed` in its event stream."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.downloads.memory import cpu_seconds
from tests.benchmarks.downloads.origin import Origin
from tests.benchmarks.downloads.peers import Job
from tests.benchmarks.downloads.programs import STOP_S, Cost
from tests.raw import over_socket
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

LIMITS = "/api/v1/downloads/limits"


class Ours:
    """Fetches jobs through a daemon."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self.daemon = daemon
        self._models: dict[str, str] = {}

    def fetch(self, job: Job) -> Cost:
        """Download the job's file, and remove it again."""
        cost = self.download(job)
        self.clear()
        return cost

    def download(self, job: Job) -> Cost:
        model = self._model(job)
        client = self.daemon.client
        stream = Stream(self.daemon.socket, "?topics=downloads")
        try:
            stream.until("ready")
            cpu_s = cpu_seconds(self.daemon.pid)
            began = time.perf_counter()
            download = client.create_download(model, force=True)
            self._until_completed(stream, download.id, began + job.within_s)
            return Cost(time.perf_counter() - began, cpu_seconds(self.daemon.pid) - cpu_s)
        finally:
            stream.close()

    def clear(self) -> None:
        """Remove every file and forget every download."""
        for artifact in self.daemon.client.library().items:
            self.daemon.client.remove(artifact.id)
        for download in self.daemon.client.downloads().items:
            self.daemon.client.forget_download(download.id)

    def limit(self, bytes_per_s: int) -> bool:
        """Limit all downloads together; False where the daemon cannot."""
        body = json.dumps({"max_bytes_per_s": bytes_per_s}).encode()
        return over_socket(self.daemon.socket, "PATCH", LIMITS, body).status == 200

    def _until_completed(self, stream: Stream, id: str, limit: float) -> None:
        for _, kind, data in stream.frames:
            if kind == "download.changed" and data["id"] == id:
                if data["state"] == "completed":
                    return
                if data["state"] in ("failed", "cancelled"):
                    raise RuntimeError(f"The download {data['state']}: {data['error']}")
            if time.perf_counter() > limit:
                raise RuntimeError("The download takes too long.")
        raise RuntimeError("The event stream ended.")

    def _model(self, job: Job) -> str:
        if job.url not in self._models:
            model = f"bench/n{len(self._models)}"
            named = {"name": job.file.name, "size_bytes": job.file.size}
            file = {**named, "sha256": job.file.sha256, "urls": [job.url]}
            option = {"id": "gguf", "format": "gguf", "size_bytes": job.file.size, "files": [file]}
            path = self.daemon.home / "config/catalog.d" / f"{len(self._models)}.json"
            path.write_text(json.dumps({"id": model, "options": [option]}))
            self.daemon.client.sync_catalog()
            self._models[job.url] = model
        return self._models[job.url]


@contextlib.contextmanager
def running_ours(folder: Path, origin: Origin) -> Iterator[Ours]:
    """A daemon with everything in this folder that may fetch from this origin and trusts its authority."""
    settings = {
        "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": ",".join(origin.origins),
        "SSL_CERT_FILE": str(origin.authority),
    }
    with running_daemon(folder, settings) as daemon:
        try:
            yield Ours(daemon)
        except KeyboardInterrupt:
            # Ctrl-C has reached the daemon too, and stops it; a second signal would end it in the middle.
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert daemon.process is not None
                daemon.process.wait(STOP_S)
            raise
