"""The estimate beside what a real llama-server reports, over shapes × context × KV type × flash attention.

`python -m tests.benchmarks estimate --write` makes `docs/benchmarks/estimate.md` again. Each row is one load
of a model without weights (`tests.fakes.hollow_gguf`) by the built-in server, whose log names its buffers.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhubd.fit.estimate import MemoryNeed, estimate
from modelhubd.llama import builtin
from modelhubd.llama.buffers import Buffers
from tests.benchmarks import projectors
from tests.benchmarks.figures import table
from tests.benchmarks.loads import BUILTIN, Setting, buffers, facts_of_model
from tests.benchmarks.projectors import Seen, seen
from tests.fakes.hollow_gguf import DENSE, OTHERS, Hollow, write_hollow
from tests.fakes.hollow_projector import PROJECTORS

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "estimate.md"
MIB = 1024 * 1024


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


def main(arguments: Sequence[str]) -> None:
    """Load everything, print the table, and write the page if asked."""
    with tempfile.TemporaryDirectory() as folder:
        dense = [row for name, shape in DENSE.items() for row in rows(name, shape, GRID, Path(folder))]
        others = [row for name, shape in OTHERS.items() for row in rows(name, shape, GRID, Path(folder))]
        eyes = [
            load
            for name, shape in PROJECTORS.items()
            for load in seen(name, shape, Path(folder), BUILTIN, True, False)
        ]
    head = ("model", "ctx", "KV", "flash", "slots", "weights", "cache", "compute", "estimate", "off")
    print(
        table("Estimate beside the server's own figures, MiB", head, [_cells(row) for row in dense + others])
    )
    print(table("Vision encoders, MiB", projectors.HEAD, [load.cells for load in eyes]))
    if "--write" in arguments:
        PAGE.write_text(_page(head, dense, others, eyes), encoding="utf-8")


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


def _page(head: Sequence[str], dense: Sequence[Row], others: Sequence[Row], eyes: Sequence[Seen]) -> str:
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
        text += f"## {title}\n\n" + _rows(head, [_cells(row) for row in part])
    text += f"""## Vision encoders

Projector files of the kind `mlp` beside a small model, {len(eyes)} loads: what their encoder computes with
(`modelhubd/fit/vision.py`) is at most {max(load.encoder_error for load in eyes):.1%} too high and \
{abs(min(0.0, *(load.encoder_error for load in eyes))):.1%} too low, model and projector
together at most {max(abs(load.error) for load in eyes):.1%} off. Width and blocks are the encoder's; "all" \
is weights, cache and compute of both.
`tests/real/test_estimate.py` holds the same shapes to 10 % of "all" on the real program.

"""
    return (text + _rows(projectors.HEAD, [load.cells for load in eyes])).rstrip() + "\n"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = "| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n"
    return text + "".join("| " + " | ".join(row) + " |\n" for row in rows) + "\n"


def _error(estimated: int, found: int) -> float:
    return estimated / found - 1 if found else float(estimated != 0)
