"""The people, machines and programs of the registry's demo, and how a step of it is shown."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fakes.origin import Origin
from tests.fakes.registered import registered
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.running import still_running

COMMAND_S = 60
END_S = 15


class Stopped(Exception):
    """A command answered what the demo does not expect."""


@dataclass(frozen=True, kw_only=True)
class Show:
    """Prints, in bold on a terminal only."""

    colour: bool

    def bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self.colour else text

    def tell(self, text: str) -> None:
        print(f"\n{self.bold(text)}", flush=True)

    def prompt(self, who: str, words: str) -> None:
        print(f"\n{self.bold(f'{who} $ {words}')}", flush=True)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, or a machine, at a shell of their own: `home` holds what the commands keep."""

    name: str
    home: Path
    show: Show
    settings: Mapping[str, str]

    def does(self, *words: str, code: int = 0, shown: str = "", given: str | None = None) -> None:
        """Run `modelhub …` as they would; `shown` is printed instead of its words, `given` is its input.

        Raises:
            Stopped: it answers another exit code than `code`.
        """
        self.show.prompt(self.name, f"modelhub {shown or ' '.join(map(quoted, words))}")
        done = self._run(words, given, capture=False)
        if done.returncode != code:
            raise Stopped(f"this command answered {done.returncode}, and not {code}")
        if code:
            print(f"(exit code {code})", flush=True)

    def asks(self, *words: str, given: str | None = None) -> str:
        """What such a command prints, without showing it.

        Raises:
            Stopped: it fails.
        """
        done = self._run(words, given, capture=True)
        if done.returncode:
            raise Stopped(f"modelhub {' '.join(words)} answered {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _run(
        self, words: tuple[str, ...], given: str | None, *, capture: bool
    ) -> "subprocess.CompletedProcess[str]":
        environ = {name: text for name, text in os.environ.items() if not name.startswith("MODELHUB_")}
        return subprocess.run(
            [program("modelhub"), *words],
            env=environ | {"MODELHUB_HOME": str(self.home)} | dict(self.settings),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=capture,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the demo plays on. Everything is below `root`; `models` is what the origin serves."""

    root: Path
    show: Show
    origin: str
    models: Path
    registry: RegistryProcess

    def person(self, name: str) -> Person:
        return Person(name=name, home=self.root / name, show=self.show, settings={})

    @contextlib.contextmanager
    def machine(self, name: str, token: str, trusted_root: Path) -> Iterator[Person]:
        """A machine with a running daemon that takes its catalog from the registry."""
        daemon = registered(
            self.root / name, registry=self.registry.url, root=trusted_root, token=token, origin=self.origin
        )
        try:
            daemon.start()
            yield Person(name=name, home=daemon.home, show=self.show, settings=daemon.environ)
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.stop()


@contextlib.contextmanager
def stage(root: Path, show: Show) -> Iterator[Stage]:
    """An origin and a registry that run, as real programs, until the end."""
    models = root / "files"
    models.mkdir()
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(Origin("--directory", str(models)))
        state = root / "registry"
        state.mkdir(mode=0o700)
        (state / "registry.toml").write_text(f'allow_origins = ["{origin.url}"]\nname = "registry.demo"\n')
        show.prompt("server", "modelhub-registry serve")
        registry = stack.enter_context(registry_process(state))
        print(f"It answers on {registry.url}; its keys and its database are in a folder of its own.")
        yield Stage(root=root, show=show, origin=origin.url, models=models, registry=registry)


def left_running(before: set[psutil.Process]) -> list[psutil.Process]:
    """Processes that were started since `before` and have not ended."""
    started = set(psutil.Process().children(recursive=True)) - before
    return still_running(started, within_s=END_S)


def program(name: str) -> str:
    """The installed program, as a person runs it."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


def quoted(word: str) -> str:
    """The word as a shell would need it."""
    return f'"{word}"' if " " in word else word
