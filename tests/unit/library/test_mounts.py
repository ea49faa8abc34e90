"""Which file systems tell of changes."""

from pathlib import Path

import pytest

from modelhubd.library.mounts import is_silent, kind_of, tells_of_changes
from modelhubd.library.watch import folders_of

MOUNTS = r"""
rootfs / ext4 rw 0 0
broken
server:/models /home/me/models nfs4 rw 0 0
tmpfs /home/me/models/ram tmpfs rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
portal /run/doc fuse.portal rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/models", "nfs4"),
        ("/home/me/models/a/b", "nfs4"),
        ("/home/me/models/ram", "tmpfs"),
        ("/home/me/models2", "ext4"),
        ("/mnt/my share/x", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_above_decides(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "silent"),
    [("nfs4", True), ("cifs", True), ("9p", True), ("fuse.sshfs", True), ("fuse.glusterfs", True),
     ("ext4", False), ("fuse.portal", False), ("fuseblk", False), ("sshfs", False)],
)  # fmt: skip
def test_file_systems_of_other_machines_are_silent(kind: str, silent: bool) -> None:
    assert is_silent(kind) is silent


def test_a_folder_of_a_network_drive_is_known_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/models {tmp_path.resolve()} nfs rw 0 0\n")
    assert not tells_of_changes(tmp_path / "models", mounts)
    mounts.write_text("")
    assert tells_of_changes(tmp_path, mounts), "where nothing is known it is tried"
    assert tells_of_changes(tmp_path, tmp_path / "nothing")


def test_a_change_concerns_its_folder_and_nothing_else() -> None:
    root, watched = Path("/m"), frozenset({"", "a", "a/b"})
    assert folders_of(root, ["/m/a/b/file"], watched) == {"a/b"}
    assert folders_of(root, ["/m/a/b"], watched) == {"a", "a/b"}
    assert folders_of(root, ["/m/new"], watched) == {""}
    assert folders_of(root, ["/m"], watched) == {""}
    assert folders_of(root, ["/elsewhere/x.gguf"], watched) == {"/elsewhere/x.gguf"}
