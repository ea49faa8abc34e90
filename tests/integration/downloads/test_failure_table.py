"""Each row of the failure table, on an origin that misbehaves."""

import asyncio
import contextlib
import time
from pathlib import Path

import msgspec
import pytest

from modelhubd.downloads import scheduler, staging
from modelhubd.downloads.connection import Exchange, Wire
from modelhubd.downloads.plan import Backoff, TransferEnded
from modelhubd.errors import NoSpace
from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.download_home import BRISK, Home, Running, option_of
from tests.fakes.origin import Origin, Step, body, sha256

SIZE = 2_000_000


def offer(home: Home, origin: Origin, path: str, *steps: Step, size: int | None = SIZE) -> None:
    url = origin.serve(path, SIZE, *steps)
    file = OptionFile(name="tiny.gguf", size_bytes=size, sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))


def partials(home: Home) -> list[Path]:
    return [path for path in (home.models_dir / ".staging").rglob("*") if path.is_file()]


def visible(home: Home) -> list[Path]:
    return [path for path in home.models_dir.rglob("*.gguf") if ".staging" not in path.parts]


async def outcome(home: Home, within_s: float = 60) -> tuple[Download, Running]:
    async with home.daemon() as daemon:
        created = await daemon.pull()
        return await daemon.until(created.id, within_s=within_s), daemon


def assert_whole(home: Home) -> None:
    (path,) = visible(home)
    assert path.read_bytes() == body(1, SIZE)


CUT = [
    ("cut after some bytes", {"cut_after": 700_000}),
    ("cut at the first byte", {"cut_after": 0}),
    ("cut before the last byte", {"cut_after": SIZE - 1}),
    ("reset", {"cut_after": 300_000, "reset": True}),
    ("no answer", {"no_answer": True}),
    ("stalls", {"stall_after": 500_000}),
    ("drips", {"rate": 100}),
    ("never answers", {"silent": True}),
    ("not HTTP", {"garbage": True}),
    ("408", {"status": 408}),
    ("425", {"status": 425}),
    ("429", {"status": 429}),
    ("500", {"status": 500}),
    ("502", {"status": 502}),
    ("503", {"status": 503}),
    ("504", {"status": 504}),
]  # fmt: skip


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("what", "step"), CUT, ids=[what for what, _ in CUT])
async def test_a_passing_fault_waits_keeps_the_partial_file_and_goes_on(
    what: str, step: Step, home: Home, origin: Origin
) -> None:
    path = f"/passing/{what.replace(' ', '-')}.gguf"
    offer(home, origin, path, step, {})
    home.backoff = Backoff(first_s=0.4, most_s=0.4)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        waiting = await daemon.until(created.id, DownloadState.WAITING, DownloadState.COMPLETED)
        assert waiting.state is DownloadState.WAITING, waiting.error
        assert waiting.next_retry_at is not None and waiting.error is not None
        assert waiting.error.code in ("http_error", "timeout")
        if what in ("stalls", "never answers"):
            assert waiting.error.detail == "The origin stopped sending."
        had = waiting.progress.done_bytes
        if "cut_after" in step and not step.get("reset"):
            assert had == step["cut_after"], "every byte that came is kept"
        if had:
            assert partials(home), "the partial file is kept"
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert ended.error is None
    assert_whole(home)
    resumed = origin.requests(path)[-1]["fields"]
    assert resumed["range"] == f"bytes={had}-"
    assert ("if-range" in resumed) == (had > 0)


async def test_retry_after_is_honoured(home: Home, origin: Origin) -> None:
    offer(home, origin, "/after.gguf", {"status": 429, "fields": {"Retry-After": "1"}}, {})
    began = time.monotonic()
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.COMPLETED
    assert 1.0 <= time.monotonic() - began < 20


async def test_an_origin_that_does_not_listen_fails_after_twenty_attempts(home: Home) -> None:
    home.allow_origins = ("http://127.0.0.1:9",)
    file = OptionFile(
        name="tiny.gguf", size_bytes=10, sha256="0" * 64, urls=("http://127.0.0.1:9/tiny.gguf",)
    )
    home.offer("acme/tiny", option_of(file))
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert ended.attempts == 20
    assert ended.error is not None and "refuses the connection" in ended.error.detail


async def test_twenty_passing_faults_without_a_byte_fail_and_remove_the_partial(
    home: Home, origin: Origin
) -> None:
    offer(home, origin, "/twenty.gguf", {"cut_after": 400_000}, {"status": 503})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == "http_error"
    assert ended.attempts == 20
    # The first one brought bytes and starts the count again.
    assert len(origin.requests("/twenty.gguf")) == 20
    assert not partials(home)


