"""Tokens as texts, and what a scope lets one do."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import NotAllowed, Unauthenticated
from modelhubd.registry.access import (
    DIGITS,
    Caller,
    authorize,
    bearer,
    checksum,
    is_principal,
    is_scope,
    is_secret,
    new_secret,
    parse_token,
)


def caller(*scopes: str) -> Caller:
    return Caller(principal="author", token_id="t", scopes=frozenset(scopes), expires_at="")


def test_a_new_token_is_told_by_its_own_text() -> None:
    made = new_secret()
    parsed = parse_token(made.text)
    assert parsed is not None
    assert parsed[0] == made.id
    assert is_secret(parsed[1], made.secret_sha256)
    assert not is_secret(parsed[1][:-1] + "!", made.secret_sha256)
    assert new_secret().text != made.text


def test_the_checksum_is_crc_32_in_base_62() -> None:
    body = "mhr_abcdefghijkl_" + "A" * 32
    value = 0
    for digit in checksum(body):
        value = value * 62 + DIGITS.index(digit)
    assert value == zlib.crc32(body.encode())
    assert len(checksum(body)) == len(checksum("x")) == 6


@given(st.integers(min_value=0, max_value=54), st.sampled_from(DIGITS))
def test_a_mistyped_token_is_none(position: int, digit: str) -> None:
    text = new_secret().text
    mistyped = text[:position] + digit + text[position + 1 :]
    assert mistyped == text or parse_token(mistyped) is None


@pytest.mark.parametrize(
    "text",
    ["", "mhr_", "mhr_abc_def", new_secret().text + "\n", new_secret().text[:-1]],
    ids=["nothing", "no parts", "too short", "a line break", "cut off"],
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert parse_token(text) is None


@pytest.mark.parametrize(
    "headers", [[], [""], ["Bearer"], ["Bearer "], ["Basic x"], ["Bearer x", "Bearer x"]]
)
def test_without_a_token_nobody_calls(headers: list[str]) -> None:
    with pytest.raises(Unauthenticated):
        bearer(headers)


def test_the_scheme_is_written_in_any_case() -> None:
    made = new_secret()
    assert bearer([f"bEARER  {made.text} "])[0] == made.id


@pytest.mark.parametrize(
    ("scopes", "wanted", "allowed"),
    [
        (("read",), "read", True), (("review",), "read", True), (("publish:acme",), "read", True),
        (("admin",), "read", True), (("verify",), "read", True), ((), "read", False),
        (("admin",), "verify", True), (("verify",), "admin", False), (("admin",), "review", False),
        (("admin",), "publish:acme", False), (("publish:acme",), "publish:globex", False),
        (("publish:acme",), "publish:acme", True), (("read",), "review", False),
        (("review",), "verify", False), (("read",), "admin", False), (("publish:acme",), "publish", False),
    ],
)  # fmt: skip
def test_a_scope_includes_reading_and_nothing_else_but_that_admin_verifies(
    scopes: tuple[str, ...], wanted: str, allowed: bool
) -> None:
    assert caller(*scopes).has(wanted) is allowed


def test_a_route_takes_any_of_its_scopes_with_the_paths_own_names() -> None:
    scopes = ("admin", "publish:{publisher}")
    authorize(caller("publish:acme"), scopes, {"publisher": "acme"})
    authorize(caller("admin"), scopes, {"publisher": "acme"})
    for path in ({"publisher": "globex"}, {"publisher": "acme/x"}, {"publisher": "{publisher}"}):
        with pytest.raises(NotAllowed, match="admin or publish:") as refused:
            authorize(caller("publish:acme", "review"), scopes, path)
        assert refused.value.code == "scope_missing"


@pytest.mark.parametrize("name", ["a" * 5000, "x\n", "\x1b[31mred", "ac\u202eme", "../x", "ACME"])
def test_no_answer_repeats_a_path_that_names_no_publisher(name: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        authorize(caller("review"), ("publish:{publisher}",), {"publisher": name})
    assert name not in str(refused.value)
    assert "publish:<publisher>" in str(refused.value)


@pytest.mark.parametrize("text", ["read", "review", "verify", "admin", "publish:a", "publish:a.b-c_d"])
def test_these_are_scopes(text: str) -> None:
    assert is_scope(text)


@pytest.mark.parametrize(
    "text", ["", "reads", "publish", "publish:", "publish:A", "publish:a/b", "admin\n", "publish:a..b"]
)
def test_these_are_none(text: str) -> None:
    assert not is_scope(text)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("a.b@c+d-e_9", True),
        ("A", False),
        ("", False),
        (" a", False),
        ("a\n", False),
        ("a" * 129, False),
    ],
)
def test_a_principal_is_lower_case(name: str, good: bool) -> None:
    assert is_principal(name) is good


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([], "needs a token"), (["Basic abc"], "needs a token"), (["Bearer "], "needs a token"),
        (["Bearer a", "Bearer b"], "needs a token"), (["Bearer mhr_cut"], "mistyped or cut"),
    ],
)  # fmt: skip
def test_what_is_no_token_is_told_from_none(headers: list[str], words: str) -> None:
    with pytest.raises(Unauthenticated, match=words):
        bearer(headers)
