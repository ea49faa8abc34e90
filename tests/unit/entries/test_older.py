"""Older versions beside the one that is served, for programs that cannot use that one."""

from typing import Any

import pytest

from modelhubd.entries.older import OLDER_MAX, at_version, newest_usable, offered
from modelhubd.entries.requirements import Programs
from modelhubd.entries.rules import faults_in_entry, with_sums
from modelhubd.wire.catalog import VersionNote
from modelhubd.wire.policy import App
from tests.unit.registry.samples import entry, option_json, publish_json

OLDER = [
    {
        "id": "acme/tiny",
        "version": 3,
        "requires": {"app": {"editor": ">=1.5"}},
        "options": [option_json("b")],
    },
    {"id": "acme/tiny", "version": 1, "options": [option_json("c")]},
]
ENTRY = entry(
    version=5, older=OLDER, requires={"app": {"editor": ">=2"}}, publisher="acme", verified=True,
    versions=[{"version": number, "notes": f"of {number}"} for number in (5, 3, 2, 1)],
)  # fmt: skip


def editor(version: str) -> Programs:
    return Programs(daemon="1.0", app=App(id="editor", version=version))


def test_each_version_that_is_offered_is_an_entry_of_its_own() -> None:
    served, third, first = offered(ENTRY)
    assert served is ENTRY
    assert (third.version, third.options[0].id, third.publisher, third.verified) == (3, "b", "acme", True)
    assert third.versions == tuple(VersionNote(version=one, notes=f"of {one}") for one in (3, 2, 1))
    assert (first.version, first.older, [note.version for note in first.versions]) == (1, (), [1])


def test_the_newest_that_a_program_can_use_is_found() -> None:
    for version, expected in (("2.0", 5), ("1.9", 3), ("1.0", 1)):
        found = newest_usable(ENTRY, editor(version))
        assert found is not None and found.version == expected
    assert newest_usable(ENTRY, Programs(daemon="1.0")) is ENTRY
    assert newest_usable(entry(requires={"app": {"editor": ">=2"}}), editor("1.0")) is None


def test_a_version_is_found_by_its_number() -> None:
    assert at_version(ENTRY, 5) is ENTRY
    third = at_version(ENTRY, 3)
    assert third is not None and third.options[0].id == "b"
    assert at_version(ENTRY, 2) is None
    assert at_version(None, 1) is None


def test_sums_are_filled_in_older_versions_too() -> None:
    assert [one.options[0].size_bytes for one in offered(with_sums(ENTRY))] == [1000, 1000, 1000]


def older(**more: Any) -> dict[str, Any]:
    return publish_json() | {"id": "acme/tiny", "version": 1} | more


@pytest.mark.parametrize(
    ("versions", "pointer", "words"),
    [
        ([older(id="acme/other")], "/older/0/id", "not acme/tiny"),
        ([older(version=4)], "/older/0/version", "not older than version 4"),
        ([older(version=2), older(version=2)], "/older/1/version", "not older than version 2"),
        ([older(older=[older()])], "/older/0/older", "none of its own"),
        ([older(options=[])], "/older/0/options", "1 to 64 options"),
        (
            [older(requires={"app": {"editor": "soon"}})],
            "/older/0/requires/app/editor",
            "not a version specifier",
        ),
        ([older()] * (OLDER_MAX + 1), "/older", f"more than {OLDER_MAX}"),
    ],
    ids=["id", "version", "order", "nested", "options", "requires", "many"],
)
def test_an_older_version_keeps_to_every_rule_of_an_entry(
    versions: list[Any], pointer: str, words: str
) -> None:
    faults = faults_in_entry(entry(version=4, older=versions))
    assert [(found, words in reason or reason) for found, reason in faults][:1] == [(pointer, True)], faults
