"""limits, prune and rates: what is asked of the daemon and what is said afterwards."""

from typing import Any

import pytest

from modelhubd.wire.downloads import DownloadLimits, KeptLeftover, Leftover, Leftovers, RemovedLeftovers
from modelhubd.wire.status import QueueSummary
from tests.fakes import samples
from tests.fakes.hub import Hub, frames, json_answer, problem_answer
from tests.unit.cli.conftest import Modelhub

ITEM = Leftover(name="aaaa", size_bytes=5_000_000, modified_at=samples.NOW)


def limits(**rest: Any) -> DownloadLimits:
    values: dict[str, Any] = {
        "max_active": 2, "max_bytes_per_s": 5_000_000, "connections": 16, "schedule": None,
        "sources": {
            "max_active": "default", "max_bytes_per_s": "saved", "connections": "default",
            "schedule": "default",
        },
    }  # fmt: skip
    return DownloadLimits(**(values | rest))


def bodies(hub: Hub, method: str) -> list[Any]:
    return [asked.body for asked in hub.asked if asked.method == method]


def test_limits_without_options_are_shown(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads/limits", json_answer(limits()))
    shown = modelhub("downloads", "limits")
    assert shown.code == 0
    assert shown.rows == [
        ["max_rate", "5000000"],
        ["max_active", "2"],
        ["connections", "16"],
        ["schedule", ""],
    ]
    assert bodies(hub, "PATCH") == []
    assert modelhub("downloads", "limits", "--json").values[0]["max_active"] == 2  # type: ignore[index]
    assert modelhub("downloads", "limits", "-q").out == ""


def test_what_the_schedule_holds_is_said(hub: Hub, modelhub: Modelhub) -> None:
    held = limits(schedule="22:00-06:00", held_until="2026-03-01T22:00:00.000Z", fixed=("schedule",))
    hub.on("GET /api/v1/downloads/limits", json_answer(held))
    assert ["held_until", "2026-03-01T22:00:00.000Z"] in modelhub("downloads", "limits").rows
    summary = QueueSummary(
        queued=3, active=0, waiting=0, paused=0, failed=0, rate_bytes_per_s=0, leftovers=1,
        leftover_bytes=7, held_until="2026-03-01T22:00:00.000Z",
    )  # fmt: skip
    hub.on("GET /api/v1/status", json_answer(samples.status(downloads=summary)))
    assert ["leftovers", "7"] in modelhub("status").rows


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("--max-rate", "5M"), {"max_bytes_per_s": 5_000_000}),
        (("--max-rate", "none"), {"max_bytes_per_s": None}),
        (("--max-active", "3", "--connections", "8"), {"max_active": 3, "connections": 8}),
        (("--schedule", "22:00-06:00"), {"schedule": "22:00-06:00"}),
        (("--schedule", "none"), {"schedule": None}),
    ],
)
def test_only_what_was_said_is_changed(
    hub: Hub, modelhub: Modelhub, arguments: tuple[str, ...], body: dict[str, Any]
) -> None:
    hub.on("PATCH /api/v1/downloads/limits", json_answer(limits()))
    assert modelhub("downloads", "limits", *arguments).code == 0
    assert bodies(hub, "PATCH") == [body]


def test_a_limit_that_cannot_be_is_a_usage_error(hub: Hub, modelhub: Modelhub) -> None:
    for arguments in (("--max-rate", "fast"), ("--max-rate", "1k"), ("--max-active", "17")):
        assert modelhub("downloads", "limits", *arguments).code == 2
    assert bodies(hub, "PATCH") == []


def test_who_decides_a_limit_elsewhere_is_a_conflict(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(
        "PATCH /api/v1/downloads/limits",
        problem_answer(409, "decided_elsewhere", "The environment sets it; unset it."),
    )
    shown = modelhub("downloads", "limits", "--max-active", "3")
    assert shown.code == 5
    assert "unset it" in shown.err


def test_a_pull_may_be_slow_and_slows_what_is_under_way(hub: Hub, modelhub: Modelhub) -> None:
    ended = frames(
        ("hello", {"epoch": "e", "resumed": False, "reason": "fresh", "heartbeat_s": 15}, None),
        ("download.changed", samples.download(state="completed", done=1000), "e-2"),
    )
    hub.on("POST /api/v1/downloads", json_answer(samples.download(state="active"), 200))
    hub.on("PATCH /api/v1/downloads/aaaa000011112222", json_answer(samples.download(state="active")))
    hub.on("GET /api/v1/events", ended)
    assert modelhub("pull", "acme/tiny", "--max-rate", "5M").code == 0
    assert bodies(hub, "POST")[0]["max_bytes_per_s"] == 5_000_000
    assert bodies(hub, "PATCH") == [{"max_bytes_per_s": 5_000_000}]


def test_prune_without_a_terminal_lists_and_removes_nothing(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads/leftovers", json_answer(Leftovers(items=(ITEM,), total_bytes=5_000_000)))
    shown = modelhub("downloads", "prune")
    assert (shown.code, shown.rows) == (0, [["aaaa", "5000000", samples.NOW]])
    assert "modelhub downloads prune --yes" in shown.err
    assert bodies(hub, "POST") == []
    assert modelhub("downloads", "prune", "--json").values[0]["total_bytes"] == 5_000_000  # type: ignore[index]


def test_prune_removes_what_it_has_listed_and_says_what_was_kept(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads/leftovers", json_answer(Leftovers(items=(ITEM,), total_bytes=5_000_000)))
    hub.on(
        "POST /api/v1/downloads/leftovers",
        json_answer(RemovedLeftovers(removed=(ITEM,), freed_bytes=5_000_000)),
    )
    shown = modelhub("downloads", "prune", "--yes")
    assert (shown.code, shown.out.split("\t")[0]) == (0, "aaaa")
    assert "5.00 MB freed" in shown.err
    assert bodies(hub, "POST") == [{"names": ["aaaa"]}]
    kept = RemovedLeftovers(
        removed=(), freed_bytes=0, kept=(KeptLeftover(name="aaaa", reason="it belongs to a download now"),)
    )
    hub.on("POST /api/v1/downloads/leftovers", json_answer(kept))
    shown = modelhub("downloads", "prune", "--yes")
    assert shown.code == 1
    assert "belongs to a download now" in shown.err


def test_prune_with_nothing_left_over_says_so(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("GET /api/v1/downloads/leftovers", json_answer(Leftovers(items=(), total_bytes=0)))
    shown = modelhub("downloads", "prune", "--yes")
    assert (shown.code, shown.out) == (0, "")
    assert "Nothing is left over" in shown.err
