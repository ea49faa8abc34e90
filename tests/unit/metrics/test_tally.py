"""What the bus tells is counted once."""

from collections.abc import Iterator

import msgspec
import pytest

from modelhubd.metrics.exposition import Sample
from modelhubd.metrics.tally import Tally
from modelhubd.wire.downloads import DownloadError, DownloadState
from modelhubd.wire.events import Removed
from modelhubd.wire.servers import ServerError, ServerState
from tests.fakes import samples


class Clock:
    """Goes one second with each look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def tally() -> Iterator[Tally]:
    yield Tally(Clock())


def see(tally: Tally, state: str, id: str = "s1", code: str | None = None) -> None:
    error = None if code is None else ServerError(code=code, detail="It broke.")
    server = msgspec.structs.replace(samples.server(id), state=ServerState(state), error=error)
    tally.saw("server.changed", id, server)


def found(tally: Tally, name: str) -> dict[str, float]:
    """Value by suffix and the values of the labels."""
    (one,) = (one for one in tally.families() if one.name == f"modelhub_{name}")
    return {_key(sample): sample.value for sample in one.samples}


def _key(sample: Sample) -> str:
    return " ".join(filter(None, (sample.suffix, *(value for _, value in sample.labels))))


def test_a_load_takes_from_its_start_until_it_answers(tally: Tally) -> None:
    for state in ("starting", "loading", "ready", "ready", "draining", "stopped"):
        see(tally, state)
    seen = found(tally, "server_load_seconds")
    assert (seen["_count"], seen["_sum"], seen["_bucket 0.5"], seen["_bucket 1"]) == (1, 1, 0, 1)


def test_each_failure_and_each_crash_counts_by_its_code(tally: Tally) -> None:
    for state, code in (
        ("starting", None), ("loading", None), ("ready", None), ("starting", "crashed"), ("loading", None),
        ("failed", "killed"), ("failed", "killed"),
    ):  # fmt: skip
        see(tally, state, code=code)
    tally.saw("server.removed", "s1", Removed(id="s1"))
    see(tally, "failed", code="bad_model")
    assert found(tally, "server_failures_total") == {"crashed": 1, "killed": 1, "bad_model": 1}
    assert found(tally, "server_load_seconds")["_count"] == 1


def test_a_restart_after_a_crash_is_a_load_of_its_own(tally: Tally) -> None:
    for state in ("starting", "loading", "ready", "starting", "loading", "ready"):
        see(tally, state)
    assert found(tally, "server_load_seconds")["_count"] == 2


def test_bytes_are_counted_as_they_come_and_each_end_once(tally: Tally) -> None:
    active, completed = DownloadState.ACTIVE, DownloadState.COMPLETED
    for state, done in (
        ("queued", 0),
        (active, 100),
        (active, 100),
        (active, 250),
        (completed, 300),
        (completed, 300),
    ):
        tally.saw("download.changed", "d1", samples.download("d1", state=str(state), done=done))
    failed = msgspec.structs.replace(
        samples.download("d2", state="failed", done=7), error=DownloadError(code="timeout", detail="Slow.")
    )
    tally.saw("download.created", "d2", samples.download("d2", state="queued", done=0))
    tally.saw("download.changed", "d2", failed)
    assert found(tally, "download_bytes_total") == {"": 307}
    assert found(tally, "downloads_ended_total") == {"completed": 1, "failed timeout": 1}


def test_what_was_there_before_the_daemon_started_has_not_come_now(tally: Tally) -> None:
    tally.saw_download(samples.download("d1", state="active", done=5000))
    tally.saw_download(samples.download("d1", state="active", done=5001))
    tally.saw("download.removed", "d1", Removed(id="d1"))
    tally.saw("catalog.synced", "catalog", None)
    assert found(tally, "download_bytes_total") == {"": 1}
