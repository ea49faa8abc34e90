"""Death at steps of a trial: no pair is counted twice, nothing that was used stays, what was kept is whole,
and the name means the old version or the candidate, with the content gone."""

import contextlib
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import ClientError
from modelhubd.wire.trials import Trial
from tests.contract.world import until
from tests.crash.test_updates import Doomed, trap_of
from tests.crash.traps import Trap
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE, write_chat
from tests.integration.trials.conftest import NEW_ANSWER, Trying
from tests.raw import over_socket

MODEL = "acme/tried"
REPLAY = [
    ("spool.add", 1, "after"), ("trial_store.add_pair", 1, "after"), ("spool.drop", 1, "before"),
    ("spool.keep", 1, "after"), ("spool.forget", 2, "before"),
]  # fmt: skip
PROMOTE = [
    ("trial_store.decide", 1, "after"), ("trial_deciding.end_spool", 1, "before"),
]  # fmt: skip
TRY_FIRST = [
    ("trials.try_update", 1, "before"), ("trial_store.put", 1, "after"), ("trial_store.put", 1, "before"),
]  # fmt: skip
ALL = "CRASH_KILLS" in os.environ
KEEP = 3


@pytest.mark.timeout(300)
def test_a_trial_survives_death_at_each_step_and_counts_nothing_twice(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    write_chat(files / "old.gguf")
    write_chat(files / "new.gguf", answer=NEW_ANSWER)
    with Origin("--directory", str(files)) as origin:
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
            "MODELHUB_LOAD_CTX": "512",
        }  # fmt: skip
        doomed = Doomed(tmp_path / "home", settings)
        world = Trying(doomed, origin, files)
        doomed.start_with()
        try:
            old = world.have(MODEL, 1, "old")
            world.ask("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old})
            world.have(MODEL, 2, "new")
            trial = str(world.begin(f"{MODEL}@1", f"{MODEL}@2", keep=KEEP)["id"])
            steps = REPLAY if ALL else REPLAY[:3]
            traps = [trap_of(tmp_path, f"replay-{n}", *step) for n, step in enumerate(steps)]
            answered = ask_until_all_have_sprung(doomed, traps)
            found = settled(doomed, trial)
            assert (found.state.value, found.counts.pairs) == ("running", answered), "each once"
            check_spool(doomed, found)
            for number, (call, count, moment) in enumerate(PROMOTE):
                promote_and_die(
                    world, doomed, trap_of(tmp_path, f"promote-{number}", call, count, moment), trial
                )
        finally:
            doomed.stop()


@pytest.mark.timeout(300)
def test_an_update_whose_trial_could_not_begin_is_tried_after_the_next_start(tmp_path: Path) -> None:
    """Death between the install, which is committed, and the trial that it should begin, which is not."""
    files = tmp_path / "files"
    files.mkdir()
    write_chat(files / "old.gguf")
    for version in range(2, 2 + len(TRY_FIRST)):
        write_chat(files / f"{version}.gguf", answer=NEW_ANSWER, seed=version)
    with Origin("--directory", str(files)) as origin:
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
            "MODELHUB_UPDATES_TRIAL_FIRST": "true",
        }  # fmt: skip
        doomed = Doomed(tmp_path / "home", settings)
        world = Trying(doomed, origin, files)
        doomed.start_with()
        try:
            old = world.have(MODEL, 1, "old")
            for number, step in enumerate(TRY_FIRST if ALL else TRY_FIRST[:2]):
                install_and_die(world, doomed, number + 2, old, trap_of(tmp_path, f"try-{number}", *step))
                (begun,) = until(lambda: doomed.client.trials().items, bool)
                assert (begun.from_update, begun.active.library_id) == (True, old)
                assert (begun.candidate.version, begun.state.value) == (number + 2, "running")
                assert world.means(MODEL) == 1, "until somebody says so"
                if number:
                    doomed.stop()
                    doomed.start_with()
                assert [one.id for one in doomed.client.trials().items] == [begun.id], "once"
                doomed.client.remove_trial(begun.id, remove_candidate=True)
        finally:
            doomed.stop()


