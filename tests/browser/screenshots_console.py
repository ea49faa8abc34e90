"""`python -m tests.browser.screenshots_console` makes the pictures of the console in docs/screenshots."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.browser import ABSENT, Theme, find_chromium, no_findings, opened_tab, running_browser
from tests.browser.console_world import Desk, Office, open_office

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"
THEMES: tuple[Theme, ...] = ("light", "dark")
VIEWS = {
    "reviews": "#/reviews",
    "review": "#/reviews/acme/writer/2",
    "models": "#/models",
    "model": "#/models/acme/writer",
    "templates": "#/templates",
    "template": "#/templates/contract-review",
    "publishers": "#/publishers",
    "publisher": "#/publishers/acme",
    "tokens": "#/tokens",
    "audit": "#/audit",
}
NARROW = ("reviews", "review", "models", "model", "audit")


def furnish(office: Office) -> None:
    """Models in every state, templates with both badges, and something to review."""
    office.approved(
        "acme/writer",
        description="Writes and edits business letters in six languages.",
        notes="The first one.",
    )
    office.approved("acme/summarizer", description="Short summaries of long documents.")
    office.approved("acme/extractor", description="Finds names, dates and sums in contracts.")
    office.approved("acme/retired")
    with office.client("admin") as admin:
        admin.add_publisher_key("acme", public_key="5d" * 32)
        for model in ("acme/writer", "acme/extractor"):
            admin.verify(model)
        for ident, name, models in (
            ("contract-review", "Contract review", ("acme/extractor", "acme/writer")),
            ("daily-digest", "Daily digest", ("acme/summarizer", "acme/writer")),
            ("letters", "Letters", ("acme/writer",)),
        ):
            text = f"What the {name.lower()} workflow runs on every workstation."
            admin.put_template(ident, name=name, models=models, description=text)
        admin.withdraw("acme/retired", 1, reason="Its licence ran out.")
    office.published(
        "acme/writer",
        description="Writes and corrects business letters in nine languages, with a calmer tone.",
        notes="Three more languages, and it no longer greets people twice.",
        context_length=262_144,
        capabilities=["chat", "tools"],
    )
    office.published(
        "acme/translator",
        description="Translates between nine languages.",
        notes="For the new branch office.",
    )
    office.published("acme/broken", options=[_undigested()])


def _undigested() -> dict[str, object]:
    file = {
        "name": "broken.gguf",
        "size_bytes": 4_200_000_000,
        "sha256": None,
        "urls": ["https://models.example.com/b.gguf"],
    }
    return {"id": "gguf-q4_k_m", "format": "gguf", "quantization": "Q4_K_M", "files": [file]}


async def pictures(browser: Browser, office: Office, folder: Path, only: tuple[str, ...]) -> None:
    for theme in THEMES:
        for width, suffix in ((1320, ""), (390, "-narrow")):
            async with opened_tab(browser, width=width, height=900, theme=theme) as tab:
                desk = Desk(office=office, tab=tab)
                await desk.page.goto(office.url)
                await expect(desk.page.get_by_label("Token")).to_be_visible()
                if not suffix and (not only or "sign-in" in only):
                    await desk.page.screenshot(path=folder / f"console-sign-in-{theme}.png")
                await desk.sign_in("grace")
                for name, route in VIEWS.items():
                    if (suffix and name not in NARROW) or (only and name not in only):
                        continue
                    await desk.go(route)
                    await desk.settled()
                    if name == "audit":
                        await desk.page.get_by_role("button", name="Check the proof").click()
                        await expect(desk.page.locator(".proof")).to_be_visible()
                    await no_findings(desk.page)
                    await desk.page.screenshot(path=folder / f"console-{name}{suffix}-{theme}.png")
                if not suffix and (not only or "verify" in only):
                    await desk.go("#/models/acme/summarizer")
                    await desk.page.get_by_role("switch").click()
                    await expect(desk.page.get_by_role("dialog")).to_be_visible()
                    await no_findings(desk.page)
                    await desk.page.screenshot(path=folder / f"console-verify-{theme}.png")


async def main(arguments: list[str]) -> int:
    """Exit code 1 where there is no browser. Arguments name the views wanted; without any, all."""
    program = find_chromium()
    if program is None:
        print(ABSENT)
        return 1
    await asyncio.to_thread(FOLDER.mkdir, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="modelhub-console-") as folder,
        open_office(Path(folder)) as office,
    ):
        await asyncio.to_thread(furnish, office)
        async with running_browser(program) as browser:
            await pictures(browser, office, FOLDER, tuple(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
