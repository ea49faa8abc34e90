"""Progress bars on a terminal: bytes, rate, time left; one bar per download. Here rich does the drawing."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from modelhub_cli import words
from modelhub_cli.output import Output
from modelhub_cli.views import name_of, why
from modelhubd.wire.downloads import Download, DownloadState

NUMBERS_WIDTH = 46
MOVING = (DownloadState.ACTIVE, DownloadState.VERIFYING, DownloadState.INSTALLING)


def console(out: Output) -> Console:
    """The terminal behind stderr, without colour where that was asked for."""
    return Console(
        file=sys.stderr,
        width=out.width,
        no_color=not out.colour,
        force_terminal=True,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


class _Numbers(ProgressColumn):
    """`1.52 GB of 5.03 GB   12.3 MB/s   4 min 12 s left`, as much of it as fits, or the state."""

    def __init__(self, width: int) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis", width=width))
        self._width = width

    def render(self, task: Task) -> Text:
        download: Download | None = task.fields.get("download")
        if download is None:
            return Text()
        if task.fields["away"]:
            return Text("the daemon is away, waiting for it", style="yellow")
        style = words.STATE_STYLES.get(download.state.value, "")
        if download.state is DownloadState.COMPLETED:
            return Text(f"{words.size(download.progress.done_bytes)}  installed", style=style)
        if download.state.ended:
            return Text(download.state.value, style=style)
        if download.state is DownloadState.VERIFYING:
            return Text(f"verifying {words.size(download.progress.verified_bytes)}", style=style)
        if download.state is not DownloadState.ACTIVE:
            return Text(download.state.value, style=style)
        return Text(self._moving(download))

    def _moving(self, download: Download) -> str:
        progress = download.progress
        done, total = words.size(progress.done_bytes), words.size(progress.total_bytes)
        rate = words.rate(progress.rate_bytes_per_s) if progress.rate_bytes_per_s else ""
        left = words.left(progress.eta_s) if progress.eta_s is not None else ""
        forms = (f"{done} of {total}", rate, left), (done, rate, left), (done, left), (done,)
        texts = ["  ".join(filter(None, parts)) for parts in forms]
        return next((text for text in texts if len(text) <= self._width), texts[-1])


class _DownloadBars(Progress):
    """The bars, and beneath them why some do not move."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            download: Download | None = task.fields.get("download")
            if download is None or download.state.ended or task.fields["away"]:
                continue
            if reason := why(download):
                yield Text(f"{task.description}: {reason}", style="yellow")


class Bars:
    """A bar for each of several things, on stderr, while it is entered: name, bar, and what `numbers` say."""

    def __init__(self, out: Output, *numbers: ProgressColumn, kind: type[Progress] = Progress) -> None:
        name = TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", max_width=max(16, out.width * 2 // 5)),
        )
        bar = BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4))
        self._progress = kind(name, bar, *numbers, console=console(out), expand=True, refresh_per_second=8)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        try:
            self._progress.start()
        except BaseException:
            self._progress.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class BarView(Bars):
    """One bar per download."""

    def __init__(self, out: Output) -> None:
        super().__init__(out, _Numbers(min(NUMBERS_WIDTH, out.width // 2)), kind=_DownloadBars)

    def changed(self, download: Download) -> None:
        self._show(download)
        self._progress.refresh()

    def progressed(self, download: Download) -> None:
        self._show(download)

    def lost(self) -> None:
        for task in self._tasks.values():
            self._progress.update(task, away=True)

    def _show(self, download: Download) -> None:
        if download.id not in self._tasks:
            self._tasks[download.id] = self._progress.add_task(
                name_of(download), total=None, download=None, away=False
            )
        total = download.progress.total_bytes
        done = download.progress.done_bytes
        if download.state is DownloadState.COMPLETED:
            total = done = total or done or 1
        elif download.state is DownloadState.VERIFYING:
            done = download.progress.verified_bytes
        elif total is None and download.state not in MOVING:
            total = 1
        self._progress.update(
            self._tasks[download.id], total=total, completed=done, download=download, away=False
        )


@contextmanager
def spinner(out: Output, text: str) -> Generator[Progress, None, None]:
    """A spinner with a text that can be changed and the time it has taken, on stderr; gone when it ends, also
    where Ctrl-C comes while it is being drawn for the first time."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console(out),
        transient=True,
    )
    progress.add_task(text, total=None)
    try:
        progress.start()
        yield progress
    finally:
        progress.stop()
