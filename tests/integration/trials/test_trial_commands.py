"""`modelhub trial`, as somebody types it."""

import json
import sys
from pathlib import Path

import pytest

from modelhub_cli.main import run
from modelhub_client import Client
from tests.fakes.terminal import on_terminal
from tests.integration.trials.conftest import Trying

MODEL = "acme/typed"


def test_a_trial_is_typed_from_its_start_to_its_end(
    world: Trying, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_HOME", str(world.daemon.home))

    def types(*arguments: str, code: int = 0) -> str:
        assert run(["trial", *arguments]) == code, capsys.readouterr().err
        return capsys.readouterr().out

    old = world.have(MODEL, 1, "old")
    world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old})
    world.have(MODEL, 2, "new")
    assert types("list") == ""
    checks = tmp_path / "checks.yaml"
    checks.write_text("checks:\n  greets:\n    regex: Greetings\n")
    two = f"{MODEL}@1", f"{MODEL}@2"
    trial = types("start", *two, "--when", "parallel", "--keep", "5", "--checks", str(checks), "-q").strip()
    assert types("start", *two, code=5) == "", "two on one model are refused"
    types("start", *two, "--checks", str(tmp_path / "none"), code=2)
    types("show", "nothing", code=3)
    for n in range(3):
        world.chat(MODEL, f"question {n}")
    world.paired(trial, 3)
    assert types("list").startswith(f"{trial}\trunning\t{MODEL}@1:gguf-q4\t{MODEL}@2:gguf-q4\t3\t0")
    shown = types("show", trial)
    assert "pairs\t3\n" in shown and "candidate passes greets\t3\t3\t1.0" in shown
    assert json.loads(types("show", trial, "--json"))["evidence"]["pairs"] == 3
    assert len(types("pairs", trial, "-q").split()) == 3
    assert "1\tquestion\tuser: question 0" in types("pairs", trial, "--content")
    assert types("blind", trial, code=2) == "", "nobody is there to say"
    assert set(json.loads(types("blind", trial, "--json"))) == {"pair", "question", "first", "second", "left"}
    assert types("pause", trial).split("\t")[1] == "paused"
    assert types("resume", trial, "-q").strip() == trial
    assert types("promote", trial, code=2) == "", "nobody is there to be asked"
    assert types("promote", trial, "--dry-run").split("\t")[1] == "running"
    by_keys(world, trial)
    assert types("promote", trial, "--yes", "-q").strip() == trial
    assert world.means(MODEL) == 2
    assert types("list", "--decisions").split("\t")[:2] == [trial, "promoted"]
    types("remove", trial, "--candidate", "--yes", code=5)
    types("remove", trial, "--yes")
    assert types("list") == ""
    world.post("/updates/rollback", {"model": MODEL})
    client = Client(environ=world.daemon.environ)
    begun = client.start_trial(*two)
    client.delete_trial(begun.id)
    assert client.trials().total == 0


def by_keys(world: Trying, trial: str) -> None:
    """Three marks: a key that means nothing, the first, the second, alike."""
    seen = on_terminal(
        [sys.executable, "-m", "modelhub_cli.main", "trial", "blind", trial],
        world.daemon.environ | {"TERM": "xterm"},
        typed=[("q enough", b"x1"), ("q enough", b"2"), ("q enough", b"t")],
    )
    assert seen.code == 0, seen.plain
    assert "3 to mark" in seen.plain and "3 marked. No pair whose answers differ is left" in seen.plain
    marks = world.get(f"/trials/{trial}")["evidence"]["marks"]
    assert sum(marks.values()) == 3 and marks["tie"] == 1