def install_and_die(world: Trying, doomed: Doomed, version: int, old: str, trap: Trap) -> None:
    """An update is installed beside the old version, and the daemon dies before its trial is there."""
    doomed.stop()
    doomed.start_with(trap)
    world.list_locally(world.entry(MODEL, version, str(version)), file=MODEL.replace("/", "-"))
    with contextlib.suppress(ClientError, OSError):
        doomed.client.apply_updates([old])
    until(Path(trap["file"]).exists, bool)
    doomed.dies()
    with contextlib.closing(sqlite3.connect(doomed.home / "state/modelhub.db")) as database:
        states = database.execute(
            "SELECT state FROM model_update WHERE to_version = ?", (version,)
        ).fetchall()
        assert (states, database.execute("SELECT count(*) FROM trial").fetchone()) == ([("trying",)], (0,))
    doomed.start_with()


def ask_until_all_have_sprung(doomed: Doomed, traps: list[Trap]) -> int:
    """How many requests were answered. Each trap springs once, and each death is followed by a start."""
    asked: dict[str, Any] = {
        "model": MODEL, "messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 16,
    }  # fmt: skip
    answered, limit = 0, time.monotonic() + 200
    doomed.stop()
    dead = doomed.home / "state/trials/dead/pending"
    dead.mkdir(parents=True)
    (dead / "1").write_bytes(b"of a trial that is over")
    doomed.start_with(*traps)
    until(dead.parent.exists, lambda there: not there)
    while not all(Path(trap["file"]).exists() for trap in traps):
        assert time.monotonic() < limit, [Path(trap["file"]).exists() for trap in traps]
        with contextlib.suppress(OSError):  # it may be dying of the last one
            answer = over_socket(doomed.socket, "POST", "/v1/chat/completions", json.dumps(asked).encode())
            assert answer.json["choices"][0]["message"]["content"] == SENTENCE
            answered += 1
        while paired(doomed) < answered:
            assert time.monotonic() < limit, "each that was answered comes to a pair"
            start_if_dead(doomed, traps, within_s=0.05)
        start_if_dead(doomed, traps, within_s=1)
    return answered


def start_if_dead(doomed: Doomed, traps: list[Trap], within_s: float) -> None:
    assert doomed.process is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        doomed.process.wait(within_s)
        doomed.start_with(*traps)


def paired(doomed: Doomed) -> int:
    """How many pairs there are; none while it is dead."""
    with contextlib.suppress(ClientError, OSError):
        return doomed.client.trials().items[0].counts.pairs
    return 0


def settled(doomed: Doomed, trial: str) -> Trial:
    """The trial once nothing waits; right after the start its spool is not open yet."""
    folder = doomed.home / "state/trials" / trial / "pending"
    limit = time.monotonic() + 60
    while True:
        found = doomed.client.trial(trial)
        waits = found.waits_for is not None and found.waits_for.code == "nothing_asked"
        if waits and not list(folder.iterdir()):
            return doomed.client.trial(trial)
        assert time.monotonic() < limit, found
        time.sleep(0.05)


def check_spool(doomed: Doomed, trial: Trial) -> None:
    kept = sorted(int(path.name) for path in (doomed.home / "state/trials" / trial.id / "kept").iterdir())
    pairs = doomed.client.trial_pairs(trial.id, content=True, limit=200).items
    assert kept == [pair.n for pair in pairs if pair.has_content] and len(kept) <= KEEP
    assert all(pair.content and pair.content.active == SENTENCE for pair in pairs if pair.has_content)


def promote_and_die(world: Trying, doomed: Doomed, trap: Trap, trial: str) -> None:
    """It is promoted, or nothing has happened."""
    doomed.stop()
    doomed.start_with(trap)
    with contextlib.suppress(ClientError):
        doomed.client.promote_trial(trial)
    assert Path(trap["file"]).exists(), f"the trap {trap['call']} was not sprung"
    doomed.dies()
    doomed.start_with()
    found, folder = doomed.client.trial(trial), doomed.home / "state/trials" / trial
    decided = [one.trial for one in doomed.client.trial_decisions().items]
    if found.state.value == "running":
        assert (world.means(MODEL), decided) == (1, [])
        assert folder.exists()
        return
    assert (found.state.value, world.means(MODEL), decided) == ("promoted", 2, [trial])
    assert not folder.exists(), "its key is gone with what it has sealed"
    doomed.client.roll_back(MODEL)
    assert world.means(MODEL) == 1
