"""What is refused before anything starts is what the server would refuse, and nothing else."""

from pathlib import Path

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.llama.discovery import Build
from modelhubd.llama.settings import check, default_settings, lay
from modelhubd.storage.model_file import read_model_facts_at
from modelhubd.wire.servers import LoadSettings, ServerState
from tests.fakes.tiny_gguf import Shape, write_chat
from tests.integration.llama.conftest import Lives

DEFAULTS = default_settings(ctx=512, threads=1, ttl_s=-1)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose heads have 16 values."""
    folder = tmp_path_factory.mktemp("odd")
    return write_chat(folder / "odd.gguf", shape=Shape(n_embd=64, n_head=4, n_head_kv=2))


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("tiny", LoadSettings(kv_type_v="q8_0", flash_attention="off")),
        ("tiny", LoadSettings(kv_type_k="q8_0", flash_attention="off")),
        ("tiny", LoadSettings(kv_type_k="iq4_nl", kv_type_v="q5_1", flash_attention="on")),
        ("odd", LoadSettings(kv_type_k="q8_0")),
        ("odd", LoadSettings(kv_type_v="q4_0", flash_attention="on")),
        ("odd", LoadSettings(kv_type_k="q8_0", flash_attention="off")),
        ("odd", LoadSettings(kv_type_k="f32", kv_type_v="bf16")),
        ("tiny", LoadSettings(ctx=1)),
        ("tiny", LoadSettings(ctx=2)),
        ("tiny", LoadSettings(ctx=16384)),
        ("tiny", LoadSettings(batch=1)),
        ("tiny", LoadSettings(batch=2)),
        ("tiny", LoadSettings(batch=8, parallel=9)),
        ("tiny", LoadSettings(batch=9, parallel=9)),
        ("tiny", LoadSettings(ctx=3, parallel=8)),
    ],
)
async def test_the_server_agrees(
    models: Path, odd: Path, build: Build, lives: Lives, model: str, asked: LoadSettings
) -> None:
    path = odd if model == "odd" else models / "tiny.gguf"
    settings, effective = lay([("default", DEFAULTS), ("load", asked)])
    try:
        check(effective, (await read_model_facts_at(path)).architecture)
        allowed = True
    except InvalidInput:
        allowed = False
    life = lives.start(build, path, settings)
    server = await life.until(
        lambda server: server.state is ServerState.READY or server.state.ended, within_s=60
    )
    assert (server.state is ServerState.READY) == allowed, server.error
    if allowed:
        life.ask_to_stop(0)
        await life.until(lambda server: server.state.ended, within_s=20)
