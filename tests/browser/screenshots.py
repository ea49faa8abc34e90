"""Pictures of every view in both themes: `python -m tests.browser.screenshots [FOLDER [NAME…]]`.

The folder is docs/screenshots if none is named; of named views alone pictures are taken.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.browser import ABSENT, Tab, Theme, find_chromium, opened_tab, running_browser
from tests.browser.showcase import showcase
from tests.browser.world import World
from tests.running import RunningDaemon

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"
WIDTH, HEIGHT = 1240, 780
PHONE_WIDTH, PHONE_HEIGHT = 390, 844
MAX_BYTES = 180_000


async def search(page: Page) -> None:
    await expect(page.locator(".card progress").first).to_be_visible()


async def details(page: Page) -> None:
    await expect(page.locator("dialog .versions")).to_be_visible()


async def load(page: Page) -> None:
    await page.evaluate("location.hash = '#/trials'")
    await page.get_by_role("button", name="Pause the trial").click()
    await expect(page.get_by_role("button", name="Resume the trial")).to_be_visible()
    await page.evaluate("location.hash = '#/installed'")
    finch = page.locator('.row[data-model="aviary/finch-15m"]')
    await expect(finch).to_be_visible()
    unload = finch.get_by_role("button", name="Unload Finch 15M")
    if await unload.count():
        await unload.click()
        await expect(finch.locator(".server")).to_have_count(0)
    form = f"#/installed?load={await finch.get_attribute('data-artifact')}"
    await page.evaluate("route => { location.hash = route; }", form)
    await page.get_by_label("Context length").fill("8192")
    await page.get_by_label("KV cache, keys").select_option("q8_0")
    await expect(page.locator(".memory-total")).to_be_visible()
    await expect(page.locator(".command")).to_be_visible()


async def downloads(page: Page) -> None:
    await page.locator(".limits summary").click()
    await expect(page.locator(".row .active progress").first).to_be_visible()


async def servers(page: Page) -> None:
    lark = page.locator('.row[data-model="aviary/lark-20m"]')
    await lark.get_by_role("button", name="Try it").click()
    await page.get_by_label("Message to Lark 20M").fill("Who are you?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("tokens in")).to_be_visible()
    await lark.get_by_text("Settings in force").click()


async def activity(page: Page) -> None:
    await expect(page.locator(".plot-legend").first).to_be_visible()
    await expect(page.locator(".record").first).to_be_visible()


async def evidence(page: Page) -> None:
    await page.get_by_role("button", name="Resume the trial").click()
    await expect(page.get_by_role("button", name="Pause the trial")).to_be_visible()
    await page.get_by_role("button", name="Evidence").click()
    await expect(page.locator(".interval").first).to_be_visible()


async def blind(page: Page) -> None:
    await page.get_by_role("button", name="Mark blind").click()
    await expect(page.locator(".blind-buttons")).to_be_visible()


async def nothing(page: Page) -> None:
    await expect(page.locator("main .summary").first).not_to_contain_text("…")


VIEWS: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "browse": ("#/browse", nothing),
    "search": ("#/browse?q=aviary", search),
    "details": ("#/browse?model=aviary/finch-15m", details),
    "installed": ("#/installed", nothing),
    "load": ("#/installed", load),
    "updates": ("#/updates", nothing),
    "downloads": ("#/downloads", downloads),
    "servers": ("#/servers", servers),
    "activity": ("#/activity?period=hour&by=app", activity),
    "trials": ("#/trials", evidence),
    "blind": ("#/trials", blind),
    "settings": ("#/settings", nothing),
}


async def picture(tab: Tab, daemon: RunningDaemon, name: str, theme: str, folder: Path) -> None:
    """One view, in the state that its function brings it into."""
    route, arrange = VIEWS[name]
    await tab.page.reload()
    await World(daemon=daemon, tab=tab).go(route)
    await expect(tab.page.locator(".connection")).to_contain_text("Connected")
    await arrange(tab.page)
    await tab.page.wait_for_timeout(700)
    path = folder / f"{name}-{theme}.png"
    await tab.page.screenshot(path=path, caret="initial")
    assert path.stat().st_size <= MAX_BYTES, f"{path} is too large"
    print(path.name, path.stat().st_size)


async def pictures(daemon: RunningDaemon, program: str, folder: Path, names: Sequence[str]) -> None:
    """These views in both themes, and the first one on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    themes: tuple[Theme, Theme] = ("light", "dark")
    async with running_browser(program) as browser:
        for theme in themes:
            async with opened_tab(browser, width=WIDTH, height=HEIGHT, theme=theme) as tab:
                await World(daemon=daemon, tab=tab).sign_in()
                for name in names:
                    await picture(tab, daemon, name, theme, folder)
            if "browse" not in names:
                continue
            async with opened_tab(
                browser, width=PHONE_WIDTH, height=PHONE_HEIGHT, theme=theme, scale=1.5
            ) as tab:
                await World(daemon=daemon, tab=tab).sign_in()
                await picture(tab, daemon, "browse", f"phone-{theme}", folder)


def main() -> int:
    """Take the pictures; 1 where there is no browser."""
    program = find_chromium()
    if program is None:
        print(ABSENT, file=sys.stderr)
        return 1
    with showcase() as daemon:
        folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
        asyncio.run(pictures(daemon, program, folder, sys.argv[2:] or list(VIEWS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
