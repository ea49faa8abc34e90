"""Where things are."""

import os
from pathlib import Path

import pytest

from modelhubd.places import SOCKET_PATH_MAX, find_places, private_dir


def test_a_home_holds_everything(tmp_path: Path) -> None:
    places = find_places({"MODELHUB_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/elsewhere"})
    assert places.config_file == tmp_path / "config/config.toml"
    assert places.database == tmp_path / "state/modelhub.db"
    assert places.models_dir == tmp_path / "models"
    assert places.runtime_file == tmp_path / "run/runtime.json"
    assert places.socket == tmp_path / "run/modelhub.sock"


def test_the_runtime_folder_of_the_login_holds_the_socket(tmp_path: Path) -> None:
    assert find_places({"XDG_RUNTIME_DIR": str(tmp_path)}).socket == tmp_path / "modelhub/modelhub.sock"


def test_an_empty_variable_counts_as_unset() -> None:
    places = find_places({"MODELHUB_HOME": "", "XDG_RUNTIME_DIR": ""})
    assert places.home is None
    assert places.runtime_dir == places.state_dir / "run"


def test_a_path_too_long_for_a_socket_moves_the_socket_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    places = find_places({"MODELHUB_HOME": str(home)})
    assert len(os.fsencode(places.socket)) <= SOCKET_PATH_MAX
    assert places.runtime_file == home / "run/runtime.json"
    assert places.socket == find_places({"MODELHUB_HOME": str(home)}).socket
    assert places.socket != find_places({"MODELHUB_HOME": str(home) + "y"}).socket


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert private_dir(tmp_path / "open").stat().st_mode & 0o777 == 0o700
    assert private_dir(tmp_path / "new/deep").stat().st_mode & 0o777 == 0o700


def test_a_link_in_place_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(PermissionError):
        private_dir(tmp_path / "link")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder that belongs to somebody else")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(PermissionError):
        private_dir(tmp_path / "theirs")
