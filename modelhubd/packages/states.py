"""Decides what becomes of first-run downloads. No I/O."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from modelhubd.packages.declared import FirstRunWanted
from modelhubd.packages.store import Decided
from modelhubd.wire.bundles import FirstRunItem, FirstRunState
from modelhubd.wire.downloads import DownloadState

TEMPLATE = "first-run"
"""Id of the registry's template that names models for the first run."""
REGISTRY = "registry"


class Known(Struct, frozen=True, kw_only=True):
    """What is known of first-run downloads: `decided` is kept for ever, `held` why one cannot begin now,
    `downloads` the states of their downloads by id."""

    decided: Mapping[str, Decided]
    held: Mapping[str, str]
    downloads: Mapping[str, DownloadState]


def wanted_of(declared: Sequence[FirstRunWanted], of_registry: Sequence[str]) -> tuple[FirstRunWanted, ...]:
    """All that is wanted; the first to want a model is the one that is named."""
    every = [*declared, *(FirstRunWanted(model=model, declared_by=REGISTRY) for model in of_registry)]
    return tuple({item.model: item for item in reversed(every)}.values())[::-1]


def to_try(wanted: Sequence[FirstRunWanted], known: Known, *, usable: bool) -> tuple[str, ...]:
    """What is to be enqueued now: nothing before there is a `usable` catalog, and nothing twice, so that a
    model that was removed does not come back."""
    if not usable:
        return ()
    return tuple(item.model for item in wanted if item.model not in known.decided)


def item_of(wanted: FirstRunWanted, known: Known) -> FirstRunItem:
    """How one of them stands."""
    found = known.decided.get(wanted.model)
    state, detail, download = FirstRunState.PENDING, known.held.get(wanted.model), None
    if found is not None:
        state, download = FirstRunState(found.state), found.download_id
        going = known.downloads.get(download or "")
        if state is FirstRunState.ENQUEUED:
            state, detail = _of_download(going)
    elif detail is not None:
        state = FirstRunState.HELD
    return FirstRunItem(
        model=wanted.model, declared_by=wanted.declared_by, state=state, detail=detail, download_id=download
    )


def _of_download(state: DownloadState | None) -> tuple[FirstRunState, str | None]:
    match state:
        case None | DownloadState.COMPLETED:
            return FirstRunState.DONE, None
        case DownloadState.CANCELLED:
            return FirstRunState.SKIPPED, None
        case DownloadState.FAILED:
            return FirstRunState.ENQUEUED, "its download has failed; the downloads say why, and can retry it"
        case _:
            return FirstRunState.ENQUEUED, None


def is_over(item: FirstRunItem) -> bool:
    """Whether nothing more is to come of it."""
    return item.state in (FirstRunState.DONE, FirstRunState.SKIPPED)
