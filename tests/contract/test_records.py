"""Records of a whole daemon: what leaves the gateway is remembered, and nothing of what was said."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelhub_client import Client
from tests.contract.recorded_daemon import VARIABLE
from tests.contract.world import World, checked, entry, local_file, until
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE
from tests.raw import Answer, over_socket
from tests.running import RunningDaemon, running_daemon
from tests.stream import Stream

CHAT = "tests/chat"
ALIAS = "canary-alias"
HELLO = [{"role": "user", "content": "Who are you?"}]
CANARIES = {
    "a prompt": "canary-prompt", "a system prompt": "canary-system", "tool arguments": "canary-argument",
    "a tool's answer": "canary-result", "a file name": "canary-file.pdf", "a user's name": "canary-user",
    "the name of one who speaks": "canary-speaker", "metadata": "canary-metadata", "a model's alias": ALIAS,
    "an answer": SENTENCE.removeprefix("Hello from "), "a stop word": "canary-stop",
    "a schema": "canary-schema",
}  # fmt: skip


class Recorded(RunningDaemon):
    """A daemon that writes down whom it connects to."""

    program = "tests.contract.recorded_daemon"

    @property
    def connected(self) -> list[str]:
        """Whom, line by line, the newest last."""
        return Path(self.environ[VARIABLE]).read_text().splitlines()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, origin: Origin, model_files: Path) -> Iterator[World]:
    home = tmp_path_factory.mktemp("records") / "home"
    settings = {
        "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
        "MODELHUB_LLAMA_ALIASES": f"{ALIAS}={CHAT},canary-absent=tests/absent",
        VARIABLE: str(home.with_name("connections")),
    }  # fmt: skip
    with running_daemon(home, settings, kind=Recorded) as daemon:
        running = World(daemon, origin)
        running.list_locally(entry(CHAT, local_file(model_files / "chat.gguf", origin)))
        running.download(CHAT, until="completed")
        running.post("/servers", {"library_id": CHAT, "settings": {"ctx": 2048, "threads": 1}}, wait="ready")
        yield running


def ask(world: World, path: str, body: Any, **headers: str) -> Answer:
    content = (
        body if isinstance(body, bytes) else json.dumps({"model": CHAT, "temperature": 0} | body).encode()
    )
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return over_socket(world.daemon.socket, "POST", path, content, *named)


def chat(world: World, **body: Any) -> Answer:
    return ask(world, "/v1/chat/completions", {"messages": HELLO} | body)


def test_an_answers_header_leads_to_its_record_and_to_feedback(world: World) -> None:
    answer = ask(
        world, "/v1/chat/completions", {"messages": HELLO, "stream": True, "logprobs": True},
        Modelhub_App="editor/2.1", Modelhub_Node="draft",
    )  # fmt: skip
    record_id = answer.headers["modelhub-record"]
    found = world.get(f"/records/{record_id}")
    record = found["record"]
    assert found["content"] is None
    assert (record["app"], record["app_version"], record["node"], record["model"]) == (
        "editor",
        "2.1",
        "draft",
        CHAT,
    )
    assert (record["outcome"], record["finish_reason"], record["completion_tokens"]) == ("pass", "stop", 8)
    assert (
        record["server_build"] and len(record["settings_digest"]) == 16 and len(record["option_digest"]) == 64
    )
    assert 0.9 < record["confidence"] <= 1
    assert 0 < record["ttft_s"] <= record["latency_s"]
    marked = world.post(f"/records/{record_id}/feedback", {"mark": "bad", "reason": "wrong"})
    assert (marked["mark"]["value"], marked["mark"]["reason"]) == ("bad", "wrong")
    assert world.get("/records", app="editor")["items"] == [marked]
    refused = ask(world, "/v1/chat/completions", {"model": "tests/nothing", "messages": HELLO})
    missing = world.get(f"/records/{refused.headers['modelhub-record']}")["record"]
    assert (missing["outcome"], missing["model"]) == ("fail", None)
    world.refused("POST", "/records/nothing/feedback", 404, {"mark": "good"})
    world.refused("POST", f"/records/{record_id}/feedback", 422, {"mark": "splendid"})
    world.refused("GET", "/records/stats", 422, by="weather")
    assert refused.headers["modelhub-record"] > record_id


def test_both_kinds_of_client_method_and_the_command_line_show_the_same(world: World) -> None:
    chat(world)
    client = Client(environ=world.daemon.environ)
    listed = client.records(model=CHAT, limit=1).items[0]
    assert client.record(listed.id).record == listed
    assert client.record_stats("model").groups[0].key == CHAT
    assert client.record_series(step="minute").lines[0].points
    assert client.mark_record(listed.id, "good").mark is not None
    shown = modelhub(world, "records", "list", "--model", CHAT, "-n", "1", "--since", "1h")
    assert shown.split("\t")[0] == listed.id
    assert "outcome\tpass" in modelhub(world, "records", "show", listed.id)
    assert modelhub(world, "records", "stats", "--by", "version").startswith(f"{CHAT}@1:gguf-q4\t")
    assert modelhub(world, "records", "mark", listed.id, "none").strip() == listed.id


def modelhub(world: World, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "modelhub_cli.main", *arguments], env=world.daemon.environ,
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout


def test_what_is_deleted_is_gone(world: World) -> None:
    record_id = ask(world, "/v1/chat/completions", {"messages": HELLO}, Modelhub_App="brief/1.0").headers[
        "modelhub-record"
    ]
    modelhub(world, "records", "purge", code=2)
    modelhub(world, "records", "purge", "--app", "brief", code=2)  # nobody is there to be asked
    assert modelhub(world, "records", "purge", "--app", "brief", "--yes").strip() == "1"
    world.refused("GET", f"/records/{record_id}", 404)
    world.refused("POST", "/records/purge", 422, {})
    world.refused("POST", "/records/purge", 422, {"before": "yesterday"})


def test_content_audit_is_shown_wherever_records_are(world: World) -> None:
    assert modelhub(world, "records", "audit", "--keep", "preview", "--node", "audited", "--days", "2")
    answer = ask(world, "/v1/chat/completions", {"messages": HELLO}, Modelhub_Node="audited")
    record_id = answer.headers["modelhub-record"]
    found = world.get(f"/records/{record_id}")
    assert (found["content"]["request"], found["content"]["answer"]) == ("Who are you?", SENTENCE)
    assert world.get("/records", node="audited")["items"][0]["content"] == "preview"
    rule = {"keep": "preview", "node": "audited", "app": None, "model": None, "max_age_days": 2}
    assert world.get("/status")["records"]["audit"] == [rule]
    assert world.get("/state", topics="records")["state"]["records"]["audit"] == [rule]
    assert "content_kept\tpreview audited" in modelhub(world, "status")
    assert "content kept" in modelhub(world, "doctor", code=0)
    world.refused("PUT", "/records/audit", 422, {"rules": [{"keep": "whole"}]})
    assert modelhub(world, "records", "audit", "--off", "--node", "audited") == ""
    assert world.get(f"/records/{record_id}")["content"] is None


def canary_requests(world: World) -> list[Answer]:
    """Everything that an application may say, said with canaries in it; the answers that are errors."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x":"canary-argument"}'}}
    talk = [
        {"role": "system", "content": "canary-system"},
        {"role": "user", "name": "canary-speaker", "content": "canary-prompt"},
        {"role": "assistant", "content": "canary-prompt", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "canary-result"},
    ]
    said = {"user": "canary-user", "metadata": {"m": "canary-metadata"}, "stop": ["canary-stop"]}
    file = [{"type": "file", "file": {"filename": "canary-file.pdf", "file_data": "canary-prompt"}}]
    tool = {"type": "function", "function": {"name": "f", "description": "canary-argument"}}
    schema = {
        "type": "json_schema",
        "json_schema": {"name": "canary-schema", "schema": {"type": "canary-schema"}},
    }
    plain = talk[:2]
    asked: list[tuple[str, Any]] = [
        ("/v1/chat/completions", {"model": ALIAS, "messages": plain} | said),
        ("/v1/chat/completions", {"model": ALIAS, "messages": plain, "stream": True, **said}),
        ("/v1/chat/completions", {"messages": talk} | said),
        ("/v1/chat/completions", {"messages": plain, "tools": [tool], "stream": True} | said),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": file}]}),
        ("/v1/chat/completions", {"messages": plain, "response_format": schema}),
        ("/v1/chat/completions", {"messages": "canary-prompt"}),
        ("/v1/chat/completions", {"messages": plain, "max_tokens": "canary-prompt"}),
        ("/v1/chat/completions", b'{"model":"canary-alias","messages":["canary-prompt"'),
        ("/v1/chat/completions", {"model": "canary-absent", "messages": plain}),
        ("/v1/completions", {"prompt": "canary-prompt", "max_tokens": 10}),
        ("/v1/embeddings", {"input": "canary-prompt"}),
        ("/v1/rerank", {"query": "canary-prompt", "documents": ["canary-result"]}),
        ("/v1/messages", {"system": "canary-system", "messages": plain[1:], "max_tokens": 20,
                          "metadata": {"user_id": "canary-user"}}),
        ("/v1/responses", {"instructions": "canary-system", "input": "canary-prompt"}),
        ("/v1/tokenize", {"content": "canary-prompt"}),
        ("/v1/apply-template", {"messages": plain}),
    ]  # fmt: skip
    answers = [ask(world, path, body) for path, body in asked]
    assert sum(answer.status == 200 for answer in answers) >= 8
    assert SENTENCE.encode() in answers[0].body
    return [answer for answer in answers if answer.status != 200]


