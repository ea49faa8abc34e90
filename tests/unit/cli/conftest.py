"""The command run in this process, against a hub."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from modelhub_cli.main import run
from modelhubd.wire.base import Page
from tests.fakes import samples
from tests.fakes.hub import Answer, Hub, json_answer, running_hub
from tests.fakes.terminal import Seen, terminal_here


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The tab-separated cells of stdout."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def values(self) -> list[object]:
        """The JSON of each line of stdout."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


Modelhub = Callable[..., Ran]
OnTerminal = Callable[..., Seen]


def page_answer(*items: object) -> Answer:
    return json_answer(Page(items=items, total=len(items)))


@pytest.fixture
def modelhub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Modelhub:
    """`modelhub` with its arguments, stdout and stderr being no terminal."""
    monkeypatch.setenv("MODELHUB_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MODELHUB_DEBUG", raising=False)

    def call(*arguments: str) -> Ran:
        code = run(arguments)
        seen = capsys.readouterr()
        return Ran(code=code, out=seen.out, err=seen.err)

    return call


@pytest.fixture
def on_terminal(modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch) -> OnTerminal:
    """`modelhub` with its arguments, stdout and stderr being a terminal, which may be `columns` wide; other
    keywords are environment variables."""
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def call(*arguments: str, columns: int = 100, **environ: str) -> Seen:
        shown = bytearray()
        with monkeypatch.context() as patched, terminal_here(shown, columns=columns) as stream:
            for name, value in environ.items():
                patched.setenv(name, value)
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            code = run(arguments)
        return Seen(code=code, text=shown.decode("utf-8", "replace"))

    return call


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that says it is well and has one of each thing."""
    with running_hub(tmp_path / "run" / "modelhub.sock") as running:
        running.on("GET /api/v1/health", json_answer({"status": "ok"}))
        running.on("GET /api/v1/version", json_answer(samples.version()))
        running.on("GET /api/v1/status", json_answer(samples.status()))
        running.on("GET /api/v1/device", json_answer(samples.device()))
        running.on("GET /api/v1/catalog/models", json_answer(samples.page(samples.summary())))
        running.on("GET /api/v1/catalog/models/acme/tiny", json_answer(samples.detail()))
        running.on("GET /api/v1/downloads", page_answer(samples.download(done=300)))
        running.on("GET /api/v1/library", page_answer(samples.artifact()))
        running.on("GET /api/v1/servers", page_answer(samples.server()))
        yield running
