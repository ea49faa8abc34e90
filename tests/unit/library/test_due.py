"""What the scrub reads next, what artifacts share, and what a look makes of a file that has changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from modelhubd.library.contents import bytes_on_disk, path_of_content
from modelhubd.library.due import due_files
from modelhubd.library.layout import Key
from modelhubd.library.states import Found, Trace, is_touched
from modelhubd.library.store import Stored
from modelhubd.wire.library import ArtifactFile, ArtifactState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
SECOND = 1_000_000_000
OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-02-20T00:00:00.000Z"


def file(name: str, verified_at: str | None = OLD, **rest: Any) -> ArtifactFile:
    values: dict[str, Any] = {"role": "model", "size_bytes": 10, "sha256": name * 3}
    return ArtifactFile(name=name, verified_at=verified_at, **(values | rest))


def stored(*files: ArtifactFile, id: str = "a", **rest: Any) -> Stored:
    values: dict[str, Any] = {
        "key": Key(f"acme/{id}", 1, "gguf"), "format": "gguf", "quantization": None, "source": "download",
        "state": ArtifactState.OK, "digest": None, "verified_at": OLD, "installed_at": OLD,
        "mtimes_ns": (5 * SECOND,) * len(files), "traces": (Trace(1, 5 * SECOND, 1),) * len(files),
    }  # fmt: skip
    return Stored(id=id, files=files, **(values | rest))


def due(*rows: Stored, known: str = "", passed: set[tuple[str, str]] = frozenset()) -> str | None:  # type: ignore[assignment]
    found = due_files(
        rows,
        with_pieces={letter * 3 for letter in known},
        passed=passed,
        now=NOW,
        every=MONTH,
    )
    return found[0][1].name if found else None


def test_pieces_that_nobody_knows_come_first_then_what_was_read_longest_ago() -> None:
    rows = [stored(file("x"), file("y", NEW), file("z", "2026-01-02T00:00:00.000Z"))]
    assert due(*rows, known="xz") == "y"
    assert due(*rows, known="xyz") == "x"
    assert due(*rows, known="xyz", passed={("a", "x")}) == "z"
    assert due(*rows, known="xyz", passed={("a", "x"), ("a", "z")}) is None


def test_what_nobody_promised_or_is_not_there_is_not_scrubbed() -> None:
    assert due(stored(file("x", sha256=None))) is None
    assert due(stored(file("x"), state=ArtifactState.OFFLINE)) is None


def test_a_whole_file_is_found_by_its_content() -> None:
    rows = [
        stored(file("x", None), id="unread"),
        stored(file("x"), id="gone", state=ArtifactState.MISSING),
        stored(file("x"), id="here"),
    ]
    assert path_of_content(rows, "xxx", 10) == "acme/here/1/gguf/x"
    assert path_of_content(rows, "xxx", 11) is None
    assert path_of_content(rows, "yyy", 10) is None


def test_two_names_of_one_file_count_once() -> None:
    one, other = stored(file("x"), id="a"), stored(file("x"), id="b")
    assert bytes_on_disk([one, other]) == 10
    assert bytes_on_disk([one, replace(other, traces=(Trace(2, 5, 1),))]) == 20
    assert bytes_on_disk([one, replace(other, traces=())]) == 20


@pytest.mark.parametrize(
    ("found", "touched"),
    [
        (Found(10, 1, 0, inode=1, ctime_ns=5 * SECOND), False),
        (Found(10, 1, 0, inode=1, ctime_ns=9 * SECOND), True),
        (Found(10, 2, 0, inode=1, ctime_ns=9 * SECOND), False),
        (Found(10, 1, 0, inode=2, ctime_ns=9 * SECOND), True),
        (Found(10, 2, 0, inode=2, ctime_ns=9 * SECOND), True),
        (Found(10, 1, 0, inode=2, ctime_ns=5 * SECOND), False),
        (Found(10, 1, SECOND, inode=2, ctime_ns=SECOND), False),
    ],
    ids=["as it was", "written to", "a second name", "another file", "both", "mounted anew", "copied there"],
)
def test_a_file_that_was_touched_is_told_by_its_inode(found: Found, touched: bool) -> None:
    assert is_touched(Trace(1, 5 * SECOND, 1), found) is touched
    assert not is_touched(None, found)


def look(row: Stored, *, offline: bool = False, **facts: Any) -> Stored:
    values: dict[str, Any] = {"size_bytes": 10, "links": 1, "mtime_ns": 5 * SECOND, "inode": 1}
    seen = Found(**(values | {"ctime_ns": 5 * SECOND} | facts))
    return row.seen(dict.fromkeys(row.paths, seen), offline=offline)


def test_known_damage_stays_until_the_file_is_another_one() -> None:
    row = stored(file("x", None, damaged=((0, 5),)), verified_at=None, state=ArtifactState.DAMAGED)
    assert look(row).state is ArtifactState.DAMAGED
    assert look(row, offline=True).state is ArtifactState.OFFLINE
    assert look(look(row, offline=True)).state is ArtifactState.DAMAGED, "as its drive comes back"
    back = look(row, inode=2, ctime_ns=99 * SECOND)
    assert (back.state, back.files[0].damaged, back.verified_at) == (ArtifactState.OK, (), None)


def test_a_touched_file_is_not_verified_any_more_and_a_second_name_is_no_touch() -> None:
    row = stored(file("x"))
    assert look(row) == row
    touched = look(row, ctime_ns=99 * SECOND)
    assert (touched.verified_at, touched.files[0].verified_at) == (None, None)
    linked = look(row, ctime_ns=99 * SECOND, links=2)
    assert linked.verified_at == OLD
    assert linked.traces == (Trace(1, 99 * SECOND, 2),)
    assert look(linked, ctime_ns=200 * SECOND, links=2).verified_at is None, "written to afterwards"
