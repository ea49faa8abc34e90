"""A real full disk under the state folder: an evaluation and a trial stop with the reason, people are
answered, and what was asked meanwhile is in the records once there is room."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import ProblemError
from modelhubd.wire.evaluations import EvaluationState
from modelhubd.wire.trials import Trial
from tests.contract.world import until
from tests.disks import Disk, disk_of
from tests.integration.evaluations.conftest import PARIS, ROME, SMALL, Lab, with_models
from tests.raw import over_socket
from tests.running import running_daemon

SIZE = 24 << 20
SEALED_S = 2.0
"""By then what is sampled is on the disk, or cannot be: it waits at most a second for a quiet moment."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """What the daemon's home has for its state; models are elsewhere."""
    (tmp_path / "home").mkdir()
    with disk_of("tmpfs", tmp_path / "home/state", SIZE) as found:
        yield found


def ask(lab: Lab) -> None:
    body = {"model": PARIS, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
    answer = over_socket(lab.daemon.socket, "POST", "/v1/chat/completions", json.dumps(body).encode())
    assert answer.status == 200, answer.body


def test_a_full_disk_stops_what_needs_it_and_nobody_else(disk: Disk, tmp_path: Path) -> None:
    with running_daemon(tmp_path / "home") as daemon:
        lab = with_models(daemon, tmp_path)
        lab.client.load(PARIS, SMALL)
        ask(lab)
        made = lab.made(400, models=[ROME])
        lab.until(made.id, lambda one: one.done > 3)
        trial = lab.client.start_trial(PARIS, ROME, when="parallel")
        filler = disk.fill()

        for _ in range(5):
            ask(lab)
        time.sleep(SEALED_S)
        with pytest.raises(ProblemError) as refused:
            lab.made(1)
        assert (refused.value.problem.status, refused.value.code) == (507, "disk_full")

        filler.unlink()
        failed = lab.ended(made.id)
        assert (failed.state, failed.error and failed.error.code) == (EvaluationState.FAILED, "disk_full")
        assert 3 < failed.done < 400
        assert failed.error is not None and "resume" in failed.error.detail

        def paused() -> Trial:
            return lab.client.trial(trial.id)

        stopped = until(paused, lambda one: one.state.value == "paused")
        assert stopped.reason is not None and stopped.reason.code == "spool_failed", stopped
        until(lambda: lab.client.records(model=PARIS).total, lambda total: total == 6)
        assert lab.client.records().gaps == (), "they waited and are all there"

        lab.client.resume_evaluation(made.id)
        further = lab.until(made.id, lambda one: one.done > failed.done + 2)
        assert further.error is None
        lab.client.cancel_evaluation(made.id)
        lab.client.resume_trial(trial.id)
        ask(lab)
        until(lambda: lab.client.trial(trial.id).counts.pairs, lambda pairs: pairs >= 1)
