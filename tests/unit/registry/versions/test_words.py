"""What a model is found by in the registry."""

from modelhubd.registry.versions.words import words_of


def test_a_model_is_found_by_id_name_and_tags_without_regard_to_case() -> None:
    content = {"display_name": "Tiny STRASSE", "tags": ["Fast", "small"]}
    assert words_of("lab/tiny", content) == "lab/tiny\ntiny strasse\nfast\nsmall"
    assert words_of("lab/tiny", {}) == "lab/tiny\n"
