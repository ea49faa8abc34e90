import errno
import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelhubd.storage.confined import ConfinedRoot, UnsafePath
from modelhubd.storage.no_replace import look_then_rename, rename_no_replace


@pytest.fixture
def root(tmp_path: Path) -> ConfinedRoot:
    (tmp_path / "models").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    return ConfinedRoot(tmp_path / "models")


def write(root: ConfinedRoot, relative: str, text: str = "x") -> None:
    fd = root.open(relative, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(fd, text.encode())
    os.close(fd)


def read(root: ConfinedRoot, relative: str) -> str:
    fd = root.open(relative)
    try:
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


BAD_NAMES = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside/secret",
    "a/../../outside/secret",
    ".",
    "a//b",
    "a/",
    "a\0b",
]


@pytest.mark.parametrize("name", [*BAD_NAMES, "a\\b"])
def test_a_name_that_is_no_plain_relative_path_is_refused_by_every_verb(
    root: ConfinedRoot, name: str
) -> None:
    write(root, "here")
    for call in (
        lambda: root.open(name),
        lambda: root.open(name, os.O_WRONLY | os.O_CREAT),
        lambda: root.make_dirs(name),
        lambda: root.rename("here", name),
        lambda: root.rename(name, "there"),
        lambda: root.unlink(name),
        lambda: root.remove_tree(name),
        lambda: root.remove_empty_parents(name),
        lambda: root.stat(name),
    ):
        with pytest.raises(UnsafePath):
            call()
    assert read(root, "here") == "x"


def test_a_file_is_made_private_and_read_again(root: ConfinedRoot) -> None:
    root.make_dirs("publisher/name/1")
    root.make_dirs("publisher/name/1")
    write(root, "publisher/name/1/x.gguf", "model")
    assert read(root, "publisher/name/1/x.gguf") == "model"
    assert stat.S_IMODE(root.stat("publisher/name/1/x.gguf").st_mode) == 0o600
    assert stat.S_IMODE(root.stat("publisher/name").st_mode) == 0o700
    root.fsync_dir("publisher/name/1")
    root.fsync_dir()
    assert root.exists("publisher")
    assert not root.exists("nobody")


def test_a_planted_link_leads_nowhere(root: ConfinedRoot, tmp_path: Path) -> None:
    (root.root / "folder").symlink_to(tmp_path / "outside")
    (root.root / "file").symlink_to(tmp_path / "outside" / "secret")
    (root.root / "dangling").symlink_to(tmp_path / "outside" / "new")
    write(root, "mine")
    for call in (
        lambda: root.open("folder/secret"),
        lambda: root.open("folder/new", os.O_WRONLY | os.O_CREAT),
        lambda: root.open("file"),
        lambda: root.open("file", os.O_WRONLY | os.O_TRUNC),
        lambda: root.open("dangling", os.O_WRONLY | os.O_CREAT),
        lambda: root.make_dirs("folder/new"),
        lambda: root.rename("mine", "folder/new"),
        lambda: root.unlink("folder/secret"),
        lambda: root.remove_tree("folder"),
        lambda: root.remove_tree("folder/x"),
        lambda: root.stat("folder/secret"),
        lambda: list(root.walk("folder")),
        lambda: root.fsync_dir("folder"),
    ):
        with pytest.raises(UnsafePath):
            call()
    assert sorted(path.name for path in (tmp_path / "outside").iterdir()) == ["secret"]
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    root.unlink("file")
    assert (tmp_path / "outside" / "secret").exists()


def test_a_tree_with_links_in_it_is_removed_and_what_they_point_to_stays(
    root: ConfinedRoot, tmp_path: Path
) -> None:
    root.make_dirs("tree/below")
    write(root, "tree/below/file")
    (root.root / "tree" / "out").symlink_to(tmp_path / "outside")
    root.remove_tree("tree")
    assert not root.exists("tree")
    assert (tmp_path / "outside" / "secret").exists()
    root.remove_tree("tree")
    root.remove_tree("not/there")


def test_remove_tree_takes_no_file(root: ConfinedRoot) -> None:
    write(root, "file")
    with pytest.raises(UnsafePath):
        root.remove_tree("file")
    assert root.exists("file")


