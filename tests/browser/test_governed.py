"""A machine that an organisation looks after: its registry, what its administrator has locked and brings."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.browser.browser import ABSENT, Tab, find_chromium
from tests.browser.world import World
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.integration.packages.world import registered
from tests.running import RunningDaemon, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCKED = """lock = ["policy.require_verified", "policy.allowed_publishers"]
[policy]
require_verified = true
allowed_publishers = ["lab"]
"""


@pytest.fixture(scope="module")
def registry() -> Iterator[TufRegistry]:
    with TufRegistry() as running:
        running.contents.entries = [
            entry("lab/one", display_name="One"),
            entry("lab/two", display_name="Two"),
            entry("lab/three", display_name="Three", publisher="Lab", verified=True),
        ]
        running.release()
        yield running


@pytest.fixture(scope="module")
def governed(registry: TufRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    if find_chromium() is None:
        pytest.skip(ABSENT)
    home = tmp_path_factory.mktemp("governed") / "home"
    (home / "config/packages.d").mkdir(parents=True)
    (home / "config/administrator.toml").write_text(LOCKED)
    (home / "config/packages.d/desk.json").write_text(json.dumps({"first_run": ["lab/never"]}))
    settings = {
        "MODELHUB_POLICY_REPORT_INSTALLS": "false",
        "MODELHUB_LIBRARY_FIRST_RUN": "lab/two,lab/absent",
        "MODELHUB_SERVER_PORT": str(free_port()),
    }
    machine = registered(home, registry, **settings)
    machine.program = "tests.fakes.administered"
    try:
        machine.start()
        machine.client.sync_catalog(wait=True)
        yield machine
    finally:
        if machine.process is not None and machine.process.poll() is None:
            machine.stop()


@pytest.fixture
def world(governed: RunningDaemon, tab: Tab) -> World:
    return World(daemon=governed, tab=tab)


async def test_what_others_have_decided_is_shown_and_cannot_be_changed(world: World) -> None:
    page = world.page
    await world.sign_in("#/settings")
    verified = page.get_by_role("switch", name="Verified models only")
    await expect(verified).to_be_checked()
    await expect(verified).to_be_disabled()
    await expect(verified).to_have_accessible_description("set by the administrator, locked")
    publishers = page.get_by_label("Publishers allowed")
    await expect(publishers).to_have_value("lab")
    await expect(publishers).to_be_disabled()
    count = page.get_by_role("switch", name="Count installs")
    await expect(count).to_be_disabled()
    await expect(count).to_have_accessible_description("from the environment")
    await expect(page.get_by_role("switch", name="Offline")).to_be_enabled()
    await world.go("#/browse?model=lab/one")
    dialog = page.get_by_role("dialog", name="One")
    await expect(dialog.locator(".trouble").first).to_contain_text("administrator")
    await expect(dialog.get_by_role("button", name="Download")).to_be_disabled()


async def test_what_is_verified_has_a_seal_and_what_is_not_has_a_reason(world: World) -> None:
    await world.sign_in("#/browse?q=lab")
    one, three = world.card("lab/one"), world.card("lab/three")
    await expect(three.locator(".publisher")).to_contain_text("Lab")
    await expect(three.get_by_role("img", name="Verified")).to_be_visible()
    await expect(three.get_by_role("button", name="Download")).to_be_enabled()
    await expect(one.locator(".seal")).to_have_count(0)
    await expect(one.locator(".reason")).to_contain_text("require_verified")
    await expect(one.get_by_role("button", name="Download")).to_be_disabled()
    await world.go("#/browse?q=lab&model=lab/three")
    dialog = world.page.get_by_role("dialog", name="Three")
    await expect(dialog.get_by_role("img", name="Verified")).to_be_visible()


async def test_a_star_is_given_and_taken_back(world: World, registry: TufRegistry) -> None:
    await world.sign_in("#/browse?model=lab/one")
    dialog = world.page.get_by_role("dialog", name="One")
    await dialog.get_by_role("button", name="Star").click()
    starred = dialog.get_by_role("button", name="Starred")
    await expect(starred).to_have_attribute("aria-pressed", "true")
    assert registry.stars == {"lab/one"}
    await starred.click()
    await expect(dialog.get_by_role("button", name="Star", exact=True)).to_be_visible()
    assert registry.stars == set()


async def test_what_is_wanted_at_the_first_run_is_shown_with_its_reason_and_left_out(world: World) -> None:
    page = world.page
    await world.sign_in("#/settings")
    brought = page.locator(".panel", has_text="Brought by others")
    two, never = brought.locator('[data-first="lab/two"]'), brought.locator('[data-first="lab/never"]')
    await expect(two).to_contain_text("wanted by config.toml")
    await expect(two.locator(".badge")).to_have_text("Waits")
    await expect(never).to_contain_text("wanted by desk.json")
    await never.get_by_role("button", name="Do without lab/never").click()
    await expect(never.locator(".badge")).to_have_text("Left out")
    await expect(never.get_by_role("button")).to_have_count(0)
    states = {
        item.model: item.state for item in (await asyncio.to_thread(world.daemon.client.first_run)).items
    }
    assert states["lab/never"] == "skipped" and states["lab/two"] == "held"
