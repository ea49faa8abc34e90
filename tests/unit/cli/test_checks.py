"""What doctor finds in files, and in what the daemon says of itself."""

import json
import os
import socket
from pathlib import Path

import pytest

from modelhub_cli import checks
from modelhub_cli.checks import Verdict
from modelhubd.places import Places, find_places
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import LlamaBuild
from tests.fakes import samples


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = find_places({"MODELHUB_HOME": str(tmp_path)})
    for folder in (found.runtime_dir, found.state_dir):
        folder.mkdir(mode=0o700)
    found.token_file.write_text("secret")
    found.token_file.chmod(0o600)
    return found


def _verdicts(places: Places) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in checks.permissions(places)}


def test_what_only_the_user_may_touch_is_fine(places: Places) -> None:
    assert _verdicts(places) == {
        "runtime folder": Verdict.OK, "state folder": Verdict.OK, "token": Verdict.OK,
    }  # fmt: skip


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
def test_a_token_that_others_may_touch_fails(places: Places, mode: int) -> None:
    places.token_file.chmod(mode)
    assert _verdicts(places)["token"] is Verdict.FAIL


def test_a_link_in_the_place_of_the_token_fails(places: Places, tmp_path: Path) -> None:
    places.token_file.rename(tmp_path / "elsewhere")
    places.token_file.symlink_to(tmp_path / "elsewhere")
    assert _verdicts(places)["token"] is Verdict.FAIL


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_token_of_somebody_else_fails(places: Places) -> None:
    os.chown(places.token_file, 12345, -1)
    check = next(check for check in checks.permissions(places) if check.name == "token")
    assert check.verdict is Verdict.FAIL
    assert "12345" in check.detail


def test_the_disk_is_judged_by_what_downloads_may_use() -> None:
    for free, reserve, verdict in (
        (50_000_000_000, 2_000_000_000, Verdict.OK), (6_000_000_000, 2_000_000_000, Verdict.WARN),
        (2_000_000_000, 2_000_000_000, Verdict.FAIL), (None, 0, Verdict.WARN),
    ):  # fmt: skip
        device = samples.device(disk_free_bytes=free, reserve_bytes=reserve)
        assert checks.disk_of(device).verdict is verdict


def test_models_folder_may_be_missing_only_while_nothing_is_installed() -> None:
    missing = samples.device(models_dir_present=False)
    assert checks.models_directory(missing, 0).verdict is Verdict.OK
    assert checks.models_directory(missing, 3).verdict is Verdict.FAIL
    assert checks.models_directory(samples.device(), 3).verdict is Verdict.OK


def test_a_llama_server_that_cannot_be_used_is_named_with_its_reason() -> None:
    broken = LlamaBuild(id="x", origin="path", version=None, usable=False, reason="needs another libc")
    check = checks.llama_servers(samples.device(llama_servers=(broken,)))
    assert check.verdict is Verdict.WARN
    assert "needs another libc" in check.detail


@pytest.mark.parametrize(
    ("models", "stale", "verdict"),
    [(0, False, Verdict.FAIL), (5, True, Verdict.WARN), (5, False, Verdict.OK)],
)
def test_an_empty_or_old_catalog_is_told(models: int, stale: bool, verdict: Verdict) -> None:
    info = CatalogInfo(source="floor", revision="1", models=models, local_entries=0, stale=stale)
    assert next(checks.catalog(info)).verdict is verdict


def test_a_daemon_that_is_alive_but_silent_fails(places: Places) -> None:
    environ = {"MODELHUB_HOME": str(places.home)}
    assert checks.dead_daemon(environ, places).detail == "none"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(places.socket))
    assert "without tidying up" in checks.dead_daemon(environ, places).detail
    hint = {
        "pid": os.getpid(), "socket": "", "url": None, "token_file": "", "version": "1", "api": 1,
        "epoch": "0",
    }  # fmt: skip
    places.runtime_file.write_text(json.dumps(hint))
    assert checks.dead_daemon(environ, places).verdict is Verdict.FAIL


def test_partial_files_that_belong_to_nothing_are_found(places: Places) -> None:
    device = samples.device(models_dir=str(places.models_dir))
    assert checks.leftovers(places, device, ()).verdict is Verdict.OK
    for name in ("known", "unknown"):
        folder = places.models_dir / ".staging" / name
        folder.mkdir(parents=True)
        (folder / "a.part").write_bytes(bytes(1000))
    check = checks.leftovers(places, device, {"known"})
    assert check.verdict is Verdict.WARN
    assert "1 partial" in check.detail
    assert "1.00 kB" in check.detail
    assert check.advice.endswith(": unknown")


def test_a_service_of_the_user_is_seen(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert "not started" in checks.service(environ).detail
    units = tmp_path / ".config" / "systemd" / "user"
    units.mkdir(parents=True)
    (units / "modelhubd.service").write_text("")
    agents = tmp_path / "Library" / "LaunchAgents"
    agents.mkdir(parents=True)
    (agents / "org.modelhub.modelhubd.plist").write_text("")
    assert checks.service(environ).detail == "the daemon starts at login"


def test_a_large_log_is_told(places: Places) -> None:
    assert checks.log_size(places).verdict is Verdict.OK
    places.logs_dir.mkdir(parents=True)
    with (places.logs_dir / "daemon.log").open("wb") as log:
        log.truncate(60_000_000)
    assert checks.log_size(places).verdict is Verdict.WARN
