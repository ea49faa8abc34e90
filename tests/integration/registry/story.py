"""What stories are made of: people, three templates and two machines beside a registry that runs."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client, ProblemError, RegistryClient
from tests import forked
from tests.contract.world import until
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin
from tests.fakes.registered import registered
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.fakes.registry_template import Place
from tests.fakes.tiny_gguf import write_chat
from tests.running import RunningDaemon

CHAT, EMBED, CODE = MODELS = ("acme/chat", "acme/embed", "acme/code")
TEMPLATES = {"desk": (CHAT,), "search": (CHAT, EMBED), "factory": MODELS}
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Story:
    """Who is in it. `people` are clients by name: `admin`, `author`, `reviewer`."""

    registry: RegistryProcess
    origin: Origin
    files: Path
    machines: tuple[RunningDaemon, ...]
    people: dict[str, RegistryClient]
    author_home: Path

    def synced(self) -> None:
        """Both machines have taken the newest catalog, the very same one."""
        found = [machine.client.sync_catalog(wait=True) for machine in self.machines]
        assert [info.last_error for info in found] == [None, None]
        assert [info.source for info in found] == ["registry", "registry"]
        assert len({info.revision for info in found}) == 1
        alarms = [info.audit and info.audit.alarm for info in found]
        assert alarms == [None, None]

    def badges_are(self, **expected: bool) -> None:
        """On both machines and, while it answers, at the registry itself."""
        for machine in self.machines:
            templates = machine.client.governance_templates()
            assert templates.as_of.source == "registry"
            assert {item.id: item.compliant for item in templates.items} == expected
        if self.registry.process is not None and self.registry.process.poll() is None:
            known = self.people["admin"].every_template()
            assert {item.id: item.compliant for item in known} == expected

    def stand(self, **expected: str) -> None:
        """How models stand on both machines: by the last part of their ids."""
        for machine in self.machines:
            found = machine.client.governance_check([f"acme/{name}" for name in expected])
            assert {item.model.split("/")[1]: item.code.value for item in found.items} == expected

    def every(self, act: Any) -> list[Any]:
        """What `act` gives for each machine's client."""
        return [act(machine.client) for machine in self.machines]

    def every_refuses(self, act: Any, *codes: str) -> None:
        """Both machines refuse `act` with one of these codes."""
        for machine in self.machines:
            with pytest.raises(ProblemError) as refused:
                act(machine.client)
            assert refused.value.code in codes, refused.value.problem


@contextlib.contextmanager
def begun(tmp_path: Path, place: Place) -> Iterator[Story]:
    """A registry in `place` that serves its seed, and everybody ready to begin."""
    files = tmp_path / "files"
    files.mkdir()
    for seed, model in enumerate(MODELS):
        write_chat(files / f"{model.split('/')[1]}-f16.gguf", seed=seed)
    binary = install(tmp_path / "bin")
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(Origin("--directory", str(files)))
        (place.state_dir / "registry.toml").write_text(f'allow_origins = ["{origin.url}"]\n')
        registry = stack.enter_context(registry_process(place.state_dir, place.url))
        admin = stack.enter_context(RegistryClient(registry.url, token=place.tokens["admin"]))
        for name, models in TEMPLATES.items():
            admin.put_template(name, name=name, models=models)

        def token(name: str, *scopes: str) -> str:
            return admin.create_token(name, scopes, expires_in_s=DAY_S).token

        tokens = {
            "author": token("author", "publish:acme", "review"),
            "reviewer": token("reviewer", "review"),
        }
        root = tmp_path / "root.json"
        root.write_bytes(place.first_root)
        machines = tuple(
            registered(
                tmp_path / name, registry=registry.url, root=root, token=token(name, "read"),
                origin=origin.url, settings={"MODELHUB_LLAMA_BINARY": str(binary)},
            )
            for name in ("laptop", "desktop")
        )  # fmt: skip
        for machine in machines:
            stack.callback(_ended, machine)
            machine.start()
        people = {
            name: stack.enter_context(RegistryClient(registry.url, token=text))
            for name, text in tokens.items()
        }
        author_home = tmp_path / "author"
        command(author_home, "registry", "login", registry.url, given=tokens["author"])
        yield Story(
            registry=registry, origin=origin, files=files, machines=machines,
            people=people | {"admin": admin}, author_home=author_home,
        )  # fmt: skip


def _ended(machine: RunningDaemon) -> None:
    if machine.process is not None and machine.process.poll() is None:
        machine.stop()


def command(home: Path, *words: str, given: str | None = None) -> str:
    """What `modelhub` prints, run by somebody with this home."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MODELHUB_")}
    done = forked.run("modelhub_cli.main", words, environ | {"MODELHUB_HOME": str(home)}, given=given or "")
    assert done.returncode == 0, done.stderr
    return done.stdout


def download(client: Client, model: str) -> None:
    """Until it is installed."""
    made = client.create_download(model, force=True)
    found = until(lambda: client.download(made.id), lambda download: download.state.ended)
    assert found.state == "completed", found


def unloads(client: Client, model: str) -> None:
    """By itself: what runs and is forbidden by now."""

    def running() -> set[str]:
        return {server.model for server in client.servers().items if not server.state.ended}

    until(running, lambda models: model not in models)


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def entry_of(story: Story, model: str) -> dict[str, Any]:
    """What was published, as its author has it."""
    file = story.files / f"{model.split('/')[1]}-f16.gguf"
    written = story.author_home / "entry.json"
    command(
        story.author_home, "registry", "publish", str(file), "--id", model, "--url-base", story.origin.url,
        "--license", "Apache-2.0", "--capability", "chat", "--out", str(written),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(written.read_text())
    return found
