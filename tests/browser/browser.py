"""A real Chromium, driven by Playwright: one a test session, a context and a tab of its own for each test.

What a page complains of is gathered: errors and warnings of the console, exceptions nobody caught, and
everything that the Content-Security-Policy refused. `no_findings` asks axe.
"""

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

FLAGS = (
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
WAIT_MS = 20_000
"""How long an expectation may take to come true on a machine that is busy with other tests."""
POLICY_WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`))"""
FORCED = """() => {
  const kinds = [".button", ".badge", ".switch", "input:not([type=checkbox])", "select", "progress"];
  return [...document.querySelectorAll(kinds.map((kind) => `:is(main, dialog) ${kind}`).join())]
    .filter((el) => el.offsetWidth > 1 && getComputedStyle(el).borderTopWidth === "0px")
    .map((el) => el.outerHTML.slice(0, 200));
}"""
AXE_RUN = """async ([within, only]) => {
  const rules = only ? { runOnly: only } : {};
  const { violations } = await axe.run(within ?? document, { resultTypes: ["violations"], ...rules });
  const place = ({ target, html }) => `${target}: ${html}`;
  return violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(place) }));
}"""
ABSENT = "no Chromium is installed: the pages are not tested in a browser"

Theme = Literal["light", "dark"]


def find_chromium() -> str | None:
    """The browser's program, if there is one here."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("MODELHUB_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True)
class Tab:
    """A tab: Playwright's `page`, and its `complaints` so far."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def forgive(self, of: Callable[[str], bool] = bool) -> None:
        """Drop complaints that a test brought about on purpose: all, or those that `of` accepts."""
        self.complaints[:] = [said for said in self.complaints if not of(said)]

    def forgive_absence(self) -> None:
        """Drop what the browser says of a server that is not there."""
        self.forgive(lambda said: "ERR_CONNECTION" in said or "ERR_INCOMPLETE" in said or "ERR_EMPTY" in said)


@asynccontextmanager
async def running_browser(program: str) -> AsyncIterator[Browser]:
    """A headless browser, gone afterwards."""
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened_tab(
    browser: Browser, *, width: int = 1320, height: int = 900, theme: Theme = "light", scale: float = 1
) -> AsyncIterator[Tab]:
    """A tab with storage of its own, gone afterwards. A complaint that nobody forgave is an error."""
    context = await browser.new_context(
        viewport=ViewportSize(width=width, height=height),
        device_scale_factor=scale,
        color_scheme=theme,
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(WAIT_MS)
    try:
        await context.add_init_script(POLICY_WATCH)
        tab = watched(await context.new_page())
        yield tab
    finally:
        await context.close()
    assert tab.complaints == [], tab.complaints


def watched(page: Page) -> Tab:
    """A tab of the page, with its complaints from now on."""
    tab = Tab(page)
    page.on(
        "console",
        lambda said: (
            tab.complaints.append(f"{said.text} {said.location['url']}")
            if said.type in ("error", "warning", "assert")
            else None
        ),
    )
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    return tab


@cache
def axe_script() -> str:
    """The source of axe-core, as its package carries it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


async def no_findings(page: Page, within: str | None = None, *, themes: bool = False) -> None:
    """Raises AssertionError with what axe finds wrong on the page, or in the elements of a selector. With
    `themes`, the colours of the dark theme are looked at too: all else is the same in both. Nothing moves
    meanwhile: a colour on its way to another one is none that anybody reads."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe_script())
    await page.emulate_media(reduced_motion="reduce")
    found: list[dict[str, Any]] = await page.evaluate(AXE_RUN, [within, None])
    if themes:
        await page.emulate_media(color_scheme="dark")
        found += await page.evaluate(AXE_RUN, [within, ["color-contrast"]])
        await page.emulate_media(color_scheme="light")
    assert found == [], f"{page.url}\n{json.dumps(found, indent=1)}"


async def has_edges(page: Page) -> None:
    """Raises AssertionError with what has no edge where colours are the person's own, so that only its
    background told what it is."""
    await page.emulate_media(forced_colors="active")
    assert await page.evaluate(FORCED) == [], page.url
