"""What a load would take and do, as people and scripts read it."""

from collections.abc import Iterator, Sequence

from modelhub_cli import words
from modelhub_cli.failures import REFUSED
from modelhub_cli.fit_columns import FIT, NEEDS
from modelhub_cli.output import Column, Fact, Output, plain
from modelhubd.wire.catalog import JudgedOption
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import Estimate, LoadPlan


def print_estimate(out: Output, artifact: Artifact, found: Estimate) -> int:
    """Memory part by part, and whether it is there; the exit code says that too."""
    if out.json:
        out.value(found)
    else:
        exact = words.reference(artifact.model, artifact.version, artifact.option)
        out.facts((Fact(name="model", raw=exact), *_memory(found)))
        _say_notes(out, found)
    return 0 if found.fits else REFUSED


FITS: tuple[Column[JudgedOption], ...] = (
    Column(title="option", raw=lambda option: option.id, style="bold"),
    FIT,
    NEEDS,
    Column(
        title="available",
        raw=lambda option: option.fit.available_bytes,
        shown=lambda option: words.size(option.fit.available_bytes),
        right=True,
    ),
    Column(title="context", raw=lambda option: option.fit.assumes and option.fit.assumes.ctx, right=True),
    Column(title="why", raw=lambda option: option.fit.reason, flexible=True, from_width=100),
)


def print_fits(out: Output, options: Sequence[JudgedOption], ref: str) -> None:
    """What loading would take of what is not installed, as far as the catalog can tell."""
    out.items(options, FITS, lambda option: option.id)
    out.say(f"{ref} is not installed: this is worked out from the catalog. Get it: modelhub pull {ref}")


def print_plan(out: Output, found: LoadPlan, *, force: bool) -> int:
    """What a load would do; the exit code says whether it would be refused."""
    if out.json:
        out.value(found)
    else:
        made = {name: one for name, one in found.settings.items() if one.origin != "default"}
        out.facts(
            (
                Fact(name="model", raw=words.reference(found.model, found.version, found.option)),
                Fact(name="name", raw=found.name),
                Fact(
                    name="running",
                    raw=found.running,
                    shown=f"already, as {found.running}: nothing would be started" if found.running else "",
                ),
                Fact(name="build", raw=found.build),
                *(
                    Fact(name=name, raw=one.value, shown=f"{plain(one.value)} ({one.origin})")
                    for name, one in made.items()
                ),
                *_memory(found.estimate),
                Fact(name="options", raw=" ".join(found.options)),
            )
        )
        _say_notes(out, found.estimate)
    return 0 if found.estimate.fits or force or found.running else REFUSED


def _memory(found: Estimate) -> Iterator[Fact]:
    parts = (
        ("weights", found.weights_bytes), ("kv_cache", found.kv_bytes), ("compute", found.compute_bytes),
        ("overhead", found.overhead_bytes), ("total", found.total_bytes),
        ("available", found.available_bytes),
    )  # fmt: skip
    style = "green" if found.fits else "red"
    yield Fact(name="context", raw=found.ctx, shown=f"{found.ctx} tokens")
    for part, number in parts:
        yield Fact(name=part, raw=number, shown=words.size(number))
    yield Fact(name="evicts", raw=found.evicts, shown=", ".join(found.evicts))
    yield Fact(name="fits", raw=found.fits, shown="", style=style)
    yield Fact(name="verdict", raw=found.reason, style=style)


def _say_notes(out: Output, found: Estimate) -> None:
    for note in found.notes:
        out.say(note)
