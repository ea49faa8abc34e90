"""Decides which artifact a name means. No I/O."""

from collections.abc import Iterable, Sequence

import msgspec

from modelhubd.fit.verdict import best_option, judge, least_bad
from modelhubd.library.store import Stored
from modelhubd.trust.names import Reference
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from modelhubd.wire.device import Device
from modelhubd.wire.library import ArtifactState


def candidates(rows: Iterable[Stored], reference: Reference, chosen: str | None) -> list[Stored]:
    """Those among a model's `rows` that `reference` may mean; several are for `best_fitting` to decide.

    The one somebody chose wins where it has the version and option that are asked for; else the newest
    version does. Whole artifacts come before those that are damaged or gone.
    """
    named = [
        row
        for row in rows
        if reference.version in (None, row.key.version) and reference.option in (None, row.key.option)
    ]
    if by_hand := [row for row in named if row.id == chosen]:
        return by_hand
    usable = [row for row in named if row.state is ArtifactState.OK] or named
    newest = max((row.key.version for row in usable), default=None)
    return [row for row in usable if row.key.version == newest]


def best_fitting(rows: Sequence[Stored], entry: CatalogEntry | None, device: Device) -> Stored:
    """The best for this device of several options of one version, none refused for its size.

    Memory counts as a whole, not as what is free at this moment: a name must not change its meaning because
    a model was loaded.
    """
    quiet = msgspec.structs.replace(
        device,
        ram_available_bytes=device.ram_total_bytes,
        gpus=tuple(msgspec.structs.replace(gpu, free_bytes=gpu.total_bytes) for gpu in device.gpus),
    )
    entry = entry or CatalogEntry(id=rows[0].key.model, options=())
    judged = [
        (
            row,
            judge(
                _option(row),
                architecture=entry.architecture,
                hardware=entry.hardware,
                parameters=entry.parameters,
                device=quiet,
                installed=True,
            ),
        )
        for row in rows
    ]
    best, bad = best_option(judged), least_bad(judged)
    return best or (bad[0] if bad else rows[0])


def _option(row: Stored) -> Option:
    return Option(
        id=row.key.option,
        format=Format(row.format),
        quantization=row.quantization,
        size_bytes=row.size_bytes,
        files=tuple(
            OptionFile(name=file.name, role=Role(file.role), size_bytes=file.size_bytes, sha256=file.sha256)
            for file in row.files
        ),
    )
