"""The download queue."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from modelhub_client.call import TIMEOUT_S, Call, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.downloads import (
    ChangeDownload,
    ChangeLimits,
    CreateDownload,
    Download,
    DownloadLimits,
    Leftovers,
    RemovedLeftovers,
    RemoveLeftovers,
)
from modelhubd.wire.status import QueueSummary


def create_download(
    model: str,
    *,
    version: int | None = None,
    option: str | None = None,
    priority: int = 0,
    force: bool = False,
    max_bytes_per_s: int | None = None,
) -> Call[Download]:
    """Queue a download of a model id, a whole reference, or an address (`hf:owner/repository[:quantization]`,
    `hf:owner/repository/file.gguf`, `https://…/file.gguf`); an equal one under way is answered instead."""
    address = is_address(model)
    wanted = CreateDownload(
        model=None if address else model,
        source=model if address else None,
        version=version,
        option=option,
        priority=priority,
        force=force,
        max_bytes_per_s=max_bytes_per_s,
    )
    timeout_s = 120.0 if address else TIMEOUT_S
    return Call(
        method="POST", target=api("/downloads"), answer=Download, body=body_of(wanted), timeout_s=timeout_s
    )


def is_address(text: str) -> bool:
    """Whether `text` names a model by where it is, rather than by its id in the catalog."""
    return text.startswith(("hf:", "https://", "http://"))


def downloads(
    *, states: Iterable[str] = (), limit: int | None = None, after: str | None = None
) -> Call[Page[Download]]:
    """The queue in its order, then what has ended; only in the given states when any is named."""
    target = api("/downloads", {"state": states, "limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[Download])


def download(download_id: str) -> Call[Download]:
    return Call(method="GET", target=api(f"/downloads/{segment(download_id)}"), answer=Download)


def _verb(download_id: str, verb: str) -> Call[Download]:
    return Call(method="POST", target=api(f"/downloads/{segment(download_id)}/{verb}"), answer=Download)


def pause_download(download_id: str) -> Call[Download]:
    """Stop it for now; what has arrived stays."""
    return _verb(download_id, "pause")


def resume_download(download_id: str) -> Call[Download]:
    """Go on with a paused one."""
    return _verb(download_id, "resume")


def retry_download(download_id: str) -> Call[Download]:
    """Queue a failed or cancelled one again."""
    return _verb(download_id, "retry")


def cancel_download(download_id: str) -> Call[Download]:
    """End it and give its space back."""
    return _verb(download_id, "cancel")


def change_download(
    download_id: str,
    *,
    priority: int | None = None,
    position: int | None = None,
    max_bytes_per_s: int | UnsetType | None = UNSET,
) -> Call[Download]:
    """Give it another priority, another place in the queue (1 is the next), or a limit of its own (None
    removes it)."""
    change = ChangeDownload(priority=priority, position=position, max_bytes_per_s=max_bytes_per_s)
    return Call(
        method="PATCH",
        target=api(f"/downloads/{segment(download_id)}"),
        answer=Download,
        body=_changes(change),
    )


def _changes(change: ChangeDownload) -> bytes:
    """Without what stays as it is; a limit of None is said."""
    given = msgspec.to_builtins(change)
    return msgspec.json.encode(
        {name: value for name, value in given.items() if value is not None or name == "max_bytes_per_s"}
    )


def forget_download(download_id: str) -> Call[None]:
    """Drop an ended one from the list; what is installed stays."""
    return Call(method="DELETE", target=api(f"/downloads/{segment(download_id)}"), answer=type(None))


def pause_all() -> Call[QueueSummary]:
    """Pause whatever can be paused."""
    return Call(method="POST", target=api("/downloads/pause"), answer=QueueSummary)


def resume_all() -> Call[QueueSummary]:
    """Resume whatever is paused."""
    return Call(method="POST", target=api("/downloads/resume"), answer=QueueSummary)


def limits() -> Call[DownloadLimits]:
    """What is in force for all downloads together, and where it comes from."""
    return Call(method="GET", target=api("/downloads/limits"), answer=DownloadLimits)


def change_limits(
    *,
    max_active: int | UnsetType = UNSET,
    max_bytes_per_s: int | UnsetType | None = UNSET,
    connections: int | UnsetType = UNSET,
    schedule: str | UnsetType | None = UNSET,
) -> Call[DownloadLimits]:
    """Change what is given, at once in force and kept over restarts; None removes a limit."""
    change = ChangeLimits(
        max_active=max_active, max_bytes_per_s=max_bytes_per_s, connections=connections, schedule=schedule
    )
    return Call(
        method="PATCH",
        target=api("/downloads/limits"),
        answer=DownloadLimits,
        body=msgspec.json.encode(change),
    )


def leftovers() -> Call[Leftovers]:
    """Partial files that belong to no download."""
    return Call(method="GET", target=api("/downloads/leftovers"), answer=Leftovers)


def remove_leftovers(names: Iterable[str] | None = None) -> Call[RemovedLeftovers]:
    """Remove the named ones, or all."""
    wanted = RemoveLeftovers(names=None if names is None else tuple(names))
    return Call(
        method="POST", target=api("/downloads/leftovers"), answer=RemovedLeftovers, body=body_of(wanted)
    )
