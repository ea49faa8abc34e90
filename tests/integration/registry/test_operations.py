"""What docs/operations.md tells people to do holds: TLS, the unit, the cache in front; and stopping twice."""

import asyncio
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from modelhub_client import AsyncRegistryClient, RegistryUnreachable
from modelhubd.registry import app
from tests.fakes.authority import make_authority
from tests.fakes.registered import registered
from tests.fakes.registry import Registry
from tests.fakes.registry_process import registry_process
from tests.fakes.registry_template import copied_registry
from tests.integration.registry.publishes import MODEL, approved
from tests.running import free_port

MANUAL = Path(__file__).parents[3] / "docs" / "operations.md"


def example(kind: str, of: str) -> str:
    """The example of that kind in the manual that has `of` in it."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    (one,) = (text for text in found if of in text)
    return str(one)


async def test_it_speaks_tls_with_clients_and_daemons_and_nothing_else(tmp_path: Path) -> None:
    certificate, key = make_authority(tmp_path)
    tls = {"tls_cert": str(certificate), "tls_key": str(key)}
    async with copied_registry("sqlite", tmp_path / "registry", **tls) as registry:
        assert registry.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(certificate))
        token = registry.reader.token
        async with AsyncRegistryClient(registry.url, token=token, context=trusting) as client:
            assert (await client.me()).principal == "reader"
        async with AsyncRegistryClient(registry.url, token=token) as stranger:
            with pytest.raises(RegistryUnreachable, match="not trusted here"):
                await stranger.me()
        async with AsyncRegistryClient(registry.url.replace("https", "http"), token=token) as plain:
            with pytest.raises(RegistryUnreachable):
                await plain.me()
        async with AsyncRegistryClient(registry.url, token=token, context=trusting) as client:
            newest = await asyncio.to_thread(_synced, tmp_path, registry, str(certificate))
            assert newest == str((await client.catalog()).revision)


def _synced(folder: Path, registry: Registry, authority: str) -> str:
    """The revision that a daemon gets, which trusts this authority."""
    release = registry.parts.config.state_dir / "keys" / "1.root.json"
    daemon = registered(
        folder / "home",
        registry=registry.url,
        root=release,
        token=registry.reader.token or "",
        settings={"SSL_CERT_FILE": authority},
    )
    daemon.start()
    try:
        info = daemon.client.sync_catalog(wait=True)
        assert (info.source, info.last_error) == ("registry", None)
        return info.revision
    finally:
        daemon.stop()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux's alone")
async def test_a_reader_that_takes_nothing_is_cut_off_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "UNWRITABLE_MS", 1500)
    async with copied_registry("sqlite", tmp_path / "registry", requests_at_once=10_000) as registry:
        address = urlsplit(registry.url)
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.settimeout(20)
            lazy.connect((address.hostname, address.port))
            bearer = f"Authorization: Bearer {registry.reader.token}"
            request = f"GET /api/v1/catalog HTTP/1.1\r\nHost: a\r\n{bearer}\r\n\r\n"
            lazy.sendall(request.encode() * 100)
            began = time.monotonic()
            while time.monotonic() - began < 6:
                asked = time.monotonic()
                assert (await registry.reader.get("/me")).status == 200
                assert time.monotonic() - asked < 5
                await asyncio.sleep(0.2)
            whole = len((await registry.reader.get("/catalog")).body) * 100
            assert await asyncio.to_thread(_rest, lazy) < whole


def _rest(connection: socket.socket) -> int:
    """How many bytes still come until the other side has ended the connection."""
    count = 0
    try:
        while data := connection.recv(1 << 20):
            count += len(data)
    except ConnectionError:
        pass
    return count


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_no_fault_in_the_unit_of_the_manual(tmp_path: Path) -> None:
    text = example("ini", "modelhub-registry serve")
    program = tmp_path / "modelhub-registry"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert "/opt/modelhub/bin/modelhub-registry" in text
    unit = tmp_path / "modelhub-registry.service"
    for text_of_it, fault in (
        (text, ""),
        (text.replace("ProtectSystem=strict", "ProtectSystems=strict"), "'ProtectSystems' in section"),
    ):
        unit.write_text(text_of_it.replace("/opt/modelhub/bin/modelhub-registry", str(program)))
        verified = subprocess.run(
            ["systemd-analyze", "verify", unit],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert fault in verified.stderr if fault else verified.stderr == ""


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx (Debian: nginx-light)")
async def test_the_cache_of_the_manual_answers_what_the_registry_does(tmp_path: Path) -> None:
    async with copied_registry("sqlite", tmp_path / "registry") as registry:
        port = free_port()
        text = example("nginx", "proxy_cache_path").replace("mhr_…", registry.reader.token or "")
        first, rest = text.replace("/var/cache/nginx/hub", str(tmp_path / "cache")).split("\n", 1)
        assert first.startswith("proxy_cache_path ")
        configuration = tmp_path / "nginx.conf"
        temporary = "".join(
            f"{name}_temp_path {tmp_path / name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration.write_text(
            f"user root;\ndaemon off;\npid {tmp_path / 'pid'};\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{first}\n"
            f"upstream registry {{ server {urlsplit(registry.url).netloc}; }}\n"
            f"server {{ listen 127.0.0.1:{port};\n{rest}\n}}\n}}\n"
        )
        nginx = ["nginx", "-p", str(tmp_path), "-e", str(tmp_path / "errors"), "-c", str(configuration)]
        checked = await asyncio.to_thread(
            subprocess.run, [*nginx, "-t"], capture_output=True, text=True, timeout=30, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr
        running = subprocess.Popen(nginx, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await _answers(registry, port)
        finally:
            running.terminate()
            await asyncio.to_thread(running.wait, 15)


async def _answers(registry: Registry, port: int) -> None:
    async def cached(path: str) -> tuple[int, bytes]:
        for _ in range(200):
            try:
                async with registry.anybody.session.get(
                    f"http://127.0.0.1:{port}/api/v1/tuf/{path}"
                ) as answer:
                    return answer.status, await answer.read()
            except OSError:
                await asyncio.sleep(0.05)
        raise AssertionError("nginx does not answer")

    before = (await registry.reader.get("/tuf/timestamp.json")).body
    assert await cached("timestamp.json") == (200, before)
    assert await cached("1.root.json") == (200, (await registry.reader.get("/tuf/1.root.json")).body)
    assert (await cached("2.root.json"))[0] == 404
    await approved(registry)
    await registry.parts.releases.released()
    assert (await registry.reader.get("/tuf/timestamp.json")).body != before
    assert await cached("timestamp.json") == (200, before), "within its ten seconds nobody asks the registry"
    assert (await registry.reader.get(MODEL)).status == 200


def test_a_second_signal_does_not_wait_for_what_has_begun(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "registry.toml").write_text("drain_s = 120.0\n")
    with registry_process(tmp_path / "state") as running:
        assert running.process is not None
        token = running.create_admin().encode()
        with socket.create_connection(("127.0.0.1", running.port)) as slow:
            slow.sendall(
                b"POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + token + b"\r\nContent-Length: 100\r\n\r\n{"
            )
            time.sleep(0.5)
            running.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                running.process.wait(2)
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(15) != 0
