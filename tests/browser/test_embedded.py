"""The page in another application's window starts where it is told and follows that application's theme."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.browser import ABSENT, Tab, find_chromium
from tests.browser.models import known_models
from tests.browser.showcase import until
from tests.running import RunningDaemon, free_port, running_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT_THEME = "document.documentElement.getAttribute('data-theme')"


class Host(http.server.BaseHTTPRequestHandler):
    """An application that shows what its address names in a frame."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Host</title><iframe id=hub width=900 height=600></iframe>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """It has nothing to say."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def embedded(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    if find_chromium() is None:
        pytest.skip(ABSENT)
    home: Path = tmp_path_factory.mktemp("embedded") / "home"
    settings = {
        "MODELHUB_SERVER_EMBED_ORIGINS": f"{host},{elsewhere(host)}",
        "MODELHUB_SERVER_PORT": str(free_port()),
    }
    with known_models(home) as known, running_daemon(home, known | settings) as daemon:
        yield daemon


def elsewhere(host: str) -> str:
    """The same host under another site's name: a browser keeps what is stored apart there."""
    return host.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("another_site", [False, True])
async def test_an_application_that_is_named_shows_the_page_in_its_own_theme(
    embedded: RunningDaemon, host: str, tab: Tab, another_site: bool
) -> None:
    host = elsewhere(host) if another_site else host
    code = await asyncio.to_thread(embedded.client.session_code)
    await tab.page.goto(f"{host}/favicon.ico")
    await tab.page.goto(host)
    address = f"{embedded.url}/?theme=dark#code={code.code}&to=/servers"
    await tab.page.evaluate("address => { document.getElementById('hub').src = address; }", address)
    frame = tab.page.frame_locator("#hub")
    await expect(frame.locator("nav [aria-current]")).to_have_text("Servers")
    inner = next(one for one in tab.page.frames if one.url.startswith(embedded.url))
    assert code.code not in inner.url
    assert await inner.evaluate(ROOT_THEME) == "dark"
    message = {"type": "modelhub.theme", "theme": "light"}
    await tab.page.evaluate(
        "([said, url]) => document.getElementById('hub').contentWindow.postMessage(said, url)",
        [message, embedded.url],
    )
    await expect(frame.locator("html")).to_have_attribute("data-theme", "light")
    await expect(frame.locator(".brand")).to_be_hidden()
    later = f"{embedded.url}/#/installed"
    if another_site:  # where this browser keeps nothing: a frame that is loaded anew needs a new code
        code = await asyncio.to_thread(embedded.client.session_code)
        later = f"{embedded.url}/#code={code.code}&to=/installed"
    await tab.page.evaluate("address => { document.getElementById('hub').src = address; }", later)
    await expect(frame.locator("nav [aria-current]")).to_have_text("Installed")
    await expect(frame.locator("html[data-theme]")).to_have_count(0)


async def test_downloads_go_on_when_the_application_closes_it(
    embedded: RunningDaemon, host: str, tab: Tab
) -> None:
    client = embedded.client
    code = await asyncio.to_thread(client.session_code)
    await tab.page.goto(host)
    address = f"{embedded.url}/#code={code.code}&to=/browse?q=zebra"
    await tab.page.evaluate("address => { document.getElementById('hub').src = address; }", address)
    card = tab.page.frame_locator("#hub").locator('.card[data-model="testing/zebra-alpha"]')
    await card.get_by_role("button", name="Download").click()
    await expect(card.get_by_role("button", name="Pause")).to_be_visible()
    await tab.page.evaluate("document.getElementById('hub').remove()")
    (begun,) = (await asyncio.to_thread(client.downloads)).items
    assert begun.state not in ("completed", "paused")
    await asyncio.to_thread(until, lambda: client.download(begun.id).state == "completed")


async def test_any_other_application_shows_nothing(hub: RunningDaemon, host: str, tab: Tab) -> None:
    await tab.page.goto(host)
    await tab.page.evaluate("address => { document.getElementById('hub').src = address; }", hub.url)
    await expect(tab.page.frame_locator("#hub").locator("nav, main")).to_have_count(0)
    await tab.page.wait_for_timeout(300)
    await expect(tab.page.frame_locator("#hub").locator("nav, main")).to_have_count(0)
    tab.forgive()
