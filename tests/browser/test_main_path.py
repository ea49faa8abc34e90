"""The main job in the browser: find, get, run, remove."""

import asyncio

from tests.browser.conftest import HOSTILE, World

CARD = '.card[data-model="testing/zebra-alpha"]'
ROW = '.row[data-model="testing/zebra-alpha"]'

CHOOSE = """(select, value) => {
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}"""


def text(selector: str) -> str:
    return f"document.querySelector('{selector}')?.innerText"


async def test_the_page_opened_by_hand_says_how_to_sign_in(world: World) -> None:
    await world.tab.goto(world.daemon.url)
    said = await world.tab.until(
        "document.querySelector('main pre') && document.querySelector('main').innerText"
    )
    assert "modelhub ui" in said
    assert await world.tab.evaluate("localStorage.length") == 0


async def test_a_code_signs_in_once_and_leaves_the_address(world: World) -> None:
    code = await asyncio.to_thread(world.daemon.client.session_code)
    assert code.url is not None
    await world.tab.goto(code.url)
    await world.tab.until("document.querySelector('.card')")
    assert code.code not in await world.tab.evaluate("location.href")
    await world.tab.evaluate("localStorage.clear()")
    await world.tab.goto("about:blank")
    await world.tab.goto(code.url)
    assert "used or expired" in await world.tab.until(text(".sign-in .trouble"))
    world.tab.complaints.clear()


async def test_a_model_is_found_downloaded_run_and_removed(world: World) -> None:
    tab = world.tab
    await world.sign_in()
    await world.search("zebra alpha", cards=1)
    assert await tab.evaluate(text(f"{CARD} .description")) == HOSTILE
    assert await tab.evaluate(text(f"{CARD} .badge")) == "Compatible"

    await tab.click(f"{CARD} .button.primary")
    await tab.until(f"document.querySelector('{CARD} progress')?.value > 0")
    await tab.click(f"{CARD} [aria-label^=Pause]")
    await tab.until(f"{text(f'{CARD} .progress-words')}?.startsWith('Paused')")
    await tab.click(f"{CARD} [aria-label^=Resume]")
    await tab.until(f"{text(f'{CARD} footer')}?.includes('Installed')")

    await tab.click(f"{CARD} .button.installed")
    await tab.until(text(ROW))
    assert "verified" in await tab.evaluate(text(f"{ROW} .facts"))
    await tab.click(f"{ROW} [aria-label^=Load]")
    await tab.until(f"{text(f'{ROW} .server')}?.startsWith('Running')", within_s=60)
    assert await tab.evaluate(f"document.querySelector('{ROW} [aria-label^=Remove]').disabled")
    await tab.click(f"{ROW} [aria-label^=Unload]")
    await tab.until(f"!document.querySelector('{ROW} .server')")

    await tab.click(f"{ROW} [aria-label^=Remove]")
    await tab.click("dialog .danger")
    await tab.until(f"!document.querySelector('{ROW}')")
    assert await asyncio.to_thread(lambda: world.daemon.client.library().items) == ()


async def test_an_option_that_does_not_fit_says_so_and_is_asked_about(world: World) -> None:
    tab = world.tab
    await world.sign_in()
    await world.search("zebra alpha", cards=1)
    await tab.evaluate(f"document.querySelector('{CARD} select').focus()")
    await tab.until(f"document.querySelectorAll('{CARD} option').length === 2")
    await tab.evaluate(f"({CHOOSE})(document.querySelector('{CARD} select'), 'gguf-huge')")
    await tab.until(f"{text(f'{CARD} .badge')} === 'Too large'")
    await tab.click(f"{CARD} footer .button")
    assert "anyway" in await tab.until(text("dialog h2"))
    await tab.press("Escape", 27)
    await tab.until("!document.querySelector('dialog')")
    assert await asyncio.to_thread(lambda: world.daemon.client.downloads().items) == ()


async def test_everything_that_can_be_operated_has_a_name(world: World) -> None:
    await world.sign_in()
    for route in ("#/browse", "#/installed", "#/downloads"):
        await world.go(route)
        await world.tab.until("document.querySelector('.summary')")
        tree = await world.tab.ask("Accessibility.getFullAXTree")
        roles = {"button", "link", "checkbox", "switch", "combobox", "searchbox", "textbox", "progressbar"}
        operable = [node for node in tree["nodes"] if node.get("role", {}).get("value") in roles]
        assert len(operable) > 3
        nameless = [node for node in operable if not node.get("name", {}).get("value")]
        assert nameless == [], route


