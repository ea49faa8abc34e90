"""Who says which folders provide models, and who is not listened to."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelhubd.packages.declared import Declarations, app_file, read_declarations, signature_of

ME = os.geteuid()


class Folders:
    def __init__(self, folder: Path) -> None:
        self.bundles = folder / "bundles.d"
        self.packages = folder / "packages.d"

    def write(self, folder: Path, name: str, value: Any) -> Path:
        folder.mkdir(exist_ok=True, mode=0o700)
        path = folder / name
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        path.chmod(0o600)
        return path

    def read(self, *bundles: str, first_run: tuple[str, ...] = ()) -> Declarations:
        return read_declarations(bundles, first_run, self.bundles, self.packages, ME)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_everybody_who_may_declares_folders_and_first_runs(folders: Folders) -> None:
    folders.write(folders.bundles, "writer.json", app_file("/opt/writer", "writer", "ab" * 32))
    folders.write(
        folders.packages, "Desk.json", {"path": "/srv/models", "first_run": ["acme/one", "acme/two"]}
    )
    folders.write(folders.packages, "first.json", {"first_run": ["acme/two", "acme/three:gguf"]})
    found = folders.read("/opt/Some App", "~/x", first_run=("acme/one",))
    assert [(source.id, source.declared_by, str(source.path)) for source in found.sources] == [
        ("bundle:some-app", "config", "/opt/Some App"),
        ("bundle:x", "config", str(Path("~/x").expanduser())),
        ("bundle:writer", "application", "/opt/writer"),
        ("package:desk", "administrator", "/srv/models"),
    ]
    assert found.sources[2].key == "ab" * 32
    assert [(item.model, item.declared_by) for item in found.first_run] == [
        ("acme/one", "config"),
        ("acme/two", "Desk.json"),
        ("acme/three:gguf", "first.json"),
    ]
    assert found.faults == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b"[" * 70_000, "too large"),
        ({"path": "/x", "app": "a", "run": "rm"}, "unknown field"),
        ({"path": "/x", "app": "../a"}, "no name"),
        ({"path": "/x", "app": "a", "key": "zz"}, "key"),
        ({"app": "a"}, "path"),
    ],
)
def test_a_drop_in_that_says_what_it_may_not_is_named_and_left_out(
    folders: Folders, value: Any, said: str
) -> None:
    folders.write(folders.bundles, "bad.json", value)
    folders.write(folders.bundles, "good.json", {"path": "/x", "app": "good"})
    found = folders.read()
    assert [source.id for source in found.sources] == ["bundle:good"]
    (fault,) = found.faults
    assert fault.startswith("bundles.d/bad.json: ") and said in fault


def test_paths_that_are_relative_and_models_that_are_none_do_not_count(folders: Folders) -> None:
    folders.write(folders.bundles, "a.json", {"path": "models", "app": "a"})
    folders.write(folders.packages, "b.json", {"path": "../models", "first_run": ["nonsense"]})
    found = folders.read()
    assert [source.fault for source in found.sources] == ["its path is not absolute"] * 2
    assert found.first_run == () and "'nonsense' is no model" in found.faults[0]


def test_a_drop_in_that_others_could_have_written_is_not_read(folders: Folders, tmp_path: Path) -> None:
    path = folders.write(folders.packages, "a.json", {"path": "/x"})
    for mode in (0o602, 0o666):
        path.chmod(mode)
        assert folders.read().sources == ()
        assert "others can write to it" in folders.read().faults[0]
    path.chmod(0o600)
    folders.packages.chmod(0o703)
    assert "others can write to its folder" in folders.read().faults[0]
    folders.packages.chmod(0o700)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert "symbolic link" in folders.read().faults[0]


def test_of_two_with_one_name_the_first_counts(folders: Folders) -> None:
    folders.write(folders.bundles, "a.json", {"path": "/other", "app": "kit"})
    found = folders.read("/opt/kit")
    assert [str(source.path) for source in found.sources] == ["/opt/kit"]
    assert found.faults == ("bundle:kit is declared twice; the first one counts",)


def test_a_cheap_look_tells_when_a_declaration_is_touched(folders: Folders) -> None:
    def look() -> object:
        return signature_of(folders.bundles, folders.packages)

    nothing = look()
    path = folders.write(folders.bundles, "a.json", {"path": "/x", "app": "a"})
    written = look()
    path.chmod(0o644)
    opened = look()
    path.unlink()
    assert len({nothing, written, opened}) == 3 and look() == nothing
