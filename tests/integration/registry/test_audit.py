"""The audit log: every act once, nothing taken back, and proofs that anybody can check."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.portable.service import check_log
from modelhubd.trust.audit import FIRST_PREV_HASH, leaf_of
from modelhubd.trust.merkle import fault_in_consistency, fault_in_inclusion
from modelhubd.trust.notes import open_checkpoint
from modelhubd.wire.registry import AuditEntry
from tests.fakes.registry import Registry
from tests.unit.trust import merkle_by_the_book as book

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def add(registry: Registry, count: int) -> None:
    """So many further entries, each in a change of its own."""
    for number in range(count):
        async with registry.parts.database.changing() as connection:
            await audit.append(
                connection, actor="author", action="template.put", subject=f"t{number}",
                detail={"number": number, "text": "ü\u2028"}, at=AT,
            )  # fmt: skip


async def whole(registry: Registry) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        more = "" if after is None else f"&after={after}"
        page = (await registry.admin.get(f"/audit?limit=20{more}")).json
        found += page["items"]
        after = page["next"]
        if after is None:
            assert len(found) == page["total"]
            return found


def bytes_of(entry: dict[str, Any]) -> bytes:
    """The canonical bytes of an entry, made here from what is told, not by our code."""
    told = {name: entry[name] for name in ("action", "actor", "at", "detail", "prev_hash", "seq", "subject")}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


async def test_the_log_is_a_chain_from_zero_on(registry: Registry) -> None:
    await add(registry, 3)
    entries = await whole(registry)
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))
    before = FIRST_PREV_HASH
    for entry in entries:
        assert entry["prev_hash"] == before
        before = entry["leaf_hash"]
        assert book.mth([bytes_of(entry)]).hex() == entry["leaf_hash"]
        assert leaf_of(AuditEntry(**entry)) == entry["leaf_hash"]


async def test_an_independent_checker_accepts_every_proof(registry: Registry) -> None:
    await add(registry, 12)
    entries = [bytes_of(entry) for entry in await whole(registry)]
    size = len(entries)
    checkpoint = (await registry.reader.get("/audit/checkpoint")).json
    assert checkpoint["size"] == size
    assert checkpoint["root_hash"] == book.mth(entries).hex()
    opened = open_checkpoint(checkpoint["note"], checkpoint["key"])
    assert (opened.origin, opened.size, opened.root) == ("registry.test", size, book.mth(entries))
    for seq in range(size):
        proof = (await registry.reader.get(f"/audit/proof/inclusion?seq={seq}")).json
        assert [bytes.fromhex(one) for one in proof["hashes"]] == book.path(seq, entries)
        assert proof["leaf_hash"] == book.mth([entries[seq]]).hex()
        assert (proof["size"], proof["seq"], proof["root_hash"]) == (size, seq, checkpoint["root_hash"])
    for old in range(1, size + 1):
        proof = (await registry.reader.get(f"/audit/proof/consistency?from={old}&to={size}")).json
        assert [bytes.fromhex(one) for one in proof["hashes"]] == book.proof(old, entries)
        assert (proof["size"], proof["from_size"]) == (size, old)


async def test_a_proof_may_be_asked_for_an_older_checkpoint(registry: Registry) -> None:
    old = (await registry.reader.get("/audit/checkpoint")).json
    await add(registry, 5)
    size, root = old["size"], bytes.fromhex(old["root_hash"])
    proof = (await registry.reader.get(f"/audit/proof/inclusion?seq=0&size={size}")).json
    hashes = [bytes.fromhex(one) for one in proof["hashes"]]
    assert fault_in_inclusion(bytes.fromhex(proof["leaf_hash"]), 0, size, hashes, root) is None
    proof = (await registry.reader.get(f"/audit/proof/consistency?from={size}")).json
    hashes = [bytes.fromhex(one) for one in proof["hashes"]]
    new = bytes.fromhex(proof["root_hash"])
    assert fault_in_consistency(size, root, size + 5, new, hashes) is None
    assert fault_in_consistency(size, bytes(32), size + 5, new, hashes) is not None


async def test_entries_are_found_by_who_did_what_to_what(registry: Registry) -> None:
    await add(registry, 2)
    for query, seen in (
        ("action=template.put", {"t0", "t1"}), ("actor=author", {"t0", "t1"}), ("subject=t1", {"t1"}),
        ("action=template.put&subject=t0", {"t0"}), ("actor=nobody", set()),
    ):  # fmt: skip
        page = (await registry.admin.get(f"/audit?{query}")).json
        assert {entry["subject"] for entry in page["items"]} == seen
        assert page["total"] == len(seen)


async def test_only_administrators_read_entries_and_everybody_may_check_proofs(registry: Registry) -> None:
    for person in (registry.reader, registry.author, registry.reviewer):
        answer = await person.get("/audit")
        assert (answer.status, answer.code) == (403, "scope_missing")
        assert (await person.get("/audit/proof/inclusion?seq=0")).status == 200


async def test_what_cannot_be_proved_is_refused(registry: Registry) -> None:
    for path, status in (
        ("/audit?after=x", 422), ("/audit?after=-1", 422), ("/audit?after=" + "9" * 40, 422),
        ("/audit?after=٣", 422),
        ("/audit?limit=0", 422), ("/audit/proof/inclusion", 422), ("/audit/proof/inclusion?seq=-1", 422),
        ("/audit/proof/inclusion?seq=100000", 404), ("/audit/proof/inclusion?seq=0&size=100000", 422),
        ("/audit/proof/inclusion?seq=0&size=0", 404), ("/audit/proof/consistency?from=100000", 422),
        ("/audit/proof/consistency?from=1&to=100000", 422), ("/audit/proof/consistency?from=2&to=1", 422),
        ("/audit/proof/consistency?from=99999999999999999999", 422),
    ):  # fmt: skip
        answer = await registry.admin.get(path)
        assert answer.status == status, (path, answer.body)
        assert answer.json["detail"]


async def test_an_empty_beginning_is_proved_by_nothing(registry: Registry) -> None:
    proof = (await registry.reader.get("/audit/proof/consistency?from=0&to=0")).json
    assert proof["hashes"] == []
    assert proof["root_hash"] == book.mth([]).hex()


FORGERIES = (
    "UPDATE audit SET actor = 'somebody' WHERE seq = 0",
    "UPDATE audit SET entry = '{}' WHERE seq = 0",
    "UPDATE audit SET leaf_hash = prev_hash WHERE seq = 0",
    "DELETE FROM audit WHERE seq = 0",
    "DELETE FROM audit",
    "UPDATE audit_node SET hash = 'ff' WHERE level = 0",
    "DELETE FROM audit_node",
    # a fork: a second entry after the same one, one that leaves a gap, one that follows nothing
    "INSERT INTO audit SELECT seq, at, actor, action, subject, entry, leaf_hash, prev_hash FROM audit",
    "INSERT INTO audit SELECT max(seq) + 1, 'x', 'x', 'x', 'x', 'x', 'x', min(prev_hash) FROM audit",
    "INSERT INTO audit SELECT max(seq) + 2, 'x', 'x', 'x', 'x', 'x', 'x', 'x' FROM audit",
    "INSERT INTO audit SELECT max(seq) + 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x' FROM audit",
)


async def test_the_database_itself_keeps_the_log_as_it_is(registry: Registry) -> None:
    await add(registry, 3)
    before = await whole(registry)
    for statement in FORGERIES:
        with pytest.raises(sa.exc.DBAPIError):
            async with registry.parts.database.changing() as connection:
                await connection.execute(sa.text(statement))
                pytest.fail(f"it went through: {statement}")
    assert await whole(registry) == before


async def test_a_log_whose_rows_were_forged_beneath_the_triggers_does_not_verify(registry: Registry) -> None:
    """As somebody with the database's files could."""
    await add(registry, 3)
    await check_log(registry.parts.database)
    await _without_triggers(registry.parts.database, "UPDATE audit SET actor = 'somebody' WHERE seq = 1")
    from modelhubd.errors import CannotStart

    with pytest.raises(CannotStart, match="entry 1 was changed"):
        await check_log(registry.parts.database)


