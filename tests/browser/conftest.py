"""A browser that the tests of a session share, with a tab of its own for each."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.browser import ABSENT, Tab, find_chromium, opened_tab, running_browser
from tests.browser.models import known_models
from tests.browser.world import World, tidy
from tests.running import RunningDaemon, running_daemon


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser. Its tests run in the session's loop: `pytest.mark.asyncio(loop_scope="session")`."""
    program = find_chromium()
    if program is None:
        pytest.skip(ABSENT)
    async with running_browser(program) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab that has not been anywhere. What its page complains of fails the test."""
    async with opened_tab(browser) as opened:
        yield opened


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon that knows a few generated models, for all tests of the page that do not need another."""
    if find_chromium() is None:
        pytest.skip(ABSENT)
    home = tmp_path_factory.mktemp("hub") / "home"
    with known_models(home) as settings, running_daemon(home, settings) as daemon:
        yield daemon


@pytest.fixture
def world(hub: RunningDaemon, tab: Tab) -> World:
    """A tab before the daemon, which has nothing under way and nothing installed."""
    tidy(hub.client)
    return World(daemon=hub, tab=tab)
