"""Loads, requests, kills and unloads for as long as patience lasts: nothing may be left of them.

`python -m tests.benchmarks soak --rounds 50 --seed 7` does fewer, and the same again.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.figures import ms, percentile, table
from tests.contract.world import World, a_world, entry, local_file, until
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ROOMY, write_chat
from tests.raw import over_socket
from tests.running import still_running

ROUNDS = 200
MODELS = 3
WARM_ROUNDS = 20
"""After which the daemon has what it keeps: caches, threads, the pools of its allocator."""
KILLED, FORGOTTEN = 0.15, 0.3
"""Of the rounds: those whose server is killed with -9, and those that leave it to the next load."""
DAEMON_KILLS = 3
MORE_BYTES = 16 * 1024**2
"""By which the daemon may have grown since it was warm: its logs and its allocator's moods."""
SETTINGS = {"ctx": ROOMY.n_ctx, "threads": 1}
CONFIG = {"MODELHUB_LLAMA_DRAIN_S": "0.2", "MODELHUB_LLAMA_MEMORY_BUDGET_BYTES": "300000000"}
"""Room for one of the models: another takes the place of one that is idle."""
SHORT = {"prompt": "x", "max_tokens": 4}
ENDLESS = {"prompt": "x", "max_tokens": 100_000, "stream": True, "ignore_eos": True}


@dataclass(frozen=True)
class Held:
    """What a daemon has in its hands."""

    children: int
    descriptors: int
    sockets: int
    threads: int
    rss_bytes: int


@dataclass
class Diary:
    """What was done, and how long it took in seconds."""

    ready: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    busy_stops: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    seen: set[psutil.Process] = field(default_factory=set)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures of `--rounds` loads (200); anything that is left behind is an error."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    asked = parser.parse_args(arguments)
    print(f"soak --rounds {asked.rounds} --seed {asked.seed}")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "origin"
        files.mkdir()
        for n in range(MODELS):
            write_chat(files / f"m{n}.gguf", shape=ROOMY, seed=n)
        with (
            Origin("--directory", str(files)) as origin,
            a_world(Path(folder) / "home", origin, **CONFIG) as world,
        ):
            world.list_locally(
                *(entry(f"soak/m{n}", local_file(files / f"m{n}.gguf", origin)) for n in range(MODELS))
            )
            for n in range(MODELS):
                world.download(f"soak/m{n}", until="completed")
            report(*soak(world, asked.rounds, random.Random(asked.seed)))


def soak(world: World, rounds: int, chance: random.Random) -> tuple[Diary, Held, Held]:
    """(what happened, what the daemon held once it was warm, what it held at the end)"""
    diary = Diary()
    for _ in range(DAEMON_KILLS):
        one_round(world, diary, chance, keep=True)
        kill_the_daemon(world, diary)
    for _ in range(min(WARM_ROUNDS, rounds // 2)):
        one_round(world, diary, chance)
    warm = at_rest(world, diary)
    while diary.events["loads"] < rounds:
        one_round(world, diary, chance)
    return diary, warm, at_rest(world, diary)


def one_round(world: World, diary: Diary, chance: random.Random, *, keep: bool = False) -> None:
    """A load, some requests, perhaps a kill, and most times an unload."""
    model = f"soak/m{chance.randrange(MODELS)}"
    if chance.random() < KILLED:
        killed_while_loading(world, diary, chance, model)
    others = {server["id"] for server in world.walk("/servers", 200) if server["state"] == "ready"}
    began = time.perf_counter()
    answer = world.ask("POST", "/servers", {"library_id": model, "settings": SETTINGS}, wait="ready")
    took = time.perf_counter() - began
    assert answer.status == 200, answer.body.decode()
    server = answer.json
    evicted = others - {found["id"] for found in world.walk("/servers", 200)}
    diary.events["servers that made room"] += len(evicted)
    process = psutil.Process(server["pid"])
    if process not in diary.seen:
        if not evicted:
            diary.ready.append(took)
        diary.events["loads"] += 1
        diary.seen.add(process)
        if len(diary.ready) % 4 == 1:
            diary.alone.append(alone(world, process))
    for _ in range(chance.randrange(3)):
        request(world, diary, model)
    if keep or chance.random() < FORGOTTEN:
        return
    busy = chance.random() < 0.3
    with endless(world, model) if busy else contextlib.nullcontext():
        if chance.random() < KILLED:
            kill(server["pid"])
            diary.events["servers killed while they served"] += 1
            until(lambda: state_of(world, server["id"]), lambda state: state in ("failed", None))
        began = time.perf_counter()
        stopped = world.ask("DELETE", f"/servers/{server['id']}")
        (diary.busy_stops if busy else diary.stops).append(time.perf_counter() - began)
    assert stopped.status in (200, 404), stopped.body.decode()
    diary.events["unloads"] += 1


def killed_while_loading(world: World, diary: Diary, chance: random.Random, model: str) -> None:
    """A load whose server is killed at any moment of it."""
    begun = world.ask("POST", "/servers", {"library_id": model, "settings": SETTINGS})
    assert begun.status == 202, begun.body.decode()
    time.sleep(chance.random() * 0.4)
    if pid := world.get(f"/servers/{begun.json['id']}")["pid"]:
        diary.seen.add(psutil.Process(pid))
        kill(pid)
        diary.events["servers killed at any moment of a load"] += 1
        until(lambda: state_of(world, begun.json["id"]), lambda state: state == "failed")


def request(world: World, diary: Diary, model: str) -> None:
    """One completion through the gateway."""
    body = json.dumps({"model": model, **SHORT}).encode()
    status = over_socket(world.daemon.socket, "POST", "/v1/completions", body).status
    diary.events[f"requests answered with {status}"] += 1


@contextlib.contextmanager
def endless(world: World, model: str) -> Any:
    """A client that reads an answer without an end, as long as the block runs."""
    body = json.dumps({"model": model, **ENDLESS}).encode()

    def read() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            over_socket(world.daemon.socket, "POST", "/v1/completions", body)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.02)
    yield
    reader.join(30)
    assert not reader.is_alive()


def alone(world: World, process: psutil.Process) -> float:
    """Seconds until the same program on the same model answers without a daemon."""
    words, environ = process.cmdline(), process.environ()
    path = world.daemon.home / "run" / "alone.sock"
    words[words.index("--host") + 1] = str(path)
    began = time.perf_counter()
    with subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    ) as server:
        until(lambda: answers(path), bool)
        took = time.perf_counter() - began
        server.kill()
    path.unlink(missing_ok=True)
    return took


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return over_socket(path, "GET", "/health").status == 200
    return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def state_of(world: World, server_id: str) -> str | None:
    answer = world.ask("GET", f"/servers/{server_id}")
    return str(answer.json["state"]) if answer.status == 200 else None


