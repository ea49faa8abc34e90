"""Disks of the tests' own: a file system in memory or in a file, which can be taken away and put back."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SIZE = 300 << 20
"""btrfs wants more than 109 MiB and xfs 300; the file has holes."""
WAIT_S = 30


class Disk:
    """One of a kind (`tmpfs`, `btrfs`, `xfs`, `exfat`), mounted at `folder`."""

    def __init__(self, kind: str, folder: Path, size: int) -> None:
        self.folder = folder
        self._kind = kind
        self._image = folder.with_name(f"{folder.name}.img")
        folder.mkdir()
        if kind == "tmpfs":
            # A tmpfs is gone with its last mount: a second one keeps it.
            self._kept = folder.with_name(f"{folder.name}.kept")
            self._kept.mkdir()
            _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self._kept))
            return
        with self._image.open("wb") as file:
            file.truncate(size)
        _run(f"mkfs.{kind}", *(() if kind == "exfat" else ("-q",)), str(self._image))

    def plug_in(self) -> None:
        if self._kind == "tmpfs":
            _run("mount", "--bind", str(self._kept), str(self.folder))
        elif self._kind == "exfat":
            self._plug_in_exfat()
        else:
            _run("mount", "-o", "loop", str(self._image), str(self.folder))

    def _plug_in_exfat(self) -> None:
        """By the kernel, or by a program (Debian's exfat-fuse) where it knows none."""
        rest = ("-o", "loop,umask=077", str(self._image), str(self.folder))
        try:
            _run("mount", "-t", "exfat", *rest)
        except subprocess.CalledProcessError:
            _run("mount", "-t", "exfat-fuse", *rest)

    def fill(self) -> Path:
        """A file that takes all the room there is; without it there is some again."""
        filler = self.folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)
        return filler

    def unplug(self) -> None:
        """As a drive that is pulled out: the mount point is an empty folder; what is open stays open."""
        _run("umount", "-l", str(self.folder))

    def throw_away(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.unplug()
        if self._kind == "tmpfs":
            _run("umount", "-l", str(self._kept))
        self._image.unlink(missing_ok=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)


@contextlib.contextmanager
def disk_of(kind: str, folder: Path, size: int = SIZE) -> Iterator[Disk]:
    """One that is plugged in; the test is skipped where the machine does not let us."""
    if kind != "tmpfs" and shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"there is no mkfs.{kind} here")
    try:
        disk = Disk(kind, folder, size)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"a {kind} cannot be made here: {error.stderr.decode(errors='replace')[-200:]}")
    try:
        try:
            disk.plug_in()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"a {kind} cannot be mounted here: {error.stderr.decode(errors='replace')[-200:]}")
        yield disk
    finally:
        disk.throw_away()
