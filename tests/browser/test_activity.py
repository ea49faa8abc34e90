"""The Activity tab, as a person uses it: what passed the gateway, content audit, deleting, exporting."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.browser import ABSENT, Tab, find_chromium, has_edges, no_findings
from tests.browser.listening import heard, listen
from tests.browser.observed import APP, MODEL, NAME, NODE, OLD, Observed, observed
from tests.browser.showcase import until
from tests.browser.world import World
from tests.raw import over_socket

pytestmark = pytest.mark.asyncio(loop_scope="session")

CANARY = "a word that only the question has"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A daemon whose model was asked by an application's step, by nobody in particular, and in vain."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with observed(tmp_path_factory.mktemp("activity") / "home") as found:
        for n in range(3):
            assert found.ask(f"Question {n}").status == 200
        assert found.ask("Nobody's", app=None, node=None, stream=True).status == 200
        assert found.ask("Wrong", max_tokens=-5).status == 400
        yield found


@pytest.fixture
def world(seen: Observed, tab: Tab) -> World:
    return World(daemon=seen.daemon, tab=tab)


def mark_of(seen: Observed, record: str | None) -> dict[str, Any] | None:
    """What the daemon keeps of somebody's mark."""
    mark: dict[str, Any] | None = seen.api("GET", f"/records/{record}")["record"]["mark"]
    return mark


async def test_requests_are_plotted_summed_and_listed_and_names_are_text(world: World) -> None:
    page = world.page
    await world.sign_in("#/activity")
    await expect(page.locator("main .summary").first).to_contain_text("5 requests · 80 % answered · 1 failed")
    requests = page.locator("figure", has=page.get_by_role("heading", name="Requests"))
    await expect(requests).to_contain_text("5 in all")
    plot = requests.get_by_role("img", name="Requests")
    await expect(plot.locator("desc")).to_contain_text("at most 5")
    await requests.get_by_text("As a table").click()
    await expect(requests.get_by_role("cell", name="5", exact=True)).to_be_visible()
    await expect(page.get_by_role("list", name="Gaps")).to_contain_text("were begun anew")
    await expect(page.locator(".gap-row")).to_contain_text("could not be read")
    await expect(page.locator(".record[data-record]")).to_have_count(5)
    await page.get_by_label("Lines").select_option("node")
    await expect(requests.locator(".plot-legend")).to_contain_text(NODE)
    assert page.url.endswith("by=node")
    await page.get_by_role("button", name=f"Only {NODE}").click()
    await expect(page.locator(".record[data-record]")).to_have_count(4)
    await page.get_by_role("button", name=f"No longer only {NODE}").click()
    await page.get_by_label("Outcome").select_option("fail")
    await expect(page.locator(".record[data-record]")).to_have_count(1)
    await page.go_back()
    await expect(page.locator(".record[data-record]")).to_have_count(5)
    await page.get_by_label("Search requests").fill("nothing is called so")
    await expect(page.get_by_text("No request in this time is like this")).to_be_visible()
    assert await page.locator("main script, main b").count() == 0


async def test_the_keyboard_alone_marks_an_answer_and_takes_the_mark_back(
    world: World, seen: Observed
) -> None:
    page = world.page
    await world.sign_in("#/activity")
    row = page.locator(".record[data-record]").last
    record = await row.get_attribute("data-record")
    await row.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="A request")
    await expect(dialog).to_contain_text(NODE)
    await expect(dialog).to_contain_text("Nothing of what was asked or answered is kept.")
    await world.tab_to(dialog.get_by_role("button", name="Bad answer"))
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    await dialog.get_by_label("Why").select_option("format")
    await asyncio.to_thread(until, lambda: (mark_of(seen, record) or {}).get("reason") == "format")
    assert (mark_of(seen, record) or {})["value"] == "bad"
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(row.get_by_role("link")).to_be_focused()
    await world.tab_to(row.get_by_role("button", name="Bad answer"))
    await page.keyboard.press("Space")
    await expect(row.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    assert mark_of(seen, record) is None


async def test_content_is_kept_only_where_a_rule_says_so_and_shown_wherever_it_is(
    world: World, seen: Observed
) -> None:
    page = world.page
    await world.sign_in("#/activity")
    await expect(page.locator(".auditing")).to_have_count(0)
    await page.get_by_role("button", name="Content…").click()
    dialog = page.get_by_role("dialog", name="Whose content is kept")
    await dialog.get_by_role("button", name="Add a rule").click()
    await dialog.get_by_label("Name in rule 1").fill(APP)
    await dialog.get_by_label("How much rule 1 keeps").select_option("whole")
    await dialog.get_by_role("button", name="Save").click()
    await (
        page.get_by_role("dialog", name="Keep whole questions")
        .get_by_role("button", name="Keep them")
        .click()
    )
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".auditing")).to_contain_text("Content audit is on")
    await expect(page.locator(".audit-on")).to_contain_text(f"the application {APP}")
    await asyncio.to_thread(seen.ask, CANARY)
    await page.get_by_role("button", name="Show newer requests").click()
    row = page.locator(".record[data-record]").first
    await expect(row).to_contain_text("Content kept")
    await row.get_by_role("link").click()
    kept = page.get_by_role("dialog", name="A request").get_by_role("region", name="Content")
    await expect(kept.get_by_label("What was asked")).to_contain_text(CANARY)
    await expect(kept.get_by_label("What was answered")).to_contain_text(OLD)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Content…").click()
    await dialog.get_by_role("button", name="Remove rule 1").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator(".auditing")).to_have_count(0)
    await asyncio.to_thread(seen.ask, CANARY)
    kept_now = await asyncio.to_thread(seen.api, "GET", "/records/audit")
    assert kept_now["contents"] == 0


