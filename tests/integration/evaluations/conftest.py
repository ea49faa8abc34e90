"""A daemon with the built-in llama-server and two models that answer differently."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelhub_client import Client
from modelhubd.wire.evaluations import Evaluation, EvaluationState
from modelhubd.wire.servers import LoadSettings
from tests.fakes.tiny_gguf import write_chat
from tests.running import RunningDaemon, running_daemon

PARIS, ROME = "lab/paris", "lab/rome"
SMALL = LoadSettings(ctx=512, threads=1)
CANARY = "canary-5c1e"
CHECKS = """\
checks:
  right: {expected: normalised}
  short: {regex: "^.{0,40}$"}
  json: {json_schema: {type: object}}
"""


def lines(n: int) -> str:
    """A set of so many questions."""
    return "".join(
        json.dumps({"id": f"q{k}", "prompt": f"{CANARY} what is it, {k}?", "expected": "it is paris"}) + "\n"
        for k in range(n)
    )


@dataclass(frozen=True)
class Lab:
    daemon: RunningDaemon

    @property
    def client(self) -> Client:
        return self.daemon.client

    def have(self, model: str, file: Path) -> None:
        """Import a file as this model."""
        job = self.client.import_model(str(file), model=model)
        limit = time.monotonic() + 60
        while not (job := self.client.job(job.id)).state.ended:
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert job.error is None, job.error

    def made(self, n: int = 4, **rest: Any) -> Evaluation:
        """An evaluation of both models, just made."""
        wanted: dict[str, Any] = {"checks": CHECKS, "load": SMALL} | rest
        models = wanted.pop("models", [PARIS, ROME])
        return self.client.create_evaluation(lines(n), models, **wanted)

    def until(
        self, evaluation_id: str, holds: Callable[[Evaluation], bool], within_s: float = 60
    ) -> Evaluation:
        limit = time.monotonic() + within_s
        while not holds(found := self.client.evaluation(evaluation_id)):
            assert time.monotonic() < limit, found
            time.sleep(0.02)
        return found

    def ended(self, evaluation_id: str) -> Evaluation:
        return self.until(evaluation_id, lambda one: one.state.ended)

    def completed(self, n: int = 4, **rest: Any) -> Evaluation:
        found = self.ended(self.made(n, **rest).id)
        assert found.state is EvaluationState.COMPLETED, found.error
        return found


def with_models(daemon: RunningDaemon, folder: Path) -> Lab:
    """The lab of a daemon that has both models."""
    lab = Lab(daemon)
    for name, words in (
        (PARIS, ("It", " is", " Paris", ".")),
        (ROME, ("No", ":", " it", " is", " Rome", "!")),
    ):
        lab.have(name, write_chat(folder / f"{name.partition('/')[2]}.gguf", answer=words))
    return lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("evaluations")
    with running_daemon(folder / "home") as daemon:
        yield with_models(daemon, folder)
