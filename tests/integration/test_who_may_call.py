"""Every rule of who may call, on the real sockets of a real daemon."""

import contextlib
import http.client
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.raw import Answer, over_socket, over_tcp
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

CONFIGURED = "https://app.example"
PATHS = [
    "/api/v1/status",
    "/api/v1/health",
    "/api/v1/nothing",
    "/",
    "/js/nothing.js",
    "/api/v1/events",
    "/v1/models",
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    settings = {"MODELHUB_SERVER_ALLOW_ORIGINS": CONFIGURED}
    with running_daemon(tmp_path_factory.mktemp("access") / "home", settings) as running:
        yield running


@pytest.fixture(scope="module")
def url(daemon: RunningDaemon) -> str:
    return daemon.url


def ask(
    daemon: RunningDaemon, url: str, path: str, *extra: tuple[str, str], host: str | None = None
) -> Answer:
    """A GET with the right token and Host, and `extra` headers."""
    headers = [
        ("Host", host or url.removeprefix("http://")),
        ("Authorization", f"Bearer {daemon.token}"),
        *extra,
    ]
    return over_tcp(url, "GET", path, headers)


def test_the_token_opens_the_api(daemon: RunningDaemon, url: str) -> None:
    assert ask(daemon, url, "/api/v1/status").status == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/status", "/api/v1/nothing", "/v1/models", "/nothing", "/api/v1/events"]
)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer "])
def test_without_the_token_there_is_nothing_to_see(url: str, path: str, authorization: str | None) -> None:
    headers = [("Host", url.removeprefix("http://"))]
    if authorization is not None:
        headers.append(("Authorization", authorization))
    answer = over_tcp(url, "GET", path, headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if path.startswith("/v1/"):
        assert answer.json["error"]["code"] == "unauthenticated"
    else:
        assert answer.json["code"] == "unauthenticated"
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_health_needs_no_token(url: str) -> None:
    answer = over_tcp(url, "GET", "/api/v1/health", [("Host", url.removeprefix("http://"))])
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "rebound.example:7717"])
def test_a_wrong_host_is_misdirected_on_every_path(
    daemon: RunningDaemon, url: str, path: str, host: str
) -> None:
    answer = ask(daemon, url, path, host=host)
    assert answer.status == 421
    assert b"misdirected" in answer.body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
def test_a_foreign_origin_is_refused_on_every_path(
    daemon: RunningDaemon, url: str, path: str, origin: str
) -> None:
    answer = ask(daemon, url, path, ("Origin", origin))
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_another_sites_page_made_is_refused(
    daemon: RunningDaemon, url: str, path: str
) -> None:
    assert ask(daemon, url, path, ("Sec-Fetch-Site", "cross-site")).status == 403
    assert ask(daemon, url, path, ("Sec-Fetch-Site", "same-site")).status == 403


def test_our_own_page_may_call(daemon: RunningDaemon, url: str) -> None:
    answer = ask(daemon, url, "/api/v1/status", ("Origin", url), ("Sec-Fetch-Site", "same-origin"))
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_configured_origin_may_call_and_is_told_so(daemon: RunningDaemon, url: str) -> None:
    answer = ask(daemon, url, "/api/v1/status", ("Origin", CONFIGURED), ("Sec-Fetch-Site", "cross-site"))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == CONFIGURED
    headers = [("Host", url.removeprefix("http://")), ("Origin", CONFIGURED)]
    preflight = over_tcp(url, "OPTIONS", "/api/v1/downloads", headers)
    assert preflight.status == 204
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert over_tcp(url, "GET", "/api/v1/status", headers).status == 401


def test_a_form_of_another_site_changes_nothing(daemon: RunningDaemon, url: str) -> None:
    headers = [("Host", url.removeprefix("http://")), ("Authorization", f"Bearer {daemon.token}")]
    form = [*headers, ("Content-Type", "text/plain")]
    assert over_tcp(url, "POST", "/api/v1/downloads", form, b'{"model":"a/b"}').status == 415


