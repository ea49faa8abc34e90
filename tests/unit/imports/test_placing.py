"""A source is taken as the very file that was recognised, and what becomes of it after a move."""

import os
from pathlib import Path

import pytest

from modelhubd.errors import Conflict
from modelhubd.library.imports.placing import remove_moved, stage_link
from modelhubd.library.imports.sources import SourceFile, find_source
from modelhubd.storage.confined import ConfinedRoot


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


class Swapped(ConfinedRoot):
    """Somebody puts another file in the source's place in the moment before it is linked."""

    def link_from(self, source: Path, target: str) -> None:
        other = source.with_name("other")
        other.write_bytes(b"OTHER")
        other.replace(source)
        super().link_from(source, target)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_one_that_is_swapped_before_it_is_linked_is_not_taken(
    path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelhubd.library.imports.placing._clone", lambda *_: False)  # btrfs would clone
    with pytest.raises(Conflict) as refused:
        stage_link(Swapped(models), seen(path), "tiny.gguf", "tiny.gguf")
    assert refused.value.code == "source_changed"
    assert path.read_bytes() == b"OTHER"
    assert not list(models.iterdir())
