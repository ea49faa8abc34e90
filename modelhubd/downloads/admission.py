"""What keeps a download from being enqueued, or from going on."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from modelhubd.downloads import staging, store
from modelhubd.downloads.plan import TransferEnded, permanent
from modelhubd.downloads.rows import StoredDownload, StoredFile
from modelhubd.downloads.surroundings import Forbidden, Surroundings
from modelhubd.errors import Conflict, InvalidInput
from modelhubd.storage.room import refuse_without_room
from modelhubd.tasks import in_thread
from modelhubd.trust.names import Reference, parse_reference
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import CreateDownload

T = TypeVar("T")


def agreed(in_reference: T | None, given: T | None, pointer: str) -> T | None:
    """What a reference and a field of its own say together.

    Raises:
        InvalidInput: at `pointer`, where they contradict each other.
    """
    if in_reference is not None and given is not None and in_reference != given:
        raise InvalidInput.at(pointer, f"{given!r} contradicts {in_reference!r} in the model reference")
    return given if in_reference is None else in_reference


async def reference_of(request: CreateDownload, resolve: Callable[[str], Awaitable[Reference]]) -> Reference:
    """What is to be downloaded; `resolve` says what an address means.

    Raises:
        InvalidInput: `model` is no reference, or contradicts `version` or `option`; not one of `model` and
            `source` is given.
        Refused: as `resolve` says.
    """
    if (request.model is None) == (request.source is None):
        raise InvalidInput.at("/model", "give either a model or a source")
    if request.model is None:
        found = await resolve(request.source or "")
    else:
        found = parse_reference(request.model)
    return Reference(
        found.model,
        agreed(found.version, request.version, "/version"),
        agreed(found.option, request.option, "/option"),
    )


async def no_addresses(source: str) -> Reference:
    """Where nobody can say what an address means."""
    raise InvalidInput.at("/source", "addresses cannot be downloaded from here")


def installed_already(model: str, version: int, option: str) -> Conflict:
    """The refusal to download again what is here."""
    return Conflict(
        f"{model}@{version}:{option} is installed already. Remove it first to download it again.",
        code="already_installed",
    )


async def refuse_unless_room(around: Surroundings, files: Iterable[OptionFile | StoredFile]) -> None:
    """
    Raises:
        NoSpace: the disk, as it is now, cannot hold these files too.
    """
    try:
        free = await in_thread(lambda: staging.free_bytes(around.root))
    except OSError:
        return  # it waits for the directory
    promised = await store.bytes_promised(around.database.reader)
    what, size = "The files of this download", sum(file.size_bytes or 0 for file in files)
    refuse_without_room(what, size, promised=promised, reserve=around.reserve_bytes, free=free)


async def refuse_forbidden(forbidden: Forbidden, row: StoredDownload) -> None:
    """
    Raises:
        TransferEnded: a policy has come to forbid it since it was asked for.
    """
    words = await forbidden(row.model, row.version, row.option, row.digest)
    if words is not None:
        raise TransferEnded(permanent("refused_by_policy", words))
