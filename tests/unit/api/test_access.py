"""The token, one-time codes and sessions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelhubd.api.access import CODES_AT_ONCE, Access, read_or_make_token
from modelhubd.errors import CannotStart, Unauthenticated
from modelhubd.storage.database import Database


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "test.db") as opened:
        yield opened


@pytest.fixture
async def access(tmp_path: Path, database: Database, clock: Clock) -> Access:
    made = Access(database, tmp_path / "token", clock)
    await made.start()
    return made


def test_the_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    token = read_or_make_token(tmp_path / "token")
    assert len(token) >= 43
    assert read_or_make_token(tmp_path / "token") == token
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    read_or_make_token(tmp_path / "token")
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(CannotStart, match="read by others"):
        read_or_make_token(tmp_path / "token")


def test_a_token_file_that_is_a_link_or_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch(mode=0o600)
    with pytest.raises(CannotStart, match="holds no token"):
        read_or_make_token(tmp_path / "empty")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(CannotStart, match="cannot be opened"):
        read_or_make_token(tmp_path / "link")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic {}", "Bearer wrong", "{}", "Bearer ü"]
)
async def test_without_the_right_token_nobody_passes(
    access: Access, tmp_path: Path, header: str | None
) -> None:
    token = (tmp_path / "token").read_text().strip()
    with pytest.raises(Unauthenticated):
        await access.check(None if header is None else header.format(token))


async def test_the_token_passes(access: Access, tmp_path: Path) -> None:
    await access.check(f"Bearer {(tmp_path / 'token').read_text()}")


async def test_a_code_signs_in_once(access: Access) -> None:
    code = access.make_code()
    session, _ = await access.open_session(code)
    await access.check(f"Bearer {session}")
    with pytest.raises(Unauthenticated, match="used"):
        await access.open_session(code)


async def test_a_code_dies_after_a_minute(access: Access, clock: Clock) -> None:
    code = access.make_code()
    clock.now += timedelta(seconds=60)
    with pytest.raises(Unauthenticated):
        await access.open_session(code)


async def test_only_the_newest_codes_are_kept(access: Access) -> None:
    codes = [access.make_code() for _ in range(CODES_AT_ONCE + 1)]
    with pytest.raises(Unauthenticated):
        await access.open_session(codes[0])
    await access.open_session(codes[1])


async def test_a_session_survives_a_restart_for_thirty_days(
    access: Access, database: Database, clock: Clock, tmp_path: Path
) -> None:
    session, expires_at = await access.open_session(access.make_code())
    assert expires_at == "2026-01-31T00:00:00.000Z"
    again = Access(database, tmp_path / "token", clock)
    await again.start()
    await again.check(f"Bearer {session}")
    clock.now += timedelta(days=30)
    with pytest.raises(Unauthenticated):
        await again.check(f"Bearer {session}")
    await again.start()
    assert await database.reader.fetch_all("SELECT * FROM session") == []


async def test_the_thirty_days_of_a_session_count_from_its_last_use(
    access: Access, database: Database, clock: Clock, tmp_path: Path
) -> None:
    session, _ = await access.open_session(access.make_code())
    for _ in range(5):
        clock.now += timedelta(days=20)
        again = Access(database, tmp_path / "token", clock)
        await again.start()
        await again.check(f"Bearer {session}")
    clock.now += timedelta(days=30)
    with pytest.raises(Unauthenticated):
        await again.check(f"Bearer {session}")


async def test_only_a_hash_of_a_session_is_kept(access: Access, database: Database) -> None:
    session, _ = await access.open_session(access.make_code())
    rows = await database.reader.fetch_all("SELECT token_sha256 FROM session")
    assert [session == row["token_sha256"] for row in rows] == [False]


async def test_rotating_ends_the_old_token_and_every_session(access: Access, tmp_path: Path) -> None:
    old = (tmp_path / "token").read_text().strip()
    session, _ = await access.open_session(access.make_code())
    await access.rotate()
    for token in (old, session):
        with pytest.raises(Unauthenticated):
            await access.check(f"Bearer {token}")
    await access.check(f"Bearer {(tmp_path / 'token').read_text().strip()}")


async def test_rotating_ends_the_codes_that_are_out(access: Access) -> None:
    code = access.make_code()
    await access.rotate()
    with pytest.raises(Unauthenticated):
        await access.open_session(code)


async def test_a_session_that_is_opened_while_the_token_is_rotated_does_not_outlive_it(
    access: Access, database: Database
) -> None:
    code = access.make_code()
    async with database.transaction():
        rotating = asyncio.create_task(access.rotate())
        await asyncio.sleep(0)
        opening = asyncio.create_task(access.open_session(code))
        await asyncio.sleep(0)
    await rotating
    with pytest.raises(Unauthenticated):
        await opening
    assert await database.reader.fetch_all("SELECT * FROM session") == []


async def test_rotating_ends_what_callers_with_the_old_token_still_read(access: Access) -> None:
    async def read() -> None:
        with access.reading():
            await asyncio.Event().wait()

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    await access.rotate()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await reader