async def test_a_byte_of_progress_resets_the_count(home: Home, origin: Origin) -> None:
    cuts: list[Step] = [{"cut_after": 40_000}] * 30
    offer(home, origin, "/slowly.gguf", *cuts, {})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert len(origin.requests("/slowly.gguf")) == 31


async def test_faults_while_the_machine_is_offline_are_no_attempts(home: Home, origin: Origin) -> None:
    offer(home, origin, "/offline.gguf")
    option = home.catalog["acme/tiny"].option
    nowhere = msgspec.structs.replace(option.files[0], urls=("http://no-such-host.invalid/tiny.gguf",))
    home.offer("acme/tiny", option_of(nowhere))
    home.allow_origins = ("http://no-such-host.invalid",)
    home.online = lambda: False
    async with home.daemon() as daemon:
        created = await daemon.pull()
        waiting = await daemon.until(created.id, DownloadState.WAITING)
        assert waiting.attempts == 0


PERMANENT = [
    ("401", {"status": 401}, "http_error"),
    ("403", {"status": 403}, "http_error"),
    ("404", {"status": 404}, "http_error"),
    ("410", {"status": 410}, "http_error"),
    ("400", {"status": 400}, "http_error"),
    ("204", {"status": 204}, "http_error"),
    ("304", {"status": 304}, "http_error"),
    ("gzip", {"fields": {"Content-Encoding": "gzip"}}, "wrong_content"),
    ("br", {"fields": {"Content-Encoding": "br"}}, "wrong_content"),
    ("web page by type", {"fields": {"Content-Type": "text/html; charset=utf-8"}}, "wrong_content"),
    ("web page by content", {"prefix": "\n <!DOCTYPE HTML><html>"}, "wrong_content"),
    ("several ranges", {"fields": {"Content-Type": "multipart/byteranges; boundary=x"}}, "wrong_content"),
    ("a longer body", {"size": SIZE + 1}, "size_mismatch"),
    ("a shorter body", {"size": SIZE - 1}, "size_mismatch"),
    ("a longer chunked body", {"size": SIZE + 1, "chunked": True, "ranges": False}, "size_mismatch"),
    ("a shorter chunked body", {"size": SIZE - 1, "chunked": True, "ranges": False}, "size_mismatch"),
    ("an endless body", {"endless_body": True, "chunked": True, "ranges": False}, "size_mismatch"),
    ("an endless unframed body", {"endless_body": True, "close": True, "ranges": False}, "size_mismatch"),
    ("another range", {"fields": {"Content-Range": f"bytes 5-{SIZE - 1}/{SIZE}"}}, "wrong_content"),
    ("a range beyond the end", {"fields": {"Content-Range": f"bytes 0-{SIZE}/{SIZE}"}}, "wrong_content"),
    ("no range named", {"fields": {"Content-Range": ""}}, "wrong_content"),
    ("another total", {"fields": {"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE + 9}"}}, "size_mismatch"),
    ("endless headers", {"endless_fields": True}, "wrong_content"),
    ("the same size with other bytes", {"seed": 2}, "checksum_mismatch"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "step", "code"), PERMANENT, ids=[what for what, _, _ in PERMANENT])
async def test_a_permanent_fault_fails_at_once_and_removes_the_partial(
    what: str, step: Step, code: str, home: Home, origin: Origin
) -> None:
    path = f"/permanent/{what.replace(' ', '-')}.gguf"
    offer(home, origin, path, step)
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None
    assert ended.error.code == code, ended.error
    assert len(ended.error.detail) > 40 and str(home.folder) not in ended.error.detail
    assert len(origin.requests(path)) == 1
    assert ended.attempts == 0
    assert not partials(home) and not visible(home)


async def test_a_permanent_fault_midway_removes_what_was_there(home: Home, origin: Origin) -> None:
    offer(home, origin, "/midway.gguf", {"cut_after": 900_000}, {"status": 404})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert not partials(home)


async def test_a_signed_url_that_ran_out_is_resolved_afresh_once(home: Home, origin: Origin) -> None:
    signed = origin.serve("/signed.gguf", SIZE, {"status": 403}, {})
    offer(home, origin, "/resolve.gguf", {"status": 302, "fields": {"Location": signed}})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert [len(origin.requests(path)) for path in ("/resolve.gguf", "/signed.gguf")] == [2, 2]


