"""A PostgreSQL of this process's own: real, in a temporary folder, on a free loopback port, gone at the end.

It does not sync to the disk (nothing here loses power) unless it is told to be durable.
"""

import atexit
import contextlib
import functools
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.running import free_port

HASTY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
WAIT_S = "60"


def programs() -> Path:
    """The folder of the server's programs. Debian keeps them off the path.

    Raises:
        RuntimeError: PostgreSQL is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    if (on_path := shutil.which("pg_ctl")) is not None:
        return Path(on_path).resolve().parent
    raise RuntimeError("PostgreSQL's server programs are missing: apt-get install postgresql")


class Cluster:
    """`url(database)` is where a database of it answers."""

    def __init__(self, folder: Path) -> None:
        self._bin = programs()
        self._folder = folder
        self._data = folder / "data"
        self._user: str | None = None
        self._last_will: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:  # the server refuses to be root
            self._user = next(name for name in ("postgres", "nobody") if _exists(name))
            shutil.chown(folder, self._user)
        self.port = free_port()

    def start(self) -> None:
        """Make it if need be, start it, and wait until it answers."""
        if not self._data.exists():
            self._run("initdb", "-D", self._data, "-U", "registry", "-A", "trust", "-E", "UTF8", "--no-sync",
                      "--locale=C")  # fmt: skip
        options = " ".join((f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c max_connections=200", *HASTY))
        self._run(
            "pg_ctl", "-D", self._data, "-l", self._folder / "log", "-w", "-t", WAIT_S, "-o", options, "start"
        )

    def end_with_us(self) -> None:
        """Have it stopped and removed even where this process is killed."""
        stop = f'read _; "{self._bin}/pg_ctl" -D "{self._data}" -m immediate stop; rm -rf "{self._folder}"'
        self._last_will = subprocess.Popen(
            ["/bin/sh", "-c", stop],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **self._owner(),
        )

    def stop(self, how: str = "fast") -> None:
        """`fast` ends every session; `immediate` is a crash."""
        self._run("pg_ctl", "-D", self._data, "-m", how, "-w", "-t", WAIT_S, "stop")

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://registry@127.0.0.1:{self.port}/{database}"

    def make_database(self, like: str = "template1") -> str:
        """A new database, empty or a copy of one that nobody uses; its name."""
        name = f"registry_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def drop_database(self, name: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for it."""
        return self._run(
            "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "registry", "-d", database,
            "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", statement,
        )  # fmt: skip

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)
        if (last_will := self._last_will) is not None:
            last_will.communicate(timeout=60)

    def _run(self, program: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [self._bin / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            text=True,
            check=False,
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            **self._owner(),
        )
        if done.returncode != 0:
            log = self._folder / "log"
            more = log.read_text()[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}{more}")
        printed: str = done.stdout
        return printed

    def _owner(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": ()}


@functools.cache
def cluster() -> Cluster:
    """The one of this process, started when it is first asked for."""
    made = Cluster(Path(tempfile.mkdtemp(prefix="registry-postgres-")))
    atexit.register(made.close)
    made.end_with_us()
    made.start()
    return made


@contextlib.contextmanager
def fresh_database(like: str = "template1") -> Iterator[str]:
    """The address of a new database, empty or a copy of one that nobody uses; dropped at the end."""
    name = cluster().make_database(like)
    try:
        yield cluster().url(name)
    finally:
        cluster().drop_database(name)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
