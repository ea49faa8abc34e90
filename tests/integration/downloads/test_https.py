"""Downloads over https, with an authority of one's own."""

from pathlib import Path

import pytest

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, sha256

SIZE = 2_000_000


def home_for(secure: Origin, tmp_path: Path) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    home = Home(folder=folder, allow_origins=(secure.url,))
    url = secure.serve("/tiny.gguf", SIZE, {"cut_after": 500_000}, {})
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))
    return home


async def test_a_private_authority_is_trusted_where_the_environment_names_it(
    secure: Origin, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with home_for(secure, tmp_path).daemon() as daemon:
        ended = await daemon.until((await daemon.pull()).id)
        assert ended.state is DownloadState.COMPLETED, ended.error
    assert [entry["fields"]["range"] for entry in secure.requests()] == ["bytes=0-", "bytes=500000-"]


async def test_an_unknown_authority_is_not_trusted(secure: Origin, tmp_path: Path) -> None:
    async with home_for(secure, tmp_path).daemon() as daemon:
        waiting = await daemon.until((await daemon.pull()).id, DownloadState.WAITING)
        assert waiting.error is not None and "certificates" in waiting.error.detail
    assert not secure.requests()
