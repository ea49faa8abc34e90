"""Tokens of a real daemon: they reach their origin, and nobody and nothing else."""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelhubd.wire.downloads import Download, DownloadState
from tests import forked
from tests.fakes.origin import Origin, Step, sha256
from tests.fakes.proxy import running_proxy
from tests.raw import over_socket
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

SECRET = "hf_S3cretThatNobodyMayRead"
SMALL = 300_000
LARGE = 12_000_000
RATE = 6_000_000


@pytest.fixture
def other() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., RunningDaemon]]:
    """Starts a daemon that trusts these origins, with these variables."""
    with contextlib.ExitStack() as stack:

        def begin(*origins: str, **environ: str) -> RunningDaemon:
            settings = {
                "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": ",".join(origins),
                "MODELHUB_LOG_LEVEL": "debug",
                "MODELHUB_MODELS_RESERVE_BYTES": "0",
                "HOME": str(home / "somebody"),
            }
            return stack.enter_context(running_daemon(home, settings | environ))

        yield begin


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def offer(home: Path, url: str, size: int = SMALL, model: str = "acme/tiny") -> None:
    file = {"name": "tiny.gguf", "size_bytes": size, "sha256": sha256(1, size), "urls": [url]}
    option = {"id": "gguf-q4", "format": "gguf", "files": [file]}
    folder = home / "config/catalog.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{model.replace('/', '-')}.json").write_text(json.dumps({"id": model, "options": [option]}))


def keep(home: Path, tokens: dict[str, str], mode: int = 0o600) -> Path:
    path = home / "config/tokens.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'"{origin}" = "{token}"\n' for origin, token in tokens.items()))
    path.chmod(mode)
    return path


