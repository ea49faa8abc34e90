"""The Load form, servers, the queue and the settings, as a person uses them."""

import asyncio

import pytest
from playwright.async_api import expect

from modelhub_client import ChatMessage
from tests.browser.models import HOSTILE
from tests.browser.world import World, have
from tests.fakes.tiny_gguf import SENTENCE, THOUGHTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
THINKER = "testing/thinker"


async def test_the_details_show_what_there_is_as_text_and_back_closes_them(world: World) -> None:
    page = world.page
    await world.sign_in("#/browse?q=zebra")
    await world.card(ALPHA).get_by_role("link", name="Zebra Alpha").click()
    dialog = page.get_by_role("dialog", name="Zebra Alpha")
    await expect(dialog.locator(".whole-description")).to_have_text(HOSTILE)
    await expect(dialog.locator("[data-option=gguf-huge] .badge")).to_have_text("Too large")
    await expect(dialog.get_by_text("CC0-1.0")).to_be_visible()
    await expect(dialog.locator(".versions")).to_contain_text("Version 1")
    assert page.url.endswith(f"model={ALPHA}")
    await page.go_back()
    await expect(dialog).to_have_count(0)
    await page.go_forward()
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert page.url.endswith("#/browse?q=zebra")
    await world.go("#/browse?model=qwen/qwen2.5-3b-instruct")
    await expect(page.locator("dialog .options li").first).to_contain_text("of context and a KV cache in")


async def test_the_load_form_says_what_is_in_force_and_what_it_takes_while_one_types(world: World) -> None:
    client = world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    await world.sign_in("#/installed")
    await world.row(ALPHA).get_by_role("button", name="Load").click()
    form = world.page.get_by_role("dialog", name="Load Zebra Alpha")
    context = world.page.get_by_label("Context length")
    field = form.locator(".field", has=context)
    total = form.locator(".memory-total strong")
    await expect(context).to_have_attribute("placeholder", "4096")
    await expect(field.locator(".from")).to_contain_text("Default")
    before = await total.inner_text()
    await context.fill("64")
    await expect(total).not_to_have_text(before)
    await context.fill("some")
    await expect(field.locator(".from")).to_contain_text("Write a whole number")
    await context.fill("1")
    await expect(field.locator(".from")).to_contain_text("No question fits")
    await expect(context).to_have_attribute("aria-invalid", "true")
    world.tab.forgive(lambda said: "422" in said)
    await context.fill("128")
    await expect(context).not_to_have_attribute("aria-invalid", "true")
    await form.get_by_role("button", name="Save as default").click()
    await expect(context).to_have_attribute("placeholder", "128")
    await expect(field.locator(".from")).to_contain_text("Saved for this model")
    saved = await asyncio.to_thread(client.settings, artifact.id)
    assert saved.saved == {"ctx": 128}
    await form.get_by_role("button", name="Forget what is saved").click()
    await expect(context).to_have_attribute("placeholder", "4096")
    await form.get_by_role("button", name="Close").click()
    await expect(form).to_have_count(0)
    await expect(world.row(ALPHA).get_by_role("button", name="Load")).to_be_focused()


async def test_a_running_model_is_tried_its_thoughts_apart_and_its_log_follows(world: World) -> None:
    page = world.page
    client = world.daemon.client
    artifact = await asyncio.to_thread(have, client, THINKER)
    await asyncio.to_thread(client.load, artifact.id)
    await world.sign_in("#/servers")
    row = world.row(THINKER)
    await expect(row.locator("p.server")).to_contain_text("Running", timeout=60_000)
    await row.get_by_role("button", name="Try it").click()
    await row.get_by_label("Message to Thinker").fill("Who are you?")
    await page.keyboard.press("Enter")
    await expect(row.locator(".message.user")).to_contain_text("Who are you?")
    await expect(row.locator(".message.assistant .thoughts p")).to_have_text(THOUGHTS)
    await expect(row.locator(".message.assistant .text")).to_have_text(SENTENCE.strip())
    await expect(row).to_contain_text("tokens in")
    await row.get_by_text("Settings in force").click()
    await expect(row.locator(".in-force")).to_contain_text("4096")
    await row.get_by_role("button", name="Log").click()
    await expect(row.locator(".log")).to_contain_text("model")
    lines = await row.locator(".log").inner_text()
    server = (await asyncio.to_thread(client.servers)).items[0]
    await asyncio.to_thread(client.chat, server.name, [ChatMessage(role="user", content="Again")])
    await expect(row.locator(".log")).not_to_have_text(lines)
    await row.get_by_role("button", name="Unload").click()
    await expect(row).to_have_count(0)


