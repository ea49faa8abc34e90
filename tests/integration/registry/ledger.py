"""What must hold of a registry's database after any bad luck."""

import itertools
from collections import Counter

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.schema import audit as audit_table
from modelhubd.registry.schema import model, publisher, served, template_compliance, verification, version
from modelhubd.trust import merkle

NOTHING = "0" * 64


async def check(url: str) -> Counter[str]:
    """Raise if anything is wrong; else how often each action was audited."""
    async with Database.open(url) as database, database.reading() as connection:
        acts = await _chain(connection)
        await _versions(connection, acts)
        await _verified(connection, acts)
        made = await connection.scalar(
            sa.select(sa.func.count()).select_from(publisher).where(publisher.c.name.like("made-%"))
        )
        assert made == sum(
            1 for action, subject in acts if action == "publisher.created" and "made-" in subject
        )
    return Counter(action for action, _ in acts)


async def _chain(connection: AsyncConnection) -> list[tuple[str, str]]:
    """(action, subject) of every entry, whose hashes are right and in a row."""
    rows = (await connection.execute(sa.select(audit_table).order_by(audit_table.c.seq))).all()
    assert [row.seq for row in rows] == list(range(len(rows)))
    before = NOTHING
    for row in rows:
        assert row.prev_hash == before
        before = merkle.leaf_hash(row.entry.encode()).hex()
        assert row.leaf_hash == before
        assert msgspec.json.decode(row.entry)["prev_hash"] == row.prev_hash
    root = merkle.root_of([bytes.fromhex(row.leaf_hash) for row in rows])
    assert await audit.root(connection, len(rows)) == root
    return [(row.action, row.subject) for row in rows]


async def _versions(connection: AsyncConnection, acts: list[tuple[str, str]]) -> None:
    """Dense, audited one by one, and the highest approved one served."""
    rows = (await connection.execute(sa.select(version).order_by(version.c.model, version.c.version))).all()
    last = {row[0]: row[1] for row in await connection.execute(sa.select(model.c.id, model.c.last_version))}
    shown = {row[0]: row[1] for row in await connection.execute(sa.select(served.c.model, served.c.version))}
    of: dict[str, list[tuple[int, str]]] = {
        name: [(row.version, row.status) for row in group]
        for name, group in itertools.groupby(rows, key=lambda row: row.model)
    }
    for name, versions in of.items():
        assert [number for number, _ in versions] == list(range(1, last[name] + 1)), name
        approved = [number for number, status in versions if status == "approved"]
        assert shown.get(name) == max(approved, default=None), name
    ours = [row for row in rows if row.published_by != "seed"]
    assert sorted(subject for action, subject in acts if action == "version.published") == sorted(
        f"{row.model}@{row.version}" for row in ours
    )
    assert sorted(subject for action, subject in acts if action == "version.approved") == sorted(
        f"{row.model}@{row.version}" for row in ours if row.status in ("approved", "withdrawn")
    )


async def _verified(connection: AsyncConnection, acts: list[tuple[str, str]]) -> None:
    """Each model is verified as its last flip says, and the badges follow."""
    flips: dict[str, bool] = {}
    for action, subject in acts:
        if action in ("model.verified", "model.unverified"):
            assert flips.get(subject, False) != (action == "model.verified"), (
                f"{subject}: a flip that is none"
            )
            flips[subject] = action == "model.verified"
    verified = set((await connection.execute(sa.select(verification.c.model))).scalars())
    assert verified == {name for name, state in flips.items() if state}
    for badge in (await connection.execute(sa.select(template_compliance))).all():
        assert bool(badge.compliant) == (badge.models > 0 and badge.models == badge.verified)
