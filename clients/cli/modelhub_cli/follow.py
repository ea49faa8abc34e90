"""Following downloads to their end, whoever shows it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec

from modelhub_client import Event, NotFound, Snapshot
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.downloads import Download, DownloadState
from modelhubd.wire.events import DownloadProgress, Removed

if TYPE_CHECKING:
    from modelhub_client import Client


class View(Protocol):
    """Shows downloads while they are followed."""

    def changed(self, download: Download) -> None:
        """A new state, or the first sight of it."""

    def progressed(self, download: Download) -> None:
        """New numbers."""

    def lost(self) -> None:
        """The daemon is away; it is waited for."""


class Followed:
    """What is known of the downloads in `ids`, from the events so far. No I/O."""

    def __init__(self, downloads: Iterable[Download], view: View) -> None:
        self.known = {download.id: download for download in downloads}
        self._view = view
        for download in self.known.values():
            view.changed(download)

    @property
    def ended(self) -> bool:
        return all(download.state.ended for download in self.known.values())

    def take(self, event: Event) -> tuple[str, ...]:
        """Learn from an event; answers the ids that a snapshot lacks and the daemon must be asked about."""
        match event.data:
            case Download():
                self.update(event.data)
            case DownloadProgress():
                self._progress(event.data)
            case Removed():
                self.gone(event.data.id)
            case Snapshot():
                held = {download.id for download in event.data.state.downloads}
                for download in event.data.state.downloads:
                    self.update(download)
                return tuple(self._open() - held)
            case _:
                if event.type == DISCONNECTED:
                    self._view.lost()
        return ()

    def update(self, download: Download) -> None:
        before = self.known.get(download.id)
        if before is None or before == download:
            return
        self.known[download.id] = download
        if before.state is download.state and before.error == download.error:
            self._view.progressed(download)
        else:
            self._view.changed(download)

    def gone(self, download_id: str) -> None:
        """Somebody removed it from the list: unless it had ended it counts as cancelled."""
        before = self.known.get(download_id)
        if before is not None and not before.state.ended:
            self.update(msgspec.structs.replace(before, state=DownloadState.CANCELLED))

    def _progress(self, gauge: DownloadProgress) -> None:
        before = self.known.get(gauge.id)
        if before is None or before.state.ended:
            return
        progress = msgspec.structs.replace(
            before.progress,
            done_bytes=gauge.done_bytes,
            total_bytes=gauge.total_bytes,
            rate_bytes_per_s=gauge.rate_bytes_per_s,
            eta_s=gauge.eta_s,
            verified_bytes=gauge.verified_bytes,
        )
        self.known[gauge.id] = msgspec.structs.replace(before, progress=progress)
        self._view.progressed(self.known[gauge.id])

    def _open(self) -> set[str]:
        return {download.id for download in self.known.values() if not download.state.ended}


def follow(daemon: "Client", downloads: Iterable[Download], view: View) -> tuple[Download, ...]:
    """The downloads as they are when the last of them has ended."""
    followed = Followed(downloads, view)
    if followed.ended:
        return tuple(followed.known.values())
    for event in daemon.events(["downloads"], wait=True):
        for missing in followed.take(event):
            try:
                followed.update(daemon.download(missing))
            except NotFound:
                followed.gone(missing)
        if followed.ended:
            break
    return tuple(followed.known.values())
