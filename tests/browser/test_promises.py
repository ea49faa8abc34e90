"""What the tabs promise to show of a model, an artifact, the queue and a server."""

import asyncio
from datetime import datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.browser.world import World, have
from tests.fakes.tiny_gguf import SENTENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
WAITING = ("testing/absent", "testing/away")
"""The queue of whoever has no network."""
TYPED_AND_SENT = """(box) => {
  box.focus();
  box.value = "Who are you?";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
}"""
FACETS = ("Capability", "Format", "Licence", "Publisher")


async def test_a_card_says_who_what_and_whether_it_fits(world: World) -> None:
    found = await asyncio.to_thread(world.daemon.client.search, "zebra alpha")
    (model,) = found.items
    page = world.page
    await world.sign_in("#/browse?q=zebra+alpha")
    card = world.card(ALPHA)
    await expect(card.get_by_role("heading")).to_have_text("Zebra Alpha")
    await expect(card.locator(".publisher")).to_contain_text("Testing")
    await expect(card.get_by_role("list", name="Capabilities").get_by_role("listitem")).to_have_text(["chat"])
    await expect(card.locator(".facts span")).to_have_text(["1M", "4K context", "CC0-1.0"])
    badge = card.locator(".badge")
    await expect(badge).to_have_text("Compatible")
    await expect(badge.locator("svg")).to_have_count(1)
    reason = await card.locator(".reason").inner_text()
    assert reason.lower().startswith(model.fit.reason.rstrip(".").lower())
    await page.locator("#search").fill("qwen2.5-3b-instruct")
    await expect(world.card("qwen/qwen2.5-3b-instruct").locator(".reason")).to_contain_text("K context")


@pytest.mark.parametrize("facet", FACETS)
async def test_every_facet_counts_and_narrows(world: World, facet: str) -> None:
    page = world.page
    whole = await asyncio.to_thread(world.daemon.client.search, "qwen")
    await world.sign_in("#/browse?q=qwen")
    await expect(page.locator(".content .summary")).to_contain_text(f"{whole.total} model")
    group = page.get_by_role("group", name=facet)
    value = group.locator(".facet").last if facet == "Format" else group.locator(".facet").first
    counted = int(await value.locator(".count").inner_text())
    await value.locator("input").check()
    await expect(page.locator(".content .summary")).to_contain_text(f"{counted} model")
    await expect(value.locator("input")).to_be_checked()
    assert "qwen&" in page.url
    await page.go_back()
    await expect(value.locator("input")).not_to_be_checked()


async def test_an_installed_model_says_its_size_digest_source_and_when_it_was_checked(world: World) -> None:
    artifact = await asyncio.to_thread(have, world.daemon.client, ALPHA)
    await world.sign_in("#/installed")
    facts = world.row(ALPHA).locator(".facts")
    assert artifact.digest is not None and artifact.verified_at is not None
    for words in ("GGUF F16", "version 1", " kB", "downloaded", artifact.digest.removeprefix("sha256:")[:12]):
        await expect(facts).to_contain_text(words)
    await expect(facts.locator("code")).to_have_attribute("title", artifact.digest)
    day = datetime.fromisoformat(artifact.verified_at)
    await expect(facts).to_contain_text(f"verified {day.day} ")
    await expect(facts).to_contain_text(str(day.year))


async def test_downloads_are_paused_and_resumed_one_by_one_and_all_at_once(world: World) -> None:
    page, client = world.page, world.daemon.client
    for model in WAITING:
        await asyncio.to_thread(client.create_download, model)
    await world.sign_in("#/downloads")
    first, second = (world.row(model) for model in WAITING)
    await first.get_by_role("button", name="Pause").click()
    await expect(first.locator(".progress-words")).to_contain_text("Paused")
    await expect(second.get_by_role("button", name="Pause")).to_be_visible()
    await page.get_by_role("button", name="Pause all").click()
    await expect(second.locator(".progress-words")).to_contain_text("Paused")
    await expect(page.get_by_role("button", name="Pause all")).to_be_disabled()
    await expect(page.locator(".bar .summary")).to_have_text("2 downloads · 2 paused")
    await page.get_by_role("button", name="Resume all").click()
    for row in (first, second):
        await expect(row.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.get_by_role("button", name="Resume all")).to_be_disabled()


async def test_outside_its_hours_the_queue_says_when_it_goes_on(world: World) -> None:
    client = world.daemon.client
    begin = datetime.now().astimezone() + timedelta(hours=2)
    hours = f"{begin:%H}:30-{begin + timedelta(hours=2):%H}:30"
    note = world.page.locator(".note.held")
    await world.sign_in("#/downloads")
    try:
        await asyncio.to_thread(client.change_limits, schedule=hours)
        await expect(world.page.locator(".limits .panel-sum")).to_contain_text(hours[:5])
        await expect(note).to_have_count(0)
        await asyncio.to_thread(client.create_download, ALPHA)
        await expect(world.row(ALPHA).locator(".progress-words")).to_contain_text("Queued")
        await expect(note).to_contain_text(f"before {hours[:5]}")
        await expect(note).to_contain_text(f"only from {hours.replace('-', ' to ')}")
    finally:
        await asyncio.to_thread(client.change_limits, schedule=None)
    await expect(note).to_have_count(0)
    await expect(world.row(ALPHA).locator(".badge")).to_have_text("Installed")


async def test_a_server_shows_what_it_takes_of_the_memory(world: World) -> None:
    client = world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    server = await asyncio.to_thread(client.load, artifact.id, wait=True)
    await world.sign_in("#/servers")
    memory = world.row(ALPHA).locator(".server-memory")
    await expect(memory).to_contain_text("of memory in use")
    await expect(memory).to_contain_text("estimated")
    await expect(memory).to_contain_text("in this computer")
    width = await memory.locator("rect").evaluate("el => el.getBoundingClientRect().width")
    whole = await memory.locator("svg").evaluate("el => el.getBoundingClientRect().width")
    device = await asyncio.to_thread(client.device)
    now = (await asyncio.to_thread(client.server, server.id)).memory
    held = now.measured_bytes or now.estimated_bytes
    assert held is not None
    assert width / whole == pytest.approx(max(0.004, held / device.ram_total_bytes), rel=0.5)


async def test_what_is_typed_and_sent_within_a_frame_leaves_the_box(world: World) -> None:
    client = world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    server = await asyncio.to_thread(client.load, artifact.id, wait=True)
    await world.sign_in(f"#/servers?server={server.id}&pane=try")
    row = world.row(ALPHA)
    box = row.get_by_label("Message to Zebra Alpha")
    await box.evaluate(TYPED_AND_SENT)
    await expect(row.locator(".message.assistant .text")).to_have_text(SENTENCE.strip())
    await expect(row.locator(".message.user")).to_contain_text("Who are you?")
    await expect(box).to_have_value("")
