"""Deciding in the console: what a review shows, what a rejection tells, by keyboard too, and who may."""

import json
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.browser import ABSENT, find_chromium, no_findings
from tests.browser.console_world import Office, a_desk, content, open_office

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A registry for the tests of this file; each uses models of its own."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


async def test_what_is_rejected_says_why_to_whoever_published_it(browser: Browser, office: Office) -> None:
    office.approved("acme/again", description="Writes short letters.", context_length=4096)
    office.published("acme/again", description="Writes long letters.", context_length=8192)
    async with a_desk(browser, office, "ada", "#/models/acme/again") as ada:
        async with a_desk(browser, office, "grace", "#/reviews/acme/again/2") as grace:
            page = grace.page
            await expect(page.locator(".differences del")).to_have_text("short")
            await expect(page.locator(".differences ins")).to_have_text("long")
            size = page.locator(".differences li", has_text="Context length")
            await expect(size.locator(".before")).to_contain_text("4,096 tokens")
            await expect(size.locator(".after")).to_contain_text("8,192 tokens")
            await page.get_by_label("Reason").fill("Nobody reads long letters.")
            await page.get_by_role("button", name="Reject").click()
            await expect(page.locator(".heading .badge")).to_have_text("Rejected")
            await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
            await grace.go("#/reviews?status=rejected")
            await expect(grace.row("review", "acme/again@2")).to_be_visible()
        rejected = ada.page.locator('[data-version="2"]')
        await expect(rejected.locator(".badge")).to_have_text("Rejected")
        await expect(rejected).to_contain_text("rejected by grace")
        await expect(rejected).to_contain_text("“Nobody reads long letters.”")
        await expect(ada.page.locator('[data-version="1"] h3')).to_contain_text("served")


async def test_publishing_approving_withdrawing_and_making_a_token_by_keyboard_alone(
    browser: Browser, office: Office
) -> None:
    async with a_desk(browser, office, "ada") as ada:
        page = ada.page
        await ada.press(page.get_by_role("link", name="Publish", exact=True))
        await ada.tab_to(page.get_by_label("Entry"))
        await page.keyboard.insert_text(json.dumps(content("typed") | {"id": "acme/typed"}))
        await ada.press(page.get_by_role("button", name="Publish acme/typed"))
        await expect(page.locator("main")).to_contain_text("acme/typed version 1 is published")
        await no_findings(page, themes=True)
        await ada.press(page.get_by_role("link", name="Show the model"))
        await expect(page.locator(".heading")).to_contain_text("acme/typed")
    async with a_desk(browser, office, "grace") as grace:
        page = grace.page
        await grace.press(grace.row("review", "acme/typed@1").get_by_role("link"))
        await expect(page.locator("#main")).to_be_focused()
        await grace.tab_to(page.get_by_label("Reason"))
        await page.keyboard.insert_text("By keys.")
        await grace.press(page.get_by_role("button", name="Approve"))
        await expect(page.locator(".heading .badge")).to_have_text("Approved")
        assert await page.evaluate("document.activeElement !== document.body"), (
            "the keyboard has lost its place"
        )
        await grace.press(page.get_by_role("link", name="Show the model"))
        await grace.press(page.get_by_role("button", name="Withdraw version 1"))
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.insert_text("By keys too.")
        await grace.press(page.get_by_role("button", name="Withdraw", exact=True))
        await expect(page.locator(".heading .badge")).to_have_text("Withdrawn")
        await expect(page.locator("#main")).to_be_focused()
        await grace.press(page.get_by_role("link", name="Tokens"))
        await grace.press(page.get_by_role("button", name="New token"))
        await page.keyboard.insert_text("keys")
        await page.keyboard.press("Enter")
        await expect(page.locator("#secret")).to_be_focused()
        await no_findings(page, themes=True)
        await grace.press(page.get_by_role("button", name="I have kept it"))
        await expect(page.locator("#secret")).to_have_count(0)
        await expect(page.locator("#main")).to_be_focused()


