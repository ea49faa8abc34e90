"""What narrows the catalog and puts it in order, and what the page says of the machine and what went out."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.world import World, have

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "qwen"


async def shown(world: World, **asked: Any) -> None:
    """The cards are the models that the daemon finds, in its order."""
    found = await asyncio.to_thread(world.daemon.client.search, WORDS, limit=12, **asked)
    assert found.items
    cards = world.page.locator(".card")
    for place, model in enumerate(found.items[:6]):
        await expect(cards.nth(place)).to_have_attribute("data-model", model.id)
    await expect(world.page.locator(".content .summary")).to_contain_text(f"{found.total} model")


async def test_the_catalog_is_narrowed_by_choices_and_put_in_order(world: World) -> None:
    page = world.page
    await world.sign_in(f"#/browse?q={WORDS}")
    await shown(world)
    await page.get_by_label("Sort by").select_option("name")
    await shown(world, sort="name")
    await page.get_by_role("group", name="Capability").get_by_label("tools").check()
    await shown(world, sort="name", capabilities=["tools"])
    assert "sort=name" in page.url and "capability=tools" in page.url
    await page.get_by_role("group", name="Publisher").get_by_label("qwen").check()
    await page.get_by_role("switch", name="Compatible only").check()
    await shown(world, sort="name", capabilities=["tools"], publishers=["qwen"], compatible=True)
    await page.reload()
    await expect(page.get_by_role("switch", name="Compatible only")).to_be_checked()
    await shown(world, sort="name", capabilities=["tools"], publishers=["qwen"], compatible=True)
    await page.get_by_role("button", name="Clear filters").click()
    await shown(world, sort="name")


async def test_the_settings_say_what_the_machine_is_and_where_connections_went(world: World) -> None:
    client, page = world.daemon.client, world.page
    await asyncio.to_thread(have, client, "testing/zebra-alpha")
    status = await asyncio.to_thread(client.status)
    device = await asyncio.to_thread(client.device)
    await world.sign_in("#/settings")
    machine = page.get_by_role("region", name="This computer")
    await expect(machine).to_contain_text(device.models_dir)
    await expect(machine).to_contain_text(device.os_version)
    row = page.get_by_role("region", name="Connections made").get_by_role("row", name=status.outbound[0].host)
    await expect(row.filter(has_text="download")).to_have_count(1)