def test_no_canary_is_found_anywhere(world: World) -> None:
    stream = Stream(world.daemon.socket)
    frames = stream.until("ready")
    errors = canary_requests(world)
    for _ in range(12):
        ask(world, "/v1/completions", {"prompt": "canary-prompt", "max_tokens": 2, "user": "canary-user"})
    # llama-server tells whoever asked what is wrong with a schema
    places = {
        f"error {n}": answer.body.replace(b"type canary-schema", b"") for n, answer in enumerate(errors)
    }
    for path in (
        "/records",
        "/records/stats",
        "/records/series",
        "/status",
        "/state",
        "/servers",
        "/library/jobs",
    ):
        places[path] = world.ask("GET", path).body
    places["/metrics"] = world.ask("GET", "/metrics").body
    assert b"modelhub_gateway_requests_total" in places["/metrics"]
    preview = world.post("/records/export/preview", {"k": 2})
    assert preview["whole"] and preview["rows"] > 10
    written = world.post("/records/export", {"preview": preview["id"]}, status=201)
    state = world.daemon.home / "state"
    assert (state / "exports" / written["name"]).read_text() == preview["text"]
    assert (state / "exports" / written["name"]).stat().st_mode & 0o777 == 0o600
    world.refused("POST", "/records/export", 404, {"preview": preview["id"]})
    world.post("/records/export/preview", {"k": 2, "name_models": True})
    checked(world.ask("PUT", "/records/audit", {"rules": []}), 200)
    frames += stream.until("record.audit")
    stream.close()
    assert {"record.stats", "server.load"} <= {kind for _, kind, _ in frames}
    places["events"] = repr(frames).encode()
    places["log"] = world.daemon.log_file.read_bytes()
    places |= {str(file.relative_to(state)): file.read_bytes() for file in state.rglob("*") if file.is_file()}
    assert {"records.db", "modelhub.db"} <= places.keys() and any(name.startswith("logs/") for name in places)
    found = [
        (what, place)
        for what, canary in CANARIES.items()
        for place, content in places.items()
        if canary.encode() in content
    ]
    assert found == []
    assert tuple(preview["fields"]) == tuple(json.loads(preview["text"])["rows"][0])


