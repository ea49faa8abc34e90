"""The console when something comes between: an absence, a token that ends, somebody who was first."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.browser import ABSENT, Tab, find_chromium, opened_tab
from tests.browser.console_world import Desk, Office, open_office

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry that is stopped and started, and runs again after each test."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        opened.approved("acme/one")
        yield opened


@pytest.fixture
def desk(office: Office, tab: Tab) -> Desk:
    return Desk(office=office, tab=tab)


async def test_a_registry_that_restarts_takes_nothing_from_an_open_console(
    desk: Desk, office: Office
) -> None:
    page = desk.page
    office.published("acme/restarted")
    await desk.sign_in("grace", "#/reviews/acme/restarted/1")
    await expect(page.locator(".connection")).to_have_text("Live")
    await page.get_by_label("Reason").fill("While it is away.")
    await asyncio.to_thread(office.process.stop)
    try:
        await expect(page.locator(".banner")).to_contain_text("The registry does not answer")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("alert")).to_contain_text("The registry does not answer")
        await expect(page.locator("main")).to_contain_text("acme/restarted")
    finally:
        await asyncio.to_thread(office.process.start)
    await expect(page.locator(".connection")).to_have_text("Live")
    await expect(page.locator(".banner")).to_have_count(0)
    assert await page.get_by_label("Reason").input_value() == "While it is away."
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator(".heading .badge")).to_have_text("Approved")
    await expect(page.get_by_role("region", name="Version")).to_contain_text("While it is away.")
    desk.tab.forgive_absence()


async def test_a_window_that_begins_while_the_registry_is_away_keeps_its_token_and_goes_on_by_itself(
    desk: Desk,
) -> None:
    page = desk.page
    await desk.sign_in("grace", "#/templates")
    await expect(page.locator("main")).to_contain_text("No template yet")

    async def away(route: Route) -> None:
        await route.abort("connectionrefused")

    async def busy(route: Route) -> None:
        await route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html")

    for answer, said in ((away, "The registry does not answer"), (busy, "answered with status 502")):
        await page.route("**/api/v1/me", answer)
        await page.reload()
        await expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
        await expect(page.get_by_role("button", name="Use another token")).to_be_visible()
        await page.unroute("**/api/v1/me")
        await expect(page.locator("main")).to_contain_text("No template yet")
    await page.route("**/api/v1/me", away)
    await page.reload()
    await page.get_by_role("button", name="Use another token").click()
    await expect(page.get_by_label("Token")).to_be_focused()
    assert await page.evaluate("sessionStorage.length") == 0
    await page.unroute("**/api/v1/me")
    await page.wait_for_timeout(1_500)  # what was asked before is nobody's any more
    await expect(page.locator("nav")).to_have_count(0)
    desk.tab.forgive(lambda said: "ERR_CONNECTION" in said or "502" in said)


async def test_a_token_that_ends_while_the_page_is_open_signs_out_and_says_why(
    desk: Desk, office: Office
) -> None:
    page = desk.page
    with office.client("admin") as admin:
        made = admin.create_token("visitor", ("read",), expires_in_s=3600)
    await desk.sign_in_with(made.token)
    database = office.process.state_dir / "registry.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        rule = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'token_fixed'").fetchone()
        connection.execute("DROP TRIGGER token_fixed")  # time passes for one token alone
        connection.execute(
            "UPDATE token SET expires_at = '2020-01-01T00:00:00.000Z' WHERE id = ?", (made.info.id,)
        )
        connection.execute(rule[0])
    await desk.go("#/publishers")
    await expect(page.locator(".trouble")).to_contain_text("it was revoked or is over")
    await expect(page.get_by_label("Token")).to_be_focused()
    assert await page.evaluate("sessionStorage.length") == 0
    await page.get_by_label("Token").fill(made.token)
    await page.keyboard.press("Enter")
    await expect(page.locator(".trouble")).to_contain_text("unknown, revoked or expired")
    await expect(page.get_by_label("Token")).to_be_focused()
    desk.tab.forgive(lambda said: "401" in said)


async def test_a_new_secret_that_comes_after_its_owner_was_signed_out_is_shown_to_nobody(
    desk: Desk, office: Office
) -> None:
    page = desk.page
    with office.client("admin") as admin:
        visitor = admin.create_token("visitor", ("read",), expires_in_s=3600)
    secrets: list[str] = []
    made, let_go = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        secrets.append((await answer.json())["token"])
        made.set()
        await let_go.wait()
        await route.fulfill(response=answer)

    await desk.sign_in_with(visitor.token, "#/tokens")
    await page.route("**/api/v1/tokens", late)
    await page.get_by_role("button", name="New token").click()
    await page.get_by_role("button", name="Create").click()
    await asyncio.wait_for(made.wait(), 15)
    with office.client("admin") as admin:
        admin.revoke_token(visitor.info.id)
    await expect(page.locator(".trouble")).to_contain_text("it was revoked or is over")
    await page.get_by_label("Token").fill(office.tokens["admin"])
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-token]").first).to_be_visible()
    async with page.expect_response(lambda answer: answer.request.method == "POST"):
        let_go.set()
    await page.wait_for_timeout(500)
    assert secrets[0].startswith("mhr_")
    assert secrets[0] not in await page.content()
    await page.unroute("**/api/v1/tokens")
    desk.tab.forgive(lambda said: "401" in said)


async def test_of_two_who_decide_at_once_the_second_is_told_who_was_first(
    browser: Browser, desk: Desk, office: Office
) -> None:
    for name in ("heard", "unheard"):
        office.published(f"acme/{name}")
    async with opened_tab(browser) as tab:
        linus = Desk(office=office, tab=tab)
        await linus.sign_in("linus", "#/reviews/acme/heard/1")
        await linus.page.get_by_label("Reason").fill("It is too loud.")
        await desk.sign_in("grace", "#/reviews/acme/heard/1")
        await desk.page.get_by_role("button", name="Approve").click()
        told = linus.page.get_by_role("region", name="Decision").get_by_role("alert")
        await expect(told).to_contain_text("grace has approved it meanwhile")
        await expect(told).to_contain_text("your reason was not kept")
        await expect(linus.page.get_by_role("button", name="Reject")).to_have_count(0)

        async def deaf(route: Route) -> None:
            if "wait_s" in route.request.url:
                await asyncio.sleep(20)
            with contextlib.suppress(Exception):  # the window may be closed by then
                await route.continue_()

        await linus.page.route("**/api/v1/changes?*", deaf)
        await linus.page.reload()
        await linus.go("#/reviews/acme/unheard/1")
        await expect(linus.page.get_by_role("button", name="Approve")).to_be_visible()
        await desk.go("#/reviews/acme/unheard/1")
        await desk.page.get_by_label("Reason").fill("Not for us.")
        await desk.page.get_by_role("button", name="Reject").click()
        await expect(desk.page.locator(".heading .badge")).to_have_text("Rejected")
        await linus.page.get_by_role("button", name="Approve").click()
        await expect(told).to_contain_text("grace has rejected it meanwhile. Your decision does not count.")
        await expect(linus.page.locator(".heading .badge")).to_have_text("Rejected")
        await expect(linus.page.get_by_role("region", name="Version")).to_contain_text("Not for us.")
        await linus.page.unroute_all(behavior="ignoreErrors")
        linus.tab.forgive(lambda said: "409" in said)


async def test_two_who_withdraw_at_once_and_a_dialog_whose_button_went(
    browser: Browser, desk: Desk, office: Office
) -> None:
    office.approved("acme/twice")
    async with opened_tab(browser) as tab:
        other = Desk(office=office, tab=tab)
        await other.sign_in("admin", "#/models/acme/twice")
        await other.page.get_by_role("button", name="Withdraw version 1").click()
        await other.page.get_by_label("Reason").fill("A second time.")
        await desk.sign_in("grace", "#/models/acme/twice")
        await desk.page.get_by_role("button", name="Withdraw version 1").click()
        await desk.confirm("Withdraw", "A first time.")
        await expect(other.page.locator(".heading .badge")).to_have_text("Withdrawn")
        await other.page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
        await expect(other.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("withdrawn")
        await other.page.keyboard.press("Escape")
        await expect(other.page.locator("#main")).to_be_focused()
        await expect(other.page.locator(".history")).to_contain_text("A first time.")
        other.tab.forgive(lambda said: "409" in said)
