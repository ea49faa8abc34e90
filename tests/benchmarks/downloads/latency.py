"""How soon the API answers while a file comes in."""

import http.client
import socket
import threading
import time
from dataclasses import dataclass, field

from tests.benchmarks.downloads.daemon import Ours
from tests.benchmarks.downloads.memory import Peaks, watched
from tests.benchmarks.downloads.peers import Job

PAUSE_S = 0.003


@dataclass
class Meanwhile:
    """Seconds of each answer to GET /api/v1/version, and what the download itself took."""

    samples: list[float] = field(default_factory=list)
    download_s: float = 0.0
    peaks: Peaks = field(default_factory=Peaks)


def meanwhile(ours: Ours, job: Job) -> Meanwhile:
    """Fetch the job and ask for the version every few milliseconds until it is there."""
    found, failed, ended = Meanwhile(), [], threading.Event()

    def fetch() -> None:
        try:
            found.download_s = ours.download(job).wall_s
        except Exception as error:  # told to the caller's thread below
            failed.append(error)
        finally:
            ended.set()

    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(30)
    connection.sock.connect(str(ours.daemon.socket))
    thread = threading.Thread(target=fetch)
    with watched(ours.daemon.pid) as found.peaks:
        thread.start()
        try:
            while not ended.wait(PAUSE_S):
                began = time.perf_counter()
                connection.request("GET", "/api/v1/version")
                response = connection.getresponse()
                response.read()
                found.samples.append(time.perf_counter() - began)
                assert response.status == 200
        finally:
            thread.join()
            connection.close()
    if failed:
        raise failed[0]
    ours.clear()
    return found
