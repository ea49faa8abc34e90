"""What is said to each build, and what it may inherit."""

import itertools
from collections.abc import Iterator

import msgspec
import pytest

from modelhubd.llama.builds import read_options
from modelhubd.llama.builtin import usage
from modelhubd.llama.command import Command, Endpoint, Options, command
from modelhubd.llama.settings import DEFAULTS
from modelhubd.wire.servers import LoadSettings
from tests.fakes.llama_options import HELP, refusal, values_of

BUILTIN = read_options(usage())
OLD = Options(
    names=frozenset({"-m", "--host", "--port", "--alias", "-c", "-np", "-t", "-ngl", "-fa", "--flash-attn"}
    | {"--no-webui", "--no-mmap", "--mlock", "--reasoning-budget", "-b", "--embedding", "--mmproj", "-ctk"}),
    text="-fa,   --flash-attn                      enable Flash Attention (default: disabled)",
)  # fmt: skip
YEARS = {year: read_options(HELP[year]) for year in ("2024", "2025", "2026")}
SOCKET = Endpoint(socket="/run/x/0badcafe.sock")


def asked(
    options: Options,
    settings: LoadSettings | None = None,
    *,
    endpoint: Endpoint = SOCKET,
    name: str = "publisher/name",
    projector: str | None = None,
    embeddings: bool = False,
    ranks: bool = False,
) -> Command:
    return command(
        options,
        settings or LoadSettings(),
        model="/models/tiny.gguf",
        name=name,
        endpoint=endpoint,
        instance="1234",
        environ={
            "HOME": "/home/ann",
            "PATH": "/bin",
            "LLAMA_ARG_MODEL": "x",
            "AIP_MODE": "y",
            "HF_TOKEN": "z",
        },
        projector=projector,
        embeddings=embeddings,
        ranks=ranks,
    )


def value_of(command: Command, option: str) -> str:
    return command.arguments[command.arguments.index(option) + 1]


def test_the_builtin_server_gets_what_must_always_be_said() -> None:
    found = asked(BUILTIN, LoadSettings(ctx=2048, parallel=2, threads=3))
    assert value_of(found, "-m") == "/models/tiny.gguf"
    assert value_of(found, "--host") == "/run/x/0badcafe.sock"
    assert value_of(found, "--alias") == "publisher/name"
    assert value_of(found, "-c") == "2048"
    assert value_of(found, "-np") == "2"
    assert value_of(found, "-t") == "3"
    assert value_of(found, "--cache-ram") == "0"
    assert {"--no-ui", "--offline", "--metrics", "--slots", "--jinja"} <= set(found.arguments)
    assert found.unknown == ()


def test_an_older_build_gets_only_what_it_lists() -> None:
    found = asked(OLD)
    assert "--no-webui" in found.arguments
    assert not {"--cache-ram", "--offline", "--metrics", "--slots", "--jinja", "--no-ui"} & set(
        found.arguments
    )


def test_a_port_has_a_key_that_is_not_on_the_command_line() -> None:
    found = asked(OLD, endpoint=Endpoint(port=4711, api_key="secret"))
    assert value_of(found, "--host") == "127.0.0.1"
    assert value_of(found, "--port") == "4711"
    assert found.environment["LLAMA_API_KEY"] == "secret"
    assert Endpoint(port=4711).url == "http://127.0.0.1:4711"
    assert SOCKET.url == "http://llama-server"
    assert "secret" not in " ".join(found.arguments)


def test_a_server_inherits_nothing_that_could_steer_or_feed_it() -> None:
    environment = asked(BUILTIN).environment
    assert environment == {
        "HOME": "/home/ann", "PATH": "/bin", "LLAMA_SERVER_ROUTER_PORT": "1", "MODELHUB_INSTANCE": "1234",
    }  # fmt: skip


def test_home_is_always_set() -> None:
    found = command(
        BUILTIN, LoadSettings(), model="/m", name="x", endpoint=SOCKET, instance="1", environ={"HOME": ""}
    )
    assert found.environment["HOME"] == "/"


