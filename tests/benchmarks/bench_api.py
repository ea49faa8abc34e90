"""Latency of the API, idle and while a download runs, over the Unix socket with one connection."""

import hashlib
import http.client
import json
import os
import socket
import tempfile
import time
from pathlib import Path

import psutil

from tests.benchmarks.figures import ms, percentile, table
from tests.fakes.origin import Origin
from tests.running import RunningDaemon, running_daemon

ROUNDS = 1000
SIZE = 2 * 1024**3
PATHS = ("/api/v1/version", "/api/v1/catalog/models?q=qwen&compatible=true", "/api/v1/downloads")


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = root / "origin"
        files.mkdir()
        digest = _make_file(files / "large.gguf")
        with Origin("--directory", str(files)) as origin:
            settings = {"MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url}
            with running_daemon(root / "home", settings) as daemon:
                _add_entry(daemon, f"{origin.url}/large.gguf", digest)
                rows = [_row("idle", path, latencies(daemon, path)) for path in PATHS]
                rows += during_download(daemon)
    print(table("API latency, one connection over the Unix socket", ["", "median", "p99", "worst"], rows))


def during_download(daemon: RunningDaemon) -> list[list[str]]:
    """The same requests while 2 GiB come in from loopback as fast as they can."""
    download = daemon.client.create_download("bench/large", force=True)
    rows = []
    began = time.perf_counter()
    while daemon.client.download(download.id).progress.done_bytes == 0:
        time.sleep(0.01)
    samples: dict[str, list[float]] = {path: [] for path in PATHS}
    while not (now := daemon.client.download(download.id)).state.ended:
        for path in PATHS:
            samples[path] += latencies(daemon, path, 20)
    assert now.state == "completed", now
    seconds = time.perf_counter() - began
    rows = [_row("downloading", path, found) for path, found in samples.items()]
    rate = f"{SIZE / seconds / 1e6:.0f} MB/s"
    size = psutil.Process(daemon.pid).memory_info().rss
    return [
        *rows,
        ["2 GiB to a verified file", f"{seconds:.2f} s", rate, ""],
        ["daemon's memory after it", f"{size / 1e6:.1f} MB", "", ""],
    ]


def latencies(daemon: RunningDaemon, path: str, rounds: int = ROUNDS) -> list[float]:
    """Seconds of each of `rounds` requests."""
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(daemon.socket))
    samples = []
    for _ in range(rounds):
        began = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        samples.append(time.perf_counter() - began)
        assert response.status == 200
    connection.close()
    return samples


def _row(when: str, path: str, samples: list[float]) -> list[str]:
    return [
        f"{when}: GET {path}",
        ms(percentile(samples, 0.5)),
        ms(percentile(samples, 0.99)),
        ms(max(samples)),
    ]


def _make_file(path: Path) -> str:
    digest = hashlib.sha256()
    block = os.urandom(1024**2)
    with path.open("wb") as file:
        for _ in range(SIZE // len(block)):
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


def _add_entry(daemon: RunningDaemon, url: str, digest: str) -> None:
    files = [{"name": "large.gguf", "size_bytes": SIZE, "sha256": digest, "urls": [url]}]
    option = {"id": "gguf", "format": "gguf", "size_bytes": SIZE, "files": files}
    path = daemon.home / "config/catalog.d/bench.json"
    path.write_text(json.dumps({"id": "bench/large", "options": [option]}))
    daemon.client.sync_catalog()


if __name__ == "__main__":
    main()
