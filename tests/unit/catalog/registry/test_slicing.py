"""The signed document a piece at a time."""

import gzip
import json
from typing import Any

import pytest

from modelhubd.catalog.registry import slicing
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.catalog.registry.slicing import PACKED_PIECE, Slices, pieces


def read(text: str | bytes) -> tuple[list[Any], Any]:
    """(values of the entries, the rest)."""
    slices = Slices(gzip.compress(text if isinstance(text, bytes) else text.encode()))
    found = [json.loads(entry) for entry, _ in slices]
    return found, json.loads(slices.rest)


def refusal(target: bytes, most: int = 1 << 20) -> str:
    with pytest.raises(NotTaken) as refused:
        list(pieces(target, most))
    return refused.value.code


def test_entries_come_one_by_one_and_the_rest_stays_as_it_was() -> None:
    entries = [{"id": f"lab/{number}", "text": "é" * 3000} for number in range(100)]
    document = {"schema": 1, "entries": entries, "revision": 12}
    assert read(json.dumps(document)) == (entries, {"schema": 1, "entries": [], "revision": 12})
    assert read(' { "entries" : [ ] , "revision": 1 } ') == ([], {"entries": [], "revision": 1})
    assert read('{"entries": {"no": "list"}, "n": 123456789012}') == (
        [], {"entries": {"no": "list"}, "n": 123456789012},
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{",
        '{"a"', '{"a": ', '{"a": 1', '{"a": 1 "b": 2}', '{"entries": [1 2]}', '{"entries": [1,',
        '{"entries": [], "entries": []}', '{"a": 1} more', '{"a": nope}', "[" * 100_000,
        '{"a": ' + "[" * 100_000, b'{"a": "\xff"}',
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused(text: str | bytes) -> None:
    with pytest.raises(NotTaken) as refused:
        read(text)
    assert refused.value.code == "bad_document"


def test_a_number_that_a_piece_cuts_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "PIECE", 8)
    assert read('{"entries": [1234567, 12345678901234, 1], "a": 123456789}') == (
        [1234567, 12345678901234, 1], {"entries": [], "a": 123456789},
    )  # fmt: skip


def test_a_part_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "VALUE_MAX", 1000)
    monkeypatch.setattr(slicing, "PIECE", 100)
    with pytest.raises(NotTaken) as refused:
        read(json.dumps({"entries": ["x" * 5000]}))
    assert refused.value.code == "oversized"


def test_only_one_whole_gzip_file_of_bounded_size_is_unpacked() -> None:
    whole = gzip.compress(b"{}" * 1000)
    assert b"".join(pieces(whole)) == b"{}" * 1000
    assert refusal(b"no gzip") == "bad_document"
    assert refusal(whole[:-4]) == "bad_document"
    assert refusal(whole + b"more") == "bad_document"
    assert refusal(whole + bytes(2 * PACKED_PIECE)) == "bad_document"
    assert refusal(gzip.compress(bytes(10_000_000))) == "oversized"
