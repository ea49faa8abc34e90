"""What the documentation shows runs: the Python examples and the one in JavaScript, against one real daemon
with a real model and the built-in llama-server."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import Client, ensure_running
from modelhub_client.starting import is_alive
from tests.fakes import samples
from tests.fakes.hub import Answer, frames, json_answer, running_hub
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE, THOUGHTS, write_chat
from tests.running import RunningDaemon, running_daemon

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "clients/python/examples"
SLOW = 65_536
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon whose catalog has one model, which can be had, run and talked to."""
    folder = tmp_path_factory.mktemp("examples")
    content = write_chat(folder / "files.gguf", thinking=True).read_bytes()
    (folder / "files").mkdir()
    (folder / "files.gguf").rename(folder / "files" / "tiny.gguf")
    local = folder / "home/config/catalog.d"
    local.mkdir(parents=True)
    with Origin("--directory", str(folder / "files")) as origin:
        file = {
            "name": "tiny.gguf", "size_bytes": len(content), "urls": [f"{origin.url}/tiny.gguf"],
            "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
        option = {"id": "gguf", "format": "gguf", "size_bytes": len(content), "files": [file]}
        (local / "mine.json").write_text(json.dumps([{"id": "acme/tinyexample", "options": [option]}]))
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
            "HOME": str(folder),
        }  # fmt: skip
        with running_daemon(folder / "home", settings) as daemon:
            yield daemon


def example(machine: RunningDaemon, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], env=machine.environ, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def test_every_python_example_does_what_it_says(machine: RunningDaemon, tmp_path: Path) -> None:
    pulled = example(machine, "search_and_download.py", "tinyexample")
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout.startswith("acme/tinyexample:gguf: compatible")
    assert pulled.stdout.endswith("acme/tinyexample: completed\n")
    again = example(machine, "search_and_download.py", "tinyexample")
    assert (again.returncode, "installed" in again.stdout) == (0, True)

    talked = example(machine, "load_and_chat.py", "acme/tinyexample", "Who", "are", "you?")
    assert talked.returncode == 0, talked.stderr
    assert talked.stdout.splitlines()[-1].strip() == SENTENCE
    assert THOUGHTS in talked.stderr
    assert machine.client.servers().items == () or machine.client.servers().items[0].state.ended
    assert example(machine, "load_and_chat.py", "acme/nothing", "Hi").returncode == 3

    cursor = tmp_path / "cursor"
    first = example(machine, "follow_events.py", str(cursor), "1")
    assert first.stdout == "snapshot (fresh): 1 installed\n", first.stderr
    [artifact] = machine.client.library().items
    machine.client.remove(artifact.id)
    second = example(machine, "follow_events.py", str(cursor), "1")
    assert second.stdout == f"library.removed {artifact.id}\n", second.stderr

    many = example(machine, "ask_many_at_once.py", "acme/tinyexample")
    assert "acme/tinyexample: compatible" in many.stdout, many.stderr
    assert "offline: False (says default)" in many.stdout
    assert "tinyexample" in example(machine, "ask_many_at_once.py", "acme/tinyexampel").stdout

    found = example(machine, "start_on_demand.py")
    assert found.stdout.startswith("it ran already\n"), found.stderr
    assert f"{machine.url}/v1" in found.stdout
    tested = {
        "search_and_download.py", "load_and_chat.py", "follow_events.py", "ask_many_at_once.py",
        "start_on_demand.py",
    }  # fmt: skip
    elsewhere = {"compare_models.py"}  # tests/integration/evaluations/test_eval_command.py
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested | elsewhere