async def test_a_signed_url_that_is_refused_twice_fails(home: Home, origin: Origin) -> None:
    signed = origin.serve("/signed2.gguf", SIZE, {"status": 403})
    offer(home, origin, "/resolve2.gguf", {"status": 302, "fields": {"Location": signed}})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert len(origin.requests("/signed2.gguf")) == 2


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/tiny.gguf",
        "https://127.0.0.1/tiny.gguf",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/x.gguf",
        "https://localhost/x.gguf",
        "file:///etc/passwd",
        "ftp://example.com/tiny.gguf",
        "https://user:secret@example.com/tiny.gguf",
        "//10.0.0.1/x.gguf",
        "/redirect/%2e%2e/x.gguf",
    ],
)
async def test_a_forbidden_redirect_fails_at_once(location: str, home: Home, origin: Origin) -> None:
    path = "/redirect/forbidden.gguf"
    offer(home, origin, path, {"status": 302, "fields": {"Location": location}})
    ended, daemon = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == "forbidden_url"
    assert len(origin.requests(path)) >= 1
    assert len(daemon.dialled) == 1


async def test_more_than_five_redirects_fail_and_five_do_not(home: Home, origin: Origin) -> None:
    offer(home, origin, "/loop.gguf", {"status": 301, "fields": {"Location": "/loop.gguf"}})
    ended, _ = await outcome(home)
    assert ended.error is not None and ended.error.code == "forbidden_url"
    assert len(origin.requests("/loop.gguf")) == 6
    hops: list[Step] = [{"status": 307, "fields": {"Location": "/five.gguf"}}] * 5
    offer(home, origin, "/five.gguf", *hops, {})
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.COMPLETED, ended.error


