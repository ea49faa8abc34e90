"""Every act in every state of a version, over HTTP; and what neither waits, nor asks, nor is half done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modelhubd.registry.database import Database
from modelhubd.wire.registry import VersionStatus as Status
from tests.fakes.origin import Origin
from tests.fakes.registry import Answered, Registry
from tests.fakes.registry_template import Copies
from tests.integration.registry.publishes import (
    MODEL,
    approved,
    audited,
    catalog,
    decide,
    publish,
    published,
)
from tests.unit.registry.samples import file_json, option_json

Act = Callable[[Registry, Any], Awaitable[Answered]]
REASON = {"reason": "a test"}

ACTS: dict[str, Act] = {
    "approve": lambda registry, found: decide(registry.reviewer, found),
    "reject": lambda registry, found: decide(registry.reviewer, found, "reject", reason="no"),
    "cancel": lambda registry, found: registry.author.post(f"{MODEL}/versions/{found['version']}/cancel"),
    "withdraw": lambda registry, found: registry.admin.post(
        f"{MODEL}/versions/{found['version']}/withdraw", REASON
    ),
}
WAYS: dict[Status, tuple[str, ...]] = {
    Status.PENDING: (),
    Status.APPROVED: ("approve",),
    Status.REJECTED: ("reject",),
    Status.CANCELLED: ("cancel",),
    Status.WITHDRAWN: ("approve", "withdraw"),
}
"""What brings a version that was just published into a status."""
GOES: dict[tuple[Status, str], Status] = {
    (Status.PENDING, "approve"): Status.APPROVED,
    (Status.PENDING, "reject"): Status.REJECTED,
    (Status.PENDING, "cancel"): Status.CANCELLED,
    (Status.APPROVED, "withdraw"): Status.WITHDRAWN,
}
"""Every move there is."""


async def test_every_act_in_every_state_moves_the_version_as_listed_or_changes_nothing(
    registry: Registry,
) -> None:
    moved = 0
    for status, way in WAYS.items():
        for name, act in ACTS.items():
            found = await published(registry.author, notes=f"{status}, {name}")
            for step in way:
                assert (await ACTS[step](registry, found)).status == 200
            before, seen = await shown(registry, found), len(await audited(registry))
            assert before["status"] == status
            answer = await act(registry, found)
            after = await shown(registry, found)
            if (status, name) in GOES:
                moved += 1
                assert (answer.status, after["status"]) == (200, GOES[status, name]), (status, name)
                assert len(await audited(registry)) == seen + 1
            else:
                assert (answer.status, answer.code) == (409, "wrong_state"), (status, name)
                assert (after, len(await audited(registry))) == (before, seen), (status, name)
            served = (await registry.author.get(MODEL)).json["served_version"]
            assert served == await highest_approved(registry)
    assert moved == len(GOES)


async def shown(registry: Registry, found: Any) -> Any:
    return (await registry.author.get(f"{MODEL}/versions/{found['version']}")).json


async def highest_approved(registry: Registry) -> int | None:
    listed = (await registry.author.get(f"{MODEL}/versions?limit=200")).json["items"]
    return max((one["version"] for one in listed if one["status"] == "approved"), default=None)


async def test_a_withdrawal_that_cannot_be_audited_leaves_the_verification_and_the_badge(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approved(registry)
    assert (await registry.admin.put("/templates/t", {"name": "T", "models": ["acme/tiny"]})).status == 200
    assert (await registry.admin.put(f"{MODEL}/verification")).status == 200
    seen = len(await audited(registry))
    from modelhubd.registry.audit import service

    real = service.append

    async def full(*given: Any, **named: Any) -> int:
        """The log takes the first of the two entries and not the second."""
        if named["action"] == "version.withdrawn":
            raise RuntimeError("the log is full")
        return await real(*given, **named)

    monkeypatch.setattr(service, "append", full)
    refused = await registry.admin.post(f"{MODEL}/versions/1/withdraw", REASON)
    monkeypatch.undo()
    assert refused.status == 500
    model = (await registry.reader.get(MODEL)).json
    assert (model["served_version"], model["verified"], model.get("tombstone")) == (1, True, None)
    assert (await registry.reader.get("/templates/t")).json["compliant"]
    assert len(await audited(registry)) == seen
    gone = await registry.admin.post(f"{MODEL}/versions/1/withdraw", REASON)
    assert gone.status == 200
    assert [entry["action"] for entry in (await audited(registry))[seen:]] == [
        "model.unverified", "version.withdrawn",
    ]  # fmt: skip


async def test_stars_and_reports_wait_for_nobody_who_changes_what_is_served(
    registry: Registry,
) -> None:
    """On SQLite everything that writes waits for its one writer; what is read waits for nobody on either."""
    await approved(registry)
    async with Database.open(registry.parts.config.database_url) as other, other.changing():
        assert (await registry.reader.get("/catalog")).status == 200
        assert (await registry.reader.get("/popularity")).status == 200
        assert (await registry.reader.get(MODEL)).status == 200
        if not other.is_sqlite:
            async with asyncio.timeout(10):
                assert (await registry.reader.put(f"{MODEL}/star")).status == 204
                assert (await registry.reader.post(f"{MODEL}/downloads")).status == 202
                await registry.parts.reports.written()
                counters = (await registry.reader.get(MODEL)).json["counters"]
                assert counters == {"downloads": 1, "stars": 1}
    assert (await publish(registry.author)).status == 201


async def test_no_source_address_is_asked_by_a_publish_a_review_or_an_approval(copies: Copies) -> None:
    with Origin() as origin:
        async with copies(allow_origins=(origin.url,)) as registry:
            options = [option_json(files=[file_json(urls=[f"{origin.url}/tiny.gguf"])])]
            found = await published(registry.author, options=options, homepage=f"{origin.url}/home")
            assert not [issue for issue in found["issues"] if issue["severity"] == "error"]
            assert (await registry.reviewer.get("/reviews")).json["total"] == 1
            assert (await decide(registry.reviewer, found)).status == 200
            (entry,) = [one for one in (await catalog(registry))["entries"] if one["id"] == "acme/tiny"]
            assert entry["options"][0]["files"][0]["urls"] == [f"{origin.url}/tiny.gguf"]
        assert origin.requests() == []
