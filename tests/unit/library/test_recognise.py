"""What files are, by their digests."""

from modelhubd.library.imports.recognise import Known, matches, missing
from modelhubd.trust.names import Reference
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role


def option(id: str, *files: tuple[str, Role]) -> Option:
    return Option(
        id=id,
        format=Format.GGUF,
        files=tuple(OptionFile(name=f"{of}.gguf", role=role, sha256=of * 64) for of, role in files),
    )


def entry(id: str, *options: Option, version: int = 1) -> CatalogEntry:
    return CatalogEntry(id=id, version=version, options=options)


def here(*digests: str) -> dict[str, Known]:
    return {f"any-{digest}": Known(1, digest * 64) for digest in digests}


MODEL, SHARD, PROJECTOR = Role.MODEL, Role.SHARD, Role.PROJECTOR
PLAIN = option("plain", ("a", MODEL))
SEEING = option("seeing", ("a", MODEL), ("e", PROJECTOR))


def test_the_option_with_most_of_the_files_is_it() -> None:
    (found,) = matches(here("a", "e", "x"), [(entry("lab/m", PLAIN, SEEING), "local")])
    assert (found.option.id, found.names) == ("seeing", {"a.gguf": "any-a", "e.gguf": "any-e"})
    (found,) = matches(here("a"), [(entry("lab/m", PLAIN, SEEING), "local")])
    assert found.option.id == "plain"


def test_the_better_source_wins_and_each_weight_is_of_one_model() -> None:
    entries = [
        (entry("me/own", PLAIN), "local"),
        (entry("lab/served", PLAIN), "registry"),
        (entry("web/direct", PLAIN), "direct"),
        (entry("lab/other", option("other", ("b", MODEL))), "floor"),
    ]
    found = matches(here("a", "b"), entries)
    assert [one.entry.id for one in found] == ["lab/served", "lab/other"]


def test_a_projector_alone_is_no_model() -> None:
    assert matches(here("e"), [(entry("lab/m", option("eyes", ("e", PROJECTOR))), "local")]) == []


def test_what_is_asked_for_narrows_it() -> None:
    entries = [(entry("lab/m", PLAIN, SEEING, version=2), "registry")]
    for asked, wanted in (
        (Reference("lab/m"), ["seeing"]),
        (Reference("lab/m", 2, "plain"), ["plain"]),
        (Reference("lab/m", 1), []),
        (Reference("lab/n"), []),
    ):
        assert [one.option.id for one in matches(here("a", "e"), entries, asked)] == wanted, asked


def test_parts_that_are_not_here_are_named_where_some_weights_are() -> None:
    split = option("split", ("a", MODEL), ("b", SHARD))
    entries = [(entry("lab/m", split, SEEING, option("apart", ("z", MODEL))), "registry")]
    found = missing(here("a"), entries)
    assert [(one.id, [file.name for file in files]) for _, one, files in found] == [
        ("split", ["b.gguf"]), ("seeing", ["e.gguf"]),
    ]  # fmt: skip
    assert missing(here("e"), entries) == [], "eyes alone ask for no model"