def until(daemon: RunningDaemon, id: str, fits: Callable[[Download], bool]) -> Download:
    deadline = time.monotonic() + 40
    while not fits(found := daemon.client.download(id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def pulled(daemon: RunningDaemon) -> Download:
    created = daemon.client.create_download("acme/tiny", force=True)
    return until(daemon, created.id, lambda found: found.state.ended)


def shown(origin: Origin, path: str) -> list[str | None]:
    """The Authorization of each request."""
    return [entry["fields"].get("authorization") for entry in origin.requests(path)]


def redirect(target: str) -> Step:
    return {"status": 302, "fields": {"Location": target}}


def test_every_piece_brings_the_token_to_its_origin(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin
) -> None:
    offer(home, origin.serve("/pieces.gguf", LARGE, {"rate": RATE}), LARGE)
    keep(home, {origin.url: SECRET, "https://huggingface.co": "another"})
    ended = pulled(start(origin.url))
    assert ended.state is DownloadState.COMPLETED, ended.error
    found = shown(origin, "/pieces.gguf")
    assert len(found) >= 4 and set(found) == {f"Bearer {SECRET}"}


def test_another_origin_does_not_get_it_and_the_same_one_does(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin, other: Origin
) -> None:
    # CVE-2025-51471. Another port is another origin.
    target = other.serve("/target.gguf", LARGE, {"rate": RATE})
    second = origin.serve("/second.gguf", 0, redirect(target))
    offer(home, origin.serve("/first.gguf", 0, redirect(second)), LARGE)
    keep(home, {origin.url: SECRET})
    ended = pulled(start(origin.url, other.url))
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert {*shown(origin, "/first.gguf"), *shown(origin, "/second.gguf")} == {f"Bearer {SECRET}"}
    assert len(other.requests()) >= 4 and set(shown(other, "/target.gguf")) == {None}


def test_a_redirect_back_brings_the_token_again_and_each_its_own(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin, other: Origin
) -> None:
    back = origin.serve("/back.gguf", SMALL)
    offer(home, origin.serve("/away.gguf", 0, redirect(other.serve("/there.gguf", 0, redirect(back)))))
    keep(home, {origin.url: SECRET, other.url: "theirs"})
    ended = pulled(start(origin.url, other.url))
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert shown(origin, "/away.gguf") == shown(origin, "/back.gguf") == [f"Bearer {SECRET}"]
    assert shown(other, "/there.gguf") == ["Bearer theirs"]


def test_another_scheme_does_not_get_it(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin, secure: Origin, certificate: Path
) -> None:
    plain = origin.serve("/plain.gguf", SMALL)
    offer(home, secure.serve("/secure.gguf", 0, redirect(plain)))
    keep(home, {secure.url: SECRET, origin.url.replace("http:", "https:"): "wrong scheme".replace(" ", "-")})
    ended = pulled(start(origin.url, secure.url, SSL_CERT_FILE=str(certificate)))
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert shown(secure, "/secure.gguf") == [f"Bearer {SECRET}"], "over https, with an authority of one's own"
    assert shown(origin, "/plain.gguf") == [None]


def test_netrc_counts_over_https_only(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin, secure: Origin, certificate: Path
) -> None:
    netrc = home / "somebody/.netrc"
    netrc.parent.mkdir(parents=True)
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\ndefault login me password {SECRET}\n")
    netrc.chmod(0o600)
    plain = origin.serve("/plain2.gguf", SMALL)
    offer(home, secure.serve("/netrc.gguf", 0, redirect(plain)))
    ended = pulled(start(origin.url, secure.url, SSL_CERT_FILE=str(certificate)))
    assert ended.state is DownloadState.COMPLETED, ended.error
    basic = base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert shown(secure, "/netrc.gguf") == [f"Basic {basic}"]
    assert shown(origin, "/plain2.gguf") == [None]


def test_a_proxy_on_the_way_does_not_see_it(
    start: Callable[..., RunningDaemon], home: Path, secure: Origin, certificate: Path
) -> None:
    secure.serve("/proxied.gguf", SMALL)
    offer(home, "https://models.example.org/proxied.gguf")
    keep(home, {"https://models.example.org": SECRET})
    with running_proxy(secure.url) as proxy:
        ended = pulled(start(SSL_CERT_FILE=str(certificate), https_proxy=proxy.url))
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert set(shown(secure, "/proxied.gguf")) == {f"Bearer {SECRET}"}
    assert proxy.heads and all(SECRET not in head and "uthorization" not in head for head in proxy.heads)


def test_a_new_token_is_used_at_the_next_request(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin
) -> None:
    url = origin.serve(
        "/rotated.gguf", SMALL, {"cut_after": 1000}, {"status": 503, "fields": {"Retry-After": "1"}}, {}
    )
    offer(home, url)
    keep(home, {origin.url: "old-token"})
    daemon = start(origin.url)
    created = daemon.client.create_download("acme/tiny", force=True)
    until(daemon, created.id, lambda found: len(origin.requests("/rotated.gguf")) == 2)
    keep(home, {origin.url: "new-token"})
    ended = until(daemon, created.id, lambda found: found.state.ended)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert shown(origin, "/rotated.gguf") == ["Bearer old-token", "Bearer old-token", "Bearer new-token"]


@pytest.mark.parametrize("how", ["open to others", "no TOML", "a line break", "a link"])
def test_a_token_file_that_is_not_believed_fails_the_download_and_says_what_to_do(
    how: str, start: Callable[..., RunningDaemon], home: Path, origin: Origin
) -> None:
    path = f"/refused/{how.replace(' ', '-')}.gguf"
    offer(home, origin.serve(path, SMALL))
    file = keep(home, {origin.url: SECRET}, 0o644 if how == "open to others" else 0o600)
    match how:
        case "no TOML":
            file.write_text(f'"{origin.url}" = "{SECRET}')
        case "a line break":
            file.write_text(f'"{origin.url}" = "{SECRET}\\r\\nX-Other: yes"')
        case "a link":
            file.rename(home / "elsewhere.toml")
            file.symlink_to(home / "elsewhere.toml")
        case _:
            pass
    daemon = start(origin.url)
    failed = pulled(daemon)
    assert failed.state is DownloadState.FAILED and failed.error is not None
    assert "tokens.toml" in failed.error.detail
    assert ("chmod 600" in failed.error.detail) == (how in ("open to others", "a link"))
    assert str(home) not in failed.error.detail and SECRET not in failed.error.detail
    assert not origin.requests(path), "nothing is asked for without it"
    file.unlink()
    keep(home, {origin.url: SECRET})
    daemon.client.retry_download(failed.id)
    ended = until(
        daemon, failed.id, lambda found: found.state is not DownloadState.FAILED and found.state.ended
    )
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert set(shown(origin, path)) == {f"Bearer {SECRET}"}


def test_a_bad_token_file_does_not_stop_what_it_does_not_speak_of(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin
) -> None:
    offer(home, origin.serve("/unconcerned.gguf", SMALL))
    keep(home, {"https://huggingface.co": SECRET}, 0o644)
    ended = pulled(start(origin.url))
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert shown(origin, "/unconcerned.gguf") == [None]


def test_no_token_is_found_anywhere_else(
    start: Callable[..., RunningDaemon], home: Path, origin: Origin, other: Origin
) -> None:
    """Logs, events, answers of the API, database, arguments and environments of processes, files."""
    leaky = f"https://me:{SECRET}x@example.com/"  # an origin that sends back what it was told
    steps: list[Step] = [{"cut_after": 100_000, "fields": {"X-Echo": SECRET}}, {"rate": RATE // 10}]
    offer(home, origin.serve("/found.gguf", LARGE, *steps), LARGE)
    offer(home, origin.serve("/refused.gguf", SMALL, {"status": 401}), model="acme/refused")
    offer(home, origin.serve("/leaky.gguf", SMALL, redirect(leaky)), model="acme/leaky")
    path = keep(home, {origin.url: SECRET})
    with forked.by_command():  # a fork shows others its mother's arguments and environment
        daemon = start(origin.url, other.url)
    heard: list[str] = []
    stream = Stream(daemon.socket, ndjson=True)
    ear = threading.Thread(target=lambda: _listen(stream, heard), daemon=True)
    ear.start()
    created = daemon.client.create_download("acme/tiny", force=True)
    until(daemon, created.id, lambda found: found.progress.done_bytes > 500_000)
    everything = [" ".join(_seen(psutil.Process(daemon.pid)))]
    for model in ("acme/refused", "acme/leaky"):
        one = daemon.client.create_download(model, force=True)
        failed = until(daemon, one.id, lambda found: found.state.ended)
        assert failed.state is DownloadState.FAILED
    everything += [
        over_socket(daemon.socket, "GET", f"/api/v1/{route}").body.decode()
        for route in ("downloads", f"downloads/{created.id}", "status", "config", "health", "models")
    ]
    daemon.client.pause_download(created.id)
    daemon.stop()
    stream.close()
    ear.join(10)
    assert any("download" in line for line in heard)
    assert set(shown(origin, "/found.gguf")) == {f"Bearer {SECRET}"}, "it was sent at all"
    everything += heard
    for file in home.rglob("*"):
        if file.is_file() and file != path:
            everything.append(file.read_bytes().decode("latin-1"))
    assert len(everything) > 10
    assert not any(SECRET in text for text in everything)


def _listen(stream: Stream, heard: list[str]) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        while line := stream.response.readline():
            heard.append(line.decode())


def _seen(process: psutil.Process) -> Iterator[str]:
    """What others may see of it and its children."""
    children: list[Any] = process.children(recursive=True)
    assert children, "the worker is there"
    for one in (process, *children):
        yield from one.cmdline()
        yield from (f"{name}={value}" for name, value in one.environ().items())
