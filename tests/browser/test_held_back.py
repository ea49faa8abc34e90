"""What is held back, by whom, and what one gets instead; and what the details say of a model."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, expect

from modelhubd.wire.servers import LoadSettings
from tests.browser.browser import ABSENT, Tab, find_chromium
from tests.browser.pinned import (
    ALSO,
    BEHIND,
    FREE,
    LATER,
    NEVER,
    NOTES,
    PINNED,
    POLICED,
    SWAPPED,
    Pinned,
    pinned,
)
from tests.browser.showcase import until
from tests.browser.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANYWAY = "Update anyway"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pinned]:
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with pinned(tmp_path_factory.mktemp("pinned") / "home") as found:
        yield found


@pytest.fixture
def world(held: Pinned, tab: Tab) -> World:
    return World(daemon=held.daemon, tab=tab)


def buttons(row: Locator) -> Locator:
    return row.locator(".row-buttons").locator("button, a")


async def test_each_update_says_what_it_fetches_and_what_holds_it_back(world: World, held: Pinned) -> None:
    await world.sign_in("#/updates")
    free, behind, policed, swapped = (world.row(one) for one in (FREE, BEHIND, POLICED, SWAPPED))
    await expect(free).to_contain_text("version 1 → 2")
    await expect(free).to_contain_text("to fetch")
    await expect(free).to_contain_text(NOTES)
    await expect(policed.locator(".badge")).to_have_text("Held back")
    await expect(policed).to_contain_text("Held back by the policy “Publishers allowed”: ")
    await expect(buttons(policed)).to_have_count(0)
    await expect(behind).to_contain_text("version 1 → 2")
    await expect(behind).to_contain_text(
        "Version 3 is held back by llama-server: It needs llama-server >=999999"
    )
    await expect(buttons(behind)).to_have_text("Update")
    await expect(swapped).to_contain_text("Held back by the catalog: ")
    await expect(buttons(swapped)).to_have_text("Show it")


async def test_what_is_held_back_is_marked_in_one_line_whatever_can_be_done_about_it(world: World) -> None:
    await world.sign_in("#/updates")
    await expect(world.row(POLICED)).to_be_visible()
    right = "(all) => [...new Set(all.map((el) => Math.round(el.getBoundingClientRect().right)))]"
    badges = world.page.locator(".row .badge")
    assert await badges.count() > 1
    assert len(await badges.evaluate_all(right)) == 1


async def test_the_page_is_shown_for_the_application_that_names_itself(world: World, held: Pinned) -> None:
    page = world.page
    counted = page.locator('nav a[href="#/updates"] .count')
    await world.sign_in("#/updates")
    row = world.row(PINNED)
    await expect(buttons(row)).to_have_text("Update")
    before = int(await counted.inner_text())
    await page.goto(f"{world.daemon.url}/?app=editor/1.9#/updates")
    await expect(row).to_contain_text("Held back by editor: It needs editor >=2, and this is 1.9.")
    await expect(row.locator(".badge")).to_have_text("Held back")
    await expect(counted).to_have_text(str(before - 1))
    await page.goto(f"{world.daemon.url}/?app=editor/1.9#/browse?model={PINNED}")
    dialog = page.get_by_role("dialog", name="Pinned")
    await expect(dialog.locator(".note")).to_have_text(
        "Version 2 is held back: It needs editor >=2, and this is 1.9."
    )
    await page.goto(f"{world.daemon.url}/?app=editor/2.0#/updates")
    await expect(buttons(row)).to_have_text("Update")
    await page.goto(f"{world.daemon.url}/?app=editor/1.9#/updates")
    await buttons(row).filter(has_text=ANYWAY).click()
    await expect(row).to_have_count(0)
    assert await asyncio.to_thread(held.version_of, PINNED) == 2


async def test_all_that_nothing_holds_back_is_updated_at_once(world: World, held: Pinned) -> None:
    await world.sign_in("#/updates")
    await world.page.get_by_role("button", name="Update all").click()
    for model in (FREE, ALSO):
        await expect(world.row(model)).to_have_count(0)
    for model, version in ((FREE, 2), (ALSO, 2), (POLICED, 1)):
        assert await asyncio.to_thread(held.version_of, model) == version
    await expect(world.row(POLICED)).to_be_visible()


async def test_the_details_say_everything_that_the_entry_says(world: World) -> None:
    await world.sign_in(f"#/browse?q=later&model={LATER}")
    dialog = world.page.get_by_role("dialog", name="Later")
    about = dialog.locator("section", has_text="About").locator(".pairs")
    for word, what in (
        ("Parameters", "1M (500K active)"),
        ("Context", "4K (4,096 tokens)"),
        ("Licence", "CC0-1.0 · not for commercial use"),
        ("Architecture", "llama, 2 layers"),
        ("Made from", "testing/ancestor"),
        ("Home page", "example.org/later"),
        ("Tags", "striped, small"),
        ("Listed by", "an entry on this computer"),
        ("Published", "20 Nov 2026 by somebody"),
    ):
        row = about.locator("div", has=world.page.locator("dt", has_text=word))
        await expect(row.locator("dd")).to_have_text(what)
    await expect(dialog.get_by_role("link", name="CC0-1.0")).to_have_attribute(
        "href", "https://example.org/licence"
    )
    needed = dialog.locator("section", has=world.page.get_by_role("heading", name="Requirements"))
    await expect(needed.get_by_role("listitem")).to_have_text(
        ["llama-server >=999999", "at least 1.00 MB of memory", "better with 2.00 GB of memory"]
    )
    await expect(dialog.locator(".versions li")).to_have_text(
        [f"Version 220 Nov 2026 · somebody{NOTES}", "Version 1First version."]
    )
    await expect(dialog.locator(".note")).to_contain_text("Version 2 is held back: It needs llama-server")
    await expect(dialog.locator(".note")).to_contain_text("Version 1 is downloaded instead.")


async def test_what_is_not_for_the_programs_here_is_had_in_an_older_version_or_asked_about(
    world: World, held: Pinned
) -> None:
    page, client = world.page, world.daemon.client
    await world.sign_in("#/browse?q=later")
    card = world.card(LATER)
    await expect(card.locator(".publisher")).to_contain_text("version 1 for now")
    await card.get_by_role("button", name="Download").click()
    await expect(card.locator("footer")).to_contain_text("Installed")
    assert await asyncio.to_thread(held.version_of, LATER) == 1
    await world.search("never", cards=1)
    card = world.card(NEVER)
    await expect(card.locator(".publisher")).to_contain_text("held back")
    await card.get_by_role("button", name="Download").click()
    await expect(page.get_by_role("dialog")).to_contain_text("It needs llama-server >=999999")
    await page.get_by_role("button", name="Keep as it is").click()
    assert not [one for one in (await asyncio.to_thread(client.downloads)).items if one.model == NEVER]
    await card.get_by_role("button", name="Download").click()
    await page.get_by_role("button", name="Download anyway").click()
    await expect(card.locator("footer")).to_contain_text("Installed")
    world.tab.forgive(lambda said: "409" in said)


async def test_the_load_form_says_whose_word_each_value_is(world: World, held: Pinned) -> None:
    client = world.daemon.client
    library = (await asyncio.to_thread(client.library)).items
    artifact = next(item for item in library if item.model == SWAPPED)
    await asyncio.to_thread(client.save_settings, artifact.id, LoadSettings(parallel=2))
    await world.sign_in(f"#/installed?load={artifact.id}")
    form = world.page.get_by_role("dialog", name="Load Swapped")
    await form.get_by_text("More settings").click()
    for field, value, who in (
        ("Context length", str(held.ctx), "Recommended for this model."),
        ("Requests at a time", "2", "Saved for this model."),
        ("Batch", str(held.batch), "From the environment."),
        ("Threads", "2", "Locked by the administrator"),
        ("Seed", "automatic", "Default."),
    ):
        box = world.page.get_by_label(field, exact=True)
        await expect(box).to_have_attribute("placeholder", value)
        await expect(form.locator(".field", has=box).locator(".from")).to_contain_text(who)
    await expect(form.get_by_label("Threads", exact=True)).to_be_disabled()


async def test_a_policy_that_goes_lets_go_of_what_it_held(world: World) -> None:
    client = world.daemon.client
    await world.sign_in("#/updates")
    row = world.row(POLICED)
    await expect(row).to_contain_text("Held back")
    await asyncio.to_thread(client.change_policy, allowed_publishers=None)
    try:
        await expect(buttons(row)).to_have_text("Update")
    finally:
        await asyncio.to_thread(client.change_policy, allowed_publishers=["testing"])
        await asyncio.to_thread(until, lambda: any(one.refusal for one in client.updates().items))