async def test_an_answer_is_stopped_halfway(world: World) -> None:
    page, client = world.page, world.daemon.client
    artifact = await asyncio.to_thread(have, client, THINKER)
    server = await asyncio.to_thread(client.load, artifact.id, wait=True)
    await world.sign_in(f"#/servers?server={server.id}&pane=try")
    row = world.row(THINKER)
    await row.get_by_label("Message to Thinker").fill("Who are you?")
    slow = await page.context.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": 400, "uploadThroughput": -1}
    await slow.send("Network.emulateNetworkConditions", line)
    await page.keyboard.press("Enter")
    await row.get_by_role("button", name="Stop", exact=True).click()
    await expect(row.locator(".message.assistant")).to_contain_text("Stopped.")
    await expect(row.get_by_role("button", name="Send")).to_be_visible()
    await slow.send("Network.emulateNetworkConditions", line | {"downloadThroughput": -1})
    await row.get_by_label("Message to Thinker").fill("And now?")
    await page.keyboard.press("Enter")
    await expect(row.locator(".message.assistant .text").last).to_have_text(SENTENCE.strip())


async def test_the_queue_is_put_in_order_by_keys_and_by_dragging(world: World) -> None:
    client = world.daemon.client
    for name in ("absent", "away", "apart"):
        await asyncio.to_thread(client.create_download, f"testing/{name}")
    await asyncio.to_thread(client.pause_all)  # so that none has its turn while its place is changed
    await world.sign_in("#/downloads")
    handles = world.page.locator(".queued-row .handle")
    await expect(handles).to_have_count(3)
    first = await world.page.locator(".queued-row h2").first.inner_text()
    await handles.first.focus()
    await world.page.keyboard.press("End")
    await expect(world.page.locator(".queued-row h2").last).to_have_text(first, ignore_case=True)
    await expect(handles.last).to_be_focused()
    await expect(world.page.get_by_text("is now number 3 in the queue")).to_have_count(1)
    await world.page.locator(".queued-row").last.drag_to(world.page.locator(".queued-row").first)
    await expect(world.page.locator(".queued-row h2").first).to_have_text(first, ignore_case=True)
    moved = (await asyncio.to_thread(client.downloads)).items
    assert [one.position for one in moved if one.model == f"testing/{first.lower()}"] == [1]


async def test_limits_are_in_force_as_soon_as_they_are_set_and_say_what_is_wrong(world: World) -> None:
    client = world.daemon.client
    await world.sign_in("#/downloads")
    limits = world.page.locator(".limits")
    await limits.locator("summary").click()
    await limits.get_by_label("At once").fill("99")
    await limits.get_by_label("Rate").focus()
    await expect(limits.locator(".field.wrong")).to_contain_text("16")
    world.tab.forgive(lambda said: "422" in said)
    await limits.get_by_label("At once").fill("3")
    await limits.get_by_label("Rate").fill("2.5")
    await limits.get_by_label("Connections").focus()
    await expect(limits.locator(".panel-sum")).to_contain_text("3 at once · 2.50 MB/s")
    await limits.get_by_label("From").fill("22:00")
    await limits.get_by_label("To").fill("06:00")
    await limits.get_by_label("Rate").fill("")
    await limits.get_by_label("Connections").focus()
    await expect(limits.locator(".panel-sum")).to_have_text("3 at once · no rate limit · only 22:00 to 06:00")
    held = await asyncio.to_thread(client.limits)
    assert (held.max_active, held.max_bytes_per_s, held.schedule) == (3, None, "22:00-06:00")
    await limits.get_by_role("button", name="At any hour").click()
    await expect(limits.locator(".panel-sum")).to_contain_text("at any hour")


async def test_one_download_has_a_rate_and_a_place_of_its_own(world: World) -> None:
    client = world.daemon.client
    await asyncio.to_thread(client.change_limits, max_active=1)
    for name in ("absent", "away", "apart"):
        await asyncio.to_thread(client.create_download, f"testing/{name}")
    await world.sign_in("#/downloads")
    row = world.row("testing/apart")
    await row.get_by_text("Rate and priority").click()
    await row.get_by_label("Rate of Apart").fill("much")
    await row.get_by_label("Priority of Apart").focus()
    await expect(row.locator(".field.wrong")).to_contain_text("Write a number")
    await row.get_by_label("Rate of Apart").fill("0.5")
    await row.get_by_label("Priority of Apart").fill("500")
    await row.get_by_label("Rate of Apart").focus()
    await expect(row.locator("summary")).to_contain_text("500 kB/s at most")
    await expect(row.locator(".field.wrong")).to_contain_text("100")
    world.tab.forgive(lambda said: "422" in said)
    await row.get_by_label("Priority of Apart").fill("7")
    await row.get_by_label("Rate of Apart").focus()
    await expect(row.locator("summary")).to_have_text("500 kB/s at most · priority 7")
    await expect(world.page.locator(".queued-row h2").first).to_have_text("Apart")
    await row.get_by_label("Rate of Apart").fill("")
    await row.get_by_label("Priority of Apart").focus()
    await expect(row.locator("summary")).to_have_text("priority 7")
    (held,) = [
        one for one in (await asyncio.to_thread(client.downloads)).items if one.model == "testing/apart"
    ]
    assert (held.max_bytes_per_s, held.priority) == (None, 7)


