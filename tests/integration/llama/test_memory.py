"""The estimate of a load is what the real server allocates."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelhubd.llama import builtin
from modelhubd.llama.builds import read_options
from modelhubd.llama.command import Endpoint, command
from modelhubd.llama.memory import need
from modelhubd.llama.settings import default_settings, lay
from modelhubd.storage.model_file import read_model_facts_at
from modelhubd.wire.servers import LoadSettings
from tests.integration.llama.conftest import artifact

MIB = 1024**2
BUFFER = re.compile(r"\b(model|KV|compute) buffer size = +([\d.]+) MiB")
LAST = "n_slots ="


def allocated(model: Path, socket: Path, settings: LoadSettings) -> dict[str, float]:
    """MiB by purpose, as the server's own log tells them."""
    asked = command(
        read_options(builtin.usage()),
        settings,
        model=str(model),
        name="x",
        endpoint=Endpoint(socket=str(socket)),
        instance="",
        environ=os.environ,
    )
    program = [sys.executable, "-P", str(builtin.__file__), *asked.arguments, "-lv", "4"]
    found: dict[str, float] = {}
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        for line in server.stderr:
            for purpose, size in BUFFER.findall(line):
                found[purpose] = found.get(purpose, 0.0) + float(size)
            if LAST in line:
                break
        server.send_signal(signal.SIGKILL)
    return found


@pytest.mark.parametrize(
    "asked",
    [
        LoadSettings(ctx=512),
        LoadSettings(ctx=4096, parallel=4),
        LoadSettings(ctx=1000, parallel=3),
        LoadSettings(ctx=4096, parallel=2, kv_type_k="q8_0", kv_type_v="q4_0"),
        LoadSettings(ctx=4096, kv_type_k="iq4_nl", kv_type_v="q5_1", flash_attention="on"),
        LoadSettings(ctx=2048, parallel=4, kv_type_k="f32", flash_attention="off"),
        LoadSettings(ctx=0, batch=256),
    ],
)
async def test_a_load_takes_what_was_estimated(models: Path, tmp_path: Path, asked: LoadSettings) -> None:
    model = models / "tiny.gguf"
    settings, _ = lay([("default", default_settings(ctx=512, threads=1, ttl_s=-1)), ("load", asked)])
    estimated = need(artifact(model), await read_model_facts_at(model), settings)
    found = allocated(model, tmp_path / "a.sock", settings)
    assert found["model"] == pytest.approx(estimated.weights_bytes / MIB, abs=0.01)
    assert found["KV"] == pytest.approx(estimated.kv_bytes / MIB, abs=0.01)
    assert found["compute"] == pytest.approx(estimated.compute_bytes / MIB, abs=1.0)
