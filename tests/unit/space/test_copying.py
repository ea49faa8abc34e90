"""Bringing files over, emptying the old folder, undoing: on real files."""

import errno
import os
from pathlib import Path

import pytest

from modelhubd.space import copying
from modelhubd.storage.confined import ConfinedRoot


@pytest.fixture
def folders(tmp_path: Path) -> tuple[ConfinedRoot, ConfinedRoot]:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    return ConfinedRoot(tmp_path / "old"), ConfinedRoot(tmp_path / "new")


def bring_all(old: ConfinedRoot, new: ConfinedRoot) -> None:
    here = copying.files_of(old)
    twins = copying.twins_in(here, copying.files_of(new))
    missing, _ = copying.differing(here, copying.files_of(new))
    copying.bring_all_over(old, new, missing, lambda done_bytes, done_files: None, twins)


def test_two_names_of_the_same_bytes_stay_two_names_on_one_disk(
    folders: tuple[ConfinedRoot, ConfinedRoot],
) -> None:
    old, new = folders
    (old.root / "a").write_bytes(b"model")
    os.link(old.root / "a", old.root / "b")
    bring_all(old, new)
    assert (new.root / "a").stat().st_ino == (new.root / "b").stat().st_ino
    assert (new.root / "a").read_bytes() == b"model"


def test_two_names_of_the_same_bytes_stay_two_names_on_another_disk(
    folders: tuple[ConfinedRoot, ConfinedRoot], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = folders
    monkeypatch.setattr(copying, "same_disk", lambda source, target: False)
    (old.root / "a").write_bytes(b"model")
    (old.root / "alone").write_bytes(b"model")
    os.link(old.root / "a", old.root / "deep")
    assert copying.bytes_of(copying.files_of(old).values()) == 10
    bring_all(old, new)
    os.link(old.root / "a", old.root / "later")
    bring_all(old, new)
    inodes = [(new.root / name).stat().st_ino for name in ("a", "deep", "later", "alone")]
    assert len(set(inodes[:3])) == 1 and inodes[3] != inodes[0]
    assert (old.root / "a").stat().st_ino != inodes[0], "they are copies"
    assert not [path for path in new.root.iterdir() if path.name.endswith(copying.HALF)]


def test_a_second_name_that_cannot_be_given_becomes_a_copy(
    folders: tuple[ConfinedRoot, ConfinedRoot], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = folders
    monkeypatch.setattr(copying, "same_disk", lambda source, target: False)
    (old.root / "a").write_bytes(b"model")
    os.link(old.root / "a", old.root / "b")

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no second names here")

    monkeypatch.setattr(ConfinedRoot, "link_across", refuse)
    bring_all(old, new)
    assert (new.root / "a").read_bytes() == (new.root / "b").read_bytes() == b"model"
    assert (new.root / "a").stat().st_ino != (new.root / "b").stat().st_ino


def test_the_old_folder_loses_what_was_moved_and_nothing_else(
    folders: tuple[ConfinedRoot, ConfinedRoot],
) -> None:
    old, new = folders
    for name in ("deep/moved", "deep/changed"):
        (old.root / name).parent.mkdir(exist_ok=True)
        (old.root / name).write_bytes(b"model")
    bring_all(old, new)
    copying.put_list(old, copying.files_of(old))
    (old.root / "deep/changed").unlink()
    (old.root / "deep/changed").write_bytes(b"somebody else's")
    (old.root / "added").write_bytes(b"later")
    copying.clear(old)
    left = sorted(str(path.relative_to(old.root)) for path in old.root.rglob("*") if path.is_file())
    assert left == ["added", "deep/changed"]
    assert (new.root / "deep/moved").read_bytes() == b"model"
    copying.clear(old)
    assert (old.root / "added").exists(), "a second time nothing more is removed"


def test_undoing_takes_the_copies_and_half_files_away_and_leaves_a_strangers_file(
    folders: tuple[ConfinedRoot, ConfinedRoot],
) -> None:
    old, new = folders
    (old.root / "a").write_bytes(b"model")
    copying.mark(new, "1")
    assert copying.is_marked(new, "1") and not copying.is_marked(new, "2")
    bring_all(old, new)
    (new.root / f"half{copying.HALF}").write_bytes(b"mod")
    (new.root / "stranger").write_bytes(b"mine")
    copying.undo(old, new, made=True)
    assert [path.name for path in new.root.iterdir()] == ["stranger"]
    assert (old.root / "a").read_bytes() == b"model"


def test_a_planted_link_is_not_followed(folders: tuple[ConfinedRoot, ConfinedRoot], tmp_path: Path) -> None:
    old, new = folders
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (old.root / "link").symlink_to(tmp_path / "outside")
    (old.root / "dir").mkdir()
    (old.root / "dir/a").write_bytes(b"model")
    (new.root / "dir").symlink_to(tmp_path / "outside")
    assert list(copying.files_of(old)) == ["dir/a"]
    with pytest.raises(OSError, match="link"):
        copying.bring_over(old, new, "dir/a", lambda done_bytes, done_files: None, {})
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]


def test_a_copy_has_its_name_only_when_it_is_on_the_disk(
    folders: tuple[ConfinedRoot, ConfinedRoot], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = folders
    monkeypatch.setattr(copying, "same_disk", lambda source, target: False)
    (old.root / "a").write_bytes(b"model")
    synced: list[tuple[int, list[str]]] = []
    sync = os.fsync

    def noted(fd: int) -> None:
        synced.append((os.fstat(fd).st_ino, sorted(path.name for path in new.root.iterdir())))
        sync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    bring_all(old, new)
    assert synced == [
        ((new.root / "a").stat().st_ino, [f"a{copying.HALF}"]),
        (new.root.stat().st_ino, ["a"]),
    ]


def test_a_copy_that_the_disk_does_not_give_back_is_none(
    folders: tuple[ConfinedRoot, ConfinedRoot], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = folders
    monkeypatch.setattr(copying, "same_disk", lambda source, target: False)
    (old.root / "a").write_bytes(b"model")
    monkeypatch.setattr(os, "fsync", lambda fd: os.pwrite(fd, b"M", 0))  # a disk that keeps other bytes
    with pytest.raises(OSError, match="not what was written"):
        bring_all(old, new)
    assert (old.root / "a").read_bytes() == b"model"
    assert not (new.root / "a").exists()
