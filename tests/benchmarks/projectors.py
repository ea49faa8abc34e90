"""The estimate of vision encoders beside what a llama-server reserves for them, of several shapes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from modelhubd.llama.buffers import MIB, Buffers, read_buffers
from modelhubd.llama.memory import Need, need
from modelhubd.wire.library import Artifact, ArtifactFile
from modelhubd.wire.servers import LoadSettings
from tests.benchmarks.loads import Setting, facts_of_model, log_of
from tests.fakes import samples
from tests.fakes.hollow_gguf import Hollow, write_hollow
from tests.fakes.hollow_projector import Projector, write_projector

_RESERVED = re.compile(r"reserve_compute_meta: +\S+ compute buffer size = +([0-9.]+) MiB")
WARMED = "warmup: flash attention is"
HEAD = ("projector", "px", "patch", "width", "blocks", "heads", "flash", "encoder", "estimate", "all", "off")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One load with a projector: what was estimated and what the server reports."""

    name: str
    shape: Projector
    flash: bool
    need: Need
    found: Buffers
    encoder_bytes: int
    projector_bytes: int

    @property
    def encoder_error(self) -> float:
        return self.need.encoder_bytes / self.encoder_bytes - 1

    @property
    def error(self) -> float:
        """Of weights, cache and compute of the model and its projector together."""
        told = self.need.weights_bytes + self.need.kv_bytes + self.need.compute_bytes + self.projector_bytes
        return told / (self.found.total_bytes + self.projector_bytes) - 1

    @property
    def cells(self) -> tuple[str, ...]:
        shape = self.shape
        return (
            self.name,
            *(str(n) for n in (shape.image, shape.patch, shape.n_embd, shape.n_ff, shape.n_head)),
            "on" if self.flash else "off",
            f"{self.encoder_bytes / MIB:.1f}",
            f"{self.need.encoder_bytes / MIB:.1f} ({self.encoder_error:+.1%})",
            f"{(self.found.total_bytes + self.projector_bytes) / MIB:.1f}",
            f"{self.error:+.1%}",
        )


def seen(name: str, shape: Projector, folder: Path, program: Sequence[str], *flash: bool) -> Iterator[Seen]:
    """Load a small model with a projector of this shape, with and without flash attention."""
    text = Hollow(n_embd=shape.n_text, n_ff=3 * shape.n_text, n_layer=2, n_vocab=3000)
    model, projector = write_hollow(folder / "model.gguf", text), write_projector(folder / "mm.gguf", shape)
    sizes = model.stat().st_size, projector.stat().st_size
    facts = facts_of_model(model)
    vision = facts_of_model(projector).vision
    files = (
        ArtifactFile(name=model.name, role="model", size_bytes=sizes[0], sha256=None),
        ArtifactFile(name=projector.name, role="projector", size_bytes=sizes[1], sha256=None),
    )
    artifact: Artifact = samples.artifact(size_bytes=sum(sizes), files=files)
    for on in flash:
        setting = Setting(ctx=2048, flash=on)
        lines = log_of(model, setting, program, "--mmproj", str(projector), until=WARMED)
        found, reserved = read_buffers(lines), [float(n) for n in _RESERVED.findall("".join(lines))]
        assert found is not None and reserved, "".join(lines[-20:])
        settings = LoadSettings(ctx=2048, parallel=1, flash_attention="on" if on else "off")
        yield Seen(
            name=name,
            shape=shape,
            flash=on,
            need=need(artifact, msgspec.structs.replace(facts, vision=vision), settings),
            found=found,
            encoder_bytes=round(sum(reserved) * MIB),
            projector_bytes=sizes[1],
        )
