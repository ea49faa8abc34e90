"""Which file systems tell of changes: not those whose files others change elsewhere."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
SILENT = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre",
        "beegfs", "gpfs", "ocfs2", "gfs2", "davfs", "vboxsf", "vmhgfs", "prl_fs", "virtiofs", "acfs",
        "webdav", "afpfs",
    )
)  # fmt: skip
"""Network file systems and folders of a host: what is changed elsewhere is not told here (inotify(7))."""
_ESCAPED = re.compile(r"\\([0-7]{3})")


def tells_of_changes(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether notification can be relied on in `folder`. Where that is not known, it is tried. Blocks."""
    try:
        real = folder.resolve()
        kind = kind_of(real, mounts.read_text("utf-8", "surrogateescape"))
    except (OSError, RuntimeError):
        return True
    return kind is None or not is_silent(kind)


def is_silent(kind: str) -> bool:
    """Whether a file system of this kind is another machine's. Pure. Of those in user space only the
    network's are, as far as their names tell: `fuse.sshfs`, `fuse.rclone`."""
    name = kind.removeprefix("fuse.")
    return kind in SILENT or (kind.startswith("fuse.") and (name in SILENT or name in FUSE_SILENT))


FUSE_SILENT = frozenset(
    ("sshfs", "rclone", "s3fs", "gcsfuse", "davfs2", "curlftpfs", "mergerfs", "glusterfs")
)


def kind_of(folder: Path, mounts: str) -> str | None:
    """The kind of the file system that `folder` is on, by what /proc/self/mounts says; None where it does not
    say. Pure."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), parts[1]))
        if (folder == point or point in folder.parents) and (best is None or len(point.parts) >= best[0]):
            best = len(point.parts), parts[2]
    return None if best is None else best[1]
