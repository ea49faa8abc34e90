"""What files are, by their digests, and what is made of those that nobody knows."""

import pytest

from modelhubd.entries.cards import Card
from modelhubd.entries.drafts import FileFacts, OptionFacts
from modelhubd.entries.grouping import NotAModel, group
from modelhubd.library.imports.own import entry_from, id_of, joined, names_for, safe_name
from modelhubd.library.imports.recognise import Known, matches, missing
from modelhubd.trust.names import Reference
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role

SHAPE = Architecture(family="llama", n_layers=2, hidden_size=64)


def digest(name: str) -> str:
    return (name.encode().hex() * 64)[:64]


def file(name: str, role: Role = Role.MODEL) -> OptionFile:
    return OptionFile(name=f"{name}.gguf", role=role, size_bytes=10, sha256=digest(name))


def entry(model: str, **options: tuple[OptionFile, ...]) -> CatalogEntry:
    return CatalogEntry(
        id=model,
        version=2,
        options=tuple(Option(id=name, format=Format.GGUF, files=files) for name, files in options.items()),
    )


def here(*names: str) -> dict[str, Known]:
    return {f"here {name}": Known(10, digest(name)) for name in names}


EYES = file("eyes", Role.PROJECTOR)
TINY = entry("acme/tiny", alone=(file("w"),), seeing=(file("w"), EYES))


def test_the_option_with_most_of_the_files_wins() -> None:
    (match,) = matches(here("w", "eyes"), [(TINY, "floor")])
    assert (match.option.id, match.names["eyes.gguf"]) == ("seeing", "here eyes")
    (match,) = matches(here("w"), [(TINY, "floor")])
    assert match.option.id == "alone"
    assert matches(here("eyes"), [(TINY, "floor")]) == []
    assert matches({}, [(TINY, "floor")]) == []


def test_of_equal_ones_that_of_the_better_source_wins() -> None:
    copies = [
        (entry(f"{who}/tiny", a=(file("w"),)), who) for who in ("local", "strange", "floor", "registry")
    ]
    assert matches(here("w"), copies)[0].source == "registry"
    assert matches(here("w"), copies[:2])[0].source == "local"


def test_a_projector_alone_is_no_model() -> None:
    assert matches(here("eyes"), [(entry("acme/eyes", eyes=(EYES,)), "floor")]) == []


def test_several_options_of_a_folder_are_all_found() -> None:
    both = entry("acme/tiny", q4=(file("a"), EYES), q8=(file("b"), EYES))
    found = matches(here("a", "b", "eyes"), [(both, "floor")])
    assert [match.option.id for match in found] == ["q4", "q8"], "they share the projector"


def test_who_says_what_it_is_to_be_is_given_that_or_nothing() -> None:
    every = [(TINY, "floor"), (entry("other/tiny", alone=(file("w"),)), "floor")]
    assert matches(here("w", "eyes"), every, Reference("acme/tiny", None, "alone"))[0].option.id == "alone"
    assert matches(here("w"), every, Reference("other/tiny", 2))[0].entry.id == "other/tiny"
    assert matches(here("w"), every, Reference("other/tiny", 1)) == []


def test_what_would_complete_an_option_is_told() -> None:
    ((_, option, absent),) = missing(here("w"), [(TINY, "floor")])
    assert (option.id, absent) == ("seeing", (EYES,))
    assert missing(here("eyes"), [(TINY, "floor")]) == [], "without weights nothing is begun"


def made(model: str = "local/tiny", *names: str, shape: Architecture = SHAPE) -> CatalogEntry:
    return CatalogEntry(
        id=model,
        display_name="Tiny",
        architecture=shape,
        options=tuple(Option(id="gguf", format=Format.GGUF, files=(file(name),)) for name in names),
    )


def test_an_entry_joins_one_of_the_same_model_and_leaves_others_alone() -> None:
    first = made("local/tiny", "a")
    assert joined(first, "local/tiny", None) == first
    both = joined(made("local/tiny", "b"), "local/tiny", first)
    assert both is not None
    assert [option.id for option in both.options] == ["gguf", "gguf-2"]
    third = joined(made("local/tiny", "c"), "local/tiny", both)
    assert third is not None
    assert [option.id for option in third.options] == ["gguf", "gguf-2", "gguf-3"]
    assert joined(made("local/tiny", "a"), "local/tiny", first) == first, "the very files"
    other = made("local/tiny", "d", shape=Architecture(family="bert", n_layers=3))
    assert joined(other, "local/tiny", first) is None
    unknown = made("local/tiny", "e", shape=Architecture())
    assert joined(unknown, "local/tiny", made("local/tiny", "f", shape=Architecture())) is None
    assert joined(made("mine/tiny", "b"), "mine/tiny", made("mine/tiny", "a")) is None, "a name of one's own"


def test_names_that_are_taken_get_a_number() -> None:
    names = list(names_for("local/tiny"))
    assert names[:3] == ["local/tiny", "local/tiny-2", "local/tiny-3"]
    assert len(names) == 100


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Tiny Q4_K_M.gguf", "Tiny Q4_K_M.gguf"),
        ("модель.gguf", "model.gguf"),
        ("a:b|c.gguf", "a-b-c.gguf"),
        ("-rm.gguf", "rm.gguf"),
        (" x /.y.gguf", "x/y.gguf"),
        ("…", "file"),
        ("x.…", "x.bin"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def options_of(*names: str, stated: str | None = None) -> tuple[OptionFacts, ...]:
    facts = ModelFacts(format="gguf", architecture=SHAPE, weights_bytes=1, n_tensors=1, name=stated)
    return tuple(OptionFacts(group=found, headers=(facts,)) for found in group(names).groups)


def test_a_model_is_called_what_its_header_or_its_file_says() -> None:
    assert id_of(options_of("x-Q4_K_M.gguf", stated="Nice Model")) == "local/nice-model"
    assert id_of(options_of("Other-Q4_K_M.gguf")) == "local/other"
    assert id_of(options_of("big-00001-of-00001.gguf")) == "local/big"
    assert id_of(options_of("Q4_K_M.gguf", stated="…")) == "local/model"


def test_a_card_that_cannot_be_kept_is_left_out() -> None:
    found = options_of("tiny.gguf")
    files = {"tiny.gguf": FileFacts(size_bytes=10, sha256=digest("w"))}
    assert entry_from("local/tiny", found, files, Card(tags=("fine",))).tags == ("fine",)
    assert entry_from("local/tiny", found, files, Card(tags=("x" * 1000,))).tags == ()
    with pytest.raises(NotAModel, match="/id"):
        entry_from("No Id", found, files, Card())
