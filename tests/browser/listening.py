"""What a screen reader would say by itself while one looks at a page."""

from playwright.async_api import Page

LIVE = "[role=status], [role=alert], [role=log], [aria-live]:not([aria-live=off])"
LISTEN = """(live) => {
  window.spoken = [], window.changes = 0;
  new MutationObserver((seen) => {
    for (const { target } of seen) {
      const el = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      const region = el?.closest(live);
      if (region) window.spoken.push(region.textContent);
      else window.changes += 1;
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


async def listen(page: Page) -> None:
    """Note what live regions say from now on."""
    await page.evaluate(LISTEN, LIVE)


async def heard(page: Page) -> tuple[list[str], int]:
    """What they said, and how much else was another meanwhile."""
    spoken, changes = await page.evaluate("[window.spoken, window.changes]")
    return spoken, changes
