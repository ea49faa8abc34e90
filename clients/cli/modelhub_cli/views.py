"""Showing downloads as lines: for logs and pipes, and as JSON for programs. Bars are in `progress`."""

from datetime import UTC, datetime

from modelhub_cli import words
from modelhub_cli.output import Output, plain
from modelhubd.wire.downloads import Download, DownloadState

STEP = 10


def percent(download: Download) -> int | None:
    """Whole percent done; None while the total is unknown."""
    total = download.progress.total_bytes
    return None if not total else min(100, download.progress.done_bytes * 100 // total)


def name_of(download: Download) -> str:
    return words.reference(download.model, download.version, download.option)


def trouble(download: Download) -> str:
    """Why it failed or waits; empty where it does not say."""
    return plain(download.error.detail) if download.error is not None else ""


def why(download: Download) -> str:
    """What keeps it, and when it is tried again: `The disk is full. Tries again in 12 s.`"""
    again = words.until(download.next_retry_at, datetime.now(UTC))
    return " ".join(filter(None, (trouble(download), f"Tries again {again}." if again else "")))


class LineView:
    """A line when a state changes, and one per ten percent."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._steps: dict[str, int] = {}

    def changed(self, download: Download) -> None:
        reason = why(download)
        self._out.say(f"{name_of(download)}: {download.state.value}" + (f": {reason}" if reason else ""))
        self.progressed(download)

    def progressed(self, download: Download) -> None:
        done = percent(download)
        if done is None or download.state is not DownloadState.ACTIVE:
            return
        step = done // STEP * STEP
        if step <= self._steps.get(download.id, 0):
            return
        self._steps[download.id] = step
        progress = download.progress
        parts = [f"{words.size(progress.done_bytes)} of {words.size(progress.total_bytes)}"]
        if progress.rate_bytes_per_s:
            parts.append(words.rate(progress.rate_bytes_per_s))
        if progress.eta_s is not None:
            parts.append(words.left(progress.eta_s))
        self._out.say(f"{name_of(download)}: {step} %, {', '.join(parts)}")

    def lost(self) -> None:
        self._out.say("The daemon is away; waiting for it to come back …")


class JsonView:
    """The whole download as a line of JSON at every change of state and every percent."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._told: dict[str, int | None] = {}

    def changed(self, download: Download) -> None:
        self._told[download.id] = percent(download)
        self._out.value(download)

    def progressed(self, download: Download) -> None:
        if self._told.get(download.id) != percent(download):
            self.changed(download)

    def lost(self) -> None:
        self._out.say("The daemon is away; waiting for it to come back …")


class SilentView:
    """Nothing, for `-q`."""

    def changed(self, download: Download) -> None: ...

    def progressed(self, download: Download) -> None: ...

    def lost(self) -> None: ...