def test_a_hard_link_is_read_but_never_written(root: ConfinedRoot, tmp_path: Path) -> None:
    os.link(tmp_path / "outside" / "secret", root.root / "link")
    assert read(root, "link") == "secret"
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT):
        with pytest.raises(UnsafePath, match="hard link"):
            root.open("link", flags)
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert dict(root.walk())["link"].st_nlink == 2


def test_truncation_empties_a_file_of_ones_own(root: ConfinedRoot) -> None:
    write(root, "file", "old text")
    os.close(root.open("file", os.O_WRONLY | os.O_TRUNC))
    assert root.stat("file").st_size == 0


def test_only_regular_files_are_opened_and_a_pipe_does_not_block(root: ConfinedRoot) -> None:
    os.mkfifo(root.root / "pipe")
    (root.root / "folder").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root.root / "socket"))
    listener.close()
    for name in ("pipe", "folder"):
        with pytest.raises(UnsafePath, match="not a regular file"):
            root.open(name)
    with pytest.raises(OSError, match="socket"):
        root.open("socket")


def test_a_file_in_the_way_of_a_folder_is_refused(root: ConfinedRoot) -> None:
    write(root, "file")
    with pytest.raises(UnsafePath):
        root.make_dirs("file/below")
    with pytest.raises(UnsafePath):
        root.open("file/below", os.O_WRONLY | os.O_CREAT)
    assert read(root, "file") == "x"


def test_a_rename_moves_files_and_folders_and_overwrites_nothing(root: ConfinedRoot) -> None:
    root.make_dirs("a/b")
    root.make_dirs("empty")
    write(root, "a/b/file", "new")
    write(root, "old", "old")
    for source, target in (("a/b/file", "old"), ("a/b", "empty"), ("a/b", "old"), ("a/b/file", "empty")):
        with pytest.raises(FileExistsError):
            root.rename(source, target)
    assert read(root, "old") == "old"
    root.rename("a/b", "c")
    root.rename("c/file", "a/file")
    assert read(root, "a/file") == "new"
    with pytest.raises(FileNotFoundError):
        root.rename("nothing", "there")


