"""The floor as rows of the registry."""

from msgspec.structs import replace

from modelhubd.entries.content import content_sha256, notes_of
from modelhubd.floor.loader import load_floor
from modelhubd.registry.seed.service import rows_of

FLOOR = load_floor()


def test_every_entry_of_the_floor_becomes_a_row_in_the_order_of_its_id() -> None:
    rows, skipped = rows_of(reversed(FLOOR))
    assert skipped == ()
    assert [row.model for row in rows] == sorted(entry.id for entry in FLOOR)
    assert rows == rows_of(FLOOR)[0]
    digests = {entry.id: content_sha256(entry, notes_of(entry)) for entry in FLOOR}
    assert {row.model: row.content_sha256 for row in rows} == digests
    assert all(row.publisher == row.model.partition("/")[0] for row in rows)


def test_an_entry_that_breaks_a_rule_stops_no_other() -> None:
    first, second, *_ = FLOOR
    bad = (
        replace(first, id="Not An Id"),
        replace(second, options=()),
        replace(first, description="x" * 20_000),
    )
    rows, skipped = rows_of((first, *bad, first))
    assert [row.model for row in rows] == [first.id]
    assert sorted(skipped) == sorted(["Not An Id", second.id, first.id, first.id])
