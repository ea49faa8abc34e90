"""A registry whose console people open, each in a window of their own."""

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from modelhub_client import RegistryClient
from tests.browser.browser import Tab, opened_tab
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.unit.registry.samples import file_json, option_json, publish_json

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & 'quotes' {{7*7}} javascript:alert(3)"
ODD = "5 < 6 & 'so on' &lt;b&gt;bold&lt;/b&gt; {{7*7}} ${7*7}"
"""What the registry lets pass, unlike `HOSTILE`, which it blocks."""
SCOPES: Mapping[str, tuple[str, ...]] = {
    "ada": ("publish:acme",),
    "grace": ("review", "admin"),
    "linus": ("verify", "review"),
    "edsger": ("review", "publish:acme"),
    "barbara": ("read",),
}
"""Persons, and what their tokens may do."""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_DIGESTS = itertools.count(1)


def content(name: str, **more: Any) -> dict[str, Any]:
    """An entry that nobody else has the weights of."""
    digest = hashlib.sha256(str(next(_DIGESTS)).encode()).hexdigest()
    file = file_json(f"{name}.gguf", sha256=digest, urls=[f"https://models.example.com/{name}.gguf"])
    return publish_json(**({"display_name": name.title(), "options": [option_json(files=[file])]} | more))


def undigested(name: str) -> list[Any]:
    """Options that block an approval: nobody knows what the file should hold."""
    (option,) = content(name)["options"]
    return [option | {"files": [option["files"][0] | {"sha256": None}]}]


@dataclass(frozen=True, kw_only=True)
class Office:
    """A registry at `url`, `process`; `tokens` by person."""

    url: str
    tokens: Mapping[str, str]
    process: RegistryProcess

    def client(self, person: str) -> RegistryClient:
        return RegistryClient(self.url, token=self.tokens[person])

    def published(self, model: str, *, by: str = "ada", **more: Any) -> int:
        """Publish a version; its number."""
        entry = json.dumps(content(model.rpartition("/")[2], **more)).encode()
        with self.client(by) as client:
            return client.publish(model, entry, idempotency_key=f"key-{next(_DIGESTS)}").version

    def approved(self, model: str, *, by: str = "grace", author: str = "ada", **more: Any) -> int:
        """Publish a version as `author` and approve it; its number."""
        version = self.published(model, by=author, **more)
        with self.client(by) as client:
            digest = client.version(model, version).content_sha256
            client.decide(model, version, "approve", content_sha256=digest)
        return version


@contextmanager
def open_office(folder: Path, *arguments: str) -> Iterator[Office]:
    """A registry in a process of its own, with its people and the publisher acme."""
    with registry_process(folder / "registry", "", *arguments) as process:
        tokens = {"admin": process.create_admin("admin")}
        with RegistryClient(process.url, token=tokens["admin"]) as admin:
            admin.create_publisher("acme", display_name="Acme")
            for person, scopes in SCOPES.items():
                tokens[person] = admin.create_token(person, scopes, expires_in_s=86_400 * 40).token
        yield Office(url=process.url, tokens=tokens, process=process)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A person's window."""

    office: Office
    tab: Tab

    @property
    def page(self) -> Page:
        return self.tab.page

    async def sign_in(self, person: str, route: str = "") -> None:
        """Paste the person's token, and go to a route."""
        await self.sign_in_with(self.office.tokens[person], route)

    async def sign_in_with(self, token: str, route: str = "") -> None:
        """Paste a token, and go to a route."""
        await self.page.goto(f"{self.office.url}/{route}")
        await self.page.get_by_label("Token").fill(token)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("nav")).to_be_visible()

    async def go(self, route: str) -> None:
        await self.page.evaluate("route => { location.hash = route; }", route)

    def row(self, kind: str, name: str) -> Locator:
        """What stands for a thing in a list: `template`, `model`, `review`, `publisher`, `token`."""
        return self.page.locator(f'[data-{kind}="{name}"]')

    async def confirm(self, words: str, reason: str = "") -> None:
        """Press a dialog's button, with a reason where one is asked for, and see it close."""
        dialog = self.page.get_by_role("dialog")
        if reason:
            await dialog.get_by_label("Reason").fill(reason)
        await dialog.get_by_role("button", name=words, exact=True).click()
        await expect(dialog).to_have_count(0)

    async def tab_to(self, wanted: Locator) -> None:
        """Press Tab until the focus is there."""
        for _ in range(80):
            if await wanted.count() and await wanted.evaluate("el => el === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {wanted}")

    async def press(self, wanted: Locator, key: str = "Enter") -> None:
        """Go there by Tab, and press a key."""
        await self.tab_to(wanted)
        await self.page.keyboard.press(key)

    async def wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = await self.page.evaluate(WIDE)
        return width

    async def settled(self) -> None:
        """Wait until nothing is being loaded."""
        await expect(self.page.locator("main")).not_to_contain_text("Loading…")
        await asyncio.sleep(0)


@asynccontextmanager
async def a_desk(browser: Browser, office: Office, person: str, route: str = "") -> AsyncIterator[Desk]:
    """A tab of the console in which this person has signed in."""
    async with opened_tab(browser) as tab:
        desk = Desk(office=office, tab=tab)
        await desk.sign_in(person, route)
        yield desk