@pytest.mark.parametrize("name", ["--host", "a,b", "", "a b", "-x", "a\n", "é", "x" * 257])
def test_a_name_that_could_be_an_option_or_two_names_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a server"):
        asked(BUILTIN, name=name)


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        (BUILTIN, LoadSettings(gpu_layers="auto"), ()),
        (BUILTIN, LoadSettings(gpu_layers="all"), ("-ngl", "all")),
        (BUILTIN, LoadSettings(gpu_layers=7), ("-ngl", "7")),
        (BUILTIN, LoadSettings(gpu_layers=0), ("-ngl", "0")),
        (OLD, LoadSettings(gpu_layers="all"), ("-ngl", "999")),
        (BUILTIN, LoadSettings(flash_attention="on"), ("-fa", "on")),
        (BUILTIN, LoadSettings(flash_attention="off"), ("-fa", "off")),
        (BUILTIN, LoadSettings(flash_attention="auto"), ()),
        (OLD, LoadSettings(flash_attention="on"), ("-fa",)),
        (OLD, LoadSettings(flash_attention="off"), ()),
        (BUILTIN, LoadSettings(kv_type_k="q8_0", kv_type_v="q4_0"), ("-ctk", "q8_0", "-ctv", "q4_0")),
        (BUILTIN, LoadSettings(kv_type_k="f16", kv_type_v="f16"), ()),
        (OLD, LoadSettings(kv_type_v="f16"), ()),
        (YEARS["2024"], LoadSettings(kv_type_v="q8_0"), ("-fa", "-ctv", "q8_0")),
        (YEARS["2024"], LoadSettings(kv_type_v="iq4_nl", flash_attention="auto"), ("-fa", "-ctv", "iq4_nl")),
        (YEARS["2024"], LoadSettings(kv_type_v="f32", flash_attention="auto"), ("-ctv", "f32")),
        (YEARS["2024"], LoadSettings(kv_type_v="q8_0", flash_attention="off"), ("-ctv", "q8_0")),
        (YEARS["2025"], LoadSettings(kv_type_v="q8_0"), ("-ctv", "q8_0")),
        (OLD, LoadSettings(mmap=False), ("--no-mmap",)),
        (OLD, LoadSettings(mlock=True), ("--mlock",)),
        (OLD, LoadSettings(mmap=False, mlock=True), ("--no-mmap", "--mlock")),
        (BUILTIN, LoadSettings(mmap=False), ("-lm", "none")),
        (BUILTIN, LoadSettings(mlock=True), ("-lm", "mmap+mlock")),
        (BUILTIN, LoadSettings(mmap=False, mlock=True), ("-lm", "mlock")),
        (YEARS["2026"], LoadSettings(mmap=False), ("-lm", "none")),
        (BUILTIN, LoadSettings(mmap=True, mlock=False), ()),
        (BUILTIN, LoadSettings(reasoning="off"), ("--reasoning", "off")),
        (BUILTIN, LoadSettings(reasoning="off", reasoning_budget=9), ("--reasoning", "off")),
        (OLD, LoadSettings(reasoning="off"), ("--reasoning-budget", "0")),
        (BUILTIN, LoadSettings(reasoning="on"), ("--reasoning", "on")),
        (BUILTIN, LoadSettings(reasoning_budget=9), ("--reasoning-budget", "9")),
        (YEARS["2025"], LoadSettings(reasoning_budget=0), ("--reasoning-budget", "0")),
        (YEARS["2025"], LoadSettings(reasoning="off"), ("--reasoning-budget", "0")),
        (YEARS["2025"], LoadSettings(gpu_layers="all"), ("-ngl", "999")),
        (BUILTIN, LoadSettings(batch=64, seed=5), ("-b", "64", "--seed", "5")),
    ],
)  # fmt: skip
def test_each_setting_is_said_as_the_build_knows_it(
    options: Options, settings: LoadSettings, said: tuple[str, ...]
) -> None:
    found, bare = asked(options, settings), asked(options)
    assert found.arguments == (*bare.arguments, *said)
    assert found.unknown == ()


def test_a_setting_that_the_build_has_no_option_for_is_told() -> None:
    assert asked(OLD, LoadSettings(reasoning="on", seed=1)).unknown == ("seed", "reasoning")