async def test_nothing_that_identifies_us_is_sent_to_another_origin(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("default login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Origin() as other:
        target = other.serve("/target.gguf", SIZE)
        home.allow_origins = (origin.url, other.url)
        offer(
            home, origin, "/cross.gguf", {"status": 302, "fields": {"Location": target, "Set-Cookie": "a=b"}}
        )
        ended, _ = await outcome(home)
        assert ended.state is DownloadState.COMPLETED, ended.error
        for entry in (*origin.requests("/cross.gguf"), *other.requests()):
            assert set(entry["fields"]) == {"host", "user-agent", "accept", "accept-encoding", "range"}
            assert entry["fields"]["accept-encoding"] == "identity"


def test_the_address_really_dialled_is_checked(origin: Origin) -> None:
    # What a public name that leads to a private address comes to, past the check of the URL itself.
    url = origin.serve("/dialled.gguf", SIZE)
    dialled: list[bool] = []
    with contextlib.closing(Wire({})) as wire:

        def get(any_address: bool) -> Exchange:
            exchange = Exchange(
                url,
                {},
                proxy=None,
                limits=BRISK,
                any_address=any_address,
                buffer_bytes=1 << 18,
                on_head=lambda head: None,
                on_body=lambda data: True,
                dialled=lambda: dialled.append(True),
            )
            wire.ask(exchange)
            deadline = time.monotonic() + 30
            while not wire.perform():
                assert time.monotonic() < deadline
                wire.wait(0.05)
            return exchange

        error = get(any_address=False).error
        assert isinstance(error, TransferEnded)
        assert error.fault.code == "forbidden_url" and not error.fault.passing
        assert not dialled and not origin.requests("/dialled.gguf")
        assert get(any_address=True).error is None
        assert dialled and origin.requests("/dialled.gguf")


@pytest.mark.parametrize(
    "name", ["../tiny.gguf", "/tiny.gguf", "tiny.exe", ".hidden.gguf", "a\\b.gguf", "NUL.gguf"]
)
async def test_an_unsafe_name_fails_at_once(name: str, home: Home, origin: Origin) -> None:
    offer(home, origin, "/unsafe.gguf")
    file = msgspec.structs.replace(home.catalog["acme/tiny"].option.files[0], name=name)
    home.offer("acme/tiny", option_of(file))
    ended, daemon = await outcome(home)
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == "unsafe_name"
    assert not daemon.dialled
    assert not list(home.folder.rglob("tiny*"))


async def test_a_url_that_is_not_allowed_fails_at_once(home: Home, origin: Origin) -> None:
    offer(home, origin, "/private.gguf")
    home.allow_origins = ()
    ended, daemon = await outcome(home)
    assert ended.error is not None and ended.error.code == "forbidden_url"
    assert not daemon.dialled


async def test_the_next_address_is_tried_after_a_permanent_fault_or_a_wrong_digest(
    home: Home, origin: Origin
) -> None:
    gone = origin.serve("/mirror/gone.gguf", SIZE, {"status": 404})
    wrong = origin.serve("/mirror/wrong.gguf", SIZE, seed=2)
    right = origin.serve("/mirror/right.gguf", SIZE)
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(gone, wrong, right))
    home.offer("acme/tiny", option_of(file))
    ended, _ = await outcome(home)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert_whole(home)


async def test_a_retry_asks_the_catalog_again(home: Home, origin: Origin) -> None:
    offer(home, origin, "/old.gguf", {"seed": 2})
    async with home.daemon() as daemon:
        failed = await daemon.until((await daemon.pull()).id)
        assert failed.error is not None and "Synchronise the catalog and retry" in failed.error.detail
        offer(home, origin, "/new.gguf")
        await daemon.downloads.retry(failed.id)
        ended = await daemon.until(failed.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        (finished,) = await daemon.installed()
        assert finished.digest == sha256(1, SIZE)
    assert len(origin.requests("/old.gguf")) == 1
    assert_whole(home)


async def test_a_retry_of_what_the_catalog_has_no_more_goes_by_what_it_knew(
    home: Home, origin: Origin
) -> None:
    offer(home, origin, "/dropped.gguf", {"status": 404}, {})
    async with home.daemon() as daemon:
        failed = await daemon.until((await daemon.pull()).id)
        home.catalog.clear()
        await daemon.downloads.retry(failed.id)
        assert (await daemon.until(failed.id)).state is DownloadState.COMPLETED


async def test_a_models_directory_that_is_gone_is_waited_for(home: Home, origin: Origin) -> None:
    offer(home, origin, "/unplugged.gguf", {"rate": 1_000_000})
    home.limits = msgspec.structs.replace(BRISK, report_s=0.02)
    away = home.models_dir.with_name("unplugged")
    async with home.daemon() as daemon:
        created = await daemon.pull()
        half = await daemon.until(created.id, DownloadState.ACTIVE, past=100_000)
        home.models_dir.rename(away)
        waiting = await daemon.until(created.id, DownloadState.WAITING)
        assert waiting.error is not None and waiting.error.code == "storage_offline"
        assert waiting.progress.done_bytes >= half.progress.done_bytes
        await asyncio.sleep(0.5)
        still = await daemon.until(created.id, DownloadState.WAITING)
        assert still.attempts == 0
        assert not home.models_dir.exists(), "an unplugged directory is not made again"
        away.rename(home.models_dir)
        await daemon.downloads.storage_changed()
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
    assert_whole(home)
    assert origin.requests("/unplugged.gguf")[-1]["fields"]["range"] != "bytes=0-", "nothing was lost"


async def test_a_disk_without_room_is_refused_before_the_start(home: Home, origin: Origin) -> None:
    offer(home, origin, "/roomless.gguf", size=1 << 60)
    async with home.daemon() as daemon:
        with pytest.raises(NoSpace, match="kept in reserve") as refusal:
            await daemon.pull()
        assert refusal.value.code == "disk_full"
        assert (await daemon.downloads.list((), 10, None)).total == 0


async def test_the_reserve_is_left_alone_where_the_size_is_only_known_from_the_origin(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, origin, "/reserve.gguf", size=None)
    home.reserve_bytes = 1 << 60
    async with home.daemon() as daemon:
        with pytest.raises(NoSpace, match="kept in reserve"):
            await daemon.pull()
    monkeypatch.setattr(staging, "free_bytes", lambda root: 1 << 61)  # here; the worker looks itself
    async with home.daemon() as daemon:
        created = await daemon.pull()
        ended = await daemon.until(created.id)
        assert ended.error is not None and ended.error.code == "disk_full"


async def test_a_change_of_network_wakes_what_waits(home: Home, origin: Origin) -> None:
    offer(home, origin, "/woken.gguf", {"status": 503}, {})
    home.backoff = Backoff(first_s=60, most_s=60)
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.WAITING)
        await daemon.downloads.network_changed()
        assert (await daemon.until(created.id)).state is DownloadState.COMPLETED


async def test_what_waits_offline_goes_on_when_the_network_is_back(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "NETWORK_LOOK_S", 0.1)
    home.backoff = Backoff(first_s=60, most_s=60)
    home.online = lambda: False
    offer(home, origin, "/back.gguf")
    reachable = home.catalog["acme/tiny"].option.files[0]
    nowhere = msgspec.structs.replace(reachable, urls=("http://no-such-host.invalid/tiny.gguf",))
    home.offer("acme/tiny", option_of(nowhere))
    home.allow_origins = (origin.url, "http://no-such-host.invalid")
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.WAITING)
        async with daemon.database.transaction() as tx:
            await tx.execute("UPDATE download_file SET urls = ?", (f'["{reachable.urls[0]}"]',))
        await asyncio.sleep(0.3)
        assert (await daemon.downloads.get(created.id)).state is DownloadState.WAITING
        home.online = lambda: True
        assert (await daemon.until(created.id)).state is DownloadState.COMPLETED
