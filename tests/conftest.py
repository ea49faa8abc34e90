"""Fixtures that several kinds of test share."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from coverage import Coverage

from tests import forked
from tests.running import RunningDaemon, running_daemon

SPREAD = frozenset({"test_downloads_kill.py", "test_bad_luck.py", "test_cli.py"})
"""Files of long tests that share nothing: each may run wherever there is room."""
LONG_ID = 80
"""Characters of a parameter that still name a test."""
UNMEASURED = frozenset({"crash", "browser", "real"})
"""Folders of tests whose programs are not measured."""
ASKING = UNMEASURED | {"contract"}
"""Folders of tests that only ask programs: what this process runs meanwhile is not measured."""
REPEATED = "postgresql"
"""The parameter of what runs on another database as well."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of one file stay together and in order, so that what they share is started once."""
    for item in items:
        if item.path.name not in SPREAD:
            item.add_marker(pytest.mark.xdist_group(_group(item)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Ten thousand tests and all they import stay until the end: none of it is garbage to look for."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measuring nearly doubles what a test costs: what repeats another test's lines is not measured."""
    parameters = (
        item.callspec.params.values()
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else ()
    )
    if ASKING.isdisjoint(item.path.parts) and REPEATED not in parameters:
        return (yield)
    exit_at_once = os._exit
    paused = []
    while measuring := Coverage.current():
        measuring.stop()
        paused.append(measuring)
    try:
        return (yield)
    finally:
        for measuring in reversed(paused):
            measuring.start()
        # Each start wraps it once more: after a thousand a fork could not end.
        os._exit = exit_at_once


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """What was measured in the mothers of the forks is there before all of it is combined, which is now."""
    passed = yield
    if not (session.shouldfail or session.shouldstop):
        forked.end()
    return passed


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """They end later where what they forked runs until now: after the first failure under `-x`."""
    forked.end()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts, some of them signed anew in each process, are named by what they are given as."""
    return argname if isinstance(val, str | bytes) and len(val) > LONG_ID else None


def _group(item: pytest.Item) -> str:
    """Those before a browser share it and a daemon: the files about the console, and all others."""
    if item.path.parent.name == "browser":
        return "console" if item.path.name.startswith("test_console") else "page"
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="module", autouse=True)
def measured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Programs that are started over and over run the same lines as everywhere: no coverage is taken of them,
    which would double what their start costs."""
    if UNMEASURED.isdisjoint(request.path.parts):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home for a daemon."""
    return tmp_path / "home"


@pytest.fixture
def daemon(home: Path) -> Iterator[RunningDaemon]:
    """A daemon of the test's own, at its defaults."""
    with running_daemon(home) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon for those tests of one file that leave it as it was."""
    with running_daemon(tmp_path_factory.mktemp("shared") / "home") as running:
        yield running
