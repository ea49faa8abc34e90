"""The whole of it: two people and an administrator, three templates, two daemons, from publish to offline.

Everything is done through what people and programs use: the command line, the registry's client and the
daemons' API.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client, Conflict, NotFound, NotPermitted, ProblemError, RegistryClient
from modelhubd.wire.servers import ServerState
from tests.contract.world import until
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin
from tests.fakes.registered import registered
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.fakes.tiny_gguf import write_chat
from tests.running import RunningDaemon

CHAT, EMBED, CODE = MODELS = ("acme/chat", "acme/embed", "acme/code")
TEMPLATES = {"desk": (CHAT,), "search": (CHAT, EMBED), "factory": MODELS}
DAY_S = 86_400
REFUSED = "refused_by_policy"


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


@pytest.fixture
def story(tmp_path: Path, database_url: str) -> Iterator[Story]:
    files = tmp_path / "files"
    files.mkdir()
    for seed, model in enumerate(MODELS):
        write_chat(files / f"{model.split('/')[1]}-f16.gguf", seed=seed)
    binary = install(tmp_path / "bin")
    state = tmp_path / "registry"
    state.mkdir(mode=0o700)
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(Origin("--directory", str(files)))
        (state / "registry.toml").write_text(f'allow_origins = ["{origin.url}"]\n')
        registry = stack.enter_context(registry_process(state, database_url))
        admin = stack.enter_context(RegistryClient(registry.url, token=registry.create_admin()))
        admin.create_publisher("acme")
        for name, models in TEMPLATES.items():
            admin.put_template(name, name=name, models=models)

        def token(name: str, *scopes: str) -> str:
            return admin.create_token(name, scopes, expires_in_s=DAY_S).token

        tokens = {
            "author": token("author", "publish:acme", "review"),
            "reviewer": token("reviewer", "review"),
        }
        root = tmp_path / "root.json"
        root.write_text(registry.command("keys", "root", "--first").stdout)
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
        _command(author_home, "registry", "login", registry.url, given=tokens["author"])
        yield Story(
            registry=registry, origin=origin, files=files, machines=machines,
            people=people | {"admin": admin}, author_home=author_home,
        )  # fmt: skip


def _ended(machine: RunningDaemon) -> None:
    if machine.process is not None and machine.process.poll() is None:
        machine.stop()


def _command(home: Path, *words: str, given: str | None = None) -> str:
    """What `modelhub` prints, run by somebody with this home."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MODELHUB_")}
    done = subprocess.run(
        [sys.executable, "-m", "modelhub_cli.main", *words],
        env=environ | {"MODELHUB_HOME": str(home)},
        input=given, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(180)
def test_what_an_organisation_approves_is_what_its_machines_get_and_nothing_else(story: Story) -> None:
    nothing_is_served_yet(story)
    published = everything_is_published(story)
    nobody_approves_their_own(story, published)
    two_people_are_enough(story, published)
    machines_get_what_was_approved(story)
    downloads_are_counted(story)
    only_what_is_verified_where_that_is_the_policy(story)
    a_new_version_keeps_its_badge(story)
    what_is_withdrawn_runs_nowhere(story)
    the_log_holds(story)
    it_stays_so_offline(story)


def nothing_is_served_yet(story: Story) -> None:
    story.synced()
    story.badges_are(desk=False, search=False, factory=False)
    story.stand(chat="not_approved", embed="not_approved", code="not_approved")
    story.every_refuses(lambda client: client.create_download(CHAT), "model_not_found")


def everything_is_published(story: Story) -> dict[str, str]:
    """Each model by the command line, from its file; the digests of their contents."""
    found = {}
    for model in MODELS:
        file = story.files / f"{model.split('/')[1]}-f16.gguf"
        printed = _command(
            story.author_home, "registry", "publish", str(file), "--id", model,
            "--url-base", story.origin.url, "--license", "Apache-2.0", "--capability", "chat",
            "--json",
        )  # fmt: skip
        answer = json.loads(printed)
        assert (answer["version"], answer["status"]) == (1, "pending")
        assert not [issue for issue in answer["issues"] if issue["severity"] == "error"]
        found[model] = answer["content_sha256"]
    story.synced()
    story.stand(chat="not_approved", embed="not_approved", code="not_approved")
    story.every_refuses(lambda client: client.create_download(CHAT), "model_not_found")
    return found


def nobody_approves_their_own(story: Story, published: dict[str, str]) -> None:
    author, reviewer = story.people["author"], story.people["reviewer"]
    digest = published[CHAT]
    with pytest.raises(NotPermitted):
        author.decide(CHAT, 1, "approve", content_sha256=digest)
    with pytest.raises(Conflict):
        reviewer.decide(CHAT, 1, "approve", content_sha256="0" * 64)
    with pytest.raises(NotPermitted):
        reviewer.verify(CHAT)
    with pytest.raises(ProblemError):
        story.people["admin"].verify(CHAT)
    assert {review.version.model for review in reviewer.every_review()} == set(MODELS)


def two_people_are_enough(story: Story, published: dict[str, str]) -> None:
    reviewer = story.people["reviewer"]
    for model, digest in published.items():
        review = next(one for one in reviewer.every_review() if one.version.model == model)
        assert (review.served_version, review.blocked) == (None, False)
        assert review.version.content_sha256 == digest
        decided = reviewer.decide(model, 1, "approve", content_sha256=digest)
        assert (decided.status.value, decided.decided_by) == ("approved", "reviewer")
    assert not tuple(reviewer.every_review())


def machines_get_what_was_approved(story: Story) -> None:
    story.synced()
    story.stand(chat="approved", embed="approved", code="approved")
    story.badges_are(desk=False, search=False, factory=False)
    for machine in story.machines:
        for model in (CHAT, EMBED):
            _download(machine.client, model)
        found = machine.client.library().items
        kept = {artifact.model: artifact.files[0] for artifact in found}
        assert set(kept) == {CHAT, EMBED}
        for model, file in kept.items():
            assert file.sha256 == _digest(story.files / f"{model.split('/')[1]}-f16.gguf")
        assert machine.client.load(CHAT).state == ServerState.READY


def downloads_are_counted(story: Story) -> None:
    admin = story.people["admin"]
    until(lambda: admin.model(CHAT).counters.downloads, lambda count: count == 2)
    story.people["reviewer"].star(CHAT)
    for machine in story.machines:

        def counted(client: Client = machine.client) -> tuple[int, int]:
            client.sync_catalog(wait=True)
            counters = client.model(CHAT).counters
            return counters.downloads, counters.stars

        until(counted, lambda found: found == (2, 1))


def only_what_is_verified_where_that_is_the_policy(story: Story) -> None:
    admin = story.people["admin"]
    story.every(lambda client: client.change_policy(require_verified=True))
    story.stand(chat=REFUSED, embed=REFUSED, code=REFUSED)
    story.every_refuses(lambda client: client.load(EMBED), REFUSED)
    story.every_refuses(lambda client: client.create_download(CODE), REFUSED)
    for machine in story.machines:
        _unloads(machine.client, CHAT)
    expected = dict.fromkeys(TEMPLATES, False)
    for model, moved in ((CHAT, "desk"), (EMBED, "search"), (CODE, "factory")):
        changed = admin.verify(model)
        expected[moved] = True
        assert changed.changed
        assert {one.id: one.compliant for one in changed.templates}[moved]
        story.synced()
        story.badges_are(**expected)
    story.stand(chat="approved", embed="approved", code="approved")
    assert {server.state for server in story.every(lambda client: client.load(EMBED))} == {ServerState.READY}
    admin.unverify(EMBED)
    story.synced()
    story.badges_are(desk=True, search=False, factory=False)
    story.stand(chat="approved", embed=REFUSED, code="approved")
    story.every_refuses(lambda client: client.load(EMBED), REFUSED)
    admin.verify(EMBED)
    story.synced()
    story.badges_are(desk=True, search=True, factory=True)
    story.every(lambda client: client.load(EMBED))


def a_new_version_keeps_its_badge(story: Story) -> None:
    admin, author, reviewer = (story.people[name] for name in ("admin", "author", "reviewer"))
    before = _entry(story, CHAT)
    found = author.publish(
        CHAT,
        json.dumps(before | {"description": "It explains itself now.", "notes": "Better words."}).encode(),
        idempotency_key="second-version",
    )
    assert found.version == 2
    (review,) = reviewer.every_review()
    assert review.served_version == 1
    assert {change.pointer for change in review.changes} == {"/description", "/notes"}
    reviewer.decide(CHAT, 2, "approve", content_sha256=found.content_sha256)
    story.synced()
    story.badges_are(desk=True, search=True, factory=True)
    for machine in story.machines:
        model = machine.client.model(CHAT)
        assert (model.version, model.verified) == (2, True)
        assert model.description == "It explains itself now."
        assert machine.client.load(CHAT).state == ServerState.READY
    assert admin.model(CHAT).counters.downloads == 2


def what_is_withdrawn_runs_nowhere(story: Story) -> None:
    admin = story.people["admin"]
    for version in (2, 1):
        admin.withdraw(CHAT, version, reason="It leaks.")
    assert admin.model(CHAT).tombstone is not None
    story.synced()
    they_refuse_it(story)
    for machine in story.machines:
        _unloads(machine.client, CHAT)


def they_refuse_it(story: Story) -> None:
    story.stand(chat="withdrawn", embed="approved", code="approved")
    story.badges_are(desk=False, search=False, factory=False)
    story.every_refuses(lambda client: client.load(CHAT, force=True), REFUSED, "model_withdrawn")
    story.every_refuses(lambda client: client.create_download(CHAT, force=True), REFUSED, "model_withdrawn")
    story.every_refuses(lambda client: client.model(CHAT), "model_withdrawn")


def the_log_holds(story: Story) -> None:
    environ = story.author_home.parent / "auditor"
    url = story.registry.url
    token = story.people["admin"].create_token("admin", ("admin",), expires_in_s=DAY_S).token
    _command(environ, "registry", "login", url, given=token)
    held = json.loads(_command(environ, "registry", "audit", "verify", "--json"))
    assert held["read"] == held["entries"] > 20
    actions = [entry.action for entry in story.people["admin"].every_audit_entry(subject=f"{CHAT}@1")]
    assert actions == ["version.published", "version.approved", "version.withdrawn"]


def it_stays_so_offline(story: Story) -> None:
    story.registry.stop()
    for machine in story.machines:
        machine.stop()
        machine.start()
    they_refuse_it(story)
    for machine in story.machines:
        info = machine.client.sync_catalog(wait=True)
        assert info.source == "registry"
        assert info.last_error is not None
        assert info.last_error.code == "unreachable"
        assert machine.client.load(EMBED).state == ServerState.READY
        with pytest.raises(NotFound):
            machine.client.model("acme/never")
    they_refuse_it(story)


def _download(client: Client, model: str) -> None:
    made = client.create_download(model, force=True)
    found = until(lambda: client.download(made.id), lambda download: download.state.ended)
    assert found.state == "completed", found


def _unloads(client: Client, model: str) -> None:
    """By itself: what runs and is forbidden by now."""

    def running() -> set[str]:
        return {server.model for server in client.servers().items if not server.state.ended}

    until(running, lambda models: model not in models)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _entry(story: Story, model: str) -> dict[str, Any]:
    """What was published, as its author has it."""
    file = story.files / f"{model.split('/')[1]}-f16.gguf"
    written = story.author_home / "entry.json"
    _command(
        story.author_home, "registry", "publish", str(file), "--id", model, "--url-base", story.origin.url,
        "--license", "Apache-2.0", "--capability", "chat", "--out", str(written),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(written.read_text())
    return found
