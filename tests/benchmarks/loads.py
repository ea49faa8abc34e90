"""One load by a llama-server, and what it says of the memory it takes."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhubd.formats.gguf import read_gguf
from modelhubd.llama import builtin
from modelhubd.llama.buffers import MIB, Buffers, read_buffers
from modelhubd.wire.architecture import ModelFacts

BUILTIN = (sys.executable, "-P", builtin.__file__)
READY = '"state":"ready"'
LIMIT_S = 60.0
MOST_LINES = 20_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    ctx: int
    kv: str = "f16"
    flash: bool = True
    slots: int = 1


def facts_of_model(model: Path) -> ModelFacts:
    """What the header of a file says."""
    with model.open("rb") as file:
        return read_gguf(file.read(64 * MIB), model.stat().st_size)


def buffers(model: Path, setting: Setting, program: Sequence[str] = BUILTIN) -> Buffers:
    """What the server reports for this load."""
    lines = log_of(model, setting, program, "--no-warmup")
    found = read_buffers(lines)
    assert found is not None, "".join(lines[-20:])
    return found


def log_of(
    model: Path, setting: Setting, program: Sequence[str], *more: str, until: str = READY
) -> list[str]:
    """What the server writes until a line has this in it; then it is ended. Its log may lag behind READY."""
    address = model.with_suffix(".sock")
    address.unlink(missing_ok=True)
    options = (
        f"-c {setting.ctx} -np {setting.slots} -ctk {setting.kv} -ctv {setting.kv} -t 1 --cache-ram 0 -lv 4"
        f" -fa {'on' if setting.flash else 'off'} --no-ui --offline"
    )
    process = subprocess.Popen(
        [*program, "-m", str(model), "--host", str(address), *options.split(), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"HOME": "/", "PATH": os.environ["PATH"], "LLAMA_SERVER_ROUTER_PORT": "1"},
        text=True,
        errors="replace",
    )
    assert process.stdout is not None and process.stdin is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if until in line or len(lines) > MOST_LINES:
                break
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()
        process.stdin.close()
    return lines
