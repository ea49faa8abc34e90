"""`config set` and `reset` write config.toml by the daemon's own program; no daemon need run."""

import tomllib
from pathlib import Path

import pytest

from tests.fakes.hub import Hub
from tests.unit.cli.conftest import Modelhub


def test_a_setting_is_written_shown_and_taken_out_again(modelhub: Modelhub, tmp_path: Path) -> None:
    file = tmp_path / "config/config.toml"
    changed = modelhub("config", "set", "downloads.max_active", "3")
    assert (changed.code, changed.rows) == (0, [["downloads.max_active", "3", "file", "false"]])
    assert tomllib.loads(file.read_text()) == {"downloads": {"max_active": 3}}
    assert modelhub("config", "set", "--no-such", "llama.default_ttl_s", "1").code == 2
    assert modelhub("config", "set", "llama.default_ttl_s", "-1", "-o", "json").values == [
        {"key": "llama.default_ttl_s", "value": -1, "source": "file", "locked": False}
    ]
    assert modelhub("config", "reset", "downloads.max_active", "-q").out == "downloads.max_active\n"
    assert tomllib.loads(file.read_text()) == {"downloads": {}, "llama": {"default_ttl_s": -1}}


def test_what_no_daemon_would_start_with_is_2_and_not_written(modelhub: Modelhub, tmp_path: Path) -> None:
    for wrong in (("downloads.max_actve", "3"), ("downloads.max_active", "many")):
        shown = modelhub("config", "set", *wrong)
        assert shown.code == 2
        assert "downloads.max_active" in shown.err and "modelhub config list" in shown.err
    assert not (tmp_path / "config/config.toml").exists()


def test_what_is_said_elsewhere_counts_and_is_told(
    hub: Hub, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "modelhub daemon restart" in modelhub("config", "set", "server.port", "9000").err
    monkeypatch.setenv("MODELHUB_SERVER_PORT", "8000")
    shown = modelhub("config", "set", "server.port", "9001")
    assert shown.rows == [["server.port", "8000", "environment", "false"]]
    assert "environment" in shown.err
