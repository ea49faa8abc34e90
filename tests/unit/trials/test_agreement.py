"""How alike answers are."""

import json
import time

import pytest

from modelhubd.trials.agreement import LONGEST_JSON, agreement, alike, cosine, json_value, normalised


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Yes.", "yes"),
        ("ﬁne", "FINE"),
        ("Straße", "STRASSE"),
        ("Cafe\u0301", "café"),
        ("It’s “so” – fine", 'it\'s "so" - fine'),
        (" a \n\t b\u00a0c ", "A b c"),
        ("```text\nHello\n```", "hello"),
        ('{"a": 1, "b": [1.0]}', '```json\n{"b": [1], "a": 1.0}\n```'),
        ('{"text": "A"}', '{"text":   "A"}'),
    ],
)
def test_what_is_only_written_otherwise_is_the_same(first: str, second: str) -> None:
    assert alike(first, second)
    assert not agreement(first, second).exact
    assert agreement(first, second).normalised


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("yes", "no"),
        ("a b", "ab"),
        ("[1]", "[true]"),
        ("[0]", "[false]"),
        ('{"a": "X"}', '{"a": "x"}'),
        ('{"a": null}', "{}"),
        ("[1, 2]", "[2, 1]"),
        ("[1]", "[1, 1]"),
        ('{"a": [1]}', '{"a": {"b": 1}}'),
        ("{broken", "broken"),
    ],
)
def test_what_says_something_else_is_not_the_same(first: str, second: str) -> None:
    assert not alike(first, second)


def test_equal_answers_are_exactly_equal() -> None:
    found = agreement("Hello", "Hello", ([1.0, 0.0], [1.0, 1.0]))
    assert (found.exact, found.normalised) == (True, True)
    assert found.similarity == pytest.approx(0.7071, abs=1e-4)
    assert agreement("a", "a").similarity is None


def test_a_cosine_is_within_its_bounds_or_there_is_none() -> None:
    assert cosine([1.0, 2.0], [2.0, 4.0]) == pytest.approx(1.0)
    assert cosine([1.0, 0.0], [-1.0, 0.0]) == -1.0
    assert cosine([0.0, 0.0], [1.0, 0.0]) is None
    assert cosine([1.0], [1.0, 2.0]) is None
    assert cosine([float("inf")], [1.0]) is None
    assert cosine([1e200, 1e200], [1e200, 1e200]) is None


def test_normalising_twice_changes_nothing() -> None:
    for text in ("ΑΣ. ", "```\nA.\n```", "ŉ", "İ..", "ﬀ ㎏"):
        assert normalised(normalised(text)) in (normalised(text), normalised(text).removesuffix("."))


def test_hostile_answers_take_no_time_and_break_nothing() -> None:
    begun = time.perf_counter()
    deep = "[" * 50_000 + "]" * 50_000
    assert alike(deep, deep + " ")
    assert not alike("```\n" + " " * 200_000, "x")
    assert not alike("`" * 200_000, "x")
    nested = "[" * 900 + "]" * 900
    assert alike(nested, " " + nested)
    assert time.perf_counter() - begun < 20, "not quadratic"


def test_only_objects_and_lists_of_a_bearable_length_are_json() -> None:
    assert json_value("12") is None
    assert json_value("[") is None
    assert json_value(json.dumps([" " * LONGEST_JSON])) is None
    assert json_value(" [null] ") == ([None],)
