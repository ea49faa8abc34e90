"""Which limits are in force and who decides them."""

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from modelhubd.config import read_config
from modelhubd.downloads.limits import KEYS, Configured, QueueLimits, in_force
from modelhubd.downloads.schedule import Window
from modelhubd.errors import CannotStart
from modelhubd.places import find_places
from modelhubd.settings import DownloadsConfig


def configured(
    *, locked: tuple[str, ...] = (), values: DownloadsConfig | None = None, **origins: str
) -> Configured:
    return Configured(
        values=values or DownloadsConfig(),
        origins={f"downloads.{key}": origin for key, origin in origins.items()},
        locked=frozenset(f"downloads.{key}" for key in locked),
    )


def test_without_anything_said_the_defaults_count() -> None:
    assert in_force(configured(), {}) == (QueueLimits(), dict.fromkeys(KEYS, "default"))


def test_what_is_saved_wins_over_the_files_and_none_removes_what_they_say() -> None:
    told = configured(
        values=DownloadsConfig(max_active=3, max_bytes_per_s=50_000, schedule="22:00-06:00"),
        max_active="file",
        max_bytes_per_s="file",
        schedule="administrator",
    )
    limits, sources = in_force(told, {})
    assert limits == QueueLimits(max_active=3, max_bytes_per_s=50_000, window=Window(time(22), time(6)))
    assert sources["schedule"] == "administrator"
    limits, sources = in_force(told, {"max_active": 1, "max_bytes_per_s": None, "schedule": None})
    assert limits == QueueLimits(max_active=1)
    assert sources == {
        "max_active": "saved", "max_bytes_per_s": "saved", "connections": "default", "schedule": "saved",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (configured(max_active="argument"), r"--set downloads.max_active="),
        (configured(max_active="environment"), r"MODELHUB_DOWNLOADS_MAX_ACTIVE"),
        (configured(max_active="administrator", locked=("max_active",)), r"administrator .* locked"),
        (configured(max_active="environment", locked=("max_active",)), r"administrator .* locked"),
    ],
)
def test_who_decides_is_named_and_what_is_saved_does_not_count(told: Configured, reason: str) -> None:
    by = told.decided_by("max_active")
    assert by is not None
    assert re.search(reason, by)
    limits, sources = in_force(told, {"max_active": 9})
    assert limits.max_active == 2
    assert sources["max_active"] == told.source("max_active")


@pytest.mark.parametrize("origin", ["file", "administrator", "default"])
def test_files_leave_it_to_the_api(origin: str) -> None:
    assert configured(max_active=origin).decided_by("max_active") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_active = 17", "downloads.max_active"),
        ("connections = 0", "downloads.connections"),
        ("max_bytes_per_s = 9000", "at least 10240"),
        ('schedule = "at night"', "22:00-06:00"),
        ('schedule = "06:00-06:00"', "begins when it ends"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_at_the_start(
    tmp_path: Path, text: str, message: str
) -> None:
    places = find_places({"MODELHUB_HOME": str(tmp_path)})
    places.config_dir.mkdir()
    places.config_file.write_text(f"[downloads]\n{text}\n")
    with pytest.raises(CannotStart, match=message):
        read_config(places, {})


def test_the_environment_sets_them_too(tmp_path: Path) -> None:
    environ = {
        "MODELHUB_HOME": str(tmp_path),
        "MODELHUB_DOWNLOADS_MAX_BYTES_PER_S": "5000000",
        "MODELHUB_DOWNLOADS_CONNECTIONS": "8",
        "MODELHUB_DOWNLOADS_SCHEDULE": "22:00-06:00",
    }
    found: Any = read_config(find_places(environ), environ).settings.downloads
    assert (found.max_bytes_per_s, found.connections, found.schedule) == (5_000_000, 8, "22:00-06:00")
    environ["MODELHUB_DOWNLOADS_SCHEDULE"] = ""
    assert read_config(find_places(environ), environ).settings.downloads.schedule == ""