def test_the_rename_in_two_steps_keeps_the_same_promise(root: ConfinedRoot) -> None:
    write(root, "a", "a")
    write(root, "b", "b")
    fd = os.open(root.root, os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            look_then_rename(fd, "a", fd, "b")
        look_then_rename(fd, "a", fd, "c")
    finally:
        os.close(fd)
    assert read(root, "b") == "b"
    assert read(root, "c") == "a"


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOSYS, None])
def test_a_system_without_the_rename_gets_the_one_in_two_steps(
    root: ConfinedRoot, monkeypatch: pytest.MonkeyPatch, refusal: int | None
) -> None:
    import ctypes

    def refuse(*_: object) -> int:
        ctypes.set_errno(refusal or 0)
        return -1

    monkeypatch.setattr("modelhubd.storage.no_replace._rename", None if refusal is None else refuse)
    write(root, "a", "a")
    write(root, "b", "b")
    fd = os.open(root.root, os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            rename_no_replace(fd, "a", fd, "b")
        rename_no_replace(fd, "a", fd, "c")
    finally:
        os.close(fd)
    assert read(root, "c") == "a"


def test_empty_folders_above_are_removed_up_to_the_root(root: ConfinedRoot) -> None:
    root.make_dirs("p/n/1/option")
    root.make_dirs("p/n/2")
    root.remove_empty_parents("p/n/1/option/gone.gguf")
    assert not root.exists("p/n/1")
    assert root.exists("p/n/2")
    root.remove_empty_parents("p/n/2/gone/gone.gguf")
    assert not root.exists("p")
    assert root.root.is_dir()


def test_removing_what_is_no_folder_is_an_error(root: ConfinedRoot) -> None:
    write(root, "file")
    with pytest.raises(NotADirectoryError):
        root.remove_empty_parents("file/x")


def test_a_walk_tells_of_everything_but_folders_in_order(root: ConfinedRoot, tmp_path: Path) -> None:
    root.make_dirs("b/c")
    root.make_dirs("empty")
    write(root, "b/c/deep")
    write(root, "b/file")
    write(root, "a")
    (root.root / "link").symlink_to(tmp_path / "outside")
    (root.root / os.fsdecode(b"not-utf8-\xff")).touch()
    found = list(root.walk())
    assert [path for path, _ in found] == ["a", "link", "b/file", "b/c/deep"]
    assert stat.S_ISLNK(dict(found)["link"].st_mode)
    assert [path for path, _ in root.walk("b")] == ["b/file", "b/c/deep"]


def test_a_folder_that_vanishes_during_a_walk_is_left_out(root: ConfinedRoot) -> None:
    root.make_dirs("b")
    write(root, "a")
    write(root, "b/file")
    seen = []
    for path, _ in root.walk():
        seen.append(path)
        root.remove_tree("b")
    assert seen == ["a"]


def test_a_missing_root_is_an_error_that_names_no_path(tmp_path: Path) -> None:
    root = ConfinedRoot(tmp_path / "unplugged")
    assert not root.present()
    assert root.fault() == "the folder is not there"
    for call in (
        lambda: list(root.walk()),
        lambda: root.open("x", os.O_WRONLY | os.O_CREAT),
        lambda: root.make_dirs("x"),
        lambda: root.stat("x"),
        lambda: root.exists("x"),
        lambda: root.remove_tree("x"),
        lambda: root.remove_empty_parents("x/y"),
    ):
        with pytest.raises(OSError, match="not there") as failed:
            call()
        assert not isinstance(failed.value, FileNotFoundError), "a missing root is no deleted file"
        assert str(tmp_path) not in str(failed.value)
    assert not root.root.exists()


def test_an_error_names_the_relative_path_only(root: ConfinedRoot) -> None:
    with pytest.raises(FileNotFoundError) as failed:
        root.open("p/missing.gguf")
    assert failed.value.filename == "p"
    assert str(root.root) not in str(failed.value)


def test_a_root_that_others_can_write_has_a_fault(
    root: ConfinedRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root.present()
    assert root.fault() is None
    root.root.chmod(0o777)
    assert root.fault() == "other users can write to the folder"
    root.root.chmod(0o1777)
    assert root.fault() is None
    root.root.chmod(0o700)
    owner = root.root.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr("modelhubd.storage.confined._ROOT_UID", owner + 2)
    assert root.fault() == "the folder belongs to another user"


@pytest.mark.parametrize("verb", ["open", "walk", "stat", "rename", "refused"])
def test_no_descriptor_is_left_open(root: ConfinedRoot, verb: str) -> None:
    write(root, "a")
    root.make_dirs("d")
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        if verb == "open":
            read(root, "a")
        elif verb == "walk":
            list(root.walk())
        elif verb == "stat":
            root.stat("a")
        elif verb == "rename":
            with pytest.raises(FileExistsError):
                root.rename("a", "d")
        else:
            for name in ("d", "a/b", "missing/x", "../x"):
                with pytest.raises(OSError):
                    root.open(name)
    assert len(os.listdir("/dev/fd")) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.text(alphabet="./ab\\\0é", max_size=12))
def test_whatever_the_name_nothing_is_made_outside(root: ConfinedRoot, tmp_path: Path, name: str) -> None:
    try:
        os.close(root.open(name, os.O_WRONLY | os.O_CREAT))
        root.make_dirs(name + "-folder")
    except OSError:
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "outside"]
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]


def test_a_pinned_root_is_the_very_folder_or_away(root: ConfinedRoot) -> None:
    root.make_dirs("sub")
    write(root, "sub/here")
    pinned = root.pinned()
    assert read(pinned, "sub/here") == "x"
    drive = root.root.with_name("unplugged")
    root.root.rename(drive)
    root.root.mkdir()
    for call in (
        lambda: pinned.open("sub/here"),
        lambda: pinned.open("new", os.O_WRONLY | os.O_CREAT),
        lambda: pinned.make_dirs("sub"),
        lambda: pinned.exists("sub/here"),
        lambda: pinned.remove_tree("sub"),
        lambda: pinned.unlink("sub/here"),
        lambda: list(pinned.walk()),
        lambda: pinned.fsync_dir(),
    ):
        with pytest.raises(OSError) as away:
            call()
        assert away.value.errno == errno.ENODEV
    assert not list(root.root.iterdir()), "nothing is written to the wrong disk"
    root.root.rmdir()
    drive.rename(root.root)
    assert read(pinned, "sub/here") == "x"
