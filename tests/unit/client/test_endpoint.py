"""Finding the daemon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub_client import Client, ModelhubUnreachable
from modelhub_client.endpoint import Endpoint, endpoint_of_url, find_endpoints
from tests.fakes import samples
from tests.fakes.hub import json_answer, running_hub


def _write_hint(home: Path, **values: object) -> None:
    hint = {
        "pid": 1, "socket": "", "url": None, "token_file": "", "version": "1", "api": 1, "epoch": "0",
    } | values  # fmt: skip
    (home / "run").mkdir(parents=True, exist_ok=True)
    (home / "run" / "runtime.json").write_text(json.dumps(hint))


def test_the_socket_of_the_home_comes_first(tmp_path: Path) -> None:
    assert tuple(find_endpoints({"MODELHUB_HOME": str(tmp_path)})) == (
        Endpoint(socket=tmp_path / "run" / "modelhub.sock"),
    )


def test_a_socket_that_had_to_move_is_found_through_the_hint(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sock"
    _write_hint(tmp_path, socket=str(elsewhere))
    with running_hub(elsewhere) as hub:
        hub.on("GET /api/v1/version", json_answer(samples.version()))
        assert Client(environ={"MODELHUB_HOME": str(tmp_path)}).version() == samples.version()


def test_tcp_is_tried_last_and_with_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    _write_hint(tmp_path, url="http://127.0.0.1:9", token_file=str(token), pid=os.getpid())
    found = tuple(find_endpoints({"MODELHUB_HOME": str(tmp_path)}))
    assert found[-1] == Endpoint(host="127.0.0.1", port=9, token="secret")
    assert found[-1].headers() == {"Authorization": "Bearer secret"}
    with pytest.raises(ModelhubUnreachable, match=r"modelhub\.sock.*127\.0\.0\.1:9"):
        Client(environ={"MODELHUB_HOME": str(tmp_path)}).health()


def test_a_token_that_cannot_be_read_leaves_tcp_out(tmp_path: Path) -> None:
    _write_hint(tmp_path, url="http://127.0.0.1:9", token_file=str(tmp_path / "none"), pid=os.getpid())
    assert len(tuple(find_endpoints({"MODELHUB_HOME": str(tmp_path)}))) == 1


def test_the_token_is_not_sent_to_a_port_whose_daemon_has_died(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    _write_hint(tmp_path, url="http://127.0.0.1:9", token_file=str(token), pid=process.pid)
    assert len(tuple(find_endpoints({"MODELHUB_HOME": str(tmp_path)}))) == 1


def test_a_socket_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"MODELHUB_HOME": str(tmp_path)}
    with running_hub(tmp_path / "run" / "modelhub.sock") as hub:
        assert tuple(find_endpoints(environ))
        if os.getuid() == 0:
            os.chown(hub.socket, 12345, -1)
        monkeypatch.setattr(os, "getuid", lambda: 54321)
        with pytest.raises(ModelhubUnreachable, match="another user"):
            tuple(find_endpoints(environ))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_broken_hint_is_no_hint(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "runtime.json").write_text(text)
    assert len(tuple(find_endpoints({"MODELHUB_HOME": str(tmp_path)}))) == 1


def test_an_address_names_host_and_port() -> None:
    assert endpoint_of_url("http://127.0.0.1:7717", "t").origin == "http://127.0.0.1:7717"
    assert endpoint_of_url("http://[::1]:7717", None).origin == "http://[::1]:7717"
    with pytest.raises(ValueError, match="not an address"):
        endpoint_of_url("https://hub.example", None)
