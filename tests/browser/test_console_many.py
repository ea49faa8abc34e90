"""The console with much to show: long names, long lists; and for people who want things to stand still."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Request, expect

from modelhubd.registry.routes import ROUTES
from tests.browser.browser import ABSENT, find_chromium, has_edges, opened_tab
from tests.browser.console_world import Desk, Office, open_office, undigested

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PUBLISHER = "p" * 64
MODEL = f"{PUBLISHER}/{'m' * 64}"
PERSON = "grace" + "e" * 123
VIEWS = (
    "#/reviews", f"#/reviews/{MODEL}/2", f"#/reviews/{MODEL}/3", "#/models", f"#/models/{MODEL}?version=3",
    "#/templates", f"#/templates/{'t' * 64}", "#/templates?new=1", "#/publishers",
    f"#/publishers/{PUBLISHER}", "#/tokens", "#/audit", "#/publish",
)  # fmt: skip
WIDTHS = (390, 1320, 1920)
TOKENS = 210
MOVING = """() => [...document.querySelectorAll("*")]
  .filter((el) => `${getComputedStyle(el).animationDuration}, ${getComputedStyle(el).transitionDuration}`
    .split(", ").some((time) => parseFloat(time) > 0.001))
  .map((el) => el.outerHTML.slice(0, 160))"""
"""What takes its time to change."""
CUT = """() => [...document.querySelectorAll("main *, header *")]
  .filter((el) => el.children.length === 0 && el.textContent.trim() && el.offsetWidth > 1)
  .filter((el) => !el.closest(".unseen, nav, pre") && getComputedStyle(el).textOverflow !== "ellipsis")
  .filter((el) => el.getBoundingClientRect().right > innerWidth + 1
    || (el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).display !== "inline"))
  .map((el) => el.outerHTML.slice(0, 160))"""
"""What goes beyond the window's edge, or beyond its own."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry in which every name is as long as it may be, and lists are longer than a page."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        tokens = dict(opened.tokens)
        with opened.client("admin") as admin:
            admin.create_publisher(PUBLISHER, display_name="P" * 200)
            admin.add_publisher_key(PUBLISHER, public_key="5d" * 32)
            for person, scopes in (
                (PERSON, ("review", "admin", f"publish:{PUBLISHER}")),
                ("author", (f"publish:{PUBLISHER}",)),
            ):
                made = admin.create_token(person, scopes, expires_in_s=86_400, note="n" * 200)
                tokens[person] = made.token
        long = Office(url=opened.url, tokens=tokens, process=opened.process)
        words = {"display_name": "D" * 200, "description": "d" * 1000, "notes": "w" * 1000}
        long.approved(MODEL, by=PERSON, author="author", **words)
        other = {"display_name": "E" * 200, "description": "f" * 1000, "notes": "v" * 1000}
        long.published(MODEL, by="author", **other)
        long.published(MODEL, by="author", options=undigested("u" * 60))
        with long.client("admin") as admin:
            admin.verify(MODEL)
            for ident in ("t" * 64, "u" * 64):
                admin.put_template(ident, name="T" * 200, models=(MODEL,), description="e" * 2000)
        yield long


@contextlib.asynccontextmanager
async def a_desk(browser: Browser, office: Office, person: str, width: int = 1320) -> AsyncIterator[Desk]:
    async with opened_tab(browser, width=width) as tab:
        desk = Desk(office=office, tab=tab)
        await desk.sign_in(person)
        yield desk


async def test_names_as_long_as_they_may_be_stay_in_their_places_at_every_width(
    browser: Browser, office: Office
) -> None:
    faults: list[object] = []
    for width in WIDTHS:
        async with a_desk(browser, office, PERSON, width) as desk:
            for route in VIEWS:
                await desk.go(route)
                await desk.settled()
                await expect(desk.page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=0.99)
                lost = await desk.page.evaluate(CUT)
                if lost or await desk.wide() > 0:
                    faults.append((route, width, lost))
            await desk.go(f"#/models/{MODEL}")
            switch = desk.page.get_by_role("switch")
            for opener in (switch, desk.page.get_by_role("button", name="Withdraw version 1")):
                await opener.click()
                dialog = desk.page.get_by_role("dialog")
                await expect(dialog).to_be_visible()
                assert await dialog.evaluate("el => el.scrollWidth - el.clientWidth") <= 0, width
                await desk.page.keyboard.press("Escape")
    assert faults == []


async def test_a_long_queue_and_a_long_list_of_tokens_are_seen_whole_the_newest_token_first(
    browser: Browser, office: Office
) -> None:
    for number in range(55):
        office.published(f"acme/n{number:03}")
    with office.client("grace") as grace:
        pending = grace.reviews(limit=1).total
    with office.client("admin") as admin:
        for number in range(TOKENS):
            newest = admin.create_token("many", ("read",), expires_in_s=86_400, note=f"number {number}")
    async with a_desk(browser, office, "grace") as desk:
        page = desk.page
        await expect(page.locator("nav .count")).to_have_text(str(pending))
        await expect(page.locator("[data-review]")).to_have_count(50)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.get_by_role("button", name=f"Show more of {pending} versions").click()
        await expect(page.locator("[data-review]")).to_have_count(pending)
        assert len([url for url in asked if "limit=50" in url]) == 1, "what is shown is not asked for again"
        await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
        office.published("acme/n999")
        await expect(page.locator("[data-review]")).to_have_count(pending + 1)
        await desk.go("#/tokens")
        await expect(page.locator("tbody tr").first).to_contain_text(newest.info.id)
        shown = await page.locator("tbody tr").count()
        await expect(page.locator(".summary")).to_contain_text(f"{shown} tokens")
        assert shown > TOKENS


async def test_what_moves_stands_still_and_everything_has_an_edge_for_those_who_ask(
    browser: Browser, office: Office
) -> None:
    async with a_desk(browser, office, PERSON) as desk:
        page = desk.page
        await desk.go("#/templates")
        await desk.settled()
        assert await page.evaluate(MOVING) != []
        await page.emulate_media(reduced_motion="reduce")
        for route in VIEWS:
            await desk.go(route)
            await desk.settled()
            assert await page.evaluate(MOVING) == [], route
            await has_edges(page)
            marked = "el => getComputedStyle(el, '::after').backgroundColor"
            current = page.locator("nav [aria-current]")
            other = page.locator("nav a:not([aria-current])").first
            assert await current.evaluate(marked) != await other.evaluate(marked), route
            await page.emulate_media(forced_colors="none")


async def test_the_console_asks_nothing_but_the_public_api(browser: Browser, office: Office) -> None:
    paths = [re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(f"/api/v1{route.path}"))) for route in ROUTES]
    asked: list[Request] = []
    async with a_desk(browser, office, PERSON) as desk:
        desk.page.on("request", lambda request: asked.append(request))
        for route in VIEWS:
            await desk.go(route)
            await desk.settled()
        await desk.go("#/audit")
        await desk.page.get_by_role("button", name="Check the proof").click()
        await expect(desk.page.locator(".proof")).to_be_visible()
    found = [request.url.removeprefix(office.url).partition("?")[0] for request in asked]
    assert len(set(found)) > len(VIEWS)
    assert [path for path in found if not any(one.fullmatch(path) for one in paths)] == []
