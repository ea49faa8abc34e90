"""Versions for programs of a certain age, published, approved and synced.

Each program gets the newest that it can use, and is told why it gets nothing newer.
"""

import json
from typing import Any

import pytest

from modelhub_client import Client, NotFound, Refused
from modelhubd.wire.updates import Update, UpdateState
from tests.contract.world import local_file, until
from tests.fakes.tiny_gguf import write_chat
from tests.integration.registry.story import Story, command

MODEL = "acme/assist"
OLD, NEW, ANCIENT = "editor/1.9", "editor/2.1", "editor/1.0"
PINS: dict[int, dict[str, Any]] = {1: {}, 2: {"app": {"editor": ">=1.5"}}, 3: {"app": {"editor": ">=2"}}}
WHY = "It needs editor >=2, and this is 1.9."


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@pytest.mark.timeout(180)
def test_each_program_gets_the_newest_version_that_it_can_use(story: Story) -> None:
    for version in (1, 2):
        published_and_approved(story, version)
    laptop, desktop = story.machines
    story.synced()
    download(as_app(story, 0, ANCIENT), MODEL)
    download(as_app(story, 1, OLD), MODEL)
    assert [installed(machine.client) for machine in story.machines] == [{1}, {2}]
    published_and_approved(story, 3)
    story.synced()
    what_is_held_back_is_said(story, {ANCIENT: 1, OLD: 2, NEW: None})
    with pytest.raises(Refused, match=r"editor >=1\.5"):
        as_app(story, 0, ANCIENT).create_download(f"{MODEL}@2")
    an_update_goes_as_far_as_the_program(story)
    story.people["admin"].withdraw(MODEL, 2, reason="It leaks.")
    story.synced()
    story.registry.stop()
    for machine in story.machines:
        machine.stop()
        machine.start()
    what_is_held_back_is_said(story, {ANCIENT: 1, OLD: 1, NEW: None})
    with pytest.raises(NotFound):
        as_app(story, 0, OLD).create_download(f"{MODEL}@2")
    download(as_app(story, 1, NEW), MODEL)
    download(laptop.client, MODEL)
    assert [installed(machine.client) for machine in story.machines] == [{1, 2, 3}, {2, 3}]
    assert versions_on_disk_are_what_was_published(story) == 5
    assert desktop.client.model(MODEL).held_back is None


def published_and_approved(story: Story, version: int) -> None:
    """Each version is a file of its own; its entry is made from it, and given what it requires."""
    file = write_chat(story.files / f"assist-{version}.gguf", seed=10 + version)
    entry = story.author_home / f"entry-{version}.json"
    command(
        story.author_home, "registry", "publish", str(file), "--id", MODEL, "--url-base", story.origin.url,
        "--license", "Apache-2.0", "--capability", "chat", "--out", str(entry),
    )  # fmt: skip
    entry.write_text(json.dumps(json.loads(entry.read_text()) | {"requires": PINS[version]}))
    told = json.loads(command(story.author_home, "registry", "publish", str(entry), "--json"))
    assert (told["version"], told["status"]) == (version, "pending")
    (review,) = story.people["reviewer"].every_review()
    pins = {change.pointer for change in review.changes if change.pointer.startswith("/requires")}
    assert bool(pins) == bool(PINS[version]), "who approves sees what it requires"
    digest = told["content_sha256"]
    story.people["reviewer"].decide(MODEL, version, "approve", content_sha256=digest)


def as_app(story: Story, machine: int, app: str) -> Client:
    """A program on one of the machines that says what it is."""
    return Client(environ=story.machines[machine].environ, app=app)


def what_is_held_back_is_said(story: Story, expected: dict[str, int | None]) -> None:
    """`expected` is the newest version for each program, where that is not the newest of all."""
    for number in (0, 1):
        usable = {app: as_app(story, number, app).model(MODEL) for app in (ANCIENT, OLD, NEW)}
        assert {model.version for model in usable.values()} == {3}
        assert {app: model.usable_version for app, model in usable.items()} == expected
        assert (usable[OLD].held_back, usable[NEW].held_back) == (WHY, None)
        (found,) = as_app(story, number, OLD).search(MODEL).items
        assert (found.version, found.usable_version, found.held_back) == (3, expected[OLD], WHY)
        with pytest.raises(Refused, match="editor >=2"):
            as_app(story, number, OLD).create_download(f"{MODEL}@3")


def an_update_goes_as_far_as_the_program(story: Story) -> None:
    """The laptop has version 1: its editor 1.9 goes to 2 and is told about 3; the editor 1.0 stays."""
    old = as_app(story, 0, OLD)
    update = update_of(old)
    assert (update.state, update.version, update.newer_version) == (UpdateState.AVAILABLE, 2, 3)
    assert [(why.code, why.by, why.detail) for why in update.newer_held_back] == [("app_pin", "editor", WHY)]
    assert update_of(as_app(story, 0, ANCIENT)).state is UpdateState.HELD_BACK
    assert update_of(as_app(story, 0, NEW)).version == 3
    (begun,) = old.apply_updates([update.id]).applied
    number = begun.download
    assert number is not None
    done = until(lambda: old.download(number), lambda one: one.state.ended)
    assert (done.state, done.version) == ("completed", 2)
    until(lambda: update_of(old), lambda one: one.version == 3)
    left = update_of(old)
    assert (left.state, left.newer_version) == (UpdateState.HELD_BACK, None)
    assert [(why.code, why.detail) for why in left.held_back] == [("app_pin", WHY)]


def download(client: Client, model: str) -> None:
    """What the program is given that names no version, forces nothing and waits for the end."""
    made = client.create_download(model)
    done = until(lambda: client.download(made.id), lambda one: one.state.ended)
    assert done.state == "completed", done


def update_of(client: Client) -> Update:
    (found,) = (update for update in client.updates().items if update.model == MODEL)
    return found


def installed(client: Client) -> set[int]:
    return {artifact.version for artifact in client.library().items if artifact.model == MODEL}


def versions_on_disk_are_what_was_published(story: Story) -> int:
    """How many there are."""
    found = 0
    for machine in story.machines:
        for artifact in machine.client.library().items:
            wanted = local_file(story.files / f"assist-{artifact.version}.gguf", story.origin)
            assert [file.sha256 for file in artifact.files] == [wanted["sha256"]]
            found += 1
    return found
