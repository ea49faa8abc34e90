import gzip
import json
from dataclasses import replace

import msgspec
import pytest

from modelhubd.entries.content import content_of, content_sha256, notes_of
from modelhubd.entries.older import offered
from modelhubd.registry.release.catalog import (
    Approved,
    Catalog,
    Frame,
    ServedVersion,
    Texts,
    document,
    entry_of,
    for_others,
    packed,
)
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile
from modelhubd.wire.registry import CatalogPublisher, CatalogTemplate, SignedCatalog, Tombstone

OPTION = Option(id="gguf-q4", format=Format.GGUF, files=(OptionFile(name="a.gguf", size_bytes=1),))
ENTRY = CatalogEntry(id="acme/tiny", options=(OPTION,), display_name="Tïny")
CONTENT = content_of(ENTRY, "second").decode()
VERSION = ServedVersion(
    model="acme/tiny", version=2, content=CONTENT, envelopes="[]", published_by="author",
    published_at="2026-01-02T00:00:00.000Z", verified=False,
)  # fmt: skip
HISTORY = [
    Approved(version=2, published_by="author", published_at="2026-01-02T00:00:00.000Z", notes="second"),
    Approved(version=1, published_by="other", published_at="2026-01-01T00:00:00.000Z", notes=None),
]
CATALOG = Catalog(
    served=(VERSION,),
    history={"acme/tiny": HISTORY},
    tombstones=(Tombstone(id="acme/bad", withdrawn_at="2026-01-01T00:00:00.000Z", reason="bad"),),
    templates=(CatalogTemplate(id="t", name="T", models=("acme/tiny",)),),
    publishers=(CatalogPublisher(name="acme"),),
)
FRAME = Frame(
    registry="r", revision=7, published_at="2026-01-03T00:00:00.000Z", checkpoint="c", audit_key="k"
)


def read(version: ServedVersion) -> CatalogEntry:
    return msgspec.json.decode(entry_of(version, HISTORY), type=CatalogEntry)


def test_an_entry_is_what_was_published_and_what_the_registry_says_of_it() -> None:
    entry = read(VERSION)
    assert (entry.id, entry.display_name, entry.options) == (ENTRY.id, ENTRY.display_name, ENTRY.options)
    assert (entry.version, entry.publisher, entry.published_by) == (2, "acme", "author")
    assert entry.published_at == VERSION.published_at
    assert not entry.verified
    assert [(note.version, note.published_by, note.notes) for note in entry.versions] == [
        (2, "author", "second"), (1, "other", None),
    ]  # fmt: skip


def test_the_digest_of_the_content_can_be_computed_from_the_entry() -> None:
    entry = read(VERSION)
    assert content_sha256(entry, notes_of(entry)) == content_sha256(ENTRY, "second")


def test_verification_and_envelopes_come_from_the_registry() -> None:
    envelopes = '[{"payload":"AA==","payloadType":"x","signatures":[]}]'
    entry = read(replace(VERSION, verified=True, envelopes=envelopes))
    assert entry.verified
    assert entry.envelopes[0].payload_type == "x"


def test_no_content_can_say_what_only_the_registry_says() -> None:
    """Such a content is refused when it is published; it would gain nothing here either."""
    claimed = {
        "verified": True,
        "older": [{"id": "x"}],
        "publisher": "other",
        "version": 99,
        "published_by": "x",
        "published_at": "y",
        "versions": [],
    }
    entry = read(replace(VERSION, content=json.dumps(json.loads(CONTENT) | claimed)))
    assert entry == read(VERSION)


def test_older_versions_for_programs_that_cannot_use_it_are_told_whole() -> None:
    older = replace(VERSION, version=1, content=content_of(ENTRY, "first").decode(), published_by="other")
    entry = read(replace(VERSION, older=(older,)))
    (found,) = entry.older
    assert (found.version, found.published_by, found.options) == (1, "other", ENTRY.options)
    second, first = offered(entry)
    assert content_sha256(second, notes_of(second)) == content_sha256(ENTRY, "second")
    assert (first.publisher, [note.version for note in first.versions]) == ("acme", [1])


