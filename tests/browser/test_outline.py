"""What the document shows before any script of the page has run, and what becomes of what is done to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from tests.browser.browser import opened_tab
from tests.browser.world import World
from tests.running import RunningDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

TREE = """(root) => {
  const told = (node) => node.nodeType === Node.TEXT_NODE ? node.data.trim() :
    [node.localName, Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value])),
      [...node.childNodes].map(told).filter((child) => child !== "")];
  return [...root.childNodes].map(told).filter((child) => child !== "");
}"""


class Held:
    """Requests for a path that are not answered before `go`."""

    def __init__(self, page: Page, path: str) -> None:
        self._page, self._path, self._gate = page, path, asyncio.Event()

    async def __aenter__(self) -> "Held":
        await self._page.route(self._path, self._hold)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go()
        await self._page.unroute_all(behavior="wait")

    def go(self) -> None:
        self._gate.set()

    async def _hold(self, route: Route, _: Request) -> None:
        await self._gate.wait()
        await route.continue_()


@asynccontextmanager
async def outline_of(world: World) -> AsyncIterator[None]:
    """Somebody who is signed in sees the outline of the Browse tab, until the end."""
    await world.sign_in()
    await expect(world.page.locator(".card").first).to_be_visible()
    async with Held(world.page, "**/js/main.js"):
        await world.page.goto(f"{world.daemon.url}/?again", wait_until="commit")
        yield


async def test_the_outline_is_the_first_frame_without_an_answer(world: World) -> None:
    page = world.page
    async with outline_of(world):
        await expect(page.locator(".outline .search")).to_be_visible()
        outline = await page.locator("#app").evaluate(TREE)
    await expect(page.locator(".card").first).to_be_visible()
    async with Held(page, "**/api/v1/**"):
        await page.goto(f"{world.daemon.url}/?once", wait_until="commit")
        await expect(page.locator("#app:not(.outline) .search")).to_be_visible()
        assert await page.locator("#app").evaluate(TREE) == outline


async def test_what_is_done_to_the_outline_is_not_lost(world: World) -> None:
    page = world.page
    async with outline_of(world):
        await page.get_by_role("switch", name="Compatible only").check()
        await page.get_by_label("Sort by").select_option("name")
        await page.locator("#search").press_sequentially("zebra")
    await expect(page.locator("#app:not(.outline)")).to_be_visible()
    await expect(page.locator("#search")).to_be_focused()
    await expect(page.locator("#search")).to_have_value("zebra")
    await expect(page.get_by_role("switch", name="Compatible only")).to_be_checked()
    await expect(page.get_by_label("Sort by")).to_have_value("name")
    await expect(page.locator(".summary")).to_contain_text("model")
    names = await page.locator(".card h2").all_inner_texts()
    assert names and all("zebra" in name.lower() for name in names) and names == sorted(names)
    assert page.url.endswith("#/browse?q=zebra&compatible=1&sort=name")


async def test_a_link_of_the_outline_leads_where_it_says(world: World) -> None:
    page = world.page
    async with outline_of(world):
        await page.get_by_role("link", name="Servers").click()
    await expect(page.get_by_role("link", name="Servers")).to_have_attribute("aria-current", "page")
    await expect(page.locator("#search")).to_have_count(0)


async def test_the_outline_shows_no_more_than_what_is_coming(world: World) -> None:
    page = world.page
    async with Held(page, "**/js/main.js"):
        await page.goto(world.daemon.url, wait_until="commit")
        await expect(page.locator(".outline .brand")).to_be_visible()
        await expect(page.locator(".outline nav")).not_to_be_visible()
        await expect(page.locator(".outline #search")).not_to_be_visible()
    await expect(page.get_by_role("heading", name="Sign in to Model Hub")).to_be_visible()
    await world.sign_in()
    async with Held(page, "**/js/main.js"):
        await page.goto(f"{world.daemon.url}/?again#/settings", wait_until="commit")
        await expect(page.locator(".outline nav")).to_be_visible()
        await expect(page.locator(".outline #search")).not_to_be_visible()
    await expect(page.get_by_role("link", name="Settings")).to_have_attribute("aria-current", "page")


async def test_without_scripts_there_is_no_outline(browser: Browser, hub: RunningDaemon) -> None:
    context = await browser.new_context(java_script_enabled=False)
    try:
        page = await context.new_page()
        await page.goto(hub.url)
        await expect(page.locator(".outline")).to_have_count(1)
        await expect(page.locator(".outline")).not_to_be_visible()
    finally:
        await context.close()


async def test_the_outline_has_the_theme_that_was_chosen(browser: Browser, hub: RunningDaemon) -> None:
    async with opened_tab(browser, theme="light") as tab:
        await tab.page.add_init_script("localStorage.setItem('modelhub.theme', 'dark')")
        async with Held(tab.page, "**/js/main.js"):
            await tab.page.goto(hub.url, wait_until="commit")
            await expect(tab.page.locator(".outline .brand")).to_be_visible()
            scheme = "getComputedStyle(document.documentElement).colorScheme"
            assert await tab.page.evaluate(scheme) == "dark"
