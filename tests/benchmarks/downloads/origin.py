"""The origin: nginx on loopback, started by us with a configuration, an authority and files of its own."""

import contextlib
import hashlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.downloads.programs import background, program, run
from tests.running import free_port

BLOCK = 8 << 20
READY_S = 10.0
SLOW_BYTES_PER_S = 10_000_000
COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""What the Hub names as the commit of every file."""


@dataclass(frozen=True)
class Served:
    """A file with random content."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Origin:
    http: str
    https: str
    pid: int
    authority: Path
    """The certificate to be trusted."""
    log: Path

    @property
    def origins(self) -> tuple[str, str]:
        return self.http, self.https


def make_file(folder: Path, size: int) -> Served:
    """A new file of `size` random bytes in the folder."""
    digest = hashlib.sha256()
    path = folder / f"{size}.gguf"
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            block = os.urandom(min(BLOCK, size - start))
            file.write(block)
            digest.update(block)
    return Served(path.name, size, digest.hexdigest())


@contextlib.contextmanager
def running_origin(
    folder: Path, files: list[Served], *, address: str = "127.0.0.1", wrapper: tuple[str, ...] = ()
) -> Iterator[Origin]:
    """nginx serving `folder`/files: plain, slowly and as the Hub does, over http and https.

    `wrapper` is what starts it, such as `unshare --net`; it then listens on every address of the new place.
    """
    home = Path(tempfile.mkdtemp(prefix="nginx-", dir=folder))
    log = home / "nginx.log"
    (home / "logs").mkdir()
    certificate(home, address)
    ports = (8080, 8443) if wrapper else (free_port(), free_port())
    listen = "0.0.0.0" if wrapper else address
    (home / "nginx.conf").write_text(configuration(home, folder / "files", files, listen, ports))
    command = (*wrapper, program("nginx", "nginx-light"), "-p", str(home), "-c", str(home / "nginx.conf"))
    with background(*command, log=log) as process:
        if not wrapper:
            wait_for(address, ports[0], process, log)
        http, https = (
            f"{scheme}://{address}:{port}" for scheme, port in zip(("http", "https"), ports, strict=True)
        )
        yield Origin(http, https, process.pid, home / "authority.pem", log)


def configuration(
    home: Path, files_dir: Path, files: list[Served], listen: str, ports: tuple[int, int]
) -> str:
    """As a package's own would be, but for the places of its files."""
    hub = "\n".join(
        f"""
        location = /bench/{file.size}/resolve/main/{file.name} {{
            alias {files_dir}/{file.name};
            add_header X-Repo-Commit {COMMIT};
            add_header X-Linked-Etag '"{file.sha256}"';
            add_header X-Linked-Size {file.size};
        }}"""
        for file in files
    )
    scratch = "\n".join(
        f"    {name}_temp_path {home}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
{user}
daemon off;
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
{scratch}
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    server {{
        listen {listen}:{ports[0]};
        listen {listen}:{ports[1]} ssl;
        ssl_certificate {home}/leaf.pem;
        ssl_certificate_key {home}/leaf.key;
        location /files/ {{ alias {files_dir}/; }}
        location /slow/ {{ alias {files_dir}/; limit_rate {SLOW_BYTES_PER_S}; }}
        {hub}
    }}
}}
"""


def certificate(home: Path, address: str) -> None:
    """A private authority (authority.pem) and what it signed for the address (leaf.pem, leaf.key)."""
    openssl = program("openssl")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")

    def make(name: str, *more: str) -> None:
        out = ("-keyout", str(home / f"{name}.key"), "-out", str(home / f"{name}.pem"))
        run(openssl, "req", "-x509", *new, "-subj", f"/CN=bench {name}", *out, *more, within_s=30)

    make("authority")
    signed = ("-CA", str(home / "authority.pem"), "-CAkey", str(home / "authority.key"))
    make("leaf", *signed, "-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=CA:FALSE")


def wait_for(address: str, port: int, process: subprocess.Popen[str], log: Path) -> float:
    """The seconds that a connection takes, once there is one."""
    limit = time.monotonic() + READY_S
    while True:
        began = time.perf_counter()
        try:
            socket.create_connection((address, port), timeout=1).close()
            return time.perf_counter() - began
        except OSError:
            if time.monotonic() > limit or process.poll() is not None:
                raise RuntimeError(f"nginx does not answer:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.02)