async def test_rights_decide_what_is_offered_on_templates_publishers_and_tokens(
    browser: Browser, office: Office
) -> None:
    with office.client("admin") as admin:
        admin.put_template("rights", name="Rights", models=("acme/rights",))
        admin.add_publisher_key("acme", public_key="7e" * 32)
    offered = {
        "#/templates": "New template",
        "#/templates/rights": "Delete",
        "#/publishers": "New publisher",
        "#/publishers/acme": "Suspend|Add a key|Revoke",
    }
    for person, admin_too in (("barbara", False), ("ada", False), ("linus", False), ("admin", True)):
        async with a_desk(browser, office, person) as desk:
            main = desk.page.get_by_role("main")
            for route, names in offered.items():
                await desk.go(route)
                await desk.settled()
                await expect(main.get_by_role("heading", level=1)).to_be_visible()
                for name in names.split("|"):
                    found = main.get_by_role("button", name=name).or_(main.get_by_role("link", name=name))
                    await expect(found, f"{person}: {name}").to_have_count(int(admin_too))
            await desk.go("#/templates/rights")
            await expect(main.get_by_role("region", name="Its models")).to_be_visible()
            assert await main.get_by_role("textbox").count() == (3 if admin_too else 0), person
            await desk.go("#/tokens")
            await expect(main.locator("tbody tr").first).to_be_visible()
            whose = set(await main.locator("tbody th > span:first-child").all_inner_texts())
            assert (len(whose) > 1) == admin_too, (person, whose)
            await main.get_by_role("button", name="New token").click()
            publishes = desk.page.get_by_role("dialog").get_by_text("May publish for")
            assert await publishes.count() == int(admin_too or person == "ada"), person


async def test_the_log_is_filtered_by_whom_and_of_what_and_every_act_in_it_can_be_chosen(
    browser: Browser, office: Office
) -> None:
    office.approved("acme/logged")
    with office.client("barbara") as reader:
        reader.star("acme/logged")
    with office.client("admin") as admin:
        admin.reset_counters("acme/logged")
    async with a_desk(browser, office, "admin", "#/audit") as desk:
        page = desk.page
        await page.get_by_role("searchbox", name="Of what").fill("acme/logged@1")
        await expect(page.locator(".journal > li")).to_have_count(2)
        await page.get_by_role("searchbox", name="By whom").fill("grace")
        await expect(page.locator(".journal > li")).to_have_count(1)
        await expect(page.locator(".journal .act")).to_have_text("Version approved")
        assert page.url.endswith("#/audit?subject=acme%2Flogged%401&actor=grace")
        await page.get_by_role("searchbox", name="By whom").fill("nobody")
        await expect(page.locator("main")).to_contain_text("No entry matches")
        await desk.go("#/audit")
        await page.get_by_label("Act").select_option(label="Model counters reset")
        await expect(page.locator(".journal .subject")).to_have_text(["acme/logged"])
        await page.get_by_label("Act").select_option(label="Seed imported")
        await expect(page.locator(".journal .subject")).to_have_text(["floor"])


async def test_a_hostile_description_runs_nothing_wherever_it_is_shown(
    browser: Browser, office: Office
) -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script> [x](javascript:alert(3)) ${7*7} `id`"
    files = [
        {
            "name": "a.gguf",
            "size_bytes": 9,
            "sha256": "ab" * 32,
            "urls": ["https://models.example.com/%3Cb%3E"],
        }
    ]
    office.published(
        "acme/hostile",
        description=hostile,
        notes=hostile,
        tags=["<b>bold</b>"],
        license={"name": hostile[:60], "url": "https://models.example.com/%3Cb%3E"},
        options=[{"id": "gguf-x", "format": "gguf", "quantization": "<i>Q</i>", "files": files}],
    )
    async with a_desk(browser, office, "grace", "#/reviews") as desk:
        page = desk.page
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        await expect(grace_row := desk.row("review", "acme/hostile@1")).to_contain_text(hostile)
        await grace_row.get_by_role("link").click()
        await expect(page.locator("main")).to_contain_text(hostile)
        await expect(page.locator("main")).to_contain_text("<b>bold</b>")
        markup = "main :is(img, script, iframe, object, b, i), main a[href^=javascript]"
        assert await page.locator(markup).count() == 0
        await page.get_by_label("Reason").fill(hostile)
        await page.get_by_role("button", name="Reject").click()
        await expect(page.get_by_role("region", name="Version")).to_contain_text(hostile)
        await desk.go("#/models/acme/hostile")
        await expect(page.locator(".history")).to_contain_text(hostile)
        await desk.go("#/audit")
        await page.locator(".journal summary").first.click()
        await expect(page.locator(".journal pre").first).to_contain_text("onerror=alert(1)")
        assert await page.locator(markup).count() == 0
        assert asked == []


async def test_what_is_served_instead_is_told_however_long_ago_it_was_approved(
    browser: Browser, office: Office
) -> None:
    office.approved("acme/old")
    for number in range(51):
        office.published("acme/old", description=f"Number {number}.")
    newest = office.approved("acme/old")
    async with a_desk(browser, office, "grace", "#/models/acme/old") as desk:
        await desk.page.get_by_role("button", name=f"Withdraw version {newest}").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text("Version 1 is served instead")
