"""Which entries make up the catalog."""

from modelhubd.catalog.merge import LocalEntry, merge, shown_name
from tests.unit.catalog.samples import entry


def local(file: str, ident: str, pointer: str = "", **more: object) -> LocalEntry:
    return LocalEntry(file, pointer, entry(ident, **more))


def test_local_entries_come_on_top_of_the_base() -> None:
    merged = merge([entry("lab/b")], [local("a.json", "me/a")])
    assert [(item.entry.id, item.source) for item in merged.entries] == [
        ("me/a", "local"),
        ("lab/b", "floor"),
    ]
    assert merged.faults == ()


def test_a_local_entry_never_replaces_one_of_the_base() -> None:
    merged = merge(
        [entry("lab/b", display_name="True")], [local("a.json", "lab/b", "/3", display_name="False")]
    )
    assert [item.entry.display_name for item in merged.entries] == ["True"]
    (fault,) = merged.faults
    assert (fault.file, fault.pointer) == ("a.json", "/3/id")
    assert "lab/b is in the catalog already" in fault.reason


def test_of_two_local_entries_with_one_id_the_first_stays() -> None:
    merged = merge([], [local("a.json", "me/x", parameters=1), local("b.json", "me/x", parameters=2)])
    assert [item.entry.parameters for item in merged.entries] == [1]
    (fault,) = merged.faults
    assert (fault.file, fault.pointer) == ("b.json", "/id")
    assert "a.json" in fault.reason


def test_nobody_calls_a_model_as_what_lies_at_an_address() -> None:
    pretending = [local("a.json", "hf.acme/tiny"), local("b.json", "url.example.org/tiny-0123abcd")]
    merged = merge([], [*pretending, local("c.json", "hfacme/tiny")])
    assert [item.entry.id for item in merged.entries] == ["hfacme/tiny"]
    assert [(fault.file, "an address" in fault.reason) for fault in merged.faults] == [
        ("a.json", True), ("b.json", True),
    ]  # fmt: skip


def test_a_withdrawn_model_does_not_come_back_as_somebodys_own() -> None:
    merged = merge([], [local("a.json", "lab/gone")], closed={"lab/gone"})
    assert merged.entries == []
    assert "has been withdrawn" in merged.faults[0].reason


def test_nobody_verifies_their_own_entry() -> None:
    merged = merge([entry("lab/b", verified=True)], [local("a.json", "me/a", verified=True)])
    assert {item.entry.id: item.entry.verified for item in merged.entries} == {"lab/b": True, "me/a": False}


def test_entries_stand_by_the_name_that_people_read_then_by_id() -> None:
    merged = merge(
        [
            entry("z/1", display_name="Alpha"),
            entry("b/beta"),
            entry("a/beta"),
            entry("a/Q", display_name="gamma"),
        ],
        [],
        base_source="registry",
    )
    assert [item.entry.id for item in merged.entries] == ["z/1", "a/beta", "b/beta", "a/Q"]
    assert {item.source for item in merged.entries} == {"registry"}


def test_a_model_without_a_display_name_is_called_by_its_id() -> None:
    assert shown_name(entry("me/tiny")) == "tiny"
    assert shown_name(entry("me/tiny", display_name="Tiny")) == "Tiny"