def history(*requires: str | None) -> list[Approved]:
    """Newest first, the oldest being 1."""
    count = len(requires)
    return [
        Approved(version=count - at, published_by="a", published_at="", notes=None, requires=text)
        for at, text in enumerate(requires)
    ]


TWO, ONE, DAEMON = '{"app":{"editor":">=2"}}', '{"app":{"editor":">=1"}}', '{"daemon":">=9"}'


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ([], ()),
        ([None, TWO, None], ()),
        ([TWO], ()),
        ([TWO, TWO, None, None], (2,)),
        ([TWO, ONE, TWO, ONE, None, ONE], (5, 2)),
        ([DAEMON, '{"daemon":">=9","app":{}}', ONE, "{}"], (2, 1)),
        ([f'{{"daemon":">={number}"}}' for number in range(20)], tuple(range(19, 11, -1))),
    ],
    ids=["nothing", "for all", "alone", "newest of each", "order", "empty is none", "bounded"],
)
def test_of_each_requirement_the_newest_is_served_until_one_requires_nothing(
    requires: list[str | None], expected: tuple[int, ...]
) -> None:
    assert for_others(history(*requires)) == expected


def test_a_history_that_is_too_long_for_an_entry_is_cut_at_the_old_end() -> None:
    long = [
        Approved(version=number, published_by="a", published_at="2026-01-01T00:00:00.000Z", notes=None)
        for number in range(1500, 0, -1)
    ]
    entry = msgspec.json.decode(entry_of(VERSION, long), type=CatalogEntry)
    assert len(entry.versions) == 1000
    assert entry.versions[0].version == 1500


def test_equal_rows_give_equal_bytes() -> None:
    assert packed(document(CATALOG, FRAME)) == packed(document(CATALOG, FRAME))
    assert gzip.decompress(packed(document(CATALOG, FRAME))) == document(CATALOG, FRAME)


def test_a_document_that_is_made_of_the_one_before_is_the_same_as_one_made_anew() -> None:
    texts = Texts()
    other = replace(VERSION, model="acme/other", content=CONTENT.replace("acme/tiny", "acme/other"))
    for served in ((VERSION, other), (replace(VERSION, verified=True), other), (other,), (other, VERSION)):
        changed = replace(CATALOG, served=served)
        assert document(changed, FRAME, texts) == document(changed, FRAME)
    longer = replace(CATALOG, history={"acme/tiny": HISTORY[:1]})
    assert document(longer, FRAME, texts) == document(longer, FRAME)


def test_what_is_known_is_written_without_what_was_published() -> None:
    texts = Texts()
    bare = ServedVersion(model="acme/tiny", version=2)
    assert bare.is_bare
    assert not VERSION.is_bare
    assert not texts.know(bare, HISTORY)
    assert texts.of((VERSION,), CATALOG.history) == [entry_of(VERSION, HISTORY)]
    assert texts.know(bare, HISTORY)
    for other in (replace(bare, version=1), replace(bare, verified=True), replace(bare, older=(bare,))):
        assert not texts.know(other, HISTORY)
    assert not texts.know(bare, HISTORY[:1])
    assert texts.of((bare,), CATALOG.history) == [entry_of(VERSION, HISTORY)]
    assert texts.of((), {}) == []
    assert not texts.know(bare, HISTORY)


def test_the_document_holds_everything() -> None:
    found = msgspec.json.decode(document(CATALOG, FRAME), type=SignedCatalog)
    assert (found.registry, found.revision, found.published_at) == ("r", 7, FRAME.published_at)
    assert (found.checkpoint, found.audit_key, found.schema) == ("c", "k", 1)
    assert (found.tombstones, found.templates) == (CATALOG.tombstones, CATALOG.templates)
    assert found.publishers == CATALOG.publishers
    assert len(found.entries) == 1
