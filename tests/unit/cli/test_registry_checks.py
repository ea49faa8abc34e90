"""What doctor and `registry status` say of the organisation's registry."""

from typing import Any

import pytest

from modelhub_cli.checks import Verdict
from modelhub_cli.checks_registry import registry
from modelhubd.wire.catalog import AuditAlarm, AuditWitness, CatalogInfo, SyncError
from tests.fakes.hub import Hub, json_answer
from tests.unit.cli.conftest import Modelhub

AT = "2026-01-01T00:00:00.000Z"
ALARM = AuditAlarm(code="audit_forked", detail="Two logs.", at=AT)


def info(**more: Any) -> CatalogInfo:
    values: dict[str, Any] = {
        "source": "registry", "revision": "7", "models": 3, "local_entries": 0,
        "registry": "https://models.example.org", "checked_at": AT, "expires_at": AT,
        "audit": AuditWitness(size=5, root_hash="ab" * 32),
    }  # fmt: skip
    return CatalogInfo(**(values | more))


def error(code: str) -> SyncError:
    return SyncError(code=code, detail="Why.", at=AT)


def verdicts(found: CatalogInfo) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in registry(found)}


def test_where_no_registry_is_set_nothing_is_said_of_one() -> None:
    assert verdicts(info(registry=None)) == {}


def test_a_registry_that_vouches_for_its_catalog_is_fine() -> None:
    assert set(verdicts(info()).values()) == {Verdict.OK}
    assert set(verdicts(info(audit=None)).values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (info(last_error=error("unreachable")), Verdict.WARN),
        (info(last_error=error("mixed")), Verdict.FAIL),
        (info(last_error=error("unreachable"), source="floor"), Verdict.FAIL),
        (info(stale=True, stale_since=AT), Verdict.WARN), (info(source="floor"), Verdict.WARN),
    ],
)  # fmt: skip
def test_a_registry_whose_catalog_is_not_taken_is_told_by_how_bad_that_is(
    found: CatalogInfo, verdict: Verdict
) -> None:
    assert verdicts(found)["registry"] is verdict


def test_an_alarm_fails_until_it_is_acknowledged() -> None:
    (check,) = [check for check in registry(info(audit=AuditWitness(size=5, root_hash="", alarm=ALARM)))
                if check.name == "audit log"]  # fmt: skip
    assert check.verdict is Verdict.FAIL
    assert "--acknowledge-alarm" in check.advice


def test_the_status_of_the_registry_is_shown(hub: Hub, modelhub: Modelhub) -> None:
    alarmed = info(
        audit=AuditWitness(size=5, root_hash="ab" * 32, alarm=ALARM), last_error=error("audit_alarm")
    )
    hub.on("GET /api/v1/catalog", json_answer(alarmed))
    rows = dict(row for row in modelhub("registry", "status").rows)
    assert rows["revision"] == "7"
    assert rows["last_error"] == "audit_alarm Why."
    assert rows["audit_alarm"] == f"audit_forked {AT} Two logs."
    assert modelhub("registry", "status", "-q").out == "https://models.example.org\n"
    assert modelhub("registry", "status", "--json").values[0]["revision"] == "7"  # type: ignore[index]
    hub.on("GET /api/v1/catalog", json_answer(info(registry=None, source="floor")))
    assert modelhub("registry", "status").code == 0


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (info(), 0), (info(last_error=error("unreachable")), 1), (info(last_error=error("rolled_back")), 8),
        (info(last_error=error("not_allowed")), 4), (info(registry=None), 1),
    ],
)  # fmt: skip
def test_a_sync_says_by_its_exit_code_how_it_ended(
    hub: Hub, modelhub: Modelhub, found: CatalogInfo, code: int
) -> None:
    hub.on("POST /api/v1/catalog/sync", json_answer(found, 202))
    assert modelhub("registry", "sync").code == code
    assert modelhub("registry", "sync", "-q").out == "7\n"
    assert hub.asked[-1].query == (("wait", "done"),)


def test_an_alarm_is_acknowledged_by_name(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/catalog/audit/acknowledge", json_answer(info()))
    assert modelhub("registry", "sync", "--acknowledge-alarm", "--json").code == 0
