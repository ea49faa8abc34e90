"""What doctor finds in files, and in what the daemon says of itself."""

import json
import os
import plistlib
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelhub_cli import checks, checks_access, checks_clock, checks_config, checks_service
from modelhub_cli.checks import Verdict
from modelhubd.places import Places, find_places
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import LlamaBuild
from modelhubd.wire.downloads import Leftover, Leftovers
from modelhubd.wire.governance import ModelStanding, Standing
from modelhubd.wire.library import ArtifactState
from modelhubd.wire.policy import Policy, PolicyList, PolicySwitch
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
    return {check.name: check.verdict for check in checks_access.permissions(places)}


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
    check = next(check for check in checks_access.permissions(places) if check.name == "token")
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


def test_partial_files_that_belong_to_nothing_are_told() -> None:
    assert checks.leftovers(Leftovers(items=(), total_bytes=0)).verdict is Verdict.OK
    left = Leftover(name="unknown", size_bytes=1000, modified_at="2026-01-01T00:00:00Z")
    check = checks.leftovers(Leftovers(items=(left,), total_bytes=1000))
    assert check.verdict is Verdict.WARN
    assert "1 partial" in check.detail and "1.00 kB" in check.detail
    assert "modelhub downloads prune" in check.advice


@pytest.mark.parametrize("state", [state for state in ArtifactState if state is not ArtifactState.OK])
def test_what_is_installed_and_not_whole_is_told_with_what_to_do(state: ArtifactState) -> None:
    check, orphans = checks.library([samples.artifact(state=state)], ["stray.gguf"])
    assert check.verdict is Verdict.WARN and state.value in check.detail
    assert "acme/tiny@1" in check.advice
    assert "stray.gguf" in orphans.detail and "modelhub scan" in orphans.advice
    assert [check.verdict for check in checks.library([samples.artifact()], ())] == [Verdict.OK]


def _unit(folder: Path, start: str, *more: str) -> Path:
    units = folder / ".config" / "systemd" / "user"
    for wants in checks_service.UNITS.values():
        (units / wants).mkdir(parents=True, exist_ok=True)
    (units / "modelhubd.service").write_text("\n".join(["[Service]", f"ExecStart={start}", *more]))
    return units


def test_a_service_that_is_not_started_or_starts_another_program_is_seen(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "MODELHUB_HOME": "/h"}

    def found() -> tuple[Verdict, str]:
        check = checks_service.service(environ, "linux")
        return check.verdict, check.detail

    home = 'Environment="MODELHUB_HOME=/h"'
    assert "not started" in found()[1]
    _unit(tmp_path, f'":{tmp_path}/gone"', home)
    assert found()[0] is Verdict.FAIL and "gone" in found()[1]
    _unit(tmp_path, '":/bin/true"', home)
    assert found()[0] is Verdict.WARN and "another installation" in found()[1]
    mine = f'":{sys.executable}" "-m" "modelhubd"'
    _unit(tmp_path, mine, 'Environment="MODELHUB_HOME=/other"')
    assert found()[0] is Verdict.WARN and "/other" in found()[1]
    units = _unit(tmp_path, mine, home)
    assert found()[0] is Verdict.WARN and "not enabled" in found()[1]
    for unit, wants in checks_service.UNITS.items():
        (units / wants / unit).symlink_to(units / unit)
    assert found()[0] is Verdict.OK and "log out" in found()[1]
    _unit(tmp_path, '"unclosed', home)
    assert found()[0] is Verdict.FAIL


def test_an_agent_of_launchd_is_seen(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    agents = checks_service.service_folder(environ, "darwin")
    agents.mkdir(parents=True)
    plist = agents / checks_service.AGENT
    plist.write_bytes(plistlib.dumps({"ProgramArguments": [sys.executable, "-m", "modelhubd"]}))
    assert checks_service.service(environ, "darwin").verdict is Verdict.OK
    plist.write_bytes(plistlib.dumps({"ProgramArguments": []}))
    assert checks_service.service(environ, "darwin").verdict is Verdict.FAIL
    plist.write_bytes(b"no plist")
    assert checks_service.service(environ, "darwin").verdict is Verdict.FAIL


def _policy(**on: bool | tuple[str, ...]) -> Policy:
    switches: dict[str, object] = {}
    for name in Policy.__struct_fields__:
        value = on.get(name, () if name == "allowed_publishers" else name in ("local_entries", "direct_urls"))
        kind = PolicyList if name == "allowed_publishers" else PolicySwitch
        switches[name] = kind(value=value, source="file" if name in on else "default")  # type: ignore[arg-type]
    return Policy(**switches)  # type: ignore[arg-type]


FLOOR = CatalogInfo(source="floor", revision="1", models=5, local_entries=0)
SERVED = CatalogInfo(source="registry", revision="1", models=5, local_entries=0, registry="https://r.example")
REFUSED = ModelStanding(
    model="acme/old", code=Standing.REFUSED_BY_POLICY, approved=True, verified=False, withdrawn=False,
    allowed=False, reason="only models of qwen are allowed here",
)  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "info", "more", "verdict", "told"),
    [
        (_policy(), FLOOR, {}, Verdict.OK, "defaults"),
        (_policy(require_digest=True), FLOOR, {}, Verdict.OK, "require_digest"),
        (_policy(require_verified=True), FLOOR, {}, Verdict.FAIL, "nothing may be used"),
        (_policy(require_signature=True), FLOOR, {}, Verdict.FAIL, "nothing may be used"),
        (_policy(require_verified=True), SERVED, {}, Verdict.OK, "require_verified"),
        (_policy(allowed_publishers=("acmee",)), FLOOR, {"allowed_models": 0}, Verdict.FAIL, "acmee"),
        (_policy(allowed_publishers=("acme",)), FLOOR, {"allowed_models": 2}, Verdict.OK, "allowed"),
        (_policy(offline=True), SERVED, {}, Verdict.WARN, "not refreshed"),
        (_policy(offline=True), FLOOR, {}, Verdict.OK, "offline"),
        (_policy(local_entries=False), FLOOR, {"own_files": ["a.json"]}, Verdict.WARN, "do not count"),
        (_policy(), FLOOR, {"installed": [REFUSED]}, Verdict.WARN, "acme/old"),
    ],
)  # fmt: skip
def test_policies_that_get_in_each_others_way_are_told(
    policy: Policy, info: CatalogInfo, more: dict[str, Any], verdict: Verdict, told: str
) -> None:
    [check] = checks_config.policies(policy, info, **more)
    assert check.verdict is verdict and told in check.detail
    assert bool(check.advice) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(299.0, Verdict.OK), (301.0, Verdict.WARN), (-9000.0, Verdict.WARN)]
)
def test_a_clock_that_differs_by_minutes_is_named(ahead: float, verdict: Verdict) -> None:
    assert checks_clock.against_registry(ahead).verdict is verdict


def test_a_clock_that_is_behind_what_has_happened_is_named() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert checks_clock.against_past(("2025-12-31T00:00:00Z", None, "nonsense"), now).verdict is Verdict.OK
    assert checks_clock.against_past((), now).verdict is Verdict.OK
    late = checks_clock.against_past(("2025-12-31T00:00:00Z", "2026-01-01T00:06:00Z"), now)
    assert late.verdict is Verdict.WARN and "behind now" in late.detail


def test_a_large_log_is_told(places: Places) -> None:
    assert checks.log_size(places).verdict is Verdict.OK
    places.logs_dir.mkdir(parents=True)
    with (places.logs_dir / "daemon.log").open("wb") as log:
        log.truncate(60_000_000)
    assert checks.log_size(places).verdict is Verdict.WARN
