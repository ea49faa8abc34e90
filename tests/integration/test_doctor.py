"""`modelhub doctor` against one real daemon, with one thing after the other broken for real."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.cells import cell_len

from modelhub_cli.main import run
from tests.fakes.terminal import on_terminal
from tests.running import RunningDaemon, running_daemon

Found = dict[str, dict[str, str]]
Doctor = Callable[[], tuple[int, Found]]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    folder = tmp_path_factory.mktemp("doctor")
    with running_daemon(
        folder / "home", {"HOME": str(folder), "MODELHUB_MODELS_RESERVE_BYTES": "0"}
    ) as daemon:
        yield daemon


def _doctor(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **environ: str
) -> Doctor:
    for name in [name for name in os.environ if name.startswith(("MODELHUB_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in ({"MODELHUB_HOME": str(home), "HOME": str(home.parent)} | environ).items():
        monkeypatch.setenv(name, value)

    def look() -> tuple[int, Found]:
        code = run(["doctor", "-o", "json"])
        checks = json.loads(capsys.readouterr().out)
        assert all(check["advice"] for check in checks if check["verdict"] != "ok"), checks
        assert (code == 1) is any(check["verdict"] == "fail" for check in checks)
        return code, {check["name"]: check for check in checks}

    return look


@pytest.fixture
def doctor(
    machine: RunningDaemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    return _doctor(machine.home, monkeypatch, capsys, MODELHUB_MODELS_RESERVE_BYTES="0")


@contextlib.contextmanager
def changed(path: Path, text: str | None) -> Iterator[None]:
    """The file with this text, or without it where that is None; then as it was."""
    before = (path.read_bytes(), path.stat().st_mode & 0o777) if path.exists() else None
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    yield
    path.unlink(missing_ok=True)
    if before is not None:
        path.touch(mode=before[1])
        path.write_bytes(before[0])


def test_where_all_is_well_nothing_fails(doctor: Doctor) -> None:
    code, found = doctor()
    assert code == 0
    assert {name for name, check in found.items() if check["verdict"] == "fail"} == set()
    assert {
        "daemon", "settings", "token", "token in use", "socket", "socket in use", "runtime folder",
        "state folder", "database", "at login", "models folder", "disk", "llama-server", "catalog", "clock",
        "policy", "library", "leftovers",
    } <= found.keys()  # fmt: skip
    assert found["policy"]["verdict"] == found["clock"]["verdict"] == found["library"]["verdict"] == "ok"


def test_people_see_signs_and_advice_and_pipes_get_four_cells(machine: RunningDaemon) -> None:
    program = [sys.executable, "-m", "modelhub_cli.main", "doctor"]
    with changed(machine.home / "run/runtime.json", None):
        seen = on_terminal(program, machine.environ, columns=60)
        piped = subprocess.run(program, env=machine.environ, capture_output=True, text=True, check=True)
    assert seen.code == 0
    assert "✓ daemon" in seen.plain and "! runtime.json" in seen.plain
    assert "→ modelhub daemon restart" in seen.plain and "0 failed" in seen.plain
    assert all(cell_len(line) <= 60 for line in seen.plain.splitlines()[1:])
    assert {line.count("\t") for line in piped.stdout.splitlines()} == {3}
    assert "\x1b" not in piped.stdout + piped.stderr


def test_what_others_could_use_fails_with_the_chmod_that_mends_it(
    machine: RunningDaemon, doctor: Doctor
) -> None:
    state = machine.home / "state"
    broken = {
        "token": (state / "token", 0o640), "database": (state / "modelhub.db", 0o644),
        "state folder": (state, 0o755), "runtime folder": (machine.home / "run", 0o711),
        "socket": (machine.socket, 0o666),
    }  # fmt: skip
    machine.client.status()  # answered once the start is over, which closes the runtime folder
    before = {path: path.stat().st_mode & 0o777 for path, _ in broken.values()}
    for path, mode in broken.values():
        path.chmod(mode)
    code, found = doctor()
    for path, mode in before.items():
        path.chmod(mode)
    assert code == 1
    for name, (path, mode) in broken.items():
        assert found[name]["verdict"] == "fail" and f"{mode:03o}" in found[name]["detail"], found[name]
        assert found[name]["advice"] == f"chmod {before[path]:o} {path}"
    assert doctor()[0] == 0


@pytest.mark.parametrize(
    ("text", "told"), [("x" * 43, "does not take it"), (None, "is gone"), ("short", "holds no token")]
)
def test_a_token_that_opens_nothing_fails(
    machine: RunningDaemon, doctor: Doctor, text: str | None, told: str
) -> None:
    with changed(machine.home / "state/token", text):
        found = doctor()[1]["token in use"]
    assert found["verdict"] == "fail" and told in found["detail"]
    assert "modelhub token rotate" in found["advice"]


def test_a_socket_that_is_gone_is_told_although_the_daemon_answers_over_tcp(
    machine: RunningDaemon, doctor: Doctor
) -> None:
    away = machine.socket.rename(machine.socket.with_name("away"))
    try:
        gone = doctor()[1]
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(machine.socket))
        deaf_one = doctor()[1]
    finally:
        away.replace(machine.socket)
    assert gone["daemon"]["verdict"] == "ok"
    assert gone["socket in use"]["verdict"] == "fail" and "is gone" in gone["socket in use"]["detail"]
    assert "does not answer" in deaf_one["socket in use"]["detail"]
    assert "modelhub daemon restart" in deaf_one["socket in use"]["advice"]


def test_settings_that_no_daemon_would_start_with_fail(machine: RunningDaemon, doctor: Doctor) -> None:
    with changed(machine.home / "config/config.toml", "[server]\nprot = 1\n"):
        found = doctor()[1]["settings"]
    assert found["verdict"] == "fail"
    assert "server.port" in found["detail"] and "config.toml" in found["advice"]


def test_a_daemon_that_has_just_begun_is_not_said_to_have_no_llama_server(
    machine: RunningDaemon, doctor: Doctor
) -> None:
    machine.stop()
    machine.start()
    assert doctor()[1]["llama-server"]["verdict"] == "ok"


def test_a_daemon_that_accepts_and_never_answers_is_told_soon_and_the_rest_is_looked_at(
    machine: RunningDaemon, doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(machine.pid, signal.SIGSTOP)
    try:
        code, found = doctor()
        status = run(["daemon", "status"]), capsys.readouterr().out
        version = run(["version"]), capsys.readouterr().out
    finally:
        os.kill(machine.pid, signal.SIGCONT)
    assert code == 1
    silent = found["daemon"]
    assert silent["verdict"] == "fail" and "has not answered within 5 s" in silent["detail"]
    assert f"kill -CONT {machine.pid}" in silent["advice"]
    assert f"process {machine.pid} listens" in found["socket"]["detail"]
    assert {"settings", "token", "state folder", "at login", "disk", "llama-server", "clock"} <= found.keys()
    assert found["disk"]["verdict"] == "ok"
    assert "token in use, models folder, catalog, policy, library" in found["not looked at"]["detail"]
    assert status == (6, "does not answer\n")
    assert version[0] == 0 and "modelhubd\t\n" in version[1]
    assert doctor()[0] == 0


def test_a_hint_that_is_not_there_is_told(machine: RunningDaemon, doctor: Doctor) -> None:
    with changed(machine.home / "run/runtime.json", None):
        code, found = doctor()
    assert code == 0 and found["runtime.json"]["verdict"] == "warn"


def test_a_future_date_and_leftovers_and_orphans_are_told(machine: RunningDaemon, doctor: Doctor) -> None:
    models, database = machine.home / "models", machine.home / "state/modelhub.db"
    partial = models / ".staging" / ("a" * 16)
    partial.mkdir(parents=True)
    (partial / "model.gguf").write_bytes(bytes(90_000))
    (models / "stray.gguf").write_bytes(bytes(10))
    then = time.time() + 86_400
    os.utime(database, (then, then))
    _, found = doctor()
    os.utime(database)
    (models / "stray.gguf").unlink()
    shutil.rmtree(partial)
    assert found["clock"]["verdict"] == found["leftovers"]["verdict"] == found["orphans"]["verdict"] == "warn"
    assert "behind now" in found["clock"]["detail"]
    assert "modelhub downloads prune" in found["leftovers"]["advice"]
    assert "stray.gguf" in found["orphans"]["detail"]


def test_policies_that_leave_nothing_fail(machine: RunningDaemon, doctor: Doctor) -> None:
    machine.client.change_policy(allowed_publishers=["nobody"], require_verified=True)
    try:
        code, _ = doctor()
        machine.client.change_policy(require_verified=None)
        found = doctor()[1]["policy"]
    finally:
        machine.client.change_policy(allowed_publishers=None, require_verified=None)
    assert code == 1
    assert found["verdict"] == "fail" and "nobody" in found["detail"]


def test_a_bad_entry_is_named(machine: RunningDaemon, doctor: Doctor) -> None:
    with changed(machine.home / "config/catalog.d/mine.json", '[{"id": "acme/bad"}]'):
        machine.client.sync_catalog(wait=True)
        found = doctor()[1]
    machine.client.sync_catalog(wait=True)
    assert "mine.json" in found["catalog entry"]["detail"]


BOUND: tuple[str, ...] = ("setpriv", "--bounding-set=-dac_override", "--") if os.getuid() == 0 else ()
"""What makes a program heed the modes of files as everybody does but root."""


@pytest.mark.skipif(bool(BOUND) and shutil.which(BOUND[0]) is None, reason="root may write everywhere")
def test_a_models_folder_that_cannot_be_written_to_fails(machine: RunningDaemon) -> None:
    models = machine.home / "models"
    models.mkdir(exist_ok=True)
    program = [*BOUND, sys.executable, "-m", "modelhub_cli.main", "doctor", "-o", "json"]

    def verdict() -> str:
        told = subprocess.run(program, env=machine.environ, capture_output=True, text=True, check=False)
        found: dict[str, str] = {check["name"]: check["verdict"] for check in json.loads(told.stdout)}
        return found["models folder"]

    assert verdict() == "ok"
    models.chmod(0o500)
    try:
        assert verdict() == "fail"
    finally:
        models.chmod(0o700)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """In a home where no daemon runs."""
    return _doctor(tmp_path / "home", monkeypatch, capsys)


def test_without_a_daemon_a_socket_that_is_left_over_is_told_from_none(alone: Doctor, tmp_path: Path) -> None:
    code, found = alone()
    assert code == 1
    assert found["daemon"]["verdict"] == "fail" and "modelhub daemon start" in found["daemon"]["advice"]
    assert "there is none" in found["socket"]["detail"]
    assert found["disk"]["name"] and found["llama-server"]["verdict"] == "ok"
    run_dir = tmp_path / "home/run"
    run_dir.mkdir(parents=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(run_dir / "modelhub.sock"))
    assert "nobody listens" in alone()[1]["socket"]["detail"]
    (run_dir / "modelhub.sock").unlink()
    (run_dir / "modelhub.sock").touch(mode=0o600)
    assert "no socket" in alone()[1]["socket"]["detail"]


class _Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


def test_without_a_daemon_the_registry_is_asked_and_its_clock_compared(alone: Doctor, tmp_path: Path) -> None:
    config = tmp_path / "home/config/config.toml"
    config.parent.mkdir(parents=True)
    with HTTPServer(("127.0.0.1", 0), _Registry) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        config.write_text(f'[catalog]\nregistry_url = "http://127.0.0.1:{server.server_port}"\n')
        _, found = alone()
        server.shutdown()
        thread.join()
    assert found["registry"]["verdict"] == "ok"
    assert found["clock"]["verdict"] == "warn" and "ahead of the registry's" in found["clock"]["detail"]
    gone = alone()[1]["registry"]
    assert gone["verdict"] == "warn" and "cannot be reached" in gone["detail"]
    config.write_text(config.read_text() + "[policy]\noffline = true\n")
    assert "registry" not in alone()[1]


def test_a_disk_without_room_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    try:
        look = _doctor(
            tmp_path / "home", monkeypatch, capsys, MODELHUB_MODELS_DIR=str(small),
            MODELHUB_MODELS_RESERVE_BYTES="2000000",
        )  # fmt: skip
        found = look()[1]["disk"]
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert found["verdict"] == "fail" and "nothing can be downloaded" in found["detail"]
