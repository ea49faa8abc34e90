"""Downloads for people behind a proxy: the names lead nowhere on this machine."""

from pathlib import Path

import pytest

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import DownloadState
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import Origin, sha256
from tests.fakes.proxy import running_proxy

SIZE = 2_000_000
PLAIN = "http://models.example.org"


def offer(home: Home, url: str) -> None:
    file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
    home.offer("acme/tiny", option_of(file))


@pytest.fixture(autouse=True)
def _no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_https_goes_through_the_proxy_of_the_environment(
    secure: Origin, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    home = Home(folder=tmp_path)
    secure.serve("/proxied.gguf", SIZE, {"cut_after": 500_000}, {})
    offer(home, "https://models.example.org/proxied.gguf")
    with running_proxy(secure.url) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        async with home.daemon() as daemon:
            ended = await daemon.until((await daemon.pull()).id)
            assert ended.state is DownloadState.COMPLETED, ended.error
            assert daemon.dialled[0] == ("models.example.org:443", "download")
    assert set(proxy.asked) == {"CONNECT models.example.org:443 HTTP/1.1"}
    assert [entry["fields"]["range"] for entry in secure.requests()] == ["bytes=0-", "bytes=500000-"]


async def test_http_of_an_allowed_origin_goes_through_the_proxy(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.allow_origins = (PLAIN,)
    origin.serve("/plain.gguf", SIZE)
    offer(home, f"{PLAIN}/plain.gguf")
    with running_proxy(origin.url) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with home.daemon() as daemon:
            ended = await daemon.until((await daemon.pull()).id)
            assert ended.state is DownloadState.COMPLETED, ended.error
    assert proxy.asked == [f"GET {PLAIN}/plain.gguf HTTP/1.1"]


async def test_this_machine_is_not_asked_for_through_a_proxy(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, origin.serve("/straight.gguf", SIZE))
    with running_proxy(origin.url, refuses_with=403) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with home.daemon() as daemon:
            assert (await daemon.until((await daemon.pull()).id)).state is DownloadState.COMPLETED
    assert not proxy.asked


async def test_a_proxy_that_refuses_is_told_as_such(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, "https://models.example.org/refused.gguf")
    with running_proxy(origin.url, refuses_with=407) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        async with home.daemon() as daemon:
            waiting = await daemon.until((await daemon.pull()).id, DownloadState.WAITING)
            assert waiting.error is not None and "proxy" in waiting.error.detail
            assert "407" in waiting.error.detail


async def test_a_proxy_does_not_open_private_addresses(
    home: Home, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, "https://10.0.0.1/private.gguf")
    with running_proxy(origin.url) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        async with home.daemon() as daemon:
            ended = await daemon.until((await daemon.pull()).id)
            assert ended.error is not None and ended.error.code == "forbidden_url"
    assert not proxy.asked
