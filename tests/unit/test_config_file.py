"""A key of config.toml is changed, and everything else its owner wrote stays."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from modelhubd.__main__ import main
from modelhubd.config_file import edited, rendered
from modelhubd.errors import CannotStart

MINE = """\
# My machine.
[server]
port = 7717   # the usual one
tcp = true

[downloads]
allow_origins = [
  "http://mirror.example:8080",  # the mirror
  "http://10.0.0.1",
]

[models]
dir = "/mnt/a # b"
"""


@pytest.mark.parametrize(
    ("key", "value", "gone", "new"),
    [
        ("server.port", 8000, "port = 7717", "port = 8000   # the usual one"),
        ("server.tcp", False, "tcp = true", "tcp = false"),
        ("downloads.allow_origins", ("http://x",), '  "http://10.0.0.1",', 'allow_origins = ["http://x"]'),
        ("downloads.max_active", 3, "", "max_active = 3"),
        ("models.dir", 'C:\\ "new" \x7f', '/mnt/a # b"', 'dir = "C:\\\\ \\"new\\" \\u007f"'),
        ("models.reserve_bytes", 0, "", "reserve_bytes = 0"),
        ("log.level", "debug", "", '[log]\nlevel = "debug"'),
        ("server.tcp", None, "tcp = true", ""),
    ],
)
def test_one_key_changes_and_every_remark_stays(key: str, value: object, gone: str, new: str) -> None:
    after = edited(MINE, key, value)
    section, _, name = key.partition(".")
    wanted = list(value) if isinstance(value, tuple) else value
    assert tomllib.loads(after)[section].get(name) == wanted
    assert new in after and (not gone or gone not in after)
    assert after.startswith("# My machine.\n[server]\n")
    assert edited(after, key, value) == after


def test_the_first_key_makes_the_file() -> None:
    assert edited("", "server.port", 1) == "[server]\nport = 1\n"
    assert edited("", "server.port", None) == ""


@pytest.mark.parametrize("text", ["server.port = 1\n", "server = {port = 1}\n"])
def test_a_form_that_cannot_be_changed_line_by_line_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(CannotStart, match="by hand"):
        edited(text, "server.port", 2)


def test_what_is_no_toml_is_not_touched() -> None:
    with pytest.raises(CannotStart, match="not TOML"):
        edited("[server\n", "server.port", 2)


def test_values_are_written_as_toml_reads_them() -> None:
    for value in (True, 3, -1, 1.5, "a\nb\t\"'\\é", ["x", "y"], []):
        assert tomllib.loads(f"x = {rendered(value)}")["x"] == value


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("MODELHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MODELHUB_HOME", str(tmp_path))
    return tmp_path / "config" / "config.toml"


def test_a_key_is_set_read_back_and_taken_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config-set", "--", "llama.default_ttl_s", "-1"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "key": "llama.default_ttl_s", "value": -1, "source": "file", "locked": False,
    }  # fmt: skip
    assert config.stat().st_mode & 0o777 == 0o600
    assert main(["config-set", "server.embed_origins", "http://a.example, http://b.example"]) == 0
    assert tomllib.loads(config.read_text())["server"]["embed_origins"] == [
        "http://a.example", "http://b.example",
    ]  # fmt: skip
    assert main(["config-reset", "llama.default_ttl_s"]) == 0
    assert "default_ttl_s" not in config.read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("config-set", "server.prot", "1"), "server.port"),
        (("config-set", "server.port", "many"), "many"),
        (("config-set", "downloads.max_bytes_per_s", "1"), "max_bytes_per_s"),
        (("config-reset", "servers.port"), "server.port"),
    ],
)
def test_what_the_daemon_would_not_start_with_is_not_written(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert main(list(arguments)) == 2
    assert told in capsys.readouterr().err
    assert not config.exists()


def test_settings_are_checked_without_starting(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config"]) == 0
    config.parent.mkdir()
    config.write_text("[policy]\noffline = 3\n")
    assert main(["check-config"]) == 1
    assert "policy.offline" in capsys.readouterr().err
