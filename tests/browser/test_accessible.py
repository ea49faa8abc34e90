"""What axe and the security policy have to say of every view, in both themes."""

import pytest
from playwright.async_api import expect

from tests.browser.browser import Tab, no_findings
from tests.browser.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUTES = ("#/browse", "#/installed", "#/downloads")


async def test_axe_finds_nothing_on_any_view(world: World) -> None:
    await world.sign_in()
    for theme in ("light", "dark"):
        await world.page.emulate_media(color_scheme=theme)
        for route in ROUTES:
            await world.go(route)
            await expect(world.page.locator("main .summary")).to_be_visible()
            await no_findings(world.page)


async def test_axe_and_the_policy_would_be_heard(world: World) -> None:
    page = world.page
    await page.goto(world.daemon.url)
    await page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        await no_findings(page)
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { text: '1' }))"
    )
    await expect_complaint(world.tab, "script-src")
    world.tab.forgive()


async def expect_complaint(tab: Tab, word: str) -> None:
    await tab.page.wait_for_timeout(0)
    await tab.page.evaluate("new Promise(requestAnimationFrame)")
    assert any(word in said for said in tab.complaints), tab.complaints