@pytest.mark.skipif(NODE is None, reason="node is not installed: the JavaScript example is not run")
@pytest.mark.parametrize("killed", [False, True])
def test_a_frontend_in_plain_javascript_does_the_main_job_over_a_restart(
    machine: RunningDaemon, killed: bool
) -> None:
    assert NODE is not None
    for artifact in machine.client.library().items:
        machine.client.remove(artifact.id)
    machine.client.change_limits(max_bytes_per_s=SLOW)
    environ = machine.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = ROOT / "docs/embedding/embed.mjs"
    assert len(script.read_text().splitlines()) <= 100
    with subprocess.Popen(
        [NODE, str(script), "acme/tinyexample", "Who are you?"], env=environ, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stderr is not None
            told = [running.stderr.readline()]
            while "%" not in told[-1] and told[-1]:
                told.append(running.stderr.readline())
            if killed:
                machine.kill()
            else:
                machine.stop()
            machine.start()
            machine.client.change_limits(max_bytes_per_s=None)
            said, rest = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 0, rest
    assert told[0] == "snapshot (fresh)\n"
    assert "snapshot (restarted)" in rest
    assert "acme/tinyexample is ready" in rest
    assert said.strip() == SENTENCE


@pytest.mark.skipif(NODE is None, reason="node is not installed: the JavaScript example is not run")
def test_a_frontend_in_plain_javascript_starts_the_daemon_that_it_needs(machine: RunningDaemon) -> None:
    assert NODE is not None
    environ = machine.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    machine.stop()
    try:
        ran = subprocess.run(
            [NODE, str(ROOT / "docs/embedding/embed.mjs"), "acme/tinyexample", "Who are you?"], env=environ,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout.strip()) == (0, SENTENCE), ran.stderr
        pid = machine.client.status().pid
        assert is_alive(pid), "it outlives who started it"
    finally:
        subprocess.run(
            [sys.executable, "-m", "modelhub_cli.main", "daemon", "stop"], env=environ, capture_output=True,
            check=True,
        )  # fmt: skip
        machine.start()


@pytest.mark.skipif(NODE is None, reason="node is not installed: the JavaScript example is not run")
def test_a_frontend_in_plain_javascript_looks_again_where_a_stream_falls_silent(tmp_path: Path) -> None:
    assert NODE is not None
    text = (ROOT / "docs/embedding/embed.mjs").read_text()
    impatient = tmp_path / "embed.mjs"
    impatient.write_text(text.replace("45_000", "300"))
    hello = ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None)
    queued, done = samples.download(state="queued"), samples.download(state="completed")
    begun = frames(hello, ("snapshot", {"reason": "fresh", "state": {"downloads": [queued]}}, "e-1"))
    answer = {"choices": [{"message": {"content": "Because."}}]}
    with running_hub(tmp_path / "run" / "modelhub.sock") as hub:
        (tmp_path / "run/runtime.json").write_text(json.dumps({"socket": str(hub.socket)}))
        hub.on("GET /api/v1/health", json_answer({"status": "ok"}))
        hub.on("POST /api/v1/downloads", json_answer(queued, 201))
        hub.on(
            "GET /api/v1/events",
            Answer(content_type=begun.content_type, lines=begun.lines, stall=True),
            frames(hello, ("download.changed", done, "e-2")),
        )
        hub.on("POST /api/v1/servers", json_answer(samples.server()))
        hub.on("POST /v1/chat/completions", json_answer(answer))
        hub.on("DELETE /api/v1/servers/cccc000011112222", json_answer(samples.server(state="stopped")))
        ran = subprocess.run(
            [NODE, str(impatient), "acme/tiny", "Why?"], env={"MODELHUB_HOME": str(tmp_path), "PATH": ""},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "Because.\n"), ran.stderr
    asked = [dict(one.query).get("after") for one in hub.asked if one.path == "/api/v1/events"]
    assert asked == [None, "e-1"]


@pytest.mark.parametrize("page", ["docs/embedding.md", "clients/python/README.md"])
def test_the_pages_lead_to_what_there_is(page: str) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("https:")]
    assert links and [link for link in links if not ((ROOT / page).parent / link).exists()] == []
    if page.startswith("clients"):
        assert {f"examples/{path.name}" for path in EXAMPLES.glob("*.py")} == set(links)


def test_the_daemon_is_started_on_demand_and_outlives_who_asked(
    machine: RunningDaemon, tmp_path: Path
) -> None:
    environ = machine.environ | {"MODELHUB_HOME": str(tmp_path)}
    started = subprocess.run(
        [sys.executable, str(EXAMPLES / "start_on_demand.py")], env=environ, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    pid = json.loads((tmp_path / "run/runtime.json").read_text())["pid"]
    try:
        assert f"started as process {pid}" in started.stdout
        assert ensure_running(environ) is None
    finally:
        os.kill(pid, 15)
        give_up = time.monotonic() + 20
        while is_alive(pid) and time.monotonic() < give_up:
            time.sleep(0.02)
    assert not is_alive(pid)


@pytest.mark.parametrize("name", ["load_and_chat.py", "compare_models.py", "follow_events.py"])
def test_an_example_without_its_arguments_says_how_it_is_called(machine: RunningDaemon, name: str) -> None:
    shown = example(machine, name)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert f"python {name} " in shown.stderr and "Traceback" not in shown.stderr


def test_an_example_that_needs_the_daemon_starts_it(machine: RunningDaemon, tmp_path: Path) -> None:
    environ = machine.environ | {"MODELHUB_HOME": str(tmp_path)}
    asked = subprocess.run(
        [sys.executable, str(EXAMPLES / "ask_many_at_once.py"), "acme/nothing"], env=environ,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    pid = Client(environ=environ).status().pid
    os.kill(pid, 15)
    assert asked.returncode == 0, asked.stderr
    assert "There is no model acme/nothing" in asked.stdout
    give_up = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_a_daemon_that_cannot_start_says_why_to_the_program_that_needed_it(
    machine: RunningDaemon, tmp_path: Path
) -> None:
    environ = machine.environ | {"MODELHUB_HOME": str(tmp_path), "MODELHUB_SERVER_PORT": "many"}
    failed = subprocess.run(
        [sys.executable, str(EXAMPLES / "start_on_demand.py")], env=environ, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert failed.returncode == 1
    assert "server.port" in failed.stdout and "modelhub doctor" in failed.stdout
