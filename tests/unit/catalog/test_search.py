"""What people type becomes a text query that means nothing else, and pages go on where they ended."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.catalog.search import (
    Cursor,
    any_word_query,
    cursor_of,
    plain_words,
    ranked_queries,
    text_query,
)
from modelhubd.errors import InvalidInput
from modelhubd.paging import encode_cursor
from modelhubd.storage.database import MIGRATIONS


def text_index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript((MIGRATIONS / "0002_catalog.sql").read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO catalog_text (rowid, name, id, publisher, tags, options, description)"
        " VALUES (1, 'Qwen3 8B', 'qwen/qwen3-8b', 'Qwen', 'chat', 'gguf-q4_k_m q4', 'A café model')"
    )
    return connection


INDEX = text_index()


def finds(q: str) -> bool:
    expression = text_query(q)
    return expression is not None and bool(
        INDEX.execute("SELECT rowid FROM catalog_text WHERE catalog_text MATCH ?", (expression,)).fetchall()
    )


@pytest.mark.parametrize(
    "q",
    ["qwen3", "QWEN3 8b", "8b qwen", "qwen/qwen3-8b", "qwen3-8", "q4_k_m", "q4_k", "q4", "cafe", "CAFÉ",
     "cha", "q", "  qwen3   ", 'qwen3"', "(qwen3)", "qwen3 *",
     "qwen3\x00", "qwen3\x008b", "qwen3 \ud800"],
)  # fmt: skip
def test_words_and_beginnings_of_the_last_word_are_found(q: str) -> None:
    assert finds(q)


@pytest.mark.parametrize("q", ["qwen4", "qwe 8b", "8b-qwen3", "k_m", "c", "name:qwen3", "qwen3 NOT chat"])
def test_what_is_not_there_is_not_found(q: str) -> None:
    assert not finds(q)


@pytest.mark.parametrize("q", ["", "   ", '"', "***", "()", "-", "\x00", "\u202e"])
def test_text_without_a_word_asks_for_nothing(q: str) -> None:
    assert text_query(q) is None
    assert any_word_query(q) is None


@given(st.text())
def test_no_text_whatever_is_an_error_of_the_text_index(q: str) -> None:
    for expression in (*ranked_queries(q), any_word_query(q)):
        if expression is not None:
            INDEX.execute(
                "SELECT rowid FROM catalog_text WHERE catalog_text MATCH ?", (expression,)
            ).fetchall()


@given(
    st.lists(
        st.sampled_from(["AND", "OR", "NOT", "NEAR(", '"', "*", "^", "name:", "{", "}", "+", "-", "qwen3"])
    )
)
def test_no_sign_of_the_query_language_means_anything(signs: list[str]) -> None:
    for expression in ranked_queries(" ".join(signs)):
        INDEX.execute("SELECT rowid FROM catalog_text WHERE catalog_text MATCH ?", (expression,)).fetchall()


def test_a_very_long_query_is_cut() -> None:
    assert len(plain_words("word " * 1000)) == 12
    assert len(plain_words("x" * 100_000)[0]) == 200


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor("name", 50, "qwen/qwen3-8b")
    assert cursor_of(encode_cursor(cursor), "name") == cursor


@pytest.mark.parametrize(
    "text",
    ["", "x", "%%%", "é", "bnVsbA", encode_cursor(Cursor("size", 1, "a/b")),
     encode_cursor(Cursor("name", -1, "a/b"))],
)  # fmt: skip
def test_what_is_no_cursor_of_this_list_is_refused_with_a_pointer(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        cursor_of(text, "name")
    assert refused.value.errors[0].pointer == "?after"


@given(st.text())
def test_no_text_whatever_makes_reading_a_cursor_fail_otherwise(text: str) -> None:
    with pytest.raises(InvalidInput):
        cursor_of(text, "name")
