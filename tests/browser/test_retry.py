"""Downloads that have ended without their model."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser.models import offer, offered
from tests.browser.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW_BYTES_PER_S = 20_000
"""It is cancelled long before it is here."""
SOME_OF_IT = re.compile(r"[1-9][0-9.]* k?B of [0-9.]+ kB")
GOOD, WRONG = "testing/zebra-alpha", "testing/zebra-wrong"


async def test_what_was_cancelled_is_tried_again_and_what_failed_says_why(world: World) -> None:
    page, client, home = world.page, world.daemon.client, world.daemon.home
    entry = offered(home, GOOD)
    option = entry["options"][0]
    bad = option | {"files": [option["files"][0] | {"sha256": "0" * 64}]}
    offer(home, entry | {"id": WRONG, "display_name": "Zebra Wrong", "options": [bad]})
    await asyncio.to_thread(client.sync_catalog)
    await world.sign_in("#/downloads")
    await asyncio.to_thread(client.change_limits, max_bytes_per_s=SLOW_BYTES_PER_S)
    await asyncio.to_thread(client.create_download, GOOD)
    row, wrong = world.row(GOOD), world.row(WRONG)
    await expect(row.locator(".progress-words")).to_contain_text(SOME_OF_IT)
    await row.get_by_role("button", name="Cancel").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the download").click()
    await expect(row.locator(".badge")).to_have_text("Cancelled")
    await asyncio.to_thread(client.change_limits, max_bytes_per_s=None)
    await row.get_by_role("button", name="Retry").click()
    await expect(row.locator(".badge")).to_have_text("Installed", timeout=60_000)
    await asyncio.to_thread(client.create_download, WRONG)
    await expect(wrong.locator(".badge")).to_have_text("Failed", timeout=60_000)
    await expect(wrong.locator(".trouble")).to_contain_text("SHA-256")
    await expect(wrong.get_by_role("button", name="Retry")).to_be_enabled()
    (home / "config" / "catalog.d" / "testing-zebra-wrong.json").unlink()
    await asyncio.to_thread(client.sync_catalog)
