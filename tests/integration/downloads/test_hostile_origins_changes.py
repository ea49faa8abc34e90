"""Large files that change while they come, whose addresses run out, and that others write to."""

import fcntl
from pathlib import Path

import pytest

from modelhubd.wire.downloads import DownloadState
from tests.fakes.bad_origin import BadOrigin, Part, Rule
from tests.fakes.hostile import END, LENGTH, NOTHING, PARTLY, THE_FILE, Place

SIZE = 12_345_678
RATE = 6_000_000
"""Of each connection, so that no one is through before the others have begun."""
MUCH = 10 * SIZE
LATER = 1
"""From that byte on: every piece but the first."""


@pytest.fixture
def place(tmp_path: Path, bad: BadOrigin) -> Place:
    return Place(tmp_path, bad, SIZE, RATE)


GOES_ON: dict[str, list[Part]] = {
    "ranges are ignored": THE_FILE,
    "416": ["HTTP/1.1 416 No\r\nContent-Range: bytes */{size}\r\n", NOTHING],
}


@pytest.mark.parametrize("what", GOES_ON)
async def test_an_origin_that_serves_no_part_but_the_first_is_asked_for_the_whole(
    what: str, place: Place
) -> None:
    path = f"/nothing_later/{list(GOES_ON).index(what)}.gguf"
    place.offer(path, {"from_byte": LATER, "send": GOES_ON[what]})
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert len(place.starts(path)) < 30
    assert place.sent(path) < MUCH


@pytest.mark.parametrize("status", ["429 Slow\r\nRetry-After: 1", "503 Slow"])
async def test_an_origin_that_takes_few_connections_is_content_with_few(status: str, place: Place) -> None:
    place.offer("/few.gguf", {"beside": 2, "send": [f"HTTP/1.1 {status}\r\n", NOTHING]})
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert len(place.starts("/few.gguf")) < 80, "it is not pressed"
    assert place.sent("/few.gguf") < 1.2 * SIZE, "nothing comes twice"


async def test_cuts_at_any_byte_lose_nothing(place: Place) -> None:
    counts = [
        1,
        2,
        3,
        5,
        7,
        4095,
        4096,
        4097,
        16_383,
        16_385,
        65_535,
        65_537,
        131_071,
        262_144,
        300_001,
        524_289,
    ]
    rules: list[Rule] = [
        {"times": 1, "send": [PARTLY, LENGTH, END, ("body", 0, count), ("close",)]} for count in counts
    ]
    place.offer("/cuts.gguf", *rules)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.bad.met("/cuts.gguf") == [1] * len(rules)
    assert place.sent("/cuts.gguf") < 1.3 * SIZE


async def test_a_signed_url_that_runs_out_is_resolved_afresh(place: Place) -> None:
    place.offer("/signed.gguf", signed=3)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    signed = ["signature" in entry["path"] for entry in place.bad.requests("/signed.gguf")]
    assert signed.count(False) >= 2, "it did run out"
    assert len(signed) < 60
    assert place.sent("/signed.gguf") < 1.3 * SIZE


async def test_a_signed_url_that_is_good_for_one_request_does(place: Place) -> None:
    place.offer("/signed1.gguf", signed=1)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert len(place.bad.requests("/signed1.gguf")) < 160


async def test_a_signed_url_may_run_out_on_every_connection_at_once(place: Place) -> None:
    place.offer("/aged.gguf", signed=1000, signed_s=0.4, rate=RATE // 4)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    asked = place.bad.requests("/aged.gguf")
    assert sum("signature" not in entry["path"] for entry in asked) >= 2, "it did run out"
    assert len(asked) < 200
    assert place.sent("/aged.gguf") < 1.3 * SIZE


async def test_pieces_may_be_redirected_again_and_again(place: Place) -> None:
    # As an origin does that leads each request to one of its machines.
    redirect: list[Part] = ["HTTP/1.1 307 There\r\nLocation: ?node\r\n", NOTHING]
    rules: list[Rule] = [
        {"from_byte": start, "times": 1, "send": redirect} for start in range(SIZE - 1, 1, -SIZE // 12)
    ]
    place.offer("/nodes.gguf", *rules, rate=RATE // 2)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error


async def test_a_file_that_becomes_another_is_started_afresh(place: Place) -> None:
    place.offer("/becomes.gguf", promised=2, becomes=[3, 2])
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.sent("/becomes.gguf") < 2.5 * SIZE


@pytest.mark.parametrize("digest", [True, False])
async def test_pieces_of_two_files_are_not_joined(digest: bool, place: Place) -> None:
    # 206 although If-Range names what is there no more.
    part = 'HTTP/1.1 206 Part\r\nETag: "other"\r\nContent-Range: bytes {first}-{last}/{size}\r\n'
    path = f"/joined{digest}.gguf"
    rule: Rule = {"from_byte": LATER, "times": 2, "send": [part, LENGTH, END, ("other", 2)]}
    place.offer(path, rule, digest=digest)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.bad.met(path)[0] >= 1


WEAK = ['W/"1"', "bare", ""]


@pytest.mark.parametrize("etag", WEAK)
async def test_a_file_without_a_strong_validator_comes_nevertheless(etag: str, place: Place) -> None:
    path = f"/weak{len(etag)}.gguf"
    part = f"HTTP/1.1 206 Part\r\nETag: {etag}\r\nContent-Range: bytes {{first}}-{{last}}/{{size}}\r\n"
    place.offer(path, {"send": [part, LENGTH, END, ("body",)]})
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert place.sent(path) < 1.2 * SIZE


@pytest.mark.parametrize("etag", WEAK)
async def test_parts_without_a_strong_validator_are_not_joined(etag: str, place: Place) -> None:
    path = f"/apart{len(etag)}.gguf"
    part = f"HTTP/1.1 206 Part\r\nETag: {etag}\r\nContent-Range: bytes {{first}}-{{last}}/{{size}}\r\n"
    other: Part = ("repeat", "GGUF", 500_000)
    rules: list[Rule] = [{"times": 2, "send": [part, LENGTH, END, other, ("close",)]}]
    place.offer(path, *rules, {"send": [part, LENGTH, END, ("body",)]}, digest=False)
    ended = await place.outcome()
    assert ended.state is DownloadState.COMPLETED, ended.error


async def test_a_file_that_changes_at_every_request_fails(place: Place) -> None:
    place.offer("/changes.gguf", changes=True)
    ended = await place.outcome()
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code in ("origin_changed", "checksum_mismatch")
    assert len(place.starts("/changes.gguf")) < 60


async def test_the_half_of_another_file_is_found_by_the_digest(place: Place) -> None:
    rule: Rule = {"from_byte": SIZE // 2, "send": [PARTLY, LENGTH, END, ("other", 2)]}
    place.offer("/half.gguf", rule)
    ended = await place.outcome()
    assert ended.error is not None and ended.error.code == "checksum_mismatch"
    assert place.bad.met("/half.gguf")[0] >= 1


async def test_two_writers_never_share_a_partial(place: Place) -> None:
    place.offer("/lock.gguf", {"times": 3, "send": [PARTLY, LENGTH, END, ("body", 0, 100_000), ("stall",)]})
    async with place.home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.ACTIVE, past=50_000)
        await daemon.downloads.pause(created.id)
        path = place.home.models_dir / ".staging" / created.id / "tiny.gguf"
        before = path.read_bytes()
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            await daemon.downloads.resume(created.id)
            waiting = await daemon.until(created.id, DownloadState.WAITING)
            assert waiting.error is not None and "Another process" in waiting.error.detail
            assert path.read_bytes() == before, "not a byte is written meanwhile"
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
