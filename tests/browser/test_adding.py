"""Models from elsewhere: an address, a file of this computer, what another tool holds."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.models import offered
from tests.browser.world import World
from tests.fakes.tiny_gguf import write_chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_model_is_added_from_an_address_a_path_and_another_tool(world: World) -> None:
    page, client = world.page, world.daemon.client
    files = world.daemon.home.parent / "origin"
    url = offered(world.daemon.home, "testing/thinker")["options"][0]["files"][0]["urls"][0]
    apart = url.replace("thinker.gguf", "apart.gguf")
    await asyncio.to_thread(write_chat, files / "apart.gguf", seed=50)
    mine = await asyncio.to_thread(write_chat, files.parent / "Mine-F16.gguf", seed=51)
    await world.sign_in("#/installed")
    await page.get_by_role("button", name="Add…").click()
    dialog = page.get_by_role("dialog", name="Add a model")
    address, path = dialog.get_by_label("From an address"), dialog.get_by_label("From this computer")

    await address.fill("ftp://nowhere")
    await address.press("Enter")
    await expect(address).to_have_attribute("aria-invalid", "true")
    await path.fill(str(files / "not-there.gguf"))
    await path.press("Enter")
    await expect(dialog.locator(".field.wrong", has=page.locator("#add-path"))).to_contain_text("no file")

    tool = dialog.locator(".options li", has_text="LM Studio")
    await tool.get_by_role("button", name="Import").click()
    await expect(tool.locator(".badge.ok")).to_be_visible()
    await dialog.get_by_label("How to import").select_option("copy")
    await path.fill(str(mine))
    await dialog.get_by_role("button", name="Import", exact=True).click()
    await expect(dialog).to_have_count(0)
    assert page.url.endswith("#/installed")
    await expect(page.locator(".row.artifact", has_text="imported")).to_have_count(2)
    assert mine.exists()

    await world.go("#/installed?add=1")
    await address.fill(apart)
    await dialog.get_by_role("button", name="Download").click()
    await expect(page.locator("nav [aria-current]")).to_contain_text("Downloads")
    await expect(page.locator(".row .badge.ok")).to_have_text("Installed")
    assert {item.source for item in (await asyncio.to_thread(client.library)).items} == {"download", "import"}
    world.tab.forgive(lambda said: "status of 4" in said)


async def test_what_is_typed_and_sent_before_it_is_drawn_is_sent(world: World) -> None:
    page = world.page
    await world.sign_in("#/installed?add=1")
    dialog = page.get_by_role("dialog", name="Add a model")
    path = dialog.get_by_label("From this computer")
    await expect(path).to_be_visible()
    await expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    await page.evaluate("() => { window.requestAnimationFrame = (run) => setTimeout(run, 1000); }")
    await path.fill("/not-there.gguf")
    await path.press("Enter")
    await expect(dialog.locator(".field.wrong", has=page.locator("#add-path"))).to_contain_text("no file")
    world.tab.forgive(lambda said: "status of 4" in said)
