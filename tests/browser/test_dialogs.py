"""Dialogs of the page in use: where they are pressed, where the focus goes, what is refused in them."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.world import World, have

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"


async def test_a_dialog_is_closed_beside_it_and_not_by_its_own_edge(world: World) -> None:
    page = world.page
    await world.sign_in(f"#/browse?model={ALPHA}")
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".options")).to_be_visible()
    box = await dialog.bounding_box()
    assert box is not None
    inside = box["x"] + box["width"] - 0.5
    at = "([x, y]) => document.elementFromPoint(x, y).localName"
    assert await page.evaluate(at, [inside, box["y"] + 200]) == "dialog", "a scroll bar would stand there"
    await page.mouse.click(inside, box["y"] + 200)
    await page.wait_for_timeout(200)
    await expect(dialog).to_be_visible()
    await page.mouse.click(box["x"] + box["width"] + 20, box["y"] + 200)
    await expect(dialog).to_have_count(0)


async def test_what_is_refused_in_a_dialog_is_said_in_it(world: World) -> None:
    page = world.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await world.sign_in(f"#/browse?model={ALPHA}")
    dialog = page.get_by_role("dialog", name="Zebra Alpha", exact=True)
    huge = dialog.locator("[data-option=gguf-huge]")
    await huge.get_by_role("button").click()
    await page.get_by_role("button", name="Download anyway").click()
    said = dialog.get_by_role("alert")
    await expect(said).to_be_visible()
    seen = """(el) => {
      const { left, top, width, height } = el.getBoundingClientRect();
      return el.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    }"""
    assert await said.evaluate(seen), "something stands before it"
    await said.get_by_role("button", name="Close this message").click()
    await expect(said).to_have_count(0)
    world.tab.forgive()


async def test_of_a_model_that_no_catalog_knows_one_is_told_so(world: World) -> None:
    page = world.page
    await world.sign_in("#/browse?model=nobody/nothing")
    dialog = page.get_by_role("dialog", name="nobody/nothing")
    await expect(dialog.get_by_role("alert")).to_contain_text("nobody/nothing")
    await expect(dialog).not_to_contain_text("Reading…")
    await dialog.get_by_role("link", name="What is installed of it").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("#search")).to_have_value("nobody/nothing")
    world.tab.forgive(lambda said: "404" in said)


async def test_the_keyboard_goes_back_to_what_stands_where_a_dialog_was_opened(world: World) -> None:
    page, client = world.page, world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    await world.sign_in("#/installed")
    row = world.row(ALPHA)
    await row.get_by_role("button", name="Load").click()
    form = page.get_by_role("dialog")
    await expect(form.locator(".memory-total")).to_be_visible()
    await asyncio.to_thread(client.load, artifact.id)
    await expect(row.locator(".row-buttons .steady", has_text="Unload")).to_be_attached(timeout=60_000)
    await page.keyboard.press("Escape")
    await expect(form).to_have_count(0)
    await expect(row.locator(".row-buttons button:focus")).to_have_count(1)


async def test_what_is_allowed_is_another_as_soon_as_the_policy_is(world: World) -> None:
    client = world.daemon.client
    await world.sign_in("#/browse?q=zebra+alpha")
    download = world.card(ALPHA).get_by_role("button", name="Download")
    await expect(world.page.locator(".connection")).to_have_text("Connected")
    await expect(download).to_be_enabled()
    await asyncio.to_thread(client.change_policy, allowed_publishers=["somebody-else"])
    try:
        await expect(download).to_be_disabled()
    finally:
        await asyncio.to_thread(client.change_policy, allowed_publishers=[])
    await expect(download).to_be_enabled()