async def _without_triggers(database: Database, statement: str) -> None:
    async with database.changing() as connection:
        drop = "DROP TRIGGER audit_fixed" + ("" if database.is_sqlite else " ON audit")
        await connection.execute(sa.text(drop))
        await connection.execute(sa.text(statement))


async def test_a_change_whose_audit_entry_cannot_be_written_is_not_made(registry: Registry) -> None:
    """The next subtree's place is taken, so that the entry's write fails: so does the change."""
    entries = await whole(registry)
    async with registry.parts.database.changing() as connection:
        await connection.execute(
            sa.text("INSERT INTO audit_node (level, position, hash) VALUES (0, :at, 'ff')"),
            {"at": len(entries)},
        )
    answer = await registry.admin.post("/publishers", {"name": "newcomer"})
    assert answer.status == 500
    assert (await registry.admin.get("/publishers/newcomer")).status == 404
    assert await whole(registry) == entries


async def test_changes_at_once_make_one_chain(registry: Registry) -> None:
    before = len(await whole(registry))
    answers = await asyncio.gather(
        *(registry.admin.post("/publishers", {"name": f"p{number}"}) for number in range(12))
    )
    assert [answer.status for answer in answers] == [201] * 12
    assert len(await whole(registry)) == before + 12
    assert (await check_log(registry.parts.database)).audit_size == before + 12


async def test_what_cannot_be_an_entry_is_not_appended(registry: Registry) -> None:
    before = len(await whole(registry))
    entry: dict[str, Any] = {"actor": "a", "action": "template.put", "subject": "t", "detail": {}, "at": AT}
    for changed in (
        {"actor": ""}, {"subject": ""}, {"action": "put"}, {"action": "A.b"}, {"detail": {"a": [1.5]}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"audited|integer"):
            async with registry.parts.database.changing() as connection:
                await audit.append(connection, **(entry | changed))
    assert len(await whole(registry)) == before
