"""A home whose one model comes from the bad origin, and the pieces of answers that its tests are made of."""

import asyncio
import os
from pathlib import Path
from typing import Any

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.bad_origin import BadOrigin, Part, Rule
from tests.fakes.download_home import IMPATIENT, Home, option_of
from tests.fakes.origin import body, sha256

PART = "HTTP/1.1 206 Part\r\nETag: {etag}\r\n"
PARTLY = PART + "Content-Range: bytes {first}-{last}/{size}\r\n"
WHOLE = "HTTP/1.1 200 OK\r\nETag: {etag}\r\n"
LENGTH = "Content-Length: {length}\r\n"
END = "\r\n"
NOTHING = "Content-Length: 0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
EARLY = "HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n"
THE_FILE: list[Part] = [WHOLE, "Content-Length: {size}\r\n\r\n", ("file",)]


class Place:
    def __init__(self, folder: Path, bad: BadOrigin, size: int, rate: int = 0) -> None:
        """`rate` bytes per second of each connection; 0 is as fast as it goes."""
        self.home = Home(folder=folder, allow_origins=(bad.url,), limits=IMPATIENT)
        self.bad = bad
        self.size = size
        self._rate = rate
        self._right = 1

    def offer(self, path: str, *rules: Rule, digest: bool = True, promised: int = 1, **rest: Any) -> None:
        """The file at `path` as the model; `promised` is the seed of what the catalog says it is."""
        self._right = promised
        url = self.bad.serve(path, self.size, *rules, **({"rate": self._rate} | rest))
        known = sha256(promised, self.size) if digest else None
        file = OptionFile(name="tiny.gguf", size_bytes=self.size, sha256=known, urls=(url,))
        self.home.offer("acme/tiny", option_of(file))

    async def outcome(self) -> Download:
        """How the download ends. The right file is there and no other, or no byte of it."""
        async with self.home.daemon() as daemon:
            ended = await daemon.until((await daemon.pull()).id, within_s=60)
            models = self.home.models_dir
            if ended.state is DownloadState.COMPLETED:
                (path,) = (found for found in models.rglob("*.gguf") if ".staging" not in found.parts)
                assert path.read_bytes() == body(self._right, self.size)
            else:
                async with asyncio.timeout(5):
                    while any("tiny.gguf" in files for _, _, files in os.walk(models)):
                        await asyncio.sleep(0.01)
            return ended

    def starts(self, path: str) -> list[int]:
        """Where the ranges began that were asked for, in order."""
        ranges = [entry["fields"].get("range", "bytes=0-") for entry in self.bad.requests(path)]
        return [int(text.removeprefix("bytes=").partition("-")[0]) for text in ranges]

    def sent(self, path: str) -> int:
        """Bytes of bodies."""
        return sum(entry["sent"] for entry in self.bad.requests(path))