@pytest.mark.parametrize(
    ("year", "settings", "unknown"),
    [
        ("2024", LoadSettings(reasoning="off"), ("reasoning",)),
        ("2024", LoadSettings(reasoning_budget=0), ("reasoning_budget",)),
        ("2025", LoadSettings(reasoning="on"), ("reasoning",)),
        ("2025", LoadSettings(reasoning_budget=9), ("reasoning_budget",)),
        ("2026", LoadSettings(reasoning="on", reasoning_budget=9), ()),
    ],
)
def test_what_reasoning_a_year_has_no_option_for_is_told(
    year: str, settings: LoadSettings, unknown: tuple[str, ...]
) -> None:
    assert asked(YEARS[year], settings).unknown == unknown


def every_setting() -> Iterator[LoadSettings]:
    """Each value of each setting that has a say on the command line, in every pairing of those that meet."""
    meeting: tuple[dict[str, tuple[object, ...]], ...] = (
        {"gpu_layers": ("auto", "all", 0, 7)},
        {
            "flash_attention": (None, "auto", "on"),
            "kv_type_k": ("f16", "q8_0"),
            "kv_type_v": ("f32", "iq4_nl"),
        },
        {"flash_attention": ("off",), "kv_type_v": (None, "bf16")},
        {"mmap": (None, True, False), "mlock": (None, True, False)},
        {"reasoning": (None, "auto", "on", "off"), "reasoning_budget": (None, -1, 0, 9)},
        {"ctx": (4096,), "batch": (64,), "seed": (3,), "threads": (2,), "parallel": (4,)},
    )
    for fields in meeting:
        for values in itertools.product(*fields.values()):
            yield msgspec.convert(dict(zip(fields, values, strict=True)), LoadSettings)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("embeddings", [False, True])
def test_every_option_that_is_sent_is_one_that_the_build_lists(year: str, embeddings: bool) -> None:
    options = YEARS[year]
    endpoint = SOCKET if options.sockets else Endpoint(port=4711, api_key="secret")
    for settings in every_setting():
        found = asked(options, settings, endpoint=endpoint, projector="/m", embeddings=embeddings)
        assert refusal(HELP[year], list(found.arguments)) is None, (settings, found.arguments)


@pytest.mark.parametrize("year", YEARS)
def test_what_must_always_be_said_is_said_in_the_words_of_the_year(year: str) -> None:
    said = set(asked(YEARS[year]).arguments)
    listed = values_of(HELP[year]).keys()
    assert len(said & {"--no-ui", "--no-webui"}) == 1
    for option in ("--cache-ram", "--offline", "--metrics", "--slots", "--jinja", "--alias"):
        assert (option in said) is (option in listed)


def test_projector_and_embeddings_are_said_as_the_build_knows_them() -> None:
    newer = asked(BUILTIN, projector="/models/mm.gguf", embeddings=True)
    assert value_of(newer, "--mmproj") == "/models/mm.gguf"
    assert "--embeddings" in newer.arguments
    assert "--embedding" in asked(OLD, embeddings=True).arguments


def test_a_reranker_is_started_as_one_where_the_build_can() -> None:
    found = asked(BUILTIN, embeddings=True, ranks=True).arguments
    assert "--rerank" in found
    assert "--embeddings" not in found
    reranking = Options(names=OLD.names | {"--reranking"}, text=OLD.text)
    assert "--reranking" in asked(reranking, ranks=True).arguments
    assert "--embedding" not in asked(OLD, embeddings=True, ranks=True).arguments


def test_no_default_needs_an_option_that_the_builtin_server_lacks() -> None:
    assert asked(BUILTIN, DEFAULTS).unknown == ()


LEVELS = """\
-lv,   --verbosity, --log-verbosity N   Set the verbosity threshold. Messages with a higher verbosity will be
                                        ignored. Values:
                                         - 3: info
                                         - 4: {four}
{five}                                        (default: 3)
--log-prefix                            Enable prefix in log messages: 5: debug
"""


@pytest.mark.parametrize(
    ("text", "asked_for"),
    [
        (BUILTIN.text, True),
        (LEVELS.format(four="trace (more info)", five="                  - 5: debug\n"), True),
        (LEVELS.format(four="debug", five=""), False),
        (OLD.text, False),
    ],
)
def test_the_log_names_the_buffers_where_that_does_not_flood_it(text: str, asked_for: bool) -> None:
    found = asked(Options(names=BUILTIN.names, text=text))
    assert ("-lv" in found.arguments) is asked_for
    assert not asked_for or value_of(found, "-lv") == "4"
