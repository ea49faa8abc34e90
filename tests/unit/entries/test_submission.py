"""What a publisher sends is taken whole or refused with a pointer to every fault."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.entries.content import HUB_MANAGED, content_sha256
from modelhubd.entries.fields import MANAGED
from modelhubd.entries.submission import BODY_MAX, FAULTS_MAX, submission_of
from modelhubd.errors import BadRequest, InvalidInput, TooLarge
from modelhubd.wire.catalog import CatalogEntry
from tests.unit.registry.samples import SHA, SHAPE, file_json, option_json, publish_json

ENVELOPE = {"payload": "e30=", "payloadType": "x", "signatures": [{"keyid": "k", "sig": "c2ln"}]}


def faults(body: Any, model: str = "acme/tiny") -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refusal:
        submission_of(body if isinstance(body, bytes) else json.dumps(body).encode(), model)
    assert refusal.value.detail
    return [(error.pointer, error.detail) for error in refusal.value.errors]


def pointers(body: Any) -> list[str]:
    return [pointer for pointer, _ in faults(body)]


def test_a_sound_publish_is_the_entry_its_notes_and_its_canonical_content() -> None:
    body = publish_json(id="acme/tiny", notes="first", envelopes=[ENVELOPE])
    taken = submission_of(json.dumps(body).encode(), "acme/tiny")
    assert taken.entry.id == "acme/tiny"
    assert taken.entry.options[0].size_bytes == 1000
    assert taken.notes == "first"
    assert hashlib.sha256(taken.content).hexdigest() == content_sha256(taken.entry, "first")
    assert json.loads(taken.content).keys().isdisjoint(HUB_MANAGED)
    assert len(taken.entry.envelopes) == 1


def test_the_id_may_be_left_out_and_must_not_be_anothers() -> None:
    assert submission_of(json.dumps(publish_json()).encode(), "acme/tiny").entry.id == "acme/tiny"
    assert pointers(publish_json(id="other/tiny")) == ["/id"]
    assert pointers(publish_json(id=7)) == ["/id"]


@pytest.mark.parametrize("field", sorted(MANAGED))
def test_a_field_of_the_registry_is_refused_with_who_sets_it(field: str) -> None:
    ((pointer, detail),) = faults(publish_json() | {field: True})
    assert pointer == f"/{field}"
    assert MANAGED[field] in detail


def objects(document: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a document with its pointer, but those whose keys are free."""
    if isinstance(document, dict):
        if pointer != "/requires/app":
            yield pointer, document
        for name, item in document.items():
            yield from objects(item, f"{pointer}/{name}")
    elif isinstance(document, list):
        for index, item in enumerate(document):
            yield from objects(item, f"{pointer}/{index}")


FULL = publish_json(
    requires={"app": {"desk": ">=1"}, "daemon": ">=1"}, hardware={"min_ram_bytes": 1}, settings={"ctx": 4096},
    envelopes=[ENVELOPE],
)  # fmt: skip
PLACES = [pointer for pointer, _ in objects(FULL)]


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_field_is_refused_at_every_depth(place: str) -> None:
    body = json.loads(json.dumps(FULL))
    dict(objects(body))[place]["surp/rise"] = 1
    assert faults(body) == [(f"{place}/surp~1rise", "unknown field")]


def test_every_struct_of_an_entry_is_among_those_places() -> None:
    assert {"", "/license", "/architecture", "/options/0", "/options/0/files/0", "/requires", "/hardware",
            "/settings", "/envelopes/0", "/envelopes/0/signatures/0"} == set(PLACES)  # fmt: skip


