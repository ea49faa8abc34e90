import json
from datetime import UTC, datetime
from typing import Any

import pytest

from modelhubd.registry.audit.entries import EMPTY, Last, following
from modelhubd.trust.audit import entry_bytes, leaf_of
from modelhubd.trust.merkle import leaf_hash
from modelhubd.wire.registry import AuditEntry

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def entry(last: Last = EMPTY, **changes: Any) -> Any:
    said: dict[str, Any] = {
        "actor": "author", "action": "version.published", "subject": "acme/tiny@1",
        "detail": {"b": 1, "a": "ü"}, "at": AT, **changes,
    }  # fmt: skip
    return following(last, **said)


def test_the_first_entry_follows_nothing() -> None:
    first = entry()
    assert (first.seq, first.prev_hash) == (0, "0" * 64)
    assert first.entry == (
        '{"action":"version.published","actor":"author","at":"2026-01-02T03:04:05.678Z",'
        f'"detail":{{"a":"ü","b":1}},"prev_hash":"{"0" * 64}","seq":0,"subject":"acme/tiny@1"}}'
    )
    assert first.leaf_hash == leaf_hash(first.entry.encode()).hex()


def test_the_next_entry_names_the_hash_of_the_one_before() -> None:
    first = entry()
    second = entry(Last(seq=first.seq, leaf_hash=first.leaf_hash))
    assert (second.seq, second.prev_hash) == (1, first.leaf_hash)
    assert second.leaf_hash != first.leaf_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": ""}, {"subject": ""}, {"action": ""}, {"action": "published"}, {"action": "a.b.c"},
        {"action": "a.b\n"}, {"detail": {"rate": 0.5}}, {"detail": {"deep": [{"rate": float("nan")}]}},
    ],
)  # fmt: skip
def test_what_cannot_be_audited_is_no_entry(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"audited|integer"):
        entry(**changes)


@pytest.mark.parametrize("field", ["seq", "at", "actor", "action", "subject", "detail", "prev_hash"])
def test_whoever_holds_an_entry_can_hash_it_again(field: str) -> None:
    made = entry()
    told = AuditEntry(
        seq=0, at=made.at, actor=made.actor, action=made.action, subject=made.subject,
        detail=json.loads(made.entry)["detail"], prev_hash=made.prev_hash, leaf_hash=made.leaf_hash,
    )  # fmt: skip
    assert leaf_of(told) == told.leaf_hash
    other: Any = {"seq": 1, "detail": {}}.get(field, "another")
    import msgspec

    assert leaf_of(msgspec.structs.replace(told, **{field: other})) != told.leaf_hash


def test_the_order_of_a_detail_s_keys_does_not_count() -> None:
    said: dict[str, Any] = {
        "seq": 0, "at": "x", "actor": "a", "action": "b", "subject": "c", "prev_hash": "d",
    }  # fmt: skip
    assert entry_bytes(detail={"a": 1, "b": True}, **said) == entry_bytes(detail={"b": True, "a": 1}, **said)
