"""Which names look alike."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.entries.lookalikes import TOLD_MAX, is_alike, is_one_edit_apart, lookalikes, skeleton
from modelhubd.floor.loader import load_floor

NAMES = st.text(string.ascii_lowercase + "-", min_size=1, max_size=8)


def told(
    model: str, *others: str, publishers: tuple[str, ...] = (), base_model: str | None = None
) -> list[str]:
    return [
        issue.message
        for issue in lookalikes(model, others=others, publishers=publishers, base_model=base_model)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("qwen", "qwern"), ("google", "goog1e"), ("openai", "0penai"),
        ("mistral", "rnistral"), ("wizard", "vvizard"), ("deepseek", "deep-seek"), ("meta", "mata"),
        ("meta", "mtea"), ("google", "gogle"),
    ],
)  # fmt: skip
def test_names_a_letter_apart_or_of_confusable_letters_look_alike(first: str, second: str) -> None:
    if first != second:
        assert is_alike(first, second)
        assert is_alike(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("qwen", "qwen"), ("qwen2", "qwen3"), ("qwen", "qwen2"), ("ibm", "ibn"), ("meta", "google"),
        ("abcd", "badc"), ("abcd", "abcdef"),
    ],
)  # fmt: skip
def test_equal_numbered_short_and_different_names_do_not(first: str, second: str) -> None:
    assert not is_alike(first, second)
    assert not is_alike(second, first)


def test_a_publisher_that_could_be_taken_for_another_is_told() -> None:
    assert told("g00gle/gemma", publishers=("google", "g00gle")) == [
        "the publisher g00gle could be taken for google"
    ]


def test_a_name_that_is_another_publishers_is_told() -> None:
    assert told("acme/open-ai", publishers=("openai", "acme")) == [
        "the name open-ai could be taken for the publisher openai"
    ]


def test_anothers_model_is_told_by_its_name_or_a_letter_of_it() -> None:
    assert told("acme/gemma", "google/gemma") == ["the id could be taken for google/gemma"]
    assert told("acme/gemmma", "google/gemma") == ["the id could be taken for google/gemma"]
    assert told("acme/gemma", "acme/gemma") == []
    assert told("acme/other", "google/gemma") == []


def test_a_derived_model_may_bear_the_name_of_its_base() -> None:
    assert told("acme/gemma", "google/gemma", base_model="Google/Gemma") == []


def test_ones_own_models_must_only_not_be_confusable() -> None:
    assert told("acme/tiny-a", "acme/tiny-b") == []
    assert told("acme/tiny-a", "acme/tiny.a") == ["the id could be taken for acme/tiny.a"]


def test_only_the_first_few_are_told() -> None:
    assert len(told("a/gemma", *(f"p{index}/gemma" for index in range(9)))) == TOLD_MAX


def test_the_models_of_the_floor_look_like_nobody_elses() -> None:
    ids = [entry.id for entry in load_floor()]
    publishers = {ident.partition("/")[0] for ident in ids}
    assert {ident: found for ident in ids if (found := told(ident, *ids, publishers=tuple(publishers)))} == {}


@given(name=NAMES, position=st.integers(0, 8), letter=st.sampled_from(string.ascii_lowercase))
def test_one_edit_is_one_edit_apart_whichever_way_it_is_looked_at(
    name: str, position: int, letter: str
) -> None:
    place = position % (len(name) + 1)
    added = name[:place] + letter + name[place:]
    changed = name[:place] + letter + name[place + 1 :]
    for other in (added, changed):
        assert is_one_edit_apart(name, other)
        assert is_one_edit_apart(other, name)


@given(first=NAMES, second=NAMES)
def test_looking_alike_goes_both_ways(first: str, second: str) -> None:
    assert is_alike(first, second) == is_alike(second, first)
    assert is_alike(first, second) or skeleton(first) != skeleton(second) or first == second
