"""What is in a download's way keeps its bytes under a free name."""

import logging
from pathlib import Path

import pytest

from modelhubd.downloads.aside import move_aside
from modelhubd.storage.confined import ConfinedRoot


def test_the_name_says_so_and_is_the_first_that_is_free(tmp_path: Path) -> None:
    root = ConfinedRoot(tmp_path)
    for number, content in enumerate(("one", "two", "three"), 1):
        (tmp_path / "way.gguf").write_text(content)
        assert move_aside(root, "way.gguf") == f"way.gguf.kept-{number}"
        assert not (tmp_path / "way.gguf").exists()
    (tmp_path / "way.gguf").write_text("four")
    (tmp_path / "way.gguf.kept-2").unlink()
    assert move_aside(root, "way.gguf") == "way.gguf.kept-2"
    kept = [(tmp_path / f"way.gguf.kept-{number}").read_text() for number in (1, 2, 3)]
    assert kept == ["one", "four", "three"]


def test_it_stays_in_its_folder_and_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/way.gguf").write_text("one")
    assert move_aside(ConfinedRoot(tmp_path), "deep/way.gguf") == "deep/way.gguf.kept-1"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "deep/way.gguf.kept-1" in record.getMessage()
    assert str(tmp_path) not in record.getMessage()


def test_a_dangling_link_under_the_kept_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "way.gguf").write_text("one")
    (tmp_path / "way.gguf.kept-1").symlink_to("nowhere")
    assert move_aside(ConfinedRoot(tmp_path), "way.gguf") == "way.gguf.kept-2"
    assert (tmp_path / "way.gguf.kept-1").is_symlink()


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_or_a_link_is_moved_itself(kind: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("one")
    if kind == "folder":
        (tmp_path / "other").rename(tmp_path / "way.gguf")
    else:
        (tmp_path / "way.gguf").symlink_to("other")
    move_aside(ConfinedRoot(tmp_path), "way.gguf")
    assert (tmp_path / "way.gguf.kept-1").is_symlink() == (kind == "link")
    assert (tmp_path / "way.gguf.kept-1/file").read_text() == "one"


def test_what_is_gone_meanwhile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_aside(ConfinedRoot(tmp_path), "way.gguf")
