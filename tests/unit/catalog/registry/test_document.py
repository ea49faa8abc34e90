"""The signed document: unpacked within bounds, read entry by entry."""

import gzip
import json
from typing import Any

import pytest

from modelhubd.catalog.registry import document
from modelhubd.catalog.registry.document import Known, digests_of, read_document
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.slicing import PIECE, Slices, pieces
from modelhubd.entries.reading import read_entries
from tests.unit.catalog.samples import entry_json

HEAD = {
    "schema": 1, "registry": "registry.test", "revision": 3, "published_at": "2026-01-01T00:00:00Z",
    "entries": [], "checkpoint": "", "audit_key": "",
}  # fmt: skip


def packed(**more: Any) -> bytes:
    return gzip.compress(json.dumps(HEAD | more).encode())


def test_what_is_signed_is_read_whole() -> None:
    tombstone = {"id": "lab/gone", "withdrawn_at": "2026-01-01T00:00:00Z", "reason": "Unfit."}
    found = read_document(
        packed(entries=[entry_json("lab/a"), entry_json("lab/b")], tombstones=[tombstone]), "ab"
    )
    assert [entry.id for entry in found.entries] == ["lab/a", "lab/b"]
    assert found.entries[0].options[0].size_bytes == 10**9
    assert found.faults == ()
    assert found.head.sha256 == "ab"
    assert found.head.catalog.entries == ()
    assert found.head.tombstones()["lab/gone"].reason == "Unfit."


def test_a_field_of_a_later_day_is_skipped() -> None:
    assert read_document(packed(invented_later={"a": 1}), "").head.catalog.revision == 3


def test_a_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(NotTaken, match="more than an unpacked catalog may have"):
        list(pieces(gzip.compress(bytes(2_000_001)), 2_000_000))
    assert b"".join(pieces(gzip.compress(bytes(2_000_000)), 2_000_000)) == bytes(2_000_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\x1f\x8b",
        gzip.compress(b"{}", mtime=0)[:-1],
        gzip.compress(b"{}", mtime=0) + b"x",
        gzip.compress(b"{}", mtime=0) * 2,
    ],
)
def test_what_is_not_one_whole_gzip_file_is_refused(data: bytes) -> None:
    with pytest.raises(NotTaken) as caught:
        list(pieces(data))
    assert caught.value.code == "bad_document"


@pytest.mark.parametrize(
    "more",
    [
        {"registry": ""}, {"registry": "a\u202eb"}, {"registry": "x" * 300}, {"revision": 0},
        {"revision": "1"}, {"published_at": "lately"}, {"published_at": "2026-01-01T00:00:00"},
        {"entries": {}}, {"schema": None},
    ],
)  # fmt: skip
def test_a_head_that_cannot_be_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(NotTaken) as caught:
        read_document(packed(**more), "")
    assert caught.value.code == "bad_document"


@pytest.mark.parametrize("data", [b"null", b"[" * 10**6, b'{"schema":1}', b"\xff", b"{"])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(NotTaken) as caught:
        read_document(gzip.compress(data, mtime=0), "")
    assert caught.value.code == "bad_document"


def test_a_newer_schema_is_told_as_such() -> None:
    with pytest.raises(NotTaken, match="Update modelhub"):
        read_document(packed(schema=2, entries="another form"), "")


def test_bad_entries_drop_themselves_and_only_some_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "FAULTS_MAX", 3)
    bad = [entry_json("Bad Id") for _ in range(9)]
    found = read_document(packed(entries=[*bad, entry_json("lab/a"), entry_json("lab/a")]), "")
    assert [entry.id for entry in found.entries] == ["lab/a"]
    assert [fault.pointer for fault in found.faults] == [
        "/entries/0/id",
        "/entries/1/id",
        "/entries/2/id",
        "",
    ]
    assert found.faults[-1].reason.startswith("7 more")


def test_more_entries_than_a_catalog_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "ENTRIES_MAX", 2)
    with pytest.raises(NotTaken, match="more than 2 entries"):
        read_document(packed(entries=[1, 2, 3]), "")


