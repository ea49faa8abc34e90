"""One entry in full, as this machine sees it."""

from collections.abc import Collection

from modelhubd.catalog.merge import Sourced, shown_name
from modelhubd.catalog.verdicts import InstalledKey, judge_options, shown_option
from modelhubd.errors import InvalidInput
from modelhubd.fit.verdict import best_option
from modelhubd.trust.digests import option_digest
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import CatalogEntry, Counters, JudgedOption, ModelDetail, Option, VersionNote
from modelhubd.wire.device import Device
from modelhubd.wire.fit import Fit


def detail_of(
    item: Sourced,
    device: Device,
    installed: Collection[InstalledKey],
    counters: Counters,
    ctx: int | None = None,
) -> ModelDetail:
    """The whole entry, each option judged for `device`, with a context of `ctx` tokens if named."""
    entry = item.entry
    judged = judge_options(entry, device, installed, ctx)
    best = best_option(judged)
    return ModelDetail(
        id=entry.id,
        display_name=shown_name(entry),
        publisher=entry.publisher or entry.id.partition("/")[0],
        description=entry.description,
        parameters=entry.parameters,
        active_parameters=entry.active_parameters,
        capabilities=entry.capabilities,
        license=entry.license,
        tags=entry.tags,
        context_length=entry.context_length,
        architecture=entry.architecture,
        base_model=entry.base_model,
        homepage=entry.homepage,
        verified=entry.verified,
        source=item.source,
        published_by=entry.published_by,
        published_at=entry.published_at,
        version=entry.version,
        versions=history(entry),
        requires=entry.requires,
        hardware=entry.hardware,
        settings=entry.settings,
        counters=counters,
        best_option=None if best is None else best.id,
        fit=shown_option(judged)[1],
        options=tuple(_judged(option, fit, entry, installed) for option, fit in judged),
        installed_versions=tuple(sorted({version for model, version, _ in installed if model == entry.id})),
    )


def _judged(
    option: Option, fit: Fit, entry: CatalogEntry, installed: Collection[InstalledKey]
) -> JudgedOption:
    return JudgedOption(
        id=option.id,
        format=option.format,
        quantization=option.quantization,
        quantizer=option.quantizer,
        size_bytes=option.size_bytes,
        files=option.files,
        digest=option_digest(option.files),
        unverified=not option.has_digests,
        installed=(entry.id, entry.version, option.id) in installed,
        fit=fit,
    )


def history(entry: CatalogEntry) -> tuple[VersionNote, ...]:
    """Its versions, newest first; the one that is served is always among them."""
    notes = {note.version: note for note in entry.versions}
    if entry.version not in notes:
        notes[entry.version] = VersionNote(
            version=entry.version, published_at=entry.published_at, published_by=entry.published_by
        )
    return tuple(notes[version] for version in sorted(notes, reverse=True))


def history_page(entry: CatalogEntry, limit: int, after: str | None) -> Page[VersionNote]:
    """A page of the versions; `after` is the last one of the page before.

    Raises:
        InvalidInput: `after` is no cursor of this list.
    """
    notes = history(entry)
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 12):
        raise InvalidInput.at("?after", "not a cursor; pass what a page gave as next")
    rest = [note for note in notes if after is None or note.version < int(after)]
    following = str(rest[limit - 1].version) if len(rest) > limit else None
    return Page(items=tuple(rest[:limit]), next=following, total=len(notes))
