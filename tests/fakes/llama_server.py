"""A program that answers as llama-server does, and misbehaves as it is told.

`install(folder, *faults)` makes an executable `llama-server` with these faults built in:

    silent           loads for ever without a word
    talking          loads for ever, with a line of log every 50 ms
    tells            as `talking`, and that it is half loaded
    dies_loading     writes an error and exits with 1
    dies_on_request  exits at the first completion
    killed           is killed by SIGKILL at the first completion
    ignores_term     goes on after SIGTERM
    waits_for_stdin  waits for the end of its stdin after SIGTERM, and tells of a second one
    forks            leaves a child that holds its pipes and ignores SIGTERM
    babbles          leaves a child, in a session of its own, that writes log for 20 s
    streams          answers with the request's "pieces", those after the first once the file "gate" is there,
                     and with a comment that tells the body's SHA-256
    floods           writes log without end once it is ready
    keeps_figures    never answers `/metrics`
    chats_only       has no routes but those of chats, and no figures
    hangs            accepts a completion and never answers; its slot stays where it is
    deaf             answers no `/slots` any more once a completion hangs
    mute             has no `/slots` and no `/metrics`
    advances         with `hangs`: its slot gets on all the while
    2023 … 2026      is a build of that year: tests/fakes/llama_options.py
    old              is one of 2024, without sockets
    grows            takes 700 MB more than anybody expects while it loads
    swells           does so at the first completion, which it never answers
"""

import argparse
import hashlib
import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.fakes.llama_options import refusal, version_and_help


def install(folder: Path, *faults: str) -> Path:
    """An executable `llama-server` in `folder` that has these faults."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "llama-server"
    root = Path(__file__).parents[2]
    run = f"{sys.executable} -m tests.fakes.llama_server {','.join(faults) or 'none'}"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {run} "$@"\n')
    program.chmod(0o755)
    return program


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: frozenset[str] = frozenset()
    ready = True
    working = False
    key = ""

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # the base class calls it so
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200 if self.ready else 503, {"status": "ok" if self.ready else "loading"})
        elif self.key and self.headers.get("Authorization") != f"Bearer {self.key}":
            self.answer(401, {"error": {"message": "Invalid API Key"}})
        elif self.path in ("/slots", "/metrics") and "mute" in self.faults:
            self.answer(501, {"error": {"message": "This server does not support it."}})
        elif self.path == "/metrics":
            self.tell_figures()
        elif self.path == "/slots":
            if Handler.working and "deaf" in self.faults:
                time.sleep(600)
            decoded = time.monotonic_ns() if "advances" in self.faults else 1
            slot = {"id": 0, "is_processing": Handler.working, "next_token": [{"n_decoded": decoded}]}
            self.answer(200, [slot])
        else:
            self.answer(200, {"build_info": "fake"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "dies_on_request" in self.faults:
            os._exit(1)
        if "killed" in self.faults:
            os.kill(os.getpid(), signal.SIGKILL)
        if "hangs" in self.faults:
            Handler.working = True
            time.sleep(600)
        if "swells" in self.faults:
            swell()
        if "chats_only" in self.faults and "chat" not in self.path:
            self.answer(404, {"error": {"message": "File Not Found", "code": 404}})
        elif "streams" in self.faults:
            self.stream(body)
        else:
            self.answer(200, {"choices": [{"message": {"content": "fake"}}]})

    def tell_figures(self) -> None:
        if "chats_only" in self.faults:
            self.answer(501, {"error": {"message": "This server does not support metrics endpoint."}})
        elif "keeps_figures" in self.faults:
            time.sleep(600)
        elif "hangs" in self.faults:
            self.answer(200, {"always": "the same"})
        else:
            self.answer(200, {"endless": "x" * 1_000_000})

    def stream(self, body: bytes) -> None:
        asked = json.loads(body)
        digest = hashlib.sha256(body).hexdigest()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for n, piece in enumerate([*map(bytes.fromhex, asked["pieces"]), f": {digest}\n\n".encode()]):
            while n and not Path(asked["gate"]).exists():
                time.sleep(0.01)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main() -> None:
    faults = frozenset(sys.argv[1].split(","))
    arguments = sys.argv[2:]
    version, usage = version_and_help(faults)
    if "--version" in arguments:
        sys.stderr.write(f"{version}\n")
        return
    if "--help" in arguments:
        sys.stdout.write(usage)
        return
    if refused := refusal(usage, arguments):
        sys.exit(refused)
    if "--list-devices" in arguments:
        sys.stdout.write("Available devices:\n  (none)\n")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=0)
    asked, _ = parser.parse_known_args(arguments)
    misbehave(faults)
    Handler.faults = faults
    Handler.key = os.environ.get("LLAMA_API_KEY", "")
    Handler.ready = not faults & {"talking", "silent", "tells"}
    server = (
        UnixServer(asked.host, Handler)
        if asked.host.endswith(".sock")
        else http.server.ThreadingHTTPServer((asked.host, asked.port), Handler)
    )
    sys.stderr.write("0.00.1 I srv init: listening\n")
    sys.stderr.flush()
    if "floods" in faults:
        threading.Thread(target=flood, daemon=True).start()
    server.serve_forever()


def misbehave(faults: frozenset[str]) -> None:
    if "ignores_term" in faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "waits_for_stdin" in faults:
        signal.signal(signal.SIGTERM, terminated)
    if "dies_loading" in faults:
        sys.stderr.write("0.00.1 E load: error loading model: missing tensor 'output.weight'\n")
        sys.exit(1)
    if "forks" in faults and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    if "babbles" in faults and os.fork() == 0:
        os.setsid()
        signal.alarm(120)
        flood()
    if "grows" in faults:
        swell()
    if "tells" in faults:
        payload = {"stages": ["text_model"], "current": "text_model", "value": 0.5}
        told = json.dumps({"state": "loading", "payload": payload})
        sys.stdout.write(f"cmd_child_to_router:state:{told}\n")
        sys.stdout.flush()
    if faults & {"talking", "tells"}:
        threading.Thread(target=talk, daemon=True).start()


def swell() -> None:
    ballast = bytearray(700_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    time.sleep(600)


def terminated(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, terminated_again)
    sys.stdin.read()
    os._exit(0)


def terminated_again(number: int, frame: object) -> None:
    os.write(2, b"terminated again\n")
    os._exit(1)


def talk() -> None:
    while True:
        sys.stderr.write("0.00.1 I still loading\n")
        sys.stderr.flush()
        time.sleep(0.05)


def flood() -> None:
    line = b"x" * 4000 + b"\n"
    while True:
        os.write(2, line * 16)


if __name__ == "__main__":
    main()