def kill_the_daemon(world: World, diary: Diary) -> None:
    """kill -9; none of its servers may be there a little later, and it starts again."""
    children = psutil.Process(world.daemon.pid).children(recursive=True)
    world.daemon.kill()
    assert not still_running(children, within_s=10), "a server outlived its daemon"
    world.daemon.start()
    diary.events["daemons killed"] += 1


def at_rest(world: World, diary: Diary) -> Held:
    """What the daemon holds once all is unloaded; whatever it ever started is gone by then."""
    for server in world.walk("/servers", 200):
        world.ask("DELETE", f"/servers/{server['id']}")
    assert not still_running(diary.seen, within_s=10), "a server was left behind"
    daemon = psutil.Process(world.daemon.pid)
    sockets = [path.name for path in (world.daemon.home / "run").iterdir() if path.is_socket()]
    until(lambda: len(daemon.net_connections("unix")), lambda count: count <= 4)
    return Held(
        children=len(daemon.children(recursive=True)),
        descriptors=daemon.num_fds(),
        sockets=len(sockets),
        threads=daemon.num_threads(),
        rss_bytes=daemon.memory_info().rss,
    )


def report(diary: Diary, warm: Held, rested: Held) -> None:
    """Print everything.

    Raises:
        AssertionError: the daemon holds more than when it was warm.
    """
    beyond = statistics.median(diary.ready) - statistics.median(diary.alone)
    rows = [
        [name, str(len(taken)), ms(statistics.median(taken)), ms(percentile(taken, 0.95)), ms(max(taken))]
        for name, taken in (
            ("POST to ready", diary.ready),
            ("the program alone", diary.alone),
            ("unload", diary.stops),
            ("unload while it generates (drain 0.2 s)", diary.busy_stops),
        )
        if taken
    ]
    print(table("Times", ["", "times", "median", "95 %", "worst"], rows))
    print(f"  POST to ready beyond the server's own load, medians: {ms(beyond)}\n")
    print(table("Done", ["", ""], [[name, str(count)] for name, count in sorted(diary.events.items())]))
    held = [
        ["children", str(warm.children), str(rested.children)],
        ["descriptors", str(warm.descriptors), str(rested.descriptors)],
        ["sockets in its folder", str(warm.sockets), str(rested.sockets)],
        ["threads", str(warm.threads), str(rested.threads)],
        ["memory", f"{warm.rss_bytes / 1e6:.1f} MB", f"{rested.rss_bytes / 1e6:.1f} MB"],
    ]
    print(table("What the daemon holds with nothing loaded", ["", "warm", "at the end"], held))
    assert rested.children <= warm.children, "a process is left"
    assert rested.sockets <= warm.sockets, "a socket is left"
    assert rested.descriptors <= warm.descriptors + 2, "descriptors are left"
    assert rested.rss_bytes <= warm.rss_bytes + MORE_BYTES, "memory is left"
