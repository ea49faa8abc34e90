"""One configuration from its layers."""

from pathlib import Path

import pytest

from modelhubd.config import Config, read_config
from modelhubd.errors import CannotStart
from modelhubd.llama.settings import Configured, lay, made
from modelhubd.places import Places, find_places
from modelhubd.wire.servers import LoadSettings


class HomePlaces(Places, frozen=True, kw_only=True):
    """Places whose administrator file is under the test's folder."""

    @property
    def administrator_file(self) -> Path:
        return self.config_dir / "administrator.toml"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = find_places({"MODELHUB_HOME": str(tmp_path)})
    found.config_dir.mkdir()
    return HomePlaces(
        config_dir=found.config_dir,
        state_dir=found.state_dir,
        models_dir=found.models_dir,
        runtime_dir=found.runtime_dir,
        socket=found.socket,
        home=found.home,
    )


def read(places: Places, environ: dict[str, str] | None = None, **arguments: str) -> Config:
    return read_config(
        places, environ or {}, {key.replace("__", "."): text for key, text in arguments.items()}
    )


def test_without_a_file_everything_is_at_its_default(places: Places) -> None:
    config = read(places)
    assert config.settings.server.port == 7717
    assert config.models_dir == places.models_dir
    assert {value.source for value in config.described().values()} == {"default"}


def test_arguments_win_over_the_environment_and_that_over_the_file(places: Places) -> None:
    places.config_file.write_text('[downloads]\nmax_active = 3\n[server]\nport = 1\n[log]\nlevel = "error"\n')
    environ = {"MODELHUB_DOWNLOADS_MAX_ACTIVE": "4", "MODELHUB_SERVER_PORT": "2", "MODELHUB_HOME": "x"}
    config = read(places, environ, server__port="3")
    assert (config.settings.downloads.max_active, config.settings.server.port) == (4, 3)
    described = config.described()
    assert [described[key].source for key in ("server.port", "downloads.max_active", "log.level")] == [
        "argument",
        "environment",
        "file",
    ]


def test_a_lock_of_the_administrator_wins_over_everything(places: Places) -> None:
    places.administrator_file.write_text(
        'lock = ["server.tcp"]\n[server]\ntcp = false\nport = 9\n[log]\nlevel = "debug"\n'
    )
    config = read(places, {"MODELHUB_SERVER_TCP": "true"}, server__port="3")
    assert not config.settings.server.tcp
    assert config.settings.server.port == 3
    assert config.settings.log.level == "debug"
    assert config.described()["server.tcp"].locked
    assert config.described()["server.tcp"].source == "administrator"
    assert not config.described()["server.port"].locked


def test_lists_in_the_environment_are_comma_separated_and_may_be_empty(places: Places) -> None:
    name = "MODELHUB_SERVER_ALLOW_ORIGINS"
    assert read(places, {name: "http://a:1, http://b"}).settings.server.allow_origins == (
        "http://a:1",
        "http://b",
    )
    places.config_file.write_text('[server]\nallow_origins = ["http://c"]\n')
    assert read(places, {}).settings.server.allow_origins == ("http://c",)
    assert read(places, {name: ""}).settings.server.allow_origins == ()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("FALSE", False), ("0", False)])
def test_switches_are_written_as_people_write_them(places: Places, text: str, value: bool) -> None:
    assert read(places, {"MODELHUB_SERVER_TCP": text}).settings.server.tcp is value


