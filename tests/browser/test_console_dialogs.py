"""The console's dialogs and the keyboard: where the focus goes, and what is said of what was refused."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.browser import ABSENT, Tab, find_chromium, has_edges, no_findings, opened_tab
from tests.browser.console_world import Desk, Office, open_office, undigested

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

FOCUSED = "el => el === document.activeElement"


@dataclass(frozen=True)
class Dialog:
    """What opens it, where and for whom; its title, and what has the focus first."""

    person: str
    route: str
    opener: str
    title: str
    first: str

    def found(self, page: Page) -> Locator:
        switch = page.get_by_role("switch", name=self.opener)
        return page.get_by_role("button", name=self.opener).or_(switch).first


DIALOGS = (
    Dialog("grace", "#/models/acme/named", "Not verified", "Verify acme/named?", "Cancel"),
    Dialog("grace", "#/models/acme/named", "Withdraw version 1", "Withdraw version 1?", "Reason"),
    Dialog("grace", "#/models/acme/named", "Reset to zero", "Reset the counters?", "Cancel"),
    Dialog("grace", "#/templates/named", "Delete Named", "Delete Named?", "Cancel"),
    Dialog("grace", "#/publishers", "New publisher", "New publisher", "Name"),
    Dialog("grace", "#/publishers/acme", "Suspend", "Suspend Acme?", "Reason"),
    Dialog("grace", "#/publishers/acme", "Add a key", "A key of Acme", "Public key"),
    Dialog("grace", "#/publishers/acme", "Revoke the key", "Revoke this key?", "Keep it"),
    Dialog("grace", "#/tokens", "New token", "New token", "Person or service"),
    Dialog("grace", "#/tokens", "Revoke the token of this window", "Revoke this token?", "Keep it"),
    Dialog("ada", "#/models/acme/waiting", "Take version 1 back", "Take version 1 back?", "Keep it"),
    Dialog("ada", "#/tokens", "New token", "New token", "read: the catalog and templates"),
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry with something for every dialog."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        opened.approved("acme/named", description="For the dialogs.")
        opened.published("acme/waiting")
        with opened.client("admin") as admin:
            admin.add_publisher_key("acme", public_key="5d" * 32)
            for ident in ("named", "other"):
                admin.put_template(ident, name=ident.title(), models=("acme/named",))
        with opened.client("barbara") as reader:
            reader.star("acme/named")
        yield opened


@pytest.fixture
def desk(office: Office, tab: Tab) -> Desk:
    return Desk(office=office, tab=tab)


async def test_each_dialog_says_what_it_is_takes_the_focus_and_gives_it_back(
    browser: Browser, office: Office
) -> None:
    for person in ("grace", "ada"):
        async with opened_tab(browser, width=390, height=800) as tab:
            desk = Desk(office=office, tab=tab)
            await desk.sign_in(person)
            for dialog in DIALOGS:
                if dialog.person == person:
                    await desk.go(dialog.route)
                    await desk.settled()
                    await _opened_and_closed(desk, dialog)


async def _opened_and_closed(desk: Desk, wanted: Dialog) -> None:
    page = desk.page
    opener = wanted.found(page)
    await expect(opener).to_be_enabled()
    await desk.press(opener, "Space")
    shown = page.get_by_role("dialog", name=wanted.title, exact=True)
    await expect(shown).to_be_visible()
    if wanted.first in ("Cancel", "Keep it"):
        first = shown.get_by_role("button", name=wanted.first)
        assert await shown.evaluate("el => document.getElementById(el.getAttribute('aria-describedby'))")
    else:
        first = shown.get_by_label(wanted.first)
    assert await first.evaluate(FOCUSED), wanted
    await no_findings(page, "dialog[open]", themes=True)
    await has_edges(page)
    await page.emulate_media(forced_colors="none")
    assert await desk.wide() <= 0, wanted
    assert await shown.evaluate("el => el.scrollWidth - el.clientWidth") <= 0, wanted
    await expect(shown).to_be_in_viewport(ratio=0.99)
    await page.keyboard.press("Escape")
    await expect(shown).to_have_count(0)
    assert await wanted.found(page).evaluate(FOCUSED), wanted


async def test_nothing_is_refused_in_silence_and_the_keyboard_goes_to_what_was_refused(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/tokens")
    await page.get_by_role("button", name="New token").click()
    shown = page.get_by_role("dialog")
    await page.get_by_label("Person or service").fill("somebody")
    await page.get_by_label("read: the catalog").uncheck()
    await page.get_by_role("button", name="Create").click()
    await expect(shown.get_by_role("alert")).to_be_visible()  # it may do nothing at all
    await page.get_by_label("read: the catalog").check()
    await page.get_by_label("Person or service").fill("Somebody Else")
    await desk.press(page.get_by_role("button", name="Create"))
    await expect(shown.locator(".trouble")).to_contain_text("a name begins with")
    assert await page.get_by_label("Person or service").evaluate(FOCUSED)
    await page.keyboard.press("Escape")
    await desk.go("#/templates?new=1")
    await page.get_by_label("Id", exact=True).fill("No Id!")
    await page.get_by_label("Name").fill("A name")
    await page.get_by_label("Models").fill("acme/named")
    await desk.press(page.get_by_role("button", name="Create"))
    await page.bring_to_front()
    await expect(page.get_by_label("Id", exact=True)).to_be_focused()
    desk.tab.forgive(lambda said: "422" in said)


async def test_a_dialog_that_is_closed_too_early_loses_no_token(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/tokens")
    let_go = asyncio.Event()

    async def slow(route: Route) -> None:
        if route.request.method == "POST":
            await let_go.wait()
        await route.continue_()

    await page.route("**/api/v1/tokens", slow)
    await page.get_by_role("button", name="New token").click()
    await page.get_by_label("Person or service").fill("hurried")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    let_go.set()
    await expect(page.locator("#secret")).to_contain_text("mhr_")
    await expect(page.locator("#secret")).to_be_focused()
    await page.unroute("**/api/v1/tokens")


async def test_the_keyboard_keeps_its_place_when_a_button_changes_its_words_or_has_done_its_work(
    desk: Desk,
) -> None:
    page = desk.page
    desk.office.approved("acme/counted")
    with desk.office.client("barbara") as reader:
        reader.star("acme/counted")
    await desk.sign_in("grace", "#/audit")
    check = page.get_by_role("button", name="Check the proof")
    await desk.press(check)
    await expect(page.get_by_role("heading", name="The log holds")).to_be_visible()
    await expect(check).to_be_focused()

    await desk.go("#/models/acme/counted")
    reset = page.get_by_role("button", name="Reset to zero")
    await desk.press(reset)
    await desk.press(page.get_by_role("button", name="Reset", exact=True))
    await expect(page.get_by_role("region", name="Counters")).to_contain_text("Stars0", use_inner_text=False)
    await expect(reset).to_be_focused()
    await expect(reset).to_be_disabled()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await desk.go("#/templates/other")
    await page.get_by_label("Name").fill("Other things")
    save = page.get_by_role("button", name="Save")
    await desk.press(save)
    await expect(page.locator(".heading")).to_contain_text("Other things")
    await expect(save).to_be_focused()

    await desk.go("#/tokens")
    await page.get_by_role("button", name="New token").click()
    await page.get_by_label("Person or service").fill("keeper")
    await page.keyboard.press("Enter")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await desk.press(page.get_by_role("button", name="Copy"))
    await expect(page.get_by_role("button", name="Copied")).to_be_focused()


async def test_issues_are_unfolded_by_a_link_that_calls_itself_one(desk: Desk, office: Office) -> None:
    office.published("acme/noticed", options=undigested("noticed"))
    await desk.sign_in("grace", "#/models/acme/noticed")
    await desk.press(desk.page.get_by_role("link", name="issue"))  # a button would take the space bar too
    await expect(desk.page.locator(".history .issues")).to_be_visible()
    await expect(desk.page.get_by_role("link", name="Hide issues")).to_have_attribute("aria-expanded", "true")


async def test_a_key_is_replaced_by_another_and_both_can_be_told_apart(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/publishers")
    await page.get_by_role("button", name="New publisher").click()
    await page.get_by_label("Name").fill("rotating")
    await page.get_by_role("button", name="Create").click()
    await desk.go("#/publishers/rotating")
    for digits in ("1a" * 32, "2b" * 32):
        await page.get_by_role("button", name="Add a key").click()
        await page.get_by_label("Public key").fill(digits)
        await desk.confirm("Add")
        await expect(page.locator(".keys li", has_text=digits)).to_have_count(1)
    lines = page.locator(".keys li")
    old = lines.filter(has_text="1a" * 32)
    for line in await lines.all():
        told, public = line.locator(".key > code"), line.locator(".key .hint")
        one, two = await told.bounding_box(), await public.bounding_box()
        assert one is not None and two is not None
        assert one["y"] + one["height"] <= two["y"] + 1, "the key's name and the key run into each other"
    await old.get_by_role("button", name="Revoke the key").click()
    await desk.confirm("Revoke")
    await expect(old.locator(".badge")).to_have_text("Revoked")
    await expect(lines.filter(has_text="2b" * 32).locator(".badge")).to_have_text("Good")
