"""What the catalog's entries come to on this machine: the verdict of each, and which are installed."""

from collections.abc import Collection, Sequence

import msgspec

from modelhubd.fit.verdict import best_option, judge, least_bad
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.device import Device
from modelhubd.wire.fit import Fit, Verdict

InstalledKey = tuple[str, int, str]
"""(model, version, option)"""

RUNS = (Verdict.COMPATIBLE, Verdict.TIGHT)
"""What `compatible=true` keeps."""


class Judged(msgspec.Struct, frozen=True, gc=False):
    """An entry on this machine. `best` is the option that a bare download would choose; `fit` is its
    verdict, or that of the least bad option where none would be chosen."""

    best: str | None
    size_bytes: int | None
    fit: Fit
    runs: bool
    installed: bool


def judge_options(
    entry: CatalogEntry, device: Device, installed: Collection[InstalledKey], ctx: int | None = None
) -> list[tuple[Option, Fit]]:
    """Each option with its verdict, for a context of `ctx` tokens if named, in the entry's order."""
    return [
        (
            option,
            judge(
                option,
                architecture=entry.architecture,
                hardware=entry.hardware,
                parameters=entry.parameters,
                device=device,
                installed=(entry.id, entry.version, option.id) in installed,
                ctx=ctx,
            ),
        )
        for option in entry.options
    ]


def judge_entry(
    entry: CatalogEntry, device: Device, installed: Collection[InstalledKey], is_installed: bool
) -> Judged:
    options = judge_options(entry, device, installed)
    shown, fit = shown_option(options)
    best = best_option(options)
    return Judged(
        best=None if best is None else best.id,
        size_bytes=shown.size_bytes,
        fit=fit,
        runs=fit.verdict in RUNS,
        installed=is_installed,
    )


def shown_option(options: Sequence[tuple[Option, Fit]]) -> tuple[Option, Fit]:
    """The option that stands for the entry: the best one, else the least bad."""
    best = best_option(options)
    for option, fit in options:
        if option is best:
            return option, fit
    least = least_bad(options)
    assert least is not None, "an entry has options"
    return least
