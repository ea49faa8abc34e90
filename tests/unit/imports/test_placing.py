"""What becomes of a source that was moved into the library."""

import os
from pathlib import Path

import pytest

from modelhubd.library.imports.placing import remove_moved
from modelhubd.library.imports.sources import SourceFile, find_source


def seen(path: Path) -> SourceFile:
    (file,) = find_source(str(path), path.parent).files.values()
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "tiny.gguf").write_bytes(b"model")
    return tmp_path / "tiny.gguf"


def test_the_very_file_goes(path: Path) -> None:
    assert remove_moved(seen(path))
    assert not path.exists()


def test_one_that_was_written_to_meanwhile_stays(path: Path) -> None:
    file = seen(path)
    path.write_bytes(b"other")
    os.utime(path, ns=(0, file.mtime_ns + 1))
    assert not remove_moved(file)
    assert path.read_bytes() == b"other"


def test_another_one_of_that_name_stays(path: Path) -> None:
    file = seen(path)
    other = path.with_name("other")
    other.write_bytes(b"OTHER")
    os.utime(other, ns=(0, file.mtime_ns))
    other.replace(path)
    assert not remove_moved(file)
    assert path.read_bytes() == b"OTHER"


def test_one_that_is_gone_is_no_fault(path: Path) -> None:
    file = seen(path)
    path.unlink()
    assert not remove_moved(file)
