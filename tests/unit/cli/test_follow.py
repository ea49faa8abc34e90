"""Following downloads: whatever happens on the way, it ends when they have ended."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from modelhub_cli.follow import Followed, follow
from modelhub_cli.output import Output
from modelhub_cli.views import JsonView, LineView, percent
from modelhub_client import Client, Event, Snapshot, State
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.downloads import Download, DownloadError, DownloadState
from modelhubd.wire.events import DownloadProgress, Removed
from tests.fakes import samples

ID = samples.download().id


class Seen:
    """A view that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def changed(self, download: Download) -> None:
        self.told.append(download.state.value)

    def progressed(self, download: Download) -> None:
        self.told.append(f"{percent(download)} %")

    def lost(self) -> None:
        self.told.append("lost")


class Scripted(Client):
    """A client whose events and downloads are given."""

    def __init__(self, events: Sequence[Event], *downloads: Download) -> None:
        super().__init__(environ={})
        self.script = events
        self.held = {download.id: download for download in downloads}

    def events(self, *_: object, **__: object) -> Generator[Event, None, None]:
        yield from self.script
        raise AssertionError("it went on although all had ended")

    def download(self, download_id: str) -> Download:
        from modelhub_client import NotFound
        from modelhubd.wire.problem import Problem

        if download_id not in self.held:
            raise NotFound(Problem(type="", title="", status=404, detail="No.", code="not_found"))
        return self.held[download_id]


def _changed(state: str, done: int = 0, **rest: Any) -> Event:
    return Event(type="download.changed", data=samples.download(state=state, done=done, **rest), cursor="e-1")


def _snapshot(*downloads: Download) -> Event:
    return Event(type="snapshot", data=Snapshot(reason="fresh", state=State(downloads=downloads)))


def _gauge(done: int) -> Event:
    data = DownloadProgress(id=ID, done_bytes=done, total_bytes=1000, rate_bytes_per_s=1.0, eta_s=None)
    return Event(type="download.progress", data=data)


def test_a_download_is_followed_to_its_end() -> None:
    seen = Seen()
    script = [
        _snapshot(samples.download(state="active")), _gauge(500), _changed("verifying", 1000),
        _changed("completed", 1000),
    ]  # fmt: skip
    (ended,) = follow(Scripted(script), [samples.download(state="queued")], seen)
    assert ended.state is DownloadState.COMPLETED
    assert seen.told == ["queued", "active", "50 %", "verifying", "completed"]


def test_one_that_has_ended_already_is_not_waited_for() -> None:
    (ended,) = follow(Scripted([]), [samples.download(state="failed")], Seen())
    assert ended.state is DownloadState.FAILED


def test_an_end_that_came_while_the_stream_was_broken_is_in_the_snapshot() -> None:
    seen = Seen()
    script = [_changed("active"), Event(type=DISCONNECTED), _snapshot(samples.download(state="completed"))]
    follow(Scripted(script), [samples.download(state="queued")], seen)
    assert seen.told == ["queued", "active", "lost", "completed"]


def test_one_that_the_snapshot_has_forgotten_is_asked_for() -> None:
    ended = samples.download(state="completed", done=1000)
    assert follow(Scripted([_snapshot()], ended), [samples.download()], Seen()) == (ended,)


@pytest.mark.parametrize("event", [_snapshot(), Event(type="download.removed", data=Removed(id=ID))])
def test_one_that_somebody_has_removed_counts_as_cancelled(event: Event) -> None:
    (ended,) = follow(Scripted([event]), [samples.download()], Seen())
    assert ended.state is DownloadState.CANCELLED


def test_all_must_end_and_others_do_not_matter() -> None:
    script = [
        _changed("completed", id="other"), _changed("completed"),
        _changed("failed", id="second", error=DownloadError(code="http_error", detail="404")),
    ]  # fmt: skip
    found = follow(Scripted(script), [samples.download(), samples.download("second")], Seen())
    assert [download.state.value for download in found] == ["completed", "failed"]


def test_a_late_gauge_does_not_bring_an_ended_one_back() -> None:
    followed = Followed([samples.download(state="completed", done=1000)], Seen())
    followed.take(_gauge(10))
    assert percent(followed.known[ID]) == 100


def test_lines_come_at_each_state_and_every_ten_percent(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView(Output())
    view.changed(samples.download(state="queued"))
    for done in range(0, 1001, 4):
        view.progressed(samples.download(done=done))
    view.changed(samples.download(state="completed", done=1000))
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert told.out == ""
    assert lines[0] == "acme/tiny@1:gguf-f16: queued"
    assert [line.split(": ")[1].split(" %")[0] for line in lines[1:-1]] == [
        str(n) for n in range(10, 101, 10)
    ]


def test_json_comes_at_each_state_and_every_percent(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonView(Output(json=True))
    view.changed(samples.download(state="queued"))
    for done in range(101):
        view.progressed(samples.download(done=done))
    assert len(capsys.readouterr().out.splitlines()) == 1 + 10


def test_a_total_that_is_unknown_has_no_percent() -> None:
    assert percent(samples.download(total=None)) is None
    assert percent(samples.download(total=0)) is None
    assert percent(samples.download(done=2000)) == 100
