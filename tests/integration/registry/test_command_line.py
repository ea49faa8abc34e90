"""`modelhub registry …` against the real service: the life of a version as people type it."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub_cli.token_file import token_for
from modelhubd.registry.release.rotation import NewRoot
from tests.fakes.registry import Registry, running_registry
from tests.fakes.registry_template import copied_registry
from tests.integration.registry.command_line import Sits, Typist, signed_in, sits_at
from tests.integration.registry.test_rotation import rotated

DIGEST = "c" * 64


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with copied_registry("sqlite", tmp_path / "registry") as running:
        yield running


@pytest.fixture
def sits(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sits:
    return sits_at(registry, tmp_path, monkeypatch, capsys)


@pytest.fixture
async def author(sits: Sits, registry: Registry) -> Typist:
    return await signed_in(sits(registry.author))


@pytest.fixture
async def reviewer(sits: Sits, registry: Registry) -> Typist:
    return await signed_in(sits(registry.reviewer))


@pytest.fixture
async def admin(sits: Sits, registry: Registry) -> Typist:
    return await signed_in(sits(registry.admin))


@pytest.fixture
def entry(tmp_path: Path) -> Callable[..., Path]:
    """An entry file that may be approved."""

    def write(name: str = "tiny", **more: Any) -> Path:
        file = {
            "name": "tiny-Q4_0.gguf", "size_bytes": 1000, "sha256": DIGEST,
            "urls": ["https://files.example.org/tiny-Q4_0.gguf"],
        }  # fmt: skip
        option = {"id": "gguf-q4_0", "format": "gguf", "quantization": "Q4_0", "files": [file]}
        whole = {
            "id": f"acme/{name}", "display_name": "Tiny", "description": "A tiny model.",
            "license": {"spdx": "MIT", "name": "MIT"}, "options": [option],
        } | more  # fmt: skip
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(whole))
        return path

    return write


async def _published(author: Typist, path: Path) -> str:
    ran = await author.types("publish", str(path), "-q")
    assert ran.code == 0, ran.err
    return ran.out.strip()


async def _approved(author: Typist, reviewer: Typist, path: Path) -> str:
    reference = await _published(author, path)
    digest = (await reviewer.types("reviews", "show", reference, "-q")).out.strip()
    ran = await reviewer.types("reviews", "approve", reference, "--yes", "--digest", digest)
    assert ran.code == 0, ran.err
    return reference


async def test_signing_in_keeps_the_token_for_this_registry_alone(sits: Sits, registry: Registry) -> None:
    person = sits(registry.author)
    ran = await person.signs_in()
    assert ran.code == 0
    assert ran.facts["principal"] == "author"
    assert registry.author.token is not None
    assert registry.author.token not in ran.out + ran.err
    assert token_for(person.home / "config", registry.url) == registry.author.token
    assert (await person.types("whoami", "-q")).out == "author\n"
    for option in ("--print", "-q"):
        assert (await person.types("ui", option)).out == f"{registry.url}/\n"
    assert (await person.types("logout")).code == 0
    gone = await person.types("whoami")
    assert gone.code == 2
    assert "modelhub registry login" in gone.err
    assert (await person.types("logout")).code == 3


async def test_a_wrong_token_is_not_kept(sits: Sits, registry: Registry) -> None:
    person = dataclasses.replace(sits(registry.author), token="mhr_wrong")
    ran = await person.signs_in()
    assert ran.code == 4
    assert "login" in ran.err
    assert token_for(person.home / "config", registry.url) is None
    assert (await person.types("login", registry.url, stdin="two words\n")).code == 2


async def test_a_token_is_not_sent_over_a_network_unencrypted(sits: Sits, registry: Registry) -> None:
    ran = await sits(registry.author).types("login", "http://models.example.org", stdin="mhr_x\n")
    assert ran.code == 7
    assert "--plain-http" in ran.err


@pytest.mark.parametrize("url", ["models.example.org", "file:///etc", "https://me:pw@models.example.org", ""])
async def test_what_is_no_address_is_no_registry(sits: Sits, registry: Registry, url: str) -> None:
    ran = await sits(registry.author).types("whoami", "--registry", url)
    assert ran.code == 2


async def test_a_registry_that_does_not_answer_is_told_from_a_daemon_that_does_not_run(
    sits: Sits, registry: Registry
) -> None:
    ran = await sits(registry.author).types("whoami", "--registry", "http://127.0.0.1:9")
    assert ran.code == 6
    assert "daemon" not in ran.err


async def test_a_version_lives_from_publish_to_withdrawal(
    author: Typist, reviewer: Typist, admin: Typist, entry: Callable[..., Path]
) -> None:
    published = await author.types("publish", str(entry()), "--notes", "First.")
    assert published.code == 0, published.err
    assert published.facts["version"] == "acme/tiny@1"
    assert published.facts["status"] == "pending"
    content = published.facts["content_sha256"]

    listed = await reviewer.types("reviews", "list")
    assert [row[:3] for row in listed.rows] == [["acme/tiny@1", "pending", "author"]]
    shown = await reviewer.types("reviews", "show", "acme/tiny@1")
    assert shown.facts["content_sha256"] == content
    assert any(row[0] == "change" for row in shown.rows)

    assert (await author.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", content)).code == 4
    assert (await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes")).code == 2
    other = await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", "0" * 64)
    assert other.code == 5
    assert "not what was looked at" in other.err
    approved = await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", content[:12])
    assert approved.code == 0, approved.err
    assert approved.rows[0][1] == "approved"
    again = await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", content)
    assert again.code == 5

    put = await admin.types("templates", "put", "desk", "--name", "Desk", "--model", "acme/tiny")
    assert put.facts["compliant"] == "false"
    assert (await admin.types("verify", "acme/tiny")).rows == [["desk", "false", "true"]]
    assert (await admin.types("templates", "list")).rows[0][2] == "true"
    assert (await admin.types("unverify", "acme/tiny")).rows == [["desk", "true", "false"]]
    assert "already" in (await admin.types("unverify", "acme/tiny")).err

    assert (await admin.types("withdraw", "acme/tiny@1", "--reason", "It was wrong.")).code == 2
    gone = await admin.types("withdraw", "acme/tiny@1", "--reason", "It was wrong.", "--yes")
    assert gone.code == 0, gone.err
    versions = await author.types("versions", "acme/tiny")
    assert versions.rows[0][:2] == ["acme/tiny@1", "withdrawn"]
    assert "It was wrong." in versions.rows[0]


async def test_what_is_rejected_or_taken_back_is_never_served(
    author: Typist, reviewer: Typist, entry: Callable[..., Path]
) -> None:
    first = await _published(author, entry())
    digest = (await reviewer.types("reviews", "show", first, "-q")).out.strip()
    rejected = await reviewer.types(
        "reviews", "reject", first, "--reason", "No.", "--yes", "--digest", digest
    )
    assert (rejected.code, rejected.rows[0][1]) == (0, "rejected")
    second = await _published(author, entry(description="Another."))
    assert second == "acme/tiny@2"
    cancelled = await author.types("cancel", second)
    assert (cancelled.code, cancelled.rows[0][1]) == (0, "cancelled")
    assert (await author.types("cancel", second)).code == 5
    assert (await reviewer.types("reviews", "list")).out == ""


async def test_the_same_publish_again_is_no_second_version(
    author: Typist, entry: Callable[..., Path]
) -> None:
    path = entry()
    assert await _published(author, path) == "acme/tiny@1"
    assert await _published(author, path) == "acme/tiny@1"
    assert (await author.types("publish", str(path), "--again", "-q")).out == "acme/tiny@2\n"
    assert len((await author.types("versions", "acme/tiny")).rows) == 2


async def test_what_the_registry_would_refuse_is_not_even_sent(
    author: Typist, entry: Callable[..., Path]
) -> None:
    ran = await author.types("publish", str(entry(verified=True, versoin=2)))
    assert ran.code == 2
    assert "/verified" in ran.err
    assert "/versoin: unknown field" in ran.err
    assert (await author.types("publish", str(entry(id="acme/../tiny")))).code == 2
    assert (await author.types("versions", "acme/tiny")).out == ""


async def test_nobody_publishes_under_anothers_name(author: Typist, entry: Callable[..., Path]) -> None:
    ran = await author.types("publish", str(entry(id="globex/tiny")))
    assert ran.code == 4
    assert "whoami" in ran.err


async def test_issues_are_told_and_a_blocked_version_is_not_approved(
    author: Typist, reviewer: Typist, entry: Callable[..., Path]
) -> None:
    file = {"name": "tiny.gguf", "size_bytes": 10, "urls": ["https://files.example.org/tiny.gguf"]}
    path = entry(options=[{"id": "gguf", "format": "gguf", "files": [file]}])
    dry = await author.types("publish", str(path), "--dry-run")
    assert dry.code == 0
    assert json.loads(dry.out)["id"] == "acme/tiny"
    assert "error" in dry.err
    ran = await author.types("publish", str(path), "-q")
    assert ran.code == 0
    digest = (await reviewer.types("reviews", "show", "acme/tiny@1", "-q")).out.strip()
    assert (await reviewer.types("reviews", "show", "acme/tiny@1")).facts["blocked"] == "true"
    refused = await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", digest)
    assert refused.code != 0


async def test_a_person_at_a_terminal_sees_what_is_approved_and_is_asked(
    author: Typist, reviewer: Typist, entry: Callable[..., Path]
) -> None:
    first = await _published(author, entry(description="Mind the gap."))
    no = await reviewer.sees("reviews", "approve", first, typed=(("?", b"n\n"),))
    assert no.code == 130
    yes = await reviewer.sees("reviews", "approve", first, typed=(("Approve acme/tiny@1?", b"y\n"),))
    assert yes.code == 0, yes.plain
    assert "Mind the gap." in yes.plain
    assert "content sha256" in yes.plain
    assert "approved" in yes.plain
    shown = await author.sees("versions", "acme/tiny")
    assert "approved, served" in shown.plain


async def test_counters_and_stars(
    author: Typist, reviewer: Typist, admin: Typist, entry: Callable[..., Path]
) -> None:
    await _approved(author, reviewer, entry())
    assert (await author.types("star", "acme/tiny")).code == 0
    assert (await author.types("star", "acme/tiny")).code == 0
    assert (await reviewer.types("star", "acme/tiny")).code == 0
    assert (await reviewer.types("unstar", "acme/tiny")).code == 0
    assert (await author.types("counters", "reset", "acme/tiny", "--yes")).code == 4
    assert (await admin.types("counters", "reset", "acme/tiny")).code == 2
    reset = await admin.types("counters", "reset", "acme/tiny", "--yes", "--json")
    assert reset.json == {"downloads": 0, "stars": 0}
    assert (await author.types("star", "acme/absent")).code == 3


async def test_publishers_and_their_keys(admin: Typist, author: Typist, tmp_path: Path) -> None:
    assert (await admin.types("publishers", "create", "initech", "--display-name", "Initech")).code == 0
    assert (await admin.types("publishers", "create", "initech")).code == 5
    assert (await author.types("publishers", "create", "hooli")).code == 4
    made = await author.types("keys", "new", str(tmp_path / "key"))
    public = made.facts["public_key"]
    added = await admin.types("publishers", "keys", "add", "initech", public)
    assert added.code == 0, added.err
    assert (await admin.types("publishers", "keys", "add", "initech", "no key")).code == 2
    (key_id, shown, revoked) = (await admin.types("publishers", "keys", "list", "initech")).rows[0]
    assert (key_id, shown, revoked) == (made.facts["key_id"], public, "")
    gone = await admin.types("publishers", "keys", "revoke", "initech", key_id[:12], "--yes")
    assert gone.code == 0, gone.err
    assert gone.rows[0][2] != ""
    suspended = await admin.types("publishers", "suspend", "initech", "--reason", "Sold.")
    assert suspended.rows[0][2] == "suspended"
    assert (await admin.types("publishers", "activate", "initech", "--reason", "Back.")).rows[0][
        2
    ] == "active"
    assert "initech" in (await author.types("publishers", "list", "-q")).out


async def test_tokens_are_made_shown_once_listed_and_revoked(
    admin: Typist, sits: Sits, registry: Registry
) -> None:
    made = await admin.types(
        "tokens", "create", "--for", "builder", "--scope", "publish:acme", "--expires", "2h"
    )
    assert made.code == 0, made.err
    token = made.out.strip()
    assert token.startswith("mhr_")
    builder = dataclasses.replace(sits(registry.author), token=token)
    assert (await builder.signs_in()).facts["principal"] == "builder"
    listed = await admin.types("tokens", "list", "--json")
    assert token not in listed.out
    ident = next(one["id"] for one in json.loads(listed.out) if one["principal"] == "builder")
    assert (await admin.types("tokens", "revoke", ident)).code == 0
    assert (await builder.types("whoami")).code == 4
    wrong = await admin.types("tokens", "create", "--for", "x", "--scope", "read", "--expires", "soon")
    assert wrong.code == 2


async def test_templates_are_shown_and_removed(admin: Typist) -> None:
    put = ("templates", "put", "desk", "--name", "Desk", "--model", "acme/tiny", "--model", "acme/embed")
    assert (await admin.types(*put)).code == 0
    shown = await admin.types("templates", "show", "desk")
    assert (
        shown.facts["unverified"] == "acme/tiny,acme/embed"
        or shown.facts["unverified"] == "acme/embed,acme/tiny"
    )
    assert (await admin.types("templates", "delete", "desk")).code == 0
    assert (await admin.types("templates", "show", "desk")).code == 3


async def test_the_audit_log_is_checked_here_and_remembered(
    admin: Typist, author: Typist, reviewer: Typist, entry: Callable[..., Path], tmp_path: Path
) -> None:
    first = await admin.types("audit", "verify")
    assert first.code == 0, first.err
    assert first.facts["consistent_with"] == ""
    note = await admin.types("audit", "checkpoint")
    (tmp_path / "note").write_text(note.out)
    await _approved(author, reviewer, entry())
    second = await admin.types("audit", "verify", "--note", str(tmp_path / "note"))
    assert second.code == 0, second.err
    assert int(second.facts["entries"]) > int(first.facts["entries"])
    assert second.facts["consistent_with"] == first.facts["entries"]
    witness = await author.types("audit", "verify", "--proofs-only")
    assert (witness.code, witness.facts["read"]) == (0, "0")
    assert (await author.types("audit", "verify")).code == 4
    acts = await admin.types("audit", "list", "--action", "version.approved")
    assert [row[2:5] for row in acts.rows] == [["reviewer", "version.approved", "acme/tiny@1"]]


async def test_a_log_that_was_changed_or_cut_is_noticed(
    admin: Typist, registry: Registry, tmp_path: Path
) -> None:
    assert (await admin.types("audit", "verify")).code == 0
    note = (await admin.types("audit", "checkpoint")).out
    (tmp_path / "note").write_text(note.replace("registry.test", "another.test", 1))
    forged = await admin.types("audit", "verify", "--note", str(tmp_path / "note"))
    assert forged.code == 8
    async with running_registry(tmp_path / "other") as other:
        fork = dataclasses.replace(
            admin, url=other.url, token=other.admin.token or "", home=tmp_path / "fork"
        )
        await fork.signs_in()
        (tmp_path / "note").write_text(note)
        ran = await fork.types("audit", "verify", "--note", str(tmp_path / "note"))
        assert ran.code == 8
        assert "does not hold" in ran.err


async def test_the_audit_log_holds_over_rotations_of_the_key_that_signs_it(
    admin: Typist, registry: Registry, tmp_path: Path
) -> None:
    assert (await admin.types("audit", "verify")).code == 0
    note = tmp_path / "note"
    note.write_text((await admin.types("audit", "checkpoint")).out)
    new = NewRoot(folder=tmp_path / "new", count=1, threshold=1)
    for more in ({}, {"stolen": True, "new_root": new}):
        await rotated(registry, **more)
        registry.parts.releases.served.forget()
        after = await admin.types("audit", "verify", "--note", str(note))
        assert after.code == 0, after.err
        assert int(after.facts["entries"]) == int(after.facts["consistent_with"]) + 1
    newcomer = dataclasses.replace(admin, home=tmp_path / "newcomer")
    await newcomer.signs_in()
    assert (await newcomer.types("audit", "verify", "--note", str(note))).code == 0


async def test_keys_that_the_remembered_root_does_not_lead_to_sign_no_log(
    admin: Typist, tmp_path: Path
) -> None:
    """Somebody makes a registry of the same name and address, with keys of their own."""
    assert (await admin.types("audit", "verify")).code == 0
    (remembered,) = (admin.home / "state" / "audit-seen").iterdir()
    async with running_registry(tmp_path / "other") as other:
        fork = dataclasses.replace(admin, url=other.url, token=other.admin.token or "")
        await fork.signs_in()
        assert (await fork.types("audit", "verify")).code == 0
        (met,) = {path for path in remembered.parent.iterdir() if path != remembered}
        for forget in ((), ("root",)):
            known = json.loads(remembered.read_text())
            met.write_text(json.dumps({name: known[name] for name in known if name not in forget}))
            ran = await fork.types("audit", "verify")
            assert (ran.code, "does not hold" in ran.err, ".." in ran.err) == (8, True, False), ran.err


async def test_every_command_of_the_group_explains_itself(admin: Typist) -> None:
    from modelhub_cli.commands.registry import SECTIONS

    for section in SECTIONS.values():
        for name in section:
            shown = await admin.types(name, "--help")
            assert (shown.code, f"modelhub registry {name}" in shown.out) == (0, True)


async def test_texts_of_strangers_reach_no_terminal_as_commands(
    author: Typist, reviewer: Typist, registry: Registry, entry: Callable[..., Path]
) -> None:
    first = await _published(author, entry())
    digest = (await reviewer.types("reviews", "show", first, "-q")).out.strip()
    reason = "no\x1b]0;owned\x07 \x1b[2J"
    ran = await reviewer.types("reviews", "reject", first, "--reason", reason, "--yes", "--digest", digest)
    shown = await author.types("versions", "acme/tiny")
    assert "\x1b" not in ran.out + ran.err + shown.out


async def test_several_people_at_once_share_one_client(registry: Registry) -> None:
    from modelhub_client import RegistryClient

    with RegistryClient(registry.url, token=registry.admin.token) as client:
        found = await asyncio.gather(*(asyncio.to_thread(client.me) for _ in range(8)))
        assert {me.principal for me in found} == {"admin"}
        first = await asyncio.to_thread(client.catalog)
        assert await asyncio.to_thread(client.catalog) is first
