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


async def test_what_is_installed_and_what_is_newer_is_narrowed_by_words_and_choices(world: World) -> None:
    client, home, page = world.daemon.client, world.daemon.home, world.page
    installed = {name: await asyncio.to_thread(have, client, name) for name in (ALPHA, "testing/thinker")}
    url = offered(home, ALPHA)["options"][0]["files"][0]["urls"][0].rpartition("/")[0]
    kept = {name: offered(home, name) for name in installed}
    for seed, (name, skills) in enumerate(zip(installed, (["chat", "tools"], ["chat"]), strict=True)):
        path = await asyncio.to_thread(
            write_chat, home.parent / "origin" / f"newer-{seed}.gguf", seed=90 + seed
        )
        model = name.partition("/")[2]
        offer(home, entry(url, path, model, "Newer.", version=9, capabilities=skills))
    try:
        await _narrowed(world)
        damaged = next((home / "models").rglob("thinker*.gguf"))
        await asyncio.to_thread(damaged.write_bytes, bytes(1000))
        await asyncio.to_thread(client.scan, tools=False)
        await world.go("#/installed")
        await page.get_by_label("State").select_option("In order")
        await expect(page.locator(".row.artifact")).to_have_count(1)
        assert page.url.endswith("#/installed?state=ok")
    finally:
        offer(home, *kept.values())
        await asyncio.to_thread(client.sync_catalog, wait=True)


async def _narrowed(world: World) -> None:
    page = world.page
    await world.sign_in("#/updates")
    rows = page.locator(".rows > .row")
    await expect(rows).to_have_count(2)
    await expect(page.get_by_role("button", name="Update all 2")).to_be_visible()
    await page.get_by_label("Capability").select_option("tools")
    await expect(rows).to_have_count(1)
    assert page.url.endswith("#/updates?capability=tools")
    await page.get_by_role("searchbox").fill("thinker")
    await page.get_by_role("button", name="Show all").click()
    await expect(rows).to_have_count(2)
    await world.go("#/installed?capability=tools")
    await expect(page.locator(".row.artifact")).to_have_count(1)
    await expect(page.locator(".summary")).to_contain_text("1 of 2 models")
    await page.go_back()
    await expect(rows).to_have_count(2)


async def test_space_is_shown_by_whom_and_given_back_after_a_question(world: World) -> None:
    client, home, page = world.daemon.client, world.daemon.home, world.page
    artifact = await asyncio.to_thread(have, client, ALPHA)
    partial = home / "models/.staging" / ("b" * 16)
    partial.mkdir(parents=True)
    (partial / "model.gguf").write_bytes(bytes(90_000))
    await world.sign_in("#/installed")
    space = page.locator(".panel", has_text="Space")
    await space.locator("summary").click()
    await expect(space.locator("li", has_text="Zebra Alpha")).to_contain_text("kB")
    await expect(space.locator("li", has_text="Left behind")).to_contain_text("kB")
    give = space.get_by_role("button", name="Give back")
    await give.click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 partial file")
    await page.get_by_role("button", name="Keep as it is").click()
    assert partial.exists()
    await give.click()
    await page.get_by_role("dialog").get_by_role("button", name="Give back").click()
    await expect(space.locator("li", has_text="Left behind")).to_have_count(0)
    assert not partial.exists()
    await expect(world.row(ALPHA)).to_have_attribute("data-artifact", artifact.id)


async def test_what_downloads_left_behind_is_removed(world: World) -> None:
    partial = world.daemon.home / "models/.staging" / ("c" * 16)
    partial.mkdir(parents=True)
    (partial / "model.gguf").write_bytes(bytes(70_000))
    await world.sign_in("#/downloads")
    left = world.page.get_by_role("region", name="Leftovers")
    await expect(left).to_contain_text("1 partial file")
    await left.get_by_role("button", name="Remove").click()
    await expect(left).to_have_count(0)
    await expect(world.page.locator(".notice")).to_contain_text("free again")
    assert not partial.exists()
