"""The registry's settings and where they come from."""

from pathlib import Path
from typing import Any

import pytest

from modelhubd.errors import CannotStart
from modelhubd.registry.config import RegistryConfig, default_state_dir, read_config


def written(folder: Path, text: str) -> Path:
    (folder / "registry.toml").write_text(text)
    return folder


def test_an_argument_comes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    written(tmp_path, 'port = 1\nhost = "127.0.0.1"\nname = "file"\nfour_eyes = false\n')
    environ = {"MODELHUB_REGISTRY_PORT": "2", "MODELHUB_REGISTRY_NAME": "environment"}
    config = read_config(environ, {"state_dir": tmp_path, "port": "3", "host": None})
    assert (config.port, config.name, config.four_eyes) == (3, "environment", False)
    assert config.state_dir == tmp_path


@pytest.mark.parametrize(("text", "value"), [("on", True), ("off", False), ("true", True), ("0", False)])
def test_a_switch_is_on_or_off(tmp_path: Path, text: str, value: bool) -> None:
    environ = {"MODELHUB_REGISTRY_FOUR_EYES": text}
    assert read_config(environ, {"state_dir": tmp_path}).four_eyes is value


def test_a_list_in_the_environment_has_commas(tmp_path: Path) -> None:
    environ = {"MODELHUB_REGISTRY_ALLOW_ORIGINS": "http://a:1, http://b"}
    assert read_config(environ, {"state_dir": tmp_path}).allow_origins == ("http://a:1", "http://b")


def test_the_state_folder_is_found_where_it_is_named() -> None:
    assert default_state_dir({"MODELHUB_REGISTRY_STATE_DIR": "/a"}) == Path("/a")
    assert default_state_dir({"MODELHUB_HOME": "/h"}) == Path("/h/registry")
    assert default_state_dir({}).name == "modelhub-registry"


def test_without_a_database_it_is_sqlite_in_the_state_folder(tmp_path: Path) -> None:
    config = read_config({}, {"state_dir": tmp_path})
    assert config.database_url == f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    assert RegistryConfig(state_dir=tmp_path, database="postgresql://x/y").database_url == "postgresql://x/y"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "registry.example"])
def test_other_machines_come_in_only_over_tls_or_a_proxy(tmp_path: Path, host: str) -> None:
    with pytest.raises(CannotStart, match="behind_proxy"):
        read_config({}, {"state_dir": tmp_path, "host": host})
    assert read_config({}, {"state_dir": tmp_path, "host": host, "behind_proxy": True}).host == host
    tls = {"tls_cert": "c.pem", "tls_key": "k.pem"}
    assert read_config({}, {"state_dir": tmp_path, "host": host, **tls}).tls_key == "k.pem"


@pytest.mark.parametrize(
    "arguments",
    [
        {"port": "70000"}, {"port": "x"}, {"tls_cert": "c.pem"}, {"name": "Two Words"}, {"name": ""},
        {"connections": "1"}, {"log_level": "loud"}, {"requests_per_s": "0"},
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(CannotStart, match="cannot be configured"):
        read_config({}, {"state_dir": tmp_path, **arguments})


@pytest.mark.parametrize("text", ["prot = 1", "port = ", "\xff"])
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "registry.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(CannotStart, match=r"registry\.toml"):
        read_config({}, {"state_dir": tmp_path})
