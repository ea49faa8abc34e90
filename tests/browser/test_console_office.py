"""The console's quieter work: tokens, publishers, templates, the log; and being alone."""

import dataclasses
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Route, expect

from modelhub_client import RegistryClient
from tests.browser.browser import ABSENT, Tab, find_chromium
from tests.browser.console_world import Desk, Office, open_office

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry whose people may approve alone."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office"), "--four-eyes", "off") as opened:
        opened.approved("acme/one")
        yield opened


@pytest.fixture
def desk(office: Office, tab: Tab) -> Desk:
    return Desk(office=office, tab=tab)


async def test_a_token_is_shown_once_and_revoked_ends_its_owner_s_window(
    desk: Desk, browser: Browser, office: Office
) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/tokens")
    await page.get_by_role("button", name="New token").click()
    await page.get_by_label("Person or service").fill("Newcomer!")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("dialog")).to_contain_text("a name begins with a lower-case letter")
    desk.tab.forgive(lambda said: "422" in said)
    await page.get_by_label("Person or service").fill("newcomer")
    await page.get_by_label("review: approve and reject").check()
    await page.get_by_role("button", name="Create").click()
    secret = await page.locator("#secret").inner_text()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    with RegistryClient(office.url, token=secret) as newcomer:
        me = newcomer.me()
        assert (me.principal, me.scopes) == ("newcomer", ("read", "review"))
    await page.get_by_role("button", name="I have kept it").click()
    await expect(page.locator("#secret")).to_have_count(0)
    assert secret not in await page.content()
    await page.reload()
    await expect(page.locator("tbody tr").first).to_be_visible()
    assert secret not in await page.content()

    other = await browser.new_page()
    theirs = dataclasses.replace(office, tokens={"newcomer": secret})
    await Desk(office=theirs, tab=Tab(other)).sign_in("newcomer")
    await page.get_by_role("button", name=f"Revoke the token {me.token_id}").click()
    await desk.confirm("Revoke")
    await expect(desk.row("token", me.token_id).locator(".badge")).to_have_text("Revoked")
    await expect(other.get_by_text("it was revoked or is over")).to_be_visible()
    assert await other.evaluate("sessionStorage.length") == 0
    await other.close()


async def test_a_wrong_token_says_so_and_signing_out_forgets_it(desk: Desk) -> None:
    page = desk.page
    await page.goto(desk.office.url)
    for text, said in (("hello", "begins with mhr_"), (f"mhr_{'a' * 12}_{'b' * 38}", "mistyped or cut")):
        await page.get_by_label("Token").fill(text)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator(".trouble")).to_contain_text(said)
    await desk.sign_in("barbara")
    assert await page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0
    desk.tab.forgive(lambda said: "401" in said)


async def test_alone_one_approves_and_the_console_says_that_it_was_alone(desk: Desk, office: Office) -> None:
    office.published("acme/alone", by="edsger")
    await desk.sign_in("edsger", "#/reviews/acme/alone/1")
    await expect(desk.page.locator(".banner")).to_contain_text("Four eyes is off")
    await expect(desk.page.locator(".refused")).to_contain_text("the audit log will say so")
    await desk.page.get_by_role("button", name="Approve").click()
    await expect(desk.page.locator("main")).to_contain_text("one person alone decided")
    await desk.page.get_by_role("link", name="Show the model").click()
    await expect(desk.page.locator(".history")).to_contain_text("by one person alone")


async def test_a_template_is_made_changed_and_deleted_with_its_badge_told_before(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/templates")
    await page.get_by_role("link", name="New template").click()
    await page.get_by_label("Id", exact=True).fill("weekly")
    await page.get_by_label("Name").fill("Weekly")
    await page.get_by_label("Models").fill("acme/one\nnonsense")
    await expect(page.locator(".preview")).to_contain_text("Not compliant")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator(".entry-field .trouble")).to_contain_text("not a model id")
    await page.get_by_label("Models").fill("acme/one")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator(".heading")).to_contain_text("Weekly")
    await page.get_by_label("Name").fill("Weekly report")
    with desk.office.client("admin") as admin:
        admin.verify("acme/one")
    await expect(page.locator(".heading .badge")).to_have_text("Compliant")
    assert await page.get_by_label("Name").input_value() == "Weekly report"
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".heading")).to_contain_text("Weekly report")
    await page.get_by_role("button", name="Delete Weekly report").click()
    await desk.confirm("Delete")
    await expect(page.locator("main")).to_contain_text("No template yet")
    await page.goto("about:blank")  # what was asked of it while it went is answered, or nobody's any more
    desk.tab.forgive(lambda said: "422" in said or "404" in said)


