"""What a version would change."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelhubd.entries.content import content_of
from modelhubd.registry.versions.diff import KEYS, changes_between, pointer
from modelhubd.wire.registry import Change
from tests.unit.registry.samples import OTHER, entry, file_json, option_json

VALUES = st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.integers(0, 2), max_size=2)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c/d", "e~f"]), VALUES, max_size=4)
FILES = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["x", "y", "z"])}, optional={"size": st.integers(0, 2)}),
    max_size=3, unique_by=lambda item: str(item["name"]),
)  # fmt: skip
OPTIONS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["p", "q", "r"]), "files": FILES}, optional={"more": OBJECTS}
    ),
    max_size=3, unique_by=lambda item: str(item["id"]),
)  # fmt: skip
CONTENTS = st.fixed_dictionaries({"options": OPTIONS}, optional={"license": OBJECTS, "tags": VALUES})


def content(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content_of(entry(**more), None))
    return found


def test_the_same_content_has_no_difference() -> None:
    assert changes_between(content(), content()) == ()


def test_every_field_is_new_where_nothing_is_served() -> None:
    changes = changes_between(None, content())
    assert {change.pointer for change in changes} == {f"/{name}" for name in content()}
    assert all(change.before is None for change in changes)


def test_a_changed_added_and_removed_field_is_one_change_each() -> None:
    assert changes_between(
        {"license": {"spdx": "MIT", "gated": True}}, {"license": {"spdx": "GPL-3.0-only", "name": "GPL"}}
    ) == (
        Change(pointer="/license/gated", before=True),
        Change(pointer="/license/name", after="GPL"),
        Change(pointer="/license/spdx", before="MIT", after="GPL-3.0-only"),
    )


def test_options_and_files_that_only_moved_are_no_difference() -> None:
    files = [file_json("a.gguf"), file_json("b.gguf", role="shard")]
    before = content(options=[option_json("one", files=files), option_json("two")])
    after = content(options=[option_json("two"), option_json("one", files=files[::-1])])
    assert changes_between(before, after) == ()


def test_a_file_with_another_digest_is_one_change_in_the_new_content() -> None:
    before = content(options=[option_json("one"), option_json("two")])
    after = content(options=[option_json("two", files=[file_json(sha256=OTHER)]), option_json("one")])
    (change,) = changes_between(before, after)
    assert change.pointer == "/options/0/files/0/sha256"
    assert change.after == OTHER


def test_an_option_that_is_gone_is_pointed_at_in_what_is_served() -> None:
    before = content(options=[option_json("one"), option_json("two")])
    after = content(options=[option_json("two"), option_json("three")])
    gone, new = changes_between(before, after)
    assert (gone.pointer, gone.before["id"], gone.after) == ("/options/0", "one", None)
    assert (new.pointer, new.before, new.after["id"]) == ("/options/1", None, "three")


def test_a_value_of_another_kind_is_one_change() -> None:
    (change,) = changes_between({"license": {"spdx": "MIT"}}, {"license": 7})
    assert change == Change(pointer="/license", before={"spdx": "MIT"}, after=7)


def test_a_pointer_escapes_what_rfc_6901_asks_for() -> None:
    assert pointer(("a/b", "c~d", "0")) == "/a~1b/c~0d/0"


@given(before=CONTENTS, after=CONTENTS)
def test_the_changes_make_the_new_content_of_what_is_served(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    made = copy.deepcopy(after)
    changes = changes_between(before, after)
    for change in reversed(changes):  # back from the new content to the old one
        undo(made, change)
    assert unordered(made) == unordered(before)
    assert bool(changes) == (unordered(before) != unordered(after))


def undo(made: Any, change: Change) -> None:
    """Take a change back in `made`, which is the new content. Content holds no null: None is absent."""
    *steps, last = [part.replace("~1", "/").replace("~0", "~") for part in change.pointer[1:].split("/")]
    parent = made
    for step in steps:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    if isinstance(parent, list):
        if change.before is None:
            parent[int(last)] = GONE
        else:
            parent.append(copy.deepcopy(change.before))
    elif change.before is None:
        del parent[last]
    else:
        parent[last] = copy.deepcopy(change.before)


GONE = {"gone": True}


def unordered(content: Any, names: tuple[str, ...] = ()) -> Any:
    if isinstance(content, dict):
        return {name: unordered(value, (*names, name)) for name, value in content.items()}
    if names in KEYS:
        kept = [unordered(item, names) for item in content if item != GONE]
        return {item[KEYS[names]]: item for item in kept}
    return content
