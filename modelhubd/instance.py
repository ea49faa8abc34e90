"""One daemon per home, held by a lock that the kernel lets go of when the process ends in any way, and
the file that says where it answers."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modelhubd.errors import CannotStart
from modelhubd.places import private_dir
from modelhubd.wire.status import RuntimeInfo


@contextlib.contextmanager
def only_instance(lock_file: Path) -> Iterator[None]:
    """Hold the home for this process.

    Raises:
        CannotStart: another process holds it; the message names its pid.
    """
    try:
        private_dir(lock_file.parent)
        fd = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"The state folder cannot be used: {error}.") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise CannotStart(
                f"modelhubd is running already for this home, as process {holder}. "
                "Use it, stop it with `modelhub daemon stop`, or set MODELHUB_HOME to another folder."
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def runtime_file(path: Path, info: RuntimeInfo) -> Iterator[None]:
    """`runtime.json` while the daemon answers."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(info))
    staged.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
