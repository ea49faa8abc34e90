"""The options of the built-in server."""

from types import SimpleNamespace
from typing import Any

import pytest
import xllamacpp

from modelhubd.llama.builtin import OPTIONS, BadOption, devices, parameters, parse, usage


def built(*argv: str, key: str = "") -> Any:
    return parameters(xllamacpp, parse(["-m", "x.gguf", *argv]), key)


def test_help_lists_every_option_and_no_other() -> None:
    listed = {
        word.rstrip(",")
        for line in usage().splitlines()
        if line.startswith("-")
        for word in line[:40].split()
    }
    assert {name for option in OPTIONS for name in option.names} == {w for w in listed if w[0] == "-"} - {
        "-----"
    }


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        ("-c 2048", "n_ctx", 2048),
        ("-np 3", "n_parallel", 3),
        ("-b 64", "n_batch", 64),
        ("-ub 32", "n_ubatch", 32),
        ("-ngl auto", "n_gpu_layers", -1),
        ("-ngl all", "n_gpu_layers", -2),
        ("-ngl 0", "n_gpu_layers", 0),
        ("-ngl 7", "n_gpu_layers", 7),
        ("--cache-ram 0", "cache_ram_mib", 0),
        ("--host /run/a.sock", "hostnames", ["/run/a.sock"]),
        ("--port 99", "port", 99),
        ("--alias a,b", "model_alias", {"a", "b"}),
        ("--no-ui", "ui", False),
        ("--ui", "ui", True),
        ("--offline", "offline", True),
        ("--metrics", "endpoint_metrics", True),
        ("--no-slots", "endpoint_slots", False),
        ("--no-jinja", "use_jinja", False),
        ("--embeddings", "embedding", True),
        ("--no-warmup", "warmup", False),
        ("-lv 5", "verbosity", 5),
        ("--reasoning on", "enable_reasoning", 1),
        ("--reasoning off", "enable_reasoning", 0),
        ("--reasoning auto", "enable_reasoning", -1),
    ],
)
def test_each_option_sets_its_field(argv: str, field: str, value: object) -> None:
    assert getattr(built(*argv.split()), field) == value


def test_what_is_not_said_is_as_in_llama_server() -> None:
    found = built()
    assert (found.port, found.n_parallel, found.hostnames) == (8080, -1, ["127.0.0.1"])
    assert found.api_keys == []
    assert built(key="secret").api_keys == ["secret"]


@pytest.mark.parametrize(
    ("argv", "mode"),
    [
        ("", "AUTO"),
        ("--no-mmap", "NONE"),
        ("--mlock", "MMAP_MLOCK"),
        ("--no-mmap --mlock", "MLOCK"),
        ("--mlock --no-mmap", "MLOCK"),
        ("-lm mmap+mlock", "MMAP_MLOCK"),
        ("-lm dio", "DIRECT_IO"),
    ],
)
def test_mapping_and_locking_combine(argv: str, mode: str) -> None:
    assert built(*argv.split()).load_mode == xllamacpp.llama_load_mode[f"LLAMA_LOAD_MODE_{mode}"]


def test_nested_and_enumerated_options_are_set() -> None:
    argv = "-t 3 --seed -1 -ctk q8_0 -ctv iq4_nl -fa off --pooling cls --reasoning-budget 9 --mmproj mm.gguf"
    found = built(*argv.split())
    assert (found.cpuparams.n_threads, found.cpuparams_batch.n_threads) == (3, 3)
    assert found.sampling.seed == 2**32 - 1
    assert found.sampling.reasoning_budget_tokens == 9
    assert found.cache_type_k == xllamacpp.ggml_type.GGML_TYPE_Q8_0
    assert found.cache_type_v == xllamacpp.ggml_type.GGML_TYPE_IQ4_NL
    assert found.flash_attn_type == xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    assert found.pooling_type == xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_CLS
    assert found.mmproj.path == "mm.gguf"
    ranking = built("--rerank")
    assert ranking.embedding
    assert ranking.pooling_type == xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK


@pytest.mark.parametrize("argv", ["--nonsense", "-c", "-fa maybe", "-ctk q3_K", "-lm x"])
def test_what_is_not_known_is_refused(argv: str) -> None:
    with pytest.raises(BadOption):
        parse(argv.split())


@pytest.mark.parametrize("argv", ["-c x", "-ngl some", "-c 99999999999999999999"])
def test_a_value_that_does_not_fit_is_refused(argv: str) -> None:
    with pytest.raises(BadOption):
        built(*argv.split())


def test_a_model_must_be_named() -> None:
    with pytest.raises(BadOption, match="--model is required"):
        parameters(xllamacpp, [], "")


def test_devices_beside_the_cpu_are_listed_as_llama_server_does() -> None:
    types = xllamacpp.ggml_backend_dev_type
    cpu = {"name": "CPU", "type": types.GGML_BACKEND_DEVICE_TYPE_CPU}
    gpu = {
        "name": "CUDA0", "type": types.GGML_BACKEND_DEVICE_TYPE_GPU, "description": "A GPU",
        "memory_total": 8 * 2**30, "memory_free": 7 * 2**30,
    }  # fmt: skip

    def native(*found: dict[str, Any]) -> Any:
        return SimpleNamespace(get_device_info=lambda: found, ggml_backend_dev_type=types)

    assert devices(native(cpu)).splitlines() == ["Available devices:", "  (none)"]
    assert devices(native(cpu, gpu)).splitlines()[1] == "  CUDA0: A GPU (8192 MiB, 7168 MiB free)"
