"""Imports as people ask for them: over the API, through both clients and the command line."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from modelhub_cli.main import run
from modelhub_client import AsyncClient, InvalidRequest, NotFound
from modelhubd.wire.imports import ImportMode, ImportResult
from tests.crash.test_imports import ended
from tests.fakes.tiny_gguf import write_chat
from tests.integration.imports.tools import ollama, write
from tests.integration.imports.world import sha256
from tests.running import RunningDaemon, running_daemon

WEIGHTS, OTHER = b"weights of a tiny model", b"weights of another model"


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model in Ollama and one in a folder."""
    home = tmp_path_factory.mktemp("person")
    ollama(home / ".ollama/models", "tiny", "1b", model=WEIGHTS)
    ollama(home / ".ollama/models", "other", "1b", model=OTHER)
    write_chat(write(home / "Downloads/My Own-F16.gguf", b""))
    return home


@pytest.fixture(scope="module")
def daemon(person: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    home = tmp_path_factory.mktemp("imports") / "home"
    entries = [
        {
            "id": f"acme/{name}",
            "options": [
                {
                    "id": "gguf-q4",
                    "format": "gguf",
                    "files": [
                        {"name": f"{name}.gguf", "size_bytes": len(content), "sha256": sha256(content)}
                    ],
                }
            ],
        }
        for name, content in (("tiny", WEIGHTS), ("other", OTHER))
    ]
    write(home / "config/catalog.d/acme.json", json.dumps(entries).encode())
    settings = {"HOME": str(person), "MODELHUB_MODELS_RESERVE_BYTES": "0", "MODELHUB_SERVER_TCP": "false"}
    with running_daemon(home, settings) as running:
        yield running


def test_what_is_asked_wrongly_is_told(daemon: RunningDaemon) -> None:
    with pytest.raises(InvalidRequest):
        daemon.client.import_model()
    with pytest.raises(NotFound) as missing:
        daemon.client.import_model("/nothing/of/the/kind.gguf")
    assert missing.value.code == "path_not_found"
    with pytest.raises(NotFound):
        daemon.client.import_model(found="0" * 16)


def test_a_scan_lists_and_imports_by_number(
    daemon: RunningDaemon, person: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in daemon.environ.items():
        monkeypatch.setenv(name, value)
    assert run(["scan"]) == 0
    shown = capsys.readouterr()
    assert "tiny:1b" in shown.out
    assert "acme/tiny@1:gguf-q4" in shown.out
    answer = daemon.client.found()
    number = 1 + [item.name for item in answer.items].index("tiny:1b")
    assert run(["scan", "--import", str(number)]) == 0
    shown = capsys.readouterr()
    assert "acme/tiny" in shown.out + shown.err
    assert daemon.client.library(q="acme/tiny").items[0].source == "import"
    assert run(["scan", "--import", "99"]) != 0
    assert run(["scan", "--import", "all", "--mode", "reference"]) == 0
    (other,) = daemon.client.library(q="acme/other").items
    assert other.files[0].outside
    capsys.readouterr()
    assert run(["list", "acme/other"]) == 0
    assert "in place" in capsys.readouterr().out
    assert other.files[0].where == f"~/.ollama/models/blobs/sha256-{sha256(OTHER)}"
    capsys.readouterr()
    assert run(["scan", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scan"]["found"] == 2
    assert all(item["library_id"] for item in told["found"]["items"])
    assert run(["scan", "--import", "all"]) == 0


def test_a_file_is_imported_by_its_path(
    daemon: RunningDaemon, person: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in daemon.environ.items():
        monkeypatch.setenv(name, value)
    path = person / "Downloads/My Own-F16.gguf"
    before = path.stat()
    monkeypatch.chdir(person)
    assert run(["import", "Downloads/My Own-F16.gguf", "--mode", "copy"]) == 0
    assert "local/" in "".join(capsys.readouterr())
    (own,) = [item for item in daemon.client.library().items if item.model.startswith("local/")]
    assert daemon.client.model(own.model).source == "local"
    assert daemon.client.estimate(own.id).total_bytes > 0
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert run(["import", "Downloads/nothing.gguf"]) != 0
    assert "modelhub scan --import N" in "".join(capsys.readouterr())
    (person / "Downloads/half.gguf").write_bytes(path.read_bytes()[:5000])
    assert run(["import", "Downloads/half.gguf"]) != 0
    said = "".join(capsys.readouterr())
    assert "half.gguf: import failed: half.gguf cannot be used: it is cut off" in said
    assert "Nothing of it was taken" in said and "doctor" not in said
    assert run(["import", str(path)]) != 0, "it is there already"
    assert run(["import", str(path), str(path), "--as", "a/b"]) != 0


def test_the_asynchronous_client_can_do_the_same(daemon: RunningDaemon, person: Path) -> None:
    write(person / "again/tiny.gguf", WEIGHTS)
    for artifact in daemon.client.library(q="acme/tiny").items:
        daemon.client.remove(artifact.id)

    async def work() -> None:
        async with AsyncClient(environ=daemon.environ) as client:
            job = await client.import_model("~/again/tiny.gguf", mode=ImportMode.LINK)
            done = await asyncio.to_thread(ended, daemon.client, job)
            assert done.state == "completed", done
            (made,) = msgspec.convert(done.result, ImportResult).imported
            assert (made.model, made.recognised) == ("acme/tiny", True)
            assert [tool.tool for tool in (await client.found()).tools] == ["ollama"]

    asyncio.run(work())
    assert "import" in [job.kind for job in daemon.client.jobs().items]
