"""Starting, watching and logging of the daemon's process, as far as it needs no daemon."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelhub_cli.failures import Failed
from modelhub_cli.launch import LOG_MAX_BYTES, is_alive, is_running, open_log, stop_daemon
from modelhubd.places import Places, find_places
from tests.fakes import samples
from tests.fakes.hub import Hub, json_answer, running_hub
from tests.forked import INHERITED
from tests.unit.cli.conftest import Modelhub


def test_a_process_that_has_ended_is_not_alive_even_before_it_is_collected() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        if sys.platform == "linux":
            assert not is_alive(process.pid)
        process.wait()
        assert not is_alive(process.pid)
    assert is_alive(os.getpid())


def test_the_log_is_private_and_a_large_one_is_put_aside(tmp_path: Path) -> None:
    places = find_places({"MODELHUB_HOME": str(tmp_path)})
    log = open_log(places)
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700
    with log.open("wb") as file:
        file.truncate(LOG_MAX_BYTES + 1)
    assert open_log(places).stat().st_size == 0
    assert log.with_name("daemon.log.1").stat().st_size == LOG_MAX_BYTES + 1


def test_the_log_is_never_written_through_a_link(tmp_path: Path) -> None:
    places = find_places({"MODELHUB_HOME": str(tmp_path)})
    open_log(places).unlink()
    (tmp_path / "precious").write_text("keep")
    (places.logs_dir / "daemon.log").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        open_log(places)


def test_nobody_is_stopped_where_nobody_answers(tmp_path: Path) -> None:
    environ = {"MODELHUB_HOME": str(tmp_path)}
    assert not is_running(environ)
    assert stop_daemon(environ) is None


def test_without_a_hint_the_one_that_answers_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    hub.on("GET /api/v1/status", json_answer(samples.status(pid=os.getpid())))
    with pytest.raises(Failed, match="left alone"):
        stop_daemon({"MODELHUB_HOME": str(tmp_path)})


def test_one_that_holds_the_home_and_does_not_answer_is_not_called_stopped(tmp_path: Path) -> None:
    environ = {"MODELHUB_HOME": str(tmp_path)}
    lock_file = find_places(environ).lock_file
    lock_file.parent.mkdir()
    lock_file.write_text(f"{os.getpid()}\n")
    assert stop_daemon(environ) is None
    with lock_file.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Failed, match=f"process {os.getpid()}.*does not answer") as refused:
            stop_daemon(environ)
        assert refused.value.code == 6


def test_a_start_of_what_runs_is_no_second_one(hub: Hub, modelhub: Modelhub) -> None:
    shown = modelhub("daemon", "start")
    assert shown.code == 0
    assert "running already" in shown.err


def test_a_start_that_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ["MODELHUB_HOME"] = str(tmp_path)
    places = find_places(environ)
    places.state_dir.mkdir()
    places.runtime_dir.mkdir()
    with places.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        command = [sys.executable, "-m", "modelhub_cli.main", "daemon", "start"]
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as second:
            give_up = time.monotonic() + 20
            while "running already" not in _log_of(places) and time.monotonic() < give_up:
                time.sleep(0.02)
            time.sleep(0.5)
            assert second.poll() is None
            with running_hub(places.socket) as first:
                first.on("GET /api/v1/health", json_answer({"status": "ok"}))
                told = second.communicate(timeout=20)[1]
        assert second.returncode == 0, told


def _log_of(places: Places) -> str:
    log = places.logs_dir / "daemon.log"
    return log.read_text() if log.exists() else ""


def test_there_is_no_log_of_a_daemon_that_was_never_started(modelhub: Modelhub) -> None:
    shown = modelhub("daemon", "logs")
    assert shown.code == 1
    assert "There is no log" in shown.err


def test_the_log_ends_with_its_last_lines(modelhub: Modelhub, tmp_path: Path) -> None:
    log = open_log(find_places({"MODELHUB_HOME": str(tmp_path)}))
    log.write_text("one\ntwo\nthree\x1b[2J\n")
    assert modelhub("daemon", "logs", "--tail", "2").out == "two\nthree\n"
    assert modelhub("daemon", "logs", "--tail", "0").out == ""
