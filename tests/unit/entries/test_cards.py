"""What model cards and licences come to; all of it is a stranger's text."""

import pytest

from modelhubd.entries.cards import Card, card_of, card_of_readme
from modelhubd.entries.licences import chosen_licence, licence_of

README = """\
---
license: apache-2.0
language:
  - en
  - "de"
tags: [chat, 'small', "tiny"]
base_model:
- Acme/Tiny-1B   # the unquantized one
pipeline_tag: text-generation
library_name: transformers
model-index:
  - name: x
    results:
      license: mit
description: |
  many
  lines
---
# Tiny
license: gpl-3.0
"""


def test_the_front_matter_of_a_readme_is_read() -> None:
    assert card_of_readme(README) == Card(
        license="apache-2.0",
        languages=("en", "de"),
        tags=("chat", "small", "tiny"),
        base_model="Acme/Tiny-1B",
        pipeline="text-generation",
        library="transformers",
    )


def test_the_same_as_json_is_the_same() -> None:
    values = {
        "license": "apache-2.0", "language": ["en", "de"], "tags": ["chat", "small", "tiny"],
        "base_model": ["Acme/Tiny-1B"], "pipeline_tag": "text-generation", "library_name": "transformers",
    }  # fmt: skip
    assert card_of(values) == card_of_readme(README)


@pytest.mark.parametrize(
    "text", ["", "# Tiny\nlicense: mit\n", "---", "---\n", "no\n---\nlicense: mit\n---\n"]
)
def test_a_readme_without_front_matter_has_an_empty_card(text: str) -> None:
    assert card_of_readme(text) == Card()


def test_values_of_another_kind_count_as_absent() -> None:
    assert card_of({"license": {"a": 1}, "tags": 7, "language": [1, None, "en"], "base_model": []}) == Card(
        languages=("en",)
    )


def test_no_escape_sequence_or_hidden_character_survives() -> None:
    card = card_of(
        {"license": "mit\x1b[2J\u202e", "tags": ["a\x1b]0;x\x07b", "\u200b"], "base_model": "a\nb"}
    )
    assert card == Card(license="mit", tags=("ab",), base_model="a b")


def test_one_text_is_a_list_of_one() -> None:
    assert card_of_readme("---\ntags: chat\nlanguage: en\n---\n") == Card(tags=("chat",), languages=("en",))


def test_only_a_web_address_is_a_link() -> None:
    assert card_of({"license_link": "javascript:alert(1)"}).license_link is None
    assert card_of({"license_link": "https://example.org/l"}).license_link == "https://example.org/l"


@pytest.mark.parametrize(
    "line", ["a" * 2_000_000, "- " * 500_000, "x: [" + "a," * 500_000 + "]", "---\n" * 300_000]
)
def test_of_a_hostile_readme_little_is_taken(line: str) -> None:
    card = card_of_readme(f"---\ntags:\n{line}\n")
    assert len(card.tags) <= 32


def test_known_licences_get_their_identifier_and_whether_they_are_commercial() -> None:
    assert licence_of("Apache-2.0", Card()).spdx == "Apache-2.0"
    assert licence_of("cc-by-nc-4.0", Card()).commercial is False
    assert licence_of("llama3.1", Card()).spdx == "LicenseRef-Llama-3.1-Community"
    assert licence_of("mit", Card(), gated=True).gated is True


def test_an_unknown_licence_stays_as_it_is_written_and_claims_no_identifier() -> None:
    found = licence_of("acme-terms", Card(license_link="https://example.org/terms"))
    assert (found.spdx, found.name, found.url, found.commercial) == (
        None,
        "acme-terms",
        "https://example.org/terms",
        None,
    )


@pytest.mark.parametrize("stated", [None, "other", "unknown"])
def test_no_licence_is_none(stated: str | None) -> None:
    assert licence_of(stated, Card(license_name="Acme Terms")).name == "Acme Terms"
    assert licence_of(stated, Card()).name is None


def test_what_a_person_chooses_is_an_identifier() -> None:
    assert chosen_licence("EUPL-1.2").spdx == "EUPL-1.2"
    assert chosen_licence("mit").spdx == "MIT"
