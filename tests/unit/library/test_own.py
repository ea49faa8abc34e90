"""Entries of files that no catalog knows."""

import pytest
from msgspec.structs import replace

from modelhubd.entries.cards import Card
from modelhubd.entries.grouping import NotAModel
from modelhubd.library.imports.own import NAMES_TRIED, entry_from, id_of, joined, names_for, safe_name
from modelhubd.wire.catalog import CatalogEntry
from tests.unit.entries.test_drafts import file, option


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("tiny-Q4_K_M.gguf", "tiny-Q4_K_M.gguf"),
        ("sub/two words.gguf", "sub/two words.gguf"),
        ("mödel:1?.gguf", "m-del-1.gguf"),
        ("..gguf", "model.gguf"),
        ("m. ", "m.bin"),
        ("README", "README"),
        (" . ", "model.bin"),
        ("?", "file"),
    ],
)
def test_a_name_that_no_file_system_may_hold_is_mended(name: str, kept: str) -> None:
    assert safe_name(name) == kept


def made(path: str = "tiny-Q8_0.gguf", **header: object) -> CatalogEntry:
    return entry_from("local/tiny", [option(path, "Q8_0", **header)], {path: file()}, Card())


def test_an_entry_is_made_of_what_the_files_say() -> None:
    entry = made(name="Tiny")
    assert (entry.id, entry.version, entry.display_name) == ("local/tiny", 1, "Tiny")
    assert [one.id for one in entry.options] == ["gguf-q8_0"]


def test_a_card_that_cannot_be_kept_is_left_out() -> None:
    entry = entry_from("local/tiny", [option("t.gguf")], {"t.gguf": file()}, Card(base_model="x" * 5000))
    assert entry.base_model is None


def test_what_cannot_be_kept_without_it_either_is_told() -> None:
    with pytest.raises(NotAModel, match="No entry can be made of it"):
        entry_from("no id", [option("t.gguf")], {"t.gguf": file()}, Card())


def test_the_name_comes_from_the_header_else_from_the_file() -> None:
    assert id_of([option("x.gguf", name="Tiny Llama 1B")]) == "local/tiny-llama-1b"
    assert id_of([option("deep/Tiny-Q8_0-00001-of-00002.gguf")]) == "local/tiny"
    assert id_of([option("..gguf", name="…")]) == "local/model"


def test_further_names_have_a_number() -> None:
    names = list(names_for("local/" + "x" * 70))
    assert names[0] == "local/" + "x" * 70
    assert names[1] == ("local/" + "x" * 70)[:60] + "-2"
    assert len(set(names)) == NAMES_TRIED


def with_digest(entry: CatalogEntry, letter: str) -> CatalogEntry:
    (one,) = entry.options
    return replace(
        entry, options=(replace(one, files=tuple(replace(f, sha256=letter * 64) for f in one.files)),)
    )


def test_forms_of_one_model_are_options_of_one_entry() -> None:
    first = with_digest(made(name="Tiny"), "1")
    assert joined(first, "local/tiny", None) == first
    again = joined(first, "local/tiny", first)
    assert again is not None and len(again.options) == 1, "the same files are the same option"
    both = joined(with_digest(made(name="Tiny"), "2"), "local/tiny", first)
    assert both is not None
    three = joined(with_digest(made(name="Tiny"), "3"), "local/tiny", both)
    assert three is not None
    assert [one.id for one in three.options] == ["gguf-q8_0", "gguf-q8_0-2", "gguf-q8_0-3"]


def test_another_model_of_the_same_name_is_not_joined() -> None:
    first, other = with_digest(made(name="Tiny"), "1"), with_digest(made(name="Other"), "2")
    assert joined(other, "local/tiny", first) is None
    theirs = replace(with_digest(made(name="Tiny"), "2"), id="lab/tiny")
    assert joined(theirs, "local/tiny", first) is None, "somebody gave it a name"


def test_files_that_another_entry_has_too_make_it_the_same_model() -> None:
    first = with_digest(made(name="Tiny"), "1")
    assert joined(with_digest(made(name="Renamed"), "1"), "local/tiny", first) is not None
