"""What axe and the security policy have to say of every view and dialog, in both themes."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.browser import no_findings
from tests.browser.world import ROUTES, World, have

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"


async def test_axe_finds_nothing_on_any_view_or_dialog(world: World) -> None:
    client = world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    server = await asyncio.to_thread(client.load, artifact.id)
    await asyncio.to_thread(client.create_download, "testing/absent")
    await world.sign_in()
    dialogs = (f"#/browse?model={ALPHA}", f"#/installed?load={artifact.id}")
    panes = tuple(f"#/servers?server={server.id}&pane={pane}" for pane in ("try", "log"))
    await world.go("#/servers")
    await expect(world.page.locator(".server-row.ready")).to_be_visible(timeout=60_000)
    for theme in ("light", "dark"):
        await world.page.emulate_media(color_scheme=theme)
        for route in (*ROUTES, *dialogs, *panes):
            await world.go(route)
            shown = {"model=": "dialog .options", "load=": "dialog .memory-total", "pane=": ".pane"}
            within = next((found for word, found in shown.items() if word in route), "main .summary")
            await expect(world.page.locator(within).first).to_be_visible()
            await no_findings(world.page, "dialog[open]" if within.startswith("dialog") else None)


async def test_axe_and_the_policy_would_be_heard(world: World) -> None:
    page = world.page
    await page.goto(world.daemon.url)
    await page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        await no_findings(page)
    script = "Object.assign(document.createElement('script'), { text: '1' })"
    await page.evaluate(f"document.body.append({script})")
    await page.evaluate("new Promise(requestAnimationFrame)")
    assert any("script-src" in said for said in world.tab.complaints)
    world.tab.forgive()


async def test_what_moves_stands_still_for_those_who_ask(world: World) -> None:
    page = world.page
    await page.emulate_media(reduced_motion="reduce")
    await world.sign_in("#/downloads")
    await asyncio.to_thread(world.daemon.client.create_download, "testing/zebra-beta")
    bar = page.locator(".row progress")
    await expect(bar).to_be_visible()
    assert await bar.evaluate("el => getComputedStyle(el).transitionDuration") == "0s"
    await page.emulate_media(forced_colors="active")
    await expect(bar).to_be_visible()
    assert await bar.evaluate("el => getComputedStyle(el).borderTopWidth") == "1px"
