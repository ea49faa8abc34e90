"""The estimate beside what a real llama-server reports, over shapes × context × KV type × flash attention.

`python -m tests.benchmarks estimate --write` makes `docs/benchmarks/estimate.md` again. Each row is one load
of a model without weights (`tests.fakes.hollow_gguf`) by the built-in server, whose log names its buffers.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhubd.fit.estimate import MemoryNeed, estimate
from modelhubd.formats.gguf import read_gguf
from modelhubd.llama import builtin
from modelhubd.llama.buffers import Buffers, read_buffers
from modelhubd.wire.architecture import ModelFacts
from tests.benchmarks.figures import table
from tests.fakes.hollow_gguf import DENSE, OTHERS, Hollow, write_hollow

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "estimate.md"
MIB = 1024 * 1024
READY = '"state":"ready"'
LIMIT_S = 60.0
MOST_LINES = 20_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    ctx: int
    kv: str = "f16"
    flash: bool = True
    slots: int = 1


FEW = (
    Setting(ctx=2048),
    Setting(ctx=8192, kv="q8_0"),
    Setting(ctx=2048, flash=False),
    Setting(ctx=8192, slots=4),
)
GRID = (
    *(Setting(ctx=ctx, kv=kv) for ctx in (2048, 8192, 32768) for kv in ("f16", "q8_0", "q4_0")),
    *(Setting(ctx=ctx, flash=False) for ctx in (2048, 8192)),
    Setting(ctx=8192, slots=4),
    Setting(ctx=8192, slots=4, flash=False),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One load: what was estimated and what the server reports."""

    name: str
    setting: Setting
    estimated: MemoryNeed
    found: Buffers

    @property
    def estimated_bytes(self) -> int:
        """Of what the server reports: weights, cache, compute."""
        return self.estimated.weights_bytes + self.estimated.kv_bytes + self.estimated.compute_bytes

    @property
    def errors(self) -> tuple[float, float, float]:
        """Of cache, compute and their sum with the weights: 0.1 is an estimate 10 % too high."""
        return (
            _error(self.estimated.kv_bytes, self.found.kv_bytes),
            _error(self.estimated.compute_bytes, self.found.compute_bytes),
            _error(self.estimated_bytes, self.found.total_bytes),
        )


BUILTIN = (sys.executable, "-P", builtin.__file__)


def rows(name: str, shape: Hollow, settings: Sequence[Setting], folder: Path) -> Iterator[Row]:
    """Load a model of this shape with each of the settings."""
    model = write_hollow(folder / "model.gguf", shape)
    facts = facts_of_model(model)
    for setting in settings:
        estimated = estimate(
            facts.architecture,
            facts.weights_bytes,
            ctx=setting.ctx,
            kv_type_k=setting.kv,
            kv_type_v=setting.kv,
            flash_attention=setting.flash,
            slots=setting.slots,
        )
        assert estimated is not None, name
        yield Row(name=name, setting=setting, estimated=estimated, found=buffers(model, setting))


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


def log_of(model: Path, setting: Setting, program: Sequence[str], *more: str) -> list[str]:
    """What the server writes until it is up, when it is ended."""
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
            if READY in line or len(lines) > MOST_LINES:
                break
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()
        process.stdin.close()
    return lines


def main(arguments: Sequence[str]) -> None:
    """Load everything, print the table, and write the page if asked."""
    with tempfile.TemporaryDirectory() as folder:
        dense = [row for name, shape in DENSE.items() for row in rows(name, shape, GRID, Path(folder))]
        others = [row for name, shape in OTHERS.items() for row in rows(name, shape, GRID, Path(folder))]
    head = ("model", "ctx", "KV", "flash", "slots", "weights", "cache", "compute", "estimate", "off")
    print(
        table("Estimate beside the server's own figures, MiB", head, [_cells(row) for row in dense + others])
    )
    if "--write" in arguments:
        PAGE.write_text(_page(head, dense, others), encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    setting, found, (kv, compute, total) = row.setting, row.found, row.errors
    return (
        row.name,
        str(setting.ctx),
        setting.kv,
        "on" if setting.flash else "off",
        str(setting.slots),
        f"{found.weights_bytes / MIB:.1f}",
        f"{found.kv_bytes / MIB:.1f} ({kv:+.1%})",
        f"{found.compute_bytes / MIB:.1f} ({compute:+.1%})",
        f"{row.estimated_bytes / MIB:.1f}",
        f"{total:+.1%}",
    )


def _page(head: Sequence[str], dense: Sequence[Row], others: Sequence[Row]) -> str:
    worst = [max(abs(row.errors[part]) for row in dense) for part in range(3)]
    version = builtin.version().splitlines()[0].removeprefix("version: ")
    text = f"""# The memory estimate beside llama-server's own figures

Made by `python -m tests.benchmarks estimate --write` on the built-in server
({re.sub(r"[()]", "", version)}), without graphics cards. Weights, cache and compute are the MiB
that the server reports for each load; in brackets and in the last column is how far the formula
(`modelhubd/fit/estimate.py`) is off, the last for all three together. Every dense row is held to 10 %
by `tests/integration/llama/test_estimate.py`.

Dense models, {len(dense)} loads: at most {worst[0]:.1%} off for the cache, {worst[1]:.1%} for compute,
{worst[2]:.1%} for all together.

"""
    for title, part in (("Dense models", dense), ("Others: the formula is a guess", others)):
        text += f"## {title}\n\n"
        text += "| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n"
        text += "".join("| " + " | ".join(_cells(row)) + " |\n" for row in part) + "\n"
    return text.rstrip() + "\n"


def _error(estimated: int, found: int) -> float:
    return estimated / found - 1 if found else float(estimated != 0)