def test_an_export_is_shown_and_written_only_when_asked(world: World, tmp_path: Path) -> None:
    before = sorted((world.daemon.home / "state/exports").glob("*"))
    for _ in range(500):
        ask(world, "/v1/completions", {"model": "tests/nothing", "prompt": "x"})
    shown = modelhub(world, "records", "export", "--k", "5")
    assert json.loads(shown)["k"] == 5
    assert len(json.loads(shown)["rows"]) >= 500, "all of it, however long"
    assert sorted((world.daemon.home / "state/exports").glob("*")) == before
    target = tmp_path / "shared.json"
    modelhub(world, "records", "export", "--to", str(target), code=2)  # nobody is there to be asked
    assert not target.exists()
    modelhub(world, "records", "export", "--to", str(target), "--no-rows", "--yes")
    assert json.loads(target.read_text())["rows"] == []
    assert target.stat().st_mode & 0o777 == 0o600
    modelhub(world, "records", "export", "--to", str(target), "--yes", code=2)


def test_every_connection_ever_made_is_listed_over_restarts(world: World, origin: Origin) -> None:
    def of_origin() -> Any:
        found = [one for one in world.get("/status")["outbound"] if f"//{one['host']}" in origin.url]
        assert [one["purpose"] for one in found] == ["download"]
        return found[0]

    before = of_origin()
    assert before["connections"] >= 1 and before["first_at"] <= before["last_at"]
    world.daemon.stop()
    world.daemon.start()
    assert of_origin() == before
    world.list_locally(entry("tests/other", world.serve("other.gguf")), file="more")
    world.download("tests/other", until="completed")
    after = of_origin()
    assert after["connections"] > before["connections"] and after["first_at"] == before["first_at"]


