"""Automatic updates: within their window, only what nothing holds back, never while offline."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from modelhubd.updates.automatic import LOOK_S, due, keep_updated
from modelhubd.wire.updates import AppliedUpdates, ApplyUpdates, Update, UpdateError, UpdateKind, UpdateState


def update(id: str, state: UpdateState = UpdateState.AVAILABLE, **rest: Any) -> Update:
    return Update(
        id=id, model="a/b", state=state, installed_version=1, installed_option="q4", version=2, **rest
    )


class Person:
    def __init__(self, *updates: Update) -> None:
        self.updates = updates
        self.asked: list[tuple[str, ...] | None] = []

    async def all(self) -> tuple[Update, ...]:
        return self.updates

    async def apply(self, request: ApplyUpdates) -> AppliedUpdates:
        self.asked.append(request.ids)
        assert request.switch == "next_load" and not request.force
        return AppliedUpdates()


def test_only_what_is_available_and_has_not_failed_is_due() -> None:
    failed = UpdateError(code="http_error", detail="no")
    updates = [
        update("a"), update("b", UpdateState.HELD_BACK), update("c", UpdateState.DOWNLOADING),
        update("d", UpdateState.READY), update("e", error=failed), update("f", kind=UpdateKind.CONTENT),
    ]  # fmt: skip
    assert due(updates) == ("a",)


@pytest.mark.parametrize(
    ("hour", "offline", "asked"), [(3, False, True), (1, False, False), (5, False, False), (3, True, False)]
)
async def test_they_are_applied_within_the_window_and_not_offline(
    hour: int, offline: bool, asked: bool
) -> None:
    person, slept = Person(update("a")), asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert seconds == LOOK_S
        slept.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        keep_updated(
            person,
            window="02:00-05:00",
            clock=lambda: datetime(2026, 1, 1, hour, 0, tzinfo=UTC),
            local=lambda moment: moment,
            offline=lambda: offline,
            sleep=sleep,
        )
    )
    async with asyncio.timeout(10):
        await slept.wait()
    task.cancel()
    assert person.asked == ([("a",)] if asked else [])
