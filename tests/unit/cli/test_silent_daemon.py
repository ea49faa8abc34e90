"""`doctor` and a daemon that falls silent in the middle: what was found is kept, the rest is looked at."""

import pytest

from modelhub_cli.brief import BriefClient
from tests.fakes.hub import Answer, Hub
from tests.unit.cli.conftest import Modelhub

SILENT = Answer(lines=(), stall=True)


def test_a_daemon_that_falls_silent_half_way_is_told_with_what_it_was_not_asked(
    hub: Hub, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BriefClient, "patience_s", 0.3)
    hub.on("GET /api/v1/policy", SILENT)
    ran = modelhub("doctor")
    rows = {row[0] + " " + row[1]: row for row in ran.rows}
    assert ran.code == 1, ran.out
    assert "ok daemon" in rows and "has not answered" in rows["fail daemon"][2]
    assert "modelhub daemon logs" in rows["fail daemon"][3]
    assert rows["warn not looked at"][2].startswith("policy, library: ")
    assert sum(row[1] == "disk" for row in ran.rows) == 1
    assert "fail socket" in rows


def test_a_daemon_that_answers_with_errors_is_not_said_to_be_silent(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/version", Answer(status=500, body=b"{}"))
    hub.on("GET /api/v1/status", Answer(status=500, body=b"{}"))
    ran = modelhub("doctor")
    missed = next(row for row in ran.rows if row[1] == "not looked at")
    assert "catalog" in missed[2]
    assert not any(row[1] == "socket" and "does not answer" in row[2] for row in ran.rows)
