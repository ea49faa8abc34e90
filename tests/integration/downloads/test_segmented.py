"""A large file over several connections, as its origin sees it."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, body, sha256

SIZE = 24_000_000


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, origin: Origin) -> Home:
    return Home(folder=tmp_path, allow_origins=(origin.url,))


def spans(origin: Origin, path: str) -> list[tuple[int, int]]:
    found = []
    for entry in origin.requests(path):
        match = re.fullmatch("bytes=([0-9]+)-([0-9]*)", entry["fields"]["range"])
        assert match is not None
        found.append((int(match[1]), int(match[2] or SIZE - 1) + 1))
    return found


async def test_pieces_are_claimed_in_order_over_several_connections(home: Home, origin: Origin) -> None:
    url = origin.serve("/large.gguf", SIZE, {"rate": 8_000_000})
    home.offer(
        "acme/tiny",
        option_of(OptionFile(name="a.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))),
    )
    async with home.daemon() as daemon:
        created = await daemon.pull()
        ended = await daemon.until(created.id, within_s=60)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert (home.models_dir / "acme/tiny/1/gguf-q4/a.gguf").read_bytes() == body(1, SIZE)
    asked = spans(origin, "/large.gguf")
    assert len(asked) >= 4
    assert asked[0][0] == 0 and asked[0][1] < SIZE, "no more than a piece at first"
    first_with_etag = [entry["fields"].get("if-range") for entry in origin.requests("/large.gguf")]
    assert first_with_etag[0] is None and len(set(first_with_etag[1:])) == 1 and first_with_etag[1]


async def test_the_files_of_an_option_come_side_by_side(home: Home, origin: Origin) -> None:
    # One after the other they would take 4 s and more.
    files = tuple(
        OptionFile(
            name=f"part-{number}.gguf",
            size_bytes=1_000_000,
            sha256=sha256(number, 1_000_000),
            urls=(origin.serve(f"/part-{number}.gguf", 1_000_000, {"rate": 500_000}, seed=number),),
        )
        for number in range(1, 5)
    )
    home.offer("acme/tiny", option_of(*files))
    async with home.daemon() as daemon:
        created = await daemon.pull()
        deadline = time.monotonic() + 60
        side_by_side = 0
        while side_by_side < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            now = await daemon.downloads.get(created.id)
            side_by_side = sum(0 < file.done_bytes < 1_000_000 for file in now.files)
        ended = await daemon.until(created.id, within_s=60)
    assert side_by_side >= 2
    assert ended.state is DownloadState.COMPLETED, ended.error


async def test_two_downloads_share_a_limit(home: Home, origin: Origin) -> None:
    for number, name in ((1, "one"), (2, "two")):
        url = origin.serve(f"/{name}.gguf", SIZE, seed=number)
        home.offer(
            f"acme/{name}",
            option_of(OptionFile(name="a.gguf", size_bytes=SIZE, sha256=sha256(number, SIZE), urls=(url,))),
        )
    async with home.daemon() as daemon:
        daemon.downloads._worker.limit(4_000_000, 16, {})
        ids = [(await daemon.pull(f"acme/{name}")).id for name in ("one", "two")]
        await asyncio.sleep(3)
        done = [(await daemon.downloads.get(id_)).progress.done_bytes for id_ in ids]
        assert min(done) > max(done) / 4, done
        daemon.downloads._worker.limit(None, 16, {})
        for id_ in ids:
            assert (await daemon.until(id_, within_s=60)).state is DownloadState.COMPLETED


@pytest.mark.parametrize("kind", ["slow connections", "few connections"])
async def test_a_poor_origin_is_got_the_best_of(kind: str, home: Home, origin: Origin) -> None:
    if kind == "slow connections":
        steps = [{"rate": 40_000 if number % 4 == 1 else 6_000_000} for number in range(400)]
    else:
        steps = [{"status": 503} if number % 3 == 2 else {"rate": 6_000_000} for number in range(400)]
    url = origin.serve("/poor.gguf", SIZE, *steps)  # type: ignore[arg-type]
    home.offer(
        "acme/tiny",
        option_of(OptionFile(name="a.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))),
    )
    async with home.daemon() as daemon:
        created = await daemon.pull()
        ended = await daemon.until(created.id, within_s=90)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert sum(entry["sent"] for entry in origin.requests("/poor.gguf")) < 1.6 * SIZE