def test_the_keys_of_application_pins_are_free() -> None:
    taken = submission_of(
        json.dumps(publish_json(requires={"app": {"any-app": ">=1"}})).encode(), "acme/tiny"
    )
    assert taken.entry.requires.app == {"any-app": ">=1"}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"options": []}, "/options"),
    ({"options": [option_json(files=[file_json("../x.gguf")])]}, "/options/0/files/0/name"),
    ({"options": [option_json(files=[file_json("x.pkl")])]}, "/options/0/files/0/name"),
    ({"options": [option_json(files=[file_json("a.gguf"), file_json("A.gguf")])]}, "/options/0/files"),
    ({"options": [option_json("GGUF")]}, "/options/0/id"),
    ({"options": [option_json(), option_json()]}, "/options/1/id"),
    ({"options": [option_json(files=[file_json(sha256=SHA.upper())])]}, "/options/0/files/0/sha256"),
    ({"options": [option_json(format="zip")]}, "/options/0/format"),
    ({"options": "none"}, "/options"),
    ({"homepage": "javascript:alert(1)"}, "/homepage"),
    ({"license": {"url": "data:text/html,x"}}, "/license/url"),
    ({"description": "a\u202eb"}, "/description"),
    ({"description": "a\x1b[2Jb"}, "/description"),
    ({"display_name": "two\nlines"}, "/display_name"),
    ({"notes": "a\u2066b"}, "/notes"),
    ({"notes": 7}, "/notes"),
    ({"notes": "x" * 10_001}, "/notes"),
    ({"tags": ["a\u200bb"]}, "/tags/0"),
    ({"context_length": -1}, "/context_length"),
    ({"architecture": SHAPE | {"n_layers": 10**9}}, "/architecture"),
    ({"settings": {"kv_type_v": "q4_0", "flash_attention": "off"}}, "/settings/kv_type_v"),
    ({"envelopes": [ENVELOPE] * 9}, "/envelopes"),
    ({"envelopes": [ENVELOPE | {"payload": "not base64!"}]}, "/envelopes/0/payload"),
    ({"envelopes": [ENVELOPE | {"signatures": []}]}, "/envelopes/0/signatures"),
    (
        {"envelopes": [ENVELOPE | {"signatures": [{"keyid": "k", "sig": "?"}]}]},
        "/envelopes/0/signatures/0/sig",
    ),
    ({"envelopes": "x"}, "/envelopes"),
]


@pytest.mark.parametrize(("more", "pointer"), BAD, ids=lambda value: str(value)[:40])
def test_what_breaks_a_rule_of_the_catalog_is_pointed_at(more: dict[str, Any], pointer: str) -> None:
    assert pointers(publish_json(**more)) == [pointer]


def test_a_size_that_is_not_the_sum_is_for_the_reviewer_to_see() -> None:
    taken = submission_of(json.dumps(publish_json(options=[option_json(size_bytes=7)])).encode(), "acme/tiny")
    assert taken.entry.options[0].size_bytes == 7


def test_many_faults_are_told_at_once_but_not_all_of_a_flood() -> None:
    assert len(faults({f"x{index}": 1 for index in range(FAULTS_MAX + 5)})) == FAULTS_MAX
    with pytest.raises(InvalidInput, match="and 1 more"):
        submission_of(b'{"a": 1, "b": 2, "options": []}', "acme/tiny")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b"{'a':1}"])
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        submission_of(body, "acme/tiny")


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"x"'])
def test_what_is_no_object_is_pointed_at_as_a_whole(body: bytes) -> None:
    assert faults(body) == [("", "not an object with the fields of a catalog entry")]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"id": "acme/tiny", "id": "acme/tiny", "options": []}', "/id"),
        (b'{"context_length": NaN, "options": []}', "/context_length"),
        (b'{"context_length": 1' + b"0" * 5000 + b', "options": []}', "/context_length"),
        (b'{"tags": ' + b"[" * 20 + b"]" * 20 + b"}", "/tags" + "/0" * 15),
    ],
)
def test_json_that_readers_would_disagree_about_is_refused(body: bytes, pointer: str) -> None:
    assert [found for found, _ in faults(body)] == [pointer]


def test_a_publish_is_at_most_256_kib() -> None:
    with pytest.raises(TooLarge):
        submission_of(b" " * (BODY_MAX + 1), "acme/tiny")


LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CatalogEntry.__struct_fields__, "files", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(document=DOCUMENTS)
def test_nothing_that_is_sent_makes_it_fail_otherwise_than_by_a_refusal(document: Any) -> None:
    refused: tuple[type[Exception], ...] = (InvalidInput, BadRequest)
    body = json.dumps(document).encode()
    with pytest.raises(refused):
        submission_of(body, "acme/tiny")


def mutated(change: Callable[[dict[str, Any]], None]) -> bytes:
    body = publish_json()
    change(body)
    return json.dumps(body).encode()


@given(
    name=st.sampled_from(CatalogEntry.__struct_fields__),
    value=LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2),
)
def test_one_wrong_field_in_a_sound_publish_is_taken_or_refused_with_a_pointer(name: str, value: Any) -> None:
    try:
        taken = submission_of(mutated(lambda body: body.update({name: value})), "acme/tiny")
    except InvalidInput as refusal:
        assert refusal.errors
        assert all(error.pointer.startswith("/") for error in refusal.errors)
    else:
        assert msgspec.json.decode(taken.content)["id"] == "acme/tiny"
