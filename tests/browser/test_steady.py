"""What must not happen while one looks: nothing jumps, is read aloud all the time, or is cut off."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.listening import heard, listen
from tests.browser.world import World, have

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALPHA = "testing/zebra-alpha"
WIDTHS = (320, 390, 768, 1920)
# Words at the right end of a line, or in the middle of a button, move with their own length.
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, sources: all } of list.getEntries()) {
      const sources = all.filter(({ node }) => !node?.parentElement?.closest(".progress-words, button"));
      if (!sources.length) continue;
      const moved = sources.map(({ node, previousRect: { y: from }, currentRect: { y: to } }) =>
        `${(node?.outerHTML ?? node?.textContent ?? "?").slice(0, 80)}: ${from} to ${to}`);
      window.shifts.push({ value, moved });
    }
  }).observe({ type: "layout-shift", buffered: false });
}"""
CUT = """() => {
  const dialog = document.querySelector("dialog[open]");
  const wide = [dialog, ...dialog.querySelectorAll("*")].filter((el) => {
    const { overflowX, textOverflow } = getComputedStyle(el);
    return !el.closest("svg, .unseen") && overflowX !== "visible" && textOverflow !== "ellipsis"
      && el.clientWidth && el.scrollWidth > el.clientWidth + 1;
  });
  const beyond = [...dialog.querySelectorAll("button, input, select, a, p, h2, h3, dd")].filter((el) => {
    const { left, right, width } = el.getBoundingClientRect();
    return width && !el.closest(".unseen") && (left < -1 || right > innerWidth + 1);
  });
  return [...wide, ...beyond].map((el) => el.outerHTML.slice(0, 160));
}"""

CLIPPED = """(selects) => {
  const pen = document.createElement("canvas").getContext("2d");
  return selects.filter((el) => {
    const { font, paddingLeft, paddingRight } = getComputedStyle(el);
    pen.font = font;
    const room = el.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    return pen.measureText(el.selectedOptions[0].text).width > room;
  }).map((el) => el.selectedOptions[0].text);
}"""
# How far words are from either edge of an element that shows them.
BESIDES = """(el, words) => {
  el.textContent = words;
  const range = document.createRange();
  range.selectNodeContents(el);
  const [box, text] = [el.getBoundingClientRect(), range.getBoundingClientRect()];
  return [text.left - box.left, box.right - text.right];
}"""


async def _slow_download(world: World) -> None:
    """It tells its progress all the time, and does not end."""
    client = world.daemon.client
    await asyncio.to_thread(client.change_limits, max_bytes_per_s=20_000)
    await asyncio.to_thread(client.create_download, ALPHA)


async def _fast_again(world: World) -> None:
    await asyncio.to_thread(world.daemon.client.change_limits, max_bytes_per_s=None)


async def test_progress_is_shown_and_not_read_aloud(world: World) -> None:
    page = world.page
    await world.sign_in("#/browse?q=zebra+alpha")
    await _slow_download(world)
    try:
        await expect(world.card(ALPHA).locator("progress")).to_be_visible()
        for route in ("#/browse?q=zebra+alpha", "#/downloads", "#/installed"):
            await world.go(route)
            await expect(page.locator("main .summary").first).not_to_contain_text("…")
            await page.wait_for_timeout(500)
            await listen(page)
            await page.wait_for_timeout(1500)
            spoken, changes = await heard(page)
            assert spoken == [], route
            assert changes or route == "#/installed", "nothing moved: nothing was seen"
    finally:
        await _fast_again(world)


async def test_nothing_jumps_while_a_model_is_downloaded_and_run(world: World) -> None:
    page, client = world.page, world.daemon.client
    await world.sign_in("#/browse?q=testing")
    card = world.card(ALPHA)
    await card.get_by_role("heading").hover()
    await expect(card.locator("option")).to_have_count(2)
    await expect(page.locator(".connection")).to_have_text("Connected")
    await page.evaluate(SHIFTS)
    await card.get_by_role("button", name="Download").click()
    await card.get_by_role("button", name="Pause").click()
    await card.get_by_role("button", name="Resume").click()
    await expect(card.locator("footer")).to_contain_text("Installed")
    await _still(page, "the card")
    artifact = await asyncio.to_thread(have, client, ALPHA)
    await world.go("#/servers")
    await asyncio.to_thread(client.load, artifact.id)
    row = world.row(ALPHA)
    await expect(row.locator("p.server")).to_contain_text("Running", timeout=60_000)
    await row.get_by_role("button", name="Try it").hover()
    await _still(page, "the server")


async def _still(page: Page, what: str) -> None:
    """Nothing has moved since it was asked last."""
    await page.wait_for_timeout(300)
    shifts: list[Any] = await page.evaluate("window.shifts.splice(0)")
    assert shifts == [], what


async def test_dialogs_fit_every_width(world: World) -> None:
    page, client = world.page, world.daemon.client
    artifact = await asyncio.to_thread(have, client, ALPHA)
    await world.sign_in()
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        for route, shown in (
            (f"#/browse?q=testing&model={ALPHA}", ".options"),
            ("#/browse?model=qwen/qwen2.5-3b-instruct", ".options"),
            (f"#/installed?load={artifact.id}", ".memory-total"),
            ("#/installed?add=1", ".options li"),
        ):
            await world.go(route)
            await expect(page.locator("dialog[open]").locator(shown).first).to_be_visible()
            await page.evaluate(
                "document.querySelectorAll('dialog details').forEach((el) => { el.open = true; })"
            )
            assert await page.evaluate(CUT) == [], (width, route)


async def test_on_a_phone_an_option_s_size_is_read_and_a_download_s_handle_stands_beside_its_name(
    world: World,
) -> None:
    page, client = world.page, world.daemon.client
    await page.set_viewport_size({"width": 390, "height": 844})
    await world.sign_in("#/browse?q=qwen")
    selects = page.locator(".card footer select")
    await expect(selects.first).to_be_visible()
    clipped = await selects.evaluate_all(CLIPPED)
    assert [words for words in clipped if len(words) <= len("GGUF Q4_K_M — 14.7 GB")] == []
    await asyncio.to_thread(client.create_download, "testing/absent")
    await world.go("#/downloads")
    row = world.row("testing/absent")
    handle, name = row.locator(".handle"), row.locator(".row-main")
    (left, right) = (await handle.bounding_box(), await name.bounding_box())
    assert left and right and left["x"] + left["width"] <= right["x"] + 1
    assert right["y"] <= left["y"] + left["height"] / 2 <= right["y"] + right["height"]


async def test_words_that_run_from_right_to_left_do_so(world: World) -> None:
    await world.sign_in("#/browse?q=zebra+alpha")
    description = world.card(ALPHA).locator(".description")
    left, right = await description.evaluate(BESIDES, "Hello, world!")
    assert left < 1 < right
    left, right = await description.evaluate(BESIDES, "שלום, עולם!")
    assert right < 1 < left