async def test_what_may_be_used_is_shown_with_who_says_so_and_changed(world: World) -> None:
    client = world.daemon.client
    await world.sign_in("#/settings")
    offline = world.page.get_by_role("switch", name="Offline")
    await expect(offline).not_to_be_checked()
    await expect(offline).to_have_accessible_description("default")
    await offline.click()
    await expect(offline).to_be_checked()
    await expect(offline).to_have_accessible_description("chosen here")
    assert (await asyncio.to_thread(client.policy)).offline.value
    await offline.click()
    await expect(offline).not_to_be_checked()
    await expect(world.page.get_by_text("Model Hub's own list")).to_be_visible()
    await world.page.get_by_text("every setting in force").click()
    await expect(world.page.get_by_text("downloads.max_active")).to_be_visible()


async def test_a_theme_is_chosen_here_or_by_the_application_that_shows_the_page(world: World) -> None:
    page = world.page
    theme = "document.documentElement.getAttribute('data-theme')"
    await world.sign_in("#/settings")
    await page.get_by_label("Appearance").select_option("dark")
    assert await page.evaluate(theme) == "dark"
    await page.reload()
    await expect(page.locator("nav")).to_be_visible()
    assert await page.evaluate(theme) == "dark"
    await page.goto(f"{world.daemon.url}/?theme=light#/servers")
    await expect(page.locator("nav [aria-current]")).to_have_text("Servers")
    assert await page.evaluate(theme) == "light"
    await page.evaluate("window.postMessage({ type: 'modelhub.theme', theme: 'dark' }, '*')")
    await page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert await page.evaluate(theme) == "light", "a page that nobody embeds takes no orders"


async def test_a_lost_network_is_said_and_what_was_asked_meanwhile_is_asked_when_it_is_back(
    world: World,
) -> None:
    page = world.page
    await world.sign_in("#/updates")
    await expect(page.get_by_role("heading", name="Updates", exact=True)).to_be_attached()
    await world.go("#/browse?q=zebra")
    await expect(page.locator(".card")).to_have_count(2)
    await page.context.set_offline(True)
    await page.locator("#search").fill("zebra alpha")
    await page.wait_for_url("**/#/browse?q=zebra+alpha")
    await world.card("testing/zebra-beta").get_by_role("button", name="Download").click()
    await expect(page.locator(".notice.bad")).to_contain_text("The daemon does not answer")
    await expect(page.locator(".card")).to_have_count(2)
    await page.context.set_offline(False)
    await expect(page.locator(".card")).to_have_count(1)
    await expect(page.locator(".connection")).to_have_text("Connected")
    world.tab.forgive(lambda said: "ERR_INTERNET_DISCONNECTED" in said)


async def test_ending_every_session_signs_out_this_browser_and_the_old_token_opens_nothing(
    world: World,
) -> None:
    page = world.page
    await world.sign_in("#/settings")
    old = await page.evaluate("localStorage.getItem('modelhub.session')")
    other = await page.context.new_page()
    await other.goto(f"{world.daemon.url}/#/settings")
    await expect(other.locator("nav")).to_be_visible()
    await page.get_by_role("button", name="End every session").click()
    await page.get_by_role("dialog").get_by_role("button", name="End them").click()
    for one in (page, other):
        await expect(one.locator("main pre")).to_have_text("modelhub ui")
    assert await page.evaluate("localStorage.getItem('modelhub.session')") is None
    await other.close()  # it would read the page again by itself
    await page.evaluate("old => localStorage.setItem('modelhub.session', old)", old)
    await page.reload()
    await expect(page.locator("main pre")).to_have_text("modelhub ui")
    world.tab.forgive(lambda said: "401" in said)


async def test_nine_tabs_read_one_stream_and_all_follow(world: World) -> None:
    client = world.daemon.client
    await world.sign_in("#/downloads")
    tabs = [await world.page.context.new_page() for _ in range(8)]
    for page in tabs:
        await page.goto(f"{world.daemon.url}/#/downloads")
    await asyncio.to_thread(client.create_download, "testing/absent")
    for page in (world.page, *tabs):
        await expect(page.locator(".connection")).to_have_text("Connected")
        await expect(page.locator('.row[data-model="testing/absent"]')).to_be_visible()
    figures = await asyncio.to_thread(client.metrics)
    assert "modelhub_event_readers 1" in figures
