"""The whole of it: two people and an administrator, three templates, two daemons, from publish to offline.

Everything is done through what people and programs use: the command line, the registry's client and the
daemons' API.
"""

import json

import pytest

from modelhub_client import Client, Conflict, NotFound, NotPermitted, ProblemError
from modelhubd.wire.servers import ServerState
from tests.contract.world import until
from tests.integration.registry.story import (
    CHAT,
    CODE,
    DAY_S,
    EMBED,
    MODELS,
    TEMPLATES,
    Story,
    command,
    digest_of,
    download,
    entry_of,
    unloads,
)

REFUSED = "refused_by_policy"


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
    new_keys_are_followed(story)
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
        printed = command(
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
            download(machine.client, model)
        found = machine.client.library().items
        kept = {artifact.model: artifact.files[0] for artifact in found}
        assert set(kept) == {CHAT, EMBED}
        for model, file in kept.items():
            assert file.sha256 == digest_of(story.files / f"{model.split('/')[1]}-f16.gguf")
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
        unloads(machine.client, CHAT)
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
    before = entry_of(story, CHAT)
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
        unloads(machine.client, CHAT)


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
    command(environ, "registry", "login", url, given=token)
    held = json.loads(command(environ, "registry", "audit", "verify", "--json"))
    assert held["read"] == held["entries"] > 20
    actions = [entry.action for entry in story.people["admin"].every_audit_entry(subject=f"{CHAT}@1")]
    assert actions == ["version.published", "version.approved", "version.withdrawn"]


def new_keys_are_followed(story: Story) -> None:
    before = {machine.client.sync_catalog(wait=True).revision for machine in story.machines}
    root_key = story.registry.state_dir / "offline-root"
    done = story.registry.command("keys", "rotate", "--root-key", str(root_key))
    assert done.returncode == 0, done.stderr
    story.people["admin"].star(EMBED)  # still answers
    story.synced()
    assert {machine.client.catalog_info().revision for machine in story.machines} != before
    they_refuse_it(story)
    auditor = story.author_home.parent / "auditor"
    held = json.loads(command(auditor, "registry", "audit", "verify", "--json"))
    assert held["consistent_with"] < held["entries"]


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
