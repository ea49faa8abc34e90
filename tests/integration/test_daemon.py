"""The daemon as a process: one per home, useful words when it cannot start, an orderly end."""

import json
import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.raw import over_socket
from tests.running import RunningDaemon, running_daemon


def refused(home: Path, *arguments: str, **environ: str) -> str:
    """What a daemon that cannot start says; that it exits with 1 is checked."""
    daemon = RunningDaemon(home, environ)
    found = subprocess.run(
        [sys.executable, "-m", "modelhubd", *arguments],
        env=daemon.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 1, found
    assert "Traceback" not in found.stderr
    return found.stderr


def test_a_second_daemon_says_which_process_holds_the_home(shared: RunningDaemon) -> None:
    assert f"as process {shared.pid}" in refused(shared.home)
    assert over_socket(shared.socket, "GET", "/api/v1/health").status == 200


def test_a_home_is_free_again_after_kill_9(home: Path) -> None:
    with running_daemon(home) as daemon:
        daemon.kill()
        assert daemon.socket.exists()
        daemon.start()
        assert over_socket(daemon.socket, "GET", "/api/v1/status").json["pid"] == daemon.pid


def test_stopping_leaves_no_socket_and_no_runtime_file(home: Path) -> None:
    with running_daemon(home) as daemon:
        assert (home / "run/runtime.json").exists()
        assert daemon.stop() < 10
    assert not daemon.socket.exists()
    assert not (home / "run/runtime.json").exists()


def test_the_end_is_orderly_with_idle_connections_and_half_requests_open(home: Path) -> None:
    with running_daemon(home) as daemon:
        idle = []
        for _ in range(50):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(daemon.socket))
            idle.append(connection)
        for begun in (
            b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow:",
            b"POST /api/v1/downloads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Idempotency-Key: slow\r\nContent-Length: 100\r\n\r\n{",
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
            b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(str(daemon.socket))
            idle[-1].sendall(begun)
        assert over_socket(daemon.socket, "GET", "/api/v1/health").status == 200
        assert daemon.stop() < 10
        for connection in idle:
            connection.close()


def test_a_second_signal_ends_it_at_once(daemon: RunningDaemon) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(10) in (0, 1)


def test_a_database_of_a_newer_program_is_refused_untouched(home: Path) -> None:
    with running_daemon(home) as daemon:
        daemon.stop()
    path = home / "state/modelhub.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    assert "newer modelhubd" in refused(home)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("environ", "arguments", "says"),
    [
        ({"MODELHUB_SERVER_PRT": "1"}, [], "Did you mean 'server.port'?"),
        ({}, ["--set", "download.max_active=1"], "Did you mean 'downloads.max_active'?"),
        ({}, ["--set", "server.port"], "--set takes SECTION.KEY=VALUE"),
        ({}, ["--port", "http"], "server.port (from argument) cannot be 'http'"),
    ],
)
def test_a_wrong_setting_is_named(
    home: Path, environ: dict[str, str], arguments: list[str], says: str
) -> None:
    assert says in refused(home, *arguments, **environ)


def test_a_token_that_others_could_read_stops_the_start(home: Path) -> None:
    with running_daemon(home) as daemon:
        daemon.stop()
    (home / "state/token").chmod(0o644)
    assert "token file can be read by others" in refused(home)


def test_a_taken_port_is_a_warning_and_the_socket_answers(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running_daemon(home, {"MODELHUB_SERVER_PORT": str(port)}) as daemon:
            status = over_socket(daemon.socket, "GET", "/api/v1/status").json
            assert f"TCP port {port} cannot be used" in status["warnings"][0]
            assert json.loads((home / "run/runtime.json").read_text())["url"] is None


def test_tcp_can_be_switched_off(home: Path) -> None:
    with running_daemon(home, None, "--no-tcp") as daemon:
        kinds = {connection.type for connection in psutil.Process(daemon.pid).net_connections("inet")}
        assert kinds == set()


def test_a_home_with_a_long_path_still_has_a_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 25)
    with running_daemon(home) as daemon:
        assert daemon.client.health().status == "ok"
        told = json.loads((home / "run/runtime.json").read_text())["socket"]
        assert len(told) <= 103
        assert Path(told).parent.stat().st_mode & 0o777 == 0o700
    assert not Path(told).exists()


def test_away_from_a_terminal_the_log_is_json_lines(home: Path) -> None:
    with running_daemon(home) as daemon:
        daemon.stop()
    lines = [json.loads(line) for line in daemon.log_file.read_text().splitlines()]
    assert any(line["message"].startswith("modelhubd") and line["level"] == "info" for line in lines)
    assert lines[-1]["message"] == "stopped"


