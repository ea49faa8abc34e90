"""The folder of one's own entries: what of it is read, and what is said about the rest."""

import json
import os
from pathlib import Path

import pytest

from modelhubd.catalog import local
from modelhubd.catalog.local import entries_of, read_folder, signature
from modelhubd.entries.reading import FILE_MAX
from tests.unit.catalog.samples import entry_json


def write(folder: Path, name: str, *idents: str) -> Path:
    path = folder / name
    path.write_text(json.dumps([entry_json(ident) for ident in idents]))
    return path


def only_fault(folder: Path) -> tuple[str, str]:
    (fault,) = read_folder(folder).faults
    return fault.file, fault.reason


def test_json_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.json", "me/b")
    write(tmp_path, "a.json", "me/a", "me/c")
    write(tmp_path, "notes.txt", "me/x")
    write(tmp_path, ".hidden.json", "me/y")
    entries, faults = entries_of(read_folder(tmp_path))
    assert [(item.file, item.pointer, item.entry.id) for item in entries] == [
        ("a.json", "/0", "me/a"),
        ("a.json", "/1", "me/c"),
        ("b.json", "/0", "me/b"),
    ]
    assert faults == ()


def test_a_folder_that_is_not_there_has_no_entries(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none") == local.LocalFiles()
    assert signature(tmp_path / "none") == ()


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "catalog.d"
    inside.mkdir()
    (inside / "link.json").symlink_to(write(tmp_path, "outside.json", "me/a"))
    name, reason = only_fault(inside)
    assert name == "link.json"
    assert "symbolic link" in reason
    assert read_folder(inside).files == ()


def test_a_pipe_or_a_folder_is_told_and_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    assert [(fault.file, fault.reason) for fault in read_folder(tmp_path).faults] == [
        ("folder.json", "not a regular file"),
        ("pipe.json", "not a regular file"),
    ]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(FILE_MAX + 1)
    assert only_fault(tmp_path) == ("big.json", "the file is larger than 4 MiB")


def test_what_everybody_can_write_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", "me/a")
    path.chmod(0o666)
    assert "written by everybody" in only_fault(tmp_path)[1]
    path.chmod(0o600)
    tmp_path.chmod(0o777)
    assert "written by everybody" in only_fault(tmp_path)[1]
    assert read_folder(tmp_path).files == ()


def test_what_belongs_to_another_user_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.json", "me/a")
    own = tmp_path.stat().st_uid
    if own == 0:
        os.chown(tmp_path / "a.json", 12345, -1)
        assert "another user" in only_fault(tmp_path)[1]
    else:
        monkeypatch.setattr(os, "geteuid", lambda: own + 1)
        assert "another user" in only_fault(tmp_path)[1]


def test_a_name_that_is_not_text_is_told_in_a_way_that_can_be_shown(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[2J.json"))).symlink_to("x")
    name, _ = only_fault(tmp_path)
    assert name == "\ufffd.json"


def test_only_so_many_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "FILES_MAX", 2)
    for name in "abc":
        write(tmp_path, f"{name}.json", f"me/{name}")
    read = read_folder(tmp_path)
    assert [name for name, _ in read.files] == ["a.json", "b.json"]
    assert read.faults[0].reason == "only the first 2 of 3 files are read"


def test_the_fingerprint_and_the_signature_change_with_the_content(tmp_path: Path) -> None:
    seen = set()
    for idents in ((), ("me/a",), ("me/b",), ("me/a", "me/b")):
        write(tmp_path, "a.json", *idents)
        seen.add((read_folder(tmp_path).fingerprint, signature(tmp_path)))
    assert len({fingerprint for fingerprint, _ in seen}) == 4
    assert len({look for _, look in seen}) == 4
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    assert (read_folder(tmp_path).fingerprint, signature(tmp_path)) not in seen


def test_a_fault_of_a_file_points_into_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([entry_json("me/a"), entry_json("Nope")]))
    entries, faults = entries_of(read_folder(tmp_path))
    assert [item.entry.id for item in entries] == ["me/a"]
    assert [(fault.file, fault.pointer) for fault in faults] == [("a.json", "/1/id")]


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.d").write_text("")
    name, reason = only_fault(tmp_path / "catalog.d")
    assert name == "catalog.d"
    assert "cannot be read" in reason


def test_a_fault_that_goes_away_changes_the_fingerprint(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json")
    path.chmod(0o666)
    before = read_folder(tmp_path)
    path.chmod(0o600)
    path.unlink()
    assert before.files == read_folder(tmp_path).files == ()
    assert before.fingerprint != read_folder(tmp_path).fingerprint


def test_only_so_much_is_read_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = write(tmp_path, "a.json", "me/a").stat().st_size
    write(tmp_path, "b.json", "me/b")
    write(tmp_path, "c.json", "me/c")
    monkeypatch.setattr(local, "FOLDER_MAX", 2 * size)
    read = read_folder(tmp_path)
    assert [name for name, _ in read.files] == ["a.json", "b.json"]
    assert [(fault.file, fault.reason) for fault in read.faults] == [
        ("c.json", "the files before it have 0 MiB already, so it is not read")
    ]
