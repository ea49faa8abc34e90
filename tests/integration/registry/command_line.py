"""People who type `modelhub registry …`, each with a home and a token of their own."""

import asyncio
import io
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from modelhub_cli.main import run
from tests.fakes.registry import Person, Registry
from tests.fakes.terminal import Seen, on_terminal
from tests.forked import INHERITED

PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]


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
    def facts(self) -> dict[str, str]:
        """Names and values of stdout."""
        return {cells[0]: cells[1] for cells in self.rows}

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.out)


@dataclass(frozen=True, kw_only=True)
class Typist:
    """Signed in at `url` once `signs_in` has been called."""

    home: Path
    url: str
    token: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    async def types(self, *arguments: str, stdin: str = "") -> Ran:
        """`modelhub registry` with these arguments, in this process and without a terminal."""
        with self.monkeypatch.context() as patch:
            patch.setenv("MODELHUB_HOME", str(self.home))
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            self.capsys.readouterr()
            code = await asyncio.to_thread(run, ["registry", *arguments])
            seen = self.capsys.readouterr()
        return Ran(code=code, out=seen.out, err=seen.err)

    async def signs_in(self) -> Ran:
        return await self.types("login", self.url, stdin=f"{self.token}\n")

    async def sees(self, *arguments: str, typed: tuple[tuple[str, bytes], ...] = ()) -> Seen:
        """The same on a terminal, as a program of its own."""
        environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environ |= {"MODELHUB_HOME": str(self.home), "TERM": "xterm-256color"}
        return await asyncio.to_thread(
            on_terminal, [*PROGRAM, "registry", *arguments], environ, typed=typed, within_s=60
        )


Sits = Callable[[Person], Typist]
"""Gives a person a home to type in."""


def sits_at(
    registry: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sits:
    """Gives each person a home of their own below `folder`."""
    for variable in ("HF_TOKEN", "HF_ENDPOINT", "MODELHUB_CATALOG_REGISTRY_URL", "MODELHUB_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    numbers = itertools.count()

    def sit(person: Person) -> Typist:
        assert person.token is not None
        home = folder / f"home-{next(numbers)}"
        return Typist(home=home, url=registry.url, token=person.token, monkeypatch=monkeypatch, capsys=capsys)

    return sit


async def signed_in(typist: Typist) -> Typist:
    """The same person, signed in."""
    ran = await typist.signs_in()
    assert ran.code == 0, ran.err
    return typist
