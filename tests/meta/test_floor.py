"""The embedded catalog keeps what the README promises of it."""

from collections import Counter

import pytest

from modelhubd.entries.rules import faults_in_entry
from modelhubd.floor.loader import floor_bytes, load_floor
from modelhubd.floor.make import make
from modelhubd.trust.digests import is_sha256, option_digest
from modelhubd.trust.urls import fault_in_url
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role

ENTRIES = load_floor()
OPTIONS: list[tuple[CatalogEntry, Option]] = [
    (entry, option) for entry in ENTRIES for option in entry.options
]
FILES: list[OptionFile] = [file for _, option in OPTIONS for file in option.files]


def test_the_committed_floor_is_what_the_facts_make() -> None:
    assert make() == floor_bytes()


def test_there_are_at_least_a_hundred_models_each_once() -> None:
    assert len(ENTRIES) >= 100
    assert len({entry.id for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_keeps_the_rules_of_the_catalog(entry: CatalogEntry) -> None:
    assert faults_in_entry(entry) == []


def test_every_file_has_a_size_a_digest_and_an_address_that_may_be_fetched_from() -> None:
    for file in FILES:
        assert file.size_bytes and file.size_bytes > 0
        assert file.sha256 is not None and is_sha256(file.sha256)
        assert file.urls
        for url in file.urls:
            assert fault_in_url(url) is None, url
            assert url.startswith("https://huggingface.co/"), url


def test_a_url_pinned_to_a_revision_comes_before_one_that_moves() -> None:
    for file in FILES:
        moving = ["/resolve/main/" in url for url in file.urls]
        assert moving == sorted(moving)
    assert sum("/resolve/main/" not in file.urls[0] for file in FILES) >= 150


def test_the_size_of_an_option_is_the_sum_of_its_files() -> None:
    for _, option in OPTIONS:
        assert option.size_bytes == sum(file.size_bytes or 0 for file in option.files)


def test_every_option_can_be_verified() -> None:
    assert all(option_digest(option.files) for _, option in OPTIONS)


def test_no_digest_stands_with_two_sizes() -> None:
    sizes: dict[str, set[int]] = {}
    for file in FILES:
        sizes.setdefault(file.sha256 or "", set()).add(file.size_bytes or 0)
    assert {digest: found for digest, found in sizes.items() if len(found) > 1} == {}


def test_every_option_has_one_model_file_and_no_other_first() -> None:
    for entry, option in OPTIONS:
        assert [file.role for file in option.files].count(Role.MODEL) == 1, (entry.id, option.id)
        assert option.files[0].role == Role.MODEL


def test_ids_name_the_maker_and_options_their_form() -> None:
    for entry, option in OPTIONS:
        assert option.id.startswith(f"{option.format}-{(option.quantization or '').lower()}"), entry.id
        assert option.quantizer
    assert {"qwen", "google", "meta", "mistralai", "microsoft", "ibm", "deepseek", "openai"} <= {
        entry.id.partition("/")[0] for entry in ENTRIES
    }


def test_nothing_of_another_products_registry_is_offered() -> None:
    assert b"ollama" not in floor_bytes()


def test_descriptions_are_one_to_three_sentences_of_their_own() -> None:
    texts = [entry.description or "" for entry in ENTRIES]
    assert all(30 <= len(text) <= 220 for text in texts)
    assert all(text.endswith(".") and 1 <= text.count(". ") + 1 <= 3 for text in texts)
    beginnings = Counter(" ".join(text.split()[:4]) for text in texts)
    assert beginnings.most_common(1)[0][1] <= 3


def test_vision_is_claimed_only_where_some_option_can_see() -> None:
    for entry in ENTRIES:
        sees = any(
            option.format != Format.GGUF or any(file.role == Role.PROJECTOR for file in option.files)
            for option in entry.options
        )
        assert sees or "vision" not in entry.capabilities, entry.id


def test_every_model_has_a_licence_with_an_address_and_nobody_has_verified_it_yet() -> None:
    for entry in ENTRIES:
        assert entry.license.spdx and entry.license.url, entry.id
        assert not entry.verified
        assert entry.version == 1


def test_licences_that_forbid_commercial_use_say_so() -> None:
    forbidding = {entry.id for entry in ENTRIES if entry.license.commercial is False}
    assert forbidding == {
        "mistralai/codestral-22b-v0.1",
        "qwen/qwen2.5-3b-instruct",
        "qwen/qwen2.5-coder-3b-instruct",
    }


def test_the_floor_loads_well_within_the_start_of_a_daemon() -> None:
    assert len(floor_bytes()) < 512 * 1024
