"""From facts about files to an entry."""

import pytest

from modelhubd.entries.cards import Card
from modelhubd.entries.drafts import FileFacts, OptionFacts, Wishes, entry_of
from modelhubd.entries.grouping import Group, Member, NotAModel
from modelhubd.entries.rules import faults_in_entry
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.catalog import Format, Role

SHAPE = Architecture(family="llama", n_layers=2, hidden_size=128, context_length=4096)
DIGEST = "a" * 64


def header(**more: object) -> ModelFacts:
    facts = {
        "format": "gguf",
        "architecture": SHAPE,
        "weights_bytes": 10,
        "n_tensors": 1,
        "parameters": 1000,
    } | more
    return ModelFacts(**facts)  # type: ignore[arg-type]


def option(path: str, label: str | None = None, **more: object) -> OptionFacts:
    return OptionFacts(
        group=Group(Format.GGUF, label, (Member(path, Role.MODEL),)), headers=(header(**more),)
    )


def file(size: int = 10) -> FileFacts:
    return FileFacts(size_bytes=size, sha256=DIGEST, urls=("https://example.org/x",))


def test_an_entry_has_what_the_files_say() -> None:
    draft = entry_of(
        Wishes(id="acme/tiny"),
        [option("tiny-Q8_0.gguf", "Q8_0", name="Tiny", license="mit", has_chat_template=True, thinks=True)],
        {"tiny-Q8_0.gguf": file()},
    )
    entry = draft.entry
    assert faults_in_entry(entry) == []
    assert (entry.display_name, entry.parameters, entry.context_length) == ("Tiny", 1000, 4096)
    assert entry.license.spdx == "MIT"
    assert entry.capabilities == ("chat", "reasoning")
    assert [(item.id, item.quantization, item.size_bytes) for item in entry.options] == [
        ("gguf-q8_0", "Q8_0", 10)
    ]
    assert draft.remarks == ()


def test_what_a_person_says_goes_before_what_files_say() -> None:
    wishes = Wishes(
        id="acme/tiny", display_name="T", license="Apache-2.0", tags=("t",), capabilities=("code",)
    )
    entry = entry_of(
        wishes, [option("t.gguf", name="Tiny", license="mit")], {"t.gguf": file()}, card=Card(tags=("x",))
    ).entry
    assert (entry.display_name, entry.license.spdx, entry.tags, entry.capabilities) == (
        "T",
        "Apache-2.0",
        ("t",),
        ("code",),
    )


def test_options_are_ordered_by_size_and_parts_are_summed() -> None:
    parts = Group(Format.GGUF, "F16", (Member("b-1.gguf", Role.MODEL), Member("b-2.gguf", Role.SHARD)))
    found = [
        OptionFacts(
            group=parts, headers=(header(parameters=600), header(parameters=400, architecture=Architecture()))
        ),
        option("b-Q4_0.gguf", "Q4_0", parameters=None),
    ]
    sizes = {"b-1.gguf": file(30), "b-2.gguf": file(20), "b-Q4_0.gguf": file(10)}
    entry = entry_of(Wishes(id="acme/b"), found, sizes).entry
    assert [(item.id, item.size_bytes) for item in entry.options] == [("gguf-q4_0", 10), ("gguf-f16", 50)]
    assert entry.parameters == 1000


def test_options_of_several_models_are_refused() -> None:
    other = SHAPE.__class__(family="llama", n_layers=40, hidden_size=4096)
    with pytest.raises(NotAModel, match="several models"):
        entry_of(
            Wishes(id="acme/x"),
            [option("a.gguf"), option("b.gguf", architecture=other)],
            {"a.gguf": file(), "b.gguf": file()},
        )


