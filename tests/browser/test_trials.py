"""The Trials tab, as a person uses it: begin, look, mark blind, pause, promote, go back, remove."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.browser import ABSENT, Tab, find_chromium, has_edges, no_findings
from tests.browser.observed import MODEL, NEW, OLD, Observed, observed
from tests.browser.showcase import until
from tests.browser.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTIONS = ("<img src=x onerror=alert(1)>", "What is 1?", "What is 2?", "What is 3?")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A daemon with two versions of a model, the old one active and running."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    with observed(tmp_path_factory.mktemp("trials") / "home") as found:
        assert found.ask("To have it loaded").status == 200
        yield found


@pytest.fixture
def world(seen: Observed, tab: Tab) -> World:
    return World(daemon=seen.daemon, tab=tab)


def trial_of(seen: Observed) -> Any:
    """The one trial there is, with its evidence."""
    (found,) = seen.api("GET", "/trials")["items"]
    return seen.api("GET", f"/trials/{found['id']}")


def paired(seen: Observed, pairs: int) -> None:
    """Wait until both were given so many."""
    until(lambda: trial_of(seen)["counts"]["pairs"] >= pairs)


async def asked(seen: Observed) -> None:
    for words in QUESTIONS:
        assert (await asyncio.to_thread(seen.ask, words)).status == 200
    await asyncio.to_thread(paired, seen, len(QUESTIONS))


def pane(world: World, name: str) -> Locator:
    return world.page.get_by_role("region", name=name, exact=True)


async def test_a_trial_is_begun_and_what_is_wrong_is_said_at_its_field(world: World, seen: Observed) -> None:
    page = world.page
    await world.sign_in("#/trials")
    await expect(page.get_by_text("No trial is running")).to_be_visible()
    await page.get_by_role("button", name="Start a trial…").click()
    form = page.get_by_role("dialog", name="Start a trial")
    await form.get_by_role("button", name="Start").click()
    await expect(form).to_contain_text("Choose who answers.")
    await form.get_by_label("Active: who answers").select_option(seen.old)
    await form.get_by_label("Candidate: who is tried").select_option(seen.new)
    await form.get_by_label("Requests sampled").fill("0")
    await form.get_by_role("button", name="Start").click()
    await expect(form.get_by_label("Requests sampled")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Requests sampled").fill("100")
    await form.get_by_label("When the candidate answers").select_option("parallel")
    await form.get_by_label("Pairs whose content is kept").fill("10")
    await form.get_by_label("Checks, as YAML").fill("checks:\n  bad:\n    regex: '('\n")
    await form.get_by_role("button", name="Start").click()
    await expect(form.get_by_label("Checks, as YAML")).to_have_attribute("aria-invalid", "true")
    world.tab.forgive(lambda said: "422" in said)
    await form.get_by_label("Checks, as YAML").fill("checks:\n  greets:\n    regex: 'Greetings'\n")
    await form.get_by_role("button", name="Start").click()
    await expect(form).to_have_count(0)
    await expect(page.locator(".trial .badge")).to_contain_text("Running")
    assert "pane=evidence" in page.url
    assert trial_of(seen)["keep"] == 10


async def test_evidence_has_intervals_and_no_winner_out_of_noise(world: World, seen: Observed) -> None:
    await world.sign_in("#/trials")
    await asked(seen)
    trial = trial_of(seen)
    await world.page.get_by_role("button", name="Evidence").click()
    evidence = pane(world, "Evidence")
    row = evidence.locator('tr[data-figure="latency_s"]')
    await expect(row).to_contain_text("Not enough pairs")
    said = await row.locator("svg.interval").get_attribute("aria-label")
    assert said and said.startswith("Time to the end: ") and "(" in said
    await expect(row.locator("td").last).to_contain_text("about")
    await expect(evidence).to_contain_text("Passes “greets”")
    await expect(evidence).to_contain_text(f"active 0 of {trial['evidence']['pairs']}")
    for sentence in trial["evidence"]["words"]:
        await expect(evidence).to_contain_text(sentence)


async def test_pairs_are_marked_blind_by_keys_alone(world: World, seen: Observed) -> None:
    page = world.page
    await world.sign_in("#/trials")
    button = page.get_by_role("button", name="Mark blind")
    await expect(button).to_be_visible()
    await world.tab_to(button)
    await page.keyboard.press("Enter")
    blind = pane(world, "Mark blind")
    await expect(blind).to_contain_text("4 pairs left to mark.")
    assert "Active" not in (text := await blind.inner_text()) and "Candidate" not in text
    first, second = blind.get_by_label("First answer"), blind.get_by_label("Second answer")
    await world.tab_to(blind.get_by_role("button", name="First is better"))
    for left in (3, 2, 1):
        assert {await first.inner_text(), await second.inner_text()} == {OLD, NEW}
        new_is_first = await first.inner_text() == NEW
        await page.keyboard.press("1" if new_is_first else "ArrowRight")
        await expect(blind).to_contain_text(f"{left} pair")
    await page.keyboard.press("3")
    await expect(blind).to_contain_text("No pair whose answers differ is left to mark.")
    world.tab.forgive(lambda said: "404" in said)
    marks = trial_of(seen)["evidence"]["marks"]
    assert marks == {"active": 0, "candidate": 3, "tie": 1, "both_bad": 0}
    await page.get_by_role("button", name="Side by side").click()
    pairs = pane(world, "Side by side")
    await expect(pairs.locator(".pair")).to_have_count(4)
    await expect(pairs.locator(".pair").first).to_contain_text(QUESTIONS[0])
    sides = pairs.locator(".pair").first
    await expect(sides.get_by_role("group", name="Active")).to_contain_text(OLD)
    await expect(sides.get_by_role("group", name="Candidate")).to_contain_text(NEW)
    await expect(sides.get_by_role("group", name="Candidate")).to_contain_text("greets: passed")
    await expect(pairs.get_by_text("Candidate preferred")).to_have_count(3)
    assert await page.locator("main img").count() == 0


async def test_axe_finds_nothing_and_nothing_is_wider_than_a_telephone(world: World, seen: Observed) -> None:
    page = world.page
    await asyncio.to_thread(seen.ask, "One more for the eye")
    await asyncio.to_thread(paired, seen, len(QUESTIONS) + 1)
    trial = trial_of(seen)["id"]
    await world.sign_in("#/trials")
    panes = {"evidence": "table", "pairs": ".pair", "blind": ".blind-buttons"}
    for name, within in panes.items():
        await world.go(f"#/trials?trial={trial}&pane={name}")
        await expect(page.locator(f".pane {within}").first).to_be_visible()
        await no_findings(page, themes=True)
        await has_edges(page)
        edge = "el => getComputedStyle(el).borderTopColor"
        chosen, other = (page.locator(f"[aria-expanded='{on}'].button").first for on in ("true", "false"))
        assert await chosen.evaluate(edge) != await other.evaluate(edge), (
            "the open pane's button is like the others"
        )
        await page.emulate_media(forced_colors="none")
    for name, title in (
        ("Start a trial", "Start"),
        ("Evaluate models", "Evaluate"),
        ("Promote", "Promote"),
        ("Remove the trial", "Remove"),
    ):
        await page.get_by_role("button", name=name).first.click()
        await expect(page.get_by_role("dialog", name=title)).to_be_visible()
        await no_findings(page, "dialog[open]", themes=True)
        await has_edges(page)
        await page.emulate_media(forced_colors="none")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    for width in (390, 1920):
        await page.set_viewport_size({"width": width, "height": 844})
        for name in panes:
            await world.go(f"#/trials?trial={trial}&pane={name}")
            await expect(page.locator(".pane").first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, name


async def test_a_trial_is_paused_resumed_promoted_taken_back_and_removed(
    world: World, seen: Observed
) -> None:
    page = world.page
    await world.sign_in("#/trials")
    row = page.locator(".trial")
    await row.get_by_role("button", name="Pause").click()
    await expect(row.locator(".badge")).to_contain_text("Paused")
    await expect(row).to_contain_text("Paused by hand.")
    await row.get_by_role("button", name="Resume").click()
    await expect(row.locator(".badge")).to_contain_text("Running")
    await row.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog", name="Promote the candidate?")
    await dialog.get_by_role("button", name="Keep as it is").click()
    await expect(dialog).to_have_count(0)
    assert trial_of(seen)["state"] == "running"
    await row.get_by_role("button", name="Promote").click()
    await dialog.get_by_role("button", name="Promote").click()
    await expect(row.locator(".badge")).to_contain_text("Promoted")
    active = [one for one in seen.api("GET", "/library?limit=9")["items"] if one["active"]]
    assert [one["id"] for one in active] == [seen.new]
    await row.get_by_role("link", name="Go back…").click()
    await expect(page.locator(f'.row[data-model="{MODEL}"]').first).to_be_visible()
    await world.go("#/trials")
    await row.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog", name="Remove the trial?").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    await page.get_by_text("Decided").click()
    await expect(page.locator(".decision").first).to_contain_text("by owner")
    assert seen.api("GET", "/trials")["items"] == []


async def test_an_evaluation_is_listed_with_its_progress_and_its_reports_are_files(
    world: World, seen: Observed
) -> None:
    page = world.page
    await world.sign_in("#/trials")
    await expect(page.get_by_text("None yet.")).to_be_visible()
    name, questions = "<i>Two</i> questions", '{"prompt":"Hi"}\n{"prompt":"<b>You</b>"}\n'
    body = {"set": questions, "models": [seen.old], "name": name, "sampling": {"max_tokens": 16}}
    made = await asyncio.to_thread(seen.api, "POST", "/evaluations", body)
    row = page.locator(f'[data-evaluation="{made["id"]}"]')
    await expect(row).to_contain_text(name)
    await expect(row.locator(".badge")).to_contain_text("Completed", timeout=90_000)
    for word, held in (("Report as a page", "<html"), ("Markdown", "# "), ("JSON", '"evaluation"')):
        async with page.expect_download() as saving:
            await row.get_by_role("button", name=word).click()
        saved = await saving.value
        assert saved.suggested_filename.startswith(f"evaluation-{made['id']}.")
        assert held in (await saved.path()).read_text()
    await no_findings(page)
    await row.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)


async def test_an_evaluation_is_begun_from_the_page(world: World, seen: Observed, tmp_path: Path) -> None:
    page = world.page
    questions, checks = tmp_path / "questions.jsonl", tmp_path / "checks.yaml"
    questions.write_text('{"prompt":"Hi"}\n\n{"prompt":"You"}\n')
    checks.write_text("checks:\n  greets:\n    regex: '('\n")
    await world.sign_in("#/trials")
    await page.get_by_role("button", name="Evaluate models…").click()
    form = page.get_by_role("dialog", name="Evaluate models")
    await form.get_by_role("button", name="Begin").click()
    await expect(form).to_contain_text("Choose a file of questions")
    await expect(form).to_contain_text("Choose at least one model.")
    await no_findings(page, "dialog[open]")
    await form.get_by_label("Questions, as JSONL").set_input_files(questions)
    await expect(form).to_contain_text("questions.jsonl: 2 questions")
    await form.get_by_label("Checks, as YAML or JSON").set_input_files(checks)
    await form.get_by_label("Name (optional)").fill("From the page")
    await form.get_by_label("Tokens of an answer").fill("16")
    versions = form.get_by_role("group", name="Models").get_by_role("checkbox")
    for version in (0, 1):
        await versions.nth(version).click()
    await expect(form).to_contain_text("the others are compared with it")
    await form.get_by_role("button", name="Begin").click()
    await expect(form.get_by_label("Checks, as YAML or JSON")).to_have_attribute("aria-invalid", "true")
    world.tab.forgive(lambda said: "422" in said)
    await form.get_by_label("Checks, as YAML or JSON").set_input_files(checks)
    await expect(form, "choosing nothing new closes nothing").to_be_visible()
    checks.write_text("checks:\n  greets:\n    regex: 'Greetings'\n")
    async with page.expect_file_chooser() as choosing:
        await form.get_by_label("Checks, as YAML or JSON").click()
    await (await choosing.value).set_files(checks)
    await expect(form.get_by_label("Checks, as YAML or JSON")).not_to_have_attribute("aria-invalid", "true")
    await form.get_by_role("button", name="Begin").click()
    await expect(form).to_have_count(0)
    row = page.locator("[data-evaluation]", has_text="From the page")
    await expect(row.locator(".badge")).to_contain_text("Completed", timeout=90_000)
    (made,) = seen.api("GET", "/evaluations")["items"]
    assert (made["questions"], made["checks"], len(made["models"])) == (2, ["greets"], 2)
    assert made["sampling"]["max_tokens"] == 16
    seen.api("DELETE", f"/evaluations/{made['id']}")
    await expect(row).to_have_count(0)
