"""Decides which entries make up the catalog, of what its sources hold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from modelhubd.catalog.orders import in_order
from modelhubd.trust.names import is_addressed
from modelhubd.wire.catalog import CatalogEntry, CatalogFault


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """A sound entry of a file in `catalog.d` and where it stands there."""

    file: str
    pointer: str
    entry: CatalogEntry


@dataclass(frozen=True, slots=True)
class Sourced:
    """An entry of the catalog. `source` is `registry`, `floor` or `local`; `direct` where it was made of an
    address and no catalog lists it."""

    entry: CatalogEntry
    source: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The catalog by name, and the local entries that did not get in."""

    entries: list[Sourced]
    faults: tuple[CatalogFault, ...]


def shown_name(entry: CatalogEntry) -> str:
    """What people call the model: its display name, else the second part of its id."""
    return entry.display_name or entry.id.partition("/")[2]


def name_order(entry: CatalogEntry) -> tuple[str, str]:
    return shown_name(entry).casefold(), entry.id


def merge(
    base: Iterable[CatalogEntry],
    local: Iterable[LocalEntry],
    *,
    base_source: str = "floor",
    closed: Collection[str] = (),
) -> Merged:
    """`base` with the local entries that name models of their own.

    A local entry never replaces one of the base, nor one that is `closed` because it was withdrawn, and has
    no id that is made of an address; of two local ones the first stays, in the order given. It counts as
    verified by nobody, whatever it says.
    """
    served = {entry.id: Sourced(entry, base_source) for entry in base}
    added: dict[str, LocalEntry] = {}
    faults = []
    for item in local:
        if is_addressed(item.entry.id):
            reason = f"{item.entry.id} would seem to be what lies at an address; choose an id of your own"
            faults.append(CatalogFault(file=item.file, pointer=f"{item.pointer}/id", reason=reason))
        elif item.entry.id in served:
            reason = f"{item.entry.id} is in the catalog already; choose an id of your own"
            faults.append(CatalogFault(file=item.file, pointer=f"{item.pointer}/id", reason=reason))
        elif item.entry.id in closed:
            reason = f"{item.entry.id} has been withdrawn by the registry; choose an id of your own"
            faults.append(CatalogFault(file=item.file, pointer=f"{item.pointer}/id", reason=reason))
        elif item.entry.id in added:
            reason = f"{item.entry.id} is in {added[item.entry.id].file} already; the first one counts"
            faults.append(CatalogFault(file=item.file, pointer=f"{item.pointer}/id", reason=reason))
        else:
            added[item.entry.id] = item
    entries = [
        *served.values(),
        *(Sourced(replace(item.entry, verified=False), "local") for item in added.values()),
    ]
    ordered = in_order([name_order(item.entry) for item in entries])
    return Merged([entries[at] for at in ordered], tuple(faults))
