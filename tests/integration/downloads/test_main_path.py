"""From a request to a verified file in the library."""

import asyncio

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, body, sha256

SIZE = 3_000_000


async def test_a_download_is_verified_and_installed_under_its_catalog_name(
    home: Home, origin: Origin
) -> None:
    url = origin.serve("/main/tiny.gguf", SIZE)
    home.offer(
        "acme/tiny",
        option_of(OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))),
    )
    async with home.daemon() as daemon:
        created = await daemon.pull()
        assert created.state is DownloadState.QUEUED
        assert created.position == 1
        ended = await daemon.until(created.id)
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert ended.progress.done_bytes == ended.progress.total_bytes == SIZE
        assert (home.models_dir / "acme/tiny/1/gguf-q4/tiny.gguf").read_bytes() == body(1, SIZE)
        (finished,) = await daemon.installed()
        assert finished.directory == "acme/tiny/1/gguf-q4"
        assert finished.digest == sha256(1, SIZE)
        assert finished.verified_at is not None
        assert not list((home.models_dir / ".staging").iterdir())
        assert daemon.dialled == [(origin.url.removeprefix("http://"), "download")]
        await asyncio.sleep(0)
