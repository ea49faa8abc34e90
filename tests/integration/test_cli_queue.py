"""The queue from the command line, against the real daemon."""

import subprocess
import sys
from pathlib import Path

from tests import forked
from tests.fakes.terminal import on_terminal
from tests.running import RunningDaemon

PROGRAM = [sys.executable, "-m", "modelhub_cli.main", "downloads"]


def types(daemon: RunningDaemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run(PROGRAM[2], [*PROGRAM[3:], *arguments], daemon.environ)


def test_limits_are_changed_shown_and_removed(daemon: RunningDaemon) -> None:
    changed = types(daemon, "limits", "--max-rate", "5M", "--max-active", "3", "--schedule", "22:00-06:00")
    assert changed.returncode == 0, changed.stderr
    assert changed.stdout.splitlines()[:4] == [
        "max_rate\t5000000", "max_active\t3", "connections\t16", "schedule\t22:00-06:00",
    ]  # fmt: skip
    types(daemon, "limits", "--max-rate", "none", "--schedule", "none")
    found = daemon.client.limits()
    assert (found.max_bytes_per_s, found.schedule, found.max_active) == (None, None, 3)
    wrong = types(daemon, "limits", "--schedule", "at night")
    assert wrong.returncode == 2
    assert "22:00-06:00" in wrong.stderr
    seen = on_terminal([*PROGRAM, "limits"], daemon.environ, within_s=40)
    assert "3 (saved)" in seen.text and "always" in seen.text


def test_prune_asks_at_a_terminal(daemon: RunningDaemon) -> None:
    staging = daemon.home / "models/.staging"
    folder: Path = staging / ("a" * 16)
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(b"x" * 90_000)
    program = [*PROGRAM, "prune"]
    refused = on_terminal(program, daemon.environ, typed=(("[y/N]", b"n\n"),), within_s=40)
    assert refused.code == 130 and folder.exists()
    assert "a" * 16 in refused.text
    removed = on_terminal(program, daemon.environ, typed=(("[y/N]", b"y\n"),), within_s=40)
    assert removed.code == 0 and not folder.exists()
    assert "freed" in removed.text
