"""SQL of page sessions and of answers kept for repeated requests."""

from modelhubd.storage.database import Reader, Transaction


async def add_session(tx: Transaction, *, token_sha256: str, created_at: str, expires_at: str) -> None:
    await tx.execute("INSERT INTO session VALUES (?, ?, ?)", (token_sha256, created_at, expires_at))


async def set_session_expiry(tx: Transaction, *, token_sha256: str, expires_at: str) -> None:
    await tx.execute("UPDATE session SET expires_at = ? WHERE token_sha256 = ?", (expires_at, token_sha256))


async def live_sessions(reader: Reader, now: str) -> dict[str, str]:
    """Token hash → expiry of the sessions that have not expired."""
    rows = await reader.fetch_all("SELECT token_sha256, expires_at FROM session WHERE expires_at > ?", (now,))
    return {row["token_sha256"]: row["expires_at"] for row in rows}


async def drop_sessions(tx: Transaction, *, expired_before: str | None = None) -> None:
    """Forget the expired ones, or all of them."""
    if expired_before is None:
        await tx.execute("DELETE FROM session")
    else:
        await tx.execute("DELETE FROM session WHERE expires_at <= ?", (expired_before,))


async def kept_answer(reader: Reader, key: str, *, oldest: str) -> tuple[str, str, int, bytes] | None:
    """(route, body hash, status, answer) that this key was given, not before `oldest`."""
    row = await reader.fetch_one(
        "SELECT route, body_sha256, status, answer FROM idempotent_answer WHERE key = ? AND created_at >= ?",
        (key, oldest),
    )
    return None if row is None else (row["route"], row["body_sha256"], row["status"], row["answer"])


async def keep_answer(
    tx: Transaction,
    *,
    key: str,
    route: str,
    body_sha256: str,
    status: int,
    answer: bytes,
    now: str,
    oldest: str,
) -> None:
    """Keep an answer for its key, and forget those from before `oldest`."""
    await tx.execute("DELETE FROM idempotent_answer WHERE created_at < ?", (oldest,))
    await tx.execute(
        "INSERT OR IGNORE INTO idempotent_answer VALUES (?, ?, ?, ?, ?, ?)",
        (key, route, body_sha256, status, answer, now),
    )