async def test_publishers_get_keys_and_are_suspended_with_a_reason(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/publishers")
    await page.get_by_role("button", name="New publisher").click()
    await page.get_by_label("Name").fill("umbrella")
    await page.get_by_role("button", name="Create").click()
    await page.get_by_role("link", name="umbrella").click()
    await page.get_by_role("button", name="Add a key").click()
    await page.get_by_label("Public key").fill("ab" * 32)
    await desk.confirm("Add")
    await page.get_by_role("button", name="Revoke the key").click()
    await desk.confirm("Revoke")
    await expect(page.locator(".keys .badge")).to_have_text("Revoked")
    await page.get_by_role("button", name="Suspend").click()
    await desk.confirm("Suspend", "Its laptop was stolen.")
    await expect(page.locator(".heading .badge")).to_have_text("Suspended")
    with desk.office.client("admin") as admin:
        assert admin.publisher("umbrella").status == "suspended"


async def test_counters_are_reset_after_a_question(desk: Desk) -> None:
    with desk.office.client("barbara") as reader:
        reader.star("acme/one")
    await desk.sign_in("admin", "#/models/acme/one")
    counters = desk.page.get_by_role("region", name="Counters")
    await expect(counters).to_contain_text("Stars1", use_inner_text=False)
    await desk.page.get_by_role("button", name="Reset to zero").click()
    await desk.confirm("Reset")
    await expect(counters).to_contain_text("Stars0", use_inner_text=False)


async def test_the_log_is_filtered_and_proved_in_the_browser_and_a_forged_one_is_noticed(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("admin", "#/audit")
    await page.get_by_role("button", name="Check the proof").click()
    await expect(page.get_by_role("heading", name="The log holds")).to_be_visible()
    shown = await page.locator(".journal > li").count()
    assert shown > 5 and await page.locator(".proved.ok").count() == shown
    with desk.office.client("admin") as admin:
        admin.put_template("later", name="Later", models=("acme/one",))
    await expect(page.locator(".journal > li")).to_have_count(shown + 1)
    await page.get_by_role("button", name="Check the proof").click()
    await expect(page.locator(".findings")).to_contain_text("The log has only grown")

    await page.get_by_label("Act").select_option("template.put")
    await expect(page.locator(".journal .subject").first).to_have_text("later")

    async def forged(route: Route) -> None:
        answer = await route.fetch()
        page_of = await answer.json()
        page_of["items"][0]["actor"] = "somebody-else"
        await route.fulfill(response=answer, json=page_of)

    await page.route("**/api/v1/audit?*", forged)
    await page.reload()
    await expect(page.locator(".journal")).to_contain_text("somebody-else")
    await page.get_by_role("button", name="Check the proof").click()
    await expect(page.get_by_role("heading", name="The log does not hold")).to_be_visible()
    await expect(page.locator(".proved.bad")).to_have_count(1)
    await page.unroute("**/api/v1/audit?*")
    await page.evaluate(
        """() => { const [key] = Object.keys(localStorage); const seen = JSON.parse(localStorage[key]);
        localStorage[key] = JSON.stringify({ ...seen, root_hash: "ab".repeat(32), size: seen.size - 1 }); }"""
    )
    await page.get_by_role("button", name="Check the proof").click()
    await expect(page.locator(".findings .bad").first).to_contain_text(
        "The history that this browser saw was changed"
    )


async def test_a_window_goes_on_when_the_registry_is_back_and_one_asks_for_all(desk: Desk) -> None:
    await desk.sign_in("barbara", "#/templates")
    await expect(desk.page.locator(".connection")).to_have_text("Live")
    asked: list[str] = []
    second = await desk.page.context.new_page()
    second.on("request", lambda request: asked.append(request.url))
    await Desk(office=desk.office, tab=Tab(second)).sign_in("barbara", "#/templates")
    with desk.office.client("admin") as admin:
        admin.put_template("both", name="Both", models=("acme/one",))
    for page in (desk.page, second):
        await expect(page.locator('[data-template="both"]')).to_be_visible()
    assert not [url for url in asked if "wait_s" in url]
    await desk.page.context.set_offline(True)
    await expect(desk.page.locator(".banner").last).to_contain_text(
        "The registry does not answer", timeout=40_000
    )
    await desk.page.context.set_offline(False)
    await expect(desk.page.locator(".connection")).to_have_text("Live", timeout=60_000)
    await second.close()
    desk.tab.forgive(lambda said: "ERR_INTERNET_DISCONNECTED" in said)
