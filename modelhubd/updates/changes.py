"""What a newer version changes of what people decide by. No I/O."""

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from modelhubd.wire.catalog import CatalogEntry, Option, VersionNote
from modelhubd.wire.updates import UpdateChange

FIELDS = (
    "display_name", "license", "context_length", "parameters", "active_parameters", "capabilities",
    "requires", "hardware", "settings", "base_model", "verified", "publisher",
)  # fmt: skip
OF_OPTION = ("format", "quantization", "quantizer", "size_bytes")
UNORDERED = ("capabilities", "os", "arch")


def changes_between(
    before: CatalogEntry | None, after: CatalogEntry, old: Option | None, new: Option | None
) -> tuple[UpdateChange, ...]:
    """Differences field by field, by path; of lists whose order says nothing the order does not count.

    `before` is None where nobody kept what was installed: then only the options are compared.
    """
    found: list[UpdateChange] = []
    if before is not None:
        found += _in_object(_told(before, FIELDS), _told(after, FIELDS), "")
    if old is not None and new is not None:
        found += _in_object(_told(old, OF_OPTION), _told(new, OF_OPTION), "option/")
    return tuple(found)


def notes_after(entry: CatalogEntry, installed: int) -> tuple[VersionNote, ...]:
    """Of the versions that came after the installed one, up to the one that is served, newest first."""
    notes = {note.version: note for note in entry.versions if installed < note.version <= entry.version}
    if entry.version > installed and entry.version not in notes:
        notes[entry.version] = VersionNote(
            version=entry.version, published_at=entry.published_at, published_by=entry.published_by
        )
    return tuple(notes[version] for version in sorted(notes, reverse=True))


def _told(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: to_builtins(getattr(value, name)) for name in names}


def _in_object(before: dict[str, Any], after: dict[str, Any], place: str) -> Iterator[UpdateChange]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _in_object(old, new, f"{place}{name}/")
        elif name in UNORDERED and isinstance(old, list | tuple) and isinstance(new, list | tuple):
            if sorted(old) != sorted(new):
                yield UpdateChange(field=f"{place}{name}", before=old, after=new)
        elif old != new:
            yield UpdateChange(field=f"{place}{name}", before=old, after=new)