def make_many(seen: Observed, requests: int) -> None:
    """So many that an export of them is longer than what is shown at once: refused ones, which are quick."""
    asked = json.dumps({"model": "lab/nothing", "prompt": "x"}).encode()
    for _ in range(requests):
        assert over_socket(seen.daemon.socket, "POST", "/v1/completions", asked).status == 404


async def test_an_export_is_seen_before_it_is_written_and_holds_no_names(
    world: World, seen: Observed
) -> None:
    page = world.page
    await asyncio.to_thread(make_many, seen, 500)
    await world.sign_in("#/activity")
    await page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export records")
    await dialog.get_by_label("Requests that a group must have").fill("2")
    await dialog.get_by_role("button", name="Show what would be written").click()
    more = dialog.get_by_role("button", name="Show more of it")
    await expect(more).to_be_visible()
    await more.click()
    await expect(more).to_have_count(0)
    shown = await dialog.get_by_label("The file").text_content()
    await dialog.get_by_role("button", name="Write this file").click()
    await expect(dialog).to_contain_text("Written to")
    (written,) = (seen.daemon.home / "state" / "exports").iterdir()
    assert written.read_text() == shown
    assert written.stat().st_mode & 0o077 == 0
    for name in (MODEL, APP, NODE, NAME, CANARY, OLD):
        assert name not in (shown or "")


async def test_what_is_deleted_was_counted_first(world: World, seen: Observed) -> None:
    page = world.page
    await world.sign_in(f"#/activity?app={APP}")
    before = await asyncio.to_thread(seen.api, "GET", "/records?limit=1")
    of_app = await asyncio.to_thread(seen.api, "GET", f"/records?limit=1&app={APP}")
    await page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete records")
    await expect(dialog.get_by_label("Of the application")).to_have_value(APP)
    await expect(dialog.locator(".preview")).to_contain_text(f"{of_app['total']} records would be deleted")
    await dialog.get_by_label("Before the day").fill("2020-01-01")
    await expect(dialog.locator(".preview")).to_contain_text("nothing would be deleted")
    await expect(dialog.get_by_role("button", name="Delete for good")).to_be_disabled()
    await dialog.get_by_label("Before the day").fill("")
    await dialog.get_by_role("button", name="Delete for good").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".record[data-record]")).to_have_count(0)
    left = await asyncio.to_thread(seen.api, "GET", "/records?limit=1")
    assert left["total"] == before["total"] - of_app["total"] > 0


async def test_axe_finds_nothing_and_nothing_is_wider_than_a_telephone(world: World, seen: Observed) -> None:
    page = world.page
    await asyncio.to_thread(seen.ask, "Once more")
    await world.sign_in("#/activity?by=node")
    record = (await asyncio.to_thread(seen.api, "GET", "/records?limit=1"))["items"][0]["id"]
    await page.locator("figure summary").first.click()
    await expect(page.locator(".records .record").first).to_be_visible()
    await no_findings(page, themes=True)
    await has_edges(page)
    await page.emulate_media(forced_colors="none")
    await world.go(f"#/activity?record={record}")
    await expect(page.locator("dialog .marking")).to_be_visible()
    await no_findings(page, "dialog[open]", themes=True)
    await page.keyboard.press("Escape")
    for name, within in (("Content…", ".buttons"), ("Export…", ".switches"), ("Delete…", ".preview")):
        await page.get_by_role("button", name=name).click()
        await expect(page.locator(f"dialog {within}")).to_be_visible()
        await has_edges(page)
        await page.emulate_media(forced_colors="none")
        await no_findings(page, "dialog[open]", themes=True)
        await page.keyboard.press("Escape")
    for width in (390, 1920):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_what_is_counted_all_the_time_is_not_read_aloud(world: World, seen: Observed) -> None:
    page = world.page
    assert seen.ask("One").status == 200
    await world.sign_in("#/activity")
    await expect(page.locator(".record[data-record]").first).to_be_visible()
    sums = page.locator("main .summary").first
    before = await sums.inner_text()
    await listen(page)
    assert (await asyncio.to_thread(seen.ask, "Another")).status == 200
    await expect(sums).not_to_have_text(before)
    spoken, changes = await heard(page)
    assert spoken == [] and changes