def test_the_socket_needs_no_token_and_is_its_owners_alone(daemon: RunningDaemon) -> None:
    assert over_socket(daemon.socket, "GET", "/api/v1/status").status == 200
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700
    for path in ("state/token", "state/modelhub.db", "run/runtime.json"):
        assert stat.S_IMODE((daemon.home / path).stat().st_mode) == 0o600, path


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_where_file_modes_would_let_them(daemon: RunningDaemon) -> None:
    program = (
        "import os,socket,sys\n"
        "s=socket.socket(socket.AF_UNIX); s.settimeout(10)\n"
        "os.chdir(sys.argv[1]); os.setgroups([]); os.setgid(12345)\n"
        "s2=s; os.setuid(12345)\n"
        "s.connect('modelhub.sock')\n"
        "s.sendall(b'GET /api/v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "print(s.recv(4096).decode())\n"
    )
    daemon.socket.chmod(0o666)
    daemon.socket.parent.chmod(0o755)
    try:
        found = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, str(daemon.socket.parent)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        daemon.socket.chmod(0o600)
        daemon.socket.parent.chmod(0o700)
    assert found.stdout.startswith("HTTP/1.1 403"), found
    assert "wrong_user" in found.stdout


def test_a_page_signs_in_with_a_code_made_over_the_socket(daemon: RunningDaemon, url: str) -> None:
    host = ("Host", url.removeprefix("http://"))
    made = over_socket(daemon.socket, "POST", "/api/v1/session/code")
    assert made.status == 201
    code = made.json["code"]
    assert made.json["url"] == f"{url}/#code={code}"
    body = b'{"code":"%s"}' % code.encode()
    kind = ("Content-Type", "application/json")
    session = over_tcp(url, "POST", "/api/v1/session", [host, kind], body)
    assert session.status == 201
    bearer = ("Authorization", f"Bearer {session.json['token']}")
    assert over_tcp(url, "GET", "/api/v1/status", [host, bearer]).status == 200
    assert over_tcp(url, "POST", "/api/v1/session", [host, kind], body).status == 401


def test_a_code_is_not_made_over_tcp(daemon: RunningDaemon, url: str) -> None:
    headers = [("Host", url.removeprefix("http://")), ("Authorization", f"Bearer {daemon.token}")]
    assert over_tcp(url, "POST", "/api/v1/session/code", headers).status == 403


def test_only_loopback_is_listened_on(daemon: RunningDaemon) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(daemon.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/js/../../pyproject.toml", "/%2e%2e/%2e%2e/etc/passwd"]
)
def test_no_path_leaves_the_pages_folder(daemon: RunningDaemon, url: str, path: str) -> None:
    assert ask(daemon, url, path).status == 404


def test_errors_name_no_absolute_path(daemon: RunningDaemon, url: str, tmp_path: Path) -> None:
    for path in (
        "/api/v1/downloads/0",
        "/api/v1/library/%2fetc%2fpasswd",
        "/api/v1/servers/x",
        "/api/v1/catalog/models/a/b",
    ):
        answer = ask(daemon, url, path)
        assert answer.status == 404, path
        assert str(daemon.home) not in answer.body.decode()


def test_rotating_the_token_ends_the_streams_of_tcp_and_none_of_the_socket(tmp_path: Path) -> None:
    with running_daemon(tmp_path / "home") as daemon:
        ours = Stream(daemon.socket, "?topics=policy")
        ours.until("ready")
        parts = urlsplit(daemon.url)
        theirs = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        bearer = {"Authorization": f"Bearer {daemon.token}"}
        theirs.request("GET", "/api/v1/events?topics=policy", headers=bearer)
        answer = theirs.getresponse()
        while answer.readline() != b"event: ready\n":
            pass
        headers = [("Host", daemon.url.removeprefix("http://")), ("Authorization", f"Bearer {daemon.token}")]
        assert over_tcp(daemon.url, "POST", "/api/v1/token/rotate", headers).status == 204
        with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
            assert b"event" not in answer.read()
        answer.close()
        theirs.close()
        assert over_tcp(daemon.url, "GET", "/api/v1/status", headers).status == 401
        headers[1] = ("Authorization", f"Bearer {daemon.token}")
        assert over_tcp(daemon.url, "GET", "/api/v1/status", headers).status == 200
        over_socket(daemon.socket, "POST", "/api/v1/catalog/sync")
        daemon.stop()
        assert ours.until("shutdown")
        ours.close()