INFERENCE: tuple[tuple[str, Any], ...] = (
    ("/v1/chat/completions", {"messages": HELLO}),
    ("/v1/chat/completions", {"messages": HELLO, "stream": True}),
    ("/v1/completions", {"prompt": "once", "max_tokens": 5}),
    ("/v1/messages", {"messages": HELLO, "max_tokens": 5}),
)


class Watched:
    """Looks every few milliseconds at the sockets of a process and of all that it has started, for those
    that were not there at the beginning."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.before = self._connections()
        self.found: set[tuple[str, str, str]] = set()
        """(program, own address, other address) of each connection over the network."""
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def __enter__(self) -> "Watched":
        self._looking.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._ended.wait(0.003):
            self.found |= self._connections() - self.before

    def _connections(self) -> set[tuple[str, str, str]]:
        found = set()
        for process in (self._root, *self._root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                found |= {
                    (process.name(), str(one.laddr), str(one.raddr))
                    for one in process.net_connections("inet")
                    if tuple(one.raddr)
                }
        return found


def test_inference_looks_nobody_up_and_connects_to_sockets_of_its_own_alone(world: World) -> None:
    """Where there are no network namespaces this is what shows it: the daemon's process tells each connection
    that it makes, and those of its children are looked at again and again."""
    assert isinstance(world.daemon, Recorded)
    before = len(world.daemon.connected)
    with Watched(world.daemon.pid) as watched:
        loaded = world.post("/servers", {"library_id": CHAT, "settings": {"ctx": 512, "threads": 1},
                                         "name": "recorded"}, wait="ready")  # fmt: skip
        for path, body in INFERENCE:
            assert ask(world, path, body | {"model": "recorded"}).status == 200
    made = world.daemon.connected[before:]
    assert made and all(line.startswith("AF_UNIX ") and ".sock" in line for line in made), made
    assert watched.found == set()
    world.ask("DELETE", f"/servers/{loaded['id']}")
    slow = world.serve("slow.gguf", {"rate": 40_000})
    world.list_locally(entry("tests/slow", slow), file="slow")
    with Watched(world.daemon.pid) as watched:
        world.download("tests/slow", until="completed")
    assert watched.before | watched.found, "what does connect, or is connected still, is seen"


NETWORK = "ip link set lo up && ip route add default dev lo && ip -6 route add default dev lo"
"""Everything that is sent to anywhere comes to the loopback device, and is counted there."""


def sent(pid: int) -> int:
    """Packets that a process, and all others in its network namespace, have sent to anywhere."""
    _, _, loopback = Path(f"/proc/{pid}/net/dev").read_text().partition("lo:")
    return int(loopback.split()[9])


class Alone(RunningDaemon):
    """A daemon in a network namespace of its own, in which there is no way out."""

    def spawn(self) -> "subprocess.Popen[bytes]":
        command = f'{NETWORK} && exec "$0" -m {self.program}'
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "-rn", "sh", "-c", command, sys.executable], env=self.environ,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self.process


def has_namespaces() -> bool:
    tried = subprocess.run(["unshare", "-rn", "sh", "-c", NETWORK], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(sys.platform != "linux" or not has_namespaces(), reason="no network namespaces here")
def test_inference_connects_to_nothing(world: World) -> None:
    world.daemon.stop()
    environ = {name: value for name, value in world.daemon.environ.items() if name != VARIABLE}
    alone = Alone(world.daemon.home, environ | {"MODELHUB_SERVER_TCP": "false"})
    try:
        alone.start()
        inside = World(alone, world.origin)
        settled = until(lambda: inside.get("/status"), lambda found: found["catalog"]["models"] > 0)
        before = sent(alone.pid)
        for path, body in INFERENCE:
            assert ask(inside, path, body).status == 200
        assert inside.get("/records", limit=1)["total"] >= 4
        assert sent(alone.pid) == before == 0
        assert inside.get("/status")["outbound"] == settled["outbound"]
        inside.list_locally(entry("tests/away", inside.serve("away.gguf")), file="away")
        inside.download("tests/away")
        assert until(lambda: sent(alone.pid), lambda found: found > 0), "what does connect is seen"
    finally:
        if alone.process is not None and alone.process.poll() is None:
            alone.kill()
