"""What others use, as people call it, each until its file is verified."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.benchmarks.downloads.origin import Served
from tests.benchmarks.downloads.programs import Cost, Missing, program, run

CURL_OPENSSL = "curl + openssl dgst"
ARIA2 = "aria2c -x16 -s16"
TUNED = "aria2c -x16 -s16 -k1M"
OURS = "modelhub"
FETCH_FROM_HUB = """
import sys
from huggingface_hub import hf_hub_download
hf_hub_download(sys.argv[1], sys.argv[2], local_dir=sys.argv[3])
"""


@dataclass(frozen=True)
class Job:
    """One file to be fetched into a folder and verified."""

    file: Served
    url: str
    folder: Path
    authority: Path
    within_s: float

    @property
    def target(self) -> str:
        return str(self.folder / self.file.name)


class Contestant(NamedTuple):
    name: str
    fetch: Callable[[Job], Cost]
    rounds: int | None = None
    """Fewer than the others where one round takes minutes."""


def curl(job: Job) -> Cost:
    options = ("--silent", "--show-error", "--fail", "--cacert", str(job.authority))
    return run(program("curl"), *options, "--output", job.target, job.url, within_s=job.within_s)


def curl_openssl(job: Job) -> Cost:
    return curl(job) + openssl_digest(job)


def curl_openssl_sync(job: Job) -> Cost:
    """With what ours does as well: the bytes are on the disk."""
    return curl_openssl(job) + run(program("sync", "coreutils"), job.target, within_s=job.within_s)


def curl_sha256sum(job: Job) -> Cost:
    line = f"{job.file.sha256}  {job.target}"
    check = ("sh", "-c", 'echo "$1" | sha256sum --check --status', "sh", line)
    return curl(job) + run(*check, within_s=job.within_s)


def openssl_digest(job: Job) -> Cost:
    check = 'test "$(openssl dgst -sha256 -r "$1" | cut -c -64)" = "$2"'
    return run("sh", "-c", check, "sh", job.target, job.file.sha256, within_s=job.within_s)


def aria2(job: Job) -> Cost:
    return _aria2(job)


def aria2_tuned(job: Job) -> Cost:
    """With all its connections on a small file as well, and without writing the file twice."""
    return _aria2(job, "-k1M", "--file-allocation=none")


def _aria2(job: Job, *more: str) -> Cost:
    quiet = ("--no-conf", "--quiet", "--allow-overwrite=true", f"--ca-certificate={job.authority}")
    wanted = (f"--checksum=sha-256={job.file.sha256}", f"--dir={job.folder}", f"--out={job.file.name}")
    command = (program("aria2c", "aria2"), "-x16", "-s16", *more, *quiet, *wanted, job.url)
    return run(*command, within_s=job.within_s)


def hub(job: Job) -> Cost:
    """The Hub's own client against an endpoint that answers as the Hub does; it verifies nothing but the
    size, so openssl does."""
    if importlib.util.find_spec("huggingface_hub") is None:
        raise Missing("huggingface_hub is not installed: pip install --group bench")
    parts = urlsplit(job.url)
    environ = {
        "HF_ENDPOINT": f"{parts.scheme}://{parts.netloc}",
        "HF_HOME": str(job.folder / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "SSL_CERT_FILE": str(job.authority),
    }
    command = (sys.executable, "-c", FETCH_FROM_HUB, f"bench/{job.file.size}", job.file.name, str(job.folder))
    return run(*command, within_s=job.within_s, environ=environ) + openssl_digest(job)


FULL = (
    Contestant(CURL_OPENSSL, curl_openssl),
    Contestant("curl + sha256sum", curl_sha256sum),
    Contestant(ARIA2, aria2),
    Contestant(TUNED, aria2_tuned),
    Contestant("huggingface_hub + openssl dgst", hub),
)
