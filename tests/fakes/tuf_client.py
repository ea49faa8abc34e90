"""python-tuf's own client against a registry, over a real connection, counting what it moves."""

import asyncio
import gzip
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import msgspec
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from modelhubd.registry.release.files import CATALOG
from modelhubd.registry.routes import PREFIX
from modelhubd.wire.registry import SignedCatalog

TUF = f"{PREFIX}/tuf/"


@dataclass
class Fetcher(FetcherInterface):
    """Asks with a token. `received` are the bytes of all answers, heads included; `changed` replaces the body
    of an answer by its file name, as a mirror that lies would."""

    token: str
    received: int = 0
    asked: list[str] = field(default_factory=list)
    changed: dict[str, bytes] = field(default_factory=dict)

    def _fetch(self, url: str) -> Iterator[bytes]:
        parts = urllib.parse.urlsplit(url)
        name = parts.path.removeprefix(TUF)
        self.asked.append(name)
        if (lie := self.changed.get(name)) is not None:
            yield lie
            return
        connection = HTTPConnection(parts.netloc, timeout=20)
        try:
            connection.request("GET", parts.path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            body = answer.read()
            head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n\r\n"
            self.received += len(head) + sum(len(f"{k}: {v}\r\n") for k, v in answer.getheaders()) + len(body)
            if answer.status != 200:
                raise DownloadHTTPError(f"{answer.status}", answer.status)
            yield body
        finally:
            connection.close()


@dataclass
class Client:
    """One machine: its folder of trusted metadata outlives each refresh."""

    folder: Path
    url: str
    root: bytes
    fetcher: Fetcher

    async def refresh(self) -> SignedCatalog:
        """The newest catalog, verified.

        Raises:
            tuf.api.exceptions.RepositoryError: it is not what the root allows.
        """
        return await asyncio.to_thread(self._refresh)

    def _refresh(self) -> SignedCatalog:
        metadata, targets = self.folder / "metadata", self.folder / "targets"
        for made in (metadata, targets):
            made.mkdir(parents=True, exist_ok=True)
        base = self.url + TUF
        updater = Updater(
            str(metadata), base, str(targets), base + "targets/", self.fetcher, bootstrap=self.root
        )
        updater.refresh()
        info = updater.get_targetinfo(CATALOG)
        assert info is not None
        path = updater.find_cached_target(info) or updater.download_target(info)
        return msgspec.json.decode(gzip.decompress(Path(path).read_bytes()), type=SignedCatalog)
