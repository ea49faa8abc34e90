"""Decides which option of an entry a download fetches. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelhubd.catalog.verdicts import shown_option
from modelhubd.errors import Conflict, NotFound
from modelhubd.fit.verdict import best_option
from modelhubd.trust.text import printable
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.fit import Fit, Verdict

REMEDIES = {
    Verdict.TOO_LARGE: "Choose a smaller model, or force the download.",
    Verdict.UNSUPPORTED: "Choose another model, or force the download.",
}
"""Verdicts that an option asked for by name must not have, and what to do if no other is better."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a download is to fetch."""

    entry: CatalogEntry
    option: Option
    fit: Fit

    @property
    def version(self) -> int:
        return self.entry.version


def choice(
    entry: CatalogEntry, judged: Sequence[tuple[Option, Fit]], option: str | None, force: bool
) -> Chosen:
    """The option of `entry` that was asked for by id, or the best one; see `Catalog.choose`."""
    if option is None:
        best = best_option(judged)
        found, fit = shown_option(judged)
        if best is None and not force:
            raise Conflict(
                f"No option of {entry.id} is known to run here. The nearest is {found.id}: {fit.reason} "
                + REMEDIES.get(fit.verdict, "Name that option to download it nonetheless."),
                code="does_not_fit",
            )
        return Chosen(entry, found, fit)
    for found, fit in judged:
        if found.id == option:
            if fit.verdict in REMEDIES and not force:
                raise Conflict(
                    f"{entry.id}:{found.id} does not fit this machine: {fit.reason} "
                    "Choose another option, or force the download.",
                    code="does_not_fit",
                )
            return Chosen(entry, found, fit)
    offered = ", ".join(found.id for found, _ in judged)
    raise NotFound(
        f"{entry.id} has no option {printable(option)[:80]}. It offers {offered}.", code="option_not_found"
    )
