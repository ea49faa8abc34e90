"""What axe and the security policy have to say of every view and dialog, in both themes."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from modelhubd.wire.library import Artifact
from tests.browser.browser import has_edges, no_findings
from tests.browser.world import ROUTES, World, have

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
DIALOG = "dialog[open]"
DARK_TROUBLE = """async () => {
  const text = "@media (prefers-color-scheme: dark) { main p { color: #222 !important } }";
  document.adoptedStyleSheets.push(await new CSSStyleSheet().replace(text));
}"""


async def test_axe_finds_nothing_on_any_view_or_dialog_in_either_theme(world: World) -> None:
    client, page = world.daemon.client, world.page
    await page.goto(world.daemon.url)
    await expect(page.locator("main pre")).to_be_visible()
    await no_findings(page, themes=True)
    artifact = await asyncio.to_thread(have, client, ALPHA)
    server = await asyncio.to_thread(client.load, artifact.id)
    await asyncio.to_thread(client.create_download, "testing/absent")
    await world.sign_in("#/servers")
    await expect(page.locator(".server-row.ready")).to_be_visible(timeout=60_000)
    for route in ROUTES:
        await world.go(f"{route}?q=testing" if route == "#/browse" else route)
        await _opened(page, route)
        await no_findings(page, themes=True)
    for pane in ("try", "log"):
        await world.go(f"#/servers?server={server.id}&pane={pane}")
        await expect(page.locator(".pane")).to_be_visible()
        await no_findings(page, ".pane", themes=True)
    await _dialogs(world, artifact)


async def _opened(page: Page, route: str) -> None:
    """What is folded away on a view is looked at too."""
    await expect(page.locator("main .summary").first).not_to_contain_text("…")
    if route == "#/installed":
        await expect(page.locator("main details.panel")).to_be_attached()
    await page.evaluate("document.querySelectorAll('main details').forEach((el) => { el.open = true; })")
    if route == "#/installed":
        await expect(page.locator(".space li").first).to_be_visible()


async def _dialogs(world: World, artifact: Artifact) -> None:
    page = world.page
    for route, shown in (
        (f"#/browse?q=testing&model={ALPHA}", ".options"),
        (f"#/installed?load={artifact.id}", ".memory-total"),
        ("#/installed?add=1", ".options li"),
    ):
        await world.go(route)
        await expect(page.locator(DIALOG).locator(shown).first).to_be_visible()
        await no_findings(page, DIALOG, themes=True)
    await world.go("#/settings")
    for word in ("Sign out", "End every session"):
        await page.get_by_role("button", name=word, exact=True).click()
        await expect(page.locator(f"{DIALOG} .buttons")).to_be_visible()
        await no_findings(page, DIALOG, themes=True)
        await page.keyboard.press("Escape")


async def test_axe_and_the_policy_would_be_heard(world: World) -> None:
    page = world.page
    await page.goto(world.daemon.url)
    await expect(page.locator("#app.outline")).to_have_count(0)
    await page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        await no_findings(page)
    await page.evaluate("document.querySelector('main button').remove()")
    await page.evaluate(DARK_TROUBLE)
    await no_findings(page)
    with pytest.raises(AssertionError, match="color-contrast"):
        await no_findings(page, themes=True)
    script = "Object.assign(document.createElement('script'), { text: '1' })"
    await page.evaluate(f"document.body.append({script})")
    await page.evaluate("new Promise(requestAnimationFrame)")
    assert any("script-src" in said for said in world.tab.complaints)
    world.tab.forgive()


async def test_what_moves_stands_still_and_colours_are_the_person_s_for_those_who_ask(world: World) -> None:
    page = world.page
    await page.emulate_media(reduced_motion="reduce")
    await world.sign_in("#/downloads")
    await asyncio.to_thread(world.daemon.client.create_download, "testing/zebra-beta")
    bar = page.locator(".row progress")
    await expect(bar).to_be_visible()
    assert await bar.evaluate("el => getComputedStyle(el).transitionDuration") == "0s"
    await page.emulate_media(forced_colors="active")
    await expect(bar).to_be_visible()
    for route in ROUTES:
        await world.go(f"{route}?q=testing" if route == "#/browse" else route)
        await _opened(page, route)
        await has_edges(page)
    tab = page.locator("nav [aria-current]")
    marked = "el => getComputedStyle(el, '::after').backgroundColor !== getComputedStyle(el).backgroundColor"
    assert await tab.evaluate(marked), "the tab that is shown looks like the others"
    on, off = (
        page.get_by_role("switch", name="Entries of one's own"),
        page.get_by_role("switch", name="Offline"),
    )
    await expect(on).to_be_checked()
    colour = "el => getComputedStyle(el).backgroundColor"
    assert await on.evaluate(colour) != await off.evaluate(colour)
    await page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert await page.evaluate(focused) == "solid"
