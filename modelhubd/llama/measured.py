"""What loads really took on this machine, and how that corrects an estimate. Pure.

A measurement is bounded: it makes no part of an estimate more than twice what it was or less than half of
it, and adds at most 256 MiB for the program itself. So neither a log that lies nor a machine in an odd moment
can make an estimate useless, and one bad measurement is mended by the next.
"""

from collections.abc import Iterable

import msgspec

from modelhubd.fit.estimate import UBATCH
from modelhubd.llama.buffers import Buffers
from modelhubd.llama.memory import Need
from modelhubd.wire.servers import LoadSettings

FACTOR = 2
"""How far a measurement may move a part of an estimate, up or down."""
PROGRAM_MAX = 256 * 1024 * 1024
MEASURED = "measured"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a load before it: `kind` names the settings beside the context that decide."""

    library_id: str
    family: str
    kind: str
    ctx: int


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """A load, what was expected of it without corrections, and the buffers that the server reported.
    `program_bytes` is what the process held beyond them and beyond the expected overhead."""

    load: Load
    expected: Buffers
    found: Buffers
    program_bytes: int


def load_of(
    library_id: str, family: str | None, settings: LoadSettings, basis: str, build: str | None
) -> Load:
    """How measurements of such loads are found again."""
    kind = (
        build or "",
        basis,
        settings.kv_type_k or "f16",
        settings.kv_type_v or "f16",
        "off" if settings.flash_attention == "off" else "on",
        str(settings.gpu_layers or "auto") if settings.gpu_layers != 0 else "0",
        str(settings.parallel or 1),
        str(min(settings.batch or UBATCH, UBATCH)),
    )
    return Load(library_id=library_id, family=family or "", kind=" ".join(kind), ctx=settings.ctx or 0)


def measure(load: Load, expected: Need, found: Buffers, rss_bytes: int | None) -> Measurement:
    """A measurement of a load that has just become ready. `rss_bytes` is None where the process's memory
    says little, as with graphics cards."""
    program = 0 if rss_bytes is None else rss_bytes - found.total_bytes - expected.overhead_bytes
    return Measurement(
        load=load,
        expected=Buffers(
            weights_bytes=expected.weights_bytes,
            kv_bytes=expected.kv_bytes,
            compute_bytes=expected.compute_bytes,
        ),
        found=found,
        program_bytes=max(0, min(program, PROGRAM_MAX)),
    )


def corrected(estimate: Need, load: Load, measurements: Iterable[Measurement]) -> Need:
    """The estimate of a load as earlier ones of the same kind correct it; unchanged where there are none.

    The same artifact at the nearest context counts. Where it has never been loaded and the formula only
    guesses, others of its family do; their weights say nothing."""
    alike = [m for m in measurements if m.load.kind == load.kind and m.load.family == load.family]
    own = [m for m in alike if m.load.library_id == load.library_id]
    if not own and (estimate.exact or not alike):
        return estimate
    nearest = min(own or alike, key=lambda m: abs(m.load.ctx - load.ctx))
    expected, found = nearest.expected, nearest.found
    return Need(
        weights_bytes=_scaled(
            estimate.weights_bytes,
            found.weights_bytes if own else expected.weights_bytes,
            expected.weights_bytes,
        ),
        kv_bytes=_scaled(estimate.kv_bytes, found.kv_bytes, expected.kv_bytes),
        compute_bytes=_scaled(estimate.compute_bytes, found.compute_bytes, expected.compute_bytes),
        overhead_bytes=estimate.overhead_bytes + max(0, min(nearest.program_bytes, PROGRAM_MAX)),
        exact=estimate.exact,
        figures=estimate.figures,
        basis=MEASURED,
        before=estimate,
    )


def _scaled(part: int, found: int, expected: int) -> int:
    if expected <= 0:
        return part
    return round(part * max(1 / FACTOR, min(found / expected, FACTOR)))
