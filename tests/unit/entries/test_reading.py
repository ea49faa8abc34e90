"""A bad entry is dropped with a pointer to what is wrong, and never takes a good one with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.entries.reading import CONTAINERS_MAX, ENTRIES_MAX, FILE_FAULTS_MAX, FILE_MAX, read_entries
from modelhubd.wire.servers import ModelSettings
from tests.unit.catalog.samples import entry_json, file_json, option_json


def faults_of(*items: Any) -> list[tuple[str, str]]:
    return list(read_entries(json.dumps(list(items)).encode()).faults)


def test_a_file_holds_one_entry_or_a_list() -> None:
    one = read_entries(json.dumps(entry_json()).encode())
    assert [(pointer, entry.id) for pointer, entry in one.entries] == [("", "me/tiny")]
    several = read_entries(json.dumps([entry_json("me/a"), entry_json("me/b")]).encode())
    assert [(pointer, entry.id) for pointer, entry in several.entries] == [("/0", "me/a"), ("/1", "me/b")]


def test_a_bad_entry_hides_no_good_one() -> None:
    read = read_entries(json.dumps([entry_json("me/a"), {"id": "me/b"}, 7, entry_json("me/c")]).encode())
    assert [entry.id for _, entry in read.entries] == ["me/a", "me/c"]
    assert [pointer for pointer, _ in read.faults] == ["/1", "/2"]
    assert "options" in read.faults[0][1]


def test_the_size_of_an_option_is_filled_in_from_its_files() -> None:
    ((_, entry),) = read_entries(json.dumps(entry_json()).encode()).entries
    assert entry.options[0].size_bytes == 10**9


def test_a_file_saved_with_a_byte_order_mark_is_read() -> None:
    assert read_entries(b"\xef\xbb\xbf" + json.dumps(entry_json()).encode()).faults == ()


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        (entry_json("Me/Tiny"), "/0/id"),
        (entry_json("me/tiny\n"), "/0/id"),
        (entry_json("me/../tiny"), "/0/id"),
        (entry_json(version=0), "/0/version"),
        (entry_json(version="1"), "/0/version"),
        (entry_json(options=[]), "/0/options"),
        (entry_json(options=[option_json()] * 2), "/0/options/1/id"),
        (entry_json(options=[option_json("GGUF")]), "/0/options/0/id"),
        (entry_json(options=[option_json(format="zip")]), "/0/options/0/format"),
        (entry_json(options=[option_json(files=[])]), "/0/options/0/files"),
        (entry_json(options=[option_json(quantization=" ")]), "/0/options/0/quantization"),
        (entry_json(options=[option_json(files=[file_json("../x.gguf")])]), "/0/options/0/files/0/name"),
        (entry_json(options=[option_json(files=[file_json("/x.gguf")])]), "/0/options/0/files/0/name"),
        (entry_json(options=[option_json(files=[file_json("x.sh")])]), "/0/options/0/files/0/name"),
        (entry_json(options=[option_json(files=[file_json("x.gguf\n")])]), "/0/options/0/files/0/name"),
        (
            entry_json(options=[option_json(files=[file_json("a.gguf"), file_json("A.gguf")])]),
            "/0/options/0/files",
        ),
        (entry_json(options=[option_json(files=[file_json(role="draft")])]), "/0/options/0/files"),
        (
            entry_json(options=[option_json(files=[file_json(size_bytes=0)])]),
            "/0/options/0/files/0/size_bytes",
        ),
        (
            entry_json(options=[option_json(files=[file_json(size_bytes=-1)])]),
            "/0/options/0/files/0/size_bytes",
        ),
        (
            entry_json(options=[option_json(files=[file_json(size_bytes=1.5)])]),
            "/0/options/0/files/0/size_bytes",
        ),
        (
            entry_json(options=[option_json(files=[file_json(sha256="AB" * 32)])]),
            "/0/options/0/files/0/sha256",
        ),
        (entry_json(options=[option_json(files=[file_json(sha256="ab")])]), "/0/options/0/files/0/sha256"),
        (entry_json(options=[option_json(files=[file_json(urls=[""])])]), "/0/options/0/files/0/urls/0"),
        (entry_json(options=[option_json(files=[file_json(urls=["x"] * 17)])]), "/0/options/0/files/0/urls"),
        (entry_json(options=[option_json(size_bytes=5)]), "/0/options/0/size_bytes"),
        (
            entry_json(options=[option_json(size_bytes=0, files=[file_json(size_bytes=None)])]),
            "/0/options/0/size_bytes",
        ),
        (
            entry_json(
                options=[
                    option_json(
                        size_bytes=5, files=[file_json("a.gguf"), file_json("b.gguf", size_bytes=None)]
                    )
                ]
            ),
            "/0/options/0/size_bytes",
        ),
        (entry_json(display_name="\u202egnp"), "/0/display_name"),
        (entry_json(display_name=""), "/0/display_name"),
        (entry_json(display_name="x" * 301), "/0/display_name"),
        (entry_json(description="\x1b[2J"), "/0/description"),
        (entry_json(description="x" * 10_001), "/0/description"),
        (entry_json(tags=["ok", "\u200f"]), "/0/tags/1"),
        (entry_json(tags=["ok", " "]), "/0/tags/1"),
        (entry_json(tags=["x"] * 65), "/0/tags"),
        (entry_json(homepage="javascript:alert(1)"), "/0/homepage"),
        (entry_json(license={"url": "file:///etc/passwd"}), "/0/license/url"),
        (entry_json(published_at="yesterday"), "/0/published_at"),
        (entry_json(parameters=-1), "/0/parameters"),
        (entry_json(parameters=10**17), "/0/parameters"),
        (entry_json(requires={"app": {"x": ""}}), "/0/requires/app"),
        (entry_json(requires={"app": {"x": 1}}), "/0/requires/app"),
        (entry_json(architecture={"n_layers": 10**9}), "/0/architecture"),
        (entry_json(architecture={"n_kv_heads": [1] * 5000}), "/0/architecture"),
        (entry_json(versions=[{"version": 0}]), "/0/versions/0/version"),
        (entry_json(versions=[{"version": 2}]), "/0/versions/0/version"),
        (entry_json(version=2, versions=[{"version": 1}] * 2), "/0/versions/1/version"),
        (entry_json(versions=[{"version": 1, "published_at": "?"}]), "/0/versions/0/published_at"),
        (entry_json(versions=[{"version": 1, "notes": "x" * 10_001}]), "/0/versions/0/notes"),
        (entry_json(unknown={"deep/er~": ["ok", "\u2028"]}), "/0/unknown/deep~1er~0/1"),
        (entry_json() | {"\u202e": 1}, "/0"),
        (entry_json(settings={"ctx": -1}), "/0/settings/ctx"),
        (entry_json(settings={"flash_attention": "off", "kv_type_v": "q8_0"}), "/0/settings/kv_type_v"),
    ],
)
def test_a_fault_is_pointed_at(item: Any, pointer: str) -> None:
    found = faults_of(item)
    assert [where for where, _ in found] == [pointer], found
    assert found[0][1]


def test_more_options_files_or_versions_than_anybody_needs_are_refused() -> None:
    options = [option_json(f"o{n}") for n in range(65)]
    assert [where for where, _ in faults_of(entry_json(options=options))] == ["/0/options"]
    many = [option_json("o", files=[file_json(f"f{n}.gguf") for n in range(513)])]
    assert [where for where, _ in faults_of(entry_json(options=many))] == ["/0/options"]
    notes = [{"version": n} for n in range(1, 1003)]
    assert ("/0/versions", "more than 1000 versions") in faults_of(entry_json(version=2000, versions=notes))


def test_a_description_may_have_lines_and_other_text_may_not() -> None:
    assert faults_of(entry_json(description="one\ntwo")) == []
    assert [where for where, _ in faults_of(entry_json(display_name="one\ntwo"))] == ["/0/display_name"]


def test_an_address_that_downloads_will_refuse_does_not_drop_the_entry() -> None:
    """Which origins may be plain http is configured elsewhere, and may be so later."""
    assert faults_of(entry_json(options=[option_json(files=[file_json(urls=["http://10.0.0.1/x"])])])) == []


def test_unknown_fields_are_left_to_newer_programs() -> None:
    assert faults_of(entry_json(sparkle=True)) == []


def test_a_key_that_stands_twice_drops_its_entry_only() -> None:
    good = json.dumps(entry_json("me/good"))
    bad = '{"id": "me/a", "id": "me/b", "options": []}'
    read = read_entries(f"[{bad}, {good}]".encode())
    assert read.faults == (("/0/id", "the key stands twice in one object"),)
    assert [entry.id for _, entry in read.entries] == ["me/good"]


@pytest.mark.parametrize("number", ["1" * 5000, "NaN", "-Infinity"])
def test_a_number_that_cannot_be_read_drops_its_entry_only(number: str) -> None:
    good = json.dumps(entry_json("me/good"))
    bad = json.dumps(entry_json("me/bad", parameters=0)).replace('"parameters": 0', f'"parameters": {number}')
    read = read_entries(f"[{bad}, {good}]".encode())
    assert [where for where, _ in read.faults] == ["/0/parameters"]
    assert len(read.faults[0][1]) < 100
    assert [entry.id for _, entry in read.entries] == ["me/good"]


def test_deep_nesting_is_refused_at_any_depth() -> None:
    for depth in (20, 100_000):
        read = read_entries(b"[" * depth + b"]" * depth)
        assert [reason for _, reason in read.faults] == ["nested deeper than 16 levels"]
        assert read.entries == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b" " * (FILE_MAX + 1),
        b"[" + b"[]," * CONTAINERS_MAX + b"[]]",
    ],
)
def test_what_is_no_catalog_file_is_refused_as_a_whole(data: bytes) -> None:
    read = read_entries(data)
    assert read.entries == ()
    assert [where for where, _ in read.faults] == [""]


def test_the_place_of_a_syntax_error_is_told() -> None:
    assert "line 2, column 3" in read_entries(b"[\n  oops]").faults[0][1]


def test_an_entry_with_many_faults_shows_the_first_few() -> None:
    options = [option_json(f"Bad{n}") for n in range(30)]
    assert len(faults_of(entry_json(options=options))) == 8


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "options", "files", "name", "license", "architecture", "tags", "x/~"])
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_document_whatever_raises(document: Any) -> None:
    read = read_entries(json.dumps(document).encode())
    assert len(read.entries) + len(read.faults) >= (0 if document == [] else 1)


@given(st.binary())
def test_no_bytes_whatever_raise(data: bytes) -> None:
    read = read_entries(data)
    assert read.entries == ()


@pytest.mark.timeout(20)
def test_a_doubled_key_among_very_many_is_found_at_once() -> None:
    keys = ",".join(f'"k{number}":1' for number in range(100_000))
    ((pointer, reason),) = read_entries(f'{{{keys},"k99999":1}}'.encode()).faults
    assert pointer == "/k99999"
    assert "twice" in reason


def test_a_file_of_very_many_values_is_refused_as_a_whole() -> None:
    values = b"[" + b",".join([b"1"] * (ENTRIES_MAX + 1)) + b"]"
    ((pointer, reason),) = read_entries(values).faults
    assert pointer == ""
    assert f"more than {ENTRIES_MAX} entries" in reason


def test_of_very_many_faults_the_first_are_told_and_no_good_entry_is_lost() -> None:
    read = read_entries(json.dumps([*([7] * 1000), entry_json()]).encode())
    assert [entry.id for _, entry in read.entries] == ["me/tiny"]
    assert len(read.faults) == FILE_FAULTS_MAX + 1
    assert read.faults[-1] == ("", f"{1000 - FILE_FAULTS_MAX} more faults; they show once these are mended")


@pytest.mark.parametrize(
    "architecture",
    [
        {"sliding_layers": [0] * 4097},
        {"n_kv_heads": [1] * 4097},
        {"sliding_layers": [-1]},
        {"state_bytes_per_slot": -1},
        {"n_experts": -1},
        {"n_experts_used": 2**40},
    ],
)
def test_a_shape_that_no_model_has_drops_the_entry(architecture: dict[str, Any]) -> None:
    assert faults_of(entry_json(architecture=architecture)) == [
        ("/0/architecture", "states figures that no model has")
    ]


def test_a_kind_of_attention_is_a_word() -> None:
    ((pointer, _),) = faults_of(entry_json(architecture={"attention": "x" * 301}))
    assert pointer == "/0/architecture/attention"


def test_an_entry_recommends_what_is_the_models_and_not_what_is_a_machines() -> None:
    item = entry_json(settings={"ctx": 16384, "reasoning": "on", "threads": 64, "mlock": True, "ttl_s": -1})
    ((_, entry),) = read_entries(json.dumps(item).encode()).entries
    assert entry.settings == ModelSettings(ctx=16384, reasoning="on")
