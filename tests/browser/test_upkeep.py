"""What is damaged is mended, and what is old is made new, by a person at the page."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.models import entry, offer, offered
from tests.browser.world import World, have
from tests.fakes.tiny_gguf import write_chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
BETA = "testing/zebra-beta"


async def test_damage_is_found_and_repaired(world: World) -> None:
    await asyncio.to_thread(have, world.daemon.client, ALPHA)
    await world.sign_in("#/installed")
    row = world.row(ALPHA)
    path = next((world.daemon.home / "models").rglob("alpha*.gguf"))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(32))
    await row.get_by_role("button", name="Verify").click()
    await expect(row.locator(".badge.bad")).to_have_text("Damaged")
    await row.get_by_role("button", name="Repair").click()
    await expect(row.locator(".badge.bad")).to_have_count(0)
    await expect(row.get_by_role("button", name="Load")).to_be_enabled()


async def test_a_newer_version_is_shown_with_its_notes_fetched_and_gone_back_from(world: World) -> None:
    client, home = world.daemon.client, world.daemon.home
    old = await asyncio.to_thread(have, client, BETA)
    url = offered(home, BETA)["options"][0]["files"][0]["urls"][0].rpartition("/")[0]
    path = await asyncio.to_thread(write_chat, home.parent / "origin" / "beta-2.gguf", seed=77)
    newer = entry(url, path, "zebra-beta", "Newer.", version=2)
    offer(home, newer | {"versions": [{"version": 2, "notes": "Fewer stripes."}, {"version": 1}]})
    await world.sign_in("#/updates")
    row = world.row(BETA)
    await expect(row).to_contain_text("version 1 → 2")
    await expect(row).to_contain_text("Fewer stripes.")
    await expect(world.page.locator('nav a[href="#/updates"] .count')).to_have_text("1")
    await row.get_by_role("button", name="Update Zebra Beta").click()
    await expect(row).to_have_count(0)
    await world.go("#/installed?q=beta")
    active = world.page.locator(f'[data-model="{BETA}"]', has_text="version 2")
    await expect(active).to_be_visible()
    await active.get_by_role("button", name="Go back").click()
    await world.page.locator("dialog .primary").click()
    kept = world.page.locator(f'[data-artifact="{old.id}"]')
    await expect(kept).not_to_contain_text("not the active one")
    await expect(active).to_contain_text("not the active one")
