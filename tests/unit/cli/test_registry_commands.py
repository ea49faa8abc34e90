"""`modelhub registry …` against a registry that sends what it should not, and without one."""

from pathlib import Path
from typing import Any

import pytest

from modelhub_cli.token_file import keep_token, token_for
from modelhubd.wire.problem import Problem
from tests.fakes.bad_registry import answers, bad_registry
from tests.unit.cli.conftest import Modelhub

EVIL = "no\x1b]0;owned\x07\x1b[2J\u202e\nnext\tcell"
VERSION = {
    "model": "acme/tiny", "version": 1, "status": "pending", "content_sha256": "a" * 64, "published_by": EVIL,
    "published_at": "2030-01-01T00:00:00.000Z", "reason": EVIL, "notes": EVIL,
}  # fmt: skip
ISSUE = {"code": EVIL, "severity": "warning", "pointer": EVIL, "message": EVIL}
REVIEW = {
    "version": VERSION, "served_version": None, "blocked": False, "issues": [ISSUE],
    "changes": [{"pointer": EVIL, "before": EVIL, "after": {EVIL: [EVIL]}}],
}  # fmt: skip
TEMPLATE = {
    "id": EVIL, "name": EVIL, "models": [EVIL], "unverified": [EVIL], "compliant": False, "updated_at": EVIL,
    "updated_by": EVIL,
}  # fmt: skip
ENTRY = {
    "seq": 0, "at": EVIL, "actor": EVIL, "action": EVIL, "subject": EVIL, "detail": {EVIL: EVIL},
    "prev_hash": "0" * 64, "leaf_hash": "0" * 64,
}  # fmt: skip


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": items, "total": len(items)}


@pytest.mark.parametrize(
    ("command", "answer", "cells"),
    [
        (("versions", "acme/tiny"), [page(VERSION)], 9),
        (("reviews", "list"), [page(REVIEW)], 8),
        (("reviews", "show", "acme/tiny@1"), [VERSION, page(REVIEW)], None),
        (("templates", "list"), [page(TEMPLATE)], 5),
        (("templates", "show", "x"), [TEMPLATE], 2),
        (("audit", "list"), [page(ENTRY)], 6),
    ],
)
def test_no_text_of_a_registry_is_a_command_for_the_terminal_or_another_cell(
    modelhub: Modelhub, command: tuple[str, ...], answer: list[dict[str, Any]], cells: int | None
) -> None:
    with bad_registry(*map(answers, answer)) as server:
        ran = modelhub("registry", *command, "--registry", server.url)
    assert ran.code == 0, ran.err
    for hidden in ("\x1b", "\x07", "\u202e"):
        assert hidden not in ran.out + ran.err
    assert cells is None or {len(row) for row in ran.rows} == {cells}


def test_a_refusal_is_told_without_escapes_and_with_what_to_do(modelhub: Modelhub) -> None:
    problem = Problem(type="urn:modelhub:problem:x", title=EVIL, status=403, detail=EVIL, code="not_allowed")
    with bad_registry(answers(problem, 403)) as server:
        ran = modelhub("registry", "whoami", "--registry", server.url)
    assert ran.code == 4
    assert "\x1b" not in ran.err
    assert "modelhub doctor" not in ran.err
    slow = Problem(
        type="urn:modelhub:problem:x",
        title="No",
        status=429,
        detail="Slow down.",
        code="x",
        retry_after_s=7.0,
    )
    with bad_registry(answers(slow, 429)) as server:
        assert "in 7 s" in modelhub("registry", "whoami", "--registry", server.url).err


@pytest.mark.parametrize(
    "arguments", [("--yes",), ("--yes", "--digest", "aaa"), ("--yes", "--digest", "b" * 64), ()]
)
def test_a_decision_that_nobody_looked_at_is_not_sent(modelhub: Modelhub, arguments: tuple[str, ...]) -> None:
    with bad_registry(answers(VERSION), answers(page(REVIEW))) as server:
        ran = modelhub("registry", "reviews", "approve", "acme/tiny@1", *arguments, "--registry", server.url)
        assert ran.code in (2, 5)
        assert not any(request.startswith(b"POST") for request in server.asked)


@pytest.mark.parametrize("name", ["acme", "acme/tiny@x", "../x", "acme/tiny:gguf", ""])
def test_what_names_no_version_is_refused_before_anything_is_asked(modelhub: Modelhub, name: str) -> None:
    with bad_registry(answers(VERSION)) as server:
        assert modelhub("registry", "cancel", name, "--registry", server.url).code == 2
        assert server.asked == []


def test_the_daemons_setting_names_the_registry_and_an_option_goes_before_it(
    modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bad_registry(answers(page())) as one, bad_registry(answers(page())) as other:
        monkeypatch.setenv("MODELHUB_CATALOG_REGISTRY_URL", one.url)
        assert modelhub("registry", "templates", "list").code == 0
        assert modelhub("registry", "templates", "list", "--registry", other.url).code == 0
        assert (len(one.asked), len(other.asked)) == (1, 1)


def test_a_token_is_sent_to_its_origin_alone(modelhub: Modelhub, tmp_path: Path) -> None:
    with bad_registry(answers(page())) as one, bad_registry(answers(page())) as other:
        keep_token(tmp_path / "config", one.url, "mhr_secret")
        for server in (one, other):
            assert modelhub("registry", "templates", "list", "--registry", f"{server.url}/").code == 0
        assert b"mhr_secret" in one.asked[0]
        assert b"mhr_secret" not in other.asked[0]
        assert token_for(tmp_path / "config", one.url) == "mhr_secret"


def test_without_a_registry_it_is_said_how_to_name_one(modelhub: Modelhub) -> None:
    ran = modelhub("registry", "whoami")
    assert (ran.code, ran.out) == (2, "")
    assert "modelhub registry login URL" in ran.err
    assert modelhub("registry", "logout").code == 3
