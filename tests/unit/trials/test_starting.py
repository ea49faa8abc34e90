"""Which two may be tried, and what is said of them."""

from typing import Any

import pytest

from modelhubd.errors import Conflict
from modelhubd.trials.starting import Contender, notes, refuse
from modelhubd.trials.store import Stored
from modelhubd.wire.architecture import Architecture, ModelFacts, Vision
from modelhubd.wire.trials import TrialModel, TrialState
from tests.fakes import samples


def contender(
    id: str = "one", model: str = "acme/tiny", *, embeds: bool = False, ctx: int = 4096, **facts: Any
) -> Contender:
    told = ModelFacts(
        format="gguf", architecture=Architecture(context_length=ctx), weights_bytes=1, n_tensors=1, **facts
    )
    return Contender(artifact=samples.artifact(id, model=model), facts=told, embeds=embeds)


def trial(state: TrialState) -> Stored:
    model = TrialModel(library_id="x", model="acme/tiny", version=1, option="q")
    return Stored(
        id="t1", state=state, active=model, candidate=model, sample=1, when="idle", keep=0, max_pending=1,
        created_at="", changed_at="",
    )  # fmt: skip


def test_a_contender_is_told_as_it_was() -> None:
    told = contender("two", "acme/other").model
    assert (told.library_id, told.model, told.version, told.option) == ("two", "acme/other", 1, "gguf-f16")


RANKS = {"embeds": True, "ranks": True}


@pytest.mark.parametrize(
    ("active", "candidate", "code"),
    [
        (contender(), contender(), "same_artifact"), (contender(), contender("two"), None),
        (contender(embeds=True), contender("two"), "no_embeddings"),
        (contender(embeds=True), contender("two", **RANKS), "no_embeddings"),
        (contender(**RANKS), contender("two", embeds=True), "no_ranking"),
        (contender(), contender("two", embeds=True), "no_text"),
        (contender(**RANKS), contender("two", **RANKS), None),
    ],
)  # fmt: skip
def test_a_candidate_must_be_able_to_do_what_the_active_one_does(
    active: Contender, candidate: Contender, code: str | None
) -> None:
    if code is None:
        refuse(active, candidate, [])
        return
    with pytest.raises(Conflict) as refused:
        refuse(active, candidate, [])
    assert refused.value.code == code


def test_two_trials_on_one_model_are_refused_unless_the_first_is_over() -> None:
    two = contender(), contender("two")
    refuse(*two, [trial(TrialState.PROMOTED)])
    for state in (TrialState.RUNNING, TrialState.PAUSED):
        with pytest.raises(Conflict, match="t1") as refused:
            refuse(*two, [trial(state)])
        assert refused.value.code == "trial_exists"


def test_what_may_surprise_is_said() -> None:
    plain = contender(has_chat_template=True, chat_template="a")
    assert notes(plain, contender("two", has_chat_template=True, chat_template="a")) == ()
    for other, words in (
        (contender("two", has_chat_template=True, chat_template="b"), "another chat template"),
        (contender("two"), "no chat template"),
        (contender("two", has_chat_template=True, chat_template="a", ctx=512), "512 tokens at most"),
        (
            contender("two", has_chat_template=True, chat_template="a", thinks=True),
            "Only the candidate thinks",
        ),
        (contender("two", "acme/other", has_chat_template=True, chat_template="a"), "another model"),
    ):
        (said,) = notes(plain, other)
        assert words in said
    (said,) = notes(contender(embeds=True), contender("two", embeds=True))
    assert "do not mix" in said
    (said,) = notes(contender(vision=Vision()), contender("two"))
    assert "images" in said
    (said,) = notes(contender(thinks=True), contender("two"))
    assert "Only the active model thinks" in said
