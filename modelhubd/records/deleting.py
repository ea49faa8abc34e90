"""Deletes many records: in transactions short enough that others write in between, and by whole days where
all of one go, whose sums then go with it."""

from modelhubd.records import store
from modelhubd.records.store import Where
from modelhubd.storage.database import Database, Transaction

MOST = 20_000
"""Records of whole days deleted at once, in 0.2 to 0.4 s."""
COUNTED = 5000
"""Records deleted at once whose days keep others: each has to be taken off their sums."""


async def delete(database: Database, where: Where, last: int | None = None) -> int:
    """Delete all of these up to number `last`, or up to the newest that there is now. How many that were."""
    if last is None:
        last = await store.last_number(database.reader)
    gone = 0
    while True:
        async with database.transaction() as tx:
            some = await _some(tx, where, last)
        if not some:
            return gone
        gone += some


async def _some(tx: Transaction, where: Where, last: int) -> int:
    found = await store.by_day(tx, where, last, MOST)
    if whole := [one for one in found if one.whole]:
        return await store.delete_days(tx, whole)
    return await store.delete_some(tx, where, last, COUNTED) if found else 0