def test_on_a_terminal_the_log_is_for_people(home: Path) -> None:
    home.mkdir()
    daemon = RunningDaemon(home)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "modelhubd"], env=daemon.environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        seen = b""
        limit = time.monotonic() + 20
        while b"answers on" not in seen and time.monotonic() < limit:
            seen += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"INFO" in seen
    assert not seen.lstrip().startswith(b"{")


def test_a_bad_catalog_file_is_reported_and_hides_nothing(home: Path) -> None:
    folder = home / "config/catalog.d"
    folder.mkdir(parents=True)
    good = {"id": "ours/good", "options": [{"id": "gguf", "format": "gguf", "files": [{"name": "a.gguf"}]}]}
    bad = good | {"id": "Not An Id"}
    (folder / "mixed.json").write_text(json.dumps([good, bad]))
    (folder / "broken.json").write_text("{")
    with running_daemon(home) as daemon:
        faults = over_socket(daemon.socket, "GET", "/api/v1/status").json["catalog"]["faults"]
        where = {(fault["file"], fault["pointer"]) for fault in faults}
        assert where == {("mixed.json", "/1/id"), ("broken.json", "")}
        assert all(fault["reason"] for fault in faults)
        assert over_socket(daemon.socket, "GET", "/api/v1/catalog/models/ours/good").status == 200
        assert over_socket(daemon.socket, "GET", "/api/v1/catalog/models/not/there").status == 404


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("/api/v1/downloads", {"model": "a/b", "sizes": 1}, "/sizes"),
        ("/api/v1/downloads", {}, "/model"),
        ("/api/v1/downloads", {"model": "a/b", "priority": 1000}, "/priority"),
        ("/api/v1/downloads", {"model": "../etc"}, "/model"),
        ("/api/v1/servers", {"library_id": "a/b", "settings": {"ctx": -1}}, "/settings/ctx"),
        ("/api/v1/servers", {"library_id": "a/b", "settings": {"args": ["--x"]}}, "/settings/args"),
    ],
)
def test_an_unknown_or_wrong_field_is_pointed_at(
    shared: RunningDaemon, path: str, body: dict[str, object], at: str
) -> None:
    answer = over_socket(shared.socket, "POST", path, json.dumps(body).encode())
    assert answer.status == 422, answer.body
    assert [error["pointer"] for error in answer.json["errors"]] == [at]
    assert answer.json["type"] == f"urn:modelhub:problem:{answer.json['code']}"


def test_a_huge_body_is_refused(shared: RunningDaemon) -> None:
    assert over_socket(shared.socket, "POST", "/api/v1/downloads", b" " * 300_000).status == 413


def test_a_wrong_method_and_a_wrong_path_are_told_apart(shared: RunningDaemon) -> None:
    assert over_socket(shared.socket, "DELETE", "/api/v1/status").status == 405
    assert over_socket(shared.socket, "GET", "/api/v1/stats").json["code"] == "not_found"


def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(shared: RunningDaemon) -> None:
    entry = {
        "id": "ours/thing",
        "options": [
            {
                "id": "gguf",
                "format": "gguf",
                "size_bytes": 10,
                "files": [{"name": "a.gguf", "size_bytes": 10, "urls": ["https://models.invalid/a.gguf"]}],
            }
        ],
    }
    (shared.home / "config/catalog.d/thing.json").write_text(json.dumps(entry))
    over_socket(shared.socket, "POST", "/api/v1/catalog/sync")
    key = ("Idempotency-Key", "one")
    body = json.dumps({"model": "ours/thing", "force": True}).encode()
    first = over_socket(shared.socket, "POST", "/api/v1/downloads", body, key)
    assert first.status == 201, first.body
    again = over_socket(shared.socket, "POST", "/api/v1/downloads", body, key)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    other = over_socket(shared.socket, "POST", "/api/v1/downloads", body + b" ", key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    over_socket(shared.socket, "POST", f"/api/v1/downloads/{first.json['id']}/cancel")


@pytest.mark.parametrize("key", ["", "\xff\xfe", "a\tb", "k" * 201])
def test_a_key_that_cannot_be_kept_is_refused(shared: RunningDaemon, key: str) -> None:
    answer = over_socket(
        shared.socket, "POST", "/api/v1/downloads", b'{"model":"a/b"}', ("Idempotency-Key", key)
    )
    assert (answer.status, answer.json["code"]) == (400, "bad_request")


def test_what_is_no_request_is_not_written_down_at_length(shared: RunningDaemon) -> None:
    before = shared.log_file.stat().st_size
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(shared.socket))
            connection.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.0 400")
    assert shared.log_file.stat().st_size - before < 2000
