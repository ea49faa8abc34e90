"""The main job in the browser: find, get, run, remove."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.models import HOSTILE
from tests.browser.world import ROUTES, World
from tests.fakes.tiny_gguf import SENTENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
BETA = "testing/zebra-beta"


async def test_the_page_opened_by_hand_says_how_to_sign_in(world: World) -> None:
    await world.page.goto(world.daemon.url)
    await expect(world.page.locator("main pre")).to_have_text("modelhub ui")
    assert await world.page.evaluate("localStorage.length") == 0


async def test_a_code_signs_in_once_and_leaves_the_address(world: World) -> None:
    code = await asyncio.to_thread(world.daemon.client.session_code)
    assert code.url is not None
    await world.page.goto(code.url)
    await expect(world.page.locator(".card").first).to_be_visible()
    assert code.code not in world.page.url
    await world.page.evaluate("localStorage.clear()")
    await world.page.goto("about:blank")
    await world.page.goto(code.url)
    await expect(world.page.locator(".sign-in .trouble")).to_contain_text("used or expired")
    world.tab.forgive(lambda said: "401" in said)


async def test_a_model_is_found_downloaded_run_and_removed(world: World) -> None:
    await world.sign_in()
    card, row = world.card(ALPHA), world.row(ALPHA)
    await world.search("zebra alpha", cards=1)
    await expect(card.locator(".description")).to_have_text(HOSTILE)
    await expect(card.locator(".badge")).to_have_text("Compatible")

    await card.locator(".button.primary").click()
    await card.get_by_role("button", name="Pause").click()
    await expect(card.locator(".progress-words")).to_contain_text("Paused")
    await card.get_by_role("button", name="Resume").click()
    await expect(card.locator("footer")).to_contain_text("Installed")

    await card.locator(".button.installed").click()
    await expect(row.locator(".facts")).to_contain_text("verified")
    await row.get_by_role("button", name="Load").click()
    form = world.page.get_by_role("dialog", name="Load Zebra Alpha")
    await form.get_by_role("button", name="Load", exact=True).click()
    await expect(form).to_have_count(0)
    await expect(row.locator(".server")).to_contain_text("Running", timeout=60_000)
    await expect(row.get_by_role("button", name="Remove")).to_be_disabled()
    await row.get_by_role("button", name="Unload").click()
    await expect(row.locator(".server")).to_have_count(0)

    await row.get_by_role("button", name="Remove").click()
    await world.page.locator("dialog .danger").click()
    await expect(row).to_have_count(0)
    assert await asyncio.to_thread(lambda: world.daemon.client.library().items) == ()


async def test_an_option_that_does_not_fit_says_so_and_is_asked_about(world: World) -> None:
    await world.sign_in()
    card = await world.search("zebra alpha", cards=1)
    await card.locator("select").focus()
    await expect(card.locator("option")).to_have_count(2)
    await card.locator("select").select_option("gguf-huge")
    await expect(card.locator(".badge")).to_have_text("Too large")
    await card.locator("footer .button").click()
    await expect(world.page.locator("dialog h2")).to_contain_text("anyway")
    await world.page.keyboard.press("Escape")
    await expect(world.page.locator("dialog")).to_have_count(0)
    assert await asyncio.to_thread(lambda: world.daemon.client.downloads().items) == ()


async def test_the_page_goes_on_by_itself_when_the_daemon_comes_back(world: World) -> None:
    await world.sign_in()
    connection = world.page.locator(".connection")
    await expect(connection).to_have_text("Connected")
    await asyncio.to_thread(world.daemon.stop)
    await expect(connection).not_to_have_text("Connected")
    await asyncio.to_thread(world.daemon.start)
    await expect(connection).to_have_text("Connected")
    await world.search("zebra", cards=2)
    world.tab.forgive_absence()


async def test_the_address_says_what_is_shown_and_back_goes_back(world: World) -> None:
    page = world.page
    await world.sign_in("#/browse?q=zebra&capability=chat")
    await expect(page.locator(".card")).to_have_count(2)
    await expect(page.locator("#search")).to_have_value("zebra")
    await page.locator(".only-compatible input").click()
    await page.wait_for_url("**/*compatible=1")
    await page.locator('nav a[href="#/downloads"]').click()
    await expect(page.locator("nav [aria-current]")).to_contain_text("Downloads")
    await page.go_back()
    await page.wait_for_url("**/#/browse?q=zebra&capability=chat&compatible=1")
    await expect(page.locator(".card")).to_have_count(2)
    await expect(page.locator(".only-compatible input")).to_be_checked()


async def test_a_download_is_started_and_cancelled_by_keyboard_alone(world: World) -> None:
    await world.sign_in()
    keys = world.page.keyboard
    await expect(world.page.locator(".card").first).to_be_visible()
    await keys.press("/")
    await expect(world.page.locator("#search")).to_be_focused()
    await keys.type("zebra beta")
    card = world.card(BETA)
    await expect(world.page.locator(".card")).to_have_count(1)
    await world.tab_to(card.get_by_role("button", name="Download"))
    await keys.press("Enter")
    await expect(card.get_by_role("button", name="Pause")).to_be_focused()
    await keys.press("Enter")
    await expect(card.get_by_role("button", name="Resume")).to_be_focused()
    await world.tab_to(card.get_by_role("button", name="Cancel"))
    await keys.press("Enter")
    if await world.page.locator("dialog").count():
        await world.tab_to(world.page.locator("dialog .danger"))
        await keys.press("Enter")
    await expect(card.locator("select")).to_be_visible()


async def test_the_whole_job_is_done_by_keyboard_alone(world: World) -> None:
    await world.sign_in()
    page, keys = world.page, world.page.keyboard
    card, row = world.card(ALPHA), world.row(ALPHA)
    await expect(page.locator(".card").first).to_be_visible()
    await keys.press("/")
    await keys.type("zebra alpha")
    await expect(page.locator(".card")).to_have_count(1)
    await world.tab_to(card.get_by_role("button", name="Download"))
    await keys.press("Enter")
    await expect(card.locator(".button.installed")).to_be_visible()
    await world.tab_to(card.locator(".button.installed"))
    await keys.press("Enter")
    await world.tab_to(row.get_by_role("button", name="Load"))
    await keys.press("Enter")
    form = page.get_by_role("dialog", name="Load Zebra Alpha")
    await expect(form.locator(".memory-total")).to_be_visible()
    await world.tab_to(form.get_by_role("button", name="Load", exact=True))
    await keys.press("Enter")
    await expect(row.locator(".server")).to_contain_text("Running", timeout=60_000)
    await world.tab_to(row.get_by_role("link", name="Try it"))
    await keys.press("Enter")
    await world.tab_to(page.get_by_label("Message to Zebra Alpha"))
    await keys.type("Hello")
    await keys.press("Enter")
    await expect(page.locator(".message.assistant .text")).to_have_text(SENTENCE.strip())
    await world.tab_to(page.get_by_role("button", name="Unload Zebra Alpha"))
    await keys.press("Enter")
    await expect(page.locator(".server-row")).to_have_count(0)
    await world.tab_to(page.locator('nav a[href="#/installed"]'))
    await keys.press("Enter")
    await world.tab_to(row.get_by_role("button", name="Remove"))
    await keys.press("Enter")
    await world.tab_to(page.locator("dialog .danger"))
    await keys.press("Enter")
    await expect(row).to_have_count(0)


async def test_it_fits_every_width(world: World) -> None:
    await asyncio.to_thread(world.daemon.client.create_download, "testing/absent")
    await world.sign_in("#/downloads")
    words = world.row("testing/absent").locator(".waiting .progress-words span").first
    await expect(words).to_contain_text("Tries again")
    for width in (320, 390, 768, 1320, 1920):
        await world.page.set_viewport_size({"width": width, "height": 800})
        for route in ROUTES:
            await world.go(route)
            await expect(world.page.locator(".summary").first).to_be_visible()
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await world.page.evaluate(wide) <= 0, (width, route)
            await expect(world.page.locator("nav [aria-current]")).to_be_in_viewport(ratio=0.9)
        if width == 390:
            await world.go("#/downloads")
            await expect(words).to_contain_text(": ")
            assert await words.evaluate("el => el.scrollWidth <= el.clientWidth"), "why it waits is cut off"
