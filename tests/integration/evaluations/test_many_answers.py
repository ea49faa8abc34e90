"""As many answers as an evaluation can have are read in slices, all of them and in order."""

from pathlib import Path

import pytest

from modelhubd.storage.database import Database
from modelhubd.trials.evaluations import store
from modelhubd.trials.evaluations.asking import Answer
from modelhubd.trials.evaluations.contents import Place
from modelhubd.trials.evaluations.store import Answered
from modelhubd.wire.evaluations import EvaluatedModel, Evaluation, EvaluationState, Sampling
from modelhubd.wire.servers import LoadSettings

QUESTIONS = 7


@pytest.mark.parametrize("slice_of", [1, 5, 7, 14, 200])
async def test_all_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_of: int) -> None:
    monkeypatch.setattr(store, "SLICE", slice_of)
    async with Database.open(tmp_path / "main.db") as database:
        async with database.transaction() as tx:
            for name in ("before", "one", "zulu"):
                await store.add(tx, _evaluation(name))
            made = [
                Answered(
                    model=model, question=question, build="1", answer=Answer(latency_s=1.0),
                    place=Place(question, 1, "d"),
                )
                for question in range(QUESTIONS) for model in range(2)
            ]  # fmt: skip
            for name in ("before", "one", "zulu"):
                for answered in made:
                    await store.add_answer(tx, name, answered, "2026-11-30T12:00:00.000Z")
        found = await store.answers(database.reader, "one")
    assert found == sorted(made, key=lambda one: (one.model, one.question))


def _evaluation(id: str) -> Evaluation:
    models = tuple(
        EvaluatedModel(asked=name, library_id=name, model=name, version=1, option="gguf", digest=None)
        for name in ("lab/a", "lab/b")
    )
    return Evaluation(
        id=id, name=None, state=EvaluationState.COMPLETED, models=models, questions=QUESTIONS, checks=(),
        seed=1, sampling=Sampling(), load=LoadSettings(), set_digest="d", checks_digest=None,
        created_at="2026-11-30T12:00:00.000Z",
    )  # fmt: skip