@pytest.mark.parametrize(
    "more",
    [
        {"display_name": "a\u202eb"}, {"display_name": "a\nb"}, {"tags": ["a\u200bb"]},
        {"display_name": "a\x07b"},
        {"base_model": "a\u2028b"}, {"requires": {"app": {"a": "b\nc"}}}, {"parameters": 10**30},
        {"parameters": -1}, {"parameters": "8B"}, {"version": 0}, {"tags": [["deep"]]}, {"options": []},
    ],
)  # fmt: skip
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_quick_look_lets_nothing_through_that_the_close_one_refuses(
    more: dict[str, Any], ascii_only: bool
) -> None:
    entries = [entry_json("lab/a"), entry_json("lab/b", **more)]
    data = json.dumps(HEAD | {"entries": entries}, ensure_ascii=ascii_only)
    found = read_document(gzip.compress(data.encode()), "")
    assert [entry.id for entry in found.entries] == ["lab/a"]
    assert found.faults[0].pointer.startswith("/entries/1/")


def test_the_quick_look_and_the_close_one_read_the_same() -> None:
    entries = [
        entry_json("lab/a", description="One line.\nAnother – one.", display_name='A "B" \\ Ä'),
        entry_json(),
    ]
    for item in entries:
        raw = json.dumps(item).encode()
        ((_, close),) = read_entries(raw).entries
        assert document._plain(json.dumps(item, ensure_ascii=False)) == close


def test_reading_ends_when_nobody_wants_it_any_more() -> None:
    with pytest.raises(NotTaken, match="the daemon stops"):
        read_document(packed(entries=[entry_json("lab/a")]), "", lambda: True)


def known_of(*ids: str, entries: list[Any]) -> Known:
    target = packed(entries=entries)
    assert read_document(target, "").digests == digests_of(target)
    return Known.of(digests_of(target), ids)


def test_of_what_is_known_only_the_ids_are_read() -> None:
    before = [entry_json("lab/a"), entry_json("lab/b"), entry_json("lab/c")]
    after = [entry_json("lab/d"), entry_json("lab/c"), entry_json("lab/a", description="New.")]
    known = known_of("lab/a", "lab/b", "lab/c", entries=before)
    found = read_document(packed(entries=after, revision=4), "", known=known)
    assert [entry.id for entry in found.entries] == ["lab/d", "lab/a"]
    assert (set(found.unchanged), len(found.faults)) == ({"lab/c"}, 0)
    assert found.head.catalog.revision == 4


def test_what_was_not_shown_is_looked_at_again() -> None:
    entries = [entry_json("lab/a"), entry_json("Bad Id"), 7, entry_json("lab/b")]
    found = read_document(packed(entries=entries), "", known=known_of("lab/a", entries=entries))
    assert ([entry.id for entry in found.entries], set(found.unchanged)) == (["lab/b"], {"lab/a"})
    assert [fault.pointer for fault in found.faults] == ["/entries/1/id", "/entries/2"]


def test_of_two_entries_with_one_id_the_first_counts_known_or_not() -> None:
    one, other = entry_json("lab/a"), entry_json("lab/a", description="Another.")
    for entries, unchanged in (([one, other], {"lab/a"}), ([other, one], set())):
        found = read_document(packed(entries=entries), "", known=known_of("lab/a", entries=[one]))
        assert found.unchanged == unchanged
        assert [entry.description for entry in found.entries] == ["Another."][len(unchanged) :]
        assert [fault.pointer for fault in found.faults] == ["/entries/1/id"]
    assert digests_of(packed(entries=[one, other])) == b""


@pytest.mark.parametrize("indent", [None, 1])
def test_a_document_is_cut_where_its_entries_end_wherever_the_pieces_do(indent: int | None) -> None:
    long = "ä€😀" * PIECE
    items: list[Any] = [{"id": long, "n": [[1]]}, 12, "x", None, [], {}, -0.5e300, {"a": '\\"}],['}]
    for size in (0, 1, 2, PIECE - 60, PIECE - 7):
        document = {"before": "y" * size, "entries": items, "after": {"entries": [1]}, "last": "digits"}
        text = json.dumps(document, ensure_ascii=False, indent=indent).replace('"digits"', "1" * 6000)
        slices = Slices(gzip.compress(text.encode()))
        cut = [json.loads(raw) for raw, _ in slices]
        assert cut == items
        assert '"entries":[]' in slices.rest
