"""The `modelhub` program and the real daemon: the main job, as a person does it."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhub_cli.launch import is_alive
from modelhub_client import Client
from tests import forked
from tests.fakes import origin as fake_origin
from tests.fakes.origin import Origin
from tests.fakes.terminal import Seen, on_terminal
from tests.fakes.tiny_gguf import SENTENCE, THOUGHTS, write_chat
from tests.forked import INHERITED

BIG = 12_000_000
PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a home of their own who types `modelhub …`."""

    home: Path
    environ: dict[str, str]

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Without a terminal."""
        return forked.run("modelhub_cli.main", arguments, self.environ, within_s=40)

    def sees(self, *arguments: str, typed: tuple[tuple[str, bytes], ...] = ()) -> Seen:
        """On a terminal."""
        return on_terminal([*PROGRAM, *arguments], self.environ, typed=typed, within_s=40)

    @property
    def client(self) -> Client:
        return Client(environ=self.environ)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """An origin with a model that thinks, a slow large file, and the same under a wrong digest."""
    folder = tmp_path_factory.mktemp("origin")
    write_chat(folder / "tiny.gguf", thinking=True)
    with Origin("--directory", str(folder)) as serving:
        serving.serve("/big.gguf", BIG, total_rate=1_200_000)
        serving.serve("/fast.gguf", BIG)
        serving.tiny = (folder / "tiny.gguf").read_bytes()  # type: ignore[attr-defined]
        yield serving


def _entry(model: str, name: str, size: int, sha256: str, url: str) -> dict[str, object]:
    file = {"name": name, "size_bytes": size, "sha256": sha256, "urls": [url]}
    return {"id": model, "options": [{"id": "gguf", "format": "gguf", "size_bytes": size, "files": [file]}]}


@pytest.fixture
def person(tmp_path: Path, files: Origin) -> Iterator[Person]:
    """At the end their daemon is stopped, and it is checked that it is gone."""
    home = tmp_path / "home"
    tiny: bytes = files.tiny  # type: ignore[attr-defined]
    (home / "config" / "catalog.d").mkdir(parents=True)
    big = fake_origin.sha256(1, BIG)
    entries = [
        _entry(
            "acme/tiny", "tiny.gguf", len(tiny), hashlib.sha256(tiny).hexdigest(), f"{files.url}/tiny.gguf"
        ),
        _entry("acme/big", "big.gguf", BIG, big, f"{files.url}/big.gguf"),
        _entry("acme/wrong", "big.gguf", BIG, "0" * 64, f"{files.url}/fast.gguf"),
    ]
    (home / "config" / "catalog.d" / "mine.json").write_text(json.dumps(entries))
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environ |= {
        "MODELHUB_HOME": str(home), "HOME": str(tmp_path), "MODELHUB_SERVER_PORT": "0",
        "TERM": "xterm-256color",
        "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": files.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
    }  # fmt: skip
    made = Person(home=home, environ=environ)
    try:
        yield made
    finally:
        hint = home / "run" / "runtime.json"
        pid = json.loads(hint.read_text())["pid"] if hint.exists() else None
        stopped = made.types("daemon", "stop")
        if pid is not None and is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"the daemon {pid} was left running: {stopped.stderr}")


def test_saved_settings_are_in_force_whoever_loads_the_model(person: Person) -> None:
    assert person.types("pull", "acme/tiny").returncode == 0
    changed = person.types("settings", "set", "acme/tiny", "--ctx", "512", "--threads", "1")
    assert "ctx\t512\tsaved\n" in changed.stdout, changed.stderr
    planned = json.loads(person.types("load", "acme/tiny", "--dry-run", "--json").stdout)
    assert planned["settings"]["ctx"] == {"value": 512, "origin": "saved"}
    assert person.types("ps").stdout == ""
    assert person.types("estimate", "acme/tiny").stdout.splitlines()[1] == "context\t512"
    assert person.types("chat", "acme/tiny", "hi").returncode == 0
    [server] = json.loads(person.types("ps", "--json").stdout)
    assert server["settings"]["threads"] == {"value": 1, "origin": "saved"}
    assert "ctx\t4096\tdefault\n" in person.types("settings", "reset", "acme/tiny").stdout


def test_two_commands_and_a_question_are_the_main_job(person: Person) -> None:
    pulled = person.types("pull", "acme/tiny")
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout == "acme/tiny@1:gguf\n"
    assert "Starting the daemon" in pulled.stderr
    assert person.types("list").stdout.split("\t")[1:4] == ["acme/tiny", "1", "gguf"]

    loaded = person.types("load", "acme/tiny", "--threads", "1", "--ctx", "512")
    assert loaded.returncode == 0, loaded.stderr
    running = person.types("ps").stdout.split("\t")
    assert running[1:4] == ["acme/tiny", "gguf", "ready"]
    assert running[5] == "512"

    answered = person.types("chat", "acme/tiny", "Who are you?")
    assert (answered.returncode, answered.stdout.strip()) == (0, SENTENCE)
    whole = json.loads(person.types("chat", "acme/tiny", "Who are you?", "--json").stdout)
    assert whole["reasoning"].strip() == THOUGHTS
    assert person.types("logs", "acme/tiny", "--tail", "5").stdout.count("\n") == 5

    assert person.types("rm", "acme/tiny").returncode == 5
    assert person.types("unload", "acme/tiny").returncode == 0
    assert person.types("ps").stdout == ""
    assert person.types("rm", "acme/tiny").returncode == 0
    assert person.types("list").stdout == ""


def test_on_a_terminal_a_person_sees_the_fit_a_bar_and_the_answer(person: Person) -> None:
    assert person.types("daemon", "start").returncode == 0
    assert "✓ Compatible" in person.sees("search", "acme", "tiny").plain
    assert "modelhub pull acme/tiny" in person.sees("show", "acme/tiny").plain
    pulled = person.sees("pull", "acme/tiny")
    assert pulled.code == 0
    assert "━" in pulled.plain
    assert "✓ acme/tiny@1:gguf is installed" in pulled.plain
    loaded = person.sees("load", "acme/tiny", "--threads", "1")
    assert "✓ acme/tiny is ready" in loaded.plain
    talk = person.sees(
        "chat",
        "acme/tiny",
        typed=((">>> ", b"Hello\n"), (SENTENCE, b""), (">>> ", b"/clear\n"), (">>> ", b"\x04")),
    )
    assert talk.code == 0
    assert f"\x1b[2m{THOUGHTS}" in talk.text
    assert SENTENCE in talk.plain


def test_ctrl_c_on_pull_leaves_the_download_to_the_daemon(person: Person) -> None:
    seen = person.sees("pull", "acme/big", typed=((" of 12", b"\x03"),))
    assert seen.code == 130
    assert "modelhub downloads watch" in seen.plain
    assert "modelhub downloads cancel" in seen.plain
    watched = person.types("downloads", "watch")
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout == "acme/big@1:gguf\n"
    assert re.search(r"[1-9][0-9] %", watched.stderr)


def test_a_pull_goes_on_when_the_daemon_is_killed_and_comes_back(person: Person) -> None:
    assert person.types("daemon", "start").returncode == 0
    with subprocess.Popen(
        [*PROGRAM, "pull", "acme/big", "--json"], env=person.environ, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as pulling:  # fmt: skip
        assert pulling.stdout is not None
        while json.loads(pulling.stdout.readline())["progress"]["done_bytes"] < BIG // 5:
            pass
        os.kill(person.client.status().pid, signal.SIGKILL)
        time.sleep(0.3)
        assert person.types("daemon", "start").returncode == 0
        rest, told = pulling.communicate(timeout=30)
    assert pulling.returncode == 0, told
    assert "The daemon is away" in told
    assert json.loads(rest.splitlines()[-1])["state"] == "completed"


def test_a_file_that_is_not_what_the_catalog_promises_is_8(person: Person) -> None:
    pulled = person.types("pull", "acme/wrong")
    assert pulled.returncode == 8
    assert "SHA-256" in pulled.stderr
    assert person.types("list").stdout == ""


def test_the_daemon_is_started_found_restarted_and_stopped(person: Person) -> None:
    assert person.types("daemon", "status").returncode == 6
    assert person.types("status").returncode == 6
    started = person.types("daemon", "start")
    assert started.returncode == 0, started.stderr
    first = int(person.types("daemon", "status").stdout)
    assert "running already" in person.types("daemon", "start").stderr
    assert person.types("daemon", "restart").returncode == 0
    second = int(person.types("daemon", "status").stdout)
    assert first != second
    assert not is_alive(first)
    assert (person.home / "state" / "logs" / "daemon.log").stat().st_mode & 0o077 == 0
    assert "answers on" in person.types("daemon", "logs").stdout
    stopped = person.types("daemon", "stop")
    assert f"process {second}" in stopped.stderr
    assert not is_alive(second)
    assert person.types("daemon", "stop").returncode == 0


def test_a_daemon_that_cannot_start_says_why(person: Person) -> None:
    (person.home / "config" / "config.toml").write_text("[server]\nprot = 1\n")
    started = person.types("daemon", "start")
    assert started.returncode == 6
    assert "server.prot" in started.stderr
    assert "Traceback" not in started.stderr


def test_two_that_start_it_at_once_get_one_daemon(person: Person) -> None:
    both = [
        subprocess.Popen(
            [*PROGRAM, "pull", "-d", "-q", name], env=person.environ, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )
        for name in ("acme/tiny", "acme/big")
    ]  # fmt: skip
    for process in both:
        told = process.communicate(timeout=30)[1]
        assert process.returncode == 0, told
    assert len(person.types("downloads", "list", "-q").stdout.splitlines()) == 2


def test_no_process_is_signalled_that_does_not_answer_as_the_daemon(person: Person) -> None:
    assert person.types("daemon", "start").returncode == 0
    hint = person.home / "run" / "runtime.json"
    true = hint.read_text()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        hint.write_text(json.dumps(json.loads(true) | {"pid": bystander.pid}))
        stopped = person.types("daemon", "stop")
        assert stopped.returncode == 5
        assert "left alone" in stopped.stderr
        assert bystander.poll() is None
        bystander.kill()
    hint.write_text(true)


def test_doctor_finds_nothing_wrong_with_a_fresh_daemon_and_names_a_bad_entry(person: Person) -> None:
    assert person.types("daemon", "start").returncode == 0
    well = person.types("doctor")
    assert well.returncode == 0, well.stdout
    assert {line.split("\t")[0] for line in well.stdout.splitlines()} <= {"ok", "warn"}
    (person.home / "config" / "catalog.d" / "bad.json").write_text('[{"id": "acme/bad"}]')
    assert person.types("daemon", "restart").returncode == 0
    assert "bad.json" in person.types("doctor").stdout


def test_a_model_that_does_not_exist_is_3_and_the_nearest_is_named(person: Person) -> None:
    asked = person.types("pull", "acme/tinny")
    assert asked.returncode == 3
    assert "acme/tiny" in asked.stderr
