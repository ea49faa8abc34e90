"""What a person does in a tab before a daemon."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from modelhub_client import Client, ClientError
from modelhubd.wire.library import Artifact
from tests.browser.browser import WAIT_MS, Tab
from tests.running import RunningDaemon

ROUTES = ("#/browse", "#/installed", "#/updates", "#/downloads", "#/servers", "#/settings")
ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class World:
    """`tab` shows the page that `daemon` serves."""

    daemon: RunningDaemon
    tab: Tab

    @property
    def page(self) -> Page:
        return self.tab.page

    async def sign_in(self, route: str = "#/browse") -> None:
        """Open the page as `modelhub ui` does, and go to a route."""
        code = await asyncio.to_thread(self.daemon.client.session_code)
        assert code.url is not None
        await self.page.goto("about:blank")
        await self.page.goto(code.url)
        await expect(self.page.locator("nav")).to_be_visible()
        if route != "#/browse":
            await self.go(route)

    async def go(self, route: str) -> None:
        """Put a route into the address, as a link does."""
        await self.page.evaluate("route => { location.hash = route; }", route)

    async def search(self, words: str, cards: int) -> Locator:
        """Search for words that find this many cards; the first of them."""
        await self.page.locator("#search").fill(words)
        await expect(self.page.locator(".card")).to_have_count(cards)
        return self.page.locator(".card").first

    def card(self, model: str) -> Locator:
        return self.page.locator(f'.card[data-model="{model}"]')

    def row(self, model: str) -> Locator:
        return self.page.locator(f'.row[data-model="{model}"]')

    async def tab_to(self, wanted: Locator) -> None:
        """Press Tab until the focus is there."""
        for _ in range(80):
            if await wanted.count() and await wanted.evaluate("el => el === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {wanted}")


def tidy(client: Client, within_s: float = WAIT_MS / 1000) -> None:
    """End what is under way and remove what is installed."""
    for server in client.servers().items:
        client.unload(server.id)
    for download in client.downloads().items:
        if download.state not in ENDED:
            client.cancel_download(download.id)
        client.forget_download(download.id)
    for artifact in client.library().items:
        limit = time.monotonic() + within_s
        while True:
            with contextlib.suppress(ClientError):
                client.remove(artifact.id)
                break
            assert time.monotonic() < limit, f"{artifact.id} cannot be removed"
            time.sleep(0.05)


def have(client: Client, model: str, within_s: float = 60) -> Artifact:
    """The artifact of a model, downloaded if it is not there."""
    limit = time.monotonic() + within_s
    wanted = client.create_download(model).id if not _of(client, model) else None
    while not (found := _of(client, model)):
        assert time.monotonic() < limit, wanted and client.download(wanted)
        time.sleep(0.05)
    return found[0]


def _of(client: Client, model: str) -> list[Artifact]:
    return [item for item in client.library().items if item.model == model and item.active]