def test_a_name_that_says_another_quantization_than_the_file_is_remarked() -> None:
    draft = entry_of(
        Wishes(id="acme/x"), [option("x-Q8_0.gguf", "Q8_0", quantization="Q4_K_M")], {"x-Q8_0.gguf": file()}
    )
    assert draft.remarks == ("x-Q8_0.gguf: the name says Q8_0, the file Q4_K_M",)
    assert draft.entry.options[0].quantization == "Q8_0"


@pytest.mark.parametrize(
    ("label", "stored"),
    [("Q4_K_M", "Q4_K_S"), ("UD-Q4_K_XL", "Q4_K_M"), ("MXFP4", "Q8_0"), (None, "Q4_0"), ("F16", None)],
)
def test_names_that_say_it_otherwise_but_not_wrongly_are_not_remarked(
    label: str | None, stored: str | None
) -> None:
    assert (
        entry_of(
            Wishes(id="acme/x"), [option("x.gguf", label, quantization=stored)], {"x.gguf": file()}
        ).remarks
        == ()
    )


@pytest.mark.parametrize(
    ("more", "card", "capabilities"),
    [
        ({"ranks": True}, Card(), ("rerank",)),
        ({"architecture": Architecture(family="bert", attention="encoder")}, Card(), ("embedding",)),
        ({}, Card(pipeline="image-text-to-text", languages=("en", "de")), ("vision", "multilingual")),
        ({}, Card(pipeline="translation"), ()),
    ],
)
def test_capabilities_are_what_the_file_can_do(
    more: dict[str, object], card: Card, capabilities: tuple[str, ...]
) -> None:
    entry = entry_of(
        Wishes(id="acme/x"), [option("x.gguf", None, **more)], {"x.gguf": file()}, card=card
    ).entry
    assert entry.capabilities == capabilities


def test_tags_that_only_repeat_the_format_or_a_key_are_left_out() -> None:
    card = Card(tags=("gguf", "finance", "license:mit", "MLX"))
    assert entry_of(Wishes(id="acme/x"), [option("x.gguf")], {"x.gguf": file()}, card=card).entry.tags == (
        "finance",
    )


def test_a_hostile_name_in_a_file_is_cut_and_clean() -> None:
    entry = entry_of(
        Wishes(id="acme/x"), [option("x.gguf", name="\x1b[31m" + "x" * 5000)], {"x.gguf": file()}
    ).entry
    assert faults_in_entry(entry) == []


def test_what_no_header_says_stays_unknown() -> None:
    silent = option("x.gguf", None, parameters=None, architecture=Architecture())
    entry = entry_of(Wishes(id="acme/x"), [silent], {"x.gguf": file()}).entry
    assert (entry.parameters, entry.architecture, entry.context_length) == (None, Architecture(), None)
    unread = OptionFacts(group=Group(Format.GGUF, "Q4_0", (Member("x.gguf", Role.MODEL),)))
    entry = entry_of(
        Wishes(id="acme/x"), [unread, option("y.gguf")], {"x.gguf": file(), "y.gguf": file()}
    ).entry
    assert (entry.parameters, entry.architecture) == (1000, SHAPE)


def test_a_projector_makes_a_model_see() -> None:
    members = (Member("x.gguf", Role.MODEL), Member("mmproj.gguf", Role.PROJECTOR))
    sees = OptionFacts(group=Group(Format.GGUF, None, members), headers=(header(has_chat_template=True),))
    entry = entry_of(Wishes(id="acme/x"), [sees], {"x.gguf": file(), "mmproj.gguf": file()}).entry
    assert entry.capabilities == ("chat", "vision")


def test_formats_count_layers_each_in_its_own_way() -> None:
    folder = OptionFacts(
        group=Group(Format.SAFETENSORS, None, (Member("m.safetensors", Role.MODEL),)),
        architecture=Architecture(family="llama", n_layers=3, hidden_size=128),
    )
    files = {"x.gguf": file(), "m.safetensors": file()}
    assert entry_of(Wishes(id="acme/x"), [option("x.gguf"), folder], files).entry.architecture == SHAPE