@pytest.mark.parametrize(
    ("environ", "file", "says"),
    [
        ({}, "[server]\nprot = 1\n", r"config.toml sets 'server.prot', .*'server.port'"),
        ({}, "[sever]\nport = 1\n", r"'sever.port', .*'server.port'"),
        ({}, "port = 1\n", r"port must be a section"),
        ({}, "[server\n", r"is not TOML"),
        ({}, "[server]\nport = 70000\n", r"server.port \(from file\) cannot be 70000"),
        ({}, "[load]\nctx = -1\n", r"load.ctx \(from file\) cannot be -1"),
        ({}, "[load]\nttl_s = 5\n", r"sets 'load.ttl_s', which does not exist"),
        (
            {"MODELHUB_LOAD_FLASH_ATTENTION": "off"},
            '[load]\nkv_type_v = "q8_0"\n',
            r"\[load\] cannot be: kv_type_v = q8_0: .*flash_attention",
        ),
        ({}, '[server]\nport = "80"\n', r"server.port \(from file\) cannot be '80'"),
        ({"MODELHUB_SERVER_PROT": "1"}, "", r"environment \(MODELHUB_SERVER_PROT\).*'server.port'"),
        ({"MODELHUB_SEVER_PORT": "1"}, "", r"environment \(MODELHUB_SEVER_PORT\).*'server.port'"),
        ({"MODELHUB_SERVER_PORT2": "1"}, "", r"environment \(MODELHUB_SERVER_PORT2\).*'server.port'"),
        ({"MODELHUB_SERVER_TCP": "maybe"}, "", r"server.tcp \(from environment\) cannot be 'maybe'"),
        ({"MODELHUB_DOWNLOADS_MAX_ACTIVE": "many"}, "", r"downloads.max_active"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(
    places: Places, environ: dict[str, str], file: str, says: str
) -> None:
    places.config_file.write_text(file)
    with pytest.raises(CannotStart, match=says):
        read(places, environ)


def test_an_unknown_argument_is_refused_by_name(places: Places) -> None:
    with pytest.raises(CannotStart, match=r"the command line sets 'llama\.binry'.*'llama\.binary'"):
        read(places, llama__binry="x")


def test_a_file_that_is_not_text_is_refused(places: Places) -> None:
    places.config_file.write_bytes(b"\xff\xfe")
    with pytest.raises(CannotStart, match=r"config\.toml cannot be read"):
        read(places)


def test_variables_of_other_programs_are_left_alone(places: Places) -> None:
    environ = {"MODELHUB_REGISTRY_TOKEN": "x", "MODELHUB_TEST_CHROMIUM": "y", "MODELHUB_HOME": "z"}
    assert read(places, environ).settings == read(places).settings


@pytest.mark.parametrize(
    "text", ['lock = ["server.port"]\n', "lock = 5\n[server]\nport = 1\n", "port = 1\n", "[server\n"]
)
def test_an_administrators_file_that_cannot_be_used_is_refused(places: Places, text: str) -> None:
    places.administrator_file.write_text(text)
    with pytest.raises(CannotStart, match="administrator"):
        read(places)


def test_the_models_folder_can_be_moved(places: Places, tmp_path: Path) -> None:
    assert read(places, models__dir=str(tmp_path / "drive")).models_dir == tmp_path / "drive"


def test_a_home_that_nobody_has_is_refused_by_name(places: Places) -> None:
    with pytest.raises(CannotStart, match=r"models\.dir"):
        _ = read(places, models__dir="~nobody-of-this-name/models").models_dir


def test_what_loads_begin_with_is_configured_like_everything_else(places: Places) -> None:
    places.administrator_file.write_text('lock = ["load.ctx"]\n[load]\nctx = 2048\nparallel = 2\n')
    places.config_file.write_text("[load]\nctx = 4096\nmmap = false\n[llama]\ndefault_ttl_s = 60\n")
    environ = {"MODELHUB_LOAD_GPU_LAYERS": "all", "MODELHUB_LOAD_MLOCK": "TRUE", "MODELHUB_LOAD_SEED": "7"}
    config = read(places, environ, load__batch="64")
    assert config.described()["load.ctx"].locked
    assert config.described()["load.threads"].value is None
    configured = Configured.of(config)
    settings, effective = lay(configured.layers, configured.locked)
    assert made(settings) == {
        "ctx": 2048, "parallel": 2, "mmap": False, "ttl_s": 60, "gpu_layers": "all", "mlock": True, "seed": 7,
        "batch": 64,
    }  # fmt: skip
    assert {name: effective[name].origin for name in made(settings)} == {
        "ctx": "administrator", "parallel": "administrator", "mmap": "file", "ttl_s": "file",
        "gpu_layers": "environment", "mlock": "environment", "seed": "environment", "batch": "argument",
    }  # fmt: skip
    assert configured.locked == {"ctx"}


def test_the_lock_of_the_time_to_live_holds_for_loads_too(places: Places) -> None:
    places.administrator_file.write_text('lock = ["llama.default_ttl_s"]\n[llama]\ndefault_ttl_s = 60\n')
    configured = Configured.of(read(places))
    assert configured.locked == {"ttl_s"}
    assert Configured.of(read(places, {"MODELHUB_SERVER_PORT": "1"})).layers == (
        ("administrator", LoadSettings(ttl_s=60)),
    )


def test_an_empty_variable_takes_back_what_the_file_makes_the_default_of_loads(places: Places) -> None:
    places.config_file.write_text("[load]\nctx = 4096\nbatch = 64\n")
    config = read(places, {"MODELHUB_LOAD_CTX": ""})
    assert config.settings.load.ctx is None
    assert made(lay(Configured.of(config).layers)[0]) == {"batch": 64}


@pytest.mark.parametrize(
    "aliases",
    ["small", "small=", "=lab/tiny", "a/b=lab/tiny", "-x=lab/tiny", "small=LAB/tiny", "a=lab/x, a=lab/y"],
)
def test_an_alias_that_cannot_be_is_refused(places: Places, aliases: str) -> None:
    with pytest.raises(CannotStart, match=r"\[llama\] cannot be: aliases"):
        read_config(places, {"MODELHUB_LLAMA_ALIASES": aliases})


def test_an_alias_stands_for_a_model(places: Places) -> None:
    config = read_config(places, {"MODELHUB_LLAMA_ALIASES": "gpt-4o-mini=lab/tiny@2:gguf, b=lab/tiny"})
    assert config.settings.llama.meaning == {"gpt-4o-mini": "lab/tiny@2:gguf", "b": "lab/tiny"}
