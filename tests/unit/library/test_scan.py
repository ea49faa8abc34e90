import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhubd.library.scan import look, look_again, look_at, mark, respelled
from modelhubd.storage.confined import ConfinedRoot


def write(root: Path, path: str, text: str = "abc") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_look_finds_names_sizes_and_folders(tmp_path: Path) -> None:
    write(tmp_path, "a/b/1/o/m.gguf")
    write(tmp_path, "note.txt", "hello")
    sight = look(ConfinedRoot(tmp_path))
    assert sight.present and not sight.marked
    assert {path: found.size_bytes for path, found in sight.files.items()} == {
        "a/b/1/o/m.gguf": 3,
        "note.txt": 5,
    }
    assert sight.folders == {"", "a", "a/b", "a/b/1", "a/b/1/o"}


class LettersDoNotCount(ConfinedRoot):
    """As on a file system that takes `A` and `a` for one name."""

    def stat(self, relative: str) -> os.stat_result:
        found = [path for path in look(self).files if path.casefold() == relative.casefold()]
        return super().stat(found[0] if found else relative)


def test_a_file_whose_letters_were_changed_is_the_one_that_we_know(tmp_path: Path) -> None:
    write(tmp_path, "Acme/b/1/o/M.gguf")
    write(tmp_path, "acme/b/1/o/other.gguf")
    rows = ["acme/b/1/o/m.gguf", "acme/b/1/o/gone.gguf"]
    root = LettersDoNotCount(tmp_path)
    found = respelled(root, look(root).files, rows)
    assert found.keys() == {"acme/b/1/o/m.gguf", "acme/b/1/o/other.gguf"}
    assert respelled(root, found, ["acme/b/1/o/m.gguf"]) == found
    plain = ConfinedRoot(tmp_path)
    assert respelled(plain, look(plain).files, rows) == look(plain).files, "elsewhere letters count"


def test_dot_files_and_folders_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, ".staging/1/m.gguf")
    write(tmp_path, "a/.DS_Store")
    sight = look(ConfinedRoot(tmp_path))
    assert sight.files == {}
    assert sight.folders == {"", "a"}


def test_a_link_is_neither_a_file_nor_a_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(outside, "b/1/o/m.gguf")
    root.mkdir()
    (root / "a").symlink_to(outside)
    (root / "m.gguf").symlink_to(outside / "b/1/o/m.gguf")
    assert look(ConfinedRoot(root)).files == {}
    assert look(ConfinedRoot(root)).folders == {""}
    assert look_at(ConfinedRoot(root), ["a/b/1/o/m.gguf", "m.gguf"]) == {}


def test_a_models_directory_that_is_itself_a_link_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "drive/a/b/1/o/m.gguf")
    (tmp_path / "models").symlink_to(tmp_path / "drive")
    assert list(look(ConfinedRoot(tmp_path / "models")).files) == ["a/b/1/o/m.gguf"]


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert not look(ConfinedRoot(tmp_path / "gone")).present
    assert look_at(ConfinedRoot(tmp_path / "gone"), ["a"]) == {}


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take text only")
def test_names_that_are_no_text_are_left_out(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.gguf", os.O_CREAT | os.O_WRONLY))
    os.mkdir(os.fsencode(tmp_path) + b"/\xfe")
    assert look(ConfinedRoot(tmp_path)).files == {}
    assert look(ConfinedRoot(tmp_path)).folders == {""}


def test_a_hard_link_shows(tmp_path: Path) -> None:
    write(tmp_path, "m.gguf")
    os.link(tmp_path / "m.gguf", tmp_path / "n.gguf")
    assert {found.links for found in look(ConfinedRoot(tmp_path)).files.values()} == {2}


def test_depth_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, "/".join("abcdefghij") + "/m.gguf")
    assert look(ConfinedRoot(tmp_path)).files == {}


def test_the_marker_is_seen_and_is_no_model(tmp_path: Path) -> None:
    mark(ConfinedRoot(tmp_path))
    mark(ConfinedRoot(tmp_path))
    assert look(ConfinedRoot(tmp_path)).marked
    assert look(ConfinedRoot(tmp_path)).files == {}


def test_a_directory_that_cannot_be_written_goes_without_a_marker(tmp_path: Path) -> None:
    mark(ConfinedRoot(tmp_path / "gone"))
    assert not look(ConfinedRoot(tmp_path)).marked


PATHS = st.sampled_from(["a/one", "a/b", "a/b/two", "c/three", "new", "new/er", "a/b/four", "c"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "remove", "mkdir", "rmtree", "rename"]), PATHS, PATHS), max_size=8
    )
)
def test_a_look_at_what_changed_sees_what_a_look_at_all_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("models")
    confined = ConfinedRoot(root)
    for path in ("a/one", "a/b/two", "c/three"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    sight = look(confined)
    for number, (step, path, other) in enumerate(steps):
        target, changed = root / path, {path, other}
        with contextlib.suppress(OSError):
            if step == "write":
                target.write_bytes(b"x" * (number + 2))
            elif step == "remove":
                target.unlink()
            elif step == "mkdir":
                (target / "sub").mkdir(parents=True)
                (target / "sub/deep").write_bytes(b"y")
                changed |= {"/".join(Path(path).parts[:depth]) for depth in range(len(Path(path).parts))}
            elif step == "rmtree":
                shutil.rmtree(target)
            else:
                target.rename(root / other)
        changed |= {str(Path(one).parent) for one in (path, other)}
        folders = frozenset("" if one == "." else one for one in changed)
        sight = look_again(confined, sight, folders)
        assert sight == look(confined)
