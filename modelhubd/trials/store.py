"""The SQL of trials."""

from collections.abc import Sequence

import msgspec

from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.wire.trials import (
    MOST_PAIRS,
    Pair,
    PairSide,
    Preferred,
    Side,
    TrialDecision,
    TrialModel,
    TrialState,
    When,
)

_sides = msgspec.json.Decoder(PairSide)
_decisions = msgspec.json.Decoder(TrialDecision)
SHOWN = 200
"""Of decisions, kept for ever; so many are answered."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A trial as its row has it."""

    id: str
    state: TrialState
    active: TrialModel
    candidate: TrialModel
    sample: float
    when: When
    keep: int
    max_pending: int
    max_pairs: int = 1000
    checks: str = ""
    """The user's, as they wrote them."""
    notes: tuple[str, ...] = ()
    from_update: bool = False
    reason_code: str | None = None
    reason_detail: str | None = None
    failures: int = 0
    skipped: int = 0
    created_at: str
    changed_at: str
    ended_at: str | None = None


class StoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair and what only the daemon knows of it."""

    pair: Pair
    shown_first: Side | None = None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    pairs: int = 0
    failed: int = 0
    marked: int = 0
    kept: int = 0


async def all_trials(reader: Reader) -> list[Stored]:
    """The newest first."""
    rows = await reader.fetch_all("SELECT * FROM trial ORDER BY created_at DESC, id")
    return [_stored(row) for row in rows]


async def get(reader: Reader, trial_id: str) -> Stored | None:
    row = await reader.fetch_one("SELECT * FROM trial WHERE id = ?", (trial_id,))
    return None if row is None else _stored(row)


async def put(tx: Transaction, trial: Stored) -> None:
    """Write it, over the one with its id."""
    await tx.execute(
        "INSERT INTO trial (id, state, active_id, active_model, active_version, active_option, candidate_id, "
        "candidate_model, candidate_version, candidate_option, sample, replay, keep, max_pending, max_pairs, "
        "checks, notes, from_update, reason_code, reason_detail, failures, skipped, created_at, changed_at, "
        "ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason_code = excluded.reason_code, "
        "max_pairs = excluded.max_pairs, "
        "reason_detail = excluded.reason_detail, failures = excluded.failures, skipped = excluded.skipped, "
        "changed_at = excluded.changed_at, ended_at = excluded.ended_at",
        (
            trial.id,
            trial.state.value,
            *_of_model(trial.active),
            *_of_model(trial.candidate),
            trial.sample,
            trial.when,
            trial.keep,
            trial.max_pending,
            trial.max_pairs,
            trial.checks,
            msgspec.json.encode(trial.notes).decode(),
            int(trial.from_update),
            trial.reason_code,
            trial.reason_detail,
            trial.failures,
            trial.skipped,
            trial.created_at,
            trial.changed_at,
            trial.ended_at,
        ),
    )


async def remove(tx: Transaction, trial_id: str) -> None:
    """With its pairs."""
    await tx.execute("DELETE FROM trial WHERE id = ?", (trial_id,))


async def tally(reader: Reader, trial_id: str) -> Tally:
    row = await reader.fetch_one(
        "SELECT count(*) AS pairs, coalesce(sum(failed), 0) AS failed, count(mark) AS marked, "
        "coalesce(sum(has_content), 0) AS kept FROM trial_pair WHERE trial_id = ?",
        (trial_id,),
    )
    assert row is not None
    return Tally(pairs=row["pairs"], failed=row["failed"], marked=row["marked"], kept=row["kept"])


async def entries(reader: Reader, trial_id: str) -> frozenset[str]:
    """Names of the sampled requests that pairs were made from already."""
    rows = await reader.fetch_all("SELECT entry FROM trial_pair WHERE trial_id = ?", (trial_id,))
    return frozenset(row["entry"] for row in rows)


async def next_number(reader: Reader, trial_id: str) -> int:
    row = await reader.fetch_one(
        "SELECT coalesce(max(n), 0) + 1 AS n FROM trial_pair WHERE trial_id = ?", (trial_id,)
    )
    assert row is not None
    return int(row["n"])


async def add_pair(tx: Transaction, trial_id: str, entry: str, pair: Pair) -> None:
    await tx.execute(
        "INSERT INTO trial_pair (trial_id, n, entry, route, at, active, candidate, failed, exact, "
        "normalised, similarity, tool_calls, has_content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            trial_id,
            pair.n,
            entry,
            pair.route,
            pair.at,
            msgspec.json.encode(pair.active).decode(),
            msgspec.json.encode(pair.candidate).decode(),
            int(pair.candidate.error is not None),
            pair.exact,
            pair.normalised,
            pair.similarity,
            pair.tool_calls,
            int(pair.has_content),
        ),
    )


async def rows_of_pairs(
    reader: Reader, trial_id: str, *, after: int = 0, limit: int = MOST_PAIRS
) -> list[Row]:
    """Of those with a number above `after`, in order. `read_pairs` reads them, which for many belongs into a
    thread."""
    return await reader.fetch_all(
        "SELECT * FROM trial_pair WHERE trial_id = ? AND n > ? ORDER BY n LIMIT ?", (trial_id, after, limit)
    )


def read_pairs(rows: Sequence[Row]) -> list[StoredPair]:
    return [_pair(row) for row in rows]


async def count_pairs(reader: Reader, trial_id: str) -> int:
    row = await reader.fetch_one("SELECT count(*) AS pairs FROM trial_pair WHERE trial_id = ?", (trial_id,))
    assert row is not None
    return int(row["pairs"])


async def with_content(reader: Reader, trial_id: str) -> frozenset[int]:
    """Numbers of the pairs whose content is kept."""
    rows = await reader.fetch_all("SELECT n FROM trial_pair WHERE trial_id = ? AND has_content", (trial_id,))
    return frozenset(row["n"] for row in rows)


async def pair(reader: Reader, trial_id: str, n: int) -> StoredPair | None:
    row = await reader.fetch_one("SELECT * FROM trial_pair WHERE trial_id = ? AND n = ?", (trial_id, n))
    return None if row is None else _pair(row)


async def to_mark(reader: Reader, trial_id: str) -> list[tuple[int, Side | None]]:
    """(number, what is shown first) of the pairs with content that nobody has marked and whose answers
    differ."""
    rows = await reader.fetch_all(
        "SELECT n, shown_first FROM trial_pair WHERE trial_id = ? AND has_content AND mark IS NULL "
        "AND NOT failed AND exact IS NOT TRUE ORDER BY n",
        (trial_id,),
    )
    return [(row["n"], row["shown_first"]) for row in rows]


async def marked(reader: Reader, trial_id: str) -> frozenset[int]:
    """Numbers of the pairs that were marked."""
    rows = await reader.fetch_all(
        "SELECT n FROM trial_pair WHERE trial_id = ? AND mark IS NOT NULL", (trial_id,)
    )
    return frozenset(row["n"] for row in rows)


async def show_first(tx: Transaction, trial_id: str, n: int, side: Side) -> None:
    await tx.execute(
        "UPDATE trial_pair SET shown_first = ? WHERE trial_id = ? AND n = ?", (side, trial_id, n)
    )


async def mark(tx: Transaction, trial_id: str, n: int, preferred: Preferred, now: str) -> None:
    await tx.execute(
        "UPDATE trial_pair SET mark = ?, marked_at = ? WHERE trial_id = ? AND n = ?",
        (preferred, now, trial_id, n),
    )


async def forget_content(tx: Transaction, trial_id: str, numbers: Sequence[int]) -> None:
    """Of these pairs nothing but figures is there any more."""
    await tx.execute_many(
        "UPDATE trial_pair SET has_content = 0 WHERE trial_id = ? AND n = ?",
        [(trial_id, n) for n in numbers],
    )


async def forget_all_content(tx: Transaction, trial_id: str) -> None:
    await tx.execute("UPDATE trial_pair SET has_content = 0 WHERE trial_id = ?", (trial_id,))


async def decide(tx: Transaction, decision: TrialDecision) -> None:
    await tx.execute(
        "INSERT INTO trial_decision (trial_id, decision) VALUES (?, ?)",
        (decision.trial, msgspec.json.encode(decision).decode()),
    )


async def decisions(reader: Reader) -> list[TrialDecision]:
    """The newest first."""
    rows = await reader.fetch_all(
        "SELECT decision FROM trial_decision ORDER BY number DESC LIMIT ?", (SHOWN,)
    )
    return [_decisions.decode(row["decision"]) for row in rows]


def _of_model(model: TrialModel) -> tuple[str, str, int, str]:
    return model.library_id, model.model, model.version, model.option


def _stored(row: Row) -> Stored:
    def model(which: str) -> TrialModel:
        return TrialModel(
            library_id=row[f"{which}_id"],
            model=row[f"{which}_model"],
            version=row[f"{which}_version"],
            option=row[f"{which}_option"],
        )

    return Stored(
        id=row["id"],
        state=TrialState(row["state"]),
        active=model("active"),
        candidate=model("candidate"),
        sample=row["sample"],
        when=row["replay"],
        keep=row["keep"],
        max_pending=row["max_pending"],
        max_pairs=row["max_pairs"],
        checks=row["checks"],
        notes=msgspec.json.decode(row["notes"], type=tuple[str, ...]),
        from_update=bool(row["from_update"]),
        reason_code=row["reason_code"],
        reason_detail=row["reason_detail"],
        failures=row["failures"],
        skipped=row["skipped"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        ended_at=row["ended_at"],
    )


def _pair(row: Row) -> StoredPair:
    def flag(name: str) -> bool | None:
        return None if row[name] is None else bool(row[name])

    return StoredPair(
        pair=Pair(
            n=row["n"],
            route=row["route"],
            at=row["at"],
            active=_sides.decode(row["active"]),
            candidate=_sides.decode(row["candidate"]),
            exact=flag("exact"),
            normalised=flag("normalised"),
            similarity=row["similarity"],
            tool_calls=flag("tool_calls"),
            mark=row["mark"],
            has_content=bool(row["has_content"]),
        ),
        shown_first=row["shown_first"],
    )
