"""The console as two people use it, side by side, before one registry."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.browser import ABSENT, find_chromium, no_findings, opened_tab
from tests.browser.console_world import HOSTILE, ODD, Desk, Office, a_desk, content, open_office, undigested

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

VIEWS = (
    "#/reviews", "#/reviews/acme/seen/2", "#/reviews/acme/blocked/1", "#/models", "#/models/acme/none",
    "#/models/acme/seen?version=2", "#/templates", "#/templates/seen", "#/templates?new=1", "#/publishers",
    "#/publishers/acme", "#/tokens", "#/audit", "#/publish",
)  # fmt: skip
DIALOGS = (
    ("#/models/acme/named", '[role="switch"]'),
    ("#/models/acme/named", 'button:has-text("Withdraw")'),
    ("#/tokens", 'button:has-text("New token")'),
    ("#/publishers", 'button:has-text("New publisher")'),
)
"""What opens a dialog, and where."""
WIDTHS = (390, 820, 1920)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry for the tests of this file; each uses models of its own."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        opened.approved("acme/seen", description="Seen before.")
        opened.published("acme/seen", description=HOSTILE, notes=HOSTILE)
        opened.published("acme/blocked", options=undigested("blocked"))
        opened.approved("acme/named", display_name="Wide Awake")
        with opened.client("admin") as admin:
            admin.put_template("seen", name="Seen", models=("acme/seen",), description=HOSTILE)
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def grace(browser: Browser, office: Office) -> AsyncIterator[Desk]:
    """The window of a reviewer who is an administrator too."""
    async with a_desk(browser, office, "grace") as desk:
        yield desk


async def test_what_one_publishes_another_approves_and_every_open_console_sees_the_badges_move(
    browser: Browser, office: Office, grace: Desk
) -> None:
    with office.client("admin") as admin:
        admin.put_template("together", name="Together", models=("acme/shared",))
    async with a_desk(browser, office, "ada", "#/publish") as ada:
        await ada.page.get_by_label("Entry").fill('{"id": "acme/shared"')
        await expect(ada.page.get_by_text("This is no JSON")).to_be_visible()
        entry = content("shared", description=ODD) | {"id": "acme/shared", "verified": True}
        await ada.page.get_by_label("Entry").fill(json.dumps(entry))
        await ada.page.get_by_role("button", name="Publish acme/shared").click()
        await expect(ada.page.locator(".issues")).to_contain_text("/verified")
        del entry["verified"]
        await ada.page.get_by_label("Entry").fill(json.dumps(entry))
        await ada.page.get_by_role("button", name="Publish acme/shared").click()
        await expect(ada.page.locator("main")).to_contain_text("acme/shared version 1 is published")

        await ada.go("#/templates")
        badge = ada.row("template", "together").locator(".badge")
        await expect(badge).to_have_text("Not compliant")
        await ada.page.evaluate("window.unchanged = true")

        await grace.row("review", "acme/shared@1").get_by_role("link").click()
        await expect(grace.page.locator("main")).to_contain_text(ODD)
        await grace.page.get_by_label("Reason").fill("As we talked about.")
        await grace.page.get_by_role("button", name="Approve").click()
        await expect(grace.page.locator(".heading .badge")).to_have_text("Approved")

        await grace.page.get_by_role("link", name="Show the model").click()
        await grace.page.get_by_role("switch").click()
        move = grace.page.locator('dialog [data-move="together"]')
        await expect(move.locator(".badge")).to_have_text(["Not compliant", "Compliant"])
        await expect(badge).to_have_text("Not compliant")
        told = asyncio.ensure_future(
            expect(ada.page.get_by_text("Together is compliant now.")).to_be_attached()  # for some seconds
        )
        await grace.confirm("Verify")
        await expect(grace.page.get_by_role("switch")).to_be_checked()
        await expect(badge).to_have_text("Compliant")
        await told

        await grace.page.get_by_role("button", name="Withdraw version 1").click()
        await expect(grace.page.get_by_role("dialog")).to_contain_text("the model is gone")
        await expect(move.locator(".badge")).to_have_text(["Compliant", "Not compliant"])
        await grace.confirm("Withdraw", "It spoke out of turn.")
        await expect(grace.page.locator(".heading .badge")).to_have_text("Withdrawn")
        await expect(badge).to_have_text("Not compliant")
        assert await ada.page.evaluate("window.unchanged")
        ada.tab.forgive(lambda said: "422" in said)


async def test_what_a_token_may_decides_what_is_shown(browser: Browser, office: Office) -> None:
    everything = ["Reviews", "Models", "Templates", "Publishers", "Tokens", "Audit", "Publish"]
    shown = {"barbara": everything[1:5], "ada": [*everything[1:5], "Publish"], "admin": everything[1:6]}
    for person, words in shown.items():
        async with a_desk(browser, office, person, "#/models/acme/seen") as desk:
            await expect(desk.page.get_by_role("switch")).to_be_visible()
            tabs = [text.split("\n")[0] for text in await desk.page.locator("nav a").all_inner_texts()]
            assert tabs == words
            admin = person == "admin"
            assert await desk.page.get_by_role("switch").is_enabled() == admin
            assert await desk.page.get_by_role("button", name="Withdraw").count() == int(admin)
            assert await desk.page.get_by_role("button", name="Reset").count() == int(admin)
            await desk.go("#/reviews")
            await expect(desk.page.locator("main")).to_contain_text("a token with the scope review")


async def test_nobody_is_offered_to_approve_what_they_published_and_blocked_says_why(
    browser: Browser, office: Office
) -> None:
    office.published("acme/mine", by="edsger")
    async with a_desk(browser, office, "edsger", "#/reviews/acme/mine/1") as desk:
        await expect(desk.page.locator("#why-not")).to_contain_text("You published this version yourself")
        assert await desk.page.get_by_role("button", name="Approve").count() == 0
        await desk.go("#/reviews/acme/blocked/1")
        await expect(desk.page.get_by_role("button", name="Approve")).to_be_disabled()
        await expect(desk.page.locator("#why-blocked")).to_contain_text("approval is blocked")
        await expect(desk.page.locator(".issues")).to_contain_text("/options/0/files/0/sha256")
        await desk.page.get_by_role("button", name="Reject").click()
        await expect(desk.page.locator(".entry-field .trouble")).to_contain_text("a rejection says why")
        desk.tab.forgive(lambda said: "422" in said)


async def test_another_person_s_words_are_shown_as_words(grace: Desk) -> None:
    await grace.go("#/reviews/acme/seen/2")
    await expect(grace.page.locator(".differences")).to_contain_text(HOSTILE)
    await expect(grace.page.locator(".sheet .notes")).to_have_text(HOSTILE)
    await grace.go("#/templates/seen")
    await expect(grace.page.locator(".definitions", has_text=HOSTILE)).to_be_visible()
    assert await grace.page.locator("main img, main script").count() == 0


async def test_axe_finds_nothing_on_any_view_or_dialog_in_either_theme_and_all_fit_every_width(
    browser: Browser, office: Office
) -> None:
    async with opened_tab(browser) as tab:
        desk = Desk(office=office, tab=tab)
        page = desk.page
        await page.goto(office.url)
        await expect(page.get_by_label("Token")).to_be_visible()
        await no_findings(page, themes=True)
        await desk.sign_in("grace")
        for route in VIEWS:
            await desk.go(route)
            await desk.settled()
            await no_findings(page, themes=True)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 800})
                assert await desk.wide() <= 0, (route, width)
            if route != "#/publish":
                await page.set_viewport_size({"width": 390, "height": 800})
                await page.reload()
                await expect(page.locator("nav [aria-current]")).to_be_in_viewport(ratio=0.9)
            await page.set_viewport_size({"width": 1320, "height": 900})
        for route, button in DIALOGS:
            await desk.go(route)
            await page.locator("main").locator(button).first.click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            await no_findings(page, "dialog[open]", themes=True)
            await page.keyboard.press("Escape")
        desk.tab.forgive(lambda said: "404" in said)


async def test_a_model_is_verified_by_keyboard_alone(browser: Browser, office: Office) -> None:
    office.approved("acme/keys")
    async with a_desk(browser, office, "linus", "#/models?q=acme/keys") as desk:
        await expect(desk.page.locator("tbody tr")).to_have_count(1)
        await desk.tab_to(desk.page.get_by_role("link", name="acme/keys"))
        await desk.page.keyboard.press("Enter")
        await expect(desk.page.get_by_role("switch")).to_be_visible()
        await desk.tab_to(desk.page.get_by_role("switch"))
        await desk.page.keyboard.press("Space")
        await desk.tab_to(desk.page.get_by_role("button", name="Verify", exact=True))
        await desk.page.keyboard.press("Enter")
        await expect(desk.page.get_by_role("switch")).to_be_checked()
        await desk.page.keyboard.press("/")


async def test_the_address_says_what_is_shown_and_back_goes_back(grace: Desk) -> None:
    page = grace.page
    await grace.go("#/models")
    await page.get_by_role("searchbox").fill("acme/se")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_label("Verification").select_option("true")
    await expect(page.locator("main")).to_contain_text("No model matches")
    assert page.url.endswith("#/models?q=acme%2Fse&verified=true")
    await grace.go("#/models?q=wide%20awake")
    await expect(page.locator("tbody tr")).to_contain_text("acme/named")
    await page.go_back()
    await page.go_back()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await page.get_by_role("searchbox").input_value() == "acme/se"
    await page.reload()
    await expect(page.locator("tbody tr")).to_have_count(1)
