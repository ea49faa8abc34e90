"""A daemon in the states that the pictures show: with models running, damaged, outdated and on their way."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from modelhub_client import Client
from tests.browser.models import entry, offer, offered, unreachable
from tests.browser.world import have
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ANSWER, large_shape, write_chat
from tests.raw import over_socket
from tests.running import RunningDaemon, free_port, running_daemon

SLOW_BYTES_PER_S = 12_000
"""Of each connection: downloads are under way until the last picture."""
PUBLISHER = "Aviary"
WORDS = {
    "lark-20m": "Small enough for any machine. Thinks before it answers, and says what it thought.",
    "wren-10m": "The smallest of the line: short answers, quick to load, for testing an application.",
    "heron-30m": "The largest of the line, with the longest context. For documents and long conversations.",
    "finch-15m": "Writes code and calls tools. Answers in the format that is asked for.",
    "swift-10m": "Embeddings for search and retrieval in many languages.",
}
MEGABYTES = {"lark-20m": 40, "wren-10m": 20, "heron-30m": 60, "finch-15m": 30, "swift-10m": 20}
FINCH = ("Hi", ",", " ask", " me", " about", " code", ".")
QUESTIONS = (
    "Who are you?",
    "What can you do?",
    "Say hello.",
    "Name a bird.",
    "And another one?",
    "Thank you.",
)
NOTES = (
    {"version": 2, "published_at": "2026-11-20T09:00:00.000Z", "published_by": "aviary", "notes":
     "Calls several tools at once.\nFewer repetitions in long answers."},
    {"version": 1, "published_at": "2026-08-02T09:00:00.000Z", "published_by": "aviary",
     "notes": "First version."},
)  # fmt: skip


@contextlib.contextmanager
def showcase() -> Iterator[RunningDaemon]:
    """The daemon, gone with its home afterwards."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelhub-")))
        files, home = root / "origin", root / "home"
        files.mkdir()
        fast = stack.enter_context(Origin("--directory", str(files)))
        slow = stack.enter_context(Origin("--directory", str(files), "--rate", str(SLOW_BYTES_PER_S)))
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": f"{fast.url},{slow.url}",
            "MODELHUB_SERVER_PORT": str(free_port()),
        }
        bred(home, files, fast.url, slow.url)
        daemon = stack.enter_context(running_daemon(home, settings))
        prepare(daemon.client, home)
        observe(daemon)
        yield daemon


def bred(home: Path, files: Path, fast: str, slow: str) -> None:
    """The entries and their files."""
    for seed, (name, words) in enumerate(WORDS.items()):
        path = files / f"{name}.gguf"
        says = FINCH if name == "finch-15m" else ANSWER
        shape = large_shape(MEGABYTES[name])
        write_chat(path, shape=shape, thinking=name == "lark-20m", seed=seed, answer=says)
        rest: dict[str, Any] = {"parameters": int(name.rpartition("-")[2][:-1]) * 1_000_000}
        rest["capabilities"] = ["chat", "reasoning"] if "lark" in name else ["chat", "tools"]
        url = slow if name in ("heron-30m", "swift-10m") else fast
        one = entry(url, path, name, words, publisher=PUBLISHER, **rest)
        offer(home, one | {"display_name": name.title().replace("-", " "), "versions": NOTES[1:]})
        if name == "finch-15m":
            offer(home, unreachable(one, "kestrel-40m") | {"display_name": "Kestrel 40M"})


def prepare(client: Client, home: Path) -> None:
    """Install three, run one, spoil one, offer a newer version of one, and leave three on their way."""
    installed = {name: have(client, f"aviary/{name}") for name in ("lark-20m", "wren-10m", "finch-15m")}
    client.load(installed["lark-20m"].id)
    newer = offered(home, "aviary/finch-15m") | {"version": 2, "versions": NOTES, "context_length": 8192}
    path = home.parent / "origin" / "finch-15m-2.gguf"
    write_chat(path, shape=large_shape(MEGABYTES["finch-15m"]), seed=99)
    like = entry(newer["options"][0]["files"][0]["urls"][0].rpartition("/")[0], path, "finch-15m", "")
    offer(home, newer | {"options": like["options"]})
    spoilt = next((home / "models").rglob("wren-10m*.gguf"))
    with spoilt.open("r+b") as file:
        file.seek(5_000_000)
        file.write(bytes(64))
    client.verify(installed["wren-10m"].id)
    client.sync_catalog()
    until(lambda: client.updates().items)
    until(lambda: any(item.state == "damaged" for item in client.library().items))
    until(lambda: client.servers().items[0].state == "ready")
    for name in ("heron-30m", "swift-10m"):
        client.create_download(f"aviary/{name}")
    client.create_download("testing/kestrel-40m")


def observe(daemon: RunningDaemon) -> None:
    """Have Lark asked by two applications, and Finch tried beside it."""
    client = daemon.client
    items = {item.model: item.id for item in client.library().items}
    body = {"active": items["aviary/lark-20m"], "candidate": items["aviary/finch-15m"]}
    trial = asked(daemon, "/api/v1/trials", body | {"when": "parallel", "keep": 20})["id"]
    for number, words in enumerate(QUESTIONS):
        chat = {"messages": [{"role": "user", "content": words}], "max_tokens": 24, "temperature": 0}
        app, node = (("editor", "draft"), ("mail", "summary"))[number % 3 == 2]
        headers = (("Modelhub-App", f"{app}/1.0"), ("Modelhub-Node", node))
        asked(daemon, "/v1/chat/completions", chat | {"model": "aviary/lark-20m"}, *headers)
    until(lambda: asked(daemon, f"/api/v1/trials/{trial}")["counts"]["pairs"] == len(QUESTIONS))


def asked(daemon: RunningDaemon, path: str, body: Any = None, *headers: tuple[str, str]) -> Any:
    """What the daemon answers, which must be no refusal."""
    content = None if body is None else json.dumps(body).encode()
    answer = over_socket(daemon.socket, "GET" if body is None else "POST", path, content, *headers)
    assert answer.status < 300, answer.body
    return answer.json


def until(true: Callable[[], object], within_s: float = 90) -> None:
    """Wait for it, with a limit."""
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.1)