async def test_the_page_goes_on_by_itself_when_the_daemon_comes_back(world: World) -> None:
    tab = world.tab
    await world.sign_in()
    await tab.until(f"{text('.connection')} === 'Connected'")
    await asyncio.to_thread(world.daemon.stop)
    await tab.until(f"{text('.connection')} !== 'Connected'")
    await asyncio.to_thread(world.daemon.start)
    await tab.until(f"{text('.connection')} === 'Connected'", within_s=20)
    await world.search("zebra", cards=2)
    tab.complaints.clear()


async def test_the_address_says_what_is_shown_and_back_goes_back(world: World) -> None:
    tab = world.tab
    await world.sign_in()
    await world.go("#/browse?q=zebra&capability=chat")
    await tab.until("document.querySelectorAll('.card').length === 2")
    assert await tab.evaluate("document.getElementById('search').value") == "zebra"
    await tab.click(".only-compatible input")
    await tab.until("location.hash.includes('compatible=1')")
    await tab.click('nav a[href="#/downloads"]')
    await tab.until("document.querySelector('nav [aria-current]').innerText.startsWith('Downloads')")
    await tab.evaluate("history.back()")
    await tab.until("location.hash === '#/browse?q=zebra&capability=chat&compatible=1'")
    await tab.until("document.querySelectorAll('.card').length === 2")
    assert await tab.evaluate("document.querySelector('.only-compatible input').checked")


async def test_a_download_is_started_and_cancelled_by_keyboard_alone(world: World) -> None:
    tab = world.tab
    await world.sign_in()
    await tab.press("/", 191, "/")
    await tab.until("document.activeElement.id === 'search'")
    await tab.type("zebra beta")
    await tab.until("document.querySelectorAll('.card').length === 1")
    await tab_to(world, "Download Zebra Beta")
    await tab.press("Enter", 13, "\r")
    await tab.until("document.querySelector('.card progress')")
    assert await tab.until("document.activeElement.getAttribute('aria-label')") == "Pause Zebra Beta"
    await tab.press("Enter", 13, "\r")
    await tab.until("document.activeElement.getAttribute('aria-label') === 'Resume Zebra Beta'")
    await tab_to(world, "Cancel Zebra Beta")
    await tab.press("Enter", 13, "\r")
    if await tab.evaluate("!!document.querySelector('dialog')"):
        await tab_to(world, None)
        await tab.press("Enter", 13, "\r")
    await tab.until("document.querySelector('.card select')")


async def tab_to(world: World, name: str | None) -> None:
    """Press Tab until the focus is on the element of that name; with None until it is on a danger button."""
    found = (
        "document.activeElement.matches('.danger')"
        if name is None
        else f"document.activeElement.getAttribute('aria-label') === '{name}'"
    )
    for _ in range(60):
        if await world.tab.evaluate(found):
            return
        await world.tab.press("Tab", 9)
    raise AssertionError(f"the keyboard does not reach {name}")


async def test_it_fits_every_width(world: World) -> None:
    await world.sign_in()
    await asyncio.to_thread(world.daemon.client.create_download, "testing/absent")
    await world.go("#/downloads")
    await world.tab.until(f"{text('.row .progress-words')}?.startsWith('Tries again')")
    for width in (320, 390, 768, 1320, 1920):
        await world.tab.resize(width, 800)
        for route in ("#/browse", "#/installed", "#/downloads"):
            await world.go(route)
            await world.tab.until("document.querySelector('.summary')")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await world.tab.evaluate(wide) <= 0, (width, route)


async def test_why_a_download_waits_can_be_read_whole_on_a_phone(world: World) -> None:
    await world.tab.resize(390, 800)
    await world.sign_in()
    await asyncio.to_thread(world.daemon.client.create_download, "testing/absent")
    await world.go("#/downloads")
    words = "document.querySelector('.row .waiting .progress-words span')"
    await world.tab.until(f"{words}?.innerText.includes(': ') && {words}.scrollWidth <= {words}.clientWidth")
